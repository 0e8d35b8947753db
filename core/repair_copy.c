#include "repair_copy.h"
#include "catalog.h"
#include "key.h"
#include "log.h"
#include "marks.h"
#include "pull.h"

#include <stdlib.h>
#include <string.h>

#define PIECE ((size_t)1 << 20)

/* An object of the backup. */
struct object {
    const char *key;
    const struct kist_digest *digest;
    int there; /* on the destination, before this copy */
};

struct work {
    struct kist_backup_copy *copy;
    struct kist_manifest manifest;
    char *text; /* of the manifest */
    size_t text_size;
    struct object *objects;
    size_t count;
    unsigned char *memory;
};

static int no_memory(struct kist_error *err)
{
    return kist_fail(err, KIST_ERR_FAILED, "out of memory");
}

/* ---- what belongs to it ---- */

static int read_manifest(struct work *work, struct kist_error *err)
{
    const struct kist_backup_copy *copy = work->copy;
    char *key = kist_catalog_key(copy->pipeline, copy->id, ".json");
    int code = key ? kist_store_get_bytes(copy->from, key, KIST_MANIFEST_LIMIT, &work->text, &work->text_size, err)
                   : no_memory(err);
    if (!code)
        code = kist_manifest_parse(work->text, work->text_size, copy->sign_key, copy->pipeline, copy->id,
                                   &work->manifest, err);
    if (code == KIST_ERR_CORRUPT)
        kist_error_prefix(err, "%s: '%s'", kist_store_name(copy->from), key);
    free(key);
    return code;
}

static int list_objects(struct work *work, struct kist_error *err)
{
    const struct kist_manifest *manifest = &work->manifest;
    work->objects = calloc(manifest->item_count + 1, sizeof *work->objects);
    if (!work->objects)
        return no_memory(err);
    /* What a provider holds is no more there for being named once more: the manifest is copied, and that is all. */
    for (size_t i = 0; i < manifest->item_count; i++)
        if (manifest->items[i].key)
            work->objects[work->count++] =
                (struct object){.key = manifest->items[i].key, .digest = &manifest->items[i].stored};
    if (manifest->notes_key)
        work->objects[work->count++] = (struct object){.key = manifest->notes_key, .digest = &manifest->notes};
    return 0;
}

/* ---- what is there ---- */

static int ignore_object(void *arg, const struct kist_object *object)
{
    (void)arg;
    (void)object;
    return 0;
}

static int note_any(void *arg, const struct kist_object *object)
{
    (void)object;
    *(int *)arg = 1;
    return KIST_ERR_EXISTS;
}

/* Nothing at all in the backup's own folder, as is usual, saves asking for each object. */
static int look_at_folder(const struct work *work, const char *folder, int *ret_any, struct kist_error *err)
{
    int code = kist_store_list(work->copy->to, folder, note_any, ret_any, err);
    if (code && !*ret_any)
        return code;
    kist_error_clear(err);
    return 0;
}

static int look(struct work *work, struct kist_error *err)
{
    char *folder = kist_key_join(work->copy->pipeline, work->copy->id, NULL);
    int any = 0, code = folder ? look_at_folder(work, folder, &any, err) : no_memory(err);
    for (size_t i = 0; i < work->count && !code; i++) {
        struct object *object = &work->objects[i];
        if (!any && kist_key_is_below(object->key, folder))
            continue;
        code = kist_store_stat(work->copy->to, object->key, ignore_object, NULL, err);
        object->there = !code;
        if (code == KIST_ERR_NOT_FOUND) {
            kist_error_clear(err);
            code = 0;
        }
    }
    free(folder);
    return code;
}

/* ---- objects ---- */

/* Reads an object to its end, which proves it, and hands all of it to `writer`, if there is one. */
static int read_object(struct work *work, struct kist_store *store, const struct object *object, void *writer,
                       struct kist_error *err)
{
    /* Only read from: nothing changes the key through this. */
    const struct kist_manifest_item item = {
        .key = (char *)(uintptr_t)object->key, .stored = *object->digest, .raw = *object->digest};
    struct kist_pull *pull = NULL;
    size_t size = 1;
    int code = kist_pull_open(store, &item, NULL, 0, &pull, err);
    while (!code && size > 0) {
        code = kist_pull_read(pull, work->memory, PIECE, &size, err);
        if (!code && size > 0 && writer)
            code = kist_store_put_write(work->copy->to, writer, work->memory, size, err);
    }
    kist_pull_close(pull);
    return code;
}

/* Where the new object begins: with what the old one carries. */
struct beginning {
    const struct work *work;
    const struct object *object;
    int begun;
    void *writer;
    struct kist_error err; /* why it did not begin */
};

static int begin_alike(void *arg, const struct kist_object *there)
{
    struct beginning *beginning = arg;
    const struct object *object = beginning->object;
    if (beginning->begun)
        return 0;
    const struct kist_put put = {.struct_size = sizeof put,
                                 .key = object->key,
                                 .size = (int64_t)object->digest->size,
                                 .size_estimate = (int64_t)object->digest->size,
                                 .content_type = there->content_type,
                                 .metadata = there->metadata};
    beginning->begun =
        kist_store_put_begin(beginning->work->copy->to, &put, &beginning->writer, &beginning->err) == 0;
    /* It was tried as often as it may be: asking again would change nothing. */
    return beginning->begun ? 0 : KIST_ERR_CANCELLED;
}

static int copy_object(struct work *work, const struct object *object, struct kist_error *err)
{
    const struct kist_backup_copy *copy = work->copy;
    struct beginning beginning = {.work = work, .object = object, .err = KIST_ERROR_INIT};
    int code = kist_store_stat(copy->from, object->key, begin_alike, &beginning, err);
    if (beginning.err.code)
        return kist_error_move(err, &beginning.err);
    if (!code)
        code = read_object(work, copy->from, object, beginning.writer, err);
    if (!code)
        return kist_store_put_commit(copy->to, beginning.writer, object->digest->size, err);
    if (beginning.begun)
        kist_store_put_abort(copy->to, beginning.writer);
    return code;
}

static int bring_object(struct work *work, const struct object *object, struct kist_error *err)
{
    int code = object->there ? KIST_ERR_EXISTS : copy_object(work, object, err);
    if (code != KIST_ERR_EXISTS)
        return code;
    /* What lies there may be what is wanted: only its bytes tell. */
    kist_error_clear(err);
    return read_object(work, work->copy->to, object, NULL, err);
}

/* ---- all of it ---- */

static int write_note(const struct work *work, struct kist_error *err)
{
    const struct kist_backup_copy *copy = work->copy;
    char **keys = calloc(work->count + 1, sizeof *keys);
    size_t count = 0;
    if (!keys)
        return no_memory(err);
    for (size_t i = 0; i < work->count; i++)
        if (!work->objects[i].there)
            keys[count++] = (char *)(uintptr_t)work->objects[i].key;
    int code = kist_catalog_begin(copy->to, copy->pipeline, copy->id, copy->owner, keys, count, NULL, err);
    free(keys);
    return code;
}

/* What lies there already may be just what a prune of another host is removing, which began before the note was there. */
static int check_remains(const struct work *work, struct kist_error *err)
{
    const struct kist_backup_copy *copy = work->copy;
    struct kist_catalog catalog = {0};
    size_t there = 0;
    for (size_t i = 0; i < work->count; i++)
        there += work->objects[i].there ? 1 : 0;
    int code = there ? kist_catalog_read(copy->to, copy->pipeline, &catalog, err) : 0;
    if (!code && kist_catalog_has_remains(&catalog)) {
        code = kist_fail(err, KIST_ERR_UNAVAILABLE,
                         "some of it is there already, and so is what a prune has not finished to remove");
        kist_hint(err, "`kist prune %s` goes on with that; then copy it again", copy->pipeline);
    }
    kist_catalog_done(&catalog);
    return code;
}

/* What a provider holds goes when no destination has the backup. From the note on, whoever takes it away elsewhere sees that it
 * comes; one who did so before may have discarded it. */
static int check_source(const struct work *work, struct kist_error *err)
{
    const struct kist_backup_copy *copy = work->copy;
    int exists = 1;
    int code = kist_manifest_has_references(&work->manifest)
                   ? kist_catalog_exists(copy->from, copy->pipeline, copy->id, &exists, err)
                   : 0;
    return code || exists ? code
                          : kist_fail(err, KIST_ERR_NOT_FOUND, "it has just been deleted on '%s'",
                                      kist_store_name(copy->from));
}

/* What a person said of it is true of every copy. The backup itself is there, whatever becomes of this. */
static void bring_marks(const struct kist_backup_copy *copy)
{
    static const char *const words[] = {KIST_MARK_HELD, KIST_MARK_ACCEPTED};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
        const struct kist_catalog_mark *mark = kist_mark_find(copy->marks, copy->id, words[i]);
        if (!mark || !kist_mark_copy(copy->from, copy->to, copy->pipeline, mark, &err))
            continue;
        kist_error_prefix(&err, "%s is copied, but not that it is %s", copy->id, words[i]);
        kist_log_at(KIST_LOG_WARNING, copy->pipeline, &err);
    }
}

/* Takes away what a copy that failed has left. A store that was cancelled keeps it, with the note, for the next run. */
static void undo(const struct kist_backup_copy *copy)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct kist_catalog catalog = {0};
    uint64_t removed = 0;
    if (kist_cancel_is_set(copy->to->cancel))
        return;
    int code = kist_catalog_read(copy->to, copy->pipeline, &catalog, &err);
    /* Notes of runs that were cut off may have to stay for what a provider holds of them. */
    kist_catalog_forget_others(&catalog, copy->id);
    if (!code)
        code = kist_catalog_sweep(copy->to, copy->pipeline, copy->owner, &catalog, &removed, &err);
    kist_catalog_done(&catalog);
    if (code) {
        kist_error_prefix(&err, "cannot remove what the failed copy wrote (the next run tries again)");
        kist_log_at(KIST_LOG_WARNING, NULL, &err);
    }
}

static int bring_all(struct work *work, struct kist_error *err)
{
    const struct kist_backup_copy *copy = work->copy;
    int code = look(work, err);
    if (!code)
        code = write_note(work, err);
    if (code)
        return code;
    code = check_remains(work, err);
    if (!code)
        code = check_source(work, err);
    for (size_t i = 0; i < work->count && !code; i++)
        code = kist_cancel_is_set(copy->to->cancel) ? kist_fail(err, KIST_ERR_CANCELLED, "stopped by a signal")
                                                    : bring_object(work, &work->objects[i], err);
    /* Before the manifest, so that it is never there without what keeps it there. */
    if (!code)
        bring_marks(copy);
    if (!code)
        code = kist_catalog_commit(copy->to, copy->pipeline, copy->id, work->text, work->text_size, err);
    if (code) {
        undo(copy);
        return code;
    }
    /* A note that stays does no harm: the next run sees the manifest and removes it. */
    KIST_CLEANUP_ERROR struct kist_error ignored = KIST_ERROR_INIT;
    if (kist_catalog_end(copy->to, copy->pipeline, copy->id, &ignored))
        kist_log_at(KIST_LOG_WARNING, NULL, &ignored);
    return 0;
}

int kist_backup_copy(struct kist_backup_copy *copy, struct kist_error *err)
{
    struct work work = {.copy = copy, .memory = malloc(PIECE)};
    int code = work.memory ? read_manifest(&work, err) : no_memory(err);
    if (!code)
        code = list_objects(&work, err);
    if (!code)
        copy->size = kist_manifest_stored_size(&work.manifest);
    if (!code && !copy->dry_run)
        code = bring_all(&work, err);
    kist_manifest_done(&work.manifest);
    free(work.text);
    free(work.objects);
    free(work.memory);
    return code;
}
