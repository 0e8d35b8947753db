#include "feed.h"

#include <stdlib.h>

#define PIECE ((size_t)512 * 1024)

/* Writes every piece once the next one is there; the last one once the pull has said the end. */
static int feed_pieces(struct kist_instance *source, void *writer, struct kist_pull *pull, unsigned char *memory,
                       size_t piece, struct kist_progress *progress, struct kist_error *err)
{
    unsigned char *held = memory, *next = memory + piece;
    size_t held_size = 0;
    for (;;) {
        size_t size = 0;
        int code = kist_cancel_is_set(source->cancel) ? kist_fail(err, KIST_ERR_CANCELLED, "stopped by a signal")
                                                      : kist_pull_read(pull, next, piece, &size, err);
        if (!code && held_size > 0)
            code =
                kist_instance_result(source, source->plugin->as.source.write(writer, held, held_size, err), err);
        if (code || size == 0)
            return code;
        kist_progress_add_raw(progress, size);
        unsigned char *free_half = held;
        held = next;
        held_size = size;
        next = free_half;
    }
}

int kist_feed_describe(const struct kist_manifest_item *item, struct kist_item *ret_item, struct kist_error *err)
{
    size_t pairs = json_object_size(item->metadata), at = 0;
    const char **metadata = pairs ? calloc(2 * pairs + 1, sizeof *metadata) : NULL;
    if (pairs && !metadata)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    const int known = item->raw.sha256[0] != '\0'; /* not while it is read for the first time */
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach(item->metadata, name, value) {
        metadata[at++] = name;
        metadata[at++] = json_string_value(value);
    }
    const struct kist_reference *reference = item->reference ? &item->reference->as : NULL;
    *ret_item = (struct kist_item){.struct_size = sizeof *ret_item,
                                   .flags = reference ? KIST_ITEM_REFERENCE : 0,
                                   .name = item->name,
                                   .format = item->format,
                                   .content_type = item->content_type,
                                   .size_estimate = reference ? reference->size
                                                    : known   ? (int64_t)item->raw.size
                                                              : -1,
                                   .version = item->version,
                                   .metadata = metadata,
                                   .sha256 = known ? item->raw.sha256 : NULL,
                                   .reference = reference};
    return 0;
}

void kist_feed_forget(struct kist_item *item)
{
    free((void *)item->metadata);
    item->metadata = NULL;
}

int kist_feed_item(struct kist_instance *source, void *restore, struct kist_pull *pull,
                   const struct kist_manifest_item *item, struct kist_progress *progress, struct kist_error *err)
{
    const struct kist_source *plugin = &source->plugin->as.source;
    struct kist_item given = {0};
    const size_t piece = kist_pull_piece(pull, PIECE);
    void *writer = NULL;
    unsigned char *memory = malloc(2 * piece);
    int code = memory ? kist_feed_describe(item, &given, err) : kist_fail(err, KIST_ERR_FAILED, "out of memory");
    if (!code)
        code = kist_instance_result(source, plugin->write_begin(restore, &given, &writer, err), err);
    if (!code) {
        code = feed_pieces(source, writer, pull, memory, piece, progress, err);
        if (code)
            plugin->write_abort(writer);
        else
            code = kist_instance_result(source, plugin->write_commit(writer, err), err);
    }
    kist_feed_forget(&given);
    free(memory);
    return code;
}
