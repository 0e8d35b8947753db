#include "restore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "child.h"

/* Everything that a person or a program put there: what an extension brought does not count, nor an empty
 * schema. */
#define CONTENTS_SQL                                                                                              \
    "WITH own AS (SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name FROM pg_catalog.pg_class c "    \
    "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r','p','v','m','S','f','c') "  \
    "AND n.nspname !~ '^(pg_|information_schema$)' AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d "           \
    "WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e') "                 \
    "UNION ALL SELECT pg_catalog.format('%I.%I()', n.nspname, p.proname) FROM pg_catalog.pg_proc p "              \
    "JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname !~ '^(pg_|information_schema$)' "   \
    "AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_proc'::regclass "        \
    "AND d.objid = p.oid AND d.deptype = 'e') "                                                                   \
    "UNION ALL SELECT pg_catalog.format('%I.%I', n.nspname, t.typname) FROM pg_catalog.pg_type t "                \
    "JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace WHERE t.typtype IN ('d','e','r') "                  \
    "AND n.nspname !~ '^(pg_|information_schema$)' AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d "           \
    "WHERE d.classid = 'pg_catalog.pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e') "                  \
    "UNION ALL SELECT 'large object ' || l.oid FROM pg_catalog.pg_largeobject_metadata l) "                       \
    "SELECT name, pg_catalog.count(*) OVER () FROM own ORDER BY 1 LIMIT 3"

/* Rows as the last vacuum or the statistics know them: nobody waits here for a count. */
#define SIZES_SQL                                                                                                 \
    "SELECT pg_catalog.count(*), COALESCE(pg_catalog.sum(GREATEST(c.reltuples, "                                  \
    "pg_catalog.pg_stat_get_live_tuples(c.oid), 0)), 0)::pg_catalog.int8, "                                       \
    "(SELECT pg_catalog.pg_database_size(d.oid) FROM pg_catalog.pg_database d WHERE d.datname = "                 \
    "pg_catalog.current_database()) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = "        \
    "c.relnamespace WHERE c.relkind IN ('r', 'm') AND n.nspname !~ '^(pg_|information_schema$)' AND NOT EXISTS (" \
    "SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid "   \
    "AND d.deptype = 'e')"

/* "1,234,567" */
static void with_commas(int64_t number, char text[32])
{
    char digits[32];
    size_t length = (size_t)snprintf(digits, sizeof digits, "%lld", (long long)number), used = 0;
    for (size_t i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            text[used++] = ',';
        text[used++] = digits[i];
    }
    text[used] = '\0';
}

static void as_size(int64_t bytes, char text[32])
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1024 && unit + 1 < sizeof units / sizeof *units) {
        value /= 1024;
        unit++;
    }
    snprintf(text, 32, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

static int64_t number_at(const PGresult *result, int column)
{
    return strtoll(PQgetvalue(result, 0, column), NULL, 10);
}

static char *describe(const PGresult *sizes, int64_t objects)
{
    char tables[32], rows[32], size[32], *text = NULL;
    int64_t count = number_at(sizes, 0);
    with_commas(count > 0 ? count : objects, tables);
    with_commas(number_at(sizes, 1), rows);
    as_size(number_at(sizes, 2), size);
    int failed = count > 0
                     ? asprintf(&text, "%s table%s, about %s rows, %s", tables, count == 1 ? "" : "s", rows, size)
                     : asprintf(&text, "%s object%s, %s", tables, objects == 1 ? "" : "s", size);
    return failed < 0 ? NULL : text;
}

static char *join(const PGresult *result)
{
    char names[512] = "";
    for (int row = 0; row < PQntuples(result); row++) {
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", row ? ", " : "", PQgetvalue(result, row, 0));
    }
    kist_child_clean_text(names);
    return strdup(names);
}

int pgd_contents_look(struct pgd_target *target, struct pgd_link *link, char **ret_examples,
                      struct kist_error *err)
{
    const struct kist_host *host = target->host;
    PGresult *contents = NULL, *sizes = NULL;
    char *examples = NULL;
    int code = pgd_query(link, CONTENTS_SQL, 0, NULL, &contents, err);
    if (!code && PQntuples(contents) > 0) {
        code = pgd_query(link, SIZES_SQL, 0, NULL, &sizes, err);
        target->holds = code ? NULL : describe(sizes, number_at(contents, 1));
        examples = code ? NULL : join(contents);
        if (!code && (!target->holds || !examples))
            code = host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    }
    PQclear(contents);
    PQclear(sizes);
    if (code)
        free(examples);
    else
        *ret_examples = examples;
    return code;
}

/* ---- rows ---- */

static int is_wanted(const struct kist_host *host, const struct kist_restore *restore, struct pgd_link *link,
                     const char *oid, int *ret_wanted, struct kist_error *err)
{
    int code = 0, wanted = !restore->tables && !restore->schemas;
    for (size_t i = 0; !code && !wanted && restore->tables && restore->tables[i]; i++) {
        char *schema = NULL, *name = NULL;
        PGresult *result = NULL;
        if (pgd_pattern_regex(restore->tables[i], 0, &schema, &name) != 0)
            return host->fail(host, err, KIST_ERR_CONFIG, "'%s' is not a pattern of a table", restore->tables[i]);
        const char *values[] = {oid, name, schema ? schema : ""};
        code = pgd_query(
            link,
            "SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
            "WHERE c.oid = $1::pg_catalog.oid AND c.relname ~ $2 AND n.nspname ~ $3",
            3, values, &result, err);
        wanted = !code && PQntuples(result) > 0;
        PQclear(result);
        free(schema);
        free(name);
    }
    for (size_t i = 0; !code && !wanted && restore->schemas && restore->schemas[i]; i++) {
        char *schema = NULL, *name = NULL;
        PGresult *result = NULL;
        if (pgd_pattern_regex(restore->schemas[i], 1, &schema, &name) != 0)
            return host->fail(host, err, KIST_ERR_CONFIG, "'%s' is not a pattern of a schema",
                              restore->schemas[i]);
        const char *values[] = {oid, name};
        code = pgd_query(
            link,
            "SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
            "WHERE c.oid = $1::pg_catalog.oid AND n.nspname ~ $2",
            2, values, &result, err);
        wanted = !code && PQntuples(result) > 0;
        PQclear(result);
        free(name);
    }
    if (!code)
        *ret_wanted = wanted;
    return code;
}

static int has_rows(struct pgd_link *link, const char *name, int *ret_rows, struct kist_error *err)
{
    char *sql = NULL;
    PGresult *result = NULL;
    if (asprintf(&sql, "SELECT 1 FROM ONLY %s LIMIT 1", name) < 0)
        return link->host->fail(link->host, err, KIST_ERR_FAILED, "out of memory");
    int code = pgd_query(link, sql, 0, NULL, &result, err);
    if (!code)
        *ret_rows = PQntuples(result) > 0;
    PQclear(result);
    free(sql);
    return code;
}

int pgd_contents_no_rows(struct pgd_target *target, struct pgd_link *link, const struct kist_restore *restore,
                         struct kist_error *err)
{
    const struct kist_host *host = target->host;
    PGresult *tables = NULL;
    int code =
        pgd_query(link,
                  "SELECT c.oid, pg_catalog.format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_class c "
                  "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND "
                  "n.nspname !~ '^(pg_|information_schema$)' AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend "
                  "d WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e') "
                  "ORDER BY 2",
                  0, NULL, &tables, err);
    for (int row = 0; !code && row < PQntuples(tables); row++) {
        int wanted = 0, rows = 0;
        code = is_wanted(host, restore, link, PQgetvalue(tables, row, 0), &wanted, err);
        if (!code && wanted)
            code = has_rows(link, PQgetvalue(tables, row, 1), &rows, err);
        if (code || !rows)
            continue;
        code = host->fail(host, err, KIST_ERR_REFUSED, "table %s of database '%s' on %s holds rows already",
                          PQgetvalue(tables, row, 1), target->database, target->server.where);
        host->hint(host, err,
                   "--data-only fills empty tables; without it everything is restored into a new database");
    }
    PQclear(tables);
    return code;
}
