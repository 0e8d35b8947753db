#include "commands.h"
#include "history.h"
#include "history_print.h"
#include "history_rebuilt.h"
#include "log.h"
#include "state.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_LIMIT 50

/* What is wanted, and what came of it. */
struct query {
    const struct kist_cli *cli;
    const struct kist_config *config;
    const char *state_dir;
    const char *pipeline; /* NULL: all */
    int64_t since;
    size_t limit; /* 0: all */
    json_t *entries;
    size_t rebuilt; /* pipelines of which only the destinations tell */
    int incomplete;
};

static const char *time_of(json_t *entry)
{
    const char *text = json_string_value(json_object_get(entry, "time"));
    return text ? text : "";
}

static int compare_times(const void *left, const void *right)
{
    json_t *const *a = left, *const *b = right;
    return strcmp(time_of(*a), time_of(*b));
}

/* Puts rebuilt entries among the others, and drops what is older than what is wanted. */
static int arrange(struct query *query, struct kist_error *err)
{
    char since[KIST_TIME_LENGTH + 1];
    size_t count = json_array_size(query->entries), kept = 0;
    json_t **sorted = calloc(count + 1, sizeof *sorted), *result = json_array();
    if (!sorted || !result) {
        free(sorted);
        json_decref(result);
        return kist_fail(err, KIST_ERR_FAILED, "out of memory for the history");
    }
    kist_time_text(query->since, since);
    for (size_t i = 0; i < count; i++) {
        json_t *entry = json_array_get(query->entries, i);
        if (strcmp(time_of(entry), since) >= 0)
            sorted[kept++] = entry;
    }
    qsort(sorted, kept, sizeof(json_t *), compare_times);
    int lost = 0;
    for (size_t i = query->limit && kept > query->limit ? kept - query->limit : 0; i < kept; i++)
        lost |= json_array_append(result, sorted[i]) != 0;
    free(sorted);
    json_decref(query->entries);
    query->entries = result;
    return lost ? kist_fail(err, KIST_ERR_FAILED, "out of memory for the history") : 0;
}

/* A pipeline of which this host knows nothing: the history may be lost, and the backups are not. */
static int rebuild(struct query *query, const struct kist_config_pipeline *pipeline, struct kist_error *err)
{
    json_t *last = NULL;
    size_t before = json_array_size(query->entries);
    if (query->pipeline && strcmp(query->pipeline, pipeline->name) != 0)
        return 0;
    int code = kist_history_last(query->state_dir, pipeline->name, NULL, &last, err);
    json_decref(last);
    if (code || last)
        return code;
    KIST_CLEANUP_ERROR struct kist_error silent = KIST_ERROR_INIT;
    code = kist_history_rebuild(pipeline, query->limit, query->cli->cancel, query->entries, &query->incomplete,
                                &silent);
    if (code == KIST_ERR_CANCELLED)
        return kist_error_move(err, &silent);
    /* What the others know is shown all the same. */
    if (code) {
        kist_cli_fail_in(pipeline->name, &silent);
        query->incomplete = 1;
    }
    query->rebuilt += json_array_size(query->entries) > before;
    return 0;
}

static int read_entries(struct query *query, struct kist_error *err)
{
    size_t damaged = 0;
    int code = kist_history_read(query->state_dir, query->pipeline, query->since, query->limit, &query->entries,
                                 &damaged, err);
    if (code)
        return code;
    if (damaged)
        kist_log(KIST_LOG_WARNING, NULL, "%s damaged line%s of the history in '%s' passed over",
                 kist_count_show(damaged).text, damaged == 1 ? "" : "s", query->state_dir);
    for (size_t i = 0; i < query->config->pipeline_count && !code; i++)
        code = rebuild(query, &query->config->pipelines[i], err);
    return code || !query->rebuilt ? code : arrange(query, err);
}

static enum kist_exit show(struct query *query)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    if (read_entries(query, &err)) {
        json_decref(query->entries);
        return kist_cli_fail(&err);
    }
    enum kist_exit status = query->incomplete ? KIST_EXIT_FAILED : KIST_EXIT_OK;
    if (kist_cli_has(query->cli, "json")) {
        enum kist_exit printed = kist_cli_print_json(query->entries);
        return printed ? printed : status;
    }
    if (json_array_size(query->entries))
        kist_history_print(query->entries);
    else if (query->incomplete)
        puts("this host has no history, and not every destination could be asked for backups");
    else if (query->since)
        puts("nothing since then");
    else
        puts("no history yet, and no backups");
    if (query->rebuilt)
        kist_log(KIST_LOG_INFO, NULL,
                 "this host has no history of %zu pipeline%s: the backups on the destinations are shown instead",
                 query->rebuilt, query->rebuilt == 1 ? "" : "s");
    json_decref(query->entries);
    return status;
}

/* What was said on the command line; anything but 0 has been told. */
static enum kist_exit prepare(struct query *query)
{
    const struct kist_cli *cli = query->cli;
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    const char *limit = kist_cli_value(cli, "limit"), *since = kist_cli_value(cli, "since");
    int64_t number = DEFAULT_LIMIT, ms = 0, now = kist_time_now();
    if (cli->arg_count && !kist_config_pipeline(query->config, cli->args[0]))
        return kist_cli_usage(cli, "there is no pipeline '%s'", cli->args[0]);
    if (limit && (kist_integer_parse(limit, &number, &err) || number < 0))
        return kist_cli_usage(cli, "--limit takes a number, and 0 for all: not '%s'", limit);
    if (since && kist_duration_parse(since, &ms, &err)) {
        kist_error_prefix(&err, "--since");
        return kist_cli_fail(&err);
    }
    query->pipeline = cli->arg_count ? cli->args[0] : NULL;
    query->limit = (size_t)number;
    query->since = since && now > ms / 1000 ? now - ms / 1000 : 0;
    return KIST_EXIT_OK;
}

enum kist_exit kist_cmd_history(struct kist_cli *cli)
{
    enum kist_exit status = KIST_EXIT_OK;
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct kist_config *config = kist_cli_config(cli, &status);
    char *state = NULL;
    /* Found, not made: who looks on need not be able to write there. */
    if (config && kist_state_find(kist_cli_value(cli, "state"), config->state_dir, &state, &err))
        status = kist_cli_fail(&err);
    if (state) {
        struct query query = {.cli = cli, .config = config, .state_dir = state};
        status = prepare(&query);
        if (!status)
            status = show(&query);
    }
    free(state);
    kist_config_free(config);
    return status;
}
