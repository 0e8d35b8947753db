#include "prove_run.h"
#include "log.h"
#include "marks.h"
#include "prove.h"
#include "signals.h"

#include <stdlib.h>
#include <string.h>

#define AHEAD                                                                                                     \
    3600 /* seconds that another machine's clock may be ahead; a later proof would put the next off for ever */

/* The proofs after one run. */
struct proving {
    const struct kist_config *config;
    const struct kist_config_pipeline *pipeline;
    const struct kist_run_options *options;
    struct kist_run_report *report;
    struct kist_provider provider;
    size_t copies; /* seen so far */
};

/* A backup is restored once, from the first copy; the others are proved to hold the same bytes. */
static enum kist_verify_level of_copy(const struct proving *proving, enum kist_verify_level level)
{
    return level == KIST_VERIFY_DRILL && proving->copies > 1 ? KIST_VERIFY_HASH : level;
}

/* Whether no backup on this destination was proved to `level` within the rhythm. */
static int is_due(const struct proving *proving, const struct kist_catalog *catalog, enum kist_verify_level level)
{
    /* A size is not noted, so that only a stronger proof tells of it. */
    const enum kist_verify_level least = level > KIST_VERIFY_HASH ? level : KIST_VERIFY_HASH;
    int64_t newest = -1, time = 0, now = kist_time_now();
    for (size_t i = 0; i < catalog->mark_count; i++)
        if (kist_mark_level(catalog->marks[i].word) >= least && kist_id_parse(catalog->marks[i].time, &time) &&
            time > newest && time <= now + AHEAD)
            newest = time;
    return newest < 0 || (now - newest) * 1000 >= proving->pipeline->verify_every_ms;
}

/* The level of `verify`, or that of `verify_every` when it is due. */
static int find_level(const struct proving *proving, struct kist_store *store, enum kist_verify_level *ret_level,
                      struct kist_error *err)
{
    const struct kist_config_pipeline *pipeline = proving->pipeline;
    enum kist_verify_level level = of_copy(proving, pipeline->verify);
    enum kist_verify_level rhythm = of_copy(proving, pipeline->verify_every);
    struct kist_catalog catalog = {0};
    if (rhythm > level) {
        int code = kist_catalog_read(store, pipeline->name, &catalog, err);
        if (code)
            return code;
        kist_marks_check(store, pipeline, &catalog);
        if (is_due(proving, &catalog, rhythm))
            level = rhythm;
        kist_catalog_done(&catalog);
    }
    *ret_level = level;
    return 0;
}

static void tell_proved(const struct kist_proof *proof, const struct kist_store *store,
                        const struct kist_manifest *manifest, const struct kist_proved *proved)
{
    char *text = proof->level == KIST_VERIFY_DRILL ? kist_proved_text(proved) : NULL;
    kist_log(KIST_LOG_INFO, proof->pipeline->name, "%s is proved on '%s' (%s)%s%s", manifest->id,
             kist_store_name(store), kist_verify_level_name(proof->level), text ? ": " : "", text ? text : "");
    free(text);
}

/* The manifest is read from the store, as it would be for a restore. */
static int prove_copy(struct proving *proving, struct kist_store *store, struct kist_error *err)
{
    struct kist_manifest manifest = {0};
    struct kist_proved proved = {0};
    struct kist_proof proof = {.config = proving->config,
                               .pipeline = proving->pipeline,
                               .state_dir = proving->options->state_dir,
                               .provider = &proving->provider,
                               .quiet = proving->options->quiet,
                               .cancel = proving->options->cancel};
    int code = find_level(proving, store, &proof.level, err);
    if (code || proof.level == KIST_VERIFY_NONE)
        return code;
    code = kist_catalog_load(store, proving->pipeline, proving->report->id, &manifest, err);
    if (!code) {
        code = kist_prove(&proof, store, &manifest, &proved, err);
        proving->report->told_badly |= proved.noted_badly;
        if (!code)
            tell_proved(&proof, store, &manifest, &proved);
        kist_proved_done(&proved);
    }
    kist_manifest_done(&manifest);
    return code;
}

/* The worst that was found is what the run is told to be; the others are in the log. */
static void judge(struct proving *proving, const char *destination, int code, struct kist_error *err)
{
    struct kist_run_report *report = proving->report;
    int bad = code == KIST_ERR_CORRUPT;
    if (bad)
        kist_error_prefix(err, "%s/%s was made, but is bad on '%s'", report->pipeline, report->id, destination);
    else
        kist_error_prefix(err, "%s/%s was made, but could not be proved on '%s'", report->pipeline, report->id,
                          destination);
    if (bad && report->outcome != KIST_OUTCOME_FAILED) {
        report->bad = 1;
        report->outcome = KIST_OUTCOME_FAILED;
        report->exit = KIST_EXIT_INTEGRITY;
        if (report->err.code)
            kist_log_error(proving->pipeline->name, &report->err);
        kist_error_move(&report->err, err);
        return;
    }
    if (report->outcome == KIST_OUTCOME_OK) {
        report->outcome = KIST_OUTCOME_DEGRADED;
        report->exit = KIST_EXIT_DEGRADED;
    }
    if (report->err.code)
        kist_log_error(proving->pipeline->name, err);
    else
        kist_error_move(&report->err, err);
}

/* The backup is there all the same; that nobody proved it is told. */
static void note_signal(struct kist_run_report *report)
{
    report->exit = KIST_EXIT_SIGNAL + (unsigned)kist_signals_seen();
    if (report->outcome != KIST_OUTCOME_OK)
        return;
    report->outcome = KIST_OUTCOME_DEGRADED;
    kist_fail(&report->err, KIST_ERR_CANCELLED, "%s/%s was made, but a signal came before it was proved",
              report->pipeline, report->id);
}

static void prove_on(struct proving *proving, const struct kist_config_section *section)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct kist_store *store = NULL;
    int code = kist_store_open(section, proving->pipeline->name, proving->options->cancel, &store, &err);
    if (!code && !kist_store_discards(store)) {
        proving->copies++;
        code = prove_copy(proving, store, &err);
    }
    kist_store_close(store);
    /* What a signal ended is no finding. */
    if (code && !kist_signals_seen())
        judge(proving, section->name, code, &err);
}

static int has_copy(const struct kist_run_report *report, const char *destination)
{
    for (size_t i = 0; i < report->place_count; i++)
        if (report->places[i].destination && strcmp(report->places[i].destination, destination) == 0)
            return report->places[i].complete;
    return 0;
}

void kist_prove_run(const struct kist_config *config, const struct kist_config_pipeline *pipeline,
                    const struct kist_run_options *options, struct kist_run_report *report)
{
    struct proving proving = {.config = config, .pipeline = pipeline, .options = options, .report = report};
    if (report->outcome == KIST_OUTCOME_FAILED || (!pipeline->verify && !pipeline->verify_every))
        return;
    kist_provider_init(&proving.provider, pipeline, NULL, options->cancel);
    for (size_t i = 0; i < pipeline->destination_count && !kist_signals_seen(); i++)
        if (has_copy(report, pipeline->destinations[i]->name))
            prove_on(&proving, pipeline->destinations[i]);
    kist_provider_done(&proving.provider);
    if (kist_signals_seen())
        note_signal(report);
}
