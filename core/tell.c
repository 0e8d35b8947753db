#include "tell.h"
#include "backup_id.h"
#include "event.h"
#include "ledger.h"
#include "log.h"
#include "outbox.h"
#include "tell_worker.h"
#include "teller.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS (KIST_TELLER_GRACE_MS + 1000) /* for an answer, after the deadline of the notifier */
#define END_PATIENCE_MS 20000                     /* for the helper's own end */
#define LATE_PATIENCE_MS (KIST_TELLER_LATE_MS + 10000)
#define SEND_PATIENCE_MS 5000 /* for a helper that takes no more */
#define HURRY_MS 10000        /* for a notifier that failed not long ago: others wait for their turn to run */

/* Of the process; set while it has one thread, and only read then. */
static struct {
    const char *state_dir;
    pid_t owner, helper;
    int fd;
} teller = {.fd = -1};

/* The helper: a copy of the process as it is now. Only returns in the parent. */
static int start_helper(const struct kist_config *config, const char *state_dir, struct kist_error *err)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return kist_fail_errno(err, errno, "cannot talk to notifiers: cannot make a pair of sockets");
    const struct timeval patience = {.tv_sec = SEND_PATIENCE_MS / 1000};
    (void)setsockopt(ends[0], SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    pid_t pid = fork();
    if (pid == 0)
        kist_teller_run(config, state_dir, ends[1]);
    int errnum = errno;
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return kist_fail_errno(err, errnum, "cannot talk to notifiers: cannot start a process");
    }
    teller.fd = ends[0];
    teller.helper = pid;
    return 0;
}

static int has_notifiers(const struct kist_config *config)
{
    for (size_t i = 0; i < config->pipeline_count; i++)
        if (config->pipelines[i].notifier_count)
            return 1;
    return 0;
}

int kist_tell_begin(const struct kist_config *config, const char *state_dir, struct kist_error *err)
{
    teller.state_dir = state_dir;
    teller.owner = getpid();
    /* A process that was forked from one with a helper leaves that alone. */
    if (teller.fd >= 0)
        close(teller.fd);
    teller.fd = -1;
    /* `kist notify test` has no outbox, and takes one that no pipeline names. */
    return has_notifiers(config) || !state_dir ? start_helper(config, state_dir, err) : 0;
}

void kist_tell_prepare(const struct kist_config *config, const char *state_dir)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    if (kist_tell_begin(config, state_dir, &err))
        kist_log_at(KIST_LOG_WARNING, NULL, &err);
}

static int64_t time_left(int64_t until)
{
    int64_t left = until - kist_time_monotonic_ms();
    return left > 0 ? left : 0;
}

/* 1 once something can be read, or the other side is gone. */
static int wait_for(int fd, int64_t until, struct kist_cancel *cancel)
{
    struct pollfd fds[] = {{.fd = fd, .events = POLLIN},
                           {.fd = cancel ? kist_cancel_fd(cancel) : -1, .events = POLLIN}};
    for (;;) {
        int ready = poll(fds, 2, (int)time_left(until));
        if (ready < 0 && errno == EINTR)
            continue;
        return fds[0].revents != 0;
    }
}

/* 0, or -1 and errno. `reply` -1: nobody waits for the result. */
static int send_packet(json_t *packet, int reply)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {0};
    char *text = packet ? json_dumps(packet, JSON_COMPACT) : NULL;
    if (!text) {
        errno = ENOMEM;
        return -1;
    }
    struct iovec data = {.iov_base = text, .iov_len = strlen(text)};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
    if (reply >= 0) {
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof reply);
        memcpy(CMSG_DATA(head), &reply, sizeof reply);
    }
    ssize_t sent = -1;
    if (data.iov_len > KIST_TELLER_PACKET_MOST)
        errno = EMSGSIZE;
    else
        do
            sent = sendmsg(teller.fd, &message, MSG_NOSIGNAL);
        while (sent < 0 && errno == EINTR);
    int errnum = errno;
    free(text);
    errno = errnum;
    return sent < 0 ? -1 : 0;
}

/* The helper ends what is under way, each within its time, then itself: that closes its end. */
static void end_helper(int patient, struct kist_cancel *cancel)
{
    if (teller.fd >= 0 && teller.owner == getpid()) {
        json_t *packet = json_pack("{s:b, s:b}", "end", 1, "patient", patient);
        int64_t until = kist_time_monotonic_ms() + (patient ? LATE_PATIENCE_MS : END_PATIENCE_MS);
        int ended = send_packet(packet, -1) == 0 && wait_for(teller.fd, until, cancel);
        if (!ended)
            (void)kill(teller.helper, SIGKILL);
        json_decref(packet);
        close(teller.fd);
        while (waitpid(teller.helper, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    teller.fd = -1;
}

void kist_tell_end(void)
{
    end_helper(0, NULL);
}

int kist_tell_late(const struct kist_config *config, const char *state_dir, struct kist_cancel *cancel,
                   struct kist_error *err)
{
    int code = kist_tell_begin(config, state_dir, err);
    end_helper(1, cancel);
    return code;
}

/* One event on its way to one notifier. */
struct kist_told {
    const struct kist_config_section *notifier;
    json_t *document;
    int reply; /* -1: it could not be sent */
    int64_t deadline_ms, until;
};

/* A server that is down is down for all pipelines: they are not to wait for it one after the other. */
static int64_t deadline_of(const struct kist_config_section *notifier)
{
    int64_t deadline = notifier->retry.deadline_ms;
    return deadline > HURRY_MS && teller.state_dir &&
                   kist_outbox_has_recent(teller.state_dir, notifier->name, kist_time_now())
               ? HURRY_MS
               : deadline;
}

static int send_event(struct kist_told *told, int wants_reply, struct kist_error *err)
{
    int ends[2] = {-1, -1};
    if (teller.fd < 0)
        return kist_fail(err, KIST_ERR_FAILED, "%s: there is no helper process that could tell it",
                         told->notifier->name);
    if (wants_reply && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return kist_fail_errno(err, errno, "%s: cannot make a pair of sockets", told->notifier->name);
    told->deadline_ms = deadline_of(told->notifier);
    json_t *packet = json_pack("{s:s, s:O, s:I}", "notifier", told->notifier->name, "document", told->document,
                               "deadline_ms", (json_int_t)told->deadline_ms);
    int code = 0;
    if (send_packet(packet, ends[1]) != 0)
        code = kist_fail_errno(err, errno, "%s: the helper process that would tell it does not answer",
                               told->notifier->name);
    json_decref(packet);
    if (ends[1] >= 0)
        close(ends[1]);
    if (code && ends[0] >= 0)
        close(ends[0]);
    else
        told->reply = ends[0];
    told->until = kist_time_monotonic_ms() + told->deadline_ms + PATIENCE_MS;
    return code;
}

static int read_reply(struct kist_told *told, struct kist_error *err)
{
    char text[KIST_TELL_RESULT_MOST];
    ssize_t size = recv(told->reply, text, sizeof text, MSG_DONTWAIT);
    json_t *result = size > 0 ? json_loadb(text, (size_t)size, 0, NULL) : NULL;
    json_t *code = json_object_get(result, "code");
    const char *message = json_string_value(json_object_get(result, "message")),
               *hint = json_string_value(json_object_get(result, "hint"));
    int told_code = json_is_integer(code) ? (int)json_integer_value(code) : KIST_ERR_BUG;
    if (told_code)
        kist_fail(err, told_code, "%s%s", message ? "" : told->notifier->name,
                  message ? message : ": the helper process that tells it has ended");
    if (told_code && hint)
        kist_hint(err, "%s", hint);
    json_decref(result);
    return told_code;
}

/* What came of it. */
static int hear(struct kist_told *told, struct kist_cancel *cancel, struct kist_error *err)
{
    int code = 0;
    if (told->reply < 0)
        return 0;
    if (wait_for(told->reply, told->until, cancel))
        code = read_reply(told, err);
    else
        code = cancel && kist_cancel_is_set(cancel)
                   ? kist_fail(err, KIST_ERR_CANCELLED, "%s: cancelled", told->notifier->name)
                   : kist_fail(err, KIST_ERR_TIMEOUT, "%s: no answer in time", told->notifier->name);
    close(told->reply);
    told->reply = -1;
    return code;
}

/* The kind that the notifier is told of, or 0: it does not want to hear of this. */
static uint32_t kind_for(const struct kist_config_section *notifier, uint32_t kind)
{
    uint32_t plain = kind == KIST_EVENT_RECOVERY  ? KIST_EVENT_SUCCESS
                     : kind == KIST_EVENT_SUSPECT ? KIST_EVENT_DEGRADED
                                                  : kind;
    if (kind == KIST_EVENT_TEST)
        return kind;
    if (kind == KIST_EVENT_START && !(notifier->plugin->features & KIST_NOTIFIER_STARTS))
        return 0;
    if (notifier->on & (UINT32_C(1) << kind))
        return kind;
    return notifier->on & (UINT32_C(1) << plain) ? plain : 0;
}

static int tell_of(struct kist_told *told, const struct kist_config_pipeline *pipeline,
                   const struct kist_news *news, uint32_t kind, struct kist_error *err)
{
    int code = kist_event_make(pipeline, news, kind, &told->document, err);
    return code ? code : send_event(told, kind != KIST_EVENT_START, err);
}

/* The next run tries again. Logged either way. */
static void keep_for_later(const struct kist_told *told, const char *pipeline, struct kist_error *why)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    static const char waits[] = "the message to '%s' waits in '%s/outbox'; the next run sends it";
    const char *name = told->notifier->name;
    /* One that refuses has told somebody, but not all: those would be told twice. */
    int kept = why->code != KIST_ERR_REFUSED && teller.state_dir && told->document &&
               !kist_outbox_put(teller.state_dir, name, told->document, &err);
    int explained = why->hint != NULL;
    if (kept && !explained)
        kist_hint(why, waits, name, teller.state_dir);
    /* What a plugin said begins with where it came from. */
    kist_log_error(strncmp(kist_error_text(why), pipeline, strlen(pipeline)) == 0 ? NULL : pipeline, why);
    if (kept && explained)
        kist_log(KIST_LOG_WARNING, pipeline, waits, name, teller.state_dir);
    if (err.code) {
        kist_error_prefix(&err, "the message to '%s' is lost", name);
        kist_log_at(KIST_LOG_WARNING, pipeline, &err);
    }
}

static size_t tell_all(const struct kist_config_pipeline *pipeline, const struct kist_news *news,
                       struct kist_told *told)
{
    size_t failed = 0;
    for (size_t i = 0; i < pipeline->notifier_count; i++) {
        KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
        told[i] = (struct kist_told){.notifier = pipeline->notifiers[i], .reply = -1};
        uint32_t kind = kind_for(told[i].notifier, news->kind);
        if (kind && tell_of(&told[i], pipeline, news, kind, &err)) {
            keep_for_later(&told[i], pipeline->name, &err);
            failed++;
        }
    }
    for (size_t i = 0; i < pipeline->notifier_count; i++) {
        KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
        if (hear(&told[i], NULL, &err)) {
            keep_for_later(&told[i], pipeline->name, &err);
            failed++;
        }
        json_decref(told[i].document);
    }
    return failed;
}

/* The newest backup that was good when it was seen, unless it is what the news are about. */
static void find_last_good(const struct kist_config_pipeline *pipeline, struct kist_news *news,
                           struct kist_ledger *ledger)
{
    if (news->last_good || !teller.state_dir)
        return;
    kist_ledger_read(teller.state_dir, pipeline->name, ledger);
    if (ledger->good[0] && !(news->backup && strcmp(ledger->good, news->backup) == 0))
        news->last_good = ledger->good;
}

size_t kist_tell(const struct kist_config_pipeline *pipeline, const struct kist_news *news)
{
    struct kist_news full = *news;
    struct kist_ledger ledger = {0};
    if (pipeline->notifier_count == 0)
        return 0;
    struct kist_told *told = calloc(pipeline->notifier_count, sizeof *told);
    find_last_good(pipeline, &full, &ledger);
    size_t failed = told ? tell_all(pipeline, &full, told) : pipeline->notifier_count;
    if (!told)
        kist_log(KIST_LOG_ERROR, pipeline->name, "nobody was told: out of memory");
    free(told);
    return news->kind == KIST_EVENT_START ? 0 : failed;
}

int kist_tell_one(const struct kist_config_section *notifier, const struct kist_config_pipeline *pipeline,
                  const struct kist_news *news, struct kist_cancel *cancel, struct kist_error *err)
{
    struct kist_told told = {.notifier = notifier, .reply = -1};
    int code = tell_of(&told, pipeline, news, news->kind, err);
    if (!code)
        code = hear(&told, cancel, err);
    json_decref(told.document);
    return code;
}
