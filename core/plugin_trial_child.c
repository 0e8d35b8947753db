#include "plugin_trial_child.h"
#include "conformance.h"
#include "destination.h"
#include "filter.h"
#include "host.h"
#include "log.h"
#include "redact.h"
#include "text.h"

#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

/* The plugin gets `host`, so that the functions below find the rest from it. */
struct child {
    struct kist_host host;
    const struct kist_plugin_trial *trial;
    FILE *lines;
    size_t first, number; /* the case to begin with, and the next one */
    atomic_int cancelled; /* by a case */
    atomic_int calm;      /* the process is to stop, and what was made is being removed */
    int event_fd;         /* readable while `cancelled` */
    int wait_fd;          /* watches event_fd and, until `calm`, the cancel flag of the process */
};

/* The flag's descriptor is the same in parent and child, so it tells of a signal that only the parent got, too. */
static int is_stopped(const struct child *child)
{
    struct pollfd stop = {.fd = kist_cancel_fd(child->trial->cancel), .events = POLLIN};
    return poll(&stop, 1, 0) > 0;
}

static int cancelled(const struct kist_host *host)
{
    const struct child *child = (const struct child *)host;
    return atomic_load(&child->cancelled) || (!atomic_load(&child->calm) && is_stopped(child));
}

static int cancel_fd(const struct kist_host *host)
{
    return ((const struct child *)host)->wait_fd;
}

/* Cases provoke warnings: they are for those who ask. */
static void log_line(const struct kist_host *host, int32_t level, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (kist_log_level() >= KIST_LOG_DEBUG)
        kist_log_v(level, ((const struct child *)host)->trial->where, format, args);
    va_end(args);
}

static void cancel(void *arg, int on)
{
    struct child *child = arg;
    uint64_t count = 1;
    atomic_store(&child->cancelled, on);
    if (on)
        (void)!write(child->event_fd, &count, sizeof count);
    else
        (void)!read(child->event_fd, &count, sizeof count);
    if (!on && !atomic_load(&child->calm) && is_stopped(child)) {
        atomic_store(&child->calm, 1);
        (void)epoll_ctl(child->wait_fd, EPOLL_CTL_DEL, kist_cancel_fd(child->trial->cancel), NULL);
    }
}

static void add_field(struct kist_text *line, const char *field)
{
    char *clean = field ? kist_redact(field) : NULL;
    kist_text_add_char(line, '\t');
    if (clean)
        kist_text_add_printable(line, clean, strlen(clean));
    free(clean);
}

static void tell(const struct child *child, struct kist_text *line)
{
    kist_text_add_char(line, '\n');
    if (kist_text_failed(line) || fputs(kist_text_get(line), child->lines) == EOF || fflush(child->lines) == EOF)
        _exit(KIST_EXIT_FAILED); /* nobody is there to be told anything */
}

static int is_wanted(const struct kist_plugin_trial *trial, const char *name)
{
    for (size_t i = 0; i < trial->case_count; i++)
        if (strcmp(trial->cases[i], name) == 0)
            return 1;
    return trial->case_count == 0;
}

static int begin(void *arg, const char *name, const char *clause)
{
    struct child *child = arg;
    size_t number = child->number++;
    if (number < child->first || !is_wanted(child->trial, name) || is_stopped(child))
        return 0;
    KIST_CLEANUP_TEXT struct kist_text line = KIST_TEXT_INIT;
    kist_text_printf(&line, "%c\t%zu", TRIAL_BEGINS, number);
    add_field(&line, name);
    add_field(&line, clause);
    tell(child, &line);
    alarm(TRIAL_CASE_SECONDS);
    return 1;
}

static void report(void *arg, const char *name, const char *clause, int outcome, const char *detail)
{
    struct child *child = arg;
    KIST_CLEANUP_TEXT struct kist_text line = KIST_TEXT_INIT;
    (void)name;
    (void)clause;
    alarm(0);
    /* What a signal ended says nothing about the plugin. */
    if (is_stopped(child))
        return;
    kist_text_printf(&line, "%c\t%d", TRIAL_ENDS, outcome);
    add_field(&line, detail);
    tell(child, &line);
}

static void run_destination(struct child *child)
{
    const struct kist_plugin_trial *trial = child->trial;
    const struct kist_conformance suite = {.plugin = &trial->plugin->as.destination,
                                           .host = &child->host,
                                           .config = trial->config,
                                           .prefix = trial->prefix,
                                           .cancel = cancel,
                                           .begin = begin,
                                           .report = report,
                                           .arg = child};
    char *detail = NULL;
    alarm(TRIAL_CASE_SECONDS);
    if (child->first > 0 && kist_conformance_destination_clean(&suite, &detail) != 0)
        kist_log(KIST_LOG_WARNING, trial->where, "what a crash left is not removed: %s", detail ? detail : "");
    free(detail);
    alarm(0);
    (void)kist_conformance_destination(&suite);
}

static void run_filter(struct child *child)
{
    const struct kist_filter_conformance suite = {.plugin = &child->trial->plugin->as.filter,
                                                  .host = &child->host,
                                                  .config = child->trial->config,
                                                  .joins = KIST_FILTER_JOINS_UNKNOWN,
                                                  .harmless_bits = KIST_FILTER_HARMLESS_UNKNOWN,
                                                  .begin = begin,
                                                  .report = report,
                                                  .arg = child};
    (void)kist_conformance_filter(&suite);
}

static int prepare(struct child *child)
{
    struct epoll_event event = {.events = EPOLLIN};
    child->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    child->wait_fd = epoll_create1(EPOLL_CLOEXEC);
    struct kist_kept *kept = kist_kept_new(child->trial->where, NULL);
    if (child->event_fd < 0 || child->wait_fd < 0 || !kept || !child->lines ||
        epoll_ctl(child->wait_fd, EPOLL_CTL_ADD, child->event_fd, &event) != 0 ||
        epoll_ctl(child->wait_fd, EPOLL_CTL_ADD, kist_cancel_fd(child->trial->cancel), &event) != 0)
        return -1;
    child->host = kist_host_of(kept);
    child->host.cancelled = cancelled;
    child->host.cancel_fd = cancel_fd;
    child->host.log = log_line;
    return 0;
}

void kist_plugin_trial_child(const struct kist_plugin_trial *trial, size_t first, int fd)
{
    struct child child = {.trial = trial, .lines = fdopen(fd, "w"), .first = first};
    /* A second signal ends the parent at once. */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (prepare(&child) != 0)
        _exit(KIST_EXIT_FAILED);
    if (trial->plugin->kind == KIST_KIND_DESTINATION)
        run_destination(&child);
    else
        run_filter(&child);
    _exit(0);
}
