/* destination_calls.c - the calls that cases make, with the plugin's answers held against the contract's form. */
#include "destination_tools.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TRIES 3

/* 1 when a call that gave `rc` is to be made again, after a while. */
static int again(const struct trial *trial, int rc, int *tries)
{
    if (rc >= 0 || !trial->err.retryable || ++*tries >= TRIES)
        return 0;
    int64_t ms = trial->err.retry_after_ms > 200 ? trial->err.retry_after_ms : 200 * (int64_t)*tries;
    ms = ms < 5000 ? ms : 5000;
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
    return 1;
}

/* What a plugin promised with success, and did not keep. */
static int broken_promise(struct trial *trial, const char *what)
{
    case_clear(&trial->err);
    trial->err.code = KIST_ERR_BUG;
    trial->err.message = strdup(what);
    return KIST_ERR_BUG;
}

static int begin_put(struct trial *trial, const struct kist_put *put)
{
    int rc = 0, tries = 0;
    do {
        case_clear(&trial->err);
        trial->writer = NULL;
        rc = trial->plugin->put_begin(trial->self, put, &trial->writer, &trial->err);
    } while (again(trial, rc, &tries));
    if (rc != 0)
        trial->writer = NULL;
    return rc;
}

int trial_put_begin(struct trial *trial, const char *key, int64_t size)
{
    /* The call borrows the key only: behind it, the memory says something else. */
    char *borrowed = strdup(key);
    const struct kist_put put = {.struct_size = sizeof put, .key = borrowed, .size = size, .size_estimate = size};
    int rc = begin_put(trial, &put);
    memset(borrowed, '#', strlen(borrowed));
    free(borrowed);
    return rc;
}

static int resumes(const struct trial *trial)
{
    return (trial->plugin->features & KIST_DESTINATION_RESUMES) != 0;
}

int trial_write(struct trial *trial, unsigned seed, uint64_t from, uint64_t to, size_t piece)
{
    size_t next = piece ? piece : 1;
    for (int rc = 0, tries = 0; from < to; from += rc == 0 ? next : 0) {
        if (rc == 0 && !piece)
            next = next * 7 % (1U << 20) + 1;
        next = to - from < next ? (size_t)(to - from) : next;
        /* The same memory every time: a plugin that keeps it finds other bytes in it. */
        noise_fill(trial->buffer, next, seed, from);
        case_clear(&trial->err);
        rc = trial->plugin->put_write(trial->writer, trial->buffer, next, &trial->err);
        memset(trial->buffer, '#', next);
        if (rc != 0 && !(resumes(trial) && again(trial, rc, &tries)))
            return rc;
    }
    return 0;
}

int trial_commit(struct trial *trial, uint64_t size)
{
    int rc = 0, tries = 0;
    do {
        case_clear(&trial->err);
        rc = trial->plugin->put_commit(trial->writer, size, &trial->err);
    } while (resumes(trial) && again(trial, rc, &tries));
    /* A commit that may be made again did not end its writer. */
    if (resumes(trial) && rc != 0 && trial->err.retryable)
        trial_abort(trial);
    trial->writer = NULL;
    return rc;
}

void trial_abort(struct trial *trial)
{
    if (trial->writer)
        trial->plugin->put_abort(trial->writer);
    trial->writer = NULL;
}

int trial_put_as(struct trial *trial, const struct kist_put *put, unsigned seed, uint64_t size)
{
    int rc = 0, tries = 0;
    do {
        rc = begin_put(trial, put);
        if (rc != 0)
            return rc;
        rc = trial_write(trial, seed, 0, size, 0);
        if (rc == 0)
            rc = trial_commit(trial, size);
        trial_abort(trial);
    } while (again(trial, rc, &tries));
    return rc;
}

int trial_put(struct trial *trial, const char *key, unsigned seed, uint64_t size)
{
    const struct kist_put put = {.struct_size = sizeof put, .key = key, .size = -1, .size_estimate = -1};
    return trial_put_as(trial, &put, seed, size);
}

int trial_get_begin(struct trial *trial, const char *key, uint64_t offset)
{
    int rc = 0, tries = 0;
    do {
        case_clear(&trial->err);
        trial->reader = NULL;
        rc = trial->plugin->get_begin(trial->self, key, offset, &trial->reader, &trial->err);
    } while (again(trial, rc, &tries));
    if (rc != 0)
        trial->reader = NULL;
    return rc;
}

int trial_get_read(struct trial *trial, size_t capacity, size_t *ret_size)
{
    size_t size = SIZE_MAX;
    case_clear(&trial->err);
    int rc = trial->plugin->get_read(trial->reader, trial->buffer, capacity, &size, &trial->err);
    if (rc == 0 && size > capacity)
        return broken_promise(trial, "get_read gave more than there was room for");
    *ret_size = rc == 0 ? size : 0;
    return rc;
}

void trial_get_end(struct trial *trial)
{
    if (trial->reader)
        trial->plugin->get_end(trial->reader);
    trial->reader = NULL;
}

static int read_once(struct trial *trial, const char *key, uint64_t offset, unsigned seed, uint64_t size,
                     size_t capacity)
{
    size_t room = capacity ? capacity : 1, n = 1;
    int rc = trial_get_begin(trial, key, offset);
    while (rc == 0 && n > 0) {
        rc = trial_get_read(trial, room, &n);
        if (rc == 0 && (offset > size || n > size - offset))
            rc = TRIAL_DIFFERS;
        if (rc == 0 && n > 0) {
            noise_fill(trial->expected, n, seed, offset);
            rc = memcmp(trial->buffer, trial->expected, n) != 0 ? TRIAL_DIFFERS : 0;
        }
        offset += rc == 0 ? n : 0;
        room = capacity ? capacity : room * 5 % (1U << 20) + 1;
    }
    trial_get_end(trial);
    return rc == 0 && offset != size ? TRIAL_DIFFERS : rc;
}

int trial_read(struct trial *trial, const char *key, uint64_t offset, unsigned seed, uint64_t size,
               size_t capacity)
{
    int rc = 0, tries = 0;
    do
        rc = read_once(trial, key, offset, seed, size, capacity);
    while (again(trial, rc, &tries));
    return rc;
}

int trial_holds(struct trial *trial, const char *key, unsigned seed, uint64_t size)
{
    return trial_stat(trial, key) == 0 && trial->facts.size == (int64_t)size &&
           trial_read(trial, key, 0, seed, size, 0) == 0;
}

struct told {
    struct trial *trial;
    const char *key;
    int count, same_key;
};

static int take_told(void *arg, const struct kist_object *object)
{
    struct told *told = arg;
    told->count++;
    told->same_key = object->key && strcmp(object->key, told->key) == 0 && object->struct_size > 0;
    facts_done(&told->trial->facts);
    facts_copy(&told->trial->facts, object);
    return 0;
}

int trial_stat(struct trial *trial, const char *key)
{
    struct told told;
    int rc = 0, tries = 0;
    do {
        told = (struct told){.trial = trial, .key = key};
        case_clear(&trial->err);
        rc = trial->plugin->stat(trial->self, key, take_told, &told, &trial->err);
    } while (again(trial, rc, &tries));
    if (rc == 0 && !(told.count == 1 && told.same_key))
        return broken_promise(trial, "stat succeeded without giving the one object that was asked for");
    return rc;
}

int trial_about(struct trial *trial, const char *key)
{
    struct told told = {.trial = trial, .key = key};
    if (!trial->plugin->get_about)
        return KIST_ERR_UNSUPPORTED;
    case_clear(&trial->err);
    int rc = trial->plugin->get_about(trial->reader, take_told, &told, &trial->err);
    if (rc == 0 && !(told.count == 1 && told.same_key))
        return broken_promise(trial, "get_about succeeded without giving the object that is being read");
    return rc;
}

int trial_absent(struct trial *trial, const char *key)
{
    if (trial_stat(trial, key) != KIST_ERR_NOT_FOUND)
        return 0;
    int rc = trial_get_begin(trial, key, 0);
    trial_get_end(trial);
    return rc == KIST_ERR_NOT_FOUND && trial_list(trial, trial->suite->prefix) == 0 && !trial_found(trial, key);
}

int trial_remove(struct trial *trial, const char *key)
{
    int rc = 0, tries = 0;
    do {
        case_clear(&trial->err);
        rc = trial->plugin->remove(trial->self, key, &trial->err);
    } while (again(trial, rc, &tries));
    return rc;
}
