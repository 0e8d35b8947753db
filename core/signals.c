#include "signals.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
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
