/* plan.c - what of an item is restored, and how. */
#include "writer.h"

#include <stdlib.h>
#include <string.h>

#include "select.h"

/* The encoding that the dump says it is in; both formats say it in their first lines. */
static int find_encoding(const struct pgd_writer *writer, char name[64])
{
    static const char words[] = "SET client_encoding = '";
    const char *at = memmem(writer->head, writer->head_size, words, sizeof words - 1);
    size_t length = 0;
    if (!at)
        return 0;
    at += sizeof words - 1;
    while (at + length < writer->head + writer->head_size && at[length] != '\'' && length < 63)
        length++;
    memcpy(name, at, length);
    name[length] = '\0';
    return length > 0;
}

/* A dump of chosen schemas creates public like any other; one of everything relies on it. */
static int find_public(const struct pgd_writer *writer)
{
    static const char words[] = "CREATE SCHEMA public;\n";
    return memmem(writer->head, writer->head_size, words, sizeof words - 1) != NULL;
}

int pgd_plan_chooses(const struct pgd_restore *restore)
{
    return restore->tables.count + restore->schemas.count > 0;
}

int pgd_plan_needs_contents(const struct pgd_writer *writer)
{
    const struct pgd_restore *restore = writer->restore;
    return writer->kind == PGD_KIND_CUSTOM && !restore->check_only &&
           (pgd_plan_chooses(restore) || (restore->flags & KIST_RESTORE_DRILL));
}

static int read_contents(struct pgd_writer *writer, struct kist_error *err)
{
    const struct kist_host *host = writer->host;
    const struct pgd_restore *restore = writer->restore;
    if (pgd_toc_read(writer->head, writer->head_size, &writer->toc) != 0)
        return host->fail(host, err, KIST_ERR_UNSUPPORTED,
                          "the archive's table of contents cannot be read, and without it nothing can be chosen");
    if (!pgd_plan_chooses(restore))
        return 0;
    struct pgd_selection selection = {.tables = (const char *const *)restore->tables.items,
                                      .schemas = (const char *const *)restore->schemas.items,
                                      .into_live = restore->target.replace};
    return pgd_select(host, &selection, &writer->toc, err);
}

static int add_missing(struct pgd_writer *writer, struct pgd_link *link, const char *name, struct kist_error *err)
{
    PGresult *result = NULL;
    int code = pgd_query(link, "SELECT 1 FROM pg_catalog.pg_available_extensions WHERE name = $1", 1, &name,
                         &result, err);
    if (!code && PQntuples(result) == 0) {
        pgd_strings_add(&writer->restore->missing_extensions, "%s", name);
        writer->host->log(
            writer->host, KIST_LOG_WARNING,
            "the scratch server does not have the extension '%s': what needs it is left out of this drill", name);
    }
    PQclear(result);
    return code;
}

/* The names behind "CREATE EXTENSION IF NOT EXISTS" in the head of a plain dump, where all of them stand. */
static int missing_of_plain(struct pgd_writer *writer, struct pgd_link *link, struct kist_error *err)
{
    static const char words[] = "\nCREATE EXTENSION IF NOT EXISTS ";
    const char *at = writer->head, *end = writer->head + writer->head_size;
    int code = 0;
    while (!code && (at = memmem(at, (size_t)(end - at), words, sizeof words - 1)) != NULL) {
        char name[64] = "";
        size_t length = 0;
        at += sizeof words - 1;
        for (int quoted = 0; at < end && length < sizeof name - 1 && (quoted || (*at != ' ' && *at != ';')); at++)
            if (*at == '"')
                quoted = !quoted;
            else
                name[length++] = *at;
        code = add_missing(writer, link, name, err);
    }
    return code;
}

static int find_missing_extensions(struct pgd_writer *writer, struct kist_error *err)
{
    struct pgd_restore *restore = writer->restore;
    struct pgd_link link = {.host = writer->host};
    int code = pgd_connect_own(&link, &restore->target.result, restore->target.timeout_ms, err);
    if (!code && writer->kind == PGD_KIND_PLAIN)
        code = missing_of_plain(writer, &link, err);
    for (size_t i = 0; !code && i < writer->toc.count; i++)
        if (strcmp(writer->toc.entries[i].kind, "EXTENSION") == 0)
            code = add_missing(writer, &link, writer->toc.entries[i].tag, err);
    pgd_disconnect(&link);
    return code;
}

static int out_of_memory(const struct pgd_writer *writer, struct kist_error *err)
{
    return writer->host->fail(writer->host, err, KIST_ERR_FAILED, "out of memory");
}

static int prepare_drill(struct pgd_writer *writer, struct kist_error *err)
{
    struct pgd_restore *restore = writer->restore;
    struct pgd_programs *programs = &writer->programs;
    size_t left_out = 0;
    if (!(restore->flags & KIST_RESTORE_DRILL))
        return 0;
    int code = find_missing_extensions(writer, err);
    if (code)
        return code;
    if (writer->kind == PGD_KIND_CUSTOM && !pgd_plan_chooses(restore))
        left_out = pgd_select_for_drill(writer->host, (const char *const *)restore->missing_extensions.items,
                                        &writer->toc);
    if (left_out > 0 && !(programs->list = pgd_select_list(&writer->toc)))
        return out_of_memory(writer, err);
    /* A plain dump names owners at every step, and of a tar archive nothing can be left out: a scratch server does
     * not have it all. */
    programs->lenient = restore->missing_extensions.count > 0 || writer->kind != PGD_KIND_CUSTOM;
    return 0;
}

static int prepare_replace(struct pgd_writer *writer, const char *encoding, struct kist_error *err)
{
    struct pgd_restore *restore = writer->restore;
    struct pgd_programs *programs = &writer->programs;
    char stamp[64];
    struct pgd_replace replace = {.encoding = encoding,
                                  .lock_ms = restore->source->config->lock_timeout.ms,
                                  .keep_public_out = programs->makes_public,
                                  .toc = pgd_plan_chooses(restore) ? &writer->toc : NULL,
                                  .stamp = stamp};
    int code = 0;
    if (!restore->target.replace)
        return 0;
    pgd_derived_name(writer->host, "", "before", 1, stamp);
    programs->before = pgd_replace_before(&replace);
    programs->after = pgd_replace_after(&replace);
    if (!programs->before || !programs->after)
        return out_of_memory(writer, err);
    if (replace.toc) {
        struct pgd_link link = {.host = writer->host};
        code = pgd_connect_own(&link, &restore->target.result, restore->target.timeout_ms, err);
        if (!code)
            code = pgd_replace_tell(&replace, &link, err);
        pgd_disconnect(&link);
    }
    return code;
}

static enum pgd_way find_way(const struct pgd_writer *writer)
{
    const struct pgd_restore *restore = writer->restore;
    int plain = writer->kind == PGD_KIND_PLAIN;
    if (restore->check_only)
        return plain ? PGD_WAY_NONE : PGD_WAY_CHECK;
    if (restore->target.replace && !plain)
        return PGD_WAY_SCRIPT;
    if (restore->jobs > 1 && writer->kind == PGD_KIND_CUSTOM)
        return PGD_WAY_SPOOL;
    if (restore->jobs > 1)
        writer->host->log(writer->host, KIST_LOG_INFO, "a dump of this format is restored one after the other");
    return PGD_WAY_DIRECT;
}

int pgd_plan(struct pgd_writer *writer, struct kist_error *err)
{
    struct pgd_restore *restore = writer->restore;
    struct pgd_programs *programs = &writer->programs;
    char encoding[64];
    int known = find_encoding(writer, encoding), code = 0;
    programs->restore = restore;
    programs->host = writer->host;
    programs->kind = writer->kind;
    programs->way = find_way(writer);
    programs->makes_public = find_public(writer);
    if (restore->check_only)
        return 0;
    if (pgd_plan_needs_contents(writer))
        code = read_contents(writer, err);
    if (!code && pgd_plan_chooses(restore) && !(programs->list = pgd_select_list(&writer->toc)))
        code = out_of_memory(writer, err);
    if (!code)
        code = prepare_replace(writer, known ? encoding : NULL, err);
    if (!code)
        code = pgd_target_make(&restore->target, known ? encoding : NULL, err);
    return code ? code : prepare_drill(writer, err);
}
