#include "commands.h"
#include "log.h"
#include "prove_run.h"
#include "repair.h"
#include "run.h"
#include "signals.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Labels of the command line as a JSON object; NULL after saying what is wrong. */
static json_t *labels_of(const struct kist_cli *cli, enum kist_exit *ret_exit)
{
    json_t *labels = json_object();
    const char *label = NULL;
    for (size_t i = 0; labels && (label = kist_cli_value_at(cli, "label", i)); i++) {
        const char *equals = strchr(label, '=');
        char *key = equals && equals > label ? strndup(label, (size_t)(equals - label)) : NULL;
        /* A backup with that label is never the latest one. */
        if (key && strcmp(key, KIST_SAFETY_LABEL) == 0) {
            free(key);
            json_decref(labels);
            *ret_exit = kist_cli_usage(
                cli, "--label '%s': '" KIST_SAFETY_LABEL "' is kept for what `kist restore --in-place` saves",
                label);
            return NULL;
        }
        json_t *value = key ? json_string(equals + 1) : NULL;
        if (value && json_object_set_new(labels, key, value) == 0) {
            free(key);
            continue;
        }
        free(key);
        json_decref(labels);
        *ret_exit = kist_cli_usage(cli, "--label '%s' is not of the form KEY=VALUE", label);
        return NULL;
    }
    if (!labels)
        *ret_exit = KIST_EXIT_FAILED;
    return labels;
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
    printf("%s/%s: %s, %s saved as %s in %s\n", report->pipeline, report->id,
           report->outcome == KIST_OUTCOME_OK ? "ok" : "degraded", kist_size_show(report->raw_size).text,
           kist_size_show(report->stored_size).text, kist_duration_show(report->duration_ms).text);
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

static enum kist_exit run_one(const struct kist_config *config, const struct kist_config_pipeline *pipeline,
                              const struct kist_run_options *options)
{
    struct kist_run_report report;
    kist_run(pipeline, options, &report);
    kist_prove_run(config, pipeline, options, &report);
    if (report.err.code)
        kist_cli_fail_in(pipeline->name, &report.err);
    /* A run that never began, because another is at work, is nobody's news. */
    if (report.exit != KIST_EXIT_LOCKED)
        kist_run_tell(pipeline, options, &report);
    if (kist_log_level() >= KIST_LOG_INFO)
        print_result(&report);
    repair_lacking(pipeline, options, &report);
    enum kist_exit status = report.exit;
    if (status == KIST_EXIT_OK && (report.told_badly || kist_log_failed()))
        status = KIST_EXIT_DEGRADED;
    kist_run_report_done(&report);
    return status;
}

/* `run --dry-run`: what would be done, after a check that it could. */
static enum kist_exit check_one(const struct kist_cli *cli, const struct kist_config_pipeline *pipeline)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    json_t *facts = NULL;
    int code = kist_run_check(pipeline, cli->cancel, &facts, &err);
    json_decref(facts);
    if (code) {
        kist_cli_fail_in(pipeline->name, &err);
        return code == KIST_ERR_CONFIG ? KIST_EXIT_USAGE : KIST_EXIT_FAILED;
    }
    printf("%s: would save [source %s] (%s)", pipeline->name, pipeline->source->name,
           pipeline->source->plugin->name);
    for (size_t i = 0; i < pipeline->filter_count; i++)
        printf(" -> %s", pipeline->filters[i]->name);
    printf(" -> ");
    for (size_t i = 0; i < pipeline->destination_count; i++)
        printf("%s%s (%s)", i ? ", " : "", pipeline->destinations[i]->name,
               pipeline->destinations[i]->plugin->name);
    puts("; nothing was changed");
    return KIST_EXIT_OK;
}

struct repair_output {
    const char *pipeline;
    int dry_run;
};

static void print_repair(void *arg, const char *id, const char *destination, uint64_t size)
{
    const struct repair_output *output = arg;
    if (kist_log_level() >= KIST_LOG_INFO)
        printf("%s/%s: %s %s (%s)\n", output->pipeline, id, output->dry_run ? "would be copied to" : "copied to",
               destination, kist_size_show(size).text);
}

/* `run --repair`, with --dry-run too. */
static enum kist_exit repair_one(const struct kist_config_pipeline *pipeline,
                                 const struct kist_run_options *options)
{
    struct repair_output output = {.pipeline = pipeline->name, .dry_run = !options->state_dir};
    const struct kist_repair_options repair = {
        .state_dir = options->state_dir, .cancel = options->cancel, .tell = print_repair, .arg = &output};
    size_t copied = 0;
    enum kist_exit status = kist_repair_run(pipeline, &repair, &copied);
    if (status == KIST_EXIT_OK && copied == 0 && kist_log_level() >= KIST_LOG_INFO)
        printf("%s: every destination has every backup\n", pipeline->name);
    if (status == KIST_EXIT_OK && kist_log_failed())
        status = KIST_EXIT_DEGRADED;
    return status;
}

/* One status for all: the only kind of failure there was, or 1; degraded yields to failed. */
static enum kist_exit combine(enum kist_exit all, enum kist_exit one)
{
    if (all == KIST_EXIT_OK || (all == KIST_EXIT_DEGRADED && one != KIST_EXIT_OK))
        return one;
    if (one == KIST_EXIT_OK || one == KIST_EXIT_DEGRADED || one == all)
        return all;
    return one > KIST_EXIT_SIGNAL ? one : KIST_EXIT_FAILED;
}

static enum kist_exit run_pipelines(const struct kist_cli *cli, const struct kist_config *config,
                                    const struct kist_run_options *options)
{
    enum kist_exit status = KIST_EXIT_OK;
    int all = kist_cli_has(cli, "all");
    int count = all ? (int)config->pipeline_count : cli->arg_count;
    for (int i = 0; i < count && !kist_signals_seen(); i++) {
        const struct kist_config_pipeline *pipeline =
            all ? &config->pipelines[i] : kist_config_pipeline(config, cli->args[i]);
        enum kist_exit one = kist_cli_has(cli, "repair") ? repair_one(pipeline, options)
                             : options->state_dir        ? run_one(config, pipeline, options)
                                                         : check_one(cli, pipeline);
        status = combine(status, one);
    }
    return status;
}

/* All names are checked before the first pipeline runs. */
static enum kist_exit check_names(const struct kist_cli *cli, const struct kist_config *config)
{
    if (!kist_cli_has(cli, "all") && cli->arg_count == 0)
        return kist_cli_usage(cli, "say which pipeline to run, or --all");
    if (kist_cli_has(cli, "repair") && kist_cli_has(cli, "label"))
        return kist_cli_usage(cli, "--repair makes no new backup: no --label with it");
    if (kist_cli_has(cli, "all") && cli->arg_count > 0)
        return kist_cli_usage(cli, "--all runs every pipeline: no names with it");
    for (int i = 0; i < cli->arg_count; i++) {
        if (!kist_config_pipeline(config, cli->args[i]))
            return kist_cli_usage(cli, "there is no pipeline '%s'", cli->args[i]);
        for (int k = 0; k < i; k++)
            if (strcmp(cli->args[i], cli->args[k]) == 0)
                return kist_cli_usage(cli, "pipeline '%s' is named twice", cli->args[i]);
    }
    return KIST_EXIT_OK;
}

enum kist_exit kist_cmd_run(struct kist_cli *cli)
{
    enum kist_exit status = KIST_EXIT_OK;
    struct kist_config *config = kist_cli_config(cli, &status);
    if (!config)
        return status;
    status = check_names(cli, config);
    int dry = kist_cli_has(cli, "dry-run");
    json_t *labels = status ? NULL : labels_of(cli, &status);
    char *state = labels && !dry ? kist_cli_state(cli, config, &status) : NULL;
    if (state || (labels && dry)) {
        struct kist_run_options options = {.state_dir = state,
                                           .labels = labels,
                                           .cancel = cli->cancel,
                                           .quiet = kist_log_level() < KIST_LOG_INFO};
        status = run_pipelines(cli, config, &options);
    }
    free(state);
    json_decref(labels);
    kist_config_free(config);
    return status;
}
