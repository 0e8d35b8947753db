#include "item_copy.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

/* The memory that all strings of the copy go into, one behind the other. */
struct block {
    char *data, *end;
    size_t size;
};

static int is_text(const char *text)
{
    return !text || kist_utf8_valid(text, strlen(text));
}

static size_t room_for(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

static void add(struct block *block, const char **text)
{
    size_t size = room_for(*text);
    if (!*text)
        return;
    memcpy(block->end, *text, size);
    *text = block->end;
    block->end += size;
}

/* The pairs that may be kept; their number. */
static size_t sound_pairs(const char *const *metadata, const char **ret_pairs)
{
    size_t count = 0;
    for (; metadata && metadata[0] && metadata[1]; metadata += 2)
        if (is_text(metadata[0]) && is_text(metadata[1])) {
            if (ret_pairs) {
                ret_pairs[2 * count] = metadata[0];
                ret_pairs[2 * count + 1] = metadata[1];
            }
            count++;
        }
    return count;
}

static void drop_unsound(struct kist_item *item)
{
    if (!is_text(item->content_type))
        item->content_type = NULL;
    if (!is_text(item->version))
        item->version = NULL;
}

int kist_item_copy(const struct kist_item *given, struct kist_item_copy *ret_copy)
{
    struct kist_item_copy copy = {.item = {.size_estimate = -1}};
    struct kist_item *item = &copy.item;
    memcpy(item, given, given->struct_size < sizeof *item ? given->struct_size : sizeof *item);
    item->struct_size = sizeof *item;
    item->reference = NULL;
    if (!item->name)
        return KIST_ERR_FAILED;
    drop_unsound(item);
    const char **texts[] = {&item->name,          &item->format,  &item->content_type, &item->database,
                            &item->stock_restore, &item->version, &item->sha256};
    size_t count = sizeof texts / sizeof *texts, pairs = sound_pairs(item->metadata, NULL);
    struct block block = {.size = 1};
    copy.metadata = pairs ? calloc(2 * pairs + 1, sizeof *copy.metadata) : NULL;
    if (pairs && !copy.metadata)
        return KIST_ERR_FAILED;
    if (pairs)
        sound_pairs(item->metadata, copy.metadata);
    for (size_t i = 0; i < count; i++)
        block.size += room_for(*texts[i]);
    for (size_t i = 0; i < 2 * pairs; i++)
        block.size += room_for(copy.metadata[i]);
    copy.texts = block.data = block.end = malloc(block.size);
    if (!block.data) {
        free(copy.metadata);
        return KIST_ERR_FAILED;
    }
    for (size_t i = 0; i < count; i++)
        add(&block, texts[i]);
    for (size_t i = 0; i < 2 * pairs; i++)
        add(&block, &copy.metadata[i]);
    item->metadata = copy.metadata;
    *ret_copy = copy;
    return 0;
}

void kist_item_copy_done(struct kist_item_copy *copy)
{
    free(copy->texts);
    free(copy->metadata);
    *copy = (struct kist_item_copy){0};
}

int kist_item_copy_take(void *arg, const struct kist_item *given)
{
    struct kist_item_copy *copy = arg, next;
    int code = kist_item_copy(given, &next);
    if (code)
        return code;
    kist_item_copy_done(copy);
    *copy = next;
    return 0;
}
