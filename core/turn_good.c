#include "turn_good.h"
#include "judge.h"
#include "log.h"
#include "marks.h"

#include <stdlib.h>
#include <string.h>

#define LOADS 5 /* manifests that are read on each destination */

struct asking {
    const struct kist_targets *targets;
    const char *known;
    struct kist_catalog_id *found; /* one per destination */
};

static int is_good(struct kist_target *target, const struct kist_config_pipeline *pipeline, const char *id,
                   struct kist_error *err)
{
    struct kist_manifest manifest = {0};
    if (kist_catalog_load(target->store, pipeline, id, &manifest, err))
        return 0;
    int good = !kist_safety_is(&manifest) && !kist_manifest_has_lapsed(&manifest, kist_time_now() * 1000) &&
               (!manifest.suspect || kist_judge_accepted(target->store, pipeline, &target->catalog, id));
    kist_manifest_done(&manifest);
    return good;
}

/* The one that was good may be of no use any more where a provider lets it go; one that cannot be read now is believed in. */
static int is_good_still(struct kist_target *target, const struct kist_config_pipeline *pipeline, const char *id,
                         struct kist_error *err)
{
    struct kist_manifest manifest = {0};
    if (!(pipeline->source->plugin->features & KIST_SOURCE_REFERENCES) ||
        kist_catalog_load(target->store, pipeline, id, &manifest, err))
        return 1;
    int good = !kist_manifest_has_lapsed(&manifest, kist_time_now() * 1000);
    kist_manifest_done(&manifest);
    return good;
}

/* Only a destination that hangs, or a run that is stopped, ends it; a damaged manifest is not good, and is told elsewhere. */
static int ask(struct kist_target *target, void *arg, struct kist_error *err)
{
    const struct asking *asking = arg;
    const struct kist_catalog *catalog = &target->catalog;
    int loads = 0;
    for (size_t i = catalog->backup_count; i-- > 0;) {
        const char *id = catalog->backups[i].id;
        int order = strcmp(id, asking->known);
        if (kist_mark_is_bad(kist_mark_verdict(catalog, id)))
            continue;
        if (order != 0 && loads++ == LOADS)
            return 0;
        int good = order == 0 ? is_good_still(target, asking->targets->pipeline, id, err)
                              : is_good(target, asking->targets->pipeline, id, err);
        if (err->code == KIST_ERR_CANCELLED || err->code == KIST_ERR_TIMEOUT)
            return err->code;
        kist_error_clear(err);
        if (good) {
            memcpy(&asking->found[target - asking->targets->items], &catalog->backups[i], sizeof *asking->found);
            return 0;
        }
    }
    return 0;
}

int kist_turn_find_good(struct kist_targets *targets, const char *known, char ret_id[KIST_ID_LENGTH + 1],
                        struct kist_error *err)
{
    struct asking asking = {
        .targets = targets, .known = known, .found = calloc(targets->count + 1, sizeof *asking.found)};
    if (!asking.found)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    int code = kist_targets_step(targets, ask, &asking, err);
    const char *best = "";
    for (size_t i = 0; i < targets->count; i++)
        if (strcmp(asking.found[i].id, best) > 0)
            best = asking.found[i].id;
    if (!code)
        memcpy(ret_id, best, strlen(best) + 1);
    free(asking.found);
    return code;
}
