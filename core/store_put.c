#include "store_call.h"

#include <stdlib.h>
#include <string.h>

#define WRITE_MAX ((size_t)4 << 20) /* what the contract promises to put_write */
#define SILENCE "took no data"

static int resumes(const struct kist_store *store)
{
    return (store->section->plugin->features & KIST_DESTINATION_RESUMES) != 0;
}

/* `put` as the plugin gets it: with the store's own key, which `ret_full` frees. */
static int translate(const struct kist_store *store, const struct kist_put *put, struct kist_put *ret_whole,
                     char **ret_full, struct kist_error *err)
{
    int code = kist_store_full_key(store, put->key, ret_full, err);
    if (code)
        return code;
    *ret_whole = *put;
    ret_whole->struct_size = sizeof *ret_whole;
    ret_whole->key = *ret_full;
    return 0;
}

int kist_store_put_begin(struct kist_store *store, const struct kist_put *put, void **ret_writer,
                         struct kist_error *err)
{
    struct kist_put whole;
    char *full = NULL;
    int code = translate(store, put, &whole, &full, err);
    if (code)
        return code;
    struct kist_store_call call = kist_store_call_begin(store, SILENCE);
    do
        code = store->plugin->put_begin(store->instance->self, &whole, ret_writer, err);
    while (kist_store_call_again(&call, code, err));
    free(full);
    return err->code;
}

/* One piece; a writer that keeps its place may be given it again. */
static int write_piece(struct kist_store *store, void *writer, const void *data, size_t size,
                       struct kist_error *err)
{
    struct kist_store_call call = kist_store_call_begin(store, SILENCE);
    int code = store->plugin->put_write(writer, data, size, err);
    if (!resumes(store))
        return kist_store_call_end(&call, code, err);
    while (kist_store_call_again(&call, code, err))
        code = store->plugin->put_write(writer, data, size, err);
    return err->code;
}

int kist_store_put_write(struct kist_store *store, void *writer, const void *data, size_t size,
                         struct kist_error *err)
{
    const unsigned char *from = data;
    int code = 0;
    while (size > 0 && !code) {
        size_t piece = size < WRITE_MAX ? size : WRITE_MAX;
        code = write_piece(store, writer, from, piece, err);
        from += piece;
        size -= piece;
    }
    return code;
}

int kist_store_put_commit(struct kist_store *store, void *writer, uint64_t size, struct kist_error *err)
{
    struct kist_store_call call = kist_store_call_begin(store, SILENCE);
    int alive = 0;
    int code = store->plugin->put_commit(writer, size, err);
    if (!resumes(store))
        return kist_store_call_end(&call, code, err);
    for (;;) {
        /* Only a failure that may pass has left the writer there. */
        code = kist_instance_result(store->instance, code, err);
        alive = code && err->retryable;
        if (!kist_store_call_again(&call, code, err))
            break;
        code = store->plugin->put_commit(writer, size, err);
    }
    if (alive)
        kist_store_put_abort(store, writer);
    return err->code;
}

void kist_store_put_abort(struct kist_store *store, void *writer)
{
    kist_store_moves(store);
    store->plugin->put_abort(writer);
    kist_store_rests(store);
}

/* 1 when the object holds exactly these bytes. */
static int holds(struct kist_store *store, const char *key, const void *data, size_t size)
{
    KIST_CLEANUP_ERROR struct kist_error ignored = KIST_ERROR_INIT;
    char *there = NULL;
    size_t there_size = 0;
    if (kist_store_get_bytes(store, key, size, &there, &there_size, &ignored))
        return 0;
    int same = there_size == size && (size == 0 || memcmp(there, data, size) == 0);
    free(there);
    return same;
}

/* One try of a whole object. */
static int put_once(struct kist_store *store, const struct kist_put *put, const unsigned char *data, size_t size,
                    struct kist_error *err)
{
    const struct kist_destination *plugin = store->plugin;
    void *writer = NULL;
    int code = plugin->put_begin(store->instance->self, put, &writer, err);
    if (code)
        return code;
    for (size_t done = 0; done < size && !code;) {
        size_t piece = size - done < WRITE_MAX ? size - done : WRITE_MAX;
        code = plugin->put_write(writer, data + done, piece, err);
        done += piece;
        kist_store_moves(store);
    }
    int ended = !code;
    if (!code)
        code = kist_instance_result(store->instance, plugin->put_commit(writer, size, err), err);
    if (!ended || (code && resumes(store) && err->retryable))
        plugin->put_abort(writer);
    return code;
}

int kist_store_put_object(struct kist_store *store, const struct kist_put *put, const void *data, size_t size,
                          struct kist_error *err)
{
    struct kist_put whole;
    char *full = NULL;
    int code = translate(store, put, &whole, &full, err);
    if (code)
        return code;
    whole.size = whole.size_estimate = (int64_t)size;
    struct kist_store_call call = kist_store_call_begin(store, SILENCE);
    do
        code = put_once(store, &whole, data, size, err);
    while (kist_store_call_again(&call, code, err));
    free(full);
    /* The reply to an earlier try may have been lost, and only the reply. */
    if (err->code == KIST_ERR_EXISTS && call.retry.tries > 1 && holds(store, put->key, data, size))
        kist_error_clear(err);
    return err->code;
}

int kist_store_put_bytes(struct kist_store *store, const char *key, const void *data, size_t size,
                         const char *content_type, struct kist_error *err)
{
    const struct kist_put put = {.struct_size = sizeof put, .key = key, .content_type = content_type};
    return kist_store_put_object(store, &put, data, size, err);
}

int kist_store_copy(struct kist_store *store, const char *from, const char *etag, const struct kist_put *put,
                    struct kist_error *err)
{
    struct kist_put whole;
    char *full_from = NULL, *full_to = NULL;
    int code = kist_store_full_key(store, from, &full_from, err);
    if (!code)
        code = translate(store, put, &whole, &full_to, err);
    if (!code) {
        struct kist_store_call call = kist_store_call_begin(store, "did not answer");
        do
            code = store->plugin->copy(store->instance->self, full_from, etag, &whole, err);
        while (kist_store_call_again(&call, code, err));
        code = err->code;
    }
    free(full_from);
    free(full_to);
    return code;
}
