#include "load_guard.h"
#include "error.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Signal and exit handlers take no argument of ours, so what they need is global. */
static const char *volatile loading;

static const int fatal_signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
enum { FATAL_SIGNALS = sizeof fatal_signals / sizeof *fatal_signals };
static struct sigaction former_actions[FATAL_SIGNALS];

static void say(const char *text)
{
    ssize_t written = write(STDERR_FILENO, text, strlen(text));
    (void)written;
}

/* Async-signal-safe: the process may be in any state. */
static _Noreturn void give_up(const char *why)
{
    say("kist: error: cannot use '");
    say(loading);
    say("': it ");
    say(why);
    say(" while it was loaded\n");
    _exit(KIST_EXIT_USAGE);
}

static void on_signal(int number)
{
    (void)number;
    give_up("crashed");
}

static void on_exit_call(void)
{
    if (loading)
        give_up("ended the program");
}

void kist_load_guard_begin(const char *path)
{
    static int registered;
    struct sigaction action = {.sa_handler = on_signal};
    if (!registered)
        registered = atexit(on_exit_call) == 0;
    sigemptyset(&action.sa_mask);
    loading = path;
    for (size_t i = 0; i < FATAL_SIGNALS; i++)
        sigaction(fatal_signals[i], &action, &former_actions[i]);
}

void kist_load_guard_end(void)
{
    for (size_t i = 0; i < FATAL_SIGNALS; i++)
        sigaction(fatal_signals[i], &former_actions[i], NULL);
    loading = NULL;
}
