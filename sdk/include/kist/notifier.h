/*
 * kist/notifier.h - tells somebody about the outcome of a run.
 */
#ifndef KIST_NOTIFIER_H
#define KIST_NOTIFIER_H

#include <kist/abi.h>
#include <kist/option.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KIST_EVENT_SUCCESS UINT32_C(1)
#define KIST_EVENT_DEGRADED UINT32_C(2)
#define KIST_EVENT_FAILURE UINT32_C(3)
#define KIST_EVENT_TEST UINT32_C(4) /* `kist notify test` */

/* What happened; the core fills it, borrowed during notify. Texts are UTF-8 and free of secrets. */
struct kist_event {
    uint32_t struct_size;
    uint32_t kind; /* KIST_EVENT_* */
    const char *pipeline;
    const char *backup;    /* id of the run's backup */
    const char *host;      /* name of the machine that ran it */
    const char *summary;   /* one line */
    const char *cause;     /* the error's line, or NULL */
    const char *next_step; /* the error's hint, or NULL */
    const char *last_good; /* id of the newest good backup, or NULL */
    int64_t started_ms, finished_ms;
    int64_t raw_size, stored_size; /* bytes; -1 when unknown */
};

struct kist_notifier {
    struct kist_plugin_head head;
    struct kist_plugin_about about;
    uint64_t features;

    /* Required. Once per instance. `config` (kept) is what the options filled. */
    int (*open)(const struct kist_host *host, const void *config, void **ret_self, struct kist_error *err);
    /* Required. Once, last. */
    void (*close)(void *self);
    /* Required. Sends one event within `deadline_ms` and returns 0 only when the other side took it. A failure never
     * undoes a backup. */
    int (*notify)(void *self, const struct kist_event *event, int64_t deadline_ms, struct kist_error *err);
};

#if !defined(__cplusplus)
/* Defines the plugin: KIST_NOTIFIER(.about = {.name = "email", ...}, .open = ..., ...); */
#define KIST_NOTIFIER(...)                                                                                        \
    extern const struct kist_notifier kist_plugin;                                                                \
    KIST_PUBLIC const struct kist_notifier kist_plugin = {                                                        \
        .head = {KIST_ABI_MAGIC, KIST_ABI_VERSION, KIST_KIND_NOTIFIER, sizeof(struct kist_notifier),              \
                 sizeof(struct kist_option), 0},                                                                  \
        __VA_ARGS__}
#endif

#ifdef __cplusplus
}
#endif
#endif
