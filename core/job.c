#include "job.h"
#include "cli.h"
#include "log.h"
#include "prove_run.h"
#include "prune.h"
#include "repair.h"
#include "signals.h"
#include "tell.h"
#include "turn.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>

/* Where nothing is stored, a provider holds it all, and may not say how much that is. */
static void print_sizes(const struct kist_run_report *report)
{
    if (report->stored_size > 0)
        printf("%s saved as %s ", kist_size_show(report->raw_size).text, kist_size_show(report->stored_size).text);
    else if (report->raw_size > 0)
        printf("%s held ", kist_size_show(report->raw_size).text);
    else
        fputs("held ", stdout);
}

static void print_result(const struct kist_run_report *report)
{
    if (report->bad) {
        printf("%s/%s: made, but bad\n", report->pipeline, report->id);
        return;
    }
    if (report->outcome == KIST_OUTCOME_FAILED) {
        printf(report->exit == KIST_EXIT_LOCKED ? "%s: not started, no backup was made\n"
                                                : "%s: failed, no backup was made\n",
               report->pipeline);
        return;
    }
    printf("%s/%s: %s, ", report->pipeline, report->id, report->outcome == KIST_OUTCOME_OK ? "ok" : "degraded");
    print_sizes(report);
    printf("in %s\n", kist_duration_show(report->duration_ms).text);
    if (report->objects)
        printf("  %s object%s, %s of them unchanged\n", kist_count_show(report->objects).text,
               report->objects == 1 ? "" : "s", kist_count_show(report->reused).text);
    if (report->vanished)
        printf("  %s vanished meanwhile\n", kist_count_show(report->vanished).text);
    if (report->omission)
        printf("  %s\n", report->omission);
    if (report->suspicion)
        printf("  suspect: %s; if that is right: kist accept %s/%s\n", report->suspicion, report->pipeline,
               report->id);
    /* Why stands in the log. */
    for (size_t i = 0; i < report->place_count; i++)
        if (!report->places[i].complete)
            printf("  missing on %s\n", report->places[i].destination);
}

static void log_repair(void *arg, const char *id, const char *destination, uint64_t size)
{
    const char *pipeline = arg;
    kist_log(KIST_LOG_INFO, pipeline, "copied the backup %s to '%s', which lacked it (%s)", id, destination,
             kist_size_show(size).text);
}

/* After a run, and after everybody was told of it: this may take as long as a backup does. It is no part of the run, so
 * what fails is a warning. */
static void repair_lacking(const struct kist_config_pipeline *pipeline, const struct kist_run_options *options,
                           const struct kist_run_report *report)
{
    const struct kist_repair_options repair = {.state_dir = options->state_dir,
                                               .only = report->lacking,
                                               .quiet = 1,
                                               .cancel = options->cancel,
                                               .tell = log_repair,
                                               .arg = (char *)(uintptr_t)pipeline->name};
    size_t copied = 0;
    if (report->lacking[0] && !kist_signals_seen())
        (void)kist_repair_run(pipeline, &repair, &copied);
}

static void tell_start(void *arg, const struct kist_run_report *report)
{
    const struct kist_news news = {.kind = KIST_EVENT_START,
                                   .run = report->run,
                                   .last_good = report->last_good[0] ? report->last_good : NULL,
                                   .started_ms = report->started * 1000,
                                   .raw_size = -1,
                                   .stored_size = -1};
    /* Whether it arrives is no matter of the run. */
    (void)kist_tell(arg, &news);
}

/* What is wrong stands in the log. A scheduled run that another host does is no mistake of anybody's. */
static void say_error(const struct kist_run_options *options, const struct kist_run_report *report)
{
    if (options->slot && report->exit == KIST_EXIT_LOCKED)
        kist_log_at(KIST_LOG_WARNING, NULL, &report->err);
    else if (report->err.code)
        kist_cli_fail_in(report->pipeline, &report->err);
}

static void follow_up(const struct kist_config *config, const struct kist_config_pipeline *pipeline,
                      const struct kist_run_options *options, struct kist_run_report *report)
{
    kist_prove_run(config, pipeline, options, report);
    kist_prune_after(pipeline, options, report);
    kist_turn_proved(options, report);
    say_error(options, report);
    /* A run that never began, because another is at work, is nobody's news. */
    if (report->exit != KIST_EXIT_LOCKED) {
        kist_run_tell(pipeline, options, report);
        kist_turn_told(options, report);
    }
    if (kist_log_level() >= KIST_LOG_INFO)
        print_result(report);
    repair_lacking(pipeline, options, report);
}

enum kist_exit kist_job_run(const struct kist_config *config, const struct kist_config_pipeline *pipeline,
                            const struct kist_run_options *options)
{
    struct kist_run_options own = *options;
    struct kist_run_report report;
    own.begun = tell_start;
    own.begun_arg = (char *)(uintptr_t)pipeline;
    kist_run(pipeline, &own, &report);
    if (!report.needless)
        follow_up(config, pipeline, &own, &report);
    enum kist_exit status = report.exit;
    if (status == KIST_EXIT_OK && (report.told_badly || kist_log_failed()))
        status = KIST_EXIT_DEGRADED;
    kist_run_report_done(&report);
    return status;
}

enum kist_exit kist_exit_combine(enum kist_exit all, enum kist_exit one)
{
    if (all == KIST_EXIT_OK || (all == KIST_EXIT_DEGRADED && one != KIST_EXIT_OK))
        return one;
    if (one == KIST_EXIT_OK || one == KIST_EXIT_DEGRADED || one == all)
        return all;
    return one > KIST_EXIT_SIGNAL ? one : KIST_EXIT_FAILED;
}
