#include "config_parse.h"
#include "config_store.h"
#include "config_time.h"
#include "instance.h"
#include "suggest.h"
#include "text.h"
#include "units.h"

#include <stdlib.h>
#include <string.h>

#define LIST_MAX 64 /* filters, destinations or notifiers of one pipeline */

struct wiring {
    struct kist_config_store *store;
    struct kist_bind_scope scope;
    struct kist_bound_pipeline *pipeline;
};

/* The places of one kind in a pipeline. */
struct slots {
    const struct kist_config_section **sections;
    size_t count;
};

static void report_reference(struct wiring *wiring, const struct kist_config_place *place, const char *type,
                             const char *name)
{
    struct kist_problem_list *problems = &wiring->store->problems;
    const char *meant = kist_ini_suggest(&wiring->store->ini, type, name);
    kist_problem_add(problems, place, "there is no [%s %s]", type, name);
    if (meant)
        kist_problem_hint(problems, "did you mean '%s'?", meant);
    else
        kist_problem_hint(problems, "add a section [%s %s]", type, name);
}

/* The section that a word of a pipeline names, or NULL after a report. */
static const struct kist_config_section *resolve(struct wiring *wiring, const struct kist_config_place *place,
                                                 const char *type, const char *name)
{
    const struct kist_ini_section *section = kist_ini_find(&wiring->store->ini, type, name);
    const struct kist_bound_section *bound = section ? section->bound : NULL;
    if (!section && strcmp(type, "filter") == 0)
        bound = kist_section_bare_filter(wiring->store, name, place);
    else if (!section)
        report_reference(wiring, place, type, name);
    return bound ? &bound->shown : NULL;
}

static int is_taken(const struct slots *slots, const struct kist_config_section *section)
{
    for (size_t i = 0; i < slots->count; i++)
        if (slots->sections[i] == section)
            return 1;
    return 0;
}

static struct slots resolve_list(struct wiring *wiring, const char *key, const char *type, const kist_list *list)
{
    struct kist_config_store *store = wiring->store;
    const struct kist_config_place place = kist_bind_place(&wiring->scope, key);
    struct slots slots = {.sections = NULL};
    if (list->count > LIST_MAX) {
        kist_problem_add(&store->problems, &place, "more than %d names", LIST_MAX);
        return slots;
    }
    slots.sections = kist_vault_alloc(&store->vault, (size_t)list->count + 1, sizeof *slots.sections);
    for (uint64_t i = 0; slots.sections && i < list->count; i++) {
        const struct kist_config_section *section = resolve(wiring, &place, type, list->items[i]);
        if (section && is_taken(&slots, section))
            kist_problem_add(&store->problems, &place, "'%s' is named twice", list->items[i]);
        else if (section)
            slots.sections[slots.count++] = section;
    }
    return slots;
}

/* What is encrypted looks random: a compressor behind it works for nothing. */
static void check_filters(struct wiring *wiring, const struct slots *filters)
{
    const struct kist_config_section *encrypting = NULL;
    for (size_t i = 0; i < filters->count; i++) {
        const struct kist_config_section *filter = filters->sections[i];
        if (!filter->plugin)
            continue;
        if (encrypting && (filter->plugin->features & KIST_FILTER_COMPRESSES)) {
            struct kist_config_place place = kist_bind_place(&wiring->scope, "filters");
            kist_problem_add(&wiring->store->problems, &place,
                             "'%s' compresses what '%s' has encrypted: nothing would "
                             "get smaller",
                             filter->name, encrypting->name);
            kist_problem_hint(&wiring->store->problems, "compress first: filters = %s, %s", filter->name,
                              encrypting->name);
        }
        if (filter->plugin->features & KIST_FILTER_ENCRYPTS)
            encrypting = filter;
    }
}

static int same_store(const struct kist_config_section *a, const struct kist_config_section *b)
{
    /* A section shown is the first member of what was bound. */
    const struct kist_bound_section *bound = (const struct kist_bound_section *)a;
    return a->plugin && a->plugin == b->plugin && a->prefix && b->prefix && strcmp(a->prefix, b->prefix) == 0 &&
           kist_bind_equal(&bound->table, a->config, b->config);
}

/* Two names for one store would collide at the first object. A store that keeps nothing may come twice. */
static void check_destinations(struct wiring *wiring, const struct slots *destinations)
{
    for (size_t i = 0; i < destinations->count; i++) {
        const struct kist_config_section *one = destinations->sections[i];
        if (one->plugin && (one->plugin->features & KIST_DESTINATION_DISCARDS))
            continue;
        for (size_t j = 0; j < i; j++) {
            if (!same_store(destinations->sections[j], one))
                continue;
            struct kist_config_place place = kist_bind_place(&wiring->scope, "destinations");
            kist_problem_add(&wiring->store->problems, &place, "'%s' and '%s' are the same store under two names",
                             destinations->sections[j]->name, one->name);
            kist_problem_hint(&wiring->store->problems, "give one of them a prefix of its own");
            break;
        }
    }
}

static int parse_require(struct wiring *wiring, const char *text, size_t destinations)
{
    struct kist_error err KIST_CLEANUP_ERROR = KIST_ERROR_INIT;
    const struct kist_config_place place = kist_bind_place(&wiring->scope, "require");
    int64_t number = 0;
    if (strcmp(text, "all") == 0)
        return KIST_REQUIRE_ALL;
    if (strcmp(text, "any") == 0)
        return 1;
    if (kist_integer_parse(text, &number, &err) || number < 1) {
        kist_problem_add(&wiring->store->problems, &place, "'%s' is neither all, any nor a number from 1", text);
    } else if (destinations > 0 && (uint64_t)number > destinations) {
        kist_problem_add(&wiring->store->problems, &place,
                         "%lld destinations are required, but the pipeline has %zu", (long long)number,
                         destinations);
    } else {
        return number > LIST_MAX ? LIST_MAX : (int)number;
    }
    return KIST_REQUIRE_ALL;
}

/* The words in braces must be known, and the result must be a file name. */
static int check_pattern(const char *pattern, struct kist_error *err)
{
    static const char *const words[] = {"pipeline", "id", "time", "date", "database", "item"};
    char word[32] = "";
    if (!*pattern || *pattern == '.' || *pattern == '-' || strchr(pattern, '/') || strchr(pattern, '\n'))
        return kist_fail(err, KIST_ERR_CONFIG, "'%s' is not a pattern for a file name", pattern);
    for (const char *at = strpbrk(pattern, "{}"); at; at = strpbrk(at, "{}")) {
        size_t size = strcspn(at + 1, "{}");
        if (at[0] == '}' || at[size + 1] != '}' || size == 0 || size >= sizeof word)
            return kist_fail(err, KIST_ERR_CONFIG, "the braces in '%s' do not match", pattern);
        memcpy(word, at + 1, size);
        word[size] = '\0';
        const char *meant = kist_suggest(word, words, sizeof words / sizeof *words);
        if (!meant || strcmp(meant, word) != 0) {
            kist_fail(err, KIST_ERR_CONFIG, "'{%s}' stands for nothing", word);
            kist_hint(err, "use {pipeline}, {id}, {time}, {date}, {database} or {item}");
            return KIST_ERR_CONFIG;
        }
        at += size + 2;
    }
    return 0;
}

static void check_name(struct wiring *wiring, const char *pattern)
{
    struct kist_error err KIST_CLEANUP_ERROR = KIST_ERROR_INIT;
    if (pattern && check_pattern(pattern, &err)) {
        struct kist_config_place place = kist_bind_place(&wiring->scope, "name");
        kist_problem_add_error(&wiring->store->problems, &place, &err);
    }
}

/* 1 when one of the folders lies in the other. */
static int overlap(const char *a, const char *b)
{
    size_t left = strlen(a), right = strlen(b), common = left < right ? left : right;
    const char *longer = left < right ? b : a;
    return strncmp(a, b, common) == 0 && (common == 0 || longer[common] == '\0' || longer[common] == '/');
}

/* A source must not read what the pipeline writes: each backup would hold all those before it. */
static void check_store(struct wiring *wiring, const struct kist_config_section *read)
{
    const struct kist_config_pipeline *shown = &wiring->pipeline->shown;
    const struct kist_bound_section *bound = (const struct kist_bound_section *)read;
    for (size_t i = 0; i < shown->destination_count; i++) {
        const struct kist_config_section *written = shown->destinations[i];
        if (!read->plugin || read->plugin != written->plugin || !overlap(read->prefix, written->prefix) ||
            !kist_bind_equal(&bound->table, read->config, written->config))
            continue;
        struct kist_config_place place = kist_bind_place(&wiring->scope, "destinations");
        kist_problem_add(&wiring->store->problems, &place, "'%s' lies in '%s', which the source '%s' reads",
                         written->name, read->name, shown->source->name);
        kist_problem_hint(&wiring->store->problems,
                          "give both sections a prefix of their own, or use another store");
    }
}

static void check_stores(struct wiring *wiring)
{
    const struct kist_config_section *source = wiring->pipeline->shown.source;
    const struct kist_bound_section *bound = (const struct kist_bound_section *)source;
    for (size_t i = 0; i < bound->table.count; i++) {
        const struct kist_option *option = &bound->table.rows[i];
        if (option->type != KIST_TYPE_STORE || !kist_option_is_sound(option, bound->table.size))
            continue;
        const char *name =
            ((const kist_store_ref *)(const void *)((const char *)source->config + option->offset))->name;
        const struct kist_ini_section *named =
            name ? kist_ini_find(&wiring->store->ini, "destination", name) : NULL;
        const struct kist_bound_section *store = named ? named->bound : NULL;
        if (store)
            check_store(wiring, &store->shown);
    }
}

/* ---- how it is proved ---- */

static void report_value(struct wiring *wiring, const char *key, const char *value, const char *example)
{
    struct kist_config_place place = kist_bind_place(&wiring->scope, key);
    kist_problem_add(&wiring->store->problems, &place, "'%s' is not understood", value);
    kist_problem_hint(&wiring->store->problems, "write %s = %s", key, example);
}

/* "7d drill" */
static void parse_verify_every(struct wiring *wiring, const char *text)
{
    static const char *const levels[] = {"size", "hash", "decode", "drill"};
    struct kist_config_pipeline *shown = &wiring->pipeline->shown;
    struct kist_error err KIST_CLEANUP_ERROR = KIST_ERROR_INIT;
    size_t length = strcspn(text, " \t");
    const char *level = text + length + strspn(text + length, " \t");
    char *rhythm = strndup(text, length);
    int sound =
        rhythm && !kist_duration_parse(rhythm, &shown->verify_every_ms, &err) && shown->verify_every_ms > 0;
    free(rhythm);
    for (size_t i = 0; sound && i < sizeof levels / sizeof *levels; i++)
        if (strcmp(levels[i], level) == 0)
            shown->verify_every = (enum kist_verify_level)(KIST_VERIFY_SIZE + i);
    if (!shown->verify_every)
        report_value(wiring, "verify_every", text, "7d drill");
}

#define SIGN_KEY_MIN 16 /* characters; a shorter one can be guessed */

static void choose_sign_key(struct wiring *wiring)
{
    const kist_secret *own = &wiring->pipeline->keys.sign_key, *common = &wiring->store->keys.sign_key;
    const char *key = own->reveal ? own->reveal : common->reveal;
    if (key && strlen(key) < SIGN_KEY_MIN) {
        struct kist_config_place place = kist_bind_place(&wiring->scope, "sign_key");
        kist_problem_add(&wiring->store->problems, &place, "it is shorter than %d characters", SIGN_KEY_MIN);
        kist_problem_hint(&wiring->store->problems, "`openssl rand -hex 32` makes a good one");
    }
    wiring->pipeline->shown.sign_key = key;
}

static void wire_proof(struct wiring *wiring)
{
    const struct kist_pipeline_keys *keys = &wiring->pipeline->keys;
    struct kist_config_pipeline *shown = &wiring->pipeline->shown;
    shown->verify = keys->verify.index > 0 ? (enum kist_verify_level)keys->verify.index : KIST_VERIFY_NONE;
    shown->critical_tables = &keys->critical_tables;
    shown->min_size = keys->min_size.bytes;
    if (keys->verify_every && *keys->verify_every)
        parse_verify_every(wiring, keys->verify_every);
    if (keys->max_shrink && *keys->max_shrink)
        kist_config_percent(&wiring->scope, "max_shrink", keys->max_shrink, &shown->max_shrink);
    choose_sign_key(wiring);
}

/* One that no drill could ever follow would be told of by every run. */
static void check_drills(struct wiring *wiring, const char *key, enum kist_verify_level level)
{
    const struct kist_plugin *plugin = wiring->pipeline->shown.source->plugin;
    if (level != KIST_VERIFY_DRILL || (kist_source_features(wiring->pipeline->shown.source) & KIST_SOURCE_DRILLS))
        return;
    struct kist_config_place place = kist_bind_place(&wiring->scope, key);
    if (plugin->features & KIST_SOURCE_DRILLS)
        kist_problem_add(&wiring->store->problems, &place,
                         "[source %s], as it is configured, has no scratch place to drill in",
                         wiring->pipeline->shown.source->name);
    else
        kist_problem_add(&wiring->store->problems, &place,
                         "the source plugin '%s' has no scratch place to drill in", plugin->name);
    kist_problem_hint(&wiring->store->problems, "decode proves all that can be proved without one");
}

/* What only makes sense, or makes none, with this source. */
static void check_source(struct wiring *wiring)
{
    const struct kist_config_pipeline *shown = &wiring->pipeline->shown;
    if (!shown->source || !shown->source->plugin || !shown->source->config)
        return;
    check_stores(wiring);
    check_drills(wiring, "verify", shown->verify);
    check_drills(wiring, "verify_every", shown->verify_every);
    if ((kist_source_features(shown->source) & KIST_SOURCE_OBJECTS) && shown->item_name &&
        (strstr(shown->item_name, "{item}") || strstr(shown->item_name, "{database}"))) {
        struct kist_config_place place = kist_bind_place(&wiring->scope, "name");
        kist_problem_add(&wiring->store->problems, &place,
                         "'%s' names each item, but for objects it is the folder that all of them lie in",
                         shown->item_name);
        kist_problem_hint(&wiring->store->problems, "leave it out, or use {date}, {time}, {id} or {pipeline}");
    }
}

static void wire(struct wiring *wiring)
{
    const struct kist_pipeline_keys *keys = &wiring->pipeline->keys;
    struct kist_config_pipeline *shown = &wiring->pipeline->shown;
    const struct kist_config_place place = kist_bind_place(&wiring->scope, "source");
    if (keys->source && *keys->source)
        shown->source = resolve(wiring, &place, "source", keys->source);
    struct slots filters = resolve_list(wiring, "filters", "filter", &keys->filters);
    struct slots destinations = resolve_list(wiring, "destinations", "destination", &keys->destinations);
    struct slots notifiers = resolve_list(wiring, "notify", "notifier", &keys->notify);
    check_filters(wiring, &filters);
    check_destinations(wiring, &destinations);
    check_name(wiring, keys->name);
    shown->filters = filters.sections;
    shown->filter_count = filters.count;
    shown->destinations = destinations.sections;
    shown->destination_count = destinations.count;
    shown->notifiers = notifiers.sections;
    shown->notifier_count = notifiers.count;
    shown->item_name = keys->name;
    kist_config_wire_time(&wiring->scope, keys, shown);
    shown->parallel = (size_t)keys->parallel;
    shown->reuse = keys->reuse.on != 0;
    wire_proof(wiring);
    check_source(wiring);
    if (keys->require)
        shown->require = parse_require(wiring, keys->require, (size_t)keys->destinations.count);
}

void kist_pipeline_bind(struct kist_config_store *store, struct kist_ini_section *section,
                        struct kist_bound_pipeline *pipeline)
{
    const struct kist_option_table table = kist_config_keys(section->type);
    struct wiring wiring = {.store = store, .pipeline = pipeline};
    wiring.scope = (struct kist_bind_scope){.vault = &store->vault,
                                            .problems = &store->problems,
                                            .section = section,
                                            .place = kist_ini_place(section, NULL)};
    pipeline->shown = (struct kist_config_pipeline){
        .name = section->name, .require = KIST_REQUIRE_ALL, .file = section->file->path, .line = section->line};
    section->bound = pipeline;
    kist_bind(&wiring.scope, &table, &pipeline->keys);
    kist_bind_report_unknown(&wiring.scope, &table, 1);
    if (!store->vault.failed)
        wire(&wiring);
}
