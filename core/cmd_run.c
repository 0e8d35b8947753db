#include "commands.h"
#include "crew.h"
#include "job.h"
#include "log.h"
#include "repair.h"
#include "signals.h"
#include "state.h"
#include "tell.h"
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
                             : options->state_dir        ? kist_job_run(config, pipeline, options)
                                                         : check_one(cli, pipeline);
        status = kist_exit_combine(status, one);
    }
    return status;
}

/* Runs that were asked for by name. */
static enum kist_exit run_named(const struct kist_cli *cli, const struct kist_config *config,
                                const struct kist_run_options *options)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    int silent =
        options->state_dir && !kist_cli_has(cli, "repair") ? kist_tell_begin(config, options->state_dir, &err) : 0;
    /* A backup that nobody is told of is better than none. */
    if (silent)
        kist_log_at(KIST_LOG_WARNING, NULL, &err);
    enum kist_exit status = run_pipelines(cli, config, options);
    kist_tell_end();
    return status == KIST_EXIT_OK && silent ? KIST_EXIT_DEGRADED : status;
}

/* ---- --due ---- */

/* 1 when names were given, and this is none of them. */
static int is_not_named(void *arg, const struct kist_config_pipeline *pipeline)
{
    return !kist_cli_chooses(arg, pipeline);
}

static void print_due(const struct kist_cli *cli, const struct kist_config *config, const struct kist_due *due,
                      size_t count)
{
    char text[KIST_TIME_LENGTH + 1];
    int64_t now = kist_time_now();
    for (size_t i = 0, k = 0; i < config->pipeline_count; i++) {
        const struct kist_config_pipeline *pipeline = &config->pipelines[i];
        if (!kist_cli_chooses(cli, pipeline))
            continue;
        int64_t next = kist_schedule_next(&pipeline->schedule, now);
        if (k < count && due[k].pipeline == pipeline) {
            kist_time_text(due[k++].slot, text);
            printf("%s: due since %s\n", pipeline->name, text);
        } else if (next >= 0) {
            kist_time_text(next, text);
            printf("%s: next at %s\n", pipeline->name, text);
        } else {
            printf("%s: no schedule\n", pipeline->name);
        }
    }
}

static enum kist_exit run_due(const struct kist_cli *cli, const struct kist_config *config, const char *state_dir,
                              const struct kist_run_options *options)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    const struct kist_due_options finding = {.state_dir = state_dir,
                                             .dry_run = !options->state_dir,
                                             .skip = is_not_named,
                                             .arg = (char *)(uintptr_t)cli,
                                             .cancel = options->cancel};
    struct kist_due *due = NULL;
    size_t count = 0, scheduled = 0;
    enum kist_exit status = KIST_EXIT_OK;
    for (size_t i = 0; i < config->pipeline_count; i++)
        scheduled += config->pipelines[i].schedule.kind != KIST_SCHEDULE_NONE;
    if (!scheduled)
        kist_log(KIST_LOG_WARNING, NULL, "no pipeline has a `schedule`: nothing is ever due");
    int code = kist_due_find(config, &finding, kist_time_now(), &due, &count, &err);
    if (kist_signals_seen())
        status = KIST_EXIT_SIGNAL + (unsigned)kist_signals_seen();
    else if (code)
        status = kist_cli_fail(&err);
    else if (finding.dry_run)
        print_due(cli, config, due, count);
    else
        status = kist_crew_run(config, due, count, options);
    free(due);
    return status;
}

/* ---- the command ---- */

/* All names are checked before the first pipeline runs. */
static enum kist_exit check_names(const struct kist_cli *cli, const struct kist_config *config)
{
    int all = kist_cli_has(cli, "all"), due = kist_cli_has(cli, "due"), repair = kist_cli_has(cli, "repair");
    if (!all && !due && cli->arg_count == 0)
        return kist_cli_usage(cli, "say which pipeline to run, or --all");
    if (repair && kist_cli_has(cli, "label"))
        return kist_cli_usage(cli, "--repair makes no new backup: no --label with it");
    if (due && (repair || all))
        return kist_cli_usage(cli, "--due runs what its schedule says: no --%s with it",
                              repair ? "repair" : "all");
    if (all && cli->arg_count > 0)
        return kist_cli_usage(cli, "--all runs every pipeline: no names with it");
    for (int i = 0; i < cli->arg_count; i++) {
        const struct kist_config_pipeline *pipeline = kist_config_pipeline(config, cli->args[i]);
        if (!pipeline)
            return kist_cli_usage(cli, "there is no pipeline '%s'", cli->args[i]);
        if (due && pipeline->schedule.kind == KIST_SCHEDULE_NONE)
            return kist_cli_usage(cli, "pipeline '%s' has no schedule: it is never due", cli->args[i]);
        for (int k = 0; k < i; k++)
            if (strcmp(cli->args[i], cli->args[k]) == 0)
                return kist_cli_usage(cli, "pipeline '%s' is named twice", cli->args[i]);
    }
    return KIST_EXIT_OK;
}

/* Where it is, without making it: a dry run changes nothing. */
static char *find_state(const struct kist_cli *cli, const struct kist_config *config, enum kist_exit *ret_exit)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    char *dir = NULL;
    if (!kist_cli_has(cli, "dry-run"))
        return kist_cli_state(cli, config, ret_exit);
    if (kist_state_find(kist_cli_value(cli, "state"), config->state_dir, &dir, &err))
        *ret_exit = kist_cli_fail(&err);
    return dir;
}

enum kist_exit kist_cmd_run(struct kist_cli *cli)
{
    enum kist_exit status = KIST_EXIT_OK;
    struct kist_config *config = kist_cli_config(cli, &status);
    if (!config)
        return status;
    status = check_names(cli, config);
    int dry = kist_cli_has(cli, "dry-run"), due = kist_cli_has(cli, "due");
    json_t *labels = status ? NULL : labels_of(cli, &status);
    char *state = labels && (due || !dry) ? find_state(cli, config, &status) : NULL;
    if (state || (labels && dry && !due)) {
        struct kist_run_options options = {.state_dir = dry ? NULL : state,
                                           .labels = labels,
                                           .cancel = cli->cancel,
                                           .quiet = kist_log_level() < KIST_LOG_INFO};
        status = due ? run_due(cli, config, state, &options) : run_named(cli, config, &options);
    }
    free(state);
    json_decref(labels);
    kist_config_free(config);
    return status;
}
