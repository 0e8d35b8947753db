#include "filter_settings.h"
#include "log.h"
#include "marks.h"
#include "run_items.h"

#include <stdlib.h>
#include <string.h>

/* An item that might stay where it is, on every destination. */
struct candidate {
    struct kist_run_item *item;
    const struct kist_manifest_item *old;
    size_t folder; /* length of the folder of the backup that wrote it */
    size_t seen;   /* on how many destinations its object is there */
};

struct search {
    struct kist_run_items *items;
    struct kist_targets *targets;
    struct candidate *candidates; /* by key */
    size_t count;
};

/* ---- which backup ---- */

/* Destinations that keep what they are given and are still in the run. */
static int counts(const struct kist_target *target)
{
    return !target->err.code && target->store && !kist_store_discards(target->store);
}

static int is_everywhere(const struct kist_targets *targets, const char *id)
{
    for (size_t i = 0; i < targets->count; i++)
        if (counts(&targets->items[i]) && !kist_catalog_has(&targets->items[i].catalog, id))
            return 0;
    return 1;
}

/* The newest backup that all of them have; NULL when there is none. */
static const char *newest_common(const struct kist_targets *targets)
{
    for (size_t i = 0; i < targets->count; i++) {
        const struct kist_catalog *catalog = &targets->items[i].catalog;
        if (!counts(&targets->items[i]))
            continue;
        for (size_t k = catalog->backup_count; k-- > 0;)
            if (is_everywhere(targets, catalog->backups[k].id))
                return catalog->backups[k].id;
        return NULL;
    }
    return NULL;
}

/* Whether a proof of it has failed somewhere: what it holds must not become part of a backup that looks sound. */
static int is_bad(const struct kist_targets *targets, const char *id)
{
    for (size_t i = 0; i < targets->count; i++)
        if (counts(&targets->items[i]) && kist_mark_is_bad(kist_mark_verdict(&targets->items[i].catalog, id)))
            return 1;
    return 0;
}

/* Its manifest from the first destination that can give it. Without one all is saved anew, which is never wrong. */
static void load_previous(struct search *search, const char *id)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct kist_run_items *items = search->items;
    for (size_t i = 0; i < search->targets->count; i++) {
        const struct kist_target *target = &search->targets->items[i];
        if (!counts(target))
            continue;
        if (!kist_catalog_load(target->store, items->pipeline, id, &items->previous, &err))
            return;
        kist_log(KIST_LOG_WARNING, NULL, "nothing is reused of the backup before this one: %s",
                 kist_error_text(&err));
        if (err.code == KIST_ERR_CANCELLED)
            return;
    }
}

/* ---- which items ---- */

static int compare_names(const void *left, const void *right)
{
    const struct kist_manifest_item *const *a = left, *const *b = right;
    return strcmp((*a)->name, (*b)->name);
}

static int compare_candidates(const void *left, const void *right)
{
    const struct candidate *a = left, *b = right;
    return strcmp(a->old->key, b->old->key);
}

/* Settings that cannot be told are taken for others: then it is saved anew, which is never wrong. */
static int same_filters(const struct kist_run_items *items, const struct kist_manifest_item *old)
{
    int same = old->filter_count == items->filter_count;
    for (size_t i = 0; same && i < old->filter_count; i++) {
        KIST_CLEANUP_ERROR struct kist_error ignored = KIST_ERROR_INIT;
        const struct kist_plugin *plugin = items->filters[i]->plugin;
        char settings[KIST_SETTINGS_LENGTH + 1] = "";
        same = strcmp(old->filters[i].plugin, plugin->name) == 0 &&
               strcmp(old->filters[i].version, plugin->about.version) == 0 &&
               !kist_filter_settings(items->filters[i], settings, &ignored) &&
               strcmp(old->filters[i].settings ? old->filters[i].settings : "", settings) == 0;
    }
    return same;
}

/* Length of "<pipeline>/<id>"; 0 when the key lies in no backup's folder, or that backup is known to be bad. */
static size_t folder_of(const struct search *search, const char *key)
{
    const struct kist_config_pipeline *pipeline = search->items->pipeline;
    char id[KIST_ID_LENGTH + 1];
    size_t start = strlen(pipeline->name) + 1;
    if (strlen(key) <= start + KIST_ID_LENGTH || key[start + KIST_ID_LENGTH] != '/')
        return 0;
    memcpy(id, key + start, KIST_ID_LENGTH);
    id[KIST_ID_LENGTH] = '\0';
    return kist_id_parse(id, NULL) && !is_bad(search->targets, id) ? start + KIST_ID_LENGTH : 0;
}

static void consider(struct search *search, struct kist_run_item *item, const struct kist_manifest_item *old)
{
    const char *version = item->given.item.version;
    /* What a provider holds is made anew for each backup. */
    if (kist_run_item_is_held(item) || old->reference)
        return;
    size_t folder = folder_of(search, old->key);
    if (version && old->version && strcmp(version, old->version) == 0 && folder &&
        same_filters(search->items, old))
        search->candidates[search->count++] = (struct candidate){.item = item, .old = old, .folder = folder};
}

static int find_candidates(struct search *search, struct kist_error *err)
{
    struct kist_run_items *items = search->items;
    size_t count = items->previous.item_count;
    const struct kist_manifest_item **by_name = calloc(count + 1, sizeof *by_name);
    search->candidates = calloc(items->count + 1, sizeof *search->candidates);
    if (!by_name || !search->candidates) {
        free(by_name);
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    }
    for (size_t i = 0; i < count; i++)
        by_name[i] = &items->previous.items[i];
    qsort(by_name, count, sizeof *by_name, compare_names);
    for (size_t i = 0; i < items->count; i++) {
        const struct kist_manifest_item wanted = {.name = (char *)(uintptr_t)items->items[i].given.item.name};
        const struct kist_manifest_item *key = &wanted,
                                        **found = bsearch(&key, by_name, count, sizeof *by_name, compare_names);
        if (found)
            consider(search, &items->items[i], *found);
    }
    free(by_name);
    qsort(search->candidates, search->count, sizeof *search->candidates, compare_candidates);
    return 0;
}

/* ---- are they there? ---- */

/* One listing tells of a thousand objects what a request each would tell. */
static int note_there(void *arg, const struct kist_object *object)
{
    struct search *search = arg;
    const struct kist_manifest_item wanted = {.key = (char *)(uintptr_t)object->key};
    const struct candidate key = {.old = &wanted};
    struct candidate *found =
        bsearch(&key, search->candidates, search->count, sizeof *search->candidates, compare_candidates);
    if (found && object->size >= 0 && (uint64_t)object->size == found->old->stored.size)
        found->seen++;
    return 0;
}

/* Lists every folder that a candidate lies in, once. They are sorted, so those of one folder stand together. */
static int look_on(struct kist_target *target, void *arg, struct kist_error *err)
{
    struct search *search = arg;
    int code = 0;
    for (size_t i = 0, next = 0; i < search->count && !code; i = next) {
        const struct candidate *first = &search->candidates[i];
        while (next < search->count && search->candidates[next].folder == first->folder &&
               strncmp(search->candidates[next].old->key, first->old->key, first->folder) == 0)
            next++;
        char *folder = strndup(first->old->key, first->folder);
        code = folder ? kist_store_list(target->store, folder, note_there, search, err)
                      : kist_fail(err, KIST_ERR_FAILED, "out of memory");
        free(folder);
    }
    return code;
}

/* One destination after the other, since they count in the same candidates. One that fails is out of the run as in any
 * other step, and what it has counted is of no use. */
static int look_everywhere(struct search *search, size_t *ret_places, struct kist_error *err)
{
    struct kist_targets *targets = search->targets;
    for (size_t i = 0; i < targets->count; i++) {
        struct kist_targets one = *targets;
        if (!counts(&targets->items[i]))
            continue;
        one.items = &targets->items[i];
        one.count = 1;
        one.need = 0;
        int code = kist_targets_step(&one, look_on, search, err);
        if (code)
            return code;
        *ret_places += 1;
        if (targets->items[i].err.code)
            search->count = 0;
    }
    return 0;
}

static void take(struct search *search, size_t places)
{
    struct kist_run_items *items = search->items;
    for (size_t i = 0; i < search->count; i++)
        if (places > 0 && search->candidates[i].seen == places) {
            search->candidates[i].item->reused = search->candidates[i].old;
            items->reused++;
        }
    items->key_count = 0;
    for (size_t i = 0; i < items->count; i++)
        if (!items->items[i].reused && items->items[i].key)
            items->keys[items->key_count++] = items->items[i].key;
    items->keys[items->key_count++] = items->notes_key;
}

/* Whether the source can tell at all what has changed. */
static int has_versions(const struct kist_run_items *items)
{
    for (size_t i = 0; i < items->count; i++)
        if (items->items[i].given.item.version && !kist_run_item_is_held(&items->items[i]))
            return 1;
    return 0;
}

int kist_run_items_reuse(struct kist_run_items *items, struct kist_targets *targets, struct kist_error *err)
{
    struct search search = {.items = items, .targets = targets};
    const char *id = items->pipeline->reuse ? newest_common(targets) : NULL;
    size_t places = 0;
    if (!id || !has_versions(items))
        return 0;
    if (is_bad(targets, id)) {
        kist_log(KIST_LOG_INFO, items->pipeline->name, "%s was found bad: nothing of it is reused", id);
        return 0;
    }
    load_previous(&search, id);
    if (!items->previous.pipeline)
        return 0;
    int code = 0;
    if (strcmp(items->previous.source_plugin, items->pipeline->source->plugin->name) == 0)
        code = find_candidates(&search, err);
    if (!code)
        code = look_everywhere(&search, &places, err);
    if (!code) {
        take(&search, places);
        if (items->reused)
            kist_log(KIST_LOG_INFO, items->pipeline->name, "%zu of %zu objects have not changed since %s",
                     items->reused, items->count, id);
    }
    free(search.candidates);
    return code;
}
