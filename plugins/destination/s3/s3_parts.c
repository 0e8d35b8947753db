/*
 * s3_parts.c - the threads that send parts while the next one is filled.
 *
 * A part that fails stays in its buffer. The next call of the writer tells of it; the call after that one sends it again.
 */
#include "s3.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SENDERS_MAX 16
#define LOOK_MS 200 /* how often somebody who waits asks whether to go on */

struct list {
    struct s3_buffer *first, **end;
};

struct sender {
    struct kist_host host; /* first: the HTTP client's, which also says "cancelled" when the upload is given up */
    struct s3_parts *parts;
    struct kist_http *http;
    pthread_t thread;
};

struct s3_parts {
    struct s3_store *store;
    s3_part_fn send;
    void *arg;
    atomic_int stop;
    pthread_mutex_t lock; /* of all that follows */
    pthread_cond_t work, change;
    struct list queued, failed, told; /* failed: since the writer's last call; told: it knows */
    struct s3_buffer *idle;
    unsigned busy;         /* buffers that are queued, being sent, failed or told */
    struct kist_error err; /* of what failed */
    struct s3_done *done;
    unsigned done_capacity;
    unsigned sender_count;
    struct sender senders[SENDERS_MAX];
};

static void list_add(struct list *list, struct s3_buffer *buffer)
{
    buffer->next = NULL;
    *(list->first ? list->end : &list->first) = buffer;
    list->end = &buffer->next;
}

static struct s3_buffer *list_take(struct list *list)
{
    struct s3_buffer *buffer = list->first;
    if (buffer)
        list->first = buffer->next;
    return buffer;
}

void s3_buffer_free(struct s3_buffer *buffer)
{
    if (buffer)
        free(buffer->data);
    free(buffer);
}

static int given_up(const struct kist_host *host)
{
    const struct sender *sender = (const struct sender *)(const void *)host;
    const struct kist_host *real = sender->parts->store->host;
    return atomic_load(&sender->parts->stop) || real->cancelled(real);
}

/* What failed stays failed for a person to see when it is not worth another try: such an error is not replaced. */
static void keep_error(struct s3_parts *parts, const struct kist_error *err)
{
    if (parts->err.code == 0 || (parts->err.retryable && !err->retryable))
        kist_fault_repeat(parts->store->host, err, &parts->err);
}

static void send_one(struct sender *sender, struct s3_buffer *buffer)
{
    struct s3_parts *parts = sender->parts;
    struct kist_error err = {.struct_size = sizeof err};
    struct s3_done done = {0};
    pthread_mutex_unlock(&parts->lock);
    int rc = parts->send(parts->arg, sender->http, buffer, &done, &err);
    pthread_mutex_lock(&parts->lock);
    if (rc == 0) {
        parts->done[buffer->number - 1] = done;
        buffer->next = parts->idle;
        parts->idle = buffer;
        parts->busy--;
    } else {
        keep_error(parts, &err);
        list_add(&parts->failed, buffer);
    }
    kist_fault_clear(&err);
    pthread_cond_broadcast(&parts->change);
}

static void *serve(void *arg)
{
    struct sender *sender = arg;
    struct s3_parts *parts = sender->parts;
    pthread_mutex_lock(&parts->lock);
    while (!atomic_load(&parts->stop)) {
        struct s3_buffer *buffer = list_take(&parts->queued);
        if (buffer)
            send_one(sender, buffer);
        else
            pthread_cond_wait(&parts->work, &parts->lock);
    }
    pthread_mutex_unlock(&parts->lock);
    return NULL;
}

static int start_sender(struct s3_parts *parts, struct kist_error *err)
{
    struct sender *sender = &parts->senders[parts->sender_count];
    sigset_t all, before;
    sender->parts = parts;
    sender->host = *parts->store->host;
    sender->host.cancelled = given_up;
    int rc = s3_client_new(parts->store, &sender->host, 0, 0, &sender->http, err);
    if (rc != 0)
        return rc;
    /* Signals are for the threads of the host. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int errnum = pthread_create(&sender->thread, NULL, serve, sender);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (errnum != 0) {
        kist_http_free(sender->http);
        return parts->store->host->fail(parts->store->host, err, KIST_ERR_FAILED,
                                        "cannot start a thread that sends parts: %s", strerrordesc_np(errnum));
    }
    parts->sender_count++;
    return 0;
}

int s3_parts_new(struct s3_store *store, unsigned senders, s3_part_fn send, void *arg, struct s3_parts **ret_parts,
                 struct kist_error *err)
{
    struct s3_parts *parts = calloc(1, sizeof *parts);
    pthread_condattr_t monotonic;
    int rc = 0;
    if (!parts)
        return s3_fail_memory(store, err);
    parts->store = store;
    parts->send = send;
    parts->arg = arg;
    parts->err.struct_size = sizeof parts->err;
    pthread_mutex_init(&parts->lock, NULL);
    pthread_cond_init(&parts->work, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&parts->change, &monotonic);
    pthread_condattr_destroy(&monotonic);
    while (rc == 0 && parts->sender_count < senders && parts->sender_count < SENDERS_MAX)
        rc = start_sender(parts, err);
    if (rc != 0)
        s3_parts_free(parts);
    else
        *ret_parts = parts;
    return rc;
}

static void free_list(struct s3_buffer *buffer)
{
    while (buffer) {
        struct s3_buffer *next = buffer->next;
        s3_buffer_free(buffer);
        buffer = next;
    }
}

void s3_parts_free(struct s3_parts *parts)
{
    if (!parts)
        return;
    pthread_mutex_lock(&parts->lock);
    atomic_store(&parts->stop, 1);
    pthread_cond_broadcast(&parts->work);
    pthread_mutex_unlock(&parts->lock);
    for (unsigned i = 0; i < parts->sender_count; i++) {
        pthread_join(parts->senders[i].thread, NULL);
        kist_http_free(parts->senders[i].http);
    }
    free_list(parts->queued.first);
    free_list(parts->failed.first);
    free_list(parts->told.first);
    free_list(parts->idle);
    for (unsigned i = 0; i < parts->done_capacity; i++)
        free(parts->done[i].etag);
    free(parts->done);
    kist_fault_clear(&parts->err);
    pthread_cond_destroy(&parts->work);
    pthread_cond_destroy(&parts->change);
    pthread_mutex_destroy(&parts->lock);
    free(parts);
}

/* With the lock held: tells of what failed. */
static int tell(struct s3_parts *parts, struct kist_error *err)
{
    struct s3_buffer *buffer = NULL;
    if (!parts->failed.first)
        return 0;
    while ((buffer = list_take(&parts->failed)))
        list_add(&parts->told, buffer);
    int rc = kist_fault_repeat(parts->store->host, &parts->err, err);
    kist_fault_clear(&parts->err);
    return rc;
}

int s3_parts_resume(struct s3_parts *parts, struct kist_error *err)
{
    struct s3_buffer *buffer = NULL;
    pthread_mutex_lock(&parts->lock);
    while ((buffer = list_take(&parts->told))) {
        list_add(&parts->queued, buffer);
        pthread_cond_signal(&parts->work);
    }
    int rc = tell(parts, err);
    pthread_mutex_unlock(&parts->lock);
    return rc;
}

int s3_parts_reserve(struct s3_parts *parts, unsigned number)
{
    int rc = 0;
    pthread_mutex_lock(&parts->lock);
    if (number > parts->done_capacity) {
        unsigned capacity = parts->done_capacity ? 2 * parts->done_capacity : 64;
        struct s3_done *done = realloc(parts->done, capacity * sizeof *done);
        if (done) {
            memset(done + parts->done_capacity, 0, (capacity - parts->done_capacity) * sizeof *done);
            parts->done = done;
            parts->done_capacity = capacity;
        } else {
            rc = -1;
        }
    }
    pthread_mutex_unlock(&parts->lock);
    return rc;
}

void s3_parts_add(struct s3_parts *parts, struct s3_buffer *buffer)
{
    pthread_mutex_lock(&parts->lock);
    parts->busy++;
    list_add(&parts->queued, buffer);
    pthread_cond_signal(&parts->work);
    pthread_mutex_unlock(&parts->lock);
}

/* With the lock held: waits until at most `most` buffers are busy. */
static int wait_for(struct s3_parts *parts, unsigned most, struct kist_error *err)
{
    const struct kist_host *host = parts->store->host;
    int rc = tell(parts, err);
    while (rc == 0 && parts->busy > most) {
        struct timespec until;
        if (host->cancelled(host))
            return host->fail(host, err, KIST_ERR_CANCELLED, "cancelled");
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += LOOK_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        pthread_cond_timedwait(&parts->change, &parts->lock, &until);
        rc = tell(parts, err);
    }
    return rc;
}

static unsigned count_idle(const struct s3_parts *parts)
{
    unsigned count = 0;
    for (const struct s3_buffer *buffer = parts->idle; buffer; buffer = buffer->next)
        count++;
    return count;
}

int s3_parts_take(struct s3_parts *parts, unsigned most, struct s3_buffer **ret_buffer, struct kist_error *err)
{
    struct s3_buffer *buffer = NULL, *spare = NULL;
    pthread_mutex_lock(&parts->lock);
    int rc = wait_for(parts, most - 1, err);
    if (rc == 0 && (buffer = parts->idle)) {
        parts->idle = buffer->next;
        buffer->size = 0;
    }
    /* Parts have grown, and fewer of them may be held. */
    while (rc == 0 && parts->idle && parts->busy + 1 + count_idle(parts) > most) {
        spare = parts->idle;
        parts->idle = spare->next;
        s3_buffer_free(spare);
    }
    pthread_mutex_unlock(&parts->lock);
    if (rc == 0 && !buffer)
        buffer = calloc(1, sizeof *buffer);
    if (rc == 0 && !buffer)
        rc = s3_fail_memory(parts->store, err);
    if (rc == 0)
        *ret_buffer = buffer;
    return rc;
}

int s3_parts_finish(struct s3_parts *parts, struct kist_error *err)
{
    pthread_mutex_lock(&parts->lock);
    int rc = wait_for(parts, 0, err);
    pthread_mutex_unlock(&parts->lock);
    return rc;
}

const struct s3_done *s3_parts_done_of(const struct s3_parts *parts, unsigned number)
{
    return &parts->done[number - 1];
}
