#include "drill.h"
#include "log.h"
#include "private_dir.h"
#include "source_access.h"

#include <stdlib.h>
#include <string.h>

int kist_drill_can(const struct kist_config_pipeline *pipeline)
{
    return (kist_source_features(pipeline->source) & KIST_SOURCE_DRILLS) != 0;
}

int kist_drill_skips(const struct kist_config_pipeline *pipeline)
{
    int skips = !kist_drill_can(pipeline);
    if (skips)
        kist_log(KIST_LOG_INFO, pipeline->name, "is skipped: the source plugin '%s' has no scratch place",
                 pipeline->source->plugin->name);
    return skips;
}

/* Whether the source can, and is the one that made the backup. */
static int check_source(const struct kist_drill *drill, struct kist_error *err)
{
    const struct kist_config_section *section = drill->pipeline->source;
    const char *maker = drill->manifest->source_plugin;
    if (strcmp(section->plugin->name, maker) != 0)
        return kist_fail(err, KIST_ERR_CONFIG,
                         "the backup was made by the source plugin '%s', [source %s] is now '%s'", maker,
                         section->name, section->plugin->name);
    if (kist_manifest_has_references(drill->manifest)) {
        char *holder = kist_manifest_held_by(drill->manifest);
        kist_fail(err, KIST_ERR_UNSUPPORTED, "there is nothing to drill: the backup is held by %s",
                  holder ? holder : "a provider");
        kist_hint(err, "`kist restore %s/%s` makes a copy of it beside what lives, to look at",
                  drill->manifest->pipeline, drill->manifest->id);
        free(holder);
        return KIST_ERR_UNSUPPORTED;
    }
    if (kist_drill_can(drill->pipeline))
        return 0;
    kist_fail(err, KIST_ERR_UNSUPPORTED, "the source plugin '%s' has no scratch place to drill in", maker);
    kist_hint(err, "`kist verify --level decode` proves all that can be proved without one");
    return KIST_ERR_UNSUPPORTED;
}

/* The scratch place is the target. */
static int restore_into(const struct kist_drill *drill, const char *target, struct kist_restored *ret_restored,
                        int64_t *ret_ms, struct kist_error *err)
{
    const struct kist_found found = {.store = drill->store, .manifest = *drill->manifest};
    const struct kist_restore_options options = {.target = target,
                                                 .flags = KIST_RESTORE_CREATE | KIST_RESTORE_DRILL,
                                                 .quiet = drill->quiet,
                                                 .cancel = drill->cancel};
    int64_t started = kist_time_monotonic_ms();
    int code = kist_restore_backup(drill->config, drill->pipeline, &found, &options, ret_restored, err);
    *ret_ms = kist_time_monotonic_ms() - started;
    return code;
}

static int with_scratch(const struct kist_drill *drill, const char *work_dir, struct kist_restored *ret_restored,
                        int64_t *ret_ms, struct kist_error *err)
{
    struct kist_instance *source = NULL;
    void *scratch = NULL;
    const char *target = NULL;
    int code = kist_source_open(drill->pipeline->source, drill->pipeline->name, drill->cancel, &source, err);
    if (code)
        return code;
    const struct kist_source *calls = &source->plugin->as.source;
    code = kist_instance_result(source, calls->scratch_begin(source->self, work_dir, &scratch, &target, err), err);
    if (!code) {
        code = target && *target
                   ? restore_into(drill, target, ret_restored, ret_ms, err)
                   : kist_fail(err, KIST_ERR_BUG, "%s: the scratch place has no name", source->where);
        calls->scratch_end(scratch);
    }
    kist_instance_close(source);
    return code;
}

int kist_drill_backup(const struct kist_drill *drill, struct kist_restored *ret_restored, int64_t *ret_ms,
                      struct kist_error *err)
{
    struct kist_private_dir work = {.fd = -1};
    *ret_restored = (struct kist_restored){0};
    *ret_ms = 0;
    int code = check_source(drill, err);
    if (!code)
        code = kist_private_dir_share(drill->state_dir, err);
    if (!code)
        code = kist_private_dir_make(drill->state_dir, &work, err);
    if (!code)
        code = with_scratch(drill, work.path, ret_restored, ret_ms, err);
    kist_private_dir_remove(&work);
    return code;
}
