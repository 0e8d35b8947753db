/*
 * crew.h - runs several pipelines at a time, each in a process of its own that is forked from this one: with the
 * configuration as it was read, and so that whatever happens to one run happens to that run alone.
 *
 * The process has one thread only, and its signals are held back (kist_signals_queue), SIGCHLD among them.
 */
#ifndef KIST_CORE_CREW_H
#define KIST_CORE_CREW_H

#include "due.h"
#include "run.h"

#include <sys/types.h>

struct kist_member {
    pid_t pid;
    char *pipeline;  /* NULL: one that runs no pipeline */
    int64_t started; /* seconds since 1970 */
    int64_t slot;    /* that its run is for; 0 none */
    int died;        /* the signal that it died of; 0: it did not */
};

struct kist_crew {
    struct kist_member *members;
    size_t count;
    struct kist_member *fallen; /* those that died of a signal, and that nobody was told of yet */
    size_t fallen_count;
    enum kist_exit status; /* of all that have ended, as kist_exit_combine says */
};

/* What a member does; its signals come as usual, and set `cancel`. Returns its exit status. */
typedef enum kist_exit (*kist_member_fn)(void *arg, struct kist_cancel *cancel);

/* Forks one. It ends when this process does. */
int kist_crew_start(struct kist_crew *crew, const char *pipeline, kist_member_fn work, void *arg,
                    struct kist_error *err) KIST_CHECKED;
/* Takes note of all that have ended, and says so of those that died of a signal; other children that ended are taken note of,
 * too (process 1 inherits those that nobody waits for). `tell` (may be NULL) is called for each that ended. */
void kist_crew_reap(struct kist_crew *crew, void (*tell)(void *arg, const struct kist_member *member), void *arg);
/* Sends a signal to each. */
void kist_crew_signal(const struct kist_crew *crew, int number);
int kist_crew_has(const struct kist_crew *crew, const char *pipeline);
void kist_crew_done(struct kist_crew *crew); /* nobody is left */

/* One run for a slot as a member. `options` is copied. */
int kist_crew_start_run(struct kist_crew *crew, const struct kist_config *config, const struct kist_due *due,
                        const struct kist_run_options *options, struct kist_error *err) KIST_CHECKED;
/* Tells, as a member, of a run that died before it could tell of itself. */
int kist_crew_start_telling(struct kist_crew *crew, const struct kist_config *config, const char *state_dir,
                            struct kist_error *err) KIST_CHECKED;
/* Tells, as a member, of pipelines that are overdue; see overdue.h. */
int kist_crew_start_overdue(struct kist_crew *crew, const struct kist_config *config, const char *state_dir,
                            struct kist_error *err) KIST_CHECKED;

/* Tells, as a member, what waits in the outbox. */
int kist_crew_start_sending(struct kist_crew *crew, const struct kist_config *config, const char *state_dir,
                            struct kist_error *err) KIST_CHECKED;

/* Runs all of `due`, at most config->max_parallel at a time, then looks for overdue pipelines and for what
 * waits in the outbox, and waits for all. A signal is
 * handed on; a member that dies of one of its own counts as failed. `options`: all but `slot`. */
enum kist_exit kist_crew_run(const struct kist_config *config, const struct kist_due *due, size_t count,
                             const struct kist_run_options *options);

#endif
