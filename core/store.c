#include "store.h"
#include "key.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WRITE_MAX ((size_t)4 << 20) /* what the contract promises to put_write */

int kist_store_open(const struct kist_config_section *section, const char *pipeline, struct kist_cancel *cancel,
                    struct kist_store **ret_store, struct kist_error *err)
{
    struct kist_store *store = calloc(1, sizeof *store);
    if (!store)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    *store = (struct kist_store){.section = section, .plugin = &section->plugin->as.destination};
    int code = kist_instance_open(section->plugin, section->config, pipeline, section->name, cancel,
                                  &store->instance, err);
    if (code) {
        free(store);
        return code;
    }
    *ret_store = store;
    return 0;
}

void kist_store_close(struct kist_store *store)
{
    if (!store)
        return;
    kist_instance_close(store->instance);
    free(store);
}

const char *kist_store_name(const struct kist_store *store)
{
    return store->section->name;
}

int kist_store_discards(const struct kist_store *store)
{
    return (store->section->plugin->features & KIST_DESTINATION_DISCARDS) != 0;
}

int kist_store_check(struct kist_store *store, struct kist_error *err)
{
    return kist_instance_result(store->instance, store->plugin->check(store->instance->self, err), err);
}

int kist_store_sweep(struct kist_store *store, uint64_t *ret_count, struct kist_error *err)
{
    return kist_instance_result(store->instance, store->plugin->sweep(store->instance->self, ret_count, err), err);
}

/* The store's own key of a key of ours: checked, with the prefix in front. New. */
static int full_key(const struct kist_store *store, const char *key, char **ret_key, struct kist_error *err)
{
    int code = kist_key_check(key, err);
    if (code)
        return code;
    char *full = kist_key_join(store->section->prefix, key, NULL);
    if (!full)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    *ret_key = full;
    return 0;
}

int kist_store_put_begin(struct kist_store *store, const char *key, int64_t size, const char *content_type,
                         void **ret_writer, struct kist_error *err)
{
    char *full = NULL;
    int code = full_key(store, key, &full, err);
    if (code)
        return code;
    struct kist_put put = {.struct_size = sizeof put, .key = full, .size = size, .content_type = content_type};
    code = store->plugin->put_begin(store->instance->self, &put, ret_writer, err);
    free(full);
    return kist_instance_result(store->instance, code, err);
}

int kist_store_put_write(struct kist_store *store, void *writer, const void *data, size_t size,
                         struct kist_error *err)
{
    const unsigned char *from = data;
    int code = 0;
    while (size > 0 && !code) {
        size_t piece = size < WRITE_MAX ? size : WRITE_MAX;
        code = kist_instance_result(store->instance, store->plugin->put_write(writer, from, piece, err), err);
        from += piece;
        size -= piece;
    }
    return code;
}

int kist_store_put_commit(struct kist_store *store, void *writer, uint64_t size, struct kist_error *err)
{
    return kist_instance_result(store->instance, store->plugin->put_commit(writer, size, err), err);
}

void kist_store_put_abort(struct kist_store *store, void *writer)
{
    store->plugin->put_abort(writer);
}

int kist_store_put_bytes(struct kist_store *store, const char *key, const void *data, size_t size,
                         const char *content_type, struct kist_error *err)
{
    void *writer = NULL;
    int code = kist_store_put_begin(store, key, (int64_t)size, content_type, &writer, err);
    if (code)
        return code;
    if (size > 0 && (code = kist_store_put_write(store, writer, data, size, err)) != 0) {
        kist_store_put_abort(store, writer);
        return code;
    }
    return kist_store_put_commit(store, writer, size, err);
}

int kist_store_get_begin(struct kist_store *store, const char *key, void **ret_reader, struct kist_error *err)
{
    char *full = NULL;
    int code = full_key(store, key, &full, err);
    if (code)
        return code;
    code = store->plugin->get_begin(store->instance->self, full, 0, ret_reader, err);
    free(full);
    return kist_instance_result(store->instance, code, err);
}

int kist_store_get_read(struct kist_store *store, void *reader, void *data, size_t capacity, size_t *ret_size,
                        struct kist_error *err)
{
    size_t size = 0;
    int code =
        kist_instance_result(store->instance, store->plugin->get_read(reader, data, capacity, &size, err), err);
    if (!code && size > capacity)
        code = kist_fail(err, KIST_ERR_BUG, "%s: read %zu bytes into room for %zu", store->instance->where, size,
                         capacity);
    if (!code)
        *ret_size = size;
    return code;
}

void kist_store_get_end(struct kist_store *store, void *reader)
{
    store->plugin->get_end(reader);
}

/* Reads until the end into a growing piece of memory. */
static int read_all(struct kist_store *store, void *reader, size_t limit, char **ret_data, size_t *ret_size,
                    struct kist_error *err)
{
    size_t capacity = 16384, size = 0, got = 1;
    char *data = malloc(capacity + 1);
    int code = data ? 0 : kist_fail(err, KIST_ERR_FAILED, "out of memory");
    while (!code && got > 0) {
        code = kist_store_get_read(store, reader, data + size, capacity - size, &got, err);
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
    void *reader = NULL;
    int code = kist_store_get_begin(store, key, &reader, err);
    if (code)
        return code;
    code = read_all(store, reader, limit, ret_data, ret_size, err);
    kist_store_get_end(store, reader);
    return code;
}

struct listing {
    const struct kist_store *store;
    const char *folder;
    kist_object_fn give;
    void *arg;
    int foreign;
};

/* Hands on an object with the prefix taken off its key. */
static int give_relative(void *arg, const struct kist_object *object)
{
    struct listing *listing = arg;
    const char *prefix = listing->store->section->prefix;
    const char *key = object->key;
    if (key && kist_key_is_below(key, prefix))
        key += *prefix ? strlen(prefix) + 1 : 0;
    else
        key = NULL;
    if (!key || !kist_key_is_below(key, listing->folder)) {
        listing->foreign = 1;
        return KIST_ERR_CORRUPT;
    }
    struct kist_object copy = {.struct_size = sizeof copy};
    memcpy(&copy, object, object->struct_size < sizeof copy ? object->struct_size : sizeof copy);
    copy.struct_size = sizeof copy;
    copy.key = key;
    return listing->give(listing->arg, &copy);
}

int kist_store_list(struct kist_store *store, const char *folder, kist_object_fn give, void *arg,
                    struct kist_error *err)
{
    char *full = NULL;
    int code = full_key(store, folder, &full, err);
    if (code)
        return code;
    char *prefix = NULL;
    if (asprintf(&prefix, "%s/", full) < 0)
        prefix = NULL;
    free(full);
    if (!prefix)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    struct listing listing = {.store = store, .folder = folder, .give = give, .arg = arg};
    code = store->plugin->list(store->instance->self, prefix, give_relative, &listing, err);
    free(prefix);
    if (listing.foreign)
        return kist_fail(err, KIST_ERR_CORRUPT, "%s: the listing of '%s' names an object outside of it",
                         store->instance->where, folder);
    return kist_instance_result(store->instance, code, err);
}

static int note_size(void *arg, const struct kist_object *object)
{
    *(int64_t *)arg = object->size;
    return 0;
}

int kist_store_size(struct kist_store *store, const char *key, int64_t *ret_size, struct kist_error *err)
{
    char *full = NULL;
    int64_t size = -1;
    int code = full_key(store, key, &full, err);
    if (code)
        return code;
    code = store->plugin->stat(store->instance->self, full, note_size, &size, err);
    free(full);
    code = kist_instance_result(store->instance, code, err);
    if (!code && size < 0)
        code = kist_fail(err, KIST_ERR_BUG, "%s: tells no size of '%s'", store->instance->where, key);
    if (!code)
        *ret_size = size;
    return code;
}

int kist_store_remove(struct kist_store *store, const char *key, struct kist_error *err)
{
    char *full = NULL;
    int code = full_key(store, key, &full, err);
    if (code)
        return code;
    code = store->plugin->remove(store->instance->self, full, err);
    free(full);
    return kist_instance_result(store->instance, code, err);
}
