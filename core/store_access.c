#include "store_access.h"
#include "store.h"
#include "suggest.h"

#include <stdlib.h>
#include <string.h>

/* A store as a plugin sees it. The table of calls is its own, since features differ from store to store. */
struct access {
    struct kist_destination calls;
    struct kist_store *store;
};

/* A writer knows its store: put_write and the others get nothing else. */
struct writer {
    struct kist_store *store;
    void *open;
};

static struct kist_store *store_of(void *self)
{
    return ((struct access *)self)->store;
}

static void close_access(void *self)
{
    struct access *access = self;
    kist_store_close(access->store);
    free(access);
}

static int check(void *self, struct kist_error *err)
{
    return kist_store_check(store_of(self), err);
}

static int put_begin(void *self, const struct kist_put *put, void **ret_writer, struct kist_error *err)
{
    struct kist_put whole = {.size = -1, .size_estimate = -1};
    memcpy(&whole, put, put->struct_size < sizeof whole ? put->struct_size : sizeof whole);
    struct writer *writer = calloc(1, sizeof *writer);
    if (!writer)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    writer->store = store_of(self);
    int code = kist_store_put_begin(writer->store, &whole, &writer->open, err);
    if (code)
        free(writer);
    else
        *ret_writer = writer;
    return code;
}

static int put_write(void *arg, const void *data, size_t size, struct kist_error *err)
{
    const struct writer *writer = arg;
    return kist_store_put_write(writer->store, writer->open, data, size, err);
}

static int put_commit(void *arg, uint64_t size, struct kist_error *err)
{
    struct writer *writer = arg;
    int code = kist_store_put_commit(writer->store, writer->open, size, err);
    free(writer);
    return code;
}

static void put_abort(void *arg)
{
    struct writer *writer = arg;
    kist_store_put_abort(writer->store, writer->open);
    free(writer);
}

static int get_begin(void *self, const char *key, uint64_t offset, void **ret_reader, struct kist_error *err)
{
    struct kist_reader *reader = NULL;
    int code = kist_store_get_begin(store_of(self), key, offset, &reader, err);
    if (!code)
        *ret_reader = reader;
    return code;
}

static int get_read(void *reader, void *data, size_t capacity, size_t *ret_size, struct kist_error *err)
{
    return kist_store_get_read(reader, data, capacity, ret_size, err);
}

static void get_end(void *reader)
{
    kist_store_get_end(reader);
}

static int get_about(void *reader, kist_object_fn give, void *arg, struct kist_error *err)
{
    return kist_store_get_about(reader, give, arg, err);
}

/* Keys come as the store gives them: whether they are sound is for the one who uses them to judge. */
static int list(void *self, const char *prefix, kist_object_fn give, void *arg, struct kist_error *err)
{
    size_t length = strlen(prefix);
    char *folder = strndup(prefix, length && prefix[length - 1] == '/' ? length - 1 : length);
    if (!folder)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    int code = kist_store_list(store_of(self), folder, give, arg, err);
    free(folder);
    return code;
}

static int stat_object(void *self, const char *key, kist_object_fn give, void *arg, struct kist_error *err)
{
    return kist_store_stat(store_of(self), key, give, arg, err);
}

static int remove_object(void *self, const char *key, struct kist_error *err)
{
    return kist_store_remove(store_of(self), key, err);
}

static int remove_many(void *self, const char *const *keys, uint64_t count, kist_unremoved_fn tell, void *arg,
                       struct kist_error *err)
{
    return kist_store_remove_many(store_of(self), keys, (size_t)count, tell, arg, err);
}

static int copy(void *self, const char *from, const char *etag, const struct kist_put *put, struct kist_error *err)
{
    return kist_store_copy(store_of(self), from, etag, put, err);
}

/* What was left over in a store that is read is its owner's. */
static int no_sweep(void *self, uint64_t *ret_count, struct kist_error *err)
{
    (void)self;
    (void)ret_count;
    return kist_fail(err, KIST_ERR_UNSUPPORTED, "a source sweeps no store");
}

static int no_sweep_below(void *self, const char *prefix, uint64_t *ret_count, struct kist_error *err)
{
    (void)prefix;
    return no_sweep(self, ret_count, err);
}

static struct kist_destination calls_of(const struct kist_plugin *plugin)
{
    return (struct kist_destination){
        .head = {KIST_ABI_MAGIC, KIST_ABI_VERSION, KIST_KIND_DESTINATION, sizeof(struct kist_destination),
                 sizeof(struct kist_option), 0},
        .about = {.name = plugin->about.name, .version = plugin->about.version, .summary = plugin->about.summary},
        .features = plugin->features,
        .close = close_access,
        .check = check,
        .put_begin = put_begin,
        .put_write = put_write,
        .put_commit = put_commit,
        .put_abort = put_abort,
        .get_begin = get_begin,
        .get_read = get_read,
        .get_end = get_end,
        .list = list,
        .stat = stat_object,
        .remove = remove_object,
        .sweep = no_sweep,
        .get_about = get_about,
        .remove_many = remove_many,
        .copy = copy,
        .sweep_below = no_sweep_below,
    };
}

/* The section of that name, or NULL after saying that there is none. */
static const struct kist_config_section *find_store(const struct kist_config_stores *stores, const char *name,
                                                    struct kist_error *err)
{
    size_t count = stores ? stores->count : 0;
    const char **names = calloc(count + 1, sizeof *names);
    for (size_t i = 0; i < count; i++)
        if (strcmp(stores->items[i]->name, name) == 0) {
            free(names);
            return stores->items[i];
        } else if (names) {
            names[i] = stores->items[i]->name;
        }
    const char *meant = names ? kist_suggest(name, names, count) : NULL;
    kist_fail(err, KIST_ERR_CONFIG, "there is no [destination %s]", name);
    if (meant)
        kist_hint(err, "did you mean '%s'?", meant);
    free(names);
    return NULL;
}

int kist_store_access(const struct kist_host *host, const char *name, const struct kist_destination **ret_calls,
                      void **ret_self, struct kist_error *err)
{
    const struct kist_instance *instance = (const struct kist_instance *)host;
    const struct kist_config_section *section = find_store(instance->section->stores, name, err);
    struct access *access = section ? calloc(1, sizeof *access) : NULL;
    if (!access)
        return section ? kist_fail(err, KIST_ERR_FAILED, "out of memory") : err->code;
    access->calls = calls_of(section->plugin);
    int code = kist_store_open(section, instance->pipeline, instance->cancel, &access->store, err);
    if (code) {
        free(access);
        return code;
    }
    *ret_calls = &access->calls;
    *ret_self = access;
    return 0;
}
