#include "fakes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *sure(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

unsigned char *fake_noise(size_t size, uint32_t seed)
{
    unsigned char *data = sure(malloc(size + 1));
    uint32_t state = seed * 2654435761U + 1;
    for (size_t i = 0; i < size; i++) {
        state = state * 1664525U + 1013904223U;
        data[i] = (unsigned char)(state >> 24);
    }
    return data;
}

struct open_disk {
    const struct kist_host *host;
    struct fake_disk *disk;
};

struct disk_writer {
    struct open_disk *open;
    struct fake_object object;
    int faulty;
};

struct disk_reader {
    struct open_disk *open;
    unsigned char *data;
    size_t size, done;
    int fail;
};

void fake_disk_init(struct fake_disk *disk)
{
    *disk = (struct fake_disk){.count = 0};
    pthread_mutex_init(&disk->lock, NULL);
}

static void object_done(struct fake_object *object)
{
    free(object->key);
    free(object->data);
}

void fake_disk_done(struct fake_disk *disk)
{
    for (size_t i = 0; i < disk->count; i++)
        object_done(&disk->objects[i]);
    free(disk->objects);
    pthread_mutex_destroy(&disk->lock);
}

struct fake_object *fake_disk_find(struct fake_disk *disk, const char *key)
{
    for (size_t i = 0; i < disk->count; i++)
        if (strcmp(disk->objects[i].key, key) == 0)
            return &disk->objects[i];
    return NULL;
}

/* Takes the object over. */
static void add_object(struct fake_disk *disk, struct fake_object object)
{
    disk->objects = sure(realloc(disk->objects, (disk->count + 1) * sizeof *disk->objects));
    disk->objects[disk->count++] = object;
}

void fake_disk_put(struct fake_disk *disk, const char *key, const void *data, size_t size)
{
    struct fake_object object = {.key = sure(strdup(key)), .data = sure(malloc(size + 1)), .size = size};
    memcpy(object.data, data, size);
    fake_disk_drop(disk, key);
    add_object(disk, object);
}

void fake_disk_drop(struct fake_disk *disk, const char *key)
{
    struct fake_object *object = fake_disk_find(disk, key);
    if (!object)
        return;
    object_done(object);
    *object = disk->objects[--disk->count];
}

size_t fake_disk_count(struct fake_disk *disk, const char *prefix)
{
    size_t count = 0;
    for (size_t i = 0; i < disk->count; i++)
        count += strncmp(disk->objects[i].key, prefix, strlen(prefix)) == 0;
    return count;
}

static int disk_open(const struct kist_host *host, const void *config, void **ret_self, struct kist_error *err)
{
    (void)err;
    struct open_disk *open = sure(calloc(1, sizeof *open));
    open->host = host;
    open->disk = (struct fake_disk *)(uintptr_t)config;
    *ret_self = open;
    return 0;
}

static int is_faulty(const struct fake_disk *disk, const char *key)
{
    return !disk->only || strstr(key, disk->only) != NULL;
}

static int disk_fail(const struct open_disk *open, int code, const char *what, struct kist_error *err)
{
    return open->host->fail(open->host, err, code, "the disk fails to %s", what);
}

static int disk_check(void *self, struct kist_error *err)
{
    (void)self;
    (void)err;
    return 0;
}

static int disk_sweep(void *self, uint64_t *ret_count, struct kist_error *err)
{
    (void)self;
    (void)err;
    *ret_count = 0;
    return 0;
}

static int disk_put_begin(void *self, const struct kist_put *put, void **ret_writer, struct kist_error *err)
{
    struct open_disk *open = self;
    int faulty = is_faulty(open->disk, put->key);
    if (faulty && open->disk->fail_begin)
        return disk_fail(open, open->disk->fail_begin, "begin", err);
    struct disk_writer *writer = sure(calloc(1, sizeof *writer));
    writer->open = open;
    writer->object.key = sure(strdup(put->key));
    writer->faulty = faulty;
    pthread_mutex_lock(&open->disk->lock);
    open->disk->begun++;
    pthread_mutex_unlock(&open->disk->lock);
    *ret_writer = writer;
    return 0;
}

static int disk_put_write(void *self, const void *data, size_t size, struct kist_error *err)
{
    struct disk_writer *writer = self;
    const struct open_disk *open = writer->open;
    struct fake_disk *disk = open->disk;
    if (disk->delay_us)
        usleep(disk->delay_us);
    while (disk->stuck && !open->host->cancelled(open->host))
        usleep(1000);
    if (disk->stuck)
        return open->host->fail(open->host, err, KIST_ERR_CANCELLED, "the disk was told to stop");
    if (disk->fail_write && writer->faulty && writer->object.size + size > disk->fail_at)
        return disk_fail(open, disk->fail_write, "write", err);
    pthread_mutex_lock(&disk->lock);
    if (size > disk->most)
        disk->most = size;
    pthread_mutex_unlock(&disk->lock);
    writer->object.data = sure(realloc(writer->object.data, writer->object.size + size + 1));
    memcpy(writer->object.data + writer->object.size, data, size);
    writer->object.size += size;
    return 0;
}

static void disk_put_abort(void *self)
{
    struct disk_writer *writer = self;
    pthread_mutex_lock(&writer->open->disk->lock);
    writer->open->disk->aborted++;
    pthread_mutex_unlock(&writer->open->disk->lock);
    object_done(&writer->object);
    free(writer);
}

static int disk_put_commit(void *self, uint64_t size, struct kist_error *err)
{
    struct disk_writer *writer = self;
    const struct open_disk *open = writer->open;
    struct fake_disk *disk = open->disk;
    int code = 0;
    pthread_mutex_lock(&disk->lock);
    if (disk->fail_commit && writer->faulty)
        code = disk_fail(open, disk->fail_commit, "commit", err);
    else if (size != writer->object.size)
        code = open->host->fail(open->host, err, KIST_ERR_BUG, "the sizes differ");
    else if (fake_disk_find(disk, writer->object.key))
        code = open->host->fail(open->host, err, KIST_ERR_EXISTS, "'%s' is there", writer->object.key);
    if (code) {
        object_done(&writer->object);
    } else {
        add_object(disk, writer->object);
        disk->committed++;
    }
    pthread_mutex_unlock(&disk->lock);
    free(writer);
    return code;
}

static int disk_get_begin(void *self, const char *key, uint64_t offset, void **ret_reader, struct kist_error *err)
{
    struct open_disk *open = self;
    pthread_mutex_lock(&open->disk->lock);
    const struct fake_object *object = fake_disk_find(open->disk, key);
    int code = 0;
    if (!object)
        code = open->host->fail(open->host, err, KIST_ERR_NOT_FOUND, "'%s' is not there", key);
    else if (offset > object->size)
        code = open->host->fail(open->host, err, KIST_ERR_CORRUPT, "'%s' is shorter", key);
    if (!code) {
        struct disk_reader *reader = sure(calloc(1, sizeof *reader));
        *reader = (struct disk_reader){.open = open,
                                       .size = object->size,
                                       .done = offset,
                                       .fail = is_faulty(open->disk, key) ? open->disk->fail_get : 0};
        /* A copy, for another thread may remove it. */
        reader->data =
            memcpy(sure(malloc(object->size + 1)), object->data ? object->data : (void *)"", object->size);
        open->disk->readers++;
        *ret_reader = reader;
    }
    pthread_mutex_unlock(&open->disk->lock);
    return code;
}

static int disk_get_read(void *self, void *data, size_t capacity, size_t *ret_size, struct kist_error *err)
{
    struct disk_reader *reader = self;
    size_t piece = reader->open->disk->piece, size = reader->size - reader->done;
    if (reader->fail)
        return disk_fail(reader->open, reader->fail, "read", err);
    if (piece && size > piece)
        size = piece;
    if (size > capacity)
        size = capacity;
    if (size > 0)
        memcpy(data, reader->data + reader->done, size);
    reader->done += size;
    *ret_size = size;
    return 0;
}

static void disk_get_end(void *self)
{
    struct disk_reader *reader = self;
    pthread_mutex_lock(&reader->open->disk->lock);
    reader->open->disk->readers--;
    pthread_mutex_unlock(&reader->open->disk->lock);
    free(reader->data);
    free(reader);
}

static int give_key(const char *key, size_t size, kist_object_fn give, void *arg)
{
    struct kist_object object = {.struct_size = sizeof object, .key = key, .size = (int64_t)size};
    return give(arg, &object);
}

static int disk_list(void *self, const char *prefix, kist_object_fn give, void *arg, struct kist_error *err)
{
    struct open_disk *open = self;
    struct fake_disk *disk = open->disk;
    int code = disk->fail_list ? disk_fail(open, disk->fail_list, "list", err) : 0;
    /* Whoever is given a key only looks at it. */
    pthread_mutex_lock(&disk->lock);
    for (size_t i = 0; i < disk->count && !code; i++)
        if (strncmp(disk->objects[i].key, prefix, strlen(prefix)) == 0)
            code = give_key(disk->objects[i].key, disk->objects[i].size, give, arg);
    pthread_mutex_unlock(&disk->lock);
    if (!code && disk->strange)
        code = give_key(disk->strange, 1, give, arg);
    if (!code && disk->vanishing)
        code = give_key(disk->vanishing, 1, give, arg);
    return code;
}

static int disk_stat(void *self, const char *key, kist_object_fn give, void *arg, struct kist_error *err)
{
    struct open_disk *open = self;
    const struct fake_object *object = fake_disk_find(open->disk, key);
    if (!object)
        return open->host->fail(open->host, err, KIST_ERR_NOT_FOUND, "'%s' is not there", key);
    return give_key(object->key, object->size, give, arg);
}

static int disk_remove(void *self, const char *key, struct kist_error *err)
{
    struct open_disk *open = self;
    if (open->disk->fail_remove && is_faulty(open->disk, key))
        return disk_fail(open, open->disk->fail_remove, "remove", err);
    pthread_mutex_lock(&open->disk->lock);
    fake_disk_drop(open->disk, key);
    pthread_mutex_unlock(&open->disk->lock);
    return 0;
}

/* What a plugin that has no more than the required calls gets from the core. */
static int no_get_about(void *reader, kist_object_fn give, void *arg, struct kist_error *err)
{
    const struct disk_reader *open = reader;
    (void)give;
    (void)arg;
    return open->open->host->fail(open->open->host, err, KIST_ERR_UNSUPPORTED, "it does not tell");
}

static int no_remove_many(void *self, const char *const *keys, uint64_t count, kist_unremoved_fn tell, void *arg,
                          struct kist_error *err)
{
    const struct open_disk *open = self;
    (void)keys;
    (void)count;
    (void)tell;
    (void)arg;
    return open->host->fail(open->host, err, KIST_ERR_UNSUPPORTED, "one at a time");
}

static int no_copy(void *self, const char *from, const char *etag, const struct kist_put *put,
                   struct kist_error *err)
{
    const struct open_disk *open = self;
    (void)from;
    (void)etag;
    (void)put;
    return open->host->fail(open->host, err, KIST_ERR_UNSUPPORTED, "it does not copy");
}

static int no_sweep_below(void *self, const char *prefix, uint64_t *ret_count, struct kist_error *err)
{
    const struct open_disk *open = self;
    (void)prefix;
    (void)ret_count;
    return open->host->fail(open->host, err, KIST_ERR_UNSUPPORTED, "it does not look");
}

const struct kist_plugin fake_disk_plugin = {
    .kind = KIST_KIND_DESTINATION,
    .name = "fakedisk",
    .about = {.name = "fakedisk", .version = "1.0"},
    .as.destination = {.open = disk_open,
                       .close = free,
                       .check = disk_check,
                       .put_begin = disk_put_begin,
                       .put_write = disk_put_write,
                       .put_commit = disk_put_commit,
                       .put_abort = disk_put_abort,
                       .get_begin = disk_get_begin,
                       .get_read = disk_get_read,
                       .get_end = disk_get_end,
                       .list = disk_list,
                       .stat = disk_stat,
                       .remove = disk_remove,
                       .sweep = disk_sweep,
                       .get_about = no_get_about,
                       .remove_many = no_remove_many,
                       .copy = no_copy,
                       .sweep_below = no_sweep_below},
};

/* ---- opening ---- */

struct kist_config_section fake_section(const struct kist_plugin *plugin, const char *name, void *config)
{
    return (struct kist_config_section){
        .kind = plugin->kind, .name = name, .plugin = plugin, .config = config, .prefix = ""};
}

struct kist_store *fake_store_open(const struct kist_config_section *section)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct kist_store *store = NULL;
    if (kist_store_open(section, "shop", NULL, &store, &err))
        abort();
    return store;
}

struct kist_instance *fake_open(const struct kist_plugin *plugin, const char *name, void *config,
                                struct kist_cancel *cancel)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct kist_instance *instance = NULL;
    struct kist_config_section section = fake_section(plugin, name, config);
    if (kist_instance_open(&section, "shop", cancel, &instance, &err))
        abort();
    return instance;
}
