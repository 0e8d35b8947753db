/* tell_worker.h - the one call of a notifier, in a process that does nothing else. */
#ifndef KIST_CORE_TELL_WORKER_H
#define KIST_CORE_TELL_WORKER_H

#include "config.h"

#include <jansson.h>

#define KIST_TELL_RESULT_MOST 16384 /* bytes of what a worker answers: less than a pipe holds */

struct kist_tell_task {
    const struct kist_config_section *notifier;
    json_t *document;    /* of event.h; given */
    const char *memory;  /* or NULL */
    int late;            /* it waited in the outbox */
    int64_t deadline_ms; /* for all tries together */
};

/* Opens the plugin, calls it, again while that may help, and writes {"code", "message", "hint", "memory"} to `fd`. Never
 * returns; nothing of the process outlives it. */
_Noreturn void kist_tell_work(const struct kist_tell_task *task, int fd);

#endif
