/* mirror_test_store.h - a small store in memory, for the test of the source; to be included by one file of a test. */
#ifndef MIRROR_TEST_STORE_H
#define MIRROR_TEST_STORE_H

#include "mirror.h"
#include "test_host.h"

#include <stdlib.h>
#include <string.h>

#define SHELF_MAX 128

struct shelved {
    const char *key, *content_type, *checksum;
    const char *const *metadata;
    char *etag, *data;
    int64_t size, told_size;
};

struct shelf {
    struct kist_test_host *test;
    struct shelved objects[SHELF_MAX];
    size_t count;
    int opened, closed, removed, put, stats, lists;
    int fail_list, refuse_early;
    const char *change_on_read; /* this object gets another etag at the first read */
    char *new_data;             /* of the object that is being put */
    int64_t new_size;
    struct kist_put new_put;
    char *new_key;
};

struct shelf_reader {
    struct shelf *shelf;
    const struct shelved *object;
    int64_t done;
};

static inline struct shelved *shelf_find(struct shelf *shelf, const char *key)
{
    for (size_t i = 0; i < shelf->count; i++)
        if (strcmp(shelf->objects[i].key, key) == 0)
            return &shelf->objects[i];
    return NULL;
}

static inline struct shelved *shelf_add(struct shelf *shelf, const char *key, const char *data)
{
    struct shelved *object = &shelf->objects[shelf->count++];
    *object = (struct shelved){.key = key,
                               .etag = strdup("e1"),
                               .data = strdup(data),
                               .size = (int64_t)strlen(data),
                               .told_size = (int64_t)strlen(data)};
    return object;
}

static inline void shelf_drop(struct shelf *shelf, struct shelved *object)
{
    free(object->etag);
    free(object->data);
    *object = shelf->objects[--shelf->count];
}

static inline int shelf_give(const struct shelved *object, kist_object_fn give, void *arg)
{
    const struct kist_object given = {.struct_size = sizeof given,
                                      .key = object->key,
                                      .size = object->told_size,
                                      .modified_ms = 1500,
                                      .etag = object->etag,
                                      .content_type = object->content_type,
                                      .metadata = object->metadata,
                                      .checksum = object->checksum};
    return give(arg, &given);
}

static inline int shelf_fail(struct shelf *shelf, int code, struct kist_error *err)
{
    return (shelf->test->host.fail)(&shelf->test->host, err, code, "the shelf says %d", code);
}

static void shelf_close(void *self)
{
    ((struct shelf *)self)->closed++;
}

static int shelf_check(void *self, struct kist_error *err)
{
    (void)self;
    (void)err;
    return 0;
}

static int shelf_list(void *self, const char *prefix, kist_object_fn give, void *arg, struct kist_error *err)
{
    struct shelf *shelf = self;
    int code = 0;
    shelf->lists++;
    for (size_t i = 0; i < shelf->count && !code; i++)
        if (strncmp(shelf->objects[i].key, prefix, strlen(prefix)) == 0)
            code = shelf_give(&shelf->objects[i], give, arg);
    return code || !shelf->fail_list ? code : shelf_fail(shelf, shelf->fail_list, err);
}

static int shelf_stat(void *self, const char *key, kist_object_fn give, void *arg, struct kist_error *err)
{
    struct shelf *shelf = self;
    const struct shelved *object = shelf_find(shelf, key);
    shelf->stats++;
    return object ? shelf_give(object, give, arg) : shelf_fail(shelf, KIST_ERR_NOT_FOUND, err);
}

static int shelf_get_begin(void *self, const char *key, uint64_t offset, void **ret_reader, struct kist_error *err)
{
    struct shelf *shelf = self;
    const struct shelved *object = shelf_find(shelf, key);
    if (!object)
        return shelf_fail(shelf, KIST_ERR_NOT_FOUND, err);
    struct shelf_reader *reader = malloc(sizeof *reader);
    *reader = (struct shelf_reader){.shelf = shelf, .object = object, .done = (int64_t)offset};
    *ret_reader = reader;
    return 0;
}

static int shelf_get_read(void *arg, void *data, size_t capacity, size_t *ret_size, struct kist_error *err)
{
    struct shelf_reader *reader = arg;
    (void)err;
    if (reader->shelf->change_on_read && strcmp(reader->shelf->change_on_read, reader->object->key) == 0)
        reader->object->etag[1] = '2';
    int64_t left = reader->object->size - reader->done;
    size_t size = (size_t)left < capacity ? (size_t)left : capacity;
    memcpy(data, reader->object->data + reader->done, size);
    reader->done += (int64_t)size;
    *ret_size = size;
    return 0;
}

static void shelf_get_end(void *reader)
{
    free(reader);
}

static int shelf_get_about(void *arg, kist_object_fn give, void *give_arg, struct kist_error *err)
{
    (void)err;
    return shelf_give(((const struct shelf_reader *)arg)->object, give, give_arg);
}

static int shelf_put_begin(void *self, const struct kist_put *put, void **ret_writer, struct kist_error *err)
{
    struct shelf *shelf = self;
    if (shelf->refuse_early && shelf_find(shelf, put->key))
        return shelf_fail(shelf, KIST_ERR_EXISTS, err);
    shelf->new_put = *put;
    shelf->new_key = strdup(put->key);
    shelf->new_size = 0;
    *ret_writer = shelf;
    return 0;
}

static int shelf_put_write(void *writer, const void *data, size_t size, struct kist_error *err)
{
    struct shelf *shelf = writer;
    (void)err;
    shelf->new_data = realloc(shelf->new_data, (size_t)shelf->new_size + size + 1);
    memcpy(shelf->new_data + shelf->new_size, data, size);
    shelf->new_size += (int64_t)size;
    return 0;
}

static void shelf_put_abort(void *writer)
{
    struct shelf *shelf = writer;
    free(shelf->new_data);
    free(shelf->new_key);
    shelf->new_data = shelf->new_key = NULL;
}

static int shelf_put_commit(void *writer, uint64_t size, struct kist_error *err)
{
    struct shelf *shelf = writer;
    int code = (int64_t)size != shelf->new_size    ? shelf_fail(shelf, KIST_ERR_BUG, err)
               : shelf_find(shelf, shelf->new_key) ? shelf_fail(shelf, KIST_ERR_EXISTS, err)
                                                   : 0;
    if (!code) {
        struct kist_test_host *test = shelf->test;
        const char *key = test->host.keep_string(&test->host, shelf->new_key);
        struct shelved *object = shelf_add(shelf, key, "");
        free(object->data);
        object->data = shelf->new_data ? shelf->new_data : strdup("");
        object->size = object->told_size = shelf->new_size;
        object->content_type = shelf->new_put.content_type;
        shelf->new_data = NULL;
        shelf->put++;
    }
    shelf_put_abort(shelf);
    return code;
}

static int shelf_remove(void *self, const char *key, struct kist_error *err)
{
    struct shelf *shelf = self;
    (void)err;
    if (shelf_find(shelf, key))
        shelf_drop(shelf, shelf_find(shelf, key));
    shelf->removed++;
    return 0;
}

static const struct kist_destination shelf_calls = {.close = shelf_close,
                                                    .check = shelf_check,
                                                    .list = shelf_list,
                                                    .stat = shelf_stat,
                                                    .get_begin = shelf_get_begin,
                                                    .get_read = shelf_get_read,
                                                    .get_end = shelf_get_end,
                                                    .get_about = shelf_get_about,
                                                    .put_begin = shelf_put_begin,
                                                    .put_write = shelf_put_write,
                                                    .put_abort = shelf_put_abort,
                                                    .put_commit = shelf_put_commit,
                                                    .remove = shelf_remove};

/* Two stores, "here" and "there". */
static inline int shelf_open(struct kist_test_host *test, const char *name,
                             const struct kist_destination **ret_calls, void **ret_self, struct kist_error *err)
{
    struct shelf *shelves = test->stores;
    struct shelf *shelf = strcmp(name, "here") == 0    ? &shelves[0]
                          : strcmp(name, "there") == 0 ? &shelves[1]
                                                       : NULL;
    if (!shelf)
        return (test->host.fail)(&test->host, err, KIST_ERR_CONFIG, "there is no [destination %s]", name);
    shelf->opened++;
    *ret_calls = &shelf_calls;
    *ret_self = shelf;
    return 0;
}

#endif
