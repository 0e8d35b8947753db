/*
 * child.h - runs one program with pipes, bounded in time, and leaves nothing behind.
 *
 * The program is started by its argument vector, without a shell, in a session of its own (so it has no terminal
 * to ask at, and a group to signal), with the environment it is given and nothing else, umask 077, default
 * signals, and no descriptor but 0, 1, 2 and those that are named. It is killed when this process dies, however
 * that happens: each child has a small thread of its own that forks it and lives as long as it does, because the
 * kernel ties that promise to the thread that forked. The calls below may therefore come from any thread, one at a
 * time for each child.
 *
 * What the program writes to stderr is always taken, whatever the caller waits for, and its end is kept.
 */
#ifndef KIST_SDK_CHILD_H
#define KIST_SDK_CHILD_H

#include <kist/plugin.h>

#include <sys/types.h>

struct kist_child;

struct kist_child_setup {
    const char *const *argv; /* argv[0] is the path of the program: PATH is not searched; ends with NULL */
    const char *const *envp; /* the whole environment; ends with NULL */
    const int *keep_fds;     /* stay open in the program under the same numbers; each > 2 */
    size_t keep_count;
    int write_stdin;  /* 1: kist_child_write feeds it; 0: it reads /dev/null */
    int read_stdout;  /* 1: kist_child_read gives it; 0: it goes to /dev/null */
    int64_t idle_ms;  /* longest wait for the program to give or take a byte; 0: for ever */
    int64_t total_ms; /* longest life of the program; 0: for ever */
    int64_t grace_ms; /* between TERM and KILL when it is stopped; 0: 5 s */
    int stop_signal;  /* asks it to end in place of TERM; 0: TERM */
    /* The user that it runs as, with `gid` as its only group; this needs root. 0: as we are, and `gid` is not heeded. A user
     * that cannot be taken on is an error like a program that cannot be executed. */
    uid_t uid;
    gid_t gid;
};

/* Starts the program. 0 means that it runs: a program that cannot be executed is an error here (CONFIG). */
int kist_child_start(const struct kist_host *host, const struct kist_child_setup *setup,
                     struct kist_child **ret_child, struct kist_error *err) KIST_CHECKED;

/* Gives 1 to `capacity` bytes of its output, or 0 at the end of it, which is not success: only kist_child_finish
 * is. Small writes of the program are gathered for a few milliseconds. */
int kist_child_read(struct kist_child *child, void *data, size_t capacity, size_t *ret_size,
                    struct kist_error *err) KIST_CHECKED;

/* Waits for output, `wait_ms` at most. *ret_ready 1: kist_child_read gives something at once, be it the end. The idle limit is not
 * heeded: whoever calls this has a measure of his own. */
int kist_child_await(struct kist_child *child, int64_t wait_ms, int *ret_ready, struct kist_error *err) KIST_CHECKED;

/* Gives it all `size` bytes. A program that no longer reads is an error (its own, if it failed; see
 * kist_child_exit_status otherwise) and never a signal. */
int kist_child_write(struct kist_child *child, const void *data, size_t size, struct kist_error *err) KIST_CHECKED;

/* Ends its input and waits until it has ended, without the idle limit. 0 only if its exit status is 0. */
int kist_child_finish(struct kist_child *child, struct kist_error *err) KIST_CHECKED;

/* The exit status once the program has ended by itself, -1 before that or when a signal ended it. */
int kist_child_exit_status(const struct kist_child *child);

/* The last lines of its stderr as one line fit for a message, "" if there are none. Valid until the next call. */
const char *kist_child_said(struct kist_child *child);

/* Stops the program if it still runs (TERM, or the signal of its setup, to its group, then KILL; its input stays open until it is gone, so that
 * it cannot take the end of a cut stream for the end) and frees everything. NULL is fine. */
void kist_child_free(struct kist_child *child);

/* Makes text from outside fit for a message or JSON, in place: control characters and what is not UTF-8 become
 * '?'. */
void kist_child_clean_text(char *text);

#endif
