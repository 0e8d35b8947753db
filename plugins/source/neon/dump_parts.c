/* dump_parts.c - readers, restores, writers and scratch places of the source pg_dump, handed on. */
#include "dump.h"

#include <stdlib.h>
#include <string.h>

/* One of them, and whose it is. */
struct part {
    const struct kist_host *host;
    const struct kist_source *calls;
    void *inner;
};

static int part_new(const struct kist_host *host, const struct kist_source *calls, struct part **ret_part,
                    struct kist_error *err)
{
    struct part *part = calloc(1, sizeof *part);
    if (!part)
        return neon_fail_memory(host, err);
    part->host = host;
    part->calls = calls;
    *ret_part = part;
    return 0;
}

static int part_keep(struct part *part, int code, void **ret_part)
{
    if (code == 0)
        *ret_part = part;
    else
        free(part);
    return code;
}

/* ---- reading ---- */

int neon_dump_read_begin(void *self, const struct kist_item *item, void **ret_reader, struct kist_error *err)
{
    struct neon_source *source = self;
    struct neon_dump *dump = NULL;
    struct part *part = NULL;
    int code = neon_dump_need(source, &dump, err);
    if (code == 0 && !dump->has_branch && !dump->is_aimed && !dump->is_live)
        code = source->host->fail(source->host, err, KIST_ERR_BUG, "an item is read before items were asked for");
    if (code == 0)
        code = part_new(source->host, dump->calls, &part, err);
    if (code != 0)
        return code;
    return part_keep(part, dump->calls->read_begin(dump->inner, item, &part->inner, err), ret_reader);
}

int neon_dump_read(void *reader, void *data, size_t capacity, size_t *ret_size, struct kist_error *err)
{
    struct part *part = reader;
    return part->calls->read(part->inner, data, capacity, ret_size, err);
}

int neon_dump_read_about(void *reader, kist_item_fn give, void *arg, struct kist_error *err)
{
    struct part *part = reader;
    return part->calls->read_about(part->inner, give, arg, err);
}

void neon_dump_read_end(void *reader)
{
    struct part *part = reader;
    part->calls->read_end(part->inner);
    free(part);
}

/* ---- restoring ---- */

/* A check touches no server. A drill's target was made by scratch_begin, which has looked what the source is. Any other target
 * that names a server can do without Neon; without one it is the branch that is configured. */
static int aim_for(struct neon_source *source, const struct kist_restore *restore, struct kist_error *err)
{
    struct neon_dump *dump = NULL;
    if (restore->mode == KIST_RESTORE_CHECK)
        return neon_dump_need(source, &dump, err);
    if (!neon_dump_is_address(restore->target))
        return neon_dump_need_live(source, err);
    return restore->flags & KIST_RESTORE_DRILL ? neon_dump_need(source, &dump, err)
                                               : neon_dump_try_live(source, err);
}

int neon_dump_restore_begin(void *self, const struct kist_restore *restore, void **ret_restore,
                            struct kist_error *err)
{
    struct neon_source *source = self;
    struct part *part = NULL;
    neon_api_start(&source->api);
    int code = aim_for(source, restore, err);
    if (code == 0)
        code = part_new(source->host, source->dump->calls, &part, err);
    if (code != 0)
        return code;
    return part_keep(part, part->calls->restore_begin(source->dump->inner, restore, &part->inner, err),
                     ret_restore);
}

int neon_dump_write_begin(void *restore, const struct kist_item *item, void **ret_writer, struct kist_error *err)
{
    struct part *whole = restore, *part = NULL;
    int code = part_new(whole->host, whole->calls, &part, err);
    if (code != 0)
        return code;
    return part_keep(part, whole->calls->write_begin(whole->inner, item, &part->inner, err), ret_writer);
}

int neon_dump_write(void *writer, const void *data, size_t size, struct kist_error *err)
{
    struct part *part = writer;
    return part->calls->write(part->inner, data, size, err);
}

int neon_dump_write_commit(void *writer, struct kist_error *err)
{
    struct part *part = writer;
    int code = part->calls->write_commit(part->inner, err);
    free(part);
    return code;
}

void neon_dump_write_abort(void *writer)
{
    struct part *part = writer;
    part->calls->write_abort(part->inner);
    free(part);
}

int neon_dump_restored_counts(void *restore, const struct kist_count *wanted, uint64_t count, kist_count_fn give,
                              void *arg, struct kist_error *err)
{
    struct part *part = restore;
    return part->calls->restored_counts(part->inner, wanted, count, give, arg, err);
}

void neon_dump_restore_reject(void *restore)
{
    struct part *part = restore;
    part->calls->restore_reject(part->inner);
}

int neon_dump_restore_place(void *restore, kist_place_fn give, void *arg, struct kist_error *err)
{
    struct part *part = restore;
    return part->calls->restore_place(part->inner, give, arg, err);
}

void neon_dump_restore_end(void *restore)
{
    struct part *part = restore;
    part->calls->restore_end(part->inner);
    free(part);
}

int neon_dump_swap(void *self, const struct kist_swap *swap, kist_swapped_fn give, void *arg,
                   struct kist_error *err)
{
    struct neon_source *source = self;
    neon_api_start(&source->api);
    int code =
        neon_dump_is_address(swap->target) ? neon_dump_try_live(source, err) : neon_dump_need_live(source, err);
    return code ? code : source->dump->calls->swap(source->dump->inner, swap, give, arg, err);
}

/* ---- drills ---- */

/* It compares the place with the source, where that can be asked. */
int neon_dump_scratch_begin(void *self, const char *work_dir, void **ret_scratch, const char **ret_target,
                            struct kist_error *err)
{
    struct neon_source *source = self;
    struct part *part = NULL;
    int code = neon_dump_try_live(source, err);
    if (code == 0)
        code = part_new(source->host, source->dump->calls, &part, err);
    if (code != 0)
        return code;
    code = part->calls->scratch_begin(source->dump->inner, work_dir, &part->inner, ret_target, err);
    return part_keep(part, code, ret_scratch);
}

void neon_dump_scratch_end(void *scratch)
{
    struct part *part = scratch;
    part->calls->scratch_end(part->inner);
    free(part);
}
