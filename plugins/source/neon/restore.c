/* restore.c - a restore is one of a reference or a moment, which is ours, or of a dump, which is handed on. */
#include "dump.h"

#include <stdlib.h>
#include <string.h>

void neon_restore_free(struct neon_restore *restore)
{
    if (!restore)
        return;
    free(restore->name);
    free(restore->fresh);
    free(restore->kept);
    free(restore->at);
    free(restore->look);
    free(restore->holds);
    free(restore->server);
    free(restore);
}

/* 1: references; 0: bytes, or nothing at all; else an error. */
static int has_references(const struct kist_host *host, const struct kist_restore *asked, struct kist_error *err)
{
    uint64_t count = 0;
    for (uint64_t i = 0; i < asked->item_count; i++)
        count += asked->items[i].reference != NULL;
    if (count == 0)
        return 0;
    if (count == 1 && asked->item_count == 1)
        return 1;
    return host->fail(host, err, KIST_ERR_UNSUPPORTED,
                      "a branch or snapshot is restored alone, and nothing with it");
}

static int refuse_branch(const struct kist_host *host, struct kist_error *err)
{
    host->fail(host, err, KIST_ERR_REFUSED, "a dump makes no branch");
    host->hint(host, err, "--to NAME --create restores it into a database of that name");
    return KIST_ERR_REFUSED;
}

int neon_restore_begin(void *self, const struct kist_restore *asked, void **ret_restore, struct kist_error *err)
{
    struct neon_source *source = self;
    struct neon_restore *restore = calloc(1, sizeof *restore);
    if (!restore)
        return neon_fail_memory(source->host, err);
    restore->source = source;
    neon_api_start(&source->api);
    int rc = asked->at ? 1 : has_references(source->host, asked, err);
    if (rc == 0 && (asked->flags & KIST_RESTORE_BRANCH))
        rc = refuse_branch(source->host, err);
    else if (rc == 0)
        rc = neon_dump_restore_begin(self, asked, &restore->dump, err);
    else if (rc > 0)
        rc = neon_plan(restore, asked, err);
    if (rc == 0)
        *ret_restore = restore;
    else
        neon_restore_free(restore);
    return rc;
}

int neon_write_begin(void *self, const struct kist_item *item, void **ret_writer, struct kist_error *err)
{
    const struct neon_restore *restore = self;
    const struct kist_host *host = restore->source->host;
    return restore->dump ? neon_dump_write_begin(restore->dump, item, ret_writer, err)
                         : host->fail(host, err, KIST_ERR_BUG, "a reference has no bytes to write");
}

int neon_counts(void *self, kist_count_fn give, void *arg, struct kist_error *err)
{
    const struct neon_source *source = self;
    return source->config->mode.index == NEON_DUMP ? neon_dump_counts(self, give, arg, err) : 0;
}

int neon_restored_counts(void *self, const struct kist_count *wanted, uint64_t count, kist_count_fn give,
                         void *arg, struct kist_error *err)
{
    const struct neon_restore *restore = self;
    return restore->dump ? neon_dump_restored_counts(restore->dump, wanted, count, give, arg, err) : 0;
}

void neon_restore_reject(void *self)
{
    const struct neon_restore *restore = self;
    if (restore->dump)
        neon_dump_restore_reject(restore->dump);
}

int neon_restore_place(void *self, kist_place_fn give, void *arg, struct kist_error *err)
{
    const struct neon_restore *restore = self;
    if (restore->dump)
        return neon_dump_restore_place(restore->dump, give, arg, err);
    const struct kist_place place = {.struct_size = sizeof place,
                                     .flags = restore->flags,
                                     .name = restore->name,
                                     .server = restore->server,
                                     .fresh = restore->in_place ? NULL : restore->fresh,
                                     .holds = restore->holds,
                                     .look = restore->look,
                                     .kept = restore->kept,
                                     .kind = "branch"};
    return give(arg, &place);
}

void neon_restore_end(void *self)
{
    struct neon_restore *restore = self;
    if (restore->dump)
        neon_dump_restore_end(restore->dump);
    neon_restore_free(restore);
}
