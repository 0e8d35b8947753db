#include "commands.h"
#include "listing.h"
#include "log.h"
#include "prove.h"
#include "signals.h"
#include "state.h"
#include "tell.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What one call of the command verifies, and what came of it. */
struct job {
    const struct kist_cli *cli;
    const struct kist_config *config;
    struct kist_proof proof; /* of each; the pipeline differs */
    json_t *json;            /* results; NULL when lines are printed */
    size_t verified;
    int code; /* the first failure; damage outweighs any */
    int incomplete, noted_badly;
    int expired; /* what was asked for can be restored no longer */
};

static void log_fault(void *arg, const char *key, const struct kist_error *err)
{
    (void)arg;
    (void)key;
    kist_log_error(NULL, err);
}

static void print_result(const struct job *job, const struct kist_found *found, const char *result,
                         const struct kist_proved *proved, int code)
{
    const struct kist_sample *sample = &job->proof.sample;
    char *text = !code && job->proof.level == KIST_VERIFY_DRILL ? kist_proved_text(proved) : NULL;
    printf("%s/%s on %s: %s (%s", found->manifest.pipeline, found->manifest.id, kist_store_name(found->store),
           result, kist_verify_level_name(job->proof.level));
    if (sample->total)
        printf(", part %u of %u", sample->part, sample->total);
    printf(text ? "): %s\n" : ")\n", text);
    free(text);
}

static void tell_result(const struct job *job, const struct kist_found *found, const char *result,
                        const struct kist_proved *proved, int code)
{
    if (job->json)
        json_array_append_new(
            job->json, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s*, s:O}", "pipeline", found->manifest.pipeline,
                                 "id", found->manifest.id, "destination", kist_store_name(found->store), "level",
                                 kist_verify_level_name(job->proof.level), "result", result, "sample",
                                 kist_cli_value(job->cli, "sample"), "faults", proved->faults));
    else if (kist_log_level() >= KIST_LOG_INFO)
        print_result(job, found, result, proved, code);
}

static void note_result(struct job *job, const struct kist_found *found, const struct kist_proved *proved,
                        int code)
{
    job->verified++;
    job->noted_badly |= proved->noted_badly;
    job->code = kist_proof_worst(job->code, code);
    tell_result(job, found, !code ? "ok" : code == KIST_ERR_CORRUPT ? "damaged" : "failed", proved, code);
}

/* Among all backups one that has expired is no surprise; as the one that is asked for it is as good as none. */
static void note_lapsed(struct job *job, const struct kist_found *found, const struct kist_error *err)
{
    const struct kist_proved proved = {.faults = json_array()};
    job->verified++;
    tell_result(job, found, "expired", &proved, err->code);
    json_decref(proved.faults);
    if (kist_cli_has(job->cli, "all"))
        return;
    kist_log_error(NULL, err);
    job->expired = 1;
}

/* Its manifest says nothing that could be proved. */
static void note_no_manifest(struct job *job, struct kist_found *found, const char *id, int code,
                             const struct kist_error *err)
{
    char *key = kist_catalog_key(job->proof.pipeline->name, id, ".json");
    struct kist_proved proved = {.faults = json_array()};
    struct kist_found place = {.store = found->store,
                               .manifest.pipeline = (char *)(uintptr_t)job->proof.pipeline->name};
    memcpy(place.manifest.id, id, sizeof place.manifest.id);
    kist_log_error(NULL, err);
    json_array_append_new(proved.faults,
                          json_pack("{s:s, s:s}", "key", key ? key : id, "fault", kist_error_text(err)));
    note_result(job, &place, &proved, code);
    kist_proved_done(&proved);
    free(key);
}

/* One backup on one destination. */
static void verify_place(struct job *job, struct kist_store *store, const struct kist_catalog *catalog,
                         const char *id)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct kist_found found = {.store = store};
    struct kist_proved proved = {0};
    int code = kist_catalog_load(store, job->proof.pipeline, id, &found.manifest, &err);
    if (code) {
        note_no_manifest(job, &found, id, code, &err);
        return;
    }
    job->proof.catalog = catalog;
    code = kist_prove(&job->proof, store, &found.manifest, &proved, &err);
    if (code == KIST_ERR_NOT_FOUND && kist_manifest_has_lapsed(&found.manifest, kist_time_now() * 1000)) {
        note_lapsed(job, &found, &err);
        kist_proved_done(&proved);
        kist_manifest_done(&found.manifest);
        return;
    }
    /* Each fault was told; what ended it all before the first item was not, nor that there was a reason for them. */
    if (code == KIST_ERR_NOT_FOUND || (code && json_array_size(proved.faults) == 0))
        kist_log_error(found.manifest.pipeline, &err);
    if (code && json_array_size(proved.faults) == 0) {
        json_array_append_new(proved.faults, json_pack("{s:s, s:s}", "key", "", "fault", kist_error_text(&err)));
    }
    note_result(job, &found, &proved, code);
    kist_proved_done(&proved);
    kist_manifest_done(&found.manifest);
}

static void verify_row(struct job *job, const struct kist_listing *listing, const struct kist_listing_row *row)
{
    for (size_t i = 0; i < listing->pipeline->destination_count; i++)
        if (listing->stores[i] && kist_listing_is_there(row, i))
            verify_place(job, listing->stores[i], &listing->catalogs[i], row->id);
}

/* What a row is to somebody who wants the latest backup: the last is the best. */
enum rank { ASIDE, EXPIRED, GENUINE };

/* Its manifest is the same everywhere, so the first that can be read decides; one that cannot be is to be told of. */
static enum rank rank_of(const struct kist_listing *listing, const struct kist_listing_row *row)
{
    enum rank rank = GENUINE;
    int code = KIST_ERR_NOT_FOUND;
    for (size_t i = 0; i < listing->pipeline->destination_count && code; i++) {
        KIST_CLEANUP_ERROR struct kist_error ignored = KIST_ERROR_INIT;
        struct kist_manifest manifest = {0};
        if (!listing->stores[i] || !kist_listing_is_there(row, i))
            continue;
        code = kist_catalog_load(listing->stores[i], listing->pipeline, row->id, &manifest, &ignored);
        if (!code && kist_safety_is(&manifest))
            rank = ASIDE;
        else if (!code && kist_manifest_has_lapsed(&manifest, kist_time_now() * 1000))
            rank = EXPIRED;
        kist_manifest_done(&manifest);
    }
    return rank;
}

/* The newest row that was made for its own sake and has not expired, else the newest that has; row_count when there is none. */
static size_t latest_row(const struct kist_listing *listing)
{
    size_t expired = listing->row_count;
    for (size_t r = listing->row_count; r > 0; r--) {
        const enum rank rank = rank_of(listing, &listing->rows[r - 1]);
        if (rank == GENUINE)
            return r - 1;
        if (rank == EXPIRED && expired == listing->row_count)
            expired = r - 1;
    }
    return expired;
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
    struct kist_provider provider;
    kist_provider_init(&provider, pipeline, NULL, job->cli->cancel);
    job->proof.provider = &provider;
    job->proof.pipeline = pipeline;
    job->incomplete |= listing.incomplete;
    const size_t latest = all || id[0] ? listing.row_count : latest_row(&listing);
    for (size_t r = 0; r < listing.row_count && !kist_signals_seen(); r++)
        if (all || (id[0] ? strcmp(id, listing.rows[r].id) == 0 : r == latest))
            verify_row(job, &listing, &listing.rows[r]);
    job->proof.provider = NULL;
    kist_provider_done(&provider);
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

static int verify_all(struct job *job, struct kist_error *err)
{
    int code = kist_backup_names_check(job->config, job->cli->args, job->cli->arg_count, err), wanted = 0;
    for (int i = 0; i < job->cli->arg_count && !code; i++)
        code = verify_named(job, job->cli->args[i], err);
    for (size_t i = 0; job->cli->arg_count == 0 && i < job->config->pipeline_count && !code; i++)
        if (kist_cli_wants(job->cli, &job->config->pipelines[i])) {
            wanted++;
            if (job->proof.level == KIST_VERIFY_DRILL && kist_drill_skips(&job->config->pipelines[i]))
                continue;
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
    if (job->code && (job->code == KIST_ERR_CORRUPT || !status))
        status = kist_error_exit(job->code);
    if (!status && job->expired)
        status = KIST_EXIT_NO_BACKUP;
    if (!status && job->incomplete)
        status = KIST_EXIT_FAILED;
    return !status && job->noted_badly ? KIST_EXIT_DEGRADED : status;
}

/* Where the history is. Only a drill cannot do without it. New, or NULL. */
static char *find_state(struct job *job, enum kist_exit *ret_exit)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    char *state = NULL;
    if (job->proof.level == KIST_VERIFY_DRILL)
        return kist_cli_state(job->cli, job->config, ret_exit);
    int code = kist_state_find(kist_cli_value(job->cli, "state"), job->config->state_dir, &state, &err);
    if (!code)
        code = kist_state_prepare(state, &err);
    if (code) {
        kist_error_prefix(&err, "the history will not tell of this");
        kist_log_at(KIST_LOG_WARNING, NULL, &err);
        job->noted_badly = 1;
        free(state);
        state = NULL;
    }
    return state;
}

/* The level and the share that are asked for. */
static enum kist_exit read_options(const struct kist_cli *cli, struct kist_proof *proof)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    const char *level = kist_cli_value(cli, "level"), *sample = kist_cli_value(cli, "sample");
    proof->level = kist_verify_level_of(level ? level : "hash");
    if (proof->level == KIST_VERIFY_NONE)
        return kist_cli_usage(cli, "--level %s: use size, hash, decode or drill", level);
    if (sample && (proof->level == KIST_VERIFY_DRILL || proof->level == KIST_VERIFY_SIZE))
        return kist_cli_usage(cli, "--sample goes with --level hash and decode");
    if (sample && kist_sample_parse(sample, &proof->sample, &err))
        return kist_cli_usage(cli, "--sample %s", kist_error_text(&err));
    return KIST_EXIT_OK;
}

enum kist_exit kist_cmd_verify(struct kist_cli *cli)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct job job = {
        .cli = cli,
        .proof = {
            .quiet = kist_log_level() < KIST_LOG_INFO, .alone = 1, .cancel = cli->cancel, .tell = log_fault}};
    enum kist_exit status = read_options(cli, &job.proof);
    struct kist_config *config = status ? NULL : kist_cli_config(cli, &status);
    if (!config)
        return status;
    job.config = job.proof.config = config;
    char *state = find_state(&job, &status);
    job.proof.state_dir = state;
    if (!status) {
        job.json = kist_cli_has(cli, "json") ? json_array() : NULL;
        kist_tell_prepare(config, state);
        int code = verify_all(&job, &err);
        status = conclude(&job, code, &err);
        json_decref(job.json);
        kist_tell_end();
    }
    free(state);
    kist_config_free(config);
    return status;
}
