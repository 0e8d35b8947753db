#include "child_private.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define GATHER_NAPS 8
#define GATHER_NAP_MS 1
#define DRAIN_READS 32

/* ---- stderr ---- */

static void drain_said(struct kist_child *child)
{
    /* A program that floods stderr must not keep us from everything else. */
    for (int reads = 0; child->said >= 0 && reads < DRAIN_READS; reads++) {
        if (child->tail_size >= KIST_CHILD_TAIL) {
            size_t drop = child->tail_size - KIST_CHILD_TAIL / 2;
            memmove(child->tail, child->tail + drop, child->tail_size - drop);
            child->tail_size -= drop;
        }
        ssize_t got = read(child->said, child->tail + child->tail_size, KIST_CHILD_TAIL);
        if (got > 0)
            child->tail_size += (size_t)got;
        else if (got == 0 || (errno != EINTR && errno != EAGAIN))
            kist_child_close_fd(&child->said);
        else if (errno == EAGAIN)
            return;
    }
}

static size_t utf8_length(const unsigned char *text)
{
    static const unsigned char least[5] = {0, 0, 0x80, 0xa0, 0x90};
    size_t length = text[0] >= 0xf0 && text[0] <= 0xf4 ? 4 : text[0] >= 0xe0 ? 3 : text[0] >= 0xc2 ? 2 : 0;
    if (text[0] > 0xf4 || length == 0)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    if ((text[0] == 0xe0 || text[0] == 0xf0) && text[1] < least[length])
        return 0; /* longer than need be */
    if ((text[0] == 0xed && text[1] > 0x9f) || (text[0] == 0xf4 && text[1] > 0x8f))
        return 0; /* a surrogate; past the last code point */
    return length;
}

void kist_child_clean_text(char *text)
{
    unsigned char *at = (unsigned char *)text;
    while (*at) {
        size_t length = *at < 0x80 ? 1 : utf8_length(at);
        int control = *at < 0x20 || *at == 0x7f || (*at == 0xc2 && length == 2 && at[1] < 0xa0);
        if (length == 0 || control)
            memset(at, '?', length ? length : 1);
        at += length ? length : 1;
    }
}

const char *kist_child_said(struct kist_child *child)
{
    drain_said(child);
    size_t size = child->tail_size, start = 0, written = 0;
    while (size > 0 && strchr("\n\r ", child->tail[size - 1]))
        size--;
    if (size > KIST_CHILD_SAID / 2) { /* a newline may become two characters */
        start = size - KIST_CHILD_SAID / 2;
        const char *newline = memchr(child->tail + start, '\n', size - start);
        if (newline)
            start = (size_t)(newline + 1 - child->tail);
    }
    for (size_t i = start; i < size; i++) {
        char byte = child->tail[i];
        if (byte == '\n' && written > 0)
            child->line[written++] = ';';
        if (byte != '\r')
            child->line[written++] = byte == '\n' || byte == '\t' ? ' ' : byte ? byte : '?';
    }
    child->line[written] = '\0';
    kist_child_clean_text(child->line);
    return child->line;
}

/* ---- waiting ---- */

static int64_t now(const struct kist_child *child)
{
    return child->host->monotonic_ms(child->host);
}

/* Looks once, for at most `wait_ms`: is `fd` ready, has the program ended? Takes stderr. Never fails. */
static void look(struct kist_child *child, int fd, short events, int64_t wait_ms, int *ret_ready, int *ret_ended)
{
    int cancel = child->host->cancel_fd(child->host);
    struct pollfd fds[] = {
        {fd, events, 0}, {child->said, POLLIN, 0}, {child->ended, POLLIN, 0}, {cancel, POLLIN, 0}};
    int cancelled = child->host->cancelled(child->host);
    int count;
    /* An interruption says nothing of the program: whoever looks once in a round of other calls must not take it for "not
     * ready" again and again. */
    do
        count = poll(fds, cancelled ? 3 : 4, wait_ms > 1000 ? 1000 : (int)wait_ms);
    while (count < 0 && errno == EINTR);
    drain_said(child);
    *ret_ready = count > 0 && fds[0].revents != 0;
    *ret_ended = count > 0 && fds[2].revents != 0;
}

/* Waits until `fd` is ready (*ret_ready 1) or the program has ended and `fd` is not ready (0). */
static int await(struct kist_child *child, int fd, short events, int64_t idle_ms, int *ret_ready,
                 struct kist_error *err)
{
    const struct kist_host *host = child->host;
    int64_t began = now(child);
    for (;;) {
        int64_t time = now(child), until = idle_ms > 0 ? began + idle_ms : INT64_MAX;
        if (host->cancelled(host))
            return host->fail(host, err, KIST_ERR_CANCELLED, "%s was stopped on request", child->name);
        if (time >= child->deadline)
            return host->fail(host, err, KIST_ERR_TIMEOUT, "%s took longer than it may", child->name);
        if (time >= until)
            return host->fail(host, err, KIST_ERR_TIMEOUT, "%s did nothing for %lld s", child->name,
                              (long long)(idle_ms + 999) / 1000);
        if (until > child->deadline)
            until = child->deadline;
        int ended;
        look(child, fd, events, until - time, ret_ready, &ended);
        if (ended && !*ret_ready) /* what it wrote just before its end may have come after the look at `fd` */
            look(child, fd, events, 0, ret_ready, &ended);
        if (*ret_ready || ended)
            return 0;
    }
}

int kist_child_read(struct kist_child *child, void *data, size_t capacity, size_t *ret_size,
                    struct kist_error *err)
{
    size_t have = 0;
    int naps = 0, ready, ended;
    for (;;) {
        ssize_t got = read(child->out, (char *)data + have, capacity - have);
        if (got > 0) {
            have += (size_t)got;
            if (have >= capacity / 2 || naps++ >= GATHER_NAPS)
                break;
            /* A program that writes in pages would wake us for each of them, on a CPU it needs itself. */
            look(child, -1, 0, GATHER_NAP_MS, &ready, &ended);
            continue;
        }
        if (got == 0 || have > 0 || (errno != EAGAIN && errno != EINTR))
            break;
        int code = await(child, child->out, POLLIN, child->idle_ms, &ready, err);
        if (code)
            return code;
        if (!ready) /* it has ended, but a process that it left behind holds its output open */
            break;
    }
    *ret_size = have;
    return 0;
}

int kist_child_await(struct kist_child *child, int64_t wait_ms, int *ret_ready, struct kist_error *err)
{
    const struct kist_host *host = child->host;
    int ready, ended;
    if (host->cancelled(host))
        return host->fail(host, err, KIST_ERR_CANCELLED, "%s was stopped on request", child->name);
    if (now(child) >= child->deadline)
        return host->fail(host, err, KIST_ERR_TIMEOUT, "%s took longer than it may", child->name);
    look(child, child->out, POLLIN, wait_ms, &ready, &ended);
    *ret_ready = ready || ended;
    return 0;
}

/* write(2) to a pipe without readers raises SIGPIPE in this thread; it must not reach the host's handlers. */
static ssize_t write_quietly(int fd, const void *data, size_t size)
{
    sigset_t pipe_only, before, pending;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
    ssize_t written = write(fd, data, size);
    int error = errno;
    if (written < 0 && error == EPIPE && !sigismember(&pending, SIGPIPE)) {
        struct timespec at_once = {0};
        while (sigtimedwait(&pipe_only, NULL, &at_once) < 0 && errno == EINTR)
            ;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return written;
}

int kist_child_write(struct kist_child *child, const void *data, size_t size, struct kist_error *err)
{
    const char *at = data;
    int ready = 1;
    while (size > 0 && ready) {
        ssize_t written = child->in < 0 ? 0 : write_quietly(child->in, at, size);
        if (written > 0) {
            at += written;
            size -= (size_t)written;
        } else if (written < 0 && errno == EINTR) {
            continue;
        } else if (written == 0 || errno != EAGAIN) {
            break;
        } else {
            int code = await(child, child->in, POLLOUT, child->idle_ms, &ready, err);
            if (code)
                return code;
        }
    }
    if (size == 0)
        return 0;
    int code = kist_child_finish(child, err);
    return code ? code
                : child->host->fail(child->host, err, KIST_ERR_FAILED, "%s ended before it took all its input",
                                    child->name);
}

/* ---- ending ---- */

/* The program has ended or is to end now: nothing of its group stays, its status is kept. While it is not reaped
 * its number, and so the number of its group, belongs to nobody else. */
static void reap(struct kist_child *child)
{
    if (child->pid <= 0)
        return;
    kill(-child->pid, SIGKILL);
    pthread_join(child->keeper, NULL);
    pid_t got;
    while ((got = waitpid(child->pid, &child->status, 0)) < 0 && errno == EINTR)
        ;
    child->lost = got != child->pid;
    drain_said(child);
    child->pid = 0;
}

int kist_child_exit_status(const struct kist_child *child)
{
    return child->pid == 0 && !child->lost && WIFEXITED(child->status) ? WEXITSTATUS(child->status) : -1;
}

int kist_child_finish(struct kist_child *child, struct kist_error *err)
{
    const struct kist_host *host = child->host;
    char waste[4096];
    kist_child_close_fd(&child->in);
    for (int ready = 1; child->pid > 0 && ready;) {
        int code = await(child, child->out, POLLIN, 0, &ready, err);
        if (code)
            return code;
        if (ready && read(child->out, waste, sizeof waste) == 0)
            kist_child_close_fd(&child->out);
    }
    reap(child);
    const char *said = kist_child_said(child), *colon = *said ? ": " : "";
    if (child->lost)
        return host->fail(host, err, KIST_ERR_FAILED, "%s ended and its exit status is lost", child->name);
    if (WIFSIGNALED(child->status))
        return host->fail(host, err, KIST_ERR_FAILED, "%s was killed by signal %d (%s)%s%s", child->name,
                          WTERMSIG(child->status), strsignal(WTERMSIG(child->status)), colon, said);
    if (WEXITSTATUS(child->status) != 0)
        return host->fail(host, err, KIST_ERR_FAILED, "%s exited with status %d%s%s", child->name,
                          WEXITSTATUS(child->status), colon, said);
    return 0;
}

static void stop(struct kist_child *child)
{
    int64_t until = now(child) + child->grace_ms;
    kill(-child->pid, child->stop_signal);
    kill(-child->pid, SIGCONT); /* a stopped process would not see it */
    for (int ready, ended = 0; !ended && now(child) < until;)
        look(child, -1, 0, until - now(child), &ready, &ended);
    reap(child);
}

void kist_child_free(struct kist_child *child)
{
    if (!child)
        return;
    if (child->pid > 0)
        stop(child);
    kist_child_close_fd(&child->in);
    kist_child_close_fd(&child->out);
    kist_child_close_fd(&child->said);
    kist_child_close_fd(&child->ended);
    free(child->name);
    free(child);
}
