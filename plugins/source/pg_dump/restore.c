#include "pg_dump.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "child.h"

/* The first bytes wait for each other: nothing is begun before the magic and the encoding are known. */
#define HEAD_SIZE ((size_t)65536)

struct restore {
    const struct pgd_source *source;
    const struct kist_host *host;
    int check_only;
    struct pgd_target target;
};

struct writer {
    struct restore *restore;
    const struct kist_host *host;
    int plain, begun;
    int makes_public;         /* the dump creates the schema public, which every new database has */
    struct kist_child *child; /* NULL: nothing to feed (a plain dump is only looked at) */
    struct pgd_stream_check check;
    size_t head_size;
    char head[HEAD_SIZE];
};

int pgd_restore_begin(void *self, const struct kist_restore *wanted, void **ret_restore, struct kist_error *err)
{
    const struct pgd_source *source = self;
    struct restore *restore = calloc(1, sizeof *restore);
    if (!restore)
        return source->host->fail(source->host, err, KIST_ERR_FAILED, "out of memory");
    restore->source = source;
    restore->host = source->host;
    restore->check_only = wanted->mode == KIST_RESTORE_CHECK;
    int code = restore->check_only ? 0 : pgd_target_prepare(source, wanted, &restore->target, err);
    if (code)
        free(restore);
    else
        *ret_restore = restore;
    return code;
}

void pgd_restore_end(void *self)
{
    struct restore *restore = self;
    if (!restore->check_only) {
        pgd_target_drop(&restore->target); /* for a restore that ended without its item */
        pgd_target_done(&restore->target);
    }
    free(restore);
}

/* ---- the programs ---- */

static void restore_arguments(const struct writer *writer, const char *program, struct pgd_strings *ret_arguments)
{
    const struct pgd_target *target = &writer->restore->target;
    pgd_strings_add(ret_arguments, "%s", program);
    if (writer->restore->check_only) {
        pgd_strings_add(ret_arguments, "--file=/dev/null");
        return;
    }
    pgd_strings_add(ret_arguments, "--no-password");
    pgd_strings_add(ret_arguments, "--dbname=%s", target->server.conninfo_restore);
    if (writer->plain) {
        pgd_strings_add(ret_arguments, "--no-psqlrc");
        pgd_strings_add(ret_arguments, "--quiet");
        pgd_strings_add(ret_arguments, "--set=ON_ERROR_STOP=1");
        pgd_strings_add(ret_arguments, "--file=-");
        return;
    }
    pgd_strings_add(ret_arguments, "--exit-on-error");
    pgd_strings_add(ret_arguments, "--single-transaction");
    /* Without --clean the target is empty: what is dropped then, within the transaction, is the empty schema. */
    if (target->clean || writer->makes_public) {
        pgd_strings_add(ret_arguments, "--clean");
        pgd_strings_add(ret_arguments, "--if-exists");
    }
}

static int start_program(struct writer *writer, struct kist_error *err)
{
    const struct pgd_source *source = writer->restore->source;
    struct pgd_strings arguments = {0};
    struct pgd_tool tool = {0};
    struct pgd_launch launch = {.password = writer->restore->target.server.password, .feed = 1};
    int code =
        pgd_tool_find(writer->host, writer->plain ? "psql" : "pg_restore", source->config->pg_dump, 0, &tool, err);
    if (code)
        return code;
    restore_arguments(writer, tool.path, &arguments);
    code = pgd_launch(writer->host, &arguments, &launch, &writer->child, err);
    pgd_strings_done(&arguments);
    pgd_tool_done(&tool);
    return code;
}

/* The encoding that the dump says it is in; both formats say it in their first lines. */
static int find_encoding(const struct writer *writer, char name[64])
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
static int find_public(const struct writer *writer)
{
    static const char words[] = "CREATE SCHEMA public;\n";
    return memmem(writer->head, writer->head_size, words, sizeof words - 1) != NULL;
}

static int child_failed(struct writer *writer, int code, struct kist_error *err)
{
    const struct kist_host *host = writer->host;
    code = pgd_explain(host, writer->child, code, err);
    if (code == KIST_ERR_FAILED && writer->restore->target.clean && !err->hint)
        host->hint(host, err,
                   "nothing was changed; what --clean cannot replace piece by piece can be restored into a new "
                   "database (--create)");
    if (code == KIST_ERR_FAILED && kist_child_exit_status(writer->child) == 0)
        return host->fail(host, err, KIST_ERR_CORRUPT, "bytes follow the end of the archive");
    if (code == KIST_ERR_FAILED && writer->restore->check_only && kist_child_exit_status(writer->child) > 0)
        return host->fail(host, err, KIST_ERR_CORRUPT, "the dump cannot be read to its end: %s",
                          kist_child_said(writer->child));
    return code;
}

static int feed(struct writer *writer, const void *data, size_t size, struct kist_error *err)
{
    int code = writer->child ? kist_child_write(writer->child, data, size, err) : 0;
    return code ? child_failed(writer, code, err) : 0;
}

/* The head is complete: makes the database if need be, starts the program, gives it what has come so far. */
static int begin(struct writer *writer, struct kist_error *err)
{
    char encoding[64];
    static const char drop_public[] = "DROP SCHEMA IF EXISTS public;\n";
    int known = find_encoding(writer, encoding), code = 0;
    writer->begun = 1;
    writer->makes_public = find_public(writer);
    if (writer->plain && writer->restore->check_only)
        return 0;
    if (!writer->restore->check_only)
        code = pgd_target_make(&writer->restore->target, known ? encoding : NULL, err);
    if (!code)
        code = start_program(writer, err);
    /* psql takes the end of a cut script for its end, and -1 would commit it then. So the COMMIT is ours to send.
     */
    if (!code && writer->plain)
        code = feed(writer, "BEGIN;\n", 7, err);
    if (!code && writer->plain && writer->makes_public)
        code = feed(writer, drop_public, sizeof drop_public - 1, err);
    return code ? code : feed(writer, writer->head, writer->head_size, err);
}

/* ---- the callbacks ---- */

int pgd_write_begin(void *self, const struct kist_item *item, void **ret_writer, struct kist_error *err)
{
    struct restore *restore = self;
    const struct kist_host *host = restore->host;
    const char *format = item->format ? item->format : "custom";
    int plain = strcmp(format, "plain") == 0;
    if (!plain && strcmp(format, "custom") != 0)
        return host->fail(host, err, KIST_ERR_UNSUPPORTED, "'%s' is of the format '%s', which is not known here",
                          item->name, format);
    if (plain && restore->target.clean) {
        int code = host->fail(host, err, KIST_ERR_UNSUPPORTED,
                              "a plain dump cannot replace what is in database '%s': it only adds",
                              restore->target.database);
        host->hint(host, err, "restore into an empty or new database (--create)");
        return code;
    }
    struct writer *writer = calloc(1, sizeof *writer);
    if (!writer)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    writer->restore = restore;
    writer->host = host;
    writer->plain = plain;
    pgd_stream_check_init(&writer->check, plain);
    *ret_writer = writer;
    return 0;
}

static int corrupt(struct writer *writer, struct kist_error *err)
{
    return writer->host->fail(writer->host, err, KIST_ERR_CORRUPT, "this is not a whole %s dump: %s",
                              writer->plain ? "plain" : "custom", writer->check.fault);
}

int pgd_write(void *self, const void *data, size_t size, struct kist_error *err)
{
    struct writer *writer = self;
    const char *at = data;
    if (pgd_stream_check_feed(&writer->check, data, size) != 0)
        return corrupt(writer, err);
    if (!writer->begun) {
        size_t take = HEAD_SIZE - writer->head_size < size ? HEAD_SIZE - writer->head_size : size;
        memcpy(writer->head + writer->head_size, at, take);
        writer->head_size += take;
        at += take;
        size -= take;
        int code = writer->head_size == HEAD_SIZE ? begin(writer, err) : 0;
        if (code)
            return code;
    }
    return size > 0 ? feed(writer, at, size, err) : 0;
}

void pgd_write_abort(void *self)
{
    struct writer *writer = self;
    kist_child_free(writer->child); /* before the database is dropped, which it may hold open */
    if (!writer->restore->check_only)
        pgd_target_drop(&writer->restore->target);
    free(writer);
}

static int commit(struct writer *writer, struct kist_error *err)
{
    /* Before the program sees the end of its input: a dump that is not whole must not be committed by it. */
    if (pgd_stream_check_end(&writer->check) != 0)
        return corrupt(writer, err);
    int code = writer->begun ? 0 : begin(writer, err);
    if (!code && writer->plain)
        code = feed(writer, "\nCOMMIT;\n", 9, err);
    if (code || !writer->child)
        return code;
    code = kist_child_finish(writer->child, err);
    return code ? child_failed(writer, code, err) : 0;
}

int pgd_write_commit(void *self, struct kist_error *err)
{
    struct writer *writer = self;
    int code = commit(writer, err);
    if (!code)
        writer->restore->target.made = 0; /* it stays */
    pgd_write_abort(writer);
    return code;
}
