#include "backup_id.h"
#include "commands.h"
#include "log.h"
#include "replace_file.h"
#include "report_page.h"
#include "report_put.h"
#include "state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Runs that are shown of each pipeline, of few pipelines and of many: so that the page stays one that a browser likes. */
#define POINTS 400
#define POINTS_OF_MANY 120
#define MANY 20

struct making {
    struct kist_cli *cli;
    const struct kist_config *config;
    const char *state_dir;
    const char *file;                          /* --html, or NULL */
    const struct kist_config_section *section; /* --to, or NULL */
    const char *key;
    int64_t now;
    int silent; /* some destination could not be asked */
    struct kist_report_page page;
};

/* What was said on the command line; anything but 0 has been told. */
static enum kist_exit prepare(struct making *making)
{
    struct kist_cli *cli = making->cli;
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    const char *to = kist_cli_value(cli, "to");
    making->file = kist_cli_value(cli, "html");
    if (!making->file && !to)
        return kist_cli_usage(cli, "where is it to go? --html FILE, --to DESTINATION:KEY, or both");
    if (to && kist_report_target(making->config, to, &making->section, &making->key, &err))
        return kist_cli_fail(&err);
    return KIST_EXIT_OK;
}

static int add_pipeline(struct making *making, const struct kist_config_pipeline *pipeline, struct kist_error *err)
{
    struct kist_status status;
    struct kist_report_data data;
    size_t most = making->config->pipeline_count > MANY ? POINTS_OF_MANY : POINTS;
    kist_status_read(pipeline, making->state_dir, 0, making->now, making->cli->cancel, &status);
    int code = status.err.code == KIST_ERR_CANCELLED ? kist_error_copy(err, &status.err) : 0;
    if (!code)
        code = kist_report_gather(&status, making->state_dir, making->now, most, &data, err);
    if (!code) {
        if (status.err.code)
            kist_cli_fail_in(pipeline->name, &status.err);
        making->silent |= status.err.code || status.listing.incomplete;
        kist_report_page_add(&making->page, &data);
        kist_report_data_done(&data);
    }
    kist_status_done(&status);
    return code;
}

/* One place that fails keeps the page from no other. */
static enum kist_exit give_out(const struct making *making, const char *page)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT, put = KIST_ERROR_INIT;
    enum kist_exit status = making->silent ? KIST_EXIT_DEGRADED : KIST_EXIT_OK;
    if (making->section && kist_report_put(making->section, making->key, page, making->cli->cancel, &put))
        status = kist_cli_fail(&put);
    if (!making->file)
        return status;
    /* Whether that could be written is asked, and told, when the program ends. */
    if (strcmp(making->file, "-") == 0)
        fputs(page, stdout);
    else if (kist_file_replace(making->file, page, strlen(page), &err))
        status = kist_cli_fail(&err);
    return status;
}

static enum kist_exit make(struct making *making)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    int code = 0;
    for (size_t i = 0; i < making->config->pipeline_count && !code; i++)
        if (kist_cli_chooses(making->cli, &making->config->pipelines[i]))
            code = add_pipeline(making, &making->config->pipelines[i], &err);
    char *page = code ? NULL : kist_report_page_text(&making->page, making->now);
    if (!page && !code)
        code = kist_fail(&err, KIST_ERR_FAILED, "out of memory for the report");
    enum kist_exit status = code ? kist_cli_fail(&err) : give_out(making, page);
    free(page);
    return status;
}

enum kist_exit kist_cmd_report(struct kist_cli *cli)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    enum kist_exit status = KIST_EXIT_OK;
    struct kist_config *config = kist_cli_config(cli, &status);
    char *state = NULL;
    /* Found, not made: who looks on need not be able to write there. */
    if (config && kist_state_find(kist_cli_value(cli, "state"), config->state_dir, &state, &err))
        status = kist_cli_fail(&err);
    if (state) {
        struct making making = {.cli = cli, .config = config, .state_dir = state, .now = kist_time_now()};
        status = kist_cli_check_pipelines(cli, config);
        status = status ? status : prepare(&making);
        if (!status)
            status = make(&making);
        kist_report_page_done(&making.page);
    }
    free(state);
    kist_config_free(config);
    return status;
}
