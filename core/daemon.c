#include "daemon.h"
#include "crew.h"
#include "log.h"
#include "outbox.h"
#include "overdue.h"
#include "sd_notify.h"
#include "signals.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LONGEST_MS 60000 /* of a sleep: a clock that was set, or a host that slept, is noticed within this */
#define RETRY_MS 5000    /* after something of our own went wrong */

struct daemon {
    struct kist_config *config;
    const char *state_dir;
    kist_daemon_load_fn load;
    void *arg;
    struct kist_crew crew;
    struct kist_due *queue; /* due, and waiting for room; their pipelines are those of `config` */
    size_t queue_count;
    int64_t looked; /* when it was looked last what is due */
    int signals;    /* descriptor of the queue */
    int stops;      /* how often it was told to stop */
    int reload;
    struct kist_sd_notify notify;
    int64_t alive; /* monotonic ms of the last sign of life */
};

/* ---- what is due ---- */

/* Those that run, or wait for it, are not looked at. */
static int is_taken(void *arg, const struct kist_config_pipeline *pipeline)
{
    const struct daemon *daemon = arg;
    int taken = kist_crew_has(&daemon->crew, pipeline->name);
    for (size_t i = 0; i < daemon->queue_count && !taken; i++)
        taken = daemon->queue[i].pipeline == pipeline;
    return taken;
}

static void enqueue(struct daemon *daemon, const struct kist_due *due, size_t count)
{
    struct kist_due *larger =
        count ? reallocarray(daemon->queue, daemon->queue_count + count, sizeof *larger) : NULL;
    if (!larger)
        return;
    memcpy(larger + daemon->queue_count, due, count * sizeof *due);
    daemon->queue = larger;
    daemon->queue_count += count;
}

static int find_due(struct daemon *daemon, int64_t now)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    const struct kist_due_options options = {.state_dir = daemon->state_dir, .skip = is_taken, .arg = daemon};
    struct kist_due *due = NULL;
    size_t count = 0;
    int code = kist_due_find(daemon->config, &options, now, &due, &count, &err);
    if (code)
        kist_log_error(NULL, &err);
    else
        enqueue(daemon, due, count);
    free(due);
    return code;
}

/* Overdue pipelines, and messages that wait; one member at a time tells of them. */
static void find_news(struct daemon *daemon, int64_t now)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    const struct kist_config *config = daemon->config;
    int any = 0, code = 0;
    for (size_t i = 0; i < daemon->crew.count; i++)
        if (!daemon->crew.members[i].pipeline)
            return;
    for (size_t i = 0; i < config->pipeline_count && !any; i++)
        any = kist_overdue_may_be(&config->pipelines[i], daemon->state_dir, now,
                                  is_taken(daemon, &config->pipelines[i]));
    if (any)
        code = kist_crew_start_overdue(&daemon->crew, config, daemon->state_dir, &err);
    else if (kist_outbox_is_due(daemon->state_dir, now))
        code = kist_crew_start_sending(&daemon->crew, config, daemon->state_dir, &err);
    if (code)
        kist_log_error(NULL, &err);
}

/* Those who tell do not take the place of those who save. */
static size_t running(const struct daemon *daemon)
{
    size_t count = 0;
    for (size_t i = 0; i < daemon->crew.count; i++)
        count += daemon->crew.members[i].pipeline != NULL;
    return count;
}

static int start_queued(struct daemon *daemon)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    const struct kist_run_options options = {.state_dir = daemon->state_dir, .quiet = 1};
    int code = 0;
    while (!code && daemon->queue_count && running(daemon) < (size_t)daemon->config->max_parallel) {
        code = kist_crew_start_run(&daemon->crew, daemon->config, daemon->queue, &options, &err);
        if (code)
            kist_log_error(daemon->queue->pipeline->name, &err);
        else
            memmove(daemon->queue, daemon->queue + 1, --daemon->queue_count * sizeof *daemon->queue);
    }
    return code;
}

/* ---- signals ---- */

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

static void say_state(const struct daemon *daemon)
{
    kist_sd_notify_send(&daemon->notify, "STATUS=%s%zu running, %zu waiting, %zu pipeline%s",
                        daemon->stops ? "stopping: " : "", running(daemon), daemon->queue_count,
                        daemon->config->pipeline_count, plural(daemon->config->pipeline_count));
}

/* What waits in the outbox can wait longer; what they are about to tell they tell. */
static void hurry_those_who_tell(const struct daemon *daemon, int number)
{
    for (size_t i = 0; i < daemon->crew.count; i++)
        if (!daemon->crew.members[i].pipeline)
            (void)!kill(daemon->crew.members[i].pid, number);
}

static void stop(struct daemon *daemon, int number)
{
    daemon->stops++;
    daemon->queue_count = 0;
    if (daemon->stops == 1) {
        kist_sd_notify_send(&daemon->notify, "STOPPING=1");
        if (running(daemon))
            kist_log(KIST_LOG_INFO, NULL, "told to stop: %zu run%s under way may come to an end", running(daemon),
                     plural(running(daemon)));
        else
            kist_log(KIST_LOG_INFO, NULL, "told to stop");
        hurry_those_who_tell(daemon, number);
        return;
    }
    kist_log(KIST_LOG_INFO, NULL, "told to stop once more: what is under way is stopped");
    kist_crew_signal(&daemon->crew, number);
}

static void reload(struct daemon *daemon)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    kist_sd_notify_send(&daemon->notify, "RELOADING=1\nMONOTONIC_USEC=%lld",
                        (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    struct kist_config *config = daemon->load(daemon->arg);
    if (config) {
        /* What waits is found again. */
        daemon->queue_count = 0;
        daemon->looked = 0;
        kist_config_free(daemon->config);
        daemon->config = config;
        kist_log(KIST_LOG_INFO, NULL, "the configuration was read again: %zu pipeline%s", config->pipeline_count,
                 plural(config->pipeline_count));
    } else {
        kist_log(KIST_LOG_ERROR, NULL, "the configuration cannot be used: the one before it stays");
    }
    kist_sd_notify_send(&daemon->notify, "READY=1");
}

/* A run that took longer than to its next slot was passed over when that came. */
static void note_end(void *arg, const struct kist_member *member)
{
    struct daemon *daemon = arg;
    const struct kist_config_pipeline *pipeline =
        member->pipeline ? kist_config_pipeline(daemon->config, member->pipeline) : NULL;
    if (pipeline && kist_schedule_last(&pipeline->schedule, kist_time_now()) > member->slot)
        daemon->looked = 0;
}

static void handle_signals(struct daemon *daemon)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    int number = 0, again = 0;
    while ((number = kist_signals_take(daemon->signals)) != 0) {
        if (number == SIGHUP)
            again = 1;
        else if (number != SIGCHLD)
            stop(daemon, number);
    }
    kist_crew_reap(&daemon->crew, note_end, daemon);
    if (kist_crew_start_telling(&daemon->crew, daemon->config, daemon->state_dir, &err))
        kist_log_error(NULL, &err);
    if (again && !daemon->stops)
        reload(daemon);
}

/* ---- the loop ---- */

/* The next slot of any pipeline; -1 none. */
static int64_t next_slot(const struct kist_config *config, int64_t now)
{
    int64_t next = -1;
    for (size_t i = 0; i < config->pipeline_count; i++) {
        int64_t slot = kist_schedule_next(&config->pipelines[i].schedule, now);
        if (slot >= 0 && (next < 0 || slot < next))
            next = slot;
    }
    return next;
}

/* Milliseconds from now to a second of the wall clock, as things stand. */
static int64_t until(int64_t second)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t left = second * 1000 - ((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
    return left > 0 ? left : 0;
}

/* At each slot, and once a minute: a run that was killed is begun again, and a destination that was away is asked again. */
static int64_t look(struct daemon *daemon)
{
    int64_t now = kist_time_now(), next = next_slot(daemon->config, daemon->looked);
    int failed = 0;
    if (now < daemon->looked || now - daemon->looked >= LONGEST_MS / 1000 || (next >= 0 && next <= now)) {
        failed = find_due(daemon, now);
        find_news(daemon, now);
        daemon->looked = now;
    }
    failed |= start_queued(daemon);
    if (failed)
        return RETRY_MS;
    next = next_slot(daemon->config, now);
    int64_t wait = next >= 0 ? until(next) : LONGEST_MS;
    return wait < LONGEST_MS ? wait : LONGEST_MS;
}

static void show_life(struct daemon *daemon, int64_t *wait)
{
    int64_t every = daemon->notify.watchdog_ms / 2, now = kist_time_monotonic_ms();
    if (!daemon->notify.watchdog_ms)
        return;
    if (now - daemon->alive >= every) {
        kist_sd_notify_send(&daemon->notify, "WATCHDOG=1");
        daemon->alive = now;
    }
    if (*wait > daemon->alive + every - now)
        *wait = daemon->alive + every - now;
}

static void loop(struct daemon *daemon)
{
    while (!daemon->stops || daemon->crew.count) {
        int64_t wait = daemon->stops ? LONGEST_MS : look(daemon);
        show_life(daemon, &wait);
        say_state(daemon);
        struct pollfd ready = {.fd = daemon->signals, .events = POLLIN};
        (void)!poll(&ready, 1, (int)wait);
        handle_signals(daemon);
    }
}

enum kist_exit kist_daemon_run(struct kist_config *config, const char *state_dir, kist_daemon_load_fn load,
                               void *arg)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, 0};
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct daemon daemon = {.config = config, .state_dir = state_dir, .load = load, .arg = arg, .signals = -1};
    int code = kist_signals_queue(signals, &daemon.signals, &err);
    if (!code) {
        kist_sd_notify_open(&daemon.notify);
        kist_sd_notify_send(&daemon.notify, "READY=1");
        kist_log(KIST_LOG_INFO, NULL, "%zu pipeline%s, at most %d at a time", config->pipeline_count,
                 plural(config->pipeline_count), config->max_parallel);
        loop(&daemon);
        kist_sd_notify_close(&daemon.notify);
        kist_signals_unqueue(daemon.signals);
    }
    if (code)
        kist_log_error(NULL, &err);
    kist_crew_done(&daemon.crew);
    free(daemon.queue);
    kist_config_free(daemon.config);
    return code ? KIST_EXIT_FAILED : KIST_EXIT_OK;
}
