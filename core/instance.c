#include "instance.h"
#include "host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int call_open(struct kist_instance *instance, const void *config, struct kist_error *err)
{
    const struct kist_plugin *plugin = instance->plugin;
    switch (plugin->kind) {
    case KIST_KIND_SOURCE: return plugin->as.source.open(&instance->host, config, &instance->self, err);
    case KIST_KIND_FILTER: return plugin->as.filter.open(&instance->host, config, &instance->self, err);
    case KIST_KIND_DESTINATION: return plugin->as.destination.open(&instance->host, config, &instance->self, err);
    case KIST_KIND_NOTIFIER: return plugin->as.notifier.open(&instance->host, config, &instance->self, err);
    default: return kist_fail(err, KIST_ERR_BUG, "the plugin is of the unknown kind %u", plugin->kind);
    }
}

static void call_close(struct kist_instance *instance)
{
    const struct kist_plugin *plugin = instance->plugin;
    switch (plugin->kind) {
    case KIST_KIND_SOURCE: plugin->as.source.close(instance->self); break;
    case KIST_KIND_FILTER: plugin->as.filter.close(instance->self); break;
    case KIST_KIND_DESTINATION: plugin->as.destination.close(instance->self); break;
    case KIST_KIND_NOTIFIER: plugin->as.notifier.close(instance->self); break;
    default: break;
    }
}

static char *where_of(const struct kist_plugin *plugin, const char *pipeline, const char *section)
{
    char *where = NULL;
    if (asprintf(&where, "%s%s%s(%s)", pipeline ? pipeline : "", pipeline ? "/" : "", section, plugin->name) < 0)
        return NULL;
    return where;
}

static void free_instance(struct kist_instance *instance)
{
    for (struct kist_opened *opened = instance->opened, *next = NULL; opened; opened = next) {
        next = opened->next;
        free_instance(opened->instance);
        free(opened);
    }
    kist_kept_free(instance->kept);
    free(instance->where);
    free(instance);
}

int kist_instance_open(const struct kist_config_section *section, const char *pipeline, struct kist_cancel *cancel,
                       struct kist_instance **ret_instance, struct kist_error *err)
{
    return kist_instance_open_with(section, pipeline, cancel, NULL, ret_instance, err);
}

/* Everything but the plugin's `open`. */
static int prepare(const struct kist_config_section *section, const char *pipeline, struct kist_cancel *cancel,
                   const struct kist_openers *openers, struct kist_instance **ret_instance, struct kist_error *err)
{
    struct kist_instance *instance = calloc(1, sizeof *instance);
    if (!instance)
        return kist_fail_errno(err, ENOMEM, "cannot open '%s'", section->name);
    instance->plugin = section->plugin;
    instance->section = section;
    instance->pipeline = pipeline;
    instance->cancel = cancel;
    instance->where = where_of(section->plugin, pipeline, section->name);
    instance->kept = kist_kept_new(instance->where, cancel);
    instance->host = kist_host_of(instance->kept);
    if (openers && openers->store)
        instance->host.open_store = openers->store;
    if (openers && openers->source)
        instance->host.open_source = openers->source;
    if (!instance->where || !instance->kept) {
        free_instance(instance);
        return kist_fail_errno(err, ENOMEM, "cannot open '%s'", section->name);
    }
    *ret_instance = instance;
    return 0;
}

int kist_instance_open_with(const struct kist_config_section *section, const char *pipeline,
                            struct kist_cancel *cancel, const struct kist_openers *openers,
                            struct kist_instance **ret_instance, struct kist_error *err)
{
    struct kist_instance *instance = NULL;
    int code = prepare(section, pipeline, cancel, openers, &instance, err);
    if (code != 0)
        return code;
    code = kist_instance_result(instance, call_open(instance, section->config, err), err);
    if (code != 0)
        free_instance(instance);
    else
        *ret_instance = instance;
    return code;
}

void kist_instance_close(struct kist_instance *instance)
{
    if (!instance)
        return;
    call_close(instance);
    free_instance(instance);
}

static int is_prefixed(const struct kist_instance *instance, const struct kist_error *err)
{
    size_t length = strlen(instance->where);
    return strncmp(err->message, instance->where, length) == 0 && err->message[length] == ':';
}

/* Which code a failure has, when what was returned and what host->fail() was told may differ. -1 is what careless
 * C returns for any failure, so it says less than the error; every other code of the list was chosen on purpose.
 */
static int settle_code(int code, const struct kist_error *err)
{
    int told = err->message && kist_host_knows_code(err->code);
    if (kist_host_knows_code(code) && !(code == KIST_ERR_CONFIG && told))
        return code;
    return told ? err->code : KIST_ERR_BUG;
}

static void explain_silence(int code, struct kist_error *err)
{
    if (code == KIST_ERR_CONFIG)
        kist_fail(err, KIST_ERR_BUG, "the plugin returned -1 without saying why");
    else if (code == KIST_ERR_CANCELLED)
        kist_fail(err, code, "cancelled");
    else if (kist_host_knows_code(code))
        kist_fail(err, code, "%s (the plugin did not say more)",
                  kist_error_text(&(struct kist_error){.code = code}));
    else
        kist_fail(err, KIST_ERR_BUG,
                  "the plugin returned %d without saying why, which is no result that it may return", code);
}

static int settle(int code, struct kist_error *err)
{
    if (code == 0) {
        kist_error_clear(err);
        return 0;
    }
    int settled = settle_code(code, err);
    if (!err->message)
        explain_silence(code, err);
    else if (err->code != settled) {
        err->code = settled;
        err->retryable = settled == KIST_ERR_UNAVAILABLE || settled == KIST_ERR_TIMEOUT;
    }
    return err->code;
}

int kist_instance_result(const struct kist_instance *instance, int code, struct kist_error *err)
{
    if (settle(code, err) != 0 && err->message && !is_prefixed(instance, err))
        kist_error_prefix(err, "%s", instance->where);
    return err->code;
}

int kist_instance_open_below(struct kist_instance *opener, const struct kist_config_section *section,
                             const struct kist_openers *openers, const struct kist_source **ret_calls,
                             void **ret_self, struct kist_error *err)
{
    struct kist_opened *opened = calloc(1, sizeof *opened);
    if (!opened)
        return kist_fail_errno(err, ENOMEM, "cannot open '%s'", section->name);
    int code = prepare(section, opener->pipeline, opener->cancel, openers, &opened->instance, err);
    if (!code) {
        code = settle(call_open(opened->instance, section->config, err), err);
        if (code)
            free_instance(opened->instance);
    }
    if (code) {
        free(opened);
        return code;
    }
    opened->calls = section->plugin->as.source;
    opened->calls.features = kist_source_features(section);
    opened->next = opener->opened;
    opener->opened = opened;
    *ret_calls = &opened->calls;
    *ret_self = opened->instance->self;
    return 0;
}

uint64_t kist_source_features(const struct kist_config_section *section)
{
    const struct kist_plugin *plugin = section->plugin;
    uint64_t (*features_of)(const void *config) = plugin->as.source.features_of;
    return features_of ? plugin->features & features_of(section->config) : plugin->features;
}
