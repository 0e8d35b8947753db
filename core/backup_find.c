#include "listing.h"
#include "log.h"

#include <stdlib.h>
#include <string.h>

int kist_backup_name_parse(const struct kist_config *config, const char *text, struct kist_backup_name *ret_name,
                           struct kist_error *err)
{
    const char *slash = strchr(text, '/');
    size_t length = slash ? (size_t)(slash - text) : strlen(text);
    struct kist_backup_name name = {0};
    for (size_t i = 0; i < config->pipeline_count && !name.pipeline; i++) {
        const char *known = config->pipelines[i].name;
        if (strlen(known) == length && strncmp(known, text, length) == 0)
            name.pipeline = &config->pipelines[i];
    }
    if (!name.pipeline) {
        kist_fail(err, KIST_ERR_CONFIG, "there is no pipeline '%.*s'", (int)length, text);
        kist_hint(err, "`kist config show` lists the pipelines");
        return KIST_ERR_CONFIG;
    }
    if (slash && strcmp(slash + 1, "latest") != 0) {
        if (!kist_id_parse(slash + 1, NULL)) {
            kist_fail(err, KIST_ERR_CONFIG, "'%s' is no id of a backup", slash + 1);
            kist_hint(err, "ids look like 2026-11-21T02-00-00Z; `kist list %s` shows them", name.pipeline->name);
            return KIST_ERR_CONFIG;
        }
        memcpy(name.id, slash + 1, sizeof name.id);
    }
    *ret_name = name;
    return 0;
}

int kist_backup_names_check(const struct kist_config *config, char *const *texts, int count,
                            struct kist_error *err)
{
    struct kist_backup_name name;
    int code = 0;
    for (int i = 0; i < count && !code; i++)
        code = kist_backup_name_parse(config, texts[i], &name, err);
    return code;
}

static int not_found(const struct kist_backup_name *name, struct kist_error *err)
{
    if (name->id[0])
        kist_fail(err, KIST_ERR_NOT_FOUND, "there is no backup '%s/%s'", name->pipeline->name, name->id);
    else
        kist_fail(err, KIST_ERR_NOT_FOUND, "pipeline '%s' has no backup yet", name->pipeline->name);
    kist_hint(err, name->id[0] ? "`kist list %s` shows the backups" : "`kist run %s` makes one",
              name->pipeline->name);
    return KIST_ERR_NOT_FOUND;
}

/* ---- the ids of all destinations ---- */

struct ids {
    struct kist_catalog_id *items;
    size_t count;
};

static int add_ids(struct ids *ids, const struct kist_catalog *catalog, struct kist_error *err)
{
    struct kist_catalog_id *items =
        reallocarray(ids->items, ids->count + catalog->backup_count + 1, sizeof *items);
    if (!items)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory for the backups");
    ids->items = items;
    for (size_t i = 0; i < catalog->backup_count; i++)
        items[ids->count++] = catalog->backups[i];
    return 0;
}

static int newest_first(const void *left, const void *right)
{
    return -strcmp(((const struct kist_catalog_id *)left)->id, ((const struct kist_catalog_id *)right)->id);
}

static int ask_place(const struct kist_config_section *section, const struct kist_config_pipeline *pipeline,
                     struct kist_cancel *cancel, struct ids *ids, struct kist_error *err)
{
    struct kist_store *store = NULL;
    struct kist_catalog catalog = {0};
    int code = kist_store_open(section, pipeline->name, cancel, &store, err);
    if (!code)
        code = kist_catalog_read(store, pipeline->name, &catalog, err);
    if (!code)
        code = add_ids(ids, &catalog, err);
    kist_catalog_done(&catalog);
    kist_store_close(store);
    return code;
}

/* The ids that any destination has, newest first; one may come several times. Destinations that do not answer are told of. */
static int read_ids(const struct kist_backup_name *name, const char *destination, struct kist_cancel *cancel,
                    struct ids *ids, struct kist_error *err)
{
    const struct kist_config_pipeline *pipeline = name->pipeline;
    size_t answers = 0;
    for (size_t i = 0; i < pipeline->destination_count; i++) {
        if (destination && strcmp(destination, pipeline->destinations[i]->name) != 0)
            continue;
        if (err->code)
            kist_log_error(NULL, err);
        kist_error_clear(err);
        answers += ask_place(pipeline->destinations[i], pipeline, cancel, ids, err) ? 0 : 1;
    }
    if (answers && err->code) {
        kist_log_error(NULL, err);
        kist_error_clear(err);
    }
    if (ids->count)
        qsort(ids->items, ids->count, sizeof *ids->items, newest_first);
    return answers ? 0 : err->code;
}

/* ---- one backup ---- */

/* Tries one destination. */
static int try_place(const struct kist_config_section *section, const struct kist_config_pipeline *pipeline,
                     const char *id, struct kist_cancel *cancel, struct kist_found *ret_found,
                     struct kist_error *err)
{
    struct kist_store *store = NULL;
    int code = kist_store_open(section, pipeline->name, cancel, &store, err);
    if (!code)
        code = kist_catalog_load(store, pipeline, id, &ret_found->manifest, err);
    if (code)
        kist_store_close(store);
    else
        ret_found->store = store;
    return code;
}

/* The backup `id` on the first destination that has a good manifest of it. */
static int find(const struct kist_backup_name *name, const char *id, const char *destination,
                struct kist_cancel *cancel, struct kist_found *ret_found, struct kist_error *err)
{
    const struct kist_config_pipeline *pipeline = name->pipeline;
    struct kist_backup_name wanted = {.pipeline = pipeline};
    KIST_CLEANUP_ERROR struct kist_error worst = KIST_ERROR_INIT;
    memcpy(wanted.id, id, sizeof wanted.id);
    for (size_t i = 0; i < pipeline->destination_count; i++) {
        struct kist_found found = {0};
        if (destination && strcmp(destination, pipeline->destinations[i]->name) != 0)
            continue;
        int code = try_place(pipeline->destinations[i], pipeline, id, cancel, &found, err);
        if (!code) {
            if (worst.code)
                kist_log_at(KIST_LOG_WARNING, NULL, &worst);
            *ret_found = found;
            return 0;
        }
        /* A destination that lacks the backup says nothing against the others; anything else is worth telling. */
        if (code != KIST_ERR_NOT_FOUND && worst.code != KIST_ERR_CORRUPT)
            kist_error_move(&worst, err);
        kist_error_clear(err);
    }
    return worst.code ? kist_error_move(err, &worst) : not_found(&wanted, err);
}

static int nothing_left(const struct kist_backup_name *name, size_t expired, struct kist_error *err)
{
    if (!expired)
        return not_found(name, err);
    kist_fail(err, KIST_ERR_NOT_FOUND, "pipeline '%s' has no backup that can be restored: %s",
              name->pipeline->name, expired == 1 ? "the only one has expired" : "all have expired");
    kist_hint(err, "`kist run %s` makes one, `kist list %s` shows the others", name->pipeline->name,
              name->pipeline->name);
    return KIST_ERR_NOT_FOUND;
}

/* What was made for safety before a restore is never the latest, nor what has expired: then an older one is. */
static int find_latest(const struct kist_backup_name *name, const char *destination, struct kist_cancel *cancel,
                       struct kist_found *ret_found, struct kist_error *err)
{
    struct ids ids = {.items = NULL};
    size_t expired = 0;
    int is_found = 0;
    int code = read_ids(name, destination, cancel, &ids, err);
    for (size_t i = 0; i < ids.count && !code && !is_found; i++) {
        if (i > 0 && strcmp(ids.items[i].id, ids.items[i - 1].id) == 0)
            continue;
        code = find(name, ids.items[i].id, destination, cancel, ret_found, err);
        int lapsed = !code && kist_manifest_has_lapsed(&ret_found->manifest, kist_time_now() * 1000);
        is_found = !code && !lapsed && !kist_safety_is(&ret_found->manifest);
        if (!code && !is_found)
            kist_found_done(ret_found);
        expired += lapsed ? 1 : 0;
    }
    free(ids.items);
    if (is_found && expired)
        kist_log(KIST_LOG_INFO, name->pipeline->name, "%zu newer backup%s expired", expired,
                 expired == 1 ? " has" : "s have");
    return code || is_found ? code : nothing_left(name, expired, err);
}

static int check_destination(const struct kist_backup_name *name, const char *destination, struct kist_error *err)
{
    const struct kist_config_pipeline *pipeline = name->pipeline;
    for (size_t i = 0; i < pipeline->destination_count; i++)
        if (!destination || strcmp(destination, pipeline->destinations[i]->name) == 0)
            return 0;
    kist_fail(err, KIST_ERR_CONFIG, "pipeline '%s' has no destination '%s'", pipeline->name, destination);
    kist_hint(err, "`kist config show` lists the destinations of every pipeline");
    return KIST_ERR_CONFIG;
}

int kist_backup_find(const struct kist_backup_name *name, const char *destination, struct kist_cancel *cancel,
                     struct kist_found *ret_found, struct kist_error *err)
{
    int code = check_destination(name, destination, err);
    if (code)
        return code;
    return name->id[0] ? find(name, name->id, destination, cancel, ret_found, err)
                       : find_latest(name, destination, cancel, ret_found, err);
}

void kist_found_done(struct kist_found *found)
{
    kist_manifest_done(&found->manifest);
    kist_store_close(found->store);
    *found = (struct kist_found){0};
}
