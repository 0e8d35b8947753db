#include "counts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What pg_dump looks among for --table; for --schema it is every schema. */
#define TABLES_SQL                                                                                                \
    "SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) "     \
    "c.relnamespace WHERE c.relkind OPERATOR(pg_catalog.=) ANY "                                                  \
    "(ARRAY['r', 'S', 'v', 'm', 'f', 'p']::pg_catalog.\"char\"[]) "
#define SCHEMAS_SQL "SELECT n.oid FROM pg_catalog.pg_namespace n WHERE true "
#define MATCHES "OPERATOR(pg_catalog.~) $%d::pg_catalog.text COLLATE pg_catalog.\"default\" "

/* One character outside of quotes other than '"' and '.'. As in pg_dump, most of the language of regular
 * expressions may be used there. */
static void put_bare(FILE *out, const char *at)
{
    if (*at >= 'A' && *at <= 'Z')
        fputc(*at - 'A' + 'a', out);
    else if (*at == '*')
        fputs(".*", out);
    else if (*at == '?')
        fputc('.', out);
    else if (*at == '$' || (*at == '[' && at[1] == ']'))
        fprintf(out, "\\%c", *at);
    else
        fputc(*at, out);
}

static void put_quoted(FILE *out, char byte)
{
    if (strchr("|*+?()[]{}.^$\\", byte))
        fputc('\\', out);
    fputc(byte, out);
}

/* Where the part that begins at `at` ends: at an unquoted '.' or at the end of the text. */
static const char *put_part(FILE *out, const char *at)
{
    int quoted = 0;
    fputs("^(", out);
    for (; *at && (quoted || *at != '.'); at++) {
        if (*at == '"' && quoted && at[1] == '"')
            put_quoted(out, *at++);
        else if (*at == '"')
            quoted = !quoted;
        else if (quoted)
            put_quoted(out, *at);
        else
            put_bare(out, at);
    }
    fputs(")$", out);
    return quoted ? NULL : at;
}

static const char *part_regex(const char *at, char **ret_regex)
{
    size_t size = 0;
    char *regex = NULL;
    FILE *out = open_memstream(&regex, &size);
    const char *end = out ? put_part(out, at) : NULL;
    if (out && fclose(out) != 0)
        end = NULL;
    if (end)
        *ret_regex = regex;
    else
        free(regex);
    return end;
}

int pgd_pattern_regex(const char *pattern, int is_schema, char **ret_schema, char **ret_name)
{
    char *first = NULL, *second = NULL;
    const char *end = part_regex(pattern, &first);
    if (end && *end == '.' && !is_schema)
        end = part_regex(end + 1, &second);
    if (!end || *end) {
        free(first);
        free(second);
        return -1;
    }
    *ret_schema = second ? first : NULL;
    *ret_name = second ? second : first;
    return 0;
}

static int ask(struct pgd_link *link, int is_schema, const char *schema, const char *name, PGresult **ret_result,
               struct kist_error *err)
{
    const char *values[] = {name, schema};
    char sql[1024];
    snprintf(sql, sizeof sql, "%sAND %s " MATCHES, is_schema ? SCHEMAS_SQL : TABLES_SQL,
             is_schema ? "n.nspname" : "c.relname", 1);
    size_t used = strlen(sql);
    if (!is_schema)
        snprintf(sql + used, sizeof sql - used,
                 schema ? "AND n.nspname " MATCHES : "AND pg_catalog.pg_table_is_visible(c.oid) ", 2);
    return pgd_query(link, sql, schema ? 2 : 1, values, ret_result, err);
}

/* The oids of what one pattern of an option matches. */
static int match(struct pgd_link *link, const char *option, const char *pattern, int is_schema,
                 PGresult **ret_result, struct kist_error *err)
{
    const struct kist_host *host = link->host;
    char *schema = NULL, *name = NULL;
    if (pgd_pattern_regex(pattern, is_schema, &schema, &name) != 0)
        return host->fail(host, err, KIST_ERR_CONFIG, "%s: '%s' is not a pattern of %s", option, pattern,
                          is_schema ? "a schema" : "a table, as name or schema.name");
    int code = ask(link, is_schema, schema, name, ret_result, err);
    free(schema);
    free(name);
    return code;
}

static int put_matches(struct pgd_link *link, const kist_list *list, int is_schema, FILE *out,
                       struct kist_error *err)
{
    int code = 0, some = 0;
    fputc('{', out);
    for (uint64_t i = 0; i < list->count && !code; i++) {
        PGresult *result = NULL;
        code = match(link, "a list", list->items[i], is_schema, &result, err);
        for (int row = 0; !code && row < PQntuples(result); row++, some = 1)
            fprintf(out, "%s%s", some ? "," : "", PQgetvalue(result, row, 0));
        PQclear(result);
    }
    fputc('}', out);
    return code;
}

int pgd_patterns_resolve(struct pgd_link *link, const kist_list *list, int is_schema, char **ret_oids,
                         struct kist_error *err)
{
    size_t size = 0;
    char *oids = NULL;
    FILE *out = open_memstream(&oids, &size);
    if (!out)
        return link->host->fail(link->host, err, KIST_ERR_FAILED, "out of memory");
    int code = put_matches(link, list, is_schema, out, err);
    if (fclose(out) != 0 && !code)
        code = link->host->fail(link->host, err, KIST_ERR_FAILED, "out of memory");
    if (code)
        free(oids);
    else
        *ret_oids = oids;
    return code;
}

static int check_list(struct pgd_link *link, const char *option, const kist_list *list, int is_schema,
                      struct kist_error *err)
{
    const struct kist_host *host = link->host;
    for (uint64_t i = 0; i < list->count; i++) {
        PGresult *result = NULL;
        int code = match(link, option, list->items[i], is_schema, &result, err), none = PQntuples(result) == 0;
        PQclear(result);
        if (code)
            return code;
        if (none) {
            code = host->fail(host, err, KIST_ERR_CONFIG, "%s: '%s' matches nothing in database '%s'", option,
                              list->items[i], PQdb(link->conn));
            host->hint(host, err,
                       "unquoted letters count as lower case, and a table outside of the search path needs "
                       "its schema: app.\"Order Lines\"");
            return code;
        }
    }
    return 0;
}

static int check_no_data(struct pgd_link *link, const struct pgd_config *config, struct kist_error *err)
{
    const char **patterns = calloc(config->extra_args.count + 1, sizeof *patterns);
    if (!patterns)
        return link->host->fail(link->host, err, KIST_ERR_FAILED, "out of memory");
    kist_list list = {patterns, (uint64_t)pgd_choice_no_data(config, patterns)};
    int code = check_list(link, "extra_args: --exclude-table-data", &list, 0, err);
    free(patterns);
    return code;
}

int pgd_patterns_check(struct pgd_link *link, const struct pgd_config *config, struct kist_error *err)
{
    if (config->tables.count + config->exclude_tables.count + config->schemas.count +
            config->exclude_schemas.count + config->extra_args.count ==
        0)
        return 0;
    /* A name without a schema means what pg_dump's session would find by it. */
    int code = pgd_execute(link, "RESET search_path", err);
    if (!code)
        code = check_list(link, "tables", &config->tables, 0, err);
    if (!code)
        code = check_list(link, "exclude_tables", &config->exclude_tables, 0, err);
    if (!code)
        code = check_list(link, "schemas", &config->schemas, 1, err);
    if (!code)
        code = check_list(link, "exclude_schemas", &config->exclude_schemas, 1, err);
    if (!code)
        code = check_no_data(link, config, err);
    return code;
}
