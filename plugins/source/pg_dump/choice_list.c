#include "counts.h"

#include <stdlib.h>
#include <string.h>

/* As pg_dump chooses: a list of tables overrules the schemas, and what belongs to an extension follows the extension. $1 to $4:
 * tables, tables left out, schemas, schemas left out. The session's search path is pg_catalog. */
#define RELATIONS                                                                                                 \
    "WITH member AS (SELECT objid AS oid FROM pg_depend WHERE classid = 'pg_class'::regclass "                    \
    "AND refclassid = 'pg_extension'::regclass AND deptype = 'e'), "                                              \
    "relation AS (SELECT c.oid, format('%I.%I', n.nspname, c.relname) AS name, c.relkind, c.relpersistence, "     \
    "c.reltuples, c.relrowsecurity, c.oid IN (SELECT oid FROM member) AS member, "                                \
    "CASE WHEN cardinality($1::oid[]) > 0 THEN c.oid = ANY ($1::oid[]) "                                          \
    "WHEN cardinality($3::oid[]) > 0 THEN n.oid = ANY ($3::oid[]) "                                               \
    "ELSE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' END "                                         \
    "AND c.oid <> ALL ($2::oid[]) "                                                                               \
    "AND (cardinality($1::oid[]) > 0 OR n.oid <> ALL ($4::oid[])) AS chosen "                                     \
    "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "                                              \
    "WHERE c.relkind IN ('r', 'p', 'm', 'f', 'S') AND c.relpersistence <> 't') "

/* $5: tables whose rows are left out; $6, $7: unlogged tables have theirs, everything is dumped. */
static const char tables_sql[] = RELATIONS
    "SELECT r.name, r.oid, r.relkind, r.reltuples::int8, r.relrowsecurity AND row_security_active(r.oid), "
    "CASE WHEN r.member THEN format('settings of extension %I, of which a dump holds a part', e.extname) "
    "WHEN r.relkind = 'f' THEN 'a foreign table: its rows lie on another server' "
    "WHEN r.relkind = 'm' THEN 'a materialized view: a restore fills it anew' "
    "WHEN r.oid = ANY ($5::oid[]) THEN 'its rows are left out of the dump' "
    "WHEN r.relpersistence = 'u' AND NOT $6::bool THEN 'unlogged: its rows are left out of the dump' END, "
    "ARRAY(WITH RECURSIVE above(oid) AS (SELECT inhparent FROM pg_inherits WHERE inhrelid = r.oid UNION "
    "SELECT i.inhparent FROM pg_inherits i JOIN above a ON i.inhrelid = a.oid) SELECT oid FROM above) "
    "FROM relation r LEFT JOIN pg_extension e ON r.oid = ANY (e.extconfig) "
    "WHERE r.chosen AND r.relkind <> 'S' AND (NOT r.member OR ($7::bool AND e.oid IS NOT NULL AND r.relkind = "
    "'r')) "
    "ORDER BY r.name COLLATE \"C\"";

/* A sequence follows the table that owns it; one that counts down or starts over may fall, and one that is not logged cannot be
 * read on a standby. */
static const char sequences_sql[] = RELATIONS
    "SELECT s.name, s.oid, q.seqincrement > 0 AND NOT q.seqcycle AND (s.relpersistence <> 'u' OR $5::bool) "
    "FROM relation s JOIN pg_sequence q ON q.seqrelid = s.oid "
    "LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = s.oid AND d.objsubid = 0 "
    "AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i') "
    "LEFT JOIN relation o ON o.oid = d.refobjid "
    "WHERE s.relkind = 'S' AND NOT s.member AND (s.chosen AND d.deptype IS DISTINCT FROM 'i' "
    "OR COALESCE(o.chosen AND NOT o.member, false)) ORDER BY s.name COLLATE \"C\"";

static const char unvalidated_sql[] =
    RELATIONS "SELECT format('%s.%I', r.name, k.conname), k.oid FROM pg_constraint k "
              "JOIN relation r ON r.oid = k.conrelid "
              "WHERE NOT k.convalidated AND r.chosen AND NOT r.member ORDER BY format('%s.%I', r.name, k.conname) "
              "COLLATE \"C\"";

/* Those that a new database has already are not in a dump. */
static const char extensions_sql[] =
    "SELECT extname, extversion FROM pg_extension WHERE oid >= 16384 ORDER BY extname COLLATE \"C\"";

static int no_memory(struct pgd_link *link, struct kist_error *err)
{
    return link->host->fail(link->host, err, KIST_ERR_FAILED, "out of memory");
}

static int add_table(struct pgd_link *link, const PGresult *result, int row, struct pgd_census *census,
                     struct kist_error *err)
{
    const struct kist_host *host = link->host;
    const char *name = PQgetvalue(result, row, 0), kind = *PQgetvalue(result, row, 2);
    const char *note = PQgetisnull(result, row, 5) ? NULL : PQgetvalue(result, row, 5);
    struct pgd_entry entry = {.kind = "table",
                              .name = PQgetvalue(result, row, 0),
                              .oid = PQgetvalue(result, row, 1),
                              .note = PQgetvalue(result, row, 5),
                              .parents = PQgetvalue(result, row, 6),
                              .number = -1};
    entry.note = note ? entry.note : NULL;
    if (!note && kind == 'p') {
        entry.kind = NULL;
        entry.todo = PGD_LOCK;
    } else if (!note) {
        entry.number = strtoll(PQgetvalue(result, row, 3), NULL, 10);
        entry.todo = PGD_ROWS;
    } else if (kind == 'r') {
        entry.todo = PGD_LOCK;
    }
    if (entry.todo == PGD_ROWS && *PQgetvalue(result, row, 4) == 't') {
        int code = host->fail(host, err, KIST_ERR_AUTH, "row level security hides rows of table %s from role '%s'",
                              name, PQuser(link->conn));
        host->hint(host, err, "dump as a role with BYPASSRLS");
        return code;
    }
    return pgd_census_add(census, &entry) == 0 ? 0 : no_memory(link, err);
}

static int list_tables(struct pgd_link *link, const struct pgd_choice *choice, struct pgd_census *census,
                       struct kist_error *err)
{
    const char *values[] = {choice->tables,
                            choice->no_tables,
                            choice->schemas,
                            choice->no_schemas,
                            choice->no_data,
                            choice->unlogged ? "t" : "f",
                            choice->everything ? "t" : "f"};
    PGresult *result = NULL;
    int code = pgd_query(link, tables_sql, 7, values, &result, err);
    for (int row = 0; !code && row < PQntuples(result); row++)
        code = add_table(link, result, row, census, err);
    PQclear(result);
    return code;
}

/* Rows of (name, oid[, whether it has a value to compare]). */
static int list_named(struct pgd_link *link, const char *sql, int parameters, const struct pgd_choice *choice,
                      const struct pgd_entry *model, struct pgd_census *census, struct kist_error *err)
{
    const char *values[] = {choice->tables, choice->no_tables, choice->schemas, choice->no_schemas,
                            choice->unlogged ? "t" : "f"};
    PGresult *result = NULL;
    int code = pgd_query(link, sql, parameters, values, &result, err);
    for (int row = 0; !code && row < PQntuples(result); row++) {
        struct pgd_entry entry = *model;
        entry.name = PQgetvalue(result, row, 0);
        entry.oid = PQgetvalue(result, row, 1);
        if (PQnfields(result) > 2 && *PQgetvalue(result, row, 2) == 't') {
            entry.todo = PGD_VALUE;
            entry.flags = KIST_COUNT_AT_LEAST;
        }
        code = pgd_census_add(census, &entry) == 0 ? 0 : no_memory(link, err);
    }
    PQclear(result);
    return code;
}

static int list_extensions(struct pgd_link *link, struct pgd_census *census, struct kist_error *err)
{
    PGresult *result = NULL;
    int code = pgd_query(link, extensions_sql, 0, NULL, &result, err);
    for (int row = 0; !code && row < PQntuples(result); row++) {
        struct pgd_entry entry = {.kind = "extension",
                                  .name = PQgetvalue(result, row, 0),
                                  .note = PQgetvalue(result, row, 1),
                                  .flags = KIST_COUNT_PRESENT,
                                  .number = -1};
        code = pgd_census_add(census, &entry) == 0 ? 0 : no_memory(link, err);
    }
    PQclear(result);
    return code;
}

/* Tells a recount that constraints are in the dump, and so are to be looked at. */
static int add_summary(struct pgd_link *link, struct pgd_census *census, struct kist_error *err)
{
    char name[] = "unvalidated";
    struct pgd_entry entry = {.kind = "constraints", .name = name, .flags = KIST_COUNT_ESTIMATE};
    for (size_t i = 0; i < census->count; i++)
        entry.number += census->items[i].kind && strcmp(census->items[i].kind, "unvalidated") == 0;
    return pgd_census_add(census, &entry) == 0 ? 0 : no_memory(link, err);
}

int pgd_choice_list(struct pgd_link *link, const struct pgd_choice *choice, struct pgd_census *ret_census,
                    struct kist_error *err)
{
    char not_valid[] = "NOT VALID, as in the original", no_value[] = "only that it is there";
    struct pgd_entry sequence = {.kind = "sequence", .note = no_value, .flags = KIST_COUNT_PRESENT, .number = -1};
    struct pgd_entry constraint = {
        .kind = "unvalidated", .note = not_valid, .flags = KIST_COUNT_PRESENT, .number = -1};
    struct pgd_census census = {0};
    int code = list_tables(link, choice, &census, err);
    if (!code)
        code = list_named(link, sequences_sql, 5, choice, &sequence, &census, err);
    if (!code && choice->definitions)
        code = list_named(link, unvalidated_sql, 4, choice, &constraint, &census, err);
    if (!code && choice->definitions)
        code = add_summary(link, &census, err);
    if (!code && choice->definitions && choice->everything)
        code = list_extensions(link, &census, err);
    if (code)
        pgd_census_done(&census);
    else
        *ret_census = census;
    return code;
}
