#include "commands.h"
#include "listing.h"
#include "log.h"
#include "signals.h"
#include "verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What one call of the command verifies, and what came of it. */
struct job {
    const struct kist_cli *cli;
    const struct kist_config *config;
    enum kist_verify_level level;
    const char *level_name;
    json_t *json;   /* results; NULL when lines are printed */
    json_t *faults; /* of the backup at hand */
    size_t verified;
    int damaged, failed;
};

static void note_fault(void *arg, const char *key, const struct kist_error *err)
{
    struct job *job = arg;
    kist_log_error(NULL, err);
    if (job->faults)
        json_array_append_new(job->faults, json_pack("{s:s, s:s}", "key", key, "fault", kist_error_text(err)));
}

static void note_result(struct job *job, const char *pipeline, const char *id, const char *destination, int code)
{
    const char *result = !code ? "ok" : code == KIST_ERR_CORRUPT ? "damaged" : "failed";
    job->verified++;
    job->damaged |= code == KIST_ERR_CORRUPT;
    job->failed |= code && code != KIST_ERR_CORRUPT;
    if (job->json)
        json_array_append_new(job->json, json_pack("{s:s, s:s, s:s, s:s, s:s, s:O}", "pipeline", pipeline, "id",
                                                   id, "destination", destination, "level", job->level_name,
                                                   "result", result, "faults", job->faults));
    else if (kist_log_level() >= KIST_LOG_INFO)
        printf("%s/%s on %s: %s (%s)\n", pipeline, id, destination, result, job->level_name);
}

/* One backup on one destination, whose manifest is good. */
static void verify_place(struct job *job, const struct kist_config_pipeline *pipeline, struct kist_store *store,
                         const char *id)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct kist_manifest manifest = {0};
    job->faults = json_array();
    int code = kist_catalog_load(store, pipeline->name, id, &manifest, &err);
    if (code) {
        char *key = kist_catalog_key(pipeline->name, id, ".json");
        note_fault(job, key ? key : id, &err);
        free(key);
    } else {
        struct kist_progress *progress = kist_progress_start(pipeline->name, kist_log_level() < KIST_LOG_INFO);
        struct kist_verify verify = {.config = job->config,
                                     .pipeline = pipeline,
                                     .store = store,
                                     .manifest = &manifest,
                                     .level = job->level,
                                     .cancel = job->cli->cancel,
                                     .progress = progress,
                                     .tell = note_fault,
                                     .arg = job};
        kist_progress_expect_objects(progress, manifest.item_count);
        if (job->level != KIST_VERIFY_SIZE)
            kist_progress_expect(progress, (int64_t)(job->level == KIST_VERIFY_DECODE
                                                         ? kist_manifest_raw_size(&manifest)
                                                         : kist_manifest_stored_size(&manifest)));
        code = kist_verify_backup(&verify, &err);
        kist_progress_stop(progress);
        kist_manifest_done(&manifest);
    }
    note_result(job, pipeline->name, id, kist_store_name(store), code);
    json_decref(job->faults);
    job->faults = NULL;
}

/* Rows of one pipeline: the one named `id`, the latest (""), or all. A row that is nowhere is KIST_ERR_NOT_FOUND. */
static int verify_pipeline(struct job *job, const struct kist_config_pipeline *pipeline, const char *id, int all,
                           struct kist_error *err)
{
    struct kist_listing listing = {0};
    size_t before = job->verified;
    int code = kist_listing_read(pipeline, kist_cli_value(job->cli, "destination"), KIST_LISTING_IDS,
                                 job->cli->cancel, &listing, err);
    if (code)
        return code;
    job->failed |= listing.incomplete;
    for (size_t r = 0; r < listing.row_count && !kist_signals_seen(); r++) {
        const struct kist_listing_row *row = &listing.rows[r];
        if (!all && (id[0] ? strcmp(id, row->id) != 0 : r + 1 < listing.row_count))
            continue;
        for (size_t i = 0; i < pipeline->destination_count; i++)
            if (listing.stores[i] && row->places[i] != KIST_PLACE_ABSENT)
                verify_place(job, pipeline, listing.stores[i], row->id);
    }
    kist_listing_done(&listing);
    if (job->verified == before && id[0]) {
        kist_fail(err, KIST_ERR_NOT_FOUND, "there is no backup '%s/%s'", pipeline->name, id);
        kist_hint(err, "`kist list %s` shows the backups", pipeline->name);
        return KIST_ERR_NOT_FOUND;
    }
    return 0;
}

static int verify_named(struct job *job, const char *text, struct kist_error *err)
{
    struct kist_backup_name name;
    size_t before = job->verified;
    int code = kist_backup_name_parse(job->config, text, &name, err);
    if (!code)
        code = verify_pipeline(job, name.pipeline, name.id, kist_cli_has(job->cli, "all") && !name.id[0], err);
    if (!code && job->verified == before) {
        code = kist_fail(err, KIST_ERR_NOT_FOUND, "pipeline '%s' has no backup yet", name.pipeline->name);
        kist_hint(err, "`kist run %s` makes one", name.pipeline->name);
    }
    return code;
}

/* All names are read before the first backup is. */
static int check_names(const struct job *job, struct kist_error *err)
{
    struct kist_backup_name name;
    int code = 0;
    for (int i = 0; i < job->cli->arg_count && !code; i++)
        code = kist_backup_name_parse(job->config, job->cli->args[i], &name, err);
    return code;
}

static int verify_all(struct job *job, struct kist_error *err)
{
    int code = check_names(job, err), wanted = 0;
    for (int i = 0; i < job->cli->arg_count && !code; i++)
        code = verify_named(job, job->cli->args[i], err);
    for (size_t i = 0; job->cli->arg_count == 0 && i < job->config->pipeline_count && !code; i++)
        if (kist_cli_wants(job->cli, &job->config->pipelines[i])) {
            wanted++;
            code = verify_pipeline(job, &job->config->pipelines[i], "", kist_cli_has(job->cli, "all"), err);
        }
    if (!code && job->cli->arg_count == 0 && !wanted)
        code = kist_fail(err, KIST_ERR_CONFIG, "no pipeline has a destination '%s'",
                         kist_cli_value(job->cli, "destination"));
    if (!code && job->verified == 0 && !kist_signals_seen())
        code = kist_fail(err, KIST_ERR_NOT_FOUND, "there is no backup to verify");
    return code;
}

static enum kist_exit conclude(const struct job *job, int code, const struct kist_error *err)
{
    enum kist_exit status = KIST_EXIT_OK;
    if (code)
        status = kist_cli_fail(err);
    if (code == KIST_ERR_NOT_FOUND)
        status = KIST_EXIT_NO_BACKUP;
    if (job->json)
        status = status ? status : kist_cli_print_json(json_incref(job->json));
    if (kist_signals_seen())
        return KIST_EXIT_SIGNAL + (unsigned)kist_signals_seen();
    if (job->damaged)
        return KIST_EXIT_INTEGRITY;
    return status ? status : job->failed ? KIST_EXIT_FAILED : KIST_EXIT_OK;
}

enum kist_exit kist_cmd_verify(struct kist_cli *cli)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    enum kist_exit status = KIST_EXIT_OK;
    const char *level = kist_cli_value(cli, "level");
    int number = kist_verify_level_of(level ? level : "hash");
    if (number < 0)
        return kist_cli_usage(cli, "--level %s: use size, hash or decode", level);
    struct kist_config *config = kist_cli_config(cli, &status);
    if (!config)
        return status;
    struct job job = {.cli = cli,
                      .config = config,
                      .level = (enum kist_verify_level)number,
                      .level_name = level ? level : "hash",
                      .json = kist_cli_has(cli, "json") ? json_array() : NULL};
    int code = verify_all(&job, &err);
    status = conclude(&job, code, &err);
    json_decref(job.json);
    kist_config_free(config);
    return status;
}
