/* teller_job.h - one event on its way to one notifier, in a process of its own. Inside teller*.c only. */
#ifndef KIST_CORE_TELLER_JOB_H
#define KIST_CORE_TELLER_JOB_H

#include "config.h"

#include <jansson.h>
#include <sys/types.h>

struct kist_teller_job {
    struct kist_teller_job *next;
    const struct kist_config_section *notifier;
    json_t *document;
    int reply;   /* -1: nobody waits */
    size_t late; /* number of the outbox's entry, from 1; 0: none */
    int64_t due; /* monotonic: when its time is over */
    pid_t pid;   /* 0: it has not begun */
    int result;  /* what the worker writes; -1 */
    int killed;
    int hurried; /* something waits for it */
};

/* Which run and notifier it belongs to. */
const char *kist_teller_run_of(const struct kist_teller_job *job);
int kist_teller_is_start(const struct kist_teller_job *job);

/* Begins it in a process of its own. */
int kist_teller_job_begin(struct kist_teller_job *job, const char *memory, struct kist_error *err) KIST_CHECKED;
/* Its process has ended with this status: what came of it. New reference; never NULL but without memory. */
json_t *kist_teller_job_result(struct kist_teller_job *job, int status);
void kist_teller_job_kill(struct kist_teller_job *job);
/* Sends the result to who waits, if anybody does. */
void kist_teller_job_reply(struct kist_teller_job *job, json_t *result);
void kist_teller_job_free(struct kist_teller_job *job);

#endif
