#include "store_call.h"

#include <stdlib.h>
#include <string.h>

#define SILENCE "gave no data"

struct kist_reader {
    struct kist_store *store;
    char *key;       /* ours */
    char *full;      /* the store's own */
    void *open;      /* the plugin's; NULL between two tries */
    uint64_t offset; /* of what comes next */
    uint64_t given;  /* bytes so far */
    char *etag;      /* of what is read; NULL when the store does not tell */
    int changed;     /* it is not the same object any more */
};

/* ---- which object it is ---- */

static int note_etag(void *arg, const struct kist_object *object)
{
    char **etag = arg;
    free(*etag);
    *etag = object->etag ? strdup(object->etag) : NULL;
    return object->etag && !*etag ? KIST_ERR_FAILED : 0;
}

/* Asks the open reader. A store that cannot tell has no etag. */
static int ask_etag(const struct kist_reader *reader, char **ret_etag, struct kist_error *err)
{
    const struct kist_destination *plugin = reader->store->plugin;
    int code = plugin->get_about(reader->open, note_etag, ret_etag, err);
    if (code == KIST_ERR_UNSUPPORTED) {
        kist_error_clear(err);
        return 0;
    }
    return code;
}

/* ---- reading ---- */

static void close_reader(struct kist_reader *reader)
{
    if (reader->open)
        reader->store->plugin->get_end(reader->open);
    reader->open = NULL;
}

/* One try to open it at its offset. What was read before must be of the same object. */
static int open_reader(struct kist_reader *reader, struct kist_error *err)
{
    struct kist_store *store = reader->store;
    char *etag = NULL;
    int code = store->plugin->get_begin(store->instance->self, reader->full, reader->offset, &reader->open, err);
    if (code) {
        reader->open = NULL;
        return code;
    }
    code = ask_etag(reader, &etag, err);
    if (!code && reader->etag && (!etag || strcmp(etag, reader->etag) != 0)) {
        reader->changed = 1;
        code = kist_fail(err, KIST_ERR_CORRUPT, "'%s' changed while it was read", reader->full);
        close_reader(reader);
    } else if (!code) {
        free(reader->etag);
        reader->etag = etag;
        etag = NULL;
    }
    free(etag);
    return code;
}

int kist_store_get_begin(struct kist_store *store, const char *key, uint64_t offset,
                         struct kist_reader **ret_reader, struct kist_error *err)
{
    struct kist_reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    *reader = (struct kist_reader){.store = store, .key = strdup(key), .offset = offset};
    int code = reader->key ? kist_store_full_key(store, key, &reader->full, err)
                           : kist_fail(err, KIST_ERR_FAILED, "out of memory");
    if (!code) {
        struct kist_store_call call = kist_store_call_begin(store, SILENCE);
        do {
            close_reader(reader);
            code = open_reader(reader, err);
        } while (kist_store_call_again(&call, code, err));
        code = err->code;
    }
    if (code)
        kist_store_get_end(reader);
    else
        *ret_reader = reader;
    return code;
}

/* One try to read; a reader that broke is opened again where it stopped. */
static int read_some(struct kist_reader *reader, void *data, size_t capacity, size_t *ret_size,
                     struct kist_error *err)
{
    int code = reader->open ? 0 : open_reader(reader, err);
    return code ? code : reader->store->plugin->get_read(reader->open, data, capacity, ret_size, err);
}

/* Without an etag nobody knows whether the rest would be of the same object. */
static int can_go_on(const struct kist_reader *reader)
{
    return reader->etag || reader->given == 0;
}

int kist_store_get_read(struct kist_reader *reader, void *data, size_t capacity, size_t *ret_size,
                        struct kist_error *err)
{
    struct kist_store *store = reader->store;
    struct kist_store_call call = kist_store_call_begin(store, SILENCE);
    size_t size = 0;
    int code = read_some(reader, data, capacity, &size, err);
    if (!can_go_on(reader))
        (void)!kist_store_call_end(&call, code, err);
    else
        while (kist_store_call_again(&call, code, err)) {
            close_reader(reader);
            size = 0;
            code = read_some(reader, data, capacity, &size, err);
        }
    if (!err->code && size > capacity)
        kist_fail(err, KIST_ERR_BUG, "%s: read %zu bytes into room for %zu", store->where, size, capacity);
    /* Whoever wants it whole may begin again: it is another object now. */
    if (err->code == KIST_ERR_CORRUPT && reader->changed)
        err->retryable = 1;
    if (err->code)
        return err->code;
    reader->offset += size;
    reader->given += size;
    *ret_size = size;
    return 0;
}

void kist_store_get_end(struct kist_reader *reader)
{
    if (!reader)
        return;
    close_reader(reader);
    free(reader->key);
    free(reader->full);
    free(reader->etag);
    free(reader);
}

/* ---- what it is ---- */

struct renamed {
    const char *key;
    kist_object_fn give;
    void *arg;
};

static int give_renamed(void *arg, const struct kist_object *object)
{
    const struct renamed *renamed = arg;
    struct kist_object copy = {.struct_size = sizeof copy};
    memcpy(&copy, object, object->struct_size < sizeof copy ? object->struct_size : sizeof copy);
    copy.struct_size = sizeof copy;
    copy.key = renamed->key;
    return renamed->give(renamed->arg, &copy);
}

int kist_store_get_about(struct kist_reader *reader, kist_object_fn give, void *arg, struct kist_error *err)
{
    struct kist_store *store = reader->store;
    struct renamed renamed = {.key = reader->key, .give = give, .arg = arg};
    struct kist_store_call call = kist_store_call_begin(store, "did not answer");
    int code =
        reader->open ? store->plugin->get_about(reader->open, give_renamed, &renamed, err) : KIST_ERR_UNSUPPORTED;
    if (code == KIST_ERR_UNSUPPORTED) {
        kist_error_clear(err);
        return kist_store_stat(store, reader->key, give, arg, err);
    }
    return kist_store_call_end(&call, code, err);
}

int kist_store_stat(struct kist_store *store, const char *key, kist_object_fn give, void *arg,
                    struct kist_error *err)
{
    struct renamed renamed = {.key = key, .give = give, .arg = arg};
    char *full = NULL;
    int code = kist_store_full_key(store, key, &full, err);
    if (code)
        return code;
    struct kist_store_call call = kist_store_call_begin(store, "did not answer");
    do
        code = store->plugin->stat(store->instance->self, full, give_renamed, &renamed, err);
    while (kist_store_call_again(&call, code, err));
    free(full);
    return err->code;
}

static int note_size(void *arg, const struct kist_object *object)
{
    *(int64_t *)arg = object->size;
    return 0;
}

int kist_store_size(struct kist_store *store, const char *key, int64_t *ret_size, struct kist_error *err)
{
    int64_t size = -1;
    int code = kist_store_stat(store, key, note_size, &size, err);
    if (!code && size < 0)
        code = kist_fail(err, KIST_ERR_BUG, "%s: tells no size of '%s'", store->where, key);
    if (!code)
        *ret_size = size;
    return code;
}

/* ---- all of it ---- */

/* Reads until the end into a growing piece of memory. */
static int read_all(struct kist_reader *reader, size_t limit, char **ret_data, size_t *ret_size,
                    struct kist_error *err)
{
    size_t capacity = 16384, size = 0, got = 1;
    char *data = malloc(capacity + 1);
    int code = data ? 0 : kist_fail(err, KIST_ERR_FAILED, "out of memory");
    while (!code && got > 0) {
        code = kist_store_get_read(reader, data + size, capacity - size, &got, err);
        size += code ? 0 : got;
        if (!code && size > limit)
            code = kist_fail(err, KIST_ERR_CORRUPT, "more than %zu bytes long", limit);
        if (!code && size == capacity) {
            capacity *= 2;
            char *larger = realloc(data, capacity + 1);
            if (larger)
                data = larger;
            else
                code = kist_fail(err, KIST_ERR_FAILED, "out of memory");
        }
    }
    if (code) {
        free(data);
        return code;
    }
    data[size] = '\0';
    *ret_data = data;
    *ret_size = size;
    return 0;
}

int kist_store_get_bytes(struct kist_store *store, const char *key, size_t limit, char **ret_data,
                         size_t *ret_size, struct kist_error *err)
{
    struct kist_reader *reader = NULL;
    int code = kist_store_get_begin(store, key, 0, &reader, err);
    if (code)
        return code;
    code = read_all(reader, limit, ret_data, ret_size, err);
    kist_store_get_end(reader);
    return code;
}
