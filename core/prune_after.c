#include "instance.h"
#include "prune.h"

#include <stdlib.h>

/* What a provider holds may go by a time of its own, and its leftovers do. */
static int has_rule(const struct kist_config_pipeline *pipeline)
{
    int found = pipeline->keep.set || kist_source_features(pipeline->source) & KIST_SOURCE_REFERENCES;
    for (size_t i = 0; i < pipeline->destination_count; i++)
        found |= pipeline->destinations[i]->keep.set;
    return found;
}

void kist_prune_after(const struct kist_config_pipeline *pipeline, const struct kist_run_options *options,
                      struct kist_run_report *report)
{
    const struct kist_prune_options prune = {
        .state_dir = options->state_dir, .quiet = 1, .fresh = report->id, .cancel = options->cancel};
    struct kist_prune_result result = {0};
    int good = report->outcome == KIST_OUTCOME_OK && report->exit == KIST_EXIT_OK && !report->suspicion &&
               !report->bad && !report->needless;
    int safety = kist_run_is_safety(options);
    if (!good || safety || !options->state_dir || !has_rule(pipeline))
        return;
    enum kist_exit status = kist_prune_run(pipeline, &prune, &result);
    if (status != KIST_EXIT_OK) {
        report->outcome = KIST_OUTCOME_DEGRADED;
        report->exit = KIST_EXIT_DEGRADED;
        report->retention = result.trouble;
        result.trouble = NULL;
    }
    free(result.trouble);
}
