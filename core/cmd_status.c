#include "commands.h"
#include "log.h"
#include "metrics.h"
#include "replace_file.h"
#include "signals.h"
#include "state.h"
#include "status_print.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What goes through all pipelines. */
struct report {
    struct kist_cli *cli;
    const struct kist_config *config;
    const char *state_dir;
    int64_t now, max_age_ms;
    int width, fancy;
    const char *metrics_path; /* NULL: none are written */
    json_t *json;             /* NULL: none is printed */
    int checks, prints;       /* one line, or the table, is printed */
    size_t rows;
    int stale, unknown, failed;
    struct kist_text below; /* the table: what a person should look into */
    struct kist_status_check check;
    struct kist_metrics metrics;
};

/* Whether the terminal, or whoever reads, takes more than ASCII. */
static int takes_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        if (value && *value)
            return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
    }
    return 0;
}

static void add_problems(struct report *report, const char *pipeline, json_t *problems)
{
    size_t index = 0;
    json_t *problem = NULL;
    json_array_foreach(problems, index, problem) {
        const char *text = json_string_value(json_object_get(problem, "text"));
        const char *step = json_string_value(json_object_get(problem, "next_step"));
        kist_text_printf(&report->below, "%s: ", pipeline);
        kist_text_add_printable(&report->below, text, strlen(text));
        kist_text_add(&report->below, "\n  next: ");
        kist_text_add_printable(&report->below, step, strlen(step));
        kist_text_add(&report->below, "\n");
    }
}

static void print_row(struct report *report, const struct kist_status *status)
{
    if (report->rows == 0)
        kist_status_print_head(report->width);
    kist_status_print_row(status, report->width, report->fancy, report->now);
}

static void add_status(struct report *report, const struct kist_status *status)
{
    json_t *problems = kist_status_problems(status, report->now);
    report->failed |= !problems;
    if (report->prints) {
        print_row(report, status);
        add_problems(report, status->pipeline->name, problems);
    } else if (status->err.code)
        kist_cli_fail_in(status->pipeline->name, &status->err);
    if (report->json)
        report->failed |=
            json_array_append_new(report->json, kist_status_json(status, problems, report->now)) != 0;
    if (report->checks)
        kist_status_check_add(&report->check, status, report->now);
    if (report->metrics_path)
        kist_metrics_add(&report->metrics, status);
    report->stale |= status->stale;
    report->unknown |= status->err.code != 0;
    report->rows++;
    json_decref(problems);
}

/* KIST_ERR_CANCELLED, told, when a signal came: half of the pipelines are no status. */
static int read_all(struct report *report)
{
    int code = 0;
    enum kist_status_depth depth = report->prints || report->json ? KIST_STATUS_TREND : KIST_STATUS_GOOD;
    for (size_t i = 0; i < report->config->pipeline_count && !code; i++) {
        struct kist_status status;
        const struct kist_config_pipeline *pipeline = &report->config->pipelines[i];
        if (!kist_cli_chooses(report->cli, pipeline))
            continue;
        kist_status_read_depth(pipeline, report->state_dir, report->max_age_ms, report->now, depth,
                               report->cli->cancel, &status);
        code = status.err.code == KIST_ERR_CANCELLED ? KIST_ERR_CANCELLED : 0;
        if (code)
            kist_cli_fail(&status.err);
        else
            add_status(report, &status);
        kist_status_done(&status);
    }
    return code;
}

static enum kist_exit write_metrics(const struct report *report)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    char *text = kist_metrics_text(&report->metrics, report->now);
    int code = 0;
    if (!text)
        code = kist_fail(&err, KIST_ERR_FAILED, "out of memory for the metrics");
    else if (strcmp(report->metrics_path, "-") == 0)
        fputs(text, stdout);
    else
        code = kist_file_publish(report->metrics_path, text, strlen(text), &err);
    free(text);
    return code ? kist_cli_fail(&err) : KIST_EXIT_OK;
}

/* Everything that is not printed while it is read. */
static enum kist_exit finish(struct report *report)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    enum kist_exit written = report->metrics_path ? write_metrics(report) : KIST_EXIT_OK;
    report->failed |= kist_text_failed(&report->below);
    if (report->below.size)
        printf("\n%s", kist_text_get(&report->below));
    if (report->checks)
        report->failed |= !kist_status_check_print(&report->check);
    if (report->json) {
        enum kist_exit printed = kist_cli_print_json(report->json);
        report->json = NULL;
        written = printed ? printed : written;
    }
    if (report->failed) {
        kist_fail(&err, KIST_ERR_FAILED, "out of memory for the status");
        return kist_cli_fail(&err);
    }
    return report->stale ? KIST_EXIT_STALE : written ? written : report->unknown ? KIST_EXIT_FAILED : KIST_EXIT_OK;
}

/* What was said on the command line; anything but 0 has been told. */
static enum kist_exit prepare(struct report *report)
{
    struct kist_cli *cli = report->cli;
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    const char *max_age = kist_cli_value(cli, "max-age");
    if (max_age && kist_duration_parse(max_age, &report->max_age_ms, &err)) {
        kist_error_prefix(&err, "--max-age");
        return kist_cli_fail(&err);
    }
    if (max_age && report->max_age_ms < 1000)
        return kist_cli_usage(cli, "--max-age has to be a second at least");
    report->metrics_path = kist_cli_value(cli, "metrics");
    report->checks = kist_cli_has(cli, "check");
    int json = kist_cli_has(cli, "json"), shows = report->metrics_path && strcmp(report->metrics_path, "-") == 0;
    if (report->checks + json + shows > 1)
        return kist_cli_usage(cli, "only one of --check, --json and --metrics - can have the standard output");
    report->json = json ? json_array() : NULL;
    report->prints = !report->checks && !json && !report->metrics_path;
    report->width = (int)strlen("PIPELINE");
    for (size_t i = 0; i < report->config->pipeline_count; i++) {
        size_t length = strlen(report->config->pipelines[i].name);
        if (kist_cli_chooses(cli, &report->config->pipelines[i]) && length > (size_t)report->width)
            report->width = (int)length;
    }
    return KIST_EXIT_OK;
}

enum kist_exit kist_cmd_status(struct kist_cli *cli)
{
    enum kist_exit status = KIST_EXIT_OK;
    struct kist_config *config = kist_cli_config(cli, &status);
    char *state = NULL;
    /* Found, not made: who looks on need not be able to write there. */
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    if (config && kist_state_find(kist_cli_value(cli, "state"), config->state_dir, &state, &err))
        status = kist_cli_fail(&err);
    if (state) {
        struct report report = {.cli = cli,
                                .config = config,
                                .state_dir = state,
                                .now = kist_time_now(),
                                .fancy = takes_utf8(),
                                .check = {.oldest = -1}};
        status = kist_cli_check_pipelines(cli, config);
        status = status ? status : prepare(&report);
        if (!status) {
            int code = read_all(&report);
            status = kist_signals_seen() ? KIST_EXIT_SIGNAL + (unsigned)kist_signals_seen()
                     : code              ? kist_error_exit(code)
                                         : finish(&report);
        }
        json_decref(report.json);
        kist_text_done(&report.below);
        kist_status_check_done(&report.check);
        kist_metrics_done(&report.metrics);
    }
    free(state);
    kist_config_free(config);
    return status;
}
