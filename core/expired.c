#include "expired.h"
#include "backup_id.h"
#include "config.h"

int kist_expired_find(const struct kist_config_pipeline *pipeline, const struct kist_config_section *destination,
                      const struct kist_candidate *backups, size_t count, unsigned char *ret_expired,
                      struct kist_error *err)
{
    const struct kist_retention rules = {.keep = destination->keep.set ? destination->keep : pipeline->keep,
                                         .min_keep = pipeline->min_keep,
                                         .max_delete = 100,
                                         .zone = pipeline->schedule.zone,
                                         .now = kist_time_now()};
    struct kist_plan plan = {0};
    if (!rules.keep.set)
        return 0;
    int code = kist_retention_plan(backups, count, &rules, &plan, err);
    for (size_t i = 0; i < count && !code; i++)
        ret_expired[i] = plan.entries[i].fate == KIST_FATE_REMOVE || plan.entries[i].fate == KIST_FATE_FROZEN;
    kist_plan_done(&plan);
    return code;
}
