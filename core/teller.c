#include "teller.h"
#include "backup_id.h"
#include "log.h"
#include "teller_late.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MEMORIES_MOST 256      /* of runs that began and did not end */
#define START_PATIENCE_MS 5000 /* for the news of a start, once its run has ended */
#define LATE_PATIENCE_MS 5000  /* for what waits in the outbox, once the run is over */

/* What a notifier asked to have remembered. */
struct memory {
    struct memory *next;
    char *run, *notifier, *text;
};

struct teller {
    const struct kist_config *config;
    const char *state_dir;
    int fd, signal_fd;
    int ended;                    /* no more will come */
    int64_t late_until;           /* monotonic: when the outbox is left alone; 0: never */
    struct kist_teller_job *jobs; /* in the order of their arrival */
    struct memory *memories;      /* newest first */
    struct kist_teller_late late;
    char *packet;
};

static struct memory **find_memory(struct teller *teller, const struct kist_teller_job *job)
{
    struct memory **at = &teller->memories;
    while (*at &&
           (strcmp((*at)->run, kist_teller_run_of(job)) != 0 || strcmp((*at)->notifier, job->notifier->name) != 0))
        at = &(*at)->next;
    return at;
}

static void forget(struct memory **at)
{
    struct memory *memory = *at;
    *at = memory->next;
    free(memory->run);
    free(memory->notifier);
    free(memory->text);
    free(memory);
}

static void keep_memory(struct teller *teller, const struct kist_teller_job *job, const char *text)
{
    struct memory *memory = calloc(1, sizeof *memory);
    if (!memory)
        return;
    *memory = (struct memory){.next = teller->memories,
                              .run = strdup(kist_teller_run_of(job)),
                              .notifier = strdup(job->notifier->name),
                              .text = strdup(text)};
    teller->memories = memory;
    if (!memory->run || !memory->notifier || !memory->text) {
        forget(&teller->memories);
        return;
    }
    size_t count = 0;
    struct memory **at = &teller->memories;
    for (; *at && count < MEMORIES_MOST; at = &(*at)->next)
        count++;
    if (*at)
        forget(at);
}

/* The news of the start of the same run, to the same notifier, while they are on their way. */
static struct kist_teller_job *start_before(struct teller *teller, const struct kist_teller_job *job)
{
    for (struct kist_teller_job *other = teller->jobs; other && other != job; other = other->next)
        if (kist_teller_is_start(other) && !other->late && other->notifier == job->notifier &&
            strcmp(kist_teller_run_of(other), kist_teller_run_of(job)) == 0)
            return other;
    return NULL;
}

static void log_failed_start(const struct kist_teller_job *job, json_t *result)
{
    const char *message = json_string_value(json_object_get(result, "message"));
    if (json_integer_value(json_object_get(result, "code")) != 0)
        kist_log(KIST_LOG_WARNING, NULL, "a start could not be told: %s", message ? message : job->notifier->name);
}

/* Takes it from the list and tells everybody who has to know. */
static void conclude(struct teller *teller, struct kist_teller_job *job, json_t *result)
{
    struct kist_teller_job **at = &teller->jobs;
    while (*at != job)
        at = &(*at)->next;
    *at = job->next;
    const char *memory = json_string_value(json_object_get(result, "memory"));
    if (job->late)
        kist_teller_late_done(&teller->late, job, result);
    else if (kist_teller_is_start(job)) {
        log_failed_start(job, result);
        if (memory && *memory)
            keep_memory(teller, job, memory);
    }
    kist_teller_job_reply(job, result);
    kist_teller_job_free(job);
    json_decref(result);
}

static void begin(struct teller *teller, struct kist_teller_job *job)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct memory **memory = kist_teller_is_start(job) || job->late ? NULL : find_memory(teller, job);
    int code = kist_teller_job_begin(job, memory && *memory ? (*memory)->text : NULL, &err);
    if (memory && *memory)
        forget(memory);
    if (code)
        conclude(teller, job, json_pack("{s:i, s:s}", "code", code, "message", kist_error_text(&err)));
}

/* The end of a run waits for the news of its start, since what those have remembered belongs to it; but not for long. */
static void hurry(struct kist_teller_job *start, const struct kist_teller_job *end_of_run)
{
    int64_t patience = end_of_run->notifier->retry.deadline_ms / 3;
    if (patience > START_PATIENCE_MS)
        patience = START_PATIENCE_MS;
    int64_t soon = kist_time_monotonic_ms() + patience - KIST_TELLER_GRACE_MS;
    if (!start->hurried && start->due > soon)
        start->due = soon;
    start->hurried = 1;
}

/* What has not begun and waits for nothing more. */
static void begin_ready(struct teller *teller)
{
    for (struct kist_teller_job *job = teller->jobs, *next = NULL; job; job = next) {
        struct kist_teller_job *start = job->pid ? NULL : start_before(teller, job);
        next = job->next;
        if (start) {
            hurry(start, job);
        } else if (!job->pid)
            begin(teller, job);
    }
}

static void add_job(struct teller *teller, struct kist_teller_job *job, int64_t deadline_ms)
{
    struct kist_teller_job **at = &teller->jobs;
    while (*at)
        at = &(*at)->next;
    job->due = kist_time_monotonic_ms() + deadline_ms;
    *at = job;
}

/* What is worth no wait once nothing else is to come. */
static void end(struct teller *teller, int patient)
{
    int64_t now = kist_time_monotonic_ms();
    teller->ended = 1;
    teller->late_until = now + (patient ? KIST_TELLER_LATE_MS : LATE_PATIENCE_MS);
    for (struct kist_teller_job *job = teller->jobs; job; job = job->next) {
        int64_t most = job->due;
        /* Its time runs since it began, and may be over. */
        if (job->late && !patient)
            most -= job->notifier->retry.deadline_ms - LATE_PATIENCE_MS + KIST_TELLER_GRACE_MS;
        else if (kist_teller_is_start(job))
            most = now + START_PATIENCE_MS;
        if (job->due > most)
            job->due = most;
    }
}

static void take(struct teller *teller, json_t *request, int reply)
{
    const char *name = json_string_value(json_object_get(request, "notifier"));
    const struct kist_config_section *notifier = name ? kist_config_notifier(teller->config, name) : NULL;
    struct kist_teller_job *job = notifier ? calloc(1, sizeof *job) : NULL;
    if (job) {
        *job = (struct kist_teller_job){.notifier = notifier,
                                        .document = json_incref(json_object_get(request, "document")),
                                        .reply = reply,
                                        .result = -1};
        json_int_t deadline = json_integer_value(json_object_get(request, "deadline_ms"));
        add_job(teller, job, deadline > 0 ? deadline : notifier->retry.deadline_ms);
    } else if (reply >= 0)
        close(reply); /* who waits there hears that nothing came of it */
    if (json_is_true(json_object_get(request, "end")))
        end(teller, json_is_true(json_object_get(request, "patient")));
}

/* One packet, with the descriptor that may come with it. -1: the socket has been closed. */
static int receive(struct teller *teller)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec data = {.iov_base = teller->packet, .iov_len = KIST_TELLER_PACKET_MOST};
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t size = recvmsg(teller->fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (size < 0)
        return errno == EINTR || errno == EAGAIN ? 0 : -1;
    if (size == 0)
        return -1;
    int reply = -1;
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS)
        memcpy(&reply, CMSG_DATA(head), sizeof reply);
    json_t *request = json_loadb(teller->packet, (size_t)size, 0, NULL);
    take(teller, request, reply);
    json_decref(request);
    return 0;
}

static struct kist_teller_job *find_job(const struct teller *teller, pid_t pid)
{
    struct kist_teller_job *job = teller->jobs;
    while (job && job->pid != pid)
        job = job->next;
    return job;
}

static void reap(struct teller *teller)
{
    struct signalfd_siginfo ignored;
    while (read(teller->signal_fd, &ignored, sizeof ignored) > 0)
        ;
    for (;;) {
        siginfo_t info = {0};
        int status = 0;
        /* It keeps its number until its group has been ended. */
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0)
            return;
        (void)kill(-info.si_pid, SIGKILL);
        if (waitpid(info.si_pid, &status, 0) < 0)
            return;
        struct kist_teller_job *job = find_job(teller, info.si_pid);
        if (job)
            conclude(teller, job, kist_teller_job_result(job, status));
    }
}

/* Ends those whose time is over; milliseconds until the next one's is, or -1. */
static int64_t end_overdue(struct teller *teller)
{
    int64_t now = kist_time_monotonic_ms(), wait = -1;
    for (struct kist_teller_job *job = teller->jobs; job; job = job->next) {
        int64_t left = job->due + KIST_TELLER_GRACE_MS - now;
        if (left <= 0 && !job->killed)
            kist_teller_job_kill(job);
        if (left > 0 && (wait < 0 || left < wait))
            wait = left;
    }
    return wait;
}

/* kist is gone: nobody is to outlive it. */
_Noreturn static void abandon(struct teller *teller)
{
    for (struct kist_teller_job *job = teller->jobs; job; job = job->next)
        kist_teller_job_kill(job);
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
        ;
    _exit(KIST_EXIT_FAILED);
}

static void send_late(struct teller *teller)
{
    struct kist_teller_job *job = NULL;
    if (teller->late_until && kist_time_monotonic_ms() >= teller->late_until)
        return;
    kist_teller_late_look(&teller->late, teller->state_dir);
    while ((job = kist_teller_late_next(&teller->late, teller->config))) {
        add_job(teller, job, job->notifier->retry.deadline_ms);
        if (teller->late_until && job->due > teller->late_until)
            job->due = teller->late_until;
        begin(teller, job);
    }
}

static void wait_for_news(struct teller *teller)
{
    struct pollfd fds[] = {{.fd = teller->signal_fd, .events = POLLIN}, {.fd = teller->fd, .events = POLLIN}};
    int64_t wait = end_overdue(teller), look = teller->late.next_look - kist_time_monotonic_ms();
    if (teller->state_dir && !teller->ended && (wait < 0 || look < wait))
        wait = look > 0 ? look : 0;
    (void)poll(fds, 2, wait < 0 ? -1 : (int)wait + 1);
    if (fds[0].revents)
        reap(teller);
    if (fds[1].revents && receive(teller) != 0)
        abandon(teller);
}

/* A place of its own: nothing that kist holds is kept open by the helper, and no signal that stops kist stops it. */
static void settle(struct teller *teller)
{
    static const int stops[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    struct sigaction ignore = {.sa_handler = SIG_IGN}, standard = {.sa_handler = SIG_DFL};
    sigset_t child;
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++)
        (void)sigaction(stops[i], &ignore, NULL);
    /* Whoever started kist may not want to hear of its children; the helper does. */
    (void)sigaction(SIGCHLD, &standard, NULL);
    (void)prctl(PR_SET_NAME, "kist-tell");
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
        (teller->fd != STDERR_FILENO + 1 && dup3(teller->fd, STDERR_FILENO + 1, O_CLOEXEC) < 0))
        _exit(KIST_EXIT_FAILED);
    teller->fd = STDERR_FILENO + 1;
    (void)close_range(STDERR_FILENO + 2, ~0U, 0);
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_SETMASK, &child, NULL);
    teller->signal_fd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    teller->packet = malloc(KIST_TELLER_PACKET_MOST);
    if (teller->signal_fd < 0 || !teller->packet)
        _exit(KIST_EXIT_FAILED);
}

_Noreturn void kist_teller_run(const struct kist_config *config, const char *state_dir, int fd)
{
    struct teller teller = {
        .config = config, .state_dir = state_dir, .fd = fd, .signal_fd = -1, .late.outbox = KIST_OUTBOX_INIT};
    settle(&teller);
    for (send_late(&teller); !teller.ended || teller.jobs; send_late(&teller)) {
        wait_for_news(&teller);
        begin_ready(&teller);
    }
    _exit(KIST_EXIT_OK);
}
