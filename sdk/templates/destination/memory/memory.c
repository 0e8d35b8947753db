/*
 * memory.c - destination `memory`: the plugin to copy when you write a store of your own.
 *
 * Objects live in a list that belongs to the instance and goes with it. That is no oversight: a plugin keeps no
 * mutable global state, so two instances share only what lies outside the process (a server, a file system), and
 * this plugin has nothing outside. It says so with KIST_DESTINATION_DISCARDS; a real store has no such line.
 *
 * To make yours: copy the folder to plugins/destination/<name>, rename, and replace the bodies from the top down.
 * What each callback owes stands in kist/destination.h; memory_test.c runs the cases that prove it.
 */
#include <kist/plugin.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* What the section of the configuration can say. The core parses, checks and fills it before open(). */
struct memory_config {
    kist_size limit;
};

static const struct kist_option options[] = {
    KIST_OPTION(struct memory_config, limit, .def = "64MiB", .help = "bytes that one object may have"),
    KIST_OPTION_END};

struct store {
    const struct kist_host *host;
    struct object *objects;
    uint64_t limit;
};

/* An object, and its own writer: until commit puts it into the list, nobody sees it. */
struct object {
    struct object *next;
    struct store *store;
    char *data;
    size_t size;
    char key[];
};

struct reader {
    const struct object *object;
    size_t at;
};

static int memory_open(const struct kist_host *host, const void *config, void **ret_self, struct kist_error *err)
{
    struct store *store = calloc(1, sizeof *store);
    if (!store)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    store->host = host;
    store->limit = ((const struct memory_config *)config)->limit.bytes;
    *ret_self = store;
    return 0;
}

static void put_abort(void *writer)
{
    struct object *object = writer;
    free(object->data);
    free(object);
}

static void memory_close(void *self)
{
    struct store *store = self;
    while (store->objects) {
        struct object *next = store->objects->next;
        put_abort(store->objects);
        store->objects = next;
    }
    free(store);
}

/* The core has checked the key. One that becomes the name of something (a file, a URL) is checked again here. */
static int put_begin(void *self, const struct kist_put *put, void **ret_writer, struct kist_error *err)
{
    struct store *store = self;
    size_t key_size = strlen(put->key) + 1;
    struct object *object = calloc(1, sizeof *object + key_size);
    if (!object)
        return store->host->fail(store->host, err, KIST_ERR_FAILED, "out of memory");
    object->store = store;
    memcpy(object->key, put->key, key_size);
    *ret_writer = object;
    return 0;
}

static int put_write(void *writer, const void *data, size_t size, struct kist_error *err)
{
    struct object *object = writer;
    const struct kist_host *host = object->store->host;
    if (host->cancelled(host))
        return host->fail(host, err, KIST_ERR_CANCELLED, "cancelled");
    if (size > object->store->limit - object->size) {
        host->fail(host, err, KIST_ERR_NO_SPACE, "'%s' is larger than %" PRIu64 " bytes", object->key,
                   object->store->limit);
        host->hint(host, err, "raise 'limit'");
        return KIST_ERR_NO_SPACE;
    }
    char *grown = realloc(object->data, object->size + size);
    if (!grown)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    memcpy(grown + object->size, data, size);
    object->data = grown;
    object->size += size;
    return 0;
}

/* The place in the list where `key` is, or would be. */
static struct object **find(struct store *store, const char *key)
{
    struct object **at = &store->objects;
    while (*at && strcmp((*at)->key, key) != 0)
        at = &(*at)->next;
    return at;
}

static int put_commit(void *writer, uint64_t size, struct kist_error *err)
{
    struct object *object = writer;
    const struct kist_host *host = object->store->host;
    struct object **place = find(object->store, object->key);
    int rc = 0;
    if (object->size != size)
        rc = host->fail(host, err, KIST_ERR_CORRUPT, "'%s': %zu of %" PRIu64 " bytes", object->key, object->size,
                        size);
    else if (*place)
        rc = host->fail(host, err, KIST_ERR_EXISTS, "'%s' exists and is not overwritten", object->key);
    if (rc == 0)
        *place = object;
    else
        put_abort(object); /* commit ends the writer, also when it fails */
    return rc;
}

static int look_up(struct store *store, const char *key, const struct object **ret_object, struct kist_error *err)
{
    *ret_object = *find(store, key);
    return *ret_object ? 0 : store->host->fail(store->host, err, KIST_ERR_NOT_FOUND, "there is no '%s'", key);
}

static int get_begin(void *self, const char *key, uint64_t offset, void **ret_reader, struct kist_error *err)
{
    struct store *store = self;
    const struct object *object = NULL;
    int rc = look_up(store, key, &object, err);
    if (rc != 0)
        return rc;
    if (offset > object->size)
        return store->host->fail(store->host, err, KIST_ERR_CORRUPT, "'%s' has only %zu bytes", key, object->size);
    struct reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return store->host->fail(store->host, err, KIST_ERR_FAILED, "out of memory");
    *reader = (struct reader){.object = object, .at = (size_t)offset};
    *ret_reader = reader;
    return 0;
}

static int get_read(void *arg, void *data, size_t capacity, size_t *ret_size, struct kist_error *err)
{
    struct reader *reader = arg;
    size_t left = reader->object->size - reader->at;
    size_t size = left < capacity ? left : capacity;
    (void)err;
    if (size > 0)
        memcpy(data, reader->object->data + reader->at, size);
    reader->at += size;
    *ret_size = size;
    return 0;
}

static void get_end(void *reader)
{
    free(reader);
}

static int give_object(const struct object *object, kist_object_fn give, void *arg)
{
    const struct kist_object given = {
        .struct_size = sizeof given, .key = object->key, .size = (int64_t)object->size};
    return give(arg, &given);
}

static int list(void *self, const char *prefix, kist_object_fn give, void *arg, struct kist_error *err)
{
    struct store *store = self;
    int rc = 0;
    (void)err;
    for (const struct object *object = store->objects; object && rc == 0; object = object->next)
        if (strncmp(object->key, prefix, strlen(prefix)) == 0)
            rc = give_object(object, give, arg);
    return rc;
}

static int stat_object(void *self, const char *key, kist_object_fn give, void *arg, struct kist_error *err)
{
    const struct object *object = NULL;
    int rc = look_up(self, key, &object, err);
    return rc == 0 ? give_object(object, give, arg) : rc;
}

static int remove_object(void *self, const char *key, struct kist_error *err)
{
    struct object **place = find(self, key);
    struct object *object = *place;
    (void)err;
    if (object) {
        *place = object->next;
        put_abort(object);
    }
    return 0;
}

KIST_DESTINATION(.about = {.name = "memory",
                           .version = "1",
                           .summary = "objects in memory, gone with the process: a template and a test double",
                           .options = options,
                           .config_size = sizeof(struct memory_config)},
                 .features = KIST_DESTINATION_DISCARDS | KIST_DESTINATION_REREAD, .open = memory_open,
                 .close = memory_close, .put_begin = put_begin, .put_write = put_write, .put_commit = put_commit,
                 .put_abort = put_abort, .get_begin = get_begin, .get_read = get_read, .get_end = get_end,
                 .list = list, .stat = stat_object, .remove = remove_object);
