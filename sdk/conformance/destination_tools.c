/* destination_tools.c - a case's life: instances, keys, threads, and what it leaves behind. */
#include "destination_tools.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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

uint64_t trial_big(const struct trial *trial)
{
    return trial->suite->big ? trial->suite->big : 40 * MIB;
}

int64_t trial_now_ms(void)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int trial_shares(const struct trial *trial)
{
    return !(trial->plugin->features & KIST_DESTINATION_DISCARDS);
}

int trial_open(struct trial *trial)
{
    case_clear(&trial->err);
    int rc = trial->plugin->open(trial->suite->host, trial->suite->config, &trial->self, &trial->err);
    if (rc != 0)
        trial->self = NULL;
    EXPECT(trial, rc == 0, "open failed with %d", rc);
    EXPECT(trial, trial->self, "open gave no instance");
    return 0;
}

void trial_close(struct trial *trial)
{
    trial_abort(trial);
    trial_get_end(trial);
    if (trial->self)
        trial->plugin->close(trial->self);
    trial->self = NULL;
}

int trial_begin(struct trial *trial, const struct kist_conformance *suite)
{
    *trial = (struct trial){.suite = suite, .plugin = suite->plugin, .err = {.struct_size = sizeof trial->err}};
    trial->buffer = malloc(WRITE_MOST);
    trial->expected = malloc(WRITE_MOST);
    if (!trial->buffer || !trial->expected)
        abort();
    return trial_open(trial);
}

static void release(struct trial *trial)
{
    trial_close(trial);
    for (size_t i = 0; i < trial->found.count; i++)
        facts_done(&trial->found.items[i]);
    free(trial->found.items);
    facts_done(&trial->facts);
    for (size_t i = 0; i < trial->kept_count; i++)
        free(trial->kept[i]);
    free(trial->kept);
    free(trial->buffer);
    free(trial->expected);
    case_clear(&trial->err);
}

struct trial *trial_peer(struct trial *trial, size_t number)
{
    struct trial *peer = trial->peers[number];
    if (peer)
        return peer;
    peer = calloc(1, sizeof *peer);
    if (!peer)
        abort();
    trial->peers[number] = peer;
    if (trial_begin(peer, trial->suite) == 0)
        return peer;
    (void)case_broken(&trial->detail, &peer->err, "no further instance can be opened");
    return NULL;
}

static int remove_found(struct trial *trial, size_t number, const void *arg)
{
    const struct found *found = arg;
    return trial_remove(trial, found->items[number].key);
}

/* Removes everything below the prefix, with an instance that nothing can be wrong with. */
static void clean(struct trial *trial)
{
    char *blame = trial->detail;
    trial->detail = NULL;
    int rc = trial->self ? 0 : trial_open(trial);
    if (rc == 0)
        rc = trial_list(trial, trial->suite->prefix);
    struct found found = trial->found;
    trial->found = (struct found){0};
    if (rc == 0)
        rc = trial_each(trial, found.count, remove_found, &found);
    for (size_t i = 0; i < found.count; i++)
        facts_done(&found.items[i]);
    free(found.items);
    if (rc == 0)
        rc = trial_list(trial, trial->suite->prefix);
    if (!blame && (rc != 0 || trial->found.count > 0))
        case_broken(&trial->detail, &trial->err,
                    "cannot be cleaned up: list and remove gave %d, %zu objects are left", rc, trial->found.count);
    if (blame) {
        free(trial->detail);
        trial->detail = blame;
    }
}

int trial_end(struct trial *trial)
{
    /* A case that failed may have left it on, and removing what it made must not be stopped. */
    if (trial->suite->cancel)
        trial->suite->cancel(trial->suite->arg, 0);
    trial_abort(trial);
    trial_get_end(trial);
    for (size_t i = 0; i < TRIAL_PEERS; i++)
        if (trial->peers[i])
            trial_close(trial->peers[i]);
    clean(trial);
    for (size_t i = 0; i < TRIAL_PEERS; i++) {
        if (!trial->peers[i])
            continue;
        release(trial->peers[i]);
        free(trial->peers[i]->detail);
        free(trial->peers[i]);
    }
    release(trial);
    return trial->detail ? -1 : 0;
}

int trial_skip(struct trial *trial, const char *why)
{
    free(trial->detail);
    trial->detail = strdup(why);
    return TRIAL_SKIPPED;
}

/* The numbers `first`, `first` + `step`, ... of a task, for one thread. */
struct share {
    pthread_t thread;
    struct trial *trial;
    size_t first, step, count;
    trial_run run;
    const void *arg;
    int rc;
};

static void *run_share(void *arg)
{
    struct share *share = arg;
    for (size_t i = share->first; i < share->count && share->rc == 0; i += share->step)
        share->rc = share->run(share->trial, i, share->arg);
    return NULL;
}

/* Runs the shares in threads of their own. Returns 0, or the result of the first that failed with its error in `trial`. */
static int run_shares(struct trial *trial, struct share *shares, size_t count)
{
    size_t started = 0;
    int rc = 0;
    for (; started < count; started++)
        if (pthread_create(&shares[started].thread, NULL, run_share, &shares[started]) != 0)
            break;
    for (size_t i = 0; i < started; i++)
        pthread_join(shares[i].thread, NULL);
    for (size_t i = started; i < count; i++)
        (void)run_share(&shares[i]);
    for (size_t i = 0; i < count && rc == 0; i++) {
        rc = shares[i].rc;
        if (rc != 0) {
            case_clear(&trial->err);
            trial->err = shares[i].trial->err;
            shares[i].trial->err = (struct kist_error){.struct_size = sizeof trial->err};
        }
    }
    return rc;
}

int trial_at_once(struct trial *trial, size_t count, trial_run run, const void *arg, int *ret_results)
{
    struct share shares[TRIAL_PEERS];
    for (size_t i = 0; i < count; i++) {
        struct trial *peer = trial_peer(trial, i);
        if (!peer)
            return -1;
        shares[i] =
            (struct share){.trial = peer, .first = i, .step = count, .count = count, .run = run, .arg = arg};
    }
    int rc = run_shares(trial, shares, count);
    for (size_t i = 0; ret_results && i < count; i++)
        ret_results[i] = shares[i].rc;
    return rc;
}

int trial_each(struct trial *trial, size_t count, trial_run run, const void *arg)
{
    struct share shares[TRIAL_PEERS];
    size_t threads = trial_shares(trial) && count >= 32 ? TRIAL_PEERS : 0;
    for (size_t i = 0; i < threads; i++) {
        struct trial *peer = trial_peer(trial, i);
        if (!peer || (!peer->self && trial_open(peer) != 0))
            return -1;
        shares[i] =
            (struct share){.trial = peer, .first = i, .step = threads, .count = count, .run = run, .arg = arg};
    }
    if (threads > 0)
        return run_shares(trial, shares, threads);
    struct share whole = {.trial = trial, .step = 1, .count = count, .run = run, .arg = arg};
    (void)run_share(&whole);
    return whole.rc;
}
