/* A source, a filter or a notifier with as little as works (or, with LACKING, less than that). */
#include <kist/plugin.h>

static int open_instance(const struct kist_host *host, const void *config, void **ret_self, struct kist_error *err)
{
    (void)config;
    (void)err;
    *ret_self = (void *)(uintptr_t)host;
    return 0;
}

static void end(void *self)
{
    (void)self;
}

#if defined(SOURCE)
static int items(void *self, kist_item_fn give, void *arg, struct kist_error *err)
{
    (void)self;
    (void)give;
    (void)arg;
    (void)err;
    return -1;
}
static int read_begin(void *self, const struct kist_item *item, void **ret_reader, struct kist_error *err)
{
    (void)self;
    (void)item;
    (void)ret_reader;
    (void)err;
    return 7;
}
static int read_some(void *reader, void *data, size_t capacity, size_t *ret_size, struct kist_error *err)
{
    (void)reader;
    (void)data;
    (void)capacity;
    (void)ret_size;
    (void)err;
    return KIST_ERR_CORRUPT;
}
#ifndef FEATURES
#define FEATURES 0
#endif
KIST_SOURCE(.about = {.name = NAME, .version = "1", .summary = "gives nothing"}, .features = FEATURES,
            .open = open_instance, .close = end, .items = items, .read_begin = read_begin, .read = read_some,
            .read_end = end);
#elif defined(FILTER)
static uint64_t block_size(void *self)
{
    (void)self;
    return 65536;
}
static uint64_t encoded_bound(void *self, uint64_t size)
{
    (void)self;
    return size;
}
static int begin(void *self, void **ret_object, struct kist_error *err)
{
    (void)err;
    *ret_object = self;
    return 0;
}
static int encode(void *worker, const struct kist_block *block, void *out, size_t capacity, size_t *ret_size,
                  struct kist_error *err)
{
    (void)worker;
    (void)block;
    (void)out;
    (void)capacity;
    (void)err;
    *ret_size = 0;
    return 0;
}
static int decode(void *decoder, const void *data, size_t size, size_t *ret_taken, void *out, size_t capacity,
                  size_t *ret_given, struct kist_error *err)
{
    (void)decoder;
    (void)data;
    (void)out;
    (void)capacity;
    (void)err;
    *ret_taken = size;
    *ret_given = 0;
    return 0;
}
static int decode_finish(void *decoder, struct kist_error *err)
{
    (void)decoder;
    (void)err;
    return 0;
}
#ifndef SUFFIX
#define SUFFIX ".x"
#endif
KIST_FILTER(.about = {.name = NAME, .version = "1", .summary = "changes nothing"}, .suffix = SUFFIX,
            .stock_decoder = "cat", .open = open_instance, .close = end, .block_size = block_size,
            .encoded_bound = encoded_bound, .worker_open = begin, .worker_close = end, .encode = encode,
            .decode_begin = begin, .decode = decode, .decode_finish = decode_finish, .decode_end = end);
#else
static int notify(void *self, const struct kist_event *event, int64_t deadline_ms, struct kist_error *err)
{
    (void)self;
    (void)event;
    (void)deadline_ms;
    (void)err;
    return 0;
}
KIST_NOTIFIER(.about = {.name = NAME, .version = "1", .summary = "tells nobody"}, .open = open_instance,
              .close = end, .notify = notify);
#endif
