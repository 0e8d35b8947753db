#include "lease.h"
#include "lease_object.h"
#include "log.h"
#include "state.h"
#include "thread.h"
#include "uuid.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TRIES 5          /* to be the first to make a number */
#define CALL_MS 10000    /* for one call of the keeper */
#define PARTING_MS 20000 /* for giving it back */
#define TICK_MS 50
#define AHEAD 3600 /* seconds by which the clock of another host may be ahead, and its lease still counts */

const struct kist_lease_times kist_lease_times = {
    .length_ms = 600 * 1000, .prolong_ms = 180 * 1000, .grace_ms = 120 * 1000};

struct kist_lease {
    struct kist_config_section section; /* as the keeper uses it: with limits of its own */
    const char *pipeline;
    struct kist_lease_times times;
    struct kist_lease_object object; /* the newest that was made */
    int changed_hands;
    struct kist_store *store; /* of the keeper */
    pthread_t keeper;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    int over; /* guarded by the lock: it is to be given back */
};

static int64_t expiry(const struct kist_lease_times *times)
{
    return kist_time_now() + (times->length_ms + 999) / 1000;
}

/* ---- taking ---- */

/* 1 when another host may be at work. */
static int is_taken(const struct kist_lease_object *object, const char *owner,
                    const struct kist_lease_times *times)
{
    int64_t now = kist_time_now(), grace = times->grace_ms / 1000;
    if (!object->number || object->released || object->damaged || strcmp(object->owner, owner) == 0)
        return 0;
    if (object->expires > now + times->length_ms / 1000 + AHEAD) {
        kist_log(
            KIST_LOG_WARNING, NULL,
            "the lease of '%s' ends later than any can: its clock is ahead of ours, and the lease is passed over",
            object->host);
        return 0;
    }
    return now < object->expires + grace;
}

static int refuse(const struct kist_store *store, const struct kist_lease_object *object, struct kist_error *err)
{
    char expires[KIST_TIME_LENGTH + 1];
    kist_time_text(object->expires, expires);
    kist_fail(err, KIST_ERR_EXISTS, "%s: host '%s' is at work on it, and has its lease until %s", store->where,
              object->host, expires);
    kist_hint(err, "wait for it; a host that has died loses its lease two minutes after that time");
    return err->code;
}

/* One destination that is asked for the lease, in the thread of a step. */
struct asking {
    const struct kist_target *whom;
    const char *pipeline, *owner;
    const struct kist_lease_times *times;
    struct kist_lease_object object; /* out */
    int changed_hands;               /* out */
    struct kist_error err;           /* out */
    int done;                        /* out: it came to an answer, good or bad */
};

static int take_once(struct kist_store *store, struct asking *asking, struct kist_error *err)
{
    struct kist_lease_object before = {0}, *object = &asking->object;
    struct kist_lease_older older = {0};
    int code = kist_lease_object_find(store, asking->pipeline, &before, &older, err);
    if (code)
        return code;
    if (is_taken(&before, asking->owner, asking->times))
        return refuse(store, &before, err);
    if (before.damaged)
        kist_log(KIST_LOG_WARNING, store->where, "the lease of the last run is damaged, and passed over");
    *object = (struct kist_lease_object){.number = before.number + 1, .expires = expiry(asking->times)};
    snprintf(object->owner, sizeof object->owner, "%s", asking->owner);
    snprintf(object->host, sizeof object->host, "%s", kist_host_name());
    kist_uuid_make(object->token);
    code = kist_lease_object_put(store, asking->pipeline, object, err);
    if (code)
        return code == KIST_ERR_EXISTS ? KIST_ERR_NOT_FOUND : code;
    asking->changed_hands = before.number && strcmp(before.owner, asking->owner) != 0;
    /* Also what a host left that died between making one and removing another; where nothing can be removed, it is tried
     * once. */
    int removed = !before.number || kist_lease_object_drop(store, asking->pipeline, before.number);
    for (size_t i = 0; i < older.count && removed; i++)
        removed = kist_lease_object_drop(store, asking->pipeline, older.numbers[i]);
    return 0;
}

/* A destination where it does not work is out of this, though not of the run. */
static int take_step(struct kist_target *target, void *arg, struct kist_error *err)
{
    struct asking *asking = arg;
    (void)err;
    if (target != asking->whom)
        return 0;
    int code = KIST_ERR_NOT_FOUND;
    /* What was found had gone, or the next number was made by another: look again. */
    for (int i = 0; i < TRIES && code == KIST_ERR_NOT_FOUND; i++) {
        kist_error_clear(&asking->err);
        code = take_once(target->store, asking, &asking->err);
    }
    if (code == KIST_ERR_NOT_FOUND)
        kist_fail(&asking->err, KIST_ERR_EXISTS, "%s: several hosts want its lease at once", target->store->where);
    asking->done = 1;
    return 0;
}

/* ---- keeping ---- */

/* 1 when the number that is taken was made here after all, and only the answer was lost. */
static int is_own(struct kist_lease *lease)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct kist_lease_object found = {0};
    if (kist_lease_object_find(lease->store, lease->pipeline, &found, NULL, &err) ||
        strcmp(found.token, lease->object.token) != 0)
        return 0;
    lease->object = found;
    return 1;
}

/* The next number, in place of the one before it. */
static int next_object(struct kist_lease *lease, int released, struct kist_error *err)
{
    struct kist_lease_object next = lease->object;
    next.number++;
    next.released = released;
    next.expires = expiry(&lease->times);
    int code = kist_lease_object_put(lease->store, lease->pipeline, &next, err);
    if (code == KIST_ERR_EXISTS && is_own(lease)) {
        next.number = lease->object.number + 1;
        code = kist_lease_object_put(lease->store, lease->pipeline, &next, err);
    }
    if (code)
        return code;
    (void)kist_lease_object_drop(lease->store, lease->pipeline, lease->object.number);
    lease->object = next;
    return 0;
}

/* 1 when the lease is over before `ms` have passed. */
static int wait_for_end(struct kist_lease *lease, int64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    int waited = 0;
    pthread_mutex_lock(&lease->lock);
    while (!lease->over && waited == 0)
        waited = pthread_cond_timedwait(&lease->wake, &lease->lock, &until);
    int over = lease->over;
    pthread_mutex_unlock(&lease->lock);
    return over;
}

static void say(const struct kist_lease *lease, struct kist_error *err, const char *what)
{
    kist_error_prefix(err, "cannot %s the lease", what);
    kist_log_at(KIST_LOG_WARNING, lease->pipeline, err);
}

static void *keep(void *arg)
{
    struct kist_lease *lease = arg;
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    int64_t wait = lease->times.prolong_ms;
    int connected = 0, lost = 0;
    for (;;) {
        int over = wait_for_end(lease, wait);
        kist_error_clear(&err);
        int code = connected || lost ? 0 : kist_store_connect(lease->store, &err);
        connected |= !code && !lost;
        if (!code && !lost)
            code = next_object(lease, over, &err);
        /* Whoever made that number thinks that this run is dead; it goes on, for the data needs no guard. */
        lost |= code == KIST_ERR_EXISTS;
        if (code == KIST_ERR_EXISTS)
            kist_hint(&err, "another host took it over, and may make a backup, too: that harms neither of them");
        if (code)
            say(lease, &err, over ? "give back" : "prolong");
        /* An instance that could not be opened is tried only once: it expires by itself. */
        lost |= code && !connected;
        if (over)
            return NULL;
        wait = code ? lease->times.prolong_ms / 6 + 1 : lease->times.prolong_ms;
    }
}

static void lease_free(struct kist_lease *lease)
{
    kist_store_close(lease->store);
    pthread_cond_destroy(&lease->wake);
    pthread_mutex_destroy(&lease->lock);
    free(lease);
}

static struct kist_lease *lease_new(const struct asking *asking)
{
    struct kist_lease *lease = calloc(1, sizeof *lease);
    pthread_condattr_t monotonic;
    if (!lease)
        return NULL;
    lease->section = *asking->whom->section;
    lease->section.retry.retries = 1;
    lease->section.retry.deadline_ms = CALL_MS;
    lease->pipeline = asking->pipeline;
    lease->times = *asking->times;
    lease->object = asking->object;
    lease->changed_hands = asking->changed_hands;
    pthread_mutex_init(&lease->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&lease->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return lease;
}

/* From here on the lease is ours, and has to be given back. A signal stops the run, but not the keeper: its store hangs on
 * nobody's cancel. */
static int start_keeper(const struct asking *asking, struct kist_lease **ret_lease, struct kist_error *err)
{
    struct kist_lease *lease = lease_new(asking);
    if (!lease)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    int code = kist_store_new(&lease->section, lease->pipeline, NULL, &lease->store, err);
    int errnum = code ? 0 : pthread_create(&lease->keeper, NULL, keep, lease);
    if (errnum)
        code = kist_fail_errno(err, errnum, "cannot start a thread");
    if (code)
        lease_free(lease);
    else
        *ret_lease = lease;
    return code;
}

/* ---- for others ---- */

int kist_lease_take(struct kist_targets *targets, const char *owner, const struct kist_lease_times *times,
                    struct kist_lease **ret_lease, struct kist_error *err)
{
    *ret_lease = NULL;
    for (size_t i = 0; i < targets->count; i++) {
        struct kist_target *target = &targets->items[i];
        if (target->err.code || !target->store || kist_store_discards(target->store))
            continue;
        struct asking asking = {.whom = target,
                                .pipeline = targets->pipeline->name,
                                .owner = owner,
                                .times = times,
                                .err = KIST_ERROR_INIT};
        int code = kist_targets_step(targets, take_step, &asking, err);
        if (!code && asking.done && !asking.err.code)
            return start_keeper(&asking, ret_lease, err);
        if (!code && (asking.err.code == KIST_ERR_EXISTS || asking.err.code == KIST_ERR_CANCELLED))
            return kist_error_move(err, &asking.err);
        if (!code && asking.err.code) {
            kist_error_prefix(&asking.err, "cannot take the lease");
            kist_log_at(KIST_LOG_WARNING, targets->pipeline->name, &asking.err);
        }
        kist_error_done(&asking.err);
        if (code)
            return code;
    }
    return 0;
}

int kist_lease_changed_hands(const struct kist_lease *lease)
{
    return lease && lease->changed_hands;
}

void kist_lease_release(struct kist_lease *lease)
{
    if (!lease)
        return;
    int64_t until = kist_time_monotonic_ms() + PARTING_MS;
    pthread_mutex_lock(&lease->lock);
    lease->over = 1;
    pthread_cond_signal(&lease->wake);
    pthread_mutex_unlock(&lease->lock);
    while (!kist_thread_join_within(lease->keeper, TICK_MS))
        if (kist_time_monotonic_ms() > until || kist_store_is_overdue(lease->store))
            kist_store_give_up(lease->store);
    lease_free(lease);
}
