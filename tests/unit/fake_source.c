#include "fakes.h"

#include <stdlib.h>
#include <string.h>

struct open_source {
    const struct kist_host *host;
    struct fake_source *source;
};

static int source_open(const struct kist_host *host, const void *config, void **ret_self, struct kist_error *err)
{
    (void)err;
    struct open_source *open = calloc(1, sizeof *open);
    if (!open)
        abort();
    open->host = host;
    open->source = (struct fake_source *)(uintptr_t)config;
    *ret_self = open;
    return 0;
}

static int source_items(void *self, kist_item_fn give, void *arg, struct kist_error *err)
{
    struct kist_item item = {.struct_size = sizeof item, .name = "item", .size_estimate = -1};
    (void)self;
    (void)err;
    return give(arg, &item);
}

static int source_read_begin(void *self, const struct kist_item *item, void **ret_reader, struct kist_error *err)
{
    struct open_source *open = self;
    (void)item;
    if (open->source->fail_begin)
        return open->host->fail(open->host, err, open->source->fail_begin, "it does not begin");
    open->source->begun++;
    *ret_reader = self;
    return 0;
}

static int source_read(void *reader, void *data, size_t capacity, size_t *ret_size, struct kist_error *err)
{
    struct open_source *open = reader;
    struct fake_source *source = open->source;
    if (source->endless && open->host->cancelled(open->host))
        return open->host->fail(open->host, err, KIST_ERR_CANCELLED, "the source was told to stop");
    size_t left = source->endless ? SIZE_MAX : source->size - source->given;
    if (source->fail && source->fail_at - source->given < left)
        left = source->fail_at - source->given;
    if (source->fail && left == 0)
        return open->host->fail(open->host, err, source->fail, "the dump was cut off");
    size_t size = capacity < left ? capacity : left;
    if (source->piece && size > source->piece)
        size = source->piece;
    if (source->endless)
        memset(data, 'e', size);
    else if (size > 0)
        memcpy(data, source->data + source->given, size);
    source->given += size;
    *ret_size = source->too_many ? capacity + 1 : size;
    return 0;
}

static void source_read_end(void *reader)
{
    struct open_source *open = reader;
    open->source->ended++;
}

/* Nothing more than what items() gave. */
static int source_read_about(void *reader, kist_item_fn give, void *arg, struct kist_error *err)
{
    (void)reader;
    (void)give;
    (void)arg;
    (void)err;
    return 0;
}

const struct kist_plugin fake_source_plugin = {
    .kind = KIST_KIND_SOURCE,
    .name = "fakesource",
    .about = {.name = "fakesource", .version = "1.0"},
    .as.source = {.open = source_open,
                  .close = free,
                  .items = source_items,
                  .read_begin = source_read_begin,
                  .read = source_read,
                  .read_end = source_read_end,
                  .read_about = source_read_about},
};
