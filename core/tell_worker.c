#include "tell_worker.h"
#include "backup_id.h"
#include "event.h"
#include "event_clean.h"
#include "instance.h"
#include "retry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RETRIES 4
#define LATE_RETRIES 1      /* of what waits in the outbox: the next run tries again */
#define RETRY_DELAY_MS 2000 /* the longest first wait; doubles */
#define LEAST_TIME_MS 100   /* with less, no other try is worth it */
#define MESSAGE_MOST 4000   /* bytes */

/* A person waits for this text: it is short, and in one line, whatever the plugin made of it. */
static int set_clean(json_t *result, const char *name, const char *text)
{
    char *clean = text && *text ? kist_event_clean(text, MESSAGE_MOST) : NULL;
    int failed = clean && json_object_set_new(result, name, json_string(clean)) != 0;
    free(clean);
    return failed;
}

static void answer(int fd, int code, const struct kist_error *err, const char *memory)
{
    json_t *result = json_pack("{s:i}", "code", code);
    if (result && code)
        (void)(set_clean(result, "message", kist_error_text(err)) || set_clean(result, "hint", err->hint));
    if (result && !code && memory)
        (void)set_clean(result, "memory", memory);
    char *text = result ? json_dumps(result, JSON_COMPACT) : NULL;
    size_t size = text ? strlen(text) : 0, done = 0;
    while (done < size) {
        ssize_t written = write(fd, text + done, size - done);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            break;
        done += (size_t)written;
    }
    free(text);
    json_decref(result);
}

static int call(struct kist_instance *instance, const struct kist_message *message, int64_t until,
                struct kist_error *err)
{
    int64_t left = until - kist_time_monotonic_ms();
    if (left < LEAST_TIME_MS)
        left = LEAST_TIME_MS;
    return kist_instance_result(
        instance, instance->plugin->as.notifier.notify(instance->self, &message->event, left, err), err);
}

static int try_to_tell(const struct kist_tell_task *task, const struct kist_message *message, const char *where,
                       struct kist_instance **ret_instance, struct kist_error *err)
{
    const struct kist_retry_policy policy = {.retries = task->late ? LATE_RETRIES : RETRIES,
                                             .delay_ms = RETRY_DELAY_MS,
                                             .deadline_ms = task->deadline_ms};
    const int64_t until = kist_time_monotonic_ms() + task->deadline_ms;
    struct kist_retry retry = kist_retry_begin(&policy, where, NULL);
    int code = 0;
    do {
        code = 0;
        if (!*ret_instance)
            code = kist_instance_open(task->notifier, message->event.pipeline, NULL, ret_instance, err);
        if (!code)
            code = call(*ret_instance, message, until, err);
    } while (code && kist_retry_again(&retry, err));
    return code;
}

static int open_and_tell(const struct kist_tell_task *task, const struct kist_message *message,
                         struct kist_instance **ret_instance, struct kist_error *err)
{
    char *where = NULL;
    if (asprintf(&where, "%s/%s(%s)", message->event.pipeline, task->notifier->name,
                 task->notifier->plugin->name) < 0)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    int code = try_to_tell(task, message, where, ret_instance, err);
    free(where);
    return code;
}

_Noreturn void kist_tell_work(const struct kist_tell_task *task, int fd)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct kist_message message = {0};
    struct kist_instance *instance = NULL;
    int code = kist_message_open(task->document, task->late, &message, &err);
    if (!code) {
        message.event.memory = task->memory;
        code = open_and_tell(task, &message, &instance, &err);
    }
    answer(fd, code ? err.code : 0, &err, message.remembered);
    /* What was answered stands, even if the plugin fails at its end. */
    kist_instance_close(instance);
    _exit(0);
}
