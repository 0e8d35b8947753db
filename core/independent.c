#include "independent.h"
#include "log.h"
#include "source_access.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct names {
    char **items;
    size_t count;
    int failed; /* without memory */
};

static void names_done(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->items[i]);
    free(names->items);
}

static int add_name(void *arg, const char *name)
{
    struct names *names = arg;
    char **items = reallocarray(names->items, names->count + 1, sizeof *items);
    if (items) {
        names->items = items;
        items[names->count] = strdup(name);
        if (items[names->count]) {
            names->count++;
            return 0;
        }
    }
    names->failed = 1;
    return KIST_ERR_FAILED;
}

static int ask(const struct kist_config_pipeline *pipeline, struct kist_cancel *cancel, struct names *names,
               struct kist_error *err)
{
    struct kist_instance *source = NULL;
    int code = kist_source_open(pipeline->source, pipeline->name, cancel, &source, err);
    if (code)
        return code;
    code = source->plugin->as.source.known_as(source->self, add_name, names, err);
    code =
        names->failed ? kist_fail(err, KIST_ERR_FAILED, "out of memory") : kist_instance_result(source, code, err);
    kist_instance_close(source);
    return code;
}

static int meet(const struct names *left, const struct names *right)
{
    for (size_t i = 0; i < left->count; i++)
        for (size_t k = 0; k < right->count; k++)
            if (strcasecmp(left->items[i], right->items[k]) == 0)
                return 1;
    return 0;
}

/* 1 when the source of `other` has one of these names. */
static int is_copy(const struct kist_config_pipeline *other, const struct names *wanted,
                   struct kist_cancel *cancel)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct names names = {.items = NULL};
    int code = ask(other, cancel, &names, &err);
    if (code) {
        kist_error_prefix(&err, "cannot tell which database it copies");
        kist_log_at(KIST_LOG_WARNING, other->name, &err);
    }
    int found = !code && meet(wanted, &names);
    names_done(&names);
    return found;
}

int kist_independent_matters(const struct kist_config_pipeline *pipeline)
{
    return (kist_source_features(pipeline->source) & KIST_SOURCE_REFERENCES) != 0;
}

int kist_independent_find(const struct kist_config *config, const struct kist_config_pipeline *pipeline,
                          struct kist_cancel *cancel, const struct kist_config_pipeline **ret_copy,
                          struct kist_error *err)
{
    const struct kist_config_pipeline *copy = NULL;
    struct names names = {.items = NULL};
    int code = ask(pipeline, cancel, &names, err);
    for (size_t i = 0; i < config->pipeline_count && !code && !copy; i++) {
        const struct kist_config_pipeline *other = &config->pipelines[i];
        if (other != pipeline && !kist_independent_matters(other) && is_copy(other, &names, cancel))
            copy = other;
    }
    names_done(&names);
    if (!code)
        *ret_copy = copy;
    return code;
}
