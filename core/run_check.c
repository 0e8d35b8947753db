#include "facts.h"
#include "log.h"
#include "run.h"
#include "source_access.h"
#include "targets.h"

/* Asks the source and every filter; opening one reads what it needs (keys, programs). */
static int check_source(const struct kist_config_pipeline *pipeline, struct kist_cancel *cancel,
                        json_t **ret_facts, struct kist_error *err)
{
    const struct kist_config_section *section = pipeline->source;
    struct kist_facts_builder builder;
    struct kist_instance *instance = NULL;
    int code = kist_facts_init(&builder, err);
    if (!code)
        code = kist_source_open(section, pipeline->name, cancel, &instance, err);
    if (!code)
        code = kist_instance_result(instance,
                                    section->plugin->as.source.check(instance->self, &builder.facts, err), err);
    kist_instance_close(instance);
    if (!code)
        code = kist_facts_take(&builder, ret_facts, err);
    kist_facts_done(&builder);
    return code;
}

static int check_filters(const struct kist_config_pipeline *pipeline, struct kist_cancel *cancel,
                         struct kist_error *err)
{
    int code = 0;
    for (size_t i = 0; i < pipeline->filter_count && !code; i++) {
        const struct kist_config_section *section = pipeline->filters[i];
        struct kist_instance *instance = NULL;
        code = kist_instance_open(section, pipeline->name, cancel, &instance, err);
        if (!code)
            kist_instance_close(instance);
    }
    return code;
}

/* All that is wrong is said; the first error is returned. */
static void keep_first(struct kist_error *first, struct kist_error *err, int code)
{
    if (!code)
        return;
    if (first->code)
        kist_log_error(NULL, err);
    else
        kist_error_move(first, err);
}

int kist_run_check(const struct kist_config_pipeline *pipeline, struct kist_cancel *cancel, json_t **ret_facts,
                   struct kist_error *err)
{
    KIST_CLEANUP_ERROR struct kist_error next = KIST_ERROR_INIT;
    struct kist_targets targets = {0};
    json_t *facts = NULL;
    keep_first(err, &next, check_source(pipeline, cancel, &facts, &next));
    keep_first(err, &next, check_filters(pipeline, cancel, &next));
    int code = kist_targets_open(pipeline, NULL, cancel, &targets, &next);
    if (code)
        keep_first(err, &next, code);
    else
        (void)!kist_targets_step(&targets, kist_target_check, NULL, &next);
    for (size_t i = 0; i < targets.count; i++)
        keep_first(err, &targets.items[i].err, targets.items[i].err.code);
    kist_targets_close(&targets);
    if (err->code)
        json_decref(facts);
    else
        *ret_facts = facts;
    return err->code;
}
