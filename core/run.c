#include "run.h"
#include "item_name.h"
#include "judge.h"
#include "key.h"
#include "leftovers.h"
#include "log.h"
#include "repair.h"
#include "restore_notes.h"
#include "run_items.h"
#include "signals.h"
#include "state.h"
#include "targets.h"
#include "text.h"
#include "turn.h"
#include "units.h"
#include "uuid.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONG_RUN (12 * 3600) /* seconds */

/* Everything that a run has opened. */
struct run {
    const struct kist_config_pipeline *pipeline;
    const struct kist_run_options *options;
    struct kist_run_report *report;
    struct kist_cancel *cancel; /* set by the first failure, or by a signal */
    struct kist_lock lock;
    struct kist_targets targets;
    struct kist_provider provider;
    struct kist_backup backup; /* as the source knows it */
    struct kist_run_items items;
    struct kist_manifest manifest;
    struct kist_turn turn;
};

/* No clock is ahead by so much: such a name was given to keep any other from coming after it. */
#define FAR_AHEAD (INT64_C(100) * 366 * 24 * 3600)

/* -1: there is none up to `most`. */
static int64_t newest_of(const struct kist_catalog_id *ids, size_t count, int64_t most)
{
    int64_t seconds = -1;
    for (size_t i = count; i-- > 0;)
        if (kist_id_parse(ids[i].id, &seconds) && seconds <= most)
            return seconds;
    return -1;
}

/* The present second, or the one after the newest backup: ids only grow, whatever the clock does. */
static int choose_id(struct run *run, struct kist_error *err)
{
    int64_t now = kist_time_now(), newest = -1;
    for (size_t i = 0; i < run->targets.count; i++) {
        const struct kist_catalog *catalog = &run->targets.items[i].catalog;
        int64_t last[] = {newest_of(catalog->backups, catalog->backup_count, now + FAR_AHEAD),
                          newest_of(catalog->pending, catalog->pending_count, now + FAR_AHEAD)};
        for (size_t k = 0; k < sizeof last / sizeof *last; k++)
            newest = last[k] > newest ? last[k] : newest;
    }
    if (newest > now + 60)
        kist_log(KIST_LOG_WARNING, run->pipeline->name,
                 "the clock is behind the newest backup by %s: check the clock",
                 kist_duration_show((newest - now) * 1000).text);
    int64_t seconds = newest >= now ? newest + 1 : now;
    kist_id_of_time(seconds, run->manifest.id);
    memcpy(run->report->id, run->manifest.id, sizeof run->report->id);
    return kist_id_parse(run->manifest.id, NULL)
               ? 0
               : kist_fail(err, KIST_ERR_FAILED, "the clock tells no sound time");
}

/* From the note on no prune takes what this run relies on. One of another host may have done so just before. */
static int check_previous(const struct run *run, struct kist_target *target, struct kist_error *err)
{
    const char *id = run->items.previous.id;
    int exists = 1;
    int code = run->items.reused ? kist_catalog_exists(target->store, run->pipeline->name, id, &exists, err) : 0;
    if (code || exists)
        return code;
    return kist_fail(err, KIST_ERR_UNAVAILABLE,
                     "the backup %s, whose objects this run was to reuse, has just been deleted: run it again",
                     id);
}

static int begin_target(struct kist_target *target, void *arg, struct kist_error *err)
{
    struct run *run = arg;
    if (kist_store_discards(target->store))
        return 0;
    const struct kist_catalog_held held = {.plugin = run->manifest.source_plugin,
                                           .sign_key = run->pipeline->sign_key,
                                           .destinations = run->pipeline->destinations,
                                           .destination_count = run->pipeline->destination_count};
    int code = kist_catalog_begin(target->store, run->pipeline->name, run->manifest.id, run->lock.owner,
                                  run->items.keys, run->items.key_count, run->items.held ? &held : NULL, err);
    target->begun = !code;
    return code ? code : check_previous(run, target, err);
}

struct document {
    struct run *run;
    const char *text;
    size_t size;
};

static int put_notes(struct kist_target *target, void *arg, struct kist_error *err)
{
    struct document *notes = arg;
    return kist_store_put_bytes(target->store, notes->run->manifest.notes_key, notes->text, notes->size,
                                "text/plain", err);
}

/* Another host takes a run of more than a day, or of what its own clock says is one, for dead: it removes what that has written,
 * and what it would reuse. */
static int check_alive(const struct run *run, struct kist_target *target, struct kist_error *err)
{
    int begun = 1;
    if (!target->begun || (!run->items.held && run->manifest.finished - run->manifest.started < LONG_RUN))
        return 0;
    int code = kist_catalog_is_begun(target->store, run->pipeline->name, run->manifest.id, &begun, err);
    if (code || begun)
        return code ? code : check_previous(run, target, err);
    return kist_fail(err, KIST_ERR_FAILED,
                     "another host took this run for dead, and has removed what it had written: let only one host "
                     "run it");
}

static int put_manifest(struct kist_target *target, void *arg, struct kist_error *err)
{
    struct document *document = arg;
    const struct kist_manifest *manifest = &document->run->manifest;
    int code = check_alive(document->run, target, err);
    if (!code)
        code = kist_catalog_commit(target->store, manifest->pipeline, manifest->id, document->text, document->size,
                                   err);
    target->complete = !code;
    return code;
}

static int write_notes(struct run *run, struct kist_error *err)
{
    char *text = NULL;
    int code = kist_restore_notes_format(&run->manifest, run->pipeline, run->items.filters,
                                         run->items.filter_count, &text, err);
    if (code)
        return code;
    struct document notes = {.run = run, .text = text, .size = strlen(text)};
    run->manifest.notes_key = kist_key_join(run->pipeline->name, run->manifest.id, KIST_NOTES_NAME, NULL);
    run->manifest.notes.size = notes.size;
    code = run->manifest.notes_key ? kist_hash_bytes(text, notes.size, run->manifest.notes.sha256, err)
                                   : kist_fail(err, KIST_ERR_FAILED, "out of memory");
    if (!code)
        code = kist_targets_step(&run->targets, put_notes, &notes, err);
    free(text);
    return code;
}

static int write_manifest(struct run *run, struct kist_error *err)
{
    struct document document = {.run = run};
    char *text = NULL;
    run->manifest.finished = kist_time_now();
    int code = kist_manifest_format(&run->manifest, run->pipeline->sign_key, &text, &document.size, err);
    if (code)
        return code;
    document.text = text;
    /* The last moment at which a signal stops the run: from here on the backup exists. */
    code = kist_cancel_is_set(run->cancel) ? kist_fail(err, KIST_ERR_CANCELLED, "stopped by a signal")
                                           : kist_targets_step(&run->targets, put_manifest, &document, err);
    free(text);
    return code;
}

static int begin_manifest(struct run *run, struct kist_error *err)
{
    struct kist_manifest *manifest = &run->manifest;
    manifest->pipeline = strdup(run->pipeline->name);
    manifest->kist_version = strdup(KIST_VERSION);
    manifest->source_plugin = strdup(run->pipeline->source->plugin->name);
    manifest->source_version = strdup(run->pipeline->source->plugin->about.version);
    manifest->labels = run->options->labels ? json_incref(run->options->labels) : json_object();
    manifest->started = run->report->started;
    if (!manifest->pipeline || !manifest->kist_version || !manifest->source_plugin || !manifest->source_version ||
        !manifest->labels)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    return 0;
}

/* ---- what it holds ---- */

/* All reasons as one sentence. */
static int join_reasons(json_t *reasons, char **ret_text, struct kist_error *err)
{
    KIST_CLEANUP_TEXT struct kist_text text = KIST_TEXT_INIT;
    json_t *reason = NULL;
    size_t index = 0;
    json_array_foreach(reasons, index, reason)
        kist_text_printf(&text, "%s%s", index ? "; " : "", json_string_value(reason));
    *ret_text = kist_text_take(&text);
    return *ret_text ? 0 : kist_fail(err, KIST_ERR_FAILED, "out of memory");
}

/* Whether the backup is what those before it let expect. */
static int judge(struct run *run, struct kist_error *err)
{
    struct kist_past past[KIST_PAST_MAX];
    size_t count = 0;
    kist_judge_past(&run->targets, run->pipeline, past, &count);
    int code = kist_judge(run->pipeline, &run->manifest, past, count, &run->manifest.suspect, err);
    return code || !run->manifest.suspect ? code
                                          : join_reasons(run->manifest.suspect, &run->report->suspicion, err);
}

/* Whether it begins at all. */
static int enter(struct run *run, struct kist_error *err)
{
    int code = kist_lock_take(run->options->state_dir, run->pipeline->name, &run->lock, err);
    /* Two that looked at once what is due have both found this slot: one of them is enough, and no mistake was made. */
    if (code == KIST_ERR_EXISTS && run->options->slot) {
        kist_log_at(KIST_LOG_DEBUG, NULL, err);
        kist_error_clear(err);
        run->report->needless = 1;
        return 0;
    }
    if (code)
        return code;
    kist_turn_begin(&run->turn, run->pipeline, run->options);
    kist_provider_init(&run->provider, run->pipeline, run->lock.owner, run->cancel);
    code = kist_targets_open(run->pipeline, run->lock.owner, run->cancel, &run->targets, err);
    if (!code)
        code = kist_leftovers_sweep(&run->targets, &run->provider, err);
    return code ? code : kist_turn_take(&run->turn, &run->targets, run->report, err);
}

/* The steps of a run in order; every one of them may be the last. */
static int steps(struct run *run, struct kist_error *err)
{
    int code = enter(run, err);
    if (code || run->report->needless)
        return code;
    if (run->options->begun)
        run->options->begun(run->options->begun_arg, run->report);
    code = choose_id(run, err);
    if (!code)
        code = begin_manifest(run, err);
    run->backup = (struct kist_backup){.struct_size = sizeof run->backup,
                                       .pipeline = run->pipeline->name,
                                       .id = run->manifest.id,
                                       .owner = run->lock.owner};
    if (!code)
        code = kist_run_items_open(run->pipeline, &run->backup, run->options->aim, run->cancel, &run->items, err);
    /* What has not changed in the source says nothing about another target. */
    if (!code && !run->options->aim)
        code = kist_run_items_reuse(&run->items, &run->targets, err);
    if (!code)
        code = kist_targets_step(&run->targets, begin_target, run, err);
    if (!code)
        code = kist_run_items_make(&run->items, run->cancel, err);
    if (!code)
        code =
            kist_run_items_save(&run->items, &run->targets, &run->manifest, run->cancel, run->options->quiet, err);
    if (!code)
        code = kist_run_items_counts(&run->items, &run->manifest.counts, err);
    if (!code)
        code = kist_run_items_facts(&run->items, &run->manifest.facts, err);
    /* What is about to be replaced is kept as it is, however little that may be. */
    if (!code && !kist_safety_is(&run->manifest))
        code = judge(run, err);
    if (!code)
        code = write_notes(run, err);
    if (!code)
        code = write_manifest(run, err);
    return code;
}

/* A note that cannot be removed does no harm: the next run sees the manifest and removes it. */
static int end_target(struct kist_target *target, void *arg, struct kist_error *err)
{
    const struct run *run = arg;
    if (target->complete && target->begun &&
        kist_catalog_end(target->store, run->pipeline->name, run->manifest.id, err))
        kist_log_at(KIST_LOG_WARNING, run->pipeline->name, err);
    return 0;
}

static void end_targets(struct run *run)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    if (kist_targets_step(&run->targets, end_target, run, &err))
        kist_log_at(KIST_LOG_WARNING, run->pipeline->name, &err);
}

/* The backup before this one, where a destination was away then and is back now. */
static void note_lacking(struct run *run)
{
    const char *newest = kist_repair_newest(&run->targets);
    if (newest && kist_repair_is_needed(&run->targets, newest))
        memcpy(run->report->lacking, newest, sizeof run->report->lacking);
}

static enum kist_exit exit_of(const struct run *run, int code)
{
    if (kist_signals_seen())
        return KIST_EXIT_SIGNAL + (unsigned)kist_signals_seen();
    if (code == KIST_ERR_EXISTS && (run->lock.fd < 0 || run->turn.refused))
        return KIST_EXIT_LOCKED;
    return code == KIST_ERR_CONFIG ? KIST_EXIT_USAGE : KIST_EXIT_FAILED;
}

static void fill_places(const struct run *run)
{
    struct kist_run_report *report = run->report;
    report->places = calloc(run->targets.count + 1, sizeof *report->places);
    for (size_t i = 0; report->places && i < run->targets.count; i++) {
        const struct kist_target *target = &run->targets.items[i];
        struct kist_run_place *place = &report->places[report->place_count++];
        *place =
            (struct kist_run_place){.destination = strdup(target->section->name), .complete = target->complete};
        if (target->complete || !target->err.code)
            continue;
        place->cause = strdup(kist_error_text(&target->err));
        /* The error that failed the run is told with the report; that of a degraded one is told here, hint and all. */
        if (report->outcome == KIST_OUTCOME_DEGRADED)
            kist_log_error(NULL, &target->err);
    }
}

/* What became of the objects; for other sources there is nothing to say. */
static void fill_objects(const struct run *run)
{
    struct kist_run_report *report = run->report;
    if (!run->items.pipeline || !kist_run_items_are_objects(&run->items))
        return;
    report->objects = run->manifest.item_count;
    report->reused = run->items.reused;
    report->vanished = run->items.vanished;
    report->left_out = run->items.left_out;
    if (report->left_out &&
        asprintf(&report->omission, "%zu object%s could not be kept and %s left out", report->left_out,
                 report->left_out == 1 ? "" : "s", report->left_out == 1 ? "was" : "were") < 0)
        report->omission = NULL;
}

/* The manifest that would have named it is nowhere. */
static int discard_own(void *arg, struct kist_error *err)
{
    struct run *run = arg;
    return kist_provider_sweep(&run->provider, run->manifest.id, NULL, err);
}

static void conclude(struct run *run, int code)
{
    struct kist_run_report *report = run->report;
    if (report->needless && !code)
        return;
    size_t complete = kist_targets_complete(&run->targets);
    if (!code)
        end_targets(run);
    if (code || complete < run->targets.count)
        kist_targets_undo(&run->targets, run->manifest.id, code != 0,
                          code && run->items.making ? discard_own : NULL, run);
    fill_objects(run);
    int lacking = complete < run->targets.count || run->items.left_out > 0 || report->suspicion;
    report->outcome = code ? KIST_OUTCOME_FAILED : lacking ? KIST_OUTCOME_DEGRADED : KIST_OUTCOME_OK;
    report->exit = code                                       ? exit_of(run, code)
                   : report->outcome == KIST_OUTCOME_DEGRADED ? KIST_EXIT_DEGRADED
                                                              : KIST_EXIT_OK;
    report->raw_size = kist_manifest_raw_size(&run->manifest);
    report->stored_size = kist_manifest_stored_size(&run->manifest);
    fill_places(run);
    if (!code)
        note_lacking(run);
}

void kist_run(const struct kist_config_pipeline *pipeline, const struct kist_run_options *options,
              struct kist_run_report *ret_report)
{
    *ret_report =
        (struct kist_run_report){.pipeline = pipeline->name, .started = kist_time_now(), .err = KIST_ERROR_INIT};
    struct run run = {.pipeline = pipeline, .options = options, .report = ret_report, .lock = KIST_LOCK_INIT};
    int64_t begun = kist_time_monotonic_ms();
    kist_uuid_make(ret_report->run);
    int code = kist_cancel_new(options->cancel, &run.cancel, &ret_report->err);
    if (!code)
        code = steps(&run, &ret_report->err);
    conclude(&run, code);
    kist_turn_end(&run.turn, ret_report);
    kist_run_items_close(&run.items);
    kist_provider_done(&run.provider);
    kist_targets_close(&run.targets);
    kist_manifest_done(&run.manifest);
    kist_cancel_free(run.cancel);
    kist_lock_release(&run.lock);
    ret_report->finished = kist_time_now();
    ret_report->duration_ms = kist_time_monotonic_ms() - begun;
}
