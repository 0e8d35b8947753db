#include "restore_safety.h"
#include "log.h"
#include "source_access.h"

#include <string.h>

/* What the pipeline backs up now may be something else than what is about to be replaced. */
static int check_aim(const struct kist_safety *safety, struct kist_error *err)
{
    const struct kist_config_section *section = safety->pipeline->source;
    if (!safety->target || (kist_source_features(section) & KIST_SOURCE_SWAPS))
        return 0;
    kist_fail(
        err, KIST_ERR_REFUSED,
        "what the target holds cannot be backed up first: [source %s] backs up nothing but its own, as it is "
        "configured",
        section->name);
    kist_hint(err, "restore beside it, without --in-place; --skip-safety-backup replaces it without a way back");
    return KIST_ERR_REFUSED;
}

/* Nobody is notified of it as of a run: whoever waits for the news of a scheduled backup must not take this one for it.
 * The history has it in the line of the restore. */
int kist_safety_backup(const struct kist_safety *safety, char ret_id[KIST_ID_LENGTH + 1], enum kist_exit *ret_exit,
                       struct kist_error *err)
{
    if (check_aim(safety, err))
        return err->code;
    json_t *labels = json_pack("{s:s}", KIST_SAFETY_LABEL, safety->reason);
    if (!labels)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    struct kist_run_options options = {.state_dir = safety->state_dir,
                                       .labels = labels,
                                       .quiet = safety->quiet,
                                       .aim = safety->target,
                                       .cancel = safety->cancel};
    struct kist_run_report report;
    kist_log(KIST_LOG_INFO, safety->pipeline->name, "backing up what the target holds, before it is replaced");
    kist_run(safety->pipeline, &options, &report);
    int code = 0;
    if (report.outcome == KIST_OUTCOME_FAILED) {
        *ret_exit = report.exit;
        code = kist_error_move(err, &report.err);
        kist_error_prefix(err, "nothing was restored, since the safety backup failed");
    } else {
        memcpy(ret_id, report.id, sizeof report.id);
        if (report.outcome == KIST_OUTCOME_DEGRADED) {
            *ret_exit = KIST_EXIT_DEGRADED;
            kist_log(KIST_LOG_WARNING, safety->pipeline->name,
                     "the safety backup %s is there, but not all is as it should be: `kist show %s/%s`", report.id,
                     safety->pipeline->name, report.id);
        }
    }
    kist_run_report_done(&report);
    json_decref(labels);
    return code;
}
