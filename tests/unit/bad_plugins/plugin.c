/* A destination that works but keeps nothing. Each macro below can be set to make it a broken one. */
#include <kist/plugin.h>
#include <stdlib.h>

#ifndef MAGIC
#define MAGIC KIST_ABI_MAGIC
#endif
#ifndef ABI
#define ABI KIST_ABI_VERSION
#endif
#ifndef KIND
#define KIND KIST_KIND_DESTINATION
#endif
#ifndef STRUCT_SIZE
#define STRUCT_SIZE sizeof(struct kist_destination)
#endif
#ifndef OPTION_SIZE
#define OPTION_SIZE sizeof(struct kist_option)
#endif
#ifndef NAME
#define NAME "good"
#endif
#ifndef PUT_BEGIN
#define PUT_BEGIN put_begin
#endif
#ifndef REMOVE
#define REMOVE destination_remove
#endif
#ifndef CONFIG_SIZE
#define CONFIG_SIZE sizeof(struct good_config)
#endif
#ifndef OPTION_NAME
#define OPTION_NAME "path"
#endif
#ifndef OPTION_TYPE
#define OPTION_TYPE KIST_TYPE_STRING
#endif
#ifndef OPTION_WIDTH
#define OPTION_WIDTH sizeof(char *)
#endif
#ifndef SECOND_NAME
#define SECOND_NAME "level"
#endif

struct good_config {
    const char *path;
    int64_t level;
};

static const struct kist_option options[] = {
    {.name = OPTION_NAME, .type = OPTION_TYPE, .offset = offsetof(struct good_config, path), .size = OPTION_WIDTH},
    {.name = SECOND_NAME,
     .def = "3",
     .help = "how much",
     .type = KIST_TYPE_INTEGER,
     .offset = offsetof(struct good_config, level),
     .size = sizeof(int64_t),
     .flags = KIST_OPTION_RANGE,
     .min = 1,
     .max = 9},
    KIST_OPTION_END,
};

#ifdef CONSTRUCTOR
__attribute__((constructor)) static void on_load(void)
{
    CONSTRUCTOR;
}
#endif

static int open_instance(const struct kist_host *host, const void *config, void **ret_self, struct kist_error *err)
{
    (void)config;
    (void)err;
    *ret_self = (void *)(uintptr_t)host;
    return 0;
}

static void close_instance(void *self)
{
    (void)self;
}

static int put_begin(void *self, const struct kist_put *put, void **ret_writer, struct kist_error *err)
{
    (void)put;
    (void)err;
    *ret_writer = self;
    return 0;
}

static int put_write(void *writer, const void *data, size_t size, struct kist_error *err)
{
    (void)writer;
    (void)data;
    (void)size;
    (void)err;
    return 0;
}

static int put_commit(void *writer, uint64_t size, struct kist_error *err)
{
    (void)writer;
    (void)size;
    (void)err;
    return 0;
}

static int get_begin(void *self, const char *key, uint64_t offset, void **ret_reader, struct kist_error *err)
{
    (void)offset;
    (void)ret_reader;
    const struct kist_host *host = self;
    return host->fail(host, err, KIST_ERR_NOT_FOUND, "there is no '%s'", key);
}

static int get_read(void *reader, void *data, size_t capacity, size_t *ret_size, struct kist_error *err)
{
    (void)reader;
    (void)data;
    (void)capacity;
    (void)err;
    *ret_size = 0;
    return 0;
}

static int list(void *self, const char *prefix, kist_object_fn give, void *arg, struct kist_error *err)
{
    (void)self;
    (void)prefix;
    (void)give;
    (void)arg;
    (void)err;
    return 0;
}

static int stat_one(void *self, const char *key, kist_object_fn give, void *arg, struct kist_error *err)
{
    (void)give;
    (void)arg;
    return get_begin(self, key, 0, NULL, err);
}

static int destination_remove(void *self, const char *key, struct kist_error *err)
{
    (void)self;
    (void)key;
    (void)err;
    return 0;
}

#ifdef UNDEFINED
int kist_test_nobody_defines_this(void);
#undef REMOVE
#define REMOVE remove_undefined
static int remove_undefined(void *self, const char *key, struct kist_error *err)
{
    return destination_remove(self, key, err) + kist_test_nobody_defines_this();
}
#endif

#ifdef NEEDS_LIBRARY
int kist_test_in_library(void);
#undef REMOVE
#define REMOVE remove_in_library
static int remove_in_library(void *self, const char *key, struct kist_error *err)
{
    return destination_remove(self, key, err) + kist_test_in_library();
}
#endif

#ifdef FUTURE
/* As a newer version of the interface may look: fields appended, to the rows of the table as well. */
struct future_option {
    struct kist_option now;
    uint64_t later[2];
};
static const struct future_option future_options[] = {
    {.now = {.name = "path", .type = KIST_TYPE_STRING, .size = sizeof(char *)}, .later = {1, 2}},
    {.now = {.name = "level",
             .help = "how much",
             .type = KIST_TYPE_INTEGER,
             .offset = offsetof(struct good_config, level),
             .size = sizeof(int64_t)},
     .later = {3, 4}},
    {.now = {.name = NULL}},
};
struct descriptor {
    struct kist_destination now;
    int (*later)(void *self);
    uint64_t more[4];
};
#undef STRUCT_SIZE
#define STRUCT_SIZE sizeof(struct descriptor)
#undef OPTION_SIZE
#define OPTION_SIZE sizeof(struct future_option)
#define OPTIONS &future_options[0].now
#define BEGIN                                                                                                     \
    {                                                                                                             \
        .now = {
#define END                                                                                                       \
    }                                                                                                             \
    , .more = {1, 2, 3, 4}                                                                                        \
    }
#else
#define descriptor kist_destination
#define OPTIONS options
#define BEGIN {
#define END }
#endif

#ifndef ANOTHER_SYMBOL
#define SYMBOL kist_plugin
#else
#define SYMBOL ANOTHER_SYMBOL
#endif

extern const struct descriptor SYMBOL;
KIST_PUBLIC const struct descriptor SYMBOL = BEGIN.head = {MAGIC, ABI, KIND, STRUCT_SIZE, OPTION_SIZE, 0},
                                    .about = {.name = NAME,
                                              .version = "1.0",
                                              .summary = "keeps nothing",
                                              .options = OPTIONS,
                                              .config_size = CONFIG_SIZE},
                                    .open = open_instance, .close = close_instance, .put_begin = PUT_BEGIN,
                                    .put_write = put_write, .put_commit = put_commit, .put_abort = close_instance,
                                    .get_begin = get_begin, .get_read = get_read, .get_end = close_instance,
                                    .list = list, .stat = stat_one, .remove = REMOVE, END;

/* Keeps unused functions and tables from being a warning, whatever the macros chose. */
KIST_PUBLIC const void *const kist_test_used[] = {options, (const void *)put_begin,
                                                  (const void *)destination_remove};
