#include "prove.h"
#include "log.h"
#include "marks.h"
#include "state.h"
#include "tell.h"
#include "text.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A proof under way. */
struct proving {
    const struct kist_proof *proof;
    struct kist_store *store;
    const struct kist_manifest *manifest;
    struct kist_proved *proved;
    int64_t started; /* seconds since 1970 */
};

static void note_fault(void *arg, const char *key, const struct kist_error *err)
{
    const struct proving *proving = arg;
    json_array_append_new(proving->proved->faults,
                          json_pack("{s:s, s:s}", "key", key, "fault", kist_error_text(err)));
    if (proving->proof->tell)
        proving->proof->tell(proving->proof->arg, key, err);
}

static int verify(struct proving *proving, struct kist_error *err)
{
    const struct kist_proof *proof = proving->proof;
    const struct kist_manifest *manifest = proving->manifest;
    struct kist_progress *progress = kist_progress_start(proof->pipeline->name, proof->quiet);
    const struct kist_verify verify = {.config = proof->config,
                                       .pipeline = proof->pipeline,
                                       .store = proving->store,
                                       .manifest = manifest,
                                       .level = proof->level,
                                       .sample = proof->sample,
                                       .provider = proof->provider,
                                       .cancel = proof->cancel,
                                       .progress = progress,
                                       .tell = note_fault,
                                       .arg = proving};
    int64_t started = kist_time_monotonic_ms();
    kist_progress_expect_objects(progress, manifest->item_count);
    if (proof->level != KIST_VERIFY_SIZE && !proof->sample.total)
        kist_progress_expect(progress,
                             (int64_t)(proof->level == KIST_VERIFY_DECODE ? kist_manifest_raw_size(manifest)
                                                                          : kist_manifest_stored_size(manifest)));
    int code = kist_verify_backup(&verify, err);
    kist_progress_stop(progress);
    proving->proved->duration_ms = kist_time_monotonic_ms() - started;
    return code;
}

/* What a provider holds has a name, and no key. */
static const char *first_key(const struct kist_manifest *manifest)
{
    if (manifest->item_count == 0)
        return "";
    return manifest->items[0].key ? manifest->items[0].key : manifest->items[0].name;
}

static int drill(struct proving *proving, struct kist_error *err)
{
    const struct kist_proof *proof = proving->proof;
    const struct kist_drill drill = {.config = proof->config,
                                     .pipeline = proof->pipeline,
                                     .store = proving->store,
                                     .manifest = proving->manifest,
                                     .state_dir = proof->state_dir,
                                     .quiet = proof->quiet,
                                     .cancel = proof->cancel};
    if (!proof->state_dir)
        return kist_fail(err, KIST_ERR_CONFIG, "a drill needs a state directory");
    int code = kist_drill_backup(&drill, &proving->proved->restored, &proving->proved->duration_ms, err);
    if (code == KIST_ERR_CORRUPT)
        note_fault(proving, first_key(proving->manifest), err);
    return code;
}

/* What mark and history have in common. New reference. */
static json_t *result_json(const struct proving *proving)
{
    const struct kist_proved *proved = proving->proved;
    json_t *result = json_pack("{s:s, s:I}", "level", kist_verify_level_name(proving->proof->level), "duration_ms",
                               (json_int_t)proved->duration_ms);
    if (result && proving->proof->level == KIST_VERIFY_DRILL) {
        json_t *compared = kist_comparison_json(&proved->restored.counts);
        json_object_update(result, compared);
        json_decref(compared);
    }
    return result;
}

static void warn(struct proving *proving, const struct kist_error *err)
{
    kist_log_at(KIST_LOG_WARNING, proving->proof->pipeline->name, err);
    proving->proved->noted_badly = 1;
}

/* NULL: there is nothing to say of the backup. A share of it is no proof of the whole, but damage is damage. */
static const char *word_of(const struct kist_proof *proof, int code)
{
    int failed = code == KIST_ERR_CORRUPT;
    return !failed && (code || proof->sample.total) ? NULL : kist_mark_word(proof->level, failed);
}

static void put_mark(struct proving *proving, int code)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    const struct kist_proof *proof = proving->proof;
    const char *word = word_of(proof, code);
    if (!word)
        return;
    json_t *body = result_json(proving);
    if (body)
        json_object_set_new(body, "kist", json_string(KIST_VERSION));
    if (body && code)
        json_object_set(body, "faults", proving->proved->faults);
    if (kist_mark_put(proving->store, proof->pipeline, proof->catalog, proving->manifest->id, word, body, &err)) {
        kist_error_prefix(&err, "cannot note beside the backup that it is %s", code ? "bad" : "proved");
        warn(proving, &err);
    }
    json_decref(body);
}

static void put_history(struct proving *proving, int code, const struct kist_error *cause)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    const struct kist_proof *proof = proving->proof;
    char started[KIST_TIME_LENGTH + 1], sample[32];
    if (!proof->state_dir)
        return;
    kist_time_text(proving->started, started);
    snprintf(sample, sizeof sample, "%u/%u", proof->sample.part, proof->sample.total);
    json_t *entry =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s*, s:s*}", "event",
                  proof->level == KIST_VERIFY_DRILL ? "drill" : "verify", "pipeline", proof->pipeline->name, "id",
                  proving->manifest->id, "destination", kist_store_name(proving->store), "outcome",
                  !code                      ? "ok"
                  : code == KIST_ERR_CORRUPT ? "bad"
                                             : "failed",
                  "started", started, "sample", proof->sample.total ? sample : NULL, "cause",
                  code ? kist_error_text(cause) : NULL);
    json_t *result = result_json(proving);
    int lost = !entry || !result || json_object_update_missing(entry, result) != 0;
    if (lost)
        kist_fail(&err, KIST_ERR_FAILED, "out of memory for the history");
    if (lost || kist_history_add(proof->state_dir, entry, &err))
        warn(proving, &err);
    json_decref(result);
    json_decref(entry);
}

/* Only what a person has to look into: that the backup is not what it should be, or that it could not be restored. */
static void tell(struct proving *proving, int code, const struct kist_error *cause)
{
    const struct kist_proof *proof = proving->proof;
    char *summary = NULL;
    if (!proof->alone || (code != KIST_ERR_CORRUPT && code != KIST_ERR_FAILED))
        return;
    if (asprintf(&summary, "%s of %s/%s on %s: %s", proof->level == KIST_VERIFY_DRILL ? "drill" : "verification",
                 proof->pipeline->name, proving->manifest->id, kist_store_name(proving->store),
                 code == KIST_ERR_CORRUPT ? "the backup is bad" : "failed") < 0)
        summary = NULL;
    const struct kist_news news = {.kind = KIST_EVENT_FAILURE,
                                   .summary = summary,
                                   .backup = proving->manifest->id,
                                   .cause = kist_error_text(cause),
                                   .next_step = cause->hint,
                                   .started_ms = proving->started * 1000,
                                   .finished_ms = kist_time_now() * 1000,
                                   .raw_size = -1,
                                   .stored_size = -1,
                                   .exit = code == KIST_ERR_CORRUPT ? KIST_EXIT_INTEGRITY : KIST_EXIT_FAILED,
                                   .with_log = 1};
    if (kist_tell(proof->pipeline, &news))
        proving->proved->noted_badly = 1;
    free(summary);
}

/* It was good for as long as it was meant to be, and there is nothing left to prove. */
static int check_lapsed(const struct kist_manifest *manifest, struct kist_error *err)
{
    if (!kist_manifest_has_lapsed(manifest, kist_time_now() * 1000))
        return 0;
    char *holders = kist_manifest_held_by(manifest);
    kist_fail(err, KIST_ERR_NOT_FOUND, "%s/%s has expired: %s was to hold it no longer", manifest->pipeline,
              manifest->id, holders ? holders : "its provider");
    kist_hint(err, "`kist list %s` shows which backups can be restored", manifest->pipeline);
    free(holders);
    return KIST_ERR_NOT_FOUND;
}

int kist_prove(const struct kist_proof *proof, struct kist_store *store, const struct kist_manifest *manifest,
               struct kist_proved *ret_proved, struct kist_error *err)
{
    *ret_proved = (struct kist_proved){.faults = json_array()};
    struct proving proving = {
        .proof = proof, .store = store, .manifest = manifest, .proved = ret_proved, .started = kist_time_now()};
    if (!ret_proved->faults)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    if (check_lapsed(manifest, err))
        return err->code;
    int code = proof->level == KIST_VERIFY_DRILL ? drill(&proving, err) : verify(&proving, err);
    if (code == KIST_ERR_CORRUPT)
        code = kist_catalog_check_there(store, manifest->pipeline, manifest->id, err);
    if (code == KIST_ERR_CORRUPT && !err->hint)
        kist_hint(err, "another destination, or an older backup, may still be good: `kist verify --all` tells");
    put_mark(&proving, code);
    put_history(&proving, code, err);
    tell(&proving, code, err);
    return code;
}

int kist_proof_worst(int worst, int code)
{
    return !worst || (code == KIST_ERR_CORRUPT && worst != KIST_ERR_CORRUPT) ? code : worst;
}

void kist_proved_done(struct kist_proved *proved)
{
    kist_restored_done(&proved->restored);
    json_decref(proved->faults);
    *proved = (struct kist_proved){0};
}

char *kist_proved_text(const struct kist_proved *proved)
{
    KIST_CLEANUP_TEXT struct kist_text text = KIST_TEXT_INIT;
    const struct kist_comparison *counts = &proved->restored.counts;
    const struct kist_units_text took = kist_duration_show(proved->duration_ms);
    if (counts->compared == 0)
        kist_text_printf(&text, "restored in %s, nothing counted", took.text);
    else
        kist_text_printf(&text, "%s table%s, %s row%s equal, restored in %s", kist_count_show(counts->tables).text,
                         counts->tables == 1 ? "" : "s", kist_count_show((uint64_t)counts->rows).text,
                         counts->rows == 1 ? "" : "s", took.text);
    for (size_t i = 0; i < counts->skipped_count; i++)
        kist_text_printf(&text, "%s%s", i ? ", " : " (skipped: ", counts->skipped[i]);
    if (counts->skipped_count)
        kist_text_add_char(&text, ')');
    return kist_text_take(&text);
}
