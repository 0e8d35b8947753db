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
#define KIST_EVENT_DEGRADED                                                                                       \
    UINT32_C(2) /* a backup was made, but something is missing: a destination, a retention */
#define KIST_EVENT_FAILURE UINT32_C(3)  /* no backup was made, or one was proved bad */
#define KIST_EVENT_TEST UINT32_C(4)     /* `kist notify test` */
#define KIST_EVENT_RECOVERY UINT32_C(5) /* the first good run after one that was not */
#define KIST_EVENT_OVERDUE UINT32_C(6)  /* the last good backup is older than the schedule allows */
#define KIST_EVENT_SUSPECT UINT32_C(7)  /* a backup was made, and may not be what it should be */
#define KIST_EVENT_START UINT32_C(8)    /* a run begins; only for a notifier with KIST_NOTIFIER_STARTS */

/* What a notifier can do besides the required calls. */
#define KIST_NOTIFIER_STARTS UINT64_C(1) /* wants to hear of the start of a run, too */

/* One line of a message: "last good backup", "2026-11-20T02-00-00Z, 23 h ago". Never NULL, one line each. */
struct kist_event_row {
    const char *name;
    const char *value;
};

/*
 * What happened; the core fills it, borrowed during notify. Texts are UTF-8 without control characters (but for line ends
 * where it says so) and free of secrets; they may hold whatever a server or a tool has said, so that a notifier escapes them
 * for its own medium. A kind that a notifier does not know is told like any other: `word`, `title` and `text` say it all.
 */
struct kist_event {
    uint32_t struct_size;
    uint32_t kind; /* KIST_EVENT_* */
    const char *pipeline;
    const char *backup;    /* id of the run's backup, or NULL */
    const char *host;      /* name of the machine that ran it */
    const char *summary;   /* one line */
    const char *cause;     /* the error's line, or NULL */
    const char *next_step; /* what to do, or NULL */
    const char *last_good; /* id of the newest good backup, or NULL */
    int64_t started_ms, finished_ms;
    int64_t raw_size, stored_size; /* bytes; -1 when unknown */

    const char *word;  /* of the kind: success, degraded, failure, test, recovery, overdue, suspect, start */
    const char *title; /* for a subject: the summary, with the host; at most 200 bytes */
    const char *text;  /* the whole message for people: lines that end in \n, at most 16 KiB */
    const struct kist_event_row *rows; /* the same as names and values, the most important first */
    uint32_t row_count;
    uint32_t late;        /* 1: it could not be told when it happened, and waited for this run */
    const char *json;     /* the event as a JSON object, for machines: kist-event(7) */
    const char *log_tail; /* the last lines of the run's log, each ending in \n, at most 8 KiB; or NULL */
    const char *run;      /* a UUID, the same for the start and the end of a run */
    int64_t last_good_ms; /* when it began; 0 when there is none */
    int32_t exit_status;  /* of the run */
    uint32_t reserved;
    const char *memory; /* what the notifier asked to have remembered at the start of this very run; or NULL */
    /* Keeps a short text (at most 255 bytes, copied) until the end of this run is told: see `memory`. */
    void (*remember)(const struct kist_event *event, const char *text);
};

/* The event as this plugin was compiled to know it. A core that is older than the plugin gives one without the fields that
 * have been appended since; they are 0 and NULL here. `remember` still wants the event that the core gave. */
static inline struct kist_event kist_event_known(const struct kist_event *event)
{
    struct kist_event known;
    const unsigned char *from = (const unsigned char *)event;
    unsigned char *to = (unsigned char *)&known;
    for (size_t i = 0; i < sizeof known; i++)
        to[i] = i < event->struct_size ? from[i] : 0;
    return known;
}

struct kist_notifier {
    struct kist_plugin_head head;
    struct kist_plugin_about about;
    uint64_t features;

    /* Required. Once per instance. `config` (kept) is what the options filled. */
    int (*open)(const struct kist_host *host, const void *config, void **ret_self, struct kist_error *err);
    /* Required. Once, last. */
    void (*close)(void *self);
    /* Required. Sends one event within `deadline_ms` and returns 0 only when the other side took it. It runs in a process
     * of its own that is killed soon after the deadline, so that nothing it does can harm or delay a backup; it must not
     * try again itself: a failure that is retryable (as kist_error says) is tried again by the core, which also keeps an
     * event that could not be told for the next run. The same event may therefore arrive twice. KIST_ERR_REFUSED says that
     * some were told and others not, and is not kept: whoever was told would be told again.
     * `event` is of `struct_size` bytes, and nothing behind them may be read: kist_event_known() takes care of that. */
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
