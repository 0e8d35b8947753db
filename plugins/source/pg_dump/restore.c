#include "restore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* restore.c - the callbacks of a restore as a whole; writer.c has those of an item. */

static void restore_free(struct pgd_restore *restore)
{
    if (!restore->check_only)
        pgd_target_done(&restore->target);
    pgd_strings_done(&restore->tables);
    pgd_strings_done(&restore->schemas);
    pgd_strings_done(&restore->missing_extensions);
    free(restore->role);
    free(restore->work_dir);
    free(restore);
}

static int keep_text(const char *text, char **ret_text)
{
    if (text && *text && !(*ret_text = strdup(text)))
        return -1;
    return 0;
}

static int keep_wanted(struct pgd_restore *restore, const struct kist_restore *wanted)
{
    for (size_t i = 0; wanted->tables && wanted->tables[i]; i++)
        pgd_strings_add(&restore->tables, "%s", wanted->tables[i]);
    for (size_t i = 0; wanted->schemas && wanted->schemas[i]; i++)
        pgd_strings_add(&restore->schemas, "%s", wanted->schemas[i]);
    restore->flags = wanted->flags;
    restore->jobs = wanted->jobs;
    return restore->tables.failed || restore->schemas.failed || keep_text(wanted->role, &restore->role) != 0 ||
                   keep_text(wanted->work_dir, &restore->work_dir) != 0
               ? -1
               : 0;
}

static int check_wanted(const struct kist_host *host, const struct kist_restore *wanted, struct kist_error *err)
{
    if ((wanted->flags & KIST_RESTORE_SCHEMA_ONLY) && (wanted->flags & KIST_RESTORE_DATA_ONLY))
        return host->fail(host, err, KIST_ERR_CONFIG, "definitions only and data only leave nothing to restore");
    if ((wanted->flags & KIST_RESTORE_CLEAN) && (wanted->flags & KIST_RESTORE_DATA_ONLY))
        return host->fail(host, err, KIST_ERR_UNSUPPORTED,
                          "data alone only fill empty tables, they replace nothing");
    if (wanted->jobs > 1 && !wanted->work_dir && wanted->mode == KIST_RESTORE_APPLY)
        return host->fail(host, err, KIST_ERR_BUG, "several jobs need a work_dir");
    return 0;
}

/* Old programs are refused before the target is looked at. */
static int check_tools(const struct pgd_restore *restore, const struct kist_restore *wanted,
                       struct kist_error *err)
{
    const struct kist_host *host = restore->host;
    int plain = wanted->item_count > 0, other = wanted->item_count == 0, code = 0;
    for (uint64_t i = 0; i < wanted->item_count; i++) {
        int is_plain = wanted->items[i].format && strcmp(wanted->items[i].format, "plain") == 0;
        plain &= is_plain;
        other |= !is_plain;
    }
    const char *const names[] = {other ? "pg_restore" : NULL,
                                 plain || (wanted->flags & KIST_RESTORE_CLEAN) ? "psql" : NULL};
    for (size_t i = 0; !code && i < 2; i++) {
        struct pgd_tool tool = {0};
        if (!names[i])
            continue;
        code = pgd_tool_find(host, names[i], restore->source->config->pg_dump, 0, &tool, err);
        if (!code && !(wanted->flags & KIST_RESTORE_OLD_CLIENT))
            code = pgd_floor_check(host, names[i], &tool, err);
        pgd_tool_done(&tool);
    }
    return code;
}

int pgd_restore_begin(void *self, const struct kist_restore *given, void **ret_restore, struct kist_error *err)
{
    const struct pgd_source *source = self;
    const struct kist_host *host = source->host;
    struct kist_restore wanted = {0}; /* an older core does not know all of it */
    struct pgd_restore *restore = calloc(1, sizeof *restore);
    if (!restore)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    memcpy(&wanted, given, given->struct_size < sizeof wanted ? given->struct_size : sizeof wanted);
    restore->source = source;
    restore->host = host;
    restore->check_only = wanted.mode == KIST_RESTORE_CHECK;
    int code = keep_wanted(restore, &wanted) != 0 ? host->fail(host, err, KIST_ERR_FAILED, "out of memory") : 0;
    if (!code && !restore->check_only) {
        code = check_wanted(host, &wanted, err);
        if (!code)
            code = check_tools(restore, &wanted, err);
        if (!code)
            code = pgd_target_prepare(source, &wanted, &restore->target, err);
    }
    if (code)
        restore_free(restore);
    else
        *ret_restore = restore;
    return code;
}

void pgd_restore_end(void *self)
{
    struct pgd_restore *restore = self;
    int whole = restore->begun > 0 && restore->committed == restore->begun && !restore->judged_bad;
    if (!restore->check_only && whole)
        pgd_target_keep(&restore->target);
    else if (!restore->check_only)
        pgd_target_drop(&restore->target);
    restore_free(restore);
}

/* ---- for the counts ---- */

const struct kist_host *pgd_restore_host(void *self)
{
    const struct pgd_restore *restore = self;
    return restore->host;
}

const struct pgd_params *pgd_restore_params(void *self)
{
    const struct pgd_restore *restore = self;
    return &restore->target.result;
}

int pgd_restore_is_drill(void *self)
{
    const struct pgd_restore *restore = self;
    return (restore->flags & KIST_RESTORE_DRILL) != 0;
}

const char *const *pgd_restore_missing_extensions(void *self)
{
    static const char *const none[] = {NULL};
    const struct pgd_restore *restore = self;
    return restore->missing_extensions.items ? (const char *const *)restore->missing_extensions.items : none;
}

void pgd_restore_judged(void *self, int code)
{
    struct pgd_restore *restore = self;
    restore->judged_bad |= code != 0;
}

void pgd_restore_reject(void *self)
{
    pgd_restore_judged(self, KIST_ERR_CORRUPT);
}
