/* memory_plugins.h - a store with one small object, which takes everything, and a source of the same; to be included by one
 * file of a test. They ask for no memory. */
#ifndef MEMORY_PLUGINS_H
#define MEMORY_PLUGINS_H

#include "config.h"

#define ID "2026-11-21T02-00-00Z"

struct memory {
    char *text; /* of the object that is read */
    size_t size, done;
    size_t written;
};

static inline int open_memory(const struct kist_host *host, const void *config, void **ret_self,
                              struct kist_error *err)
{
    (void)host;
    (void)err;
    *ret_self = (void *)(uintptr_t)config;
    return 0;
}

static inline void close_memory(void *self)
{
    (void)self;
}

static inline int put_begin(void *self, const struct kist_put *put, void **ret_writer, struct kist_error *err)
{
    (void)put;
    (void)err;
    ((struct memory *)self)->written = 0;
    *ret_writer = self;
    return 0;
}

static inline int put_write(void *writer, const void *data, size_t size, struct kist_error *err)
{
    (void)data;
    (void)err;
    ((struct memory *)writer)->written += size;
    return 0;
}

static inline int put_commit(void *writer, uint64_t size, struct kist_error *err)
{
    (void)err;
    return ((struct memory *)writer)->written == size ? 0 : KIST_ERR_FAILED;
}

static inline int get_begin(void *self, const char *key, uint64_t offset, void **ret_reader,
                            struct kist_error *err)
{
    (void)key;
    (void)offset;
    (void)err;
    ((struct memory *)self)->done = 0;
    *ret_reader = self;
    return 0;
}

static inline int get_read(void *reader, void *data, size_t capacity, size_t *ret_size, struct kist_error *err)
{
    struct memory *memory = reader;
    size_t left = memory->size - memory->done;
    (void)err;
    *ret_size = left < capacity ? left : capacity;
    memcpy(data, memory->text + memory->done, *ret_size);
    memory->done += *ret_size;
    return 0;
}

static inline int list(void *self, const char *prefix, kist_object_fn give, void *arg, struct kist_error *err)
{
    static const char *const keys[] = {"_kist/shop/" ID ".json", "_kist/shop/2026-11-22T02-00-00Z.pending",
                                       "_kist/shop/2026-11-20T02-00-00Z.json"};
    int code = 0;
    (void)self;
    (void)prefix;
    (void)err;
    for (size_t i = 0; i < 3 && !code; i++)
        code =
            give(arg, &(struct kist_object){.struct_size = sizeof(struct kist_object), .key = keys[i], .size = 1});
    return code;
}

static inline int get_about(void *reader, kist_object_fn give, void *arg, struct kist_error *err)
{
    (void)reader;
    (void)err;
    return give(arg, &(struct kist_object){.struct_size = sizeof(struct kist_object), .key = "x", .etag = "1"});
}

static const struct kist_plugin memory_plugin = {
    .kind = KIST_KIND_DESTINATION,
    .name = "memory",
    .about = {.name = "memory", .version = "1"},
    .as.destination = {.open = open_memory,
                       .close = close_memory,
                       .put_begin = put_begin,
                       .put_write = put_write,
                       .put_commit = put_commit,
                       .put_abort = close_memory,
                       .get_begin = get_begin,
                       .get_read = get_read,
                       .get_end = close_memory,
                       .get_about = get_about,
                       .list = list},
};

static inline int read_begin(void *self, const struct kist_item *item, void **ret_reader, struct kist_error *err)
{
    (void)item;
    (void)err;
    ((struct memory *)self)->done = 0;
    *ret_reader = self;
    return 0;
}

static inline int items(void *self, kist_item_fn give, void *arg, struct kist_error *err)
{
    (void)self;
    (void)err;
    return give(arg, &(struct kist_item){.struct_size = sizeof(struct kist_item),
                                         .name = "shop.dump",
                                         .format = "custom",
                                         .database = "shop",
                                         .stock_restore = "psql"});
}

static inline int tell_facts(void *self, const struct kist_facts *facts, struct kist_error *err)
{
    (void)self;
    (void)err;
    facts->text(facts, "database", "shop");
    facts->begin_list(facts, "tables");
    facts->number(facts, NULL, 3);
    facts->end(facts);
    return 0;
}

static inline int begin_backup(void *self, const struct kist_backup *backup, struct kist_error *err)
{
    (void)self;
    (void)backup;
    (void)err;
    return 0;
}

static inline int read_about(void *reader, kist_item_fn give, void *arg, struct kist_error *err)
{
    (void)reader;
    (void)err;
    return give(arg,
                &(struct kist_item){.struct_size = sizeof(struct kist_item), .name = "shop.dump", .version = "1"});
}

static const struct kist_plugin reading_plugin = {
    .kind = KIST_KIND_SOURCE,
    .name = "memory",
    .about = {.name = "memory", .version = "1"},
    .as.source = {.open = open_memory,
                  .close = close_memory,
                  .read_begin = read_begin,
                  .read = get_read,
                  .read_end = close_memory,
                  .read_about = read_about,
                  .items = items,
                  .backup_begin = begin_backup,
                  .facts = tell_facts},
};

static inline struct kist_config_section section_of(const struct kist_plugin *plugin, struct memory *memory)
{
    return (struct kist_config_section){
        .kind = plugin->kind, .name = "mem", .plugin = plugin, .config = memory, .prefix = ""};
}

#endif
