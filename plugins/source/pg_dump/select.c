#include "select.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int is_among(const char *text, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(text, words[i]) == 0)
            return 1;
    return 0;
}

#define IS_AMONG(text, words) is_among((text), (words), sizeof(words) / sizeof *(words))

int pgd_is_relation(const struct pgd_toc_entry *entry)
{
    static const char *const kinds[] = {"TABLE", "VIEW", "MATERIALIZED VIEW", "FOREIGN TABLE", "SEQUENCE"};
    return IS_AMONG(entry->kind, kinds);
}

/* What comes along with the thing that it needs. */
static int belongs(const struct pgd_toc_entry *entry)
{
    static const char *const kinds[] = {
        "TABLE DATA", "TABLE ATTACH",    "MATERIALIZED VIEW DATA",
        "SEQUENCE",   "SEQUENCE SET",    "SEQUENCE OWNED BY",
        "DEFAULT",    "CONSTRAINT",      "CHECK CONSTRAINT",
        "INDEX",      "INDEX ATTACH",    "FK CONSTRAINT",
        "STATISTICS", "STATISTICS DATA", "TRIGGER",
        "RULE",       "POLICY",          "ROW SECURITY",
        "ACL",        "COMMENT",         "SECURITY LABEL",
    };
    return IS_AMONG(entry->kind, kinds);
}

/* What is not fetched for the sake of something that merely belongs to what was chosen. */
static int stands_alone(const struct pgd_toc_entry *entry)
{
    static const char *const kinds[] = {"TABLE",      "VIEW",  "MATERIALIZED VIEW", "FOREIGN TABLE",
                                        "CONSTRAINT", "INDEX", "CHECK CONSTRAINT"};
    return IS_AMONG(entry->kind, kinds);
}

/* ---- the names ---- */

struct name {
    regex_t schema, tag;
    int has_schema, compiled;
};

static int compile(const char *pattern, int is_schema, struct name *ret_name)
{
    char *schema = NULL, *tag = NULL;
    struct name name = {0};
    if (pgd_pattern_regex(pattern, is_schema, &schema, &tag) != 0)
        return -1;
    int failed = regcomp(&name.tag, tag, REG_EXTENDED | REG_NOSUB) != 0;
    if (!failed && schema && regcomp(&name.schema, schema, REG_EXTENDED | REG_NOSUB) != 0) {
        regfree(&name.tag);
        failed = 1;
    }
    name.has_schema = schema != NULL;
    free(schema);
    free(tag);
    if (!failed)
        *ret_name = name;
    return failed ? -1 : 0;
}

static int matches(const struct name *name, const char *schema, const char *tag)
{
    return regexec(&name->tag, tag, 0, NULL, 0) == 0 &&
           (!name->has_schema || regexec(&name->schema, schema, 0, NULL, 0) == 0);
}

static size_t choose_matching(const struct name *name, int is_schema, struct pgd_toc *toc)
{
    size_t count = 0;
    for (size_t i = 0; i < toc->count; i++) {
        struct pgd_toc_entry *entry = &toc->entries[i];
        int is_it = is_schema ? strcmp(entry->kind, "SCHEMA") == 0 && matches(name, "", entry->tag)
                              : pgd_is_relation(entry) && matches(name, entry->schema, entry->tag);
        int inside = is_schema && *entry->schema && matches(name, "", entry->schema);
        entry->chosen |= is_it || inside;
        count += is_it || inside;
    }
    return count;
}

static int choose_names(const struct kist_host *host, const char *const *patterns, int is_schema,
                        struct pgd_toc *toc, struct kist_error *err)
{
    for (size_t i = 0; patterns && patterns[i]; i++) {
        struct name name;
        if (compile(patterns[i], is_schema, &name) != 0)
            return host->fail(host, err, KIST_ERR_CONFIG, "'%s' is not a pattern of %s", patterns[i],
                              is_schema ? "a schema" : "a table, as name or schema.name");
        size_t count = choose_matching(&name, is_schema, toc);
        regfree(&name.tag);
        if (name.has_schema)
            regfree(&name.schema);
        if (count > 0)
            continue;
        int code = host->fail(host, err, KIST_ERR_CONFIG, "the backup has no %s '%s'",
                              is_schema ? "schema" : "table", patterns[i]);
        host->hint(host, err,
                   "unquoted letters count as lower case: app.\"Order Lines\"; kist show lists the tables");
        return code;
    }
    return 0;
}

/* ---- what comes along ---- */

/* Chooses what a chosen entry needs; in a live database only what the table itself is made of. */
static int fetch_needs(const struct pgd_selection *selection, const struct pgd_toc *toc,
                       const struct pgd_toc_entry *entry)
{
    int changed = 0;
    for (size_t i = 0; i < entry->need_count; i++) {
        struct pgd_toc_entry *need = pgd_toc_find(toc, entry->needs[i]);
        if (!need || need->chosen || (selection->into_live && strcmp(need->kind, "SEQUENCE") != 0))
            continue;
        changed = need->chosen = 1;
    }
    return changed;
}

/* A partition comes along with its parent: the entry that attaches it is named like the partition. */
static int fetch_partition(const struct pgd_toc *toc, const struct pgd_toc_entry *attach)
{
    struct pgd_toc_entry *child = NULL;
    int parent_chosen = 0;
    for (size_t i = 0; i < attach->need_count; i++) {
        struct pgd_toc_entry *need = pgd_toc_find(toc, attach->needs[i]);
        if (!need || !pgd_is_relation(need))
            continue;
        if (strcmp(need->tag, attach->tag) == 0 && strcmp(need->schema, attach->schema) == 0)
            child = need;
        else
            parent_chosen |= need->chosen;
    }
    if (!parent_chosen || !child || child->chosen)
        return 0;
    child->chosen = 1;
    return 1;
}

/* The table that the entry is a piece of is there but not chosen: "orders orders_pkey" of "orders". */
static int is_of_another(const struct pgd_toc *toc, const struct pgd_toc_entry *entry)
{
    for (size_t i = 0; i < entry->need_count; i++) {
        const struct pgd_toc_entry *need = pgd_toc_find(toc, entry->needs[i]);
        size_t length = need ? strlen(need->tag) : 0;
        if (need && !need->chosen && pgd_is_relation(need) && strcmp(need->kind, "SEQUENCE") != 0 &&
            strcmp(need->schema, entry->schema) == 0 && strncmp(need->tag, entry->tag, length) == 0 &&
            entry->tag[length] == ' ')
            return 1;
    }
    return 0;
}

static int consider(const struct pgd_selection *selection, const struct pgd_toc *toc, struct pgd_toc_entry *entry)
{
    int related = 0, lacking = 0;
    if (entry->chosen)
        return fetch_needs(selection, toc, entry);
    if (!belongs(entry))
        return 0;
    int changed = strcmp(entry->kind, "TABLE ATTACH") == 0 && fetch_partition(toc, entry);
    for (size_t i = 0; i < entry->need_count; i++) {
        const struct pgd_toc_entry *need = pgd_toc_find(toc, entry->needs[i]);
        /* A type or function that was fetched brings its comment and its rights, and nothing else. */
        int is_base = need && (pgd_is_relation(need) || belongs(need) || strcmp(entry->kind, "COMMENT") == 0 ||
                               strcmp(entry->kind, "ACL") == 0);
        related |= need && need->chosen && is_base;
        lacking |= need && !need->chosen && stands_alone(need) && !selection->into_live;
    }
    /* What belongs to another table is not missed: it was not asked for. */
    int of_another = is_of_another(toc, entry);
    entry->lacking = related && lacking && !of_another;
    if (!related || lacking || of_another)
        return changed;
    entry->chosen = 1;
    return 1;
}

/* Objects name their schema, but do not always need it in the archive's terms. */
static void choose_schemas(struct pgd_toc *toc)
{
    for (size_t i = 0; i < toc->count; i++) {
        struct pgd_toc_entry *schema = &toc->entries[i];
        for (size_t k = 0; strcmp(schema->kind, "SCHEMA") == 0 && !schema->chosen && k < toc->count; k++)
            schema->chosen = toc->entries[k].chosen && strcmp(toc->entries[k].schema, schema->tag) == 0;
    }
}

static void tell_left_out(const struct kist_host *host, const struct pgd_toc *toc)
{
    for (size_t i = 0; i < toc->count; i++) {
        const struct pgd_toc_entry *entry = &toc->entries[i];
        if (!entry->chosen && entry->lacking)
            host->log(host, KIST_LOG_WARNING,
                      "left out: %s '%s' of schema '%s', which needs a table that is not chosen",
                      strcmp(entry->kind, "FK CONSTRAINT") == 0 ? "foreign key" : entry->kind, entry->tag,
                      entry->schema);
    }
}

int pgd_select(const struct kist_host *host, const struct pgd_selection *selection, struct pgd_toc *toc,
               struct kist_error *err)
{
    int code = choose_names(host, selection->tables, 0, toc, err);
    if (!code)
        code = choose_names(host, selection->schemas, 1, toc, err);
    for (size_t i = 0; !code && selection->into_live && i < toc->count; i++) {
        struct pgd_toc_entry *entry = &toc->entries[i]; /* of a schema: its tables, and what belongs to them */
        entry->chosen &= pgd_is_relation(entry) || belongs(entry);
    }
    for (int changed = 1; !code && changed;) {
        changed = 0;
        for (size_t i = 0; i < toc->count; i++)
            changed |= consider(selection, toc, &toc->entries[i]);
    }
    if (code)
        return code;
    if (!selection->into_live)
        choose_schemas(toc);
    tell_left_out(host, toc);
    return 0;
}

/* ---- drills ---- */

static int names_extension(const struct pgd_toc_entry *entry, const char *extension)
{
    const char *tag = entry->tag;
    if (strcmp(entry->kind, "COMMENT") == 0 && strncmp(tag, "EXTENSION ", 10) == 0)
        tag += 10;
    else if (strcmp(entry->kind, "EXTENSION") != 0)
        return 0;
    size_t length = strlen(extension);
    return strcmp(tag, extension) == 0 ||
           (*tag == '"' && strncmp(tag + 1, extension, length) == 0 && strcmp(tag + 1 + length, "\"") == 0);
}

size_t pgd_select_for_drill(const struct kist_host *host, const char *const *missing, struct pgd_toc *toc)
{
    /* Policies and mappings name roles that the scratch server does not have, and the tables that policies guard
     * are to be counted whole. Subscriptions would keep the scratch database from being dropped. */
    static const char *const kinds[] = {"POLICY",
                                        "ROW SECURITY",
                                        "USER MAPPING",
                                        "SUBSCRIPTION",
                                        "PUBLICATION",
                                        "PUBLICATION TABLE",
                                        "PUBLICATION TABLES IN SCHEMA",
                                        "SUBSCRIPTION TABLE"};
    size_t left_out = 0, of_roles = 0;
    for (size_t i = 0; i < toc->count; i++) {
        struct pgd_toc_entry *entry = &toc->entries[i];
        int out = IS_AMONG(entry->kind, kinds);
        of_roles += out ? 1 : 0;
        for (size_t k = 0; missing && missing[k]; k++)
            out |= names_extension(entry, missing[k]);
        entry->chosen = !out;
        left_out += out ? 1 : 0;
    }
    if (of_roles > 0)
        host->log(host, KIST_LOG_INFO,
                  "a drill leaves policies, user mappings, publications and subscriptions out: %zu", of_roles);
    return left_out;
}

char *pgd_select_list(const struct pgd_toc *toc)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    for (size_t i = 0; out && i < toc->count; i++)
        if (toc->entries[i].chosen)
            fprintf(out, "%d;\n", toc->entries[i].id);
    int failed = !out || ferror(out);
    if (out && fclose(out) != 0)
        failed = 1;
    if (failed) {
        free(text);
        return NULL;
    }
    return text;
}
