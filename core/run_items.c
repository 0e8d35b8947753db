#include "run_items.h"
#include "facts.h"
#include "item_name.h"
#include "key.h"
#include "log.h"
#include "restore_notes.h"
#include "source_access.h"
#include "stream.h"

#include <stdlib.h>
#include <string.h>

#define TOLD_OF 10 /* objects that are left out are told one by one up to here */

int kist_run_items_are_objects(const struct kist_run_items *items)
{
    return (kist_source_features(items->pipeline->source) & KIST_SOURCE_OBJECTS) != 0;
}

void kist_run_items_leave_out(struct kist_run_items *items, const char *name, const char *why)
{
    if (items->left_out++ < TOLD_OF)
        kist_log(KIST_LOG_WARNING, items->source->where, "left out '%.200s'%s: %s", name,
                 strlen(name) > 200 ? "..." : "", why);
}

static int note_item(void *arg, const struct kist_item *given)
{
    struct kist_run_items *items = arg;
    /* Doubles at every power of two: a store may hold a million. */
    if ((items->count & (items->count - 1)) == 0) {
        size_t room = items->count ? 2 * items->count : 1;
        struct kist_run_item *larger = reallocarray(items->items, room, sizeof *larger);
        if (!larger)
            return KIST_ERR_FAILED;
        items->items = larger;
    }
    struct kist_run_item item = {.key = NULL};
    int code = kist_item_copy(given, &item.given);
    if (!code)
        items->items[items->count++] = item;
    return code;
}

static void item_done(struct kist_run_item *item)
{
    kist_item_copy_done(&item->given);
    kist_manifest_item_done(&item->entry);
    free(item->key);
}

/* ---- keys ---- */

static int no_memory(struct kist_error *err)
{
    return kist_fail(err, KIST_ERR_FAILED, "out of memory");
}

/* What the longest prefix of a destination leaves of a key's length. */
static size_t longest_key(const struct kist_config_pipeline *pipeline)
{
    size_t taken = 0;
    for (size_t i = 0; i < pipeline->destination_count; i++) {
        size_t prefix = strlen(pipeline->destinations[i]->prefix);
        if (prefix > 0 && prefix + 1 > taken)
            taken = prefix + 1;
    }
    return taken < KIST_KEY_MAX ? KIST_KEY_MAX - taken : 0;
}

static int make_key(const struct kist_run_items *items, const char *id, struct kist_run_item *item,
                    struct kist_error *err)
{
    char *name = NULL;
    int code = kist_item_name(items->pipeline, &item->given.item, id, &name, err);
    if (code)
        return code;
    item->key = kist_key_join(items->pipeline->name, id, name, NULL);
    free(name);
    if (!item->key)
        return no_memory(err);
    size_t length = strlen(item->key), longest = longest_key(items->pipeline);
    return length <= longest ? 0
                             : kist_fail(err, KIST_ERR_CONFIG,
                                         "its key would have %zu bytes, and %zu are the most", length, longest);
}

/* Takes an object off the list whose name or key cannot be kept; how others name their objects is not our mistake. */
static int judge_item(struct kist_run_items *items, struct kist_run_item *item, int failed, struct kist_error *err)
{
    KIST_CLEANUP_ERROR struct kist_error why = KIST_ERROR_INIT;
    if (!kist_run_items_are_objects(items))
        return failed;
    if (failed && failed != KIST_ERR_CONFIG)
        return failed;
    /* The name by itself must be sound too: a restore writes to it. */
    int unsound = kist_key_check(item->given.item.name, &why);
    if (!failed && !unsound)
        return 0;
    kist_run_items_leave_out(items, item->given.item.name, kist_error_text(unsound ? &why : err));
    kist_error_clear(err);
    item->gone = 1;
    return 0;
}

static int compare_keys(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static int fail_double(const struct kist_run_items *items, const char *key, struct kist_error *err)
{
    kist_fail(err, KIST_ERR_CONFIG, "two items of the backup would be stored as '%s'", key);
    if (kist_run_items_are_objects(items) && strcmp(key, items->notes_key) == 0)
        kist_hint(err, "kist writes a " KIST_NOTES_NAME " of its own: say name = {date}, and the objects lie in a "
                       "folder of that name");
    else if (kist_run_items_are_objects(items))
        kist_hint(err, "the store has listed an object twice");
    else
        kist_hint(err, "put {item} into `name =`, or leave it out");
    return KIST_ERR_CONFIG;
}

/* What has no key is told from the others by its name alone. */
static int check_names(const struct kist_run_items *items, struct kist_error *err)
{
    const char **sorted = items->held ? calloc(items->count + 1, sizeof *sorted) : NULL;
    if (!sorted)
        return items->held ? no_memory(err) : 0;
    for (size_t i = 0; i < items->count; i++)
        sorted[i] = items->items[i].given.item.name;
    qsort(sorted, items->count, sizeof *sorted, compare_keys);
    int code = 0;
    for (size_t i = 1; i < items->count && !code; i++)
        if (strcmp(sorted[i - 1], sorted[i]) == 0)
            code = kist_fail(err, KIST_ERR_FAILED, "%s: two items of the backup are called '%.200s'",
                             items->source->where, sorted[i]);
    free(sorted);
    return code;
}

/* Two items under one key would overwrite each other. */
static int check_unique(const struct kist_run_items *items, struct kist_error *err)
{
    char **sorted = calloc(items->key_count + 1, sizeof *sorted);
    if (!sorted)
        return no_memory(err);
    memcpy(sorted, items->keys, items->key_count * sizeof *sorted);
    qsort(sorted, items->key_count, sizeof *sorted, compare_keys);
    int code = 0;
    for (size_t i = 1; i < items->key_count && !code; i++)
        if (strcmp(sorted[i - 1], sorted[i]) == 0)
            code = fail_double(items, sorted[i], err);
    free(sorted);
    return code;
}

/* Drops the items that are not kept, and makes the list of the keys. */
static int collect_keys(struct kist_run_items *items, const char *id, struct kist_error *err)
{
    size_t count = 0;
    for (size_t i = 0; i < items->count; i++) {
        if (items->items[i].gone)
            item_done(&items->items[i]);
        else
            items->items[count++] = items->items[i];
    }
    items->count = count;
    items->notes_key = kist_key_join(items->pipeline->name, id, KIST_NOTES_NAME, NULL);
    items->keys = calloc(count + 1, sizeof *items->keys);
    if (!items->keys || !items->notes_key)
        return no_memory(err);
    for (size_t i = 0; i < count; i++)
        if (items->items[i].key)
            items->keys[items->key_count++] = items->items[i].key;
    items->keys[items->key_count++] = items->notes_key;
    return 0;
}

static int make_keys(struct kist_run_items *items, const char *id, struct kist_error *err)
{
    for (size_t i = 0; i < items->count; i++) {
        struct kist_run_item *item = &items->items[i];
        int held = kist_run_item_is_held(item);
        int code = held ? kist_run_reference_check(items, item, err)
                        : judge_item(items, item, make_key(items, id, item, err), err);
        if (code)
            return code;
        items->held += held ? 1 : 0;
    }
    if (items->left_out > TOLD_OF)
        kist_log(KIST_LOG_WARNING, items->source->where, "left out %zu objects in all, whose keys cannot be kept",
                 items->left_out);
    size_t given = items->count;
    int code = collect_keys(items, id, err);
    if (!code && items->count == 0 && given > 0)
        code = kist_fail(err, KIST_ERR_FAILED, "%s: none of the %zu objects has a key that can be kept",
                         items->source->where, given);
    if (!code)
        code = check_names(items, err);
    return code ? code : check_unique(items, err);
}

/* ---- open and close ---- */

int kist_run_source_open(const struct kist_config_pipeline *pipeline, const char *aim, struct kist_cancel *cancel,
                         struct kist_instance **ret_source, struct kist_error *err)
{
    struct kist_instance *source = NULL;
    int code = kist_source_open(pipeline->source, pipeline->name, cancel, &source, err);
    if (!code && aim)
        code = kist_instance_result(source, source->plugin->as.source.aim(source->self, aim, err), err);
    if (code)
        kist_instance_close(source);
    else
        *ret_source = source;
    return code;
}

static int open_filters(const struct kist_config_pipeline *pipeline, struct kist_cancel *cancel,
                        struct kist_run_items *items, struct kist_error *err)
{
    int code = 0;
    if (!items->filters && !(items->filters = calloc(pipeline->filter_count + 1, sizeof(struct kist_instance *))))
        code = no_memory(err);
    while (!code && items->filter_count < pipeline->filter_count) {
        code = kist_instance_open(pipeline->filters[items->filter_count], pipeline->name, cancel,
                                  &items->filters[items->filter_count], err);
        items->filter_count += code ? 0 : 1;
        if (!code)
            code = kist_stage_filter_check(items->filters[items->filter_count - 1], err);
    }
    return code;
}

/* Filters before the source is asked, so that a missing key costs nobody a dump; but where there may be nothing to filter,
 * after it. */
static int open_instances(const struct kist_config_pipeline *pipeline, struct kist_cancel *cancel,
                          struct kist_run_items *items, struct kist_error *err)
{
    int code = kist_run_source_open(pipeline, items->aim, cancel, &items->source, err);
    if (!code && !(kist_source_features(pipeline->source) & KIST_SOURCE_REFERENCES))
        code = open_filters(pipeline, cancel, items, err);
    return code;
}

static int ask_items(struct kist_run_items *items, struct kist_error *err)
{
    struct kist_instance *source = items->source;
    int code = kist_instance_result(source,
                                    source->plugin->as.source.backup_begin(source->self, items->backup, err), err);
    if (!code)
        code = kist_instance_result(source, source->plugin->as.source.items(source->self, note_item, items, err),
                                    err);
    /* A source of objects has its own word for an empty store, and may be told that it is right. */
    if (!code && items->count == 0 && !kist_run_items_are_objects(items))
        code = kist_fail(err, KIST_ERR_FAILED, "%s: the source has nothing to save", source->where);
    return code ? code : make_keys(items, items->backup->id, err);
}

int kist_run_items_open(const struct kist_config_pipeline *pipeline, const struct kist_backup *backup,
                        const char *aim, struct kist_cancel *cancel, struct kist_run_items *ret_items,
                        struct kist_error *err)
{
    struct kist_run_items items = {.pipeline = pipeline, .backup = backup, .aim = aim};
    int code = open_instances(pipeline, cancel, &items, err);
    if (!code)
        code = ask_items(&items, err);
    if (!code && items.held < items.count)
        code = open_filters(pipeline, cancel, &items, err);
    if (code)
        kist_run_items_close(&items);
    else
        *ret_items = items;
    return code;
}

void kist_run_items_close(struct kist_run_items *items)
{
    kist_instance_close(items->source);
    for (size_t i = 0; i < items->filter_count; i++)
        kist_instance_close(items->filters[i]);
    free(items->filters);
    for (size_t i = 0; i < items->count; i++)
        item_done(&items->items[i]);
    free(items->items);
    free(items->keys);
    free(items->notes_key);
    kist_manifest_done(&items->previous);
    *items = (struct kist_run_items){0};
}

/* ---- counts and facts ---- */

int kist_run_items_counts(struct kist_run_items *items, struct kist_counts *ret_counts, struct kist_error *err)
{
    const struct kist_source *source = &items->source->plugin->as.source;
    int code = kist_instance_result(items->source,
                                    source->counts(items->source->self, kist_counts_add, ret_counts, err), err);
    /* What is odd about a count says more than the source that was stopped for it. */
    if ((!code || ret_counts->failed) && (code = kist_counts_check(ret_counts, err)))
        kist_error_prefix(err, "%s", items->source->where);
    return code;
}

static int add_counts(const struct kist_run_items *items, json_t *facts, struct kist_error *err)
{
    const struct {
        const char *name;
        size_t count;
    } counts[] = {{"reused", items->reused}, {"vanished", items->vanished}, {"left_out", items->left_out}};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        if (json_object_set_new(facts, counts[i].name, json_integer((json_int_t)counts[i].count)))
            return no_memory(err);
    return 0;
}

int kist_run_items_facts(struct kist_run_items *items, json_t **ret_facts, struct kist_error *err)
{
    struct kist_facts_builder builder;
    json_t *facts = NULL;
    int code = kist_facts_init(&builder, err);
    if (!code)
        code = kist_instance_result(
            items->source, items->source->plugin->as.source.facts(items->source->self, &builder.facts, err), err);
    if (!code)
        code = kist_facts_take(&builder, &facts, err);
    kist_facts_done(&builder);
    if (!code && kist_run_items_are_objects(items))
        code = add_counts(items, facts, err);
    if (code)
        json_decref(facts);
    else
        *ret_facts = facts;
    return code;
}
