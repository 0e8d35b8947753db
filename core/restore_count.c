#include "log.h"
#include "restore_job.h"

#include <stdlib.h>
#include <string.h>

/* Takes one part of a name as a person writes it off `text`: up to a dot, quoted or not. Returns what is left, NULL at the
 * end. `ret_part` has room for all of `text`. */
static const char *take_part(const char *text, char *ret_part)
{
    int quoted = 0;
    for (; *text && (quoted || *text != '.'); text++) {
        if (*text != '"')
            *ret_part++ = *text;
        else if (quoted && text[1] == '"')
            *ret_part++ = *text++;
        else
            quoted = !quoted;
    }
    *ret_part = '\0';
    return *text == '.' ? text + 1 : NULL;
}

struct name {
    char *memory, *schema, *table; /* schema NULL: none was said */
};

static int parse_name(const char *text, struct name *ret_name)
{
    size_t room = strlen(text) + 1;
    struct name name = {.memory = calloc(2, room)};
    if (!name.memory)
        return -1;
    name.table = name.memory;
    const char *rest = take_part(text, name.table);
    if (rest) {
        name.schema = name.table;
        name.table = name.memory + room;
        (void)take_part(rest, name.table);
    }
    *ret_name = name;
    return 0;
}

static int fits_table(const struct name *counted, const char *wanted)
{
    struct name name;
    if (parse_name(wanted, &name) != 0)
        return 0;
    int fits = strcmp(name.table, counted->table) == 0 &&
               (!name.schema || (counted->schema && strcmp(name.schema, counted->schema) == 0));
    free(name.memory);
    return fits;
}

static int fits_schema(const struct name *counted, const char *wanted)
{
    struct name name;
    if (parse_name(wanted, &name) != 0)
        return 0;
    int fits = !name.schema && counted->schema && strcmp(name.table, counted->schema) == 0;
    free(name.memory);
    return fits;
}

static int fits_any(const struct name *counted, const char *const *wanted,
                    int (*fits)(const struct name *counted, const char *wanted))
{
    for (size_t i = 0; wanted && wanted[i]; i++)
        if (fits(counted, wanted[i]))
            return 1;
    return !wanted || !wanted[0];
}

int kist_restore_is_counted(const struct kist_restore_options *options, const struct kist_count *count)
{
    int some_tables = options->tables && options->tables[0],
        some_schemas = options->schemas && options->schemas[0];
    struct name name;
    if (options->flags & KIST_RESTORE_SCHEMA_ONLY)
        return 0;
    if (!some_tables && !some_schemas)
        return 1;
    if (strcmp(count->kind, "table") != 0 && (some_tables || strcmp(count->kind, "sequence") != 0))
        return 0;
    if (parse_name(count->name, &name) != 0)
        return 0;
    int fits = fits_any(&name, options->tables, fits_table) && fits_any(&name, options->schemas, fits_schema);
    free(name.memory);
    return fits;
}

/* The counts that are asked for, borrowed, in a new array. */
static int select_counts(const struct kist_restore_job *job, struct kist_counts *ret_counts,
                         struct kist_error *err)
{
    const struct kist_counts *saved = &job->found->manifest.counts;
    struct kist_counts wanted = {.items = calloc(saved->count + 1, sizeof *wanted.items)};
    if (!wanted.items)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    for (size_t i = 0; i < saved->count; i++)
        if (kist_restore_is_counted(job->options, &saved->items[i]))
            wanted.items[wanted.count++] = saved->items[i];
    *ret_counts = wanted;
    return 0;
}

static int count_again(struct kist_restore_job *job, void *restore, const struct kist_counts *wanted,
                       struct kist_counts *found, struct kist_error *err)
{
    const struct kist_source *source = &job->source->plugin->as.source;
    int code = kist_instance_result(
        job->source, source->restored_counts(restore, wanted->items, wanted->count, kist_counts_add, found, err),
        err);
    if ((!code || found->failed) && (code = kist_counts_check(found, err)))
        kist_error_prefix(err, "%s", job->source->where);
    return code;
}

/* A source that counts at a backup, and cannot count what was restored, has nothing to compare. */
static int can_count(const struct kist_restore_job *job)
{
    return (kist_source_features(job->source->section) & (KIST_SOURCE_SWAPS | KIST_SOURCE_DRILLS)) != 0;
}

/* What a drill could not hold stands in its result. */
static void tell_not_compared(const struct kist_restore_job *job, const struct kist_comparison *comparison)
{
    const int level = job->options->flags & KIST_RESTORE_DRILL ? KIST_LOG_DEBUG : KIST_LOG_WARNING;
    for (size_t i = 0; i < comparison->skipped_count; i++)
        kist_log(level, job->pipeline->name, "not compared: %s", comparison->skipped[i]);
    for (size_t i = 0; i < comparison->uncounted_count; i++)
        kist_log(KIST_LOG_DEBUG, job->pipeline->name, "not compared: %s", comparison->uncounted[i]);
}

int kist_restore_compare(struct kist_restore_job *job, void *restore, struct kist_error *err)
{
    struct kist_counts wanted = {0}, found = {0};
    struct kist_comparison *comparison = &job->restored->counts;
    int code = can_count(job) ? select_counts(job, &wanted, err) : 0;
    if (!code && wanted.count > 0) {
        code = count_again(job, restore, &wanted, &found, err);
        if (!code)
            code = kist_counts_compare(&wanted, &found, comparison, err);
        if (!code)
            code = kist_comparison_result(comparison, err);
        if (code)
            job->source->plugin->as.source.restore_reject(restore);
    }
    if (!code)
        tell_not_compared(job, comparison);
    kist_counts_done(&found);
    free(wanted.items);
    return code;
}
