#include "commands.h"
#include "log.h"
#include "prove.h"
#include "signals.h"
#include "tell.h"

#include <stdio.h>
#include <stdlib.h>

/* What one call of the command drills, and what came of it. */
struct job {
    const struct kist_cli *cli;
    const struct kist_config *config;
    const char *state_dir;
    json_t *json; /* results; NULL when lines are printed */
    size_t drilled;
    int code; /* the first failure; damage outweighs any */
    int noted_badly;
};

static const char *result_name(int code)
{
    return !code ? "passed" : code == KIST_ERR_CORRUPT ? "bad" : "failed";
}

static json_t *drill_json(const struct kist_found *found, const struct kist_proved *proved, int code,
                          const struct kist_error *err)
{
    json_t *compared = kist_comparison_json(&proved->restored.counts);
    json_t *json =
        json_pack("{s:s, s:s, s:s, s:s, s:I, s:s*}", "pipeline", found->manifest.pipeline, "id",
                  found->manifest.id, "destination", kist_store_name(found->store), "result", result_name(code),
                  "duration_ms", (json_int_t)proved->duration_ms, "cause", code ? kist_error_text(err) : NULL);
    json_object_update(json, compared);
    json_decref(compared);
    return json;
}

static void print_drill(const struct kist_found *found, const struct kist_proved *proved, int code)
{
    const struct kist_comparison *counts = &proved->restored.counts;
    char *text = code ? NULL : kist_proved_text(proved);
    printf("%s/%s: drill %s on %s%s%s\n", found->manifest.pipeline, found->manifest.id,
           code == KIST_ERR_CORRUPT ? "found it bad" : result_name(code), kist_store_name(found->store),
           text ? ": " : "", text ? text : "");
    for (size_t i = 0; i < counts->difference_count; i++)
        printf("  %s\n", counts->differences[i]);
    free(text);
}

static void note_result(struct job *job, const struct kist_found *found, const struct kist_proved *proved,
                        int code, const struct kist_error *err)
{
    job->drilled++;
    job->noted_badly |= proved->noted_badly;
    job->code = kist_proof_worst(job->code, code);
    if (code)
        kist_log_error(found->manifest.pipeline, err);
    if (job->json)
        json_array_append_new(job->json, drill_json(found, proved, code, err));
    else if (kist_log_level() >= KIST_LOG_INFO)
        print_drill(found, proved, code);
}

static int drill_backup(struct job *job, const struct kist_backup_name *name, struct kist_error *err)
{
    struct kist_found found = {0};
    struct kist_proved proved = {0};
    KIST_CLEANUP_ERROR struct kist_error fault = KIST_ERROR_INIT;
    int code = kist_backup_find(name, kist_cli_value(job->cli, "destination"), job->cli->cancel, &found, err);
    if (code)
        return code;
    const struct kist_proof proof = {.config = job->config,
                                     .pipeline = name->pipeline,
                                     .state_dir = job->state_dir,
                                     .level = KIST_VERIFY_DRILL,
                                     .quiet = kist_log_level() < KIST_LOG_INFO,
                                     .alone = 1,
                                     .cancel = job->cli->cancel};
    code = kist_prove(&proof, found.store, &found.manifest, &proved, &fault);
    note_result(job, &found, &proved, code, &fault);
    kist_proved_done(&proved);
    kist_found_done(&found);
    return 0;
}

/* Without names: the latest backup of each pipeline that can be drilled. One without a backup is not a failure. */
static int drill_all(struct job *job, struct kist_error *err)
{
    int code = 0;
    for (size_t i = 0; i < job->config->pipeline_count && !code && !kist_signals_seen(); i++) {
        const struct kist_backup_name name = {.pipeline = &job->config->pipelines[i]};
        if (!kist_cli_wants(job->cli, name.pipeline))
            continue;
        if (kist_drill_skips(name.pipeline))
            continue;
        code = drill_backup(job, &name, err);
        if (code == KIST_ERR_NOT_FOUND) {
            kist_log_at(KIST_LOG_INFO, name.pipeline->name, err);
            kist_error_clear(err);
            code = 0;
        }
    }
    if (!code && job->drilled == 0 && !kist_signals_seen())
        code = kist_fail(err, KIST_ERR_NOT_FOUND, "there is no backup that can be drilled");
    return code;
}

static int drill_named(struct job *job, struct kist_error *err)
{
    struct kist_backup_name name;
    int code = kist_backup_names_check(job->config, job->cli->args, job->cli->arg_count, err);
    for (int i = 0; i < job->cli->arg_count && !code && !kist_signals_seen(); i++) {
        code = kist_backup_name_parse(job->config, job->cli->args[i], &name, err);
        if (!code)
            code = drill_backup(job, &name, err);
    }
    return code;
}

static enum kist_exit conclude(const struct job *job, int code, const struct kist_error *err)
{
    enum kist_exit status = KIST_EXIT_OK;
    if (code)
        status = kist_cli_fail(err);
    if (code == KIST_ERR_NOT_FOUND)
        status = KIST_EXIT_NO_BACKUP;
    if (job->json && !status)
        status = kist_cli_print_json(json_incref(job->json));
    if (kist_signals_seen())
        return KIST_EXIT_SIGNAL + (unsigned)kist_signals_seen();
    if (job->code == KIST_ERR_CORRUPT || !status)
        status = job->code ? kist_error_exit(job->code) : status;
    return status == KIST_EXIT_OK && job->noted_badly ? KIST_EXIT_DEGRADED : status;
}

enum kist_exit kist_cmd_drill(struct kist_cli *cli)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    enum kist_exit status = KIST_EXIT_OK;
    struct kist_config *config = kist_cli_config(cli, &status);
    if (!config)
        return status;
    char *state = kist_cli_state(cli, config, &status);
    if (state) {
        struct job job = {.cli = cli,
                          .config = config,
                          .state_dir = state,
                          .json = kist_cli_has(cli, "json") ? json_array() : NULL};
        kist_tell_prepare(config, state);
        int code = cli->arg_count ? drill_named(&job, &err) : drill_all(&job, &err);
        status = conclude(&job, code, &err);
        json_decref(job.json);
        kist_tell_end();
    }
    free(state);
    kist_config_free(config);
    return status;
}
