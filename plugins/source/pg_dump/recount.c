#include "counts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct recount {
    const struct kist_host *host;
    struct pgd_link link;
    const struct kist_count *wanted;
    uint64_t count;
    char *names, *oids; /* of what is wanted of relations; of the tables that were found. Arrays */
    char *answered;     /* for each that is wanted: whether it was found */
    int hashes;
    struct pgd_census census;
};

static int is_kind(const struct kist_count *count, const char *kind)
{
    return strcmp(count->kind, kind) == 0;
}

static int no_memory(const struct recount *recount, struct kist_error *err)
{
    return recount->host->fail(recount->host, err, KIST_ERR_FAILED, "out of memory");
}

/* ---- what is there ---- */

/* Names come from a manifest: they reach the server as values, and what statements are made of comes from there. */
static int collect_names(struct recount *recount)
{
    size_t size = 0;
    FILE *out = open_memstream(&recount->names, &size);
    if (!out)
        return -1;
    for (uint64_t i = 0; i < recount->count; i++) {
        const struct kist_count *wanted = &recount->wanted[i];
        recount->hashes |= wanted->hash != NULL;
        fputs(i ? ",\"" : "{\"", out);
        for (const char *at = is_kind(wanted, "table") || is_kind(wanted, "sequence") ? wanted->name : ""; *at;
             at++)
            fprintf(out, strchr("\"\\", *at) ? "\\%c" : "%c", *at);
        fputc('"', out);
    }
    fputs(recount->count ? "}" : "{}", out);
    return fclose(out);
}

static int add(struct recount *recount, uint64_t wanted, const struct pgd_entry *entry, struct kist_error *err)
{
    struct pgd_entry own = *entry;
    own.kind = recount->wanted[wanted].kind;
    own.wanted = wanted;
    if (pgd_census_add(&recount->census, &own) != 0)
        return no_memory(recount, err);
    recount->answered[wanted] = 1;
    return 0;
}

static int add_relation(struct recount *recount, const PGresult *result, int row, struct kist_error *err)
{
    uint64_t index = strtoull(PQgetvalue(result, row, 0), NULL, 10) - 1;
    if (index >= recount->count)
        return recount->host->fail(recount->host, err, KIST_ERR_FAILED, "the server answers what was not asked");
    const struct kist_count *wanted = &recount->wanted[index];
    char kind = *PQgetvalue(result, row, 3);
    struct pgd_entry entry = {.name = PQgetvalue(result, row, 2), .flags = wanted->flags, .number = -1};
    if (is_kind(wanted, "sequence") != (kind == 'S'))
        return 0;
    if (wanted->flags & KIST_COUNT_ESTIMATE)
        return 0;
    if (kind == 'S' && !(wanted->flags & KIST_COUNT_PRESENT))
        entry.todo = PGD_VALUE;
    if (kind != 'S' && wanted->number >= 0) {
        if (kind != 'r')
            return 0; /* something else by that name */
        entry.todo = PGD_ROWS;
    }
    return add(recount, index, &entry, err);
}

static int find_relations(struct recount *recount, struct kist_error *err)
{
    const char *values[] = {recount->names};
    PGresult *result = NULL;
    size_t size = 0;
    int code = pgd_query(&recount->link,
                         "SELECT w.number, c.oid, format('%I.%I', n.nspname, c.relname), c.relkind "
                         "FROM unnest($1::text[]) WITH ORDINALITY AS w (name, number) "
                         "JOIN pg_class c ON c.oid = to_regclass(NULLIF(w.name, '')) "
                         "JOIN pg_namespace n ON n.oid = c.relnamespace ORDER BY 1",
                         1, values, &result, err);
    if (code)
        return code;
    FILE *oids = open_memstream(&recount->oids, &size);
    if (oids)
        fputc('{', oids);
    for (int row = 0; oids && !code && row < PQntuples(result); row++) {
        fprintf(oids, "%s%s", row ? "," : "", PQgetvalue(result, row, 1));
        code = add_relation(recount, result, row, err);
    }
    if (oids)
        fputc('}', oids);
    PQclear(result);
    if (!oids || fclose(oids) != 0)
        code = no_memory(recount, err);
    return code;
}

/* Those of `kind` that a statement names; *ret_other: the first that it names besides. */
static int find_named(struct recount *recount, const char *kind, const char *sql, int parameters, char **ret_other,
                      struct kist_error *err)
{
    const char *values[] = {recount->oids};
    PGresult *result = NULL;
    int code = pgd_query(&recount->link, sql, parameters, values, &result, err);
    for (int row = 0; !code && row < PQntuples(result); row++) {
        int found = 0;
        struct pgd_entry entry = {.name = PQgetvalue(result, row, 0),
                                  .note = PQgetvalue(result, row, 1),
                                  .flags = KIST_COUNT_PRESENT,
                                  .number = -1};
        for (uint64_t i = 0; !code && !found && i < recount->count; i++)
            if (is_kind(&recount->wanted[i], kind) && strcmp(recount->wanted[i].name, entry.name) == 0) {
                found = 1;
                code = add(recount, i, &entry, err);
            }
        if (!found && ret_other && !*ret_other && !(*ret_other = strdup(entry.name)))
            code = no_memory(recount, err);
    }
    PQclear(result);
    return code;
}

static int find_large_objects(struct recount *recount, struct kist_error *err)
{
    for (uint64_t i = 0; i < recount->count; i++) {
        char name[] = "large_objects";
        struct pgd_entry entry = {.name = name};
        if (!is_kind(&recount->wanted[i], "large_objects") || (recount->wanted[i].flags & KIST_COUNT_ESTIMATE))
            continue;
        int code = pgd_tally_large_objects(&recount->link, &entry.number, err);
        return code ? code : add(recount, i, &entry, err);
    }
    return 0;
}

/* ---- is it sound? ---- */

static int check_indexes(struct recount *recount, struct kist_error *err)
{
    const struct kist_host *host = recount->host;
    const char *values[] = {recount->oids};
    PGresult *result = NULL;
    int code = pgd_query(&recount->link,
                         "SELECT format('%I.%I', n.nspname, c.relname), count(*) OVER () FROM pg_index i "
                         "JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
                         "WHERE i.indrelid = ANY ($1::oid[]) AND c.relkind = 'i' AND NOT (i.indisvalid AND "
                         "i.indisready AND i.indislive) ORDER BY 1 LIMIT 1",
                         1, values, &result, err);
    if (!code && PQntuples(result) > 0)
        code = host->fail(host, err, KIST_ERR_CORRUPT,
                          "%s index(es) of the restored tables, such as %s, are not valid",
                          PQgetvalue(result, 0, 1), PQgetvalue(result, 0, 0));
    PQclear(result);
    return code;
}

static int check_constraints(struct recount *recount, struct kist_error *err)
{
    const struct kist_host *host = recount->host;
    char *other = NULL;
    int told = 0;
    for (uint64_t i = 0; i < recount->count && !told; i++)
        told = is_kind(&recount->wanted[i], "constraints");
    if (!told)
        return 0;
    int code = find_named(recount, "unvalidated",
                          "SELECT format('%I.%I.%I', n.nspname, c.relname, k.conname), NULL FROM pg_constraint k "
                          "JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
                          "WHERE NOT k.convalidated AND c.oid = ANY ($1::oid[]) ORDER BY 1",
                          1, &other, err);
    if (!code && other)
        code =
            host->fail(host, err, KIST_ERR_CORRUPT,
                       "constraint %s is not validated in the restored database, and was in the original", other);
    free(other);
    return code;
}

/* ---- the answer ---- */

static int is_missing(const char *const *missing, const char *extension)
{
    for (size_t i = 0; missing && missing[i]; i++)
        if (strcmp(missing[i], extension) == 0)
            return 1;
    return 0;
}

/* What a scratch server cannot hold is no false alarm. */
static int give_skipped(struct recount *recount, void *restore, kist_count_fn give, void *arg)
{
    const char *const *missing = pgd_restore_missing_extensions(restore);
    char note[200];
    if (!pgd_restore_is_drill(restore) || !missing || !missing[0])
        return 0;
    snprintf(note, sizeof note, "this server lacks extension %s%s", missing[0], missing[1] ? " and others" : "");
    for (uint64_t i = 0; i < recount->count; i++) {
        struct kist_count count = recount->wanted[i];
        if (recount->answered[i] || (is_kind(&count, "extension") && !is_missing(missing, count.name)))
            continue;
        count.struct_size = sizeof count;
        count.flags = KIST_COUNT_SKIPPED;
        count.number = -1;
        count.hash = NULL;
        count.note = note;
        int code = give(arg, &count);
        if (code)
            return code;
    }
    return 0;
}

/* By the name that was asked for: how a name is quoted differs between versions. */
static int rename_entries(struct recount *recount)
{
    for (size_t i = 0; i < recount->census.count; i++) {
        struct pgd_entry *entry = &recount->census.items[i];
        char *name = strdup(recount->wanted[entry->wanted].name);
        if (!name)
            return -1;
        free(entry->name);
        entry->name = name;
    }
    return 0;
}

static int run(struct recount *recount, struct kist_error *err)
{
    int code = collect_names(recount) == 0 ? find_relations(recount, err) : no_memory(recount, err);
    if (!code)
        code = find_named(recount, "extension", "SELECT extname, extversion FROM pg_extension", 0, NULL, err);
    if (!code)
        code = find_large_objects(recount, err);
    if (!code)
        code = check_indexes(recount, err);
    if (!code)
        code = check_constraints(recount, err);
    if (!code)
        code = pgd_tally(&recount->link, &recount->census, PGD_VALUE, 0, 0, err);
    if (!code)
        code = pgd_tally(&recount->link, &recount->census, PGD_ROWS, recount->hashes, 0, err);
    if (code == KIST_ERR_CANCELLED)
        pgd_tally_stop(&recount->link);
    return !code && rename_entries(recount) != 0 ? no_memory(recount, err) : code;
}

int pgd_restored_counts(void *restore, const struct kist_count *wanted, uint64_t count, kist_count_fn give,
                        void *arg, struct kist_error *err)
{
    const struct kist_host *host = pgd_restore_host(restore);
    struct recount recount = {.host = host, .link = {.host = host}, .wanted = wanted, .count = count};
    recount.answered = calloc(count + 1, 1);
    int code = recount.answered ? pgd_tally_connect(&recount.link, pgd_restore_params(restore), 0, 0, NULL, err)
                                : no_memory(&recount, err);
    if (!code)
        code = run(&recount, err);
    pgd_disconnect(&recount.link);
    if (!code)
        code = pgd_census_give(&recount.census, give, arg);
    if (!code)
        code = give_skipped(&recount, restore, give, arg);
    pgd_restore_judged(restore, code);
    pgd_census_done(&recount.census);
    free(recount.names);
    free(recount.oids);
    free(recount.answered);
    return code;
}
