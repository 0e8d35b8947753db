/* A destination as an older version of the interface would have made it: its descriptor ends before `sweep`, and
 * what follows in memory is not a callback. */
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

static int never(void)
{
    return KIST_ERR_UNSUPPORTED;
}

typedef int (*callback)(void);

struct old_destination {
    struct kist_plugin_head head;
    struct kist_plugin_about about;
    uint64_t features;
    int (*open)(const struct kist_host *host, const void *config, void **ret_self, struct kist_error *err);
    void (*close)(void *self);
    callback check, put_begin, put_write, put_commit;
    void (*put_abort)(void *writer);
    callback get_begin, get_read;
    void (*get_end)(void *reader);
    callback list, stat, remove;
};

_Static_assert(sizeof(struct old_destination) == offsetof(struct kist_destination, sweep), "the old end");

struct with_rest {
    struct old_destination old;
    uint64_t rest[8];
};

/* The symbol is as long as the rest, so that only struct_size says where the descriptor ends. */
extern const struct with_rest kist_plugin;
KIST_PUBLIC const struct with_rest kist_plugin = {
    .old =
        {
            .head = {KIST_ABI_MAGIC, 1, KIST_KIND_DESTINATION, sizeof(struct old_destination),
                     sizeof(struct kist_option), 0},
            .about = {.name = "old", .version = "0.9", .summary = "as it was"},
            .open = open_instance,
            .close = end,
            .put_begin = never,
            .put_write = never,
            .put_commit = never,
            .put_abort = end,
            .get_begin = never,
            .get_read = never,
            .get_end = end,
            .list = never,
            .stat = never,
            .remove = never,
        },
    .rest = {0xdead, 0xdead, 0xdead, 0xdead, 0xdead, 0xdead, 0xdead, 0xdead},
};
