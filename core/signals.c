#include "signals.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

static struct kist_cancel *stopped;
static volatile sig_atomic_t seen;

static void on_signal(int number)
{
    int saved = errno;
    if (seen)
        _exit(KIST_EXIT_SIGNAL + number);
    seen = number;
    kist_cancel_set(stopped);
    errno = saved;
}

int kist_signals_setup(struct kist_cancel *cancel, struct kist_error *err)
{
    static const int stops[] = {SIGINT, SIGTERM, SIGHUP};
    static const int ignored[] = {SIGPIPE, SIGXFSZ};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    stopped = cancel;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
        struct sigaction old;
        /* A signal that the parent has us ignore (nohup) stays ignored. */
        if (sigaction(stops[i], NULL, &old) == 0 && old.sa_handler == SIG_IGN)
            continue;
        if (sigaction(stops[i], &action, NULL) != 0)
            return kist_fail_errno(err, errno, "cannot catch signal %d", stops[i]);
    }
    action.sa_handler = SIG_IGN;
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        if (sigaction(ignored[i], &action, NULL) != 0)
            return kist_fail_errno(err, errno, "cannot ignore signal %d", ignored[i]);
    return 0;
}

int kist_signals_seen(void)
{
    return (int)seen;
}

/* ---- signals that wait until they are asked for ---- */

static void let_all_come(void)
{
    sigset_t none;
    sigemptyset(&none);
    (void)!sigprocmask(SIG_SETMASK, &none, NULL);
}

int kist_signals_restart(struct kist_cancel *cancel, struct kist_error *err)
{
    /* They are held back until here, so that none can reach what belongs to the parent. */
    seen = 0;
    int code = kist_signals_setup(cancel, err);
    let_all_come();
    return code;
}

int kist_signals_queue(const int *more, int *ret_fd, struct kist_error *err)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    for (; *more; more++)
        sigaddset(&set, *more);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return kist_fail_errno(err, errno, "cannot hold back signals");
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0) {
        int errnum = errno;
        let_all_come();
        return kist_fail_errno(err, errnum, "cannot make a queue for signals");
    }
    *ret_fd = fd;
    return 0;
}

int kist_signals_take(int fd)
{
    struct signalfd_siginfo info;
    return read(fd, &info, sizeof info) == (ssize_t)sizeof info ? (int)info.ssi_signo : 0;
}

void kist_signals_unqueue(int fd)
{
    close(fd);
    let_all_come();
}
