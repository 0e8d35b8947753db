#include "backup_id.h"
#include "catalogs.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define GRACE_MS 5000 /* for what comes around the asking */

struct answer {
    int64_t newest;
    int64_t silent;
};

/* In the process of its own; the answers go out as one. */
static void answer(struct kist_catalogs_row *rows, size_t count, int64_t limit_ms, struct kist_cancel *cancel,
                   struct answer *answers, int out)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    int code = kist_catalogs_newest(rows, count, limit_ms, cancel, &err);
    if (code)
        kist_log_at(KIST_LOG_WARNING, NULL, &err);
    for (size_t i = 0; i < count; i++)
        answers[i] = (struct answer){.newest = rows[i].newest, .silent = code || rows[i].silent};
    const char *data = (const char *)answers;
    size_t left = count * sizeof *answers;
    while (left > 0) {
        ssize_t written = write(out, data, left);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            _exit(1);
        data += written;
        left -= (size_t)written;
    }
    _exit(0);
}

/* Reads until there is nothing more, it takes too long, or it is stopped; returns how much came. */
static size_t gather(int in, void *data, size_t size, int64_t limit_ms, struct kist_cancel *cancel)
{
    int64_t until = kist_time_monotonic_ms() + limit_ms + GRACE_MS;
    size_t got = 0;
    while (got < size) {
        int64_t left = until - kist_time_monotonic_ms();
        struct pollfd wait[] = {{.fd = in, .events = POLLIN},
                                {.fd = cancel ? kist_cancel_fd(cancel) : -1, .events = POLLIN}};
        int ready = left > 0 ? poll(wait, 2, (int)left) : 0;
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0 || wait[1].revents)
            break;
        ssize_t now = read(in, (char *)data + got, size - got);
        if (now < 0 && errno == EINTR)
            continue;
        if (now <= 0)
            break;
        got += (size_t)now;
    }
    return got;
}

static void reap(pid_t pid)
{
    /* It has said all that it had to say, or never will. */
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

static int ask(struct kist_catalogs_row *rows, size_t count, int64_t limit_ms, struct kist_cancel *cancel,
               struct answer *answers, struct kist_error *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return kist_fail_errno(err, errno, "cannot make a pipe");
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        close(ends[0]);
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent)
            answer(rows, count, limit_ms, cancel, answers, ends[1]);
        _exit(1);
    }
    int errnum = errno;
    close(ends[1]);
    size_t got = pid > 0 ? gather(ends[0], answers, count * sizeof *answers, limit_ms, cancel) : 0;
    close(ends[0]);
    if (pid < 0)
        return kist_fail_errno(err, errnum, "cannot start a process");
    reap(pid);
    if (kist_cancel_is_set(cancel))
        return kist_fail(err, KIST_ERR_CANCELLED, "stopped by a signal");
    return got == count * sizeof *answers
               ? 0
               : kist_fail(err, KIST_ERR_FAILED, "the process that asks the destinations gave no answer");
}

int kist_catalogs_newest_apart(struct kist_catalogs_row *rows, size_t count, int64_t limit_ms,
                               struct kist_cancel *cancel, struct kist_error *err)
{
    struct answer *answers = calloc(count + 1, sizeof *answers);
    if (!answers)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    int code = count ? ask(rows, count, limit_ms, cancel, answers, err) : 0;
    for (size_t i = 0; i < count; i++) {
        rows[i].newest = code ? -1 : answers[i].newest;
        rows[i].silent = code || answers[i].silent;
    }
    free(answers);
    return code;
}
