#include "judge.h"
#include "log.h"
#include "marks.h"

#include <string.h>

int kist_judge_accepted(struct kist_store *store, const struct kist_config_pipeline *pipeline,
                        const struct kist_catalog *catalog, const char *id)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    json_t *body = NULL;
    const struct kist_catalog_mark *mark = kist_mark_find(catalog, id, KIST_MARK_ACCEPTED);
    if (!mark)
        return 0;
    int code = kist_mark_load(store, pipeline, mark, &body, &err);
    json_decref(body);
    if (code)
        kist_log_at(KIST_LOG_WARNING, store->where, &err);
    return !code;
}

/* What one destination tells, in the thread of a step. */
struct asking {
    const struct kist_config_pipeline *pipeline;
    const struct kist_target *whom;
    struct kist_past *past;
    size_t count;
    int answered;
};

static int is_bad(const struct kist_catalog *catalog, const char *id)
{
    const struct kist_catalog_mark *verdict = kist_mark_verdict(catalog, id);
    return kist_mark_is_bad(verdict);
}

static int is_good(const struct kist_target *target, const struct asking *asking,
                   const struct kist_manifest *manifest)
{
    if (kist_safety_is(manifest))
        return 0;
    return !manifest->suspect ||
           kist_judge_accepted(target->store, asking->pipeline, &target->catalog, manifest->id);
}

/* Only a destination that hangs, or a run that is stopped, ends it. */
static int ask(struct kist_target *target, void *arg, struct kist_error *err)
{
    struct asking *asking = arg;
    const struct kist_catalog *catalog = &target->catalog;
    if (target != asking->whom)
        return 0;
    for (size_t i = catalog->backup_count; i-- > 0 && asking->count < KIST_PAST_MAX;) {
        struct kist_manifest manifest = {0};
        if (is_bad(catalog, catalog->backups[i].id))
            continue;
        int code = kist_catalog_load(target->store, asking->pipeline, catalog->backups[i].id, &manifest, err);
        if (code == KIST_ERR_CANCELLED || code == KIST_ERR_TIMEOUT)
            return code;
        if (code) {
            kist_log_at(KIST_LOG_WARNING, target->store->where, err);
            kist_error_clear(err);
            continue;
        }
        if (is_good(target, asking, &manifest))
            asking->past[asking->count++] = kist_judge_measure(&manifest);
        kist_manifest_done(&manifest);
    }
    asking->answered = 1;
    return 0;
}

void kist_judge_past(struct kist_targets *targets, const struct kist_config_pipeline *pipeline,
                     struct kist_past ret_past[KIST_PAST_MAX], size_t *ret_count)
{
    struct asking asking = {.pipeline = pipeline, .past = ret_past};
    for (size_t i = 0; i < targets->count && !asking.answered; i++) {
        KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
        const struct kist_target *target = &targets->items[i];
        if (target->err.code || !target->store || kist_store_discards(target->store))
            continue;
        asking.whom = target;
        asking.count = 0;
        /* A destination that is lost here is told of by the next step of the run. */
        if (kist_targets_step(targets, ask, &asking, &err))
            break;
    }
    *ret_count = asking.answered ? asking.count : 0;
}
