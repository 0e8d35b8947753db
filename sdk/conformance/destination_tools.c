#include "destination_tools.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *trial_key(struct trial *trial, const char *format, ...)
{
    char *name = NULL, *key = NULL;
    va_list args;
    va_start(args, format);
    if (vasprintf(&name, format, args) < 0)
        abort();
    va_end(args);
    if (asprintf(&key, "%s%s", trial->suite->prefix, name) < 0)
        abort();
    free(name);
    char **kept = realloc(trial->kept, (trial->kept_count + 1) * sizeof *kept);
    if (!kept)
        abort();
    trial->kept = kept;
    return kept[trial->kept_count++] = key;
}

int trial_begin(struct trial *trial, const struct kist_conformance *suite)
{
    *trial = (struct trial){.suite = suite, .plugin = suite->plugin, .err = {.struct_size = sizeof trial->err}};
    int rc = suite->plugin->open(suite->host, suite->config, &trial->self, &trial->err);
    return rc == 0 ? 0 : case_broken(&trial->detail, &trial->err, "open failed with %d", rc);
}

int trial_end(struct trial *trial)
{
    struct found found = {0};
    int rc = 0;
    if (trial->self) {
        rc = trial_list(trial, trial->self, trial->suite->prefix, &found);
        for (size_t i = 0; i < found.count && rc == 0; i++)
            rc = trial_remove(trial, trial->self, found.keys[i]);
        found_done(&found);
        if (rc == 0)
            rc = trial_list(trial, trial->self, trial->suite->prefix, &found);
        if ((rc != 0 || found.count > 0) && !trial->detail)
            case_broken(&trial->detail, &trial->err,
                        "cannot be cleaned up: list and remove gave %d, %zu objects are left", rc, found.count);
        found_done(&found);
        trial->plugin->close(trial->self);
    }
    for (size_t i = 0; i < trial->kept_count; i++)
        free(trial->kept[i]);
    free(trial->kept);
    case_clear(&trial->err);
    return trial->detail ? -1 : 0;
}

int trial_put_begin(struct trial *trial, void *self, const char *key, void **ret_writer)
{
    const struct kist_put put = {.struct_size = sizeof put, .key = key, .size = -1};
    case_clear(&trial->err);
    return trial->plugin->put_begin(self, &put, ret_writer, &trial->err);
}

int trial_write(struct trial *trial, void *writer, const void *data, size_t size)
{
    case_clear(&trial->err);
    return trial->plugin->put_write(writer, data, size, &trial->err);
}

int trial_commit(struct trial *trial, void *writer, uint64_t size)
{
    case_clear(&trial->err);
    return trial->plugin->put_commit(writer, size, &trial->err);
}

int trial_put(struct trial *trial, void *self, const char *key, const void *data, size_t size)
{
    void *writer = NULL;
    const char *at = data;
    size_t left = size;
    int rc = trial_put_begin(trial, self, key, &writer);
    for (size_t piece = 1; rc == 0 && left > 0; piece = piece * 7 % (1U << 20) + 1) {
        size_t n = piece < left ? piece : left;
        rc = trial_write(trial, writer, at, n);
        if (rc != 0)
            trial->plugin->put_abort(writer);
        at += n;
        left -= n;
    }
    return rc == 0 ? trial_commit(trial, writer, size) : rc;
}

int trial_get(struct trial *trial, void *self, const char *key, uint64_t offset, char **ret_data, size_t *ret_size)
{
    void *reader = NULL;
    char *data = NULL;
    size_t size = 0, n = 1;
    case_clear(&trial->err);
    int rc = trial->plugin->get_begin(self, key, offset, &reader, &trial->err);
    if (rc != 0)
        return rc;
    for (size_t capacity = 1; rc == 0 && n > 0; capacity = capacity * 5 % (1U << 20) + 1) {
        char *grown = realloc(data, size + capacity);
        if (!grown)
            abort();
        data = grown;
        rc = trial->plugin->get_read(reader, data + size, capacity, &n, &trial->err);
        if (rc == 0 && n > capacity)
            abort();
        size += rc == 0 ? n : 0;
    }
    trial->plugin->get_end(reader);
    if (rc == 0) {
        *ret_data = data;
        *ret_size = size;
    } else {
        free(data);
    }
    return rc;
}

int trial_holds(struct trial *trial, void *self, const char *key, const void *data, size_t size)
{
    char *read = NULL;
    size_t read_size = 0;
    if (trial_stat(trial, self, key, NULL) != (int64_t)size ||
        trial_get(trial, self, key, 0, &read, &read_size) != 0)
        return 0;
    int same = read_size == size && (size == 0 || memcmp(read, data, size) == 0);
    free(read);
    return same;
}

struct told {
    const char *key;
    int64_t size;
    char *etag;
    int count, same_key;
};

static int take_told(void *arg, const struct kist_object *object)
{
    struct told *told = arg;
    told->count++;
    told->same_key = strcmp(object->key, told->key) == 0;
    told->size = object->size;
    free(told->etag);
    told->etag = object->etag ? strdup(object->etag) : NULL;
    return 0;
}

int64_t trial_stat(struct trial *trial, void *self, const char *key, char **ret_etag)
{
    struct told told = {.key = key};
    case_clear(&trial->err);
    int rc = trial->plugin->stat(self, key, take_told, &told, &trial->err);
    if (rc == 0 && ret_etag)
        *ret_etag = told.etag;
    else
        free(told.etag);
    if (rc != 0)
        return rc;
    return told.count == 1 && told.same_key ? told.size : KIST_ERR_BUG;
}

int trial_absent(struct trial *trial, void *self, const char *key)
{
    char *data = NULL;
    size_t size = 0;
    struct found found = {0};
    if (trial_stat(trial, self, key, NULL) != KIST_ERR_NOT_FOUND)
        return 0;
    int rc = trial_get(trial, self, key, 0, &data, &size);
    free(rc == 0 ? data : NULL);
    if (rc != KIST_ERR_NOT_FOUND || trial_list(trial, self, trial->suite->prefix, &found) != 0)
        return 0;
    int listed = found_has(&found, key);
    found_done(&found);
    return !listed;
}

int trial_remove(struct trial *trial, void *self, const char *key)
{
    case_clear(&trial->err);
    return trial->plugin->remove(self, key, &trial->err);
}

static int take_found(void *arg, const struct kist_object *object)
{
    struct found *found = arg;
    if (found->count == found->capacity) {
        found->capacity = found->capacity ? 2 * found->capacity : 64;
        found->keys = realloc(found->keys, found->capacity * sizeof *found->keys);
        if (!found->keys)
            abort();
    }
    found->keys[found->count++] = strdup(object->key);
    return found->count == found->stop_at ? 77 : 0;
}

int trial_list(struct trial *trial, void *self, const char *prefix, struct found *found)
{
    case_clear(&trial->err);
    return trial->plugin->list(self, prefix, take_found, found, &trial->err);
}

int found_has(const struct found *found, const char *key)
{
    for (size_t i = 0; i < found->count; i++)
        if (strcmp(found->keys[i], key) == 0)
            return 1;
    return 0;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int found_has_doubles(struct found *found)
{
    if (found->count > 0)
        qsort(found->keys, found->count, sizeof *found->keys, compare);
    for (size_t i = 1; i < found->count; i++)
        if (strcmp(found->keys[i - 1], found->keys[i]) == 0)
            return 1;
    return 0;
}

void found_done(struct found *found)
{
    for (size_t i = 0; i < found->count; i++)
        free(found->keys[i]);
    free(found->keys);
    *found = (struct found){0};
}

char *trial_bytes(size_t size, unsigned seed)
{
    char *bytes = malloc(size ? size : 1);
    if (!bytes)
        abort();
    uint32_t state = seed * 2654435761U + 1;
    for (size_t i = 0; i < size; i++) {
        state = state * 1664525U + 1013904223U;
        bytes[i] = (char)(state >> 24);
    }
    return bytes;
}
