/* writer.c - one item on its way into the target. */
#include "writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first bytes wait for each other: nothing is begun before the kind and the encoding are known. */
#define HEAD_SIZE ((size_t)65536)
/* The table of contents waits, too, when something is to be chosen from it. */
#define HEAD_MAX ((size_t)32 << 20)

/* ---- what the head tells ---- */

static int corrupt(struct pgd_writer *writer, struct kist_error *err)
{
    int tar = writer->kind == PGD_KIND_TAR;
    return writer->host->fail(writer->host, err, KIST_ERR_CORRUPT, "this is not a whole %s dump: %s",
                              tar                              ? "tar"
                              : writer->kind == PGD_KIND_PLAIN ? "plain"
                                                               : "custom",
                              tar ? writer->tar.fault : writer->check.fault);
}

static int check_feed(struct pgd_writer *writer, const void *data, size_t size, struct kist_error *err)
{
    int bad = writer->kind == PGD_KIND_TAR ? pgd_tar_check_feed(&writer->tar, data, size)
                                           : pgd_stream_check_feed(&writer->check, data, size);
    return bad ? corrupt(writer, err) : 0;
}

static int check_end(struct pgd_writer *writer, struct kist_error *err)
{
    int bad =
        writer->kind == PGD_KIND_TAR ? pgd_tar_check_end(&writer->tar) : pgd_stream_check_end(&writer->check);
    return bad ? corrupt(writer, err) : 0;
}

/* Plain SQL goes as it is, and of a tar archive nothing is known before pg_restore reads it. */
static int refuse_choices(const struct pgd_writer *writer, struct kist_error *err)
{
    const struct kist_host *host = writer->host;
    const struct pgd_restore *restore = writer->restore;
    uint32_t parts = KIST_RESTORE_SCHEMA_ONLY | KIST_RESTORE_DATA_ONLY | KIST_RESTORE_NO_OWNER;
    int code = 0;
    if (pgd_plan_chooses(restore) && writer->kind != PGD_KIND_CUSTOM)
        code = host->fail(host, err, KIST_ERR_UNSUPPORTED,
                          "tables and schemas can be chosen from custom archives only");
    else if (writer->kind == PGD_KIND_PLAIN && (restore->flags & parts))
        code = host->fail(host, err, KIST_ERR_UNSUPPORTED,
                          "a plain dump is restored as it is: with its owners, definitions and data");
    if (code)
        host->hint(host, err, "restore it whole into a new database, and take from there what you want");
    return code;
}

static int settle(struct pgd_writer *writer, struct kist_error *err)
{
    const struct kist_host *host = writer->host;
    const char *looks = "", *obstacle;
    if (writer->settled)
        return 0;
    if (writer->kind == PGD_KIND_UNKNOWN) {
        writer->kind = pgd_recognize(writer->head, writer->head_size, &looks);
        if (writer->kind == PGD_KIND_UNKNOWN) {
            int code = host->fail(host, err, KIST_ERR_UNSUPPORTED, "this is no dump of pg_dump: it is %s", looks);
            host->hint(host, err, "custom, tar and plain dumps of pg_dump can be restored");
            return code;
        }
    }
    if (writer->kind == PGD_KIND_PLAIN && (obstacle = pgd_plain_obstacle(writer->head, writer->head_size)) != NULL)
        return host->fail(host, err, KIST_ERR_UNSUPPORTED, "the plain dump cannot be restored: %s", obstacle);
    if (writer->kind == PGD_KIND_PLAIN && (writer->restore->flags & KIST_RESTORE_FOREIGN)) {
        int code =
            host->fail(host, err, KIST_ERR_REFUSED,
                       "this plain dump is a script for psql, which can run programs on this machine, and no "
                       "backup vouches for it");
        host->hint(host, err, "if you trust whoever made it: --trust-sql");
        return code;
    }
    pgd_stream_check_init(&writer->check, writer->kind == PGD_KIND_PLAIN);
    pgd_tar_check_init(&writer->tar);
    writer->settled = 1;
    return writer->restore->check_only ? 0 : refuse_choices(writer, err);
}

static int begin(struct pgd_writer *writer, struct kist_error *err)
{
    writer->begun = 1;
    int code = pgd_plan(writer, err);
    if (!code)
        code = pgd_programs_start(&writer->programs, err);
    if (!code)
        code = pgd_programs_feed(&writer->programs, writer->head, writer->head_size, err);
    free(writer->head);
    writer->head = NULL;
    return code;
}

/* ---- the callbacks ---- */

int pgd_write_begin(void *self, const struct kist_item *item, void **ret_writer, struct kist_error *err)
{
    struct pgd_restore *restore = self;
    const struct kist_host *host = restore->host;
    const char *format = item->format;
    enum pgd_kind kind = !format                         ? PGD_KIND_UNKNOWN
                         : strcmp(format, "plain") == 0  ? PGD_KIND_PLAIN
                         : strcmp(format, "custom") == 0 ? PGD_KIND_CUSTOM
                                                         : PGD_KIND_TAR;
    if (kind == PGD_KIND_TAR)
        return host->fail(host, err, KIST_ERR_UNSUPPORTED, "'%s' is of the format '%s', which is not known here",
                          item->name, format);
    struct pgd_writer *writer = calloc(1, sizeof *writer);
    if (!writer || !(writer->head = malloc(HEAD_SIZE))) {
        free(writer);
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    }
    writer->head_room = HEAD_SIZE;
    writer->restore = restore;
    writer->host = host;
    writer->kind = kind;
    writer->programs.spool.fd = -1;
    restore->begun++;
    *ret_writer = writer;
    return 0;
}

static int out_of_memory(const struct pgd_writer *writer, struct kist_error *err)
{
    return writer->host->fail(writer->host, err, KIST_ERR_FAILED, "out of memory");
}

static int gather(struct pgd_writer *writer, const void *data, size_t size, struct kist_error *err)
{
    if (size > writer->head_room - writer->head_size) {
        size_t room = 2 * (writer->head_size + size);
        char *head = realloc(writer->head, room);
        if (!head)
            return out_of_memory(writer, err);
        writer->head = head;
        writer->head_room = room;
    }
    memcpy(writer->head + writer->head_size, data, size);
    writer->head_size += size;
    return 0;
}

/* Begins as soon as the head tells enough. */
static int try_begin(struct pgd_writer *writer, struct kist_error *err)
{
    if (writer->head_size < HEAD_SIZE)
        return 0;
    int code = settle(writer, err);
    if (!code)
        code = check_feed(writer, writer->head + writer->checked, writer->head_size - writer->checked, err);
    writer->checked = writer->head_size;
    if (code)
        return code;
    if (pgd_plan_needs_contents(writer) && pgd_archive_listed(&writer->check.archive) == 0) {
        if (writer->head_size < HEAD_MAX)
            return 0;
        return writer->host->fail(
            writer->host, err, KIST_ERR_UNSUPPORTED,
            "the archive's table of contents is longer than %zu MiB: too long to choose from", HEAD_MAX >> 20);
    }
    return begin(writer, err);
}

int pgd_write(void *self, const void *data, size_t size, struct kist_error *err)
{
    struct pgd_writer *writer = self;
    if (!writer->begun) {
        int code = gather(writer, data, size, err);
        return code ? code : try_begin(writer, err);
    }
    int code = check_feed(writer, data, size, err);
    return code ? code : pgd_programs_feed(&writer->programs, data, size, err);
}

void pgd_write_abort(void *self)
{
    struct pgd_writer *writer = self;
    pgd_programs_done(&writer->programs); /* before the database is dropped, which they may hold open */
    if (!writer->restore->check_only)
        pgd_target_drop(&writer->restore->target);
    pgd_toc_done(&writer->toc);
    free(writer->head);
    free(writer);
}

static int commit(struct pgd_writer *writer, struct kist_error *err)
{
    int code = settle(writer, err);
    if (!code && !writer->begun)
        code = check_feed(writer, writer->head + writer->checked, writer->head_size - writer->checked, err);
    /* Before the program sees the end of its input: a dump that is not whole must not be committed by it. */
    if (!code)
        code = check_end(writer, err);
    if (!code && !writer->begun)
        code = begin(writer, err);
    return code ? code : pgd_programs_finish(&writer->programs, err);
}

int pgd_write_commit(void *self, struct kist_error *err)
{
    struct pgd_writer *writer = self;
    struct pgd_restore *restore = writer->restore;
    int code = commit(writer, err);
    if (code) {
        pgd_write_abort(writer);
        return code;
    }
    restore->committed++;
    pgd_programs_done(&writer->programs);
    pgd_toc_done(&writer->toc);
    free(writer->head);
    free(writer);
    return 0;
}
