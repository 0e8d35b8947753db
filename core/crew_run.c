#include "crew.h"
#include "job.h"
#include "log.h"
#include "outbox.h"
#include "overdue.h"
#include "signals.h"
#include "tell.h"
#include "turn.h"
#include "uuid.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* ---- what members do ---- */

struct task {
    const struct kist_config *config;
    const struct kist_config_pipeline *pipeline;
    struct kist_run_options options;
};

static int begin_to_tell(const struct task *task)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    int code = kist_tell_begin(task->config, task->options.state_dir, &err);
    if (code)
        kist_log_at(KIST_LOG_WARNING, NULL, &err);
    return code;
}

static enum kist_exit run_task(void *arg, struct kist_cancel *cancel)
{
    struct task *task = arg;
    task->options.cancel = cancel;
    /* A backup that nobody is told of is better than none. */
    int silent = begin_to_tell(task);
    enum kist_exit status = kist_job_run(task->config, task->pipeline, &task->options);
    kist_tell_end();
    return status == KIST_EXIT_OK && silent ? KIST_EXIT_DEGRADED : status;
}

static enum kist_exit overdue_task(void *arg, struct kist_cancel *cancel)
{
    const struct task *task = arg;
    int silent = begin_to_tell(task);
    enum kist_exit status = kist_overdue_tell(task->config, task->options.state_dir, kist_time_now(), cancel);
    kist_tell_end();
    return status == KIST_EXIT_OK && silent ? KIST_EXIT_DEGRADED : status;
}

int kist_crew_start_run(struct kist_crew *crew, const struct kist_config *config, const struct kist_due *due,
                        const struct kist_run_options *options, struct kist_error *err)
{
    struct task task = {.config = config, .pipeline = due->pipeline, .options = *options};
    task.options.slot = due->slot;
    int code = kist_crew_start(crew, due->pipeline->name, run_task, &task, err);
    if (!code)
        crew->members[crew->count - 1].slot = due->slot;
    return code;
}

int kist_crew_start_overdue(struct kist_crew *crew, const struct kist_config *config, const char *state_dir,
                            struct kist_error *err)
{
    struct task task = {.config = config, .options = {.state_dir = state_dir}};
    return kist_crew_start(crew, NULL, overdue_task, &task, err);
}

static enum kist_exit sending_task(void *arg, struct kist_cancel *cancel)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    const struct task *task = arg;
    int code = kist_tell_late(task->config, task->options.state_dir, cancel, &err);
    if (code)
        kist_log_at(KIST_LOG_WARNING, NULL, &err);
    return code ? KIST_EXIT_DEGRADED : KIST_EXIT_OK;
}

int kist_crew_start_sending(struct kist_crew *crew, const struct kist_config *config, const char *state_dir,
                            struct kist_error *err)
{
    struct task task = {.config = config, .options = {.state_dir = state_dir}};
    return kist_crew_start(crew, NULL, sending_task, &task, err);
}

/* ---- those that died ---- */

struct obituary {
    struct task task;
    struct kist_member member;
};

static enum kist_exit tell_task(void *arg, struct kist_cancel *cancel)
{
    struct obituary *obituary = arg;
    const struct kist_member *member = &obituary->member;
    struct task *task = &obituary->task;
    struct kist_run_report report = {.pipeline = member->pipeline,
                                     .outcome = KIST_OUTCOME_FAILED,
                                     .exit = KIST_EXIT_FAILED,
                                     .started = member->started,
                                     .finished = kist_time_now(),
                                     .err = KIST_ERROR_INIT};
    task->options.cancel = cancel;
    report.duration_ms = (report.finished - report.started) * 1000;
    kist_uuid_make(report.run);
    kist_fail(&report.err, KIST_ERR_FAILED, "the process of this run died of signal %d (%s)", member->died,
              strsignal(member->died));
    if (member->died == SIGKILL)
        kist_hint(&report.err, "if nobody killed it, the system was out of memory: see its log");
    int silent = begin_to_tell(task);
    kist_turn_proved(&task->options, &report);
    kist_run_tell(task->pipeline, &task->options, &report);
    kist_turn_told(&task->options, &report);
    kist_tell_end();
    enum kist_exit status = silent || report.told_badly ? KIST_EXIT_DEGRADED : KIST_EXIT_OK;
    kist_run_report_done(&report);
    return status;
}

int kist_crew_start_telling(struct kist_crew *crew, const struct kist_config *config, const char *state_dir,
                            struct kist_error *err)
{
    int code = 0;
    while (crew->fallen_count && !code) {
        struct kist_member *fallen = &crew->fallen[crew->fallen_count - 1];
        struct obituary obituary = {.task = {.config = config, .options = {.state_dir = state_dir}},
                                    .member = *fallen};
        obituary.task.pipeline = kist_config_pipeline(config, fallen->pipeline);
        if (obituary.task.pipeline)
            code = kist_crew_start(crew, NULL, tell_task, &obituary, err);
        /* One that could not be started is tried again later. */
        if (!code) {
            free(fallen->pipeline);
            crew->fallen_count--;
        }
    }
    return code;
}

/* ---- a crew that does one round ---- */

struct round {
    const struct kist_config *config;
    const struct kist_run_options *options;
    struct kist_crew crew;
    int signals; /* descriptor of the queue */
    int stopped; /* the signal that ended it, or 0 */
};

static void start_failed(struct round *round, const char *pipeline, const struct kist_error *err)
{
    kist_log_error(pipeline, err);
    round->crew.status = kist_exit_combine(round->crew.status, KIST_EXIT_FAILED);
}

static void handle_signals(struct round *round)
{
    int number = 0;
    while ((number = kist_signals_take(round->signals)) != 0) {
        if (number == SIGCHLD)
            continue;
        /* The members end at once when they are told twice. */
        kist_crew_signal(&round->crew, number);
        round->stopped = number;
    }
    kist_crew_reap(&round->crew, NULL, NULL);
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    if (kist_crew_start_telling(&round->crew, round->config, round->options->state_dir, &err))
        start_failed(round, NULL, &err);
}

/* Until at most `most` members are left. */
static void wait_for(struct round *round, size_t most)
{
    while (round->crew.count > most) {
        struct pollfd wait = {.fd = round->signals, .events = POLLIN};
        (void)!poll(&wait, 1, -1);
        handle_signals(round);
    }
}

static void run_all(struct round *round, const struct kist_due *due, size_t count)
{
    size_t room = (size_t)round->config->max_parallel;
    for (size_t i = 0; i < count; i++) {
        KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
        wait_for(round, room - 1);
        if (round->stopped)
            break;
        if (kist_crew_start_run(&round->crew, round->config, &due[i], round->options, &err))
            start_failed(round, due[i].pipeline->name, &err);
    }
    wait_for(round, 0);
}

static void look_for_overdue(struct round *round)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    const char *state_dir = round->options->state_dir;
    int64_t now = kist_time_now();
    int any = 0;
    for (size_t i = 0; i < round->config->pipeline_count && !any; i++)
        any = kist_overdue_may_be(&round->config->pipelines[i], state_dir, now, 0);
    if (any && kist_crew_start_overdue(&round->crew, round->config, state_dir, &err))
        start_failed(round, NULL, &err);
    wait_for(round, 0);
}

/* Each run sends what waits; where there are none for long, this does. */
static void send_what_waits(struct round *round)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    const char *state_dir = round->options->state_dir;
    if (kist_outbox_is_due(state_dir, kist_time_now()) &&
        kist_crew_start_sending(&round->crew, round->config, state_dir, &err))
        start_failed(round, NULL, &err);
    wait_for(round, 0);
}

enum kist_exit kist_crew_run(const struct kist_config *config, const struct kist_due *due, size_t count,
                             const struct kist_run_options *options)
{
    static const int stops[] = {SIGINT, SIGTERM, SIGHUP, 0};
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct kist_run_options shown = *options;
    struct round round = {.config = config, .options = &shown, .signals = -1};
    /* Lines of several that show their progress would overwrite each other. */
    shown.quiet |= count > 1 && config->max_parallel > 1;
    if (kist_signals_queue(stops, &round.signals, &err)) {
        kist_log_error(NULL, &err);
        return KIST_EXIT_FAILED;
    }
    /* Those that came until now; from here on they are in the queue. */
    round.stopped = kist_signals_seen();
    run_all(&round, due, count);
    if (!round.stopped)
        look_for_overdue(&round);
    if (!round.stopped)
        send_what_waits(&round);
    kist_signals_unqueue(round.signals);
    enum kist_exit status = round.crew.status;
    if (round.stopped)
        status = KIST_EXIT_SIGNAL + (unsigned)round.stopped;
    kist_crew_done(&round.crew);
    return status;
}
