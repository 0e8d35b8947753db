#include "test_host.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static struct kist_test_host *test_of(const struct kist_host *host)
{
    return host->core;
}

static void log_line(const struct kist_host *host, int32_t level, const char *format, ...)
{
    struct kist_test_host *test = test_of(host);
    char *line = NULL;
    va_list args;
    va_start(args, format);
    int length = vasprintf(&line, format, args);
    va_end(args);
    (void)level;
    if (length < 0)
        return;
    pthread_mutex_lock(&test->lock);
    char *log = realloc(test->log, test->log_size + (size_t)length + 2);
    if (log) {
        memcpy(log + test->log_size, line, (size_t)length);
        test->log = log;
        test->log_size += (size_t)length;
        log[test->log_size++] = '\n';
        log[test->log_size] = '\0';
    }
    pthread_mutex_unlock(&test->lock);
    free(line);
}

static void clear(struct kist_error *err)
{
    free(err->message);
    free(err->hint);
    *err = (struct kist_error){.struct_size = sizeof *err};
}

static int fail(const struct kist_host *host, struct kist_error *err, int code, const char *format, ...)
{
    (void)host;
    char *message = NULL;
    va_list args;
    va_start(args, format);
    if (vasprintf(&message, format, args) < 0)
        message = NULL;
    va_end(args);
    clear(err);
    err->code = code;
    err->message = message;
    err->retryable = code == KIST_ERR_UNAVAILABLE || code == KIST_ERR_TIMEOUT;
    return code;
}

static void hint(const struct kist_host *host, struct kist_error *err, const char *format, ...)
{
    (void)host;
    free(err->hint);
    err->hint = NULL;
    va_list args;
    va_start(args, format);
    if (vasprintf(&err->hint, format, args) < 0)
        err->hint = NULL;
    va_end(args);
}

static void retry(const struct kist_host *host, struct kist_error *err, uint32_t retryable, int64_t after_ms)
{
    (void)host;
    err->retryable = retryable;
    err->retry_after_ms = after_ms;
}

static int cancelled(const struct kist_host *host)
{
    return test_of(host)->cancelled;
}

static int cancel_fd(const struct kist_host *host)
{
    return test_of(host)->cancel_pipe[0];
}

static int64_t milliseconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t now_ms(const struct kist_host *host)
{
    (void)host;
    return milliseconds(CLOCK_REALTIME);
}

static int64_t monotonic_ms(const struct kist_host *host)
{
    (void)host;
    return milliseconds(CLOCK_MONOTONIC);
}

static int random_bytes(const struct kist_host *host, void *data, size_t size, struct kist_error *err)
{
    if (test_of(host)->random_fails || getentropy(data, size < 256 ? size : 256) != 0 || size > 256)
        return fail(host, err, KIST_ERR_FAILED, "no random bytes");
    return 0;
}

static const char *keep_string(const struct kist_host *host, const char *text)
{
    struct kist_test_host *test = test_of(host);
    char *copy = strdup(text);
    pthread_mutex_lock(&test->lock);
    char **kept = copy ? realloc(test->kept, (test->kept_count + 1) * sizeof *kept) : NULL;
    if (kept) {
        test->kept = kept;
        kept[test->kept_count++] = copy;
    }
    pthread_mutex_unlock(&test->lock);
    if (!kept)
        free(copy);
    return kept ? copy : NULL;
}

static int add_secret(const struct kist_host *host, const char *text)
{
    (void)host;
    (void)text;
    return 0;
}

static int open_store(const struct kist_host *host, const char *name, const struct kist_destination **ret_calls,
                      void **ret_self, struct kist_error *err)
{
    struct kist_test_host *test = test_of(host);
    if (!test->open_store)
        return fail(host, err, KIST_ERR_UNSUPPORTED, "there is no [destination %s]", name);
    return test->open_store(test, name, ret_calls, ret_self, err);
}

static int open_source(const struct kist_host *host, const char *plugin, const char *name,
                       const struct kist_source **ret_calls, void **ret_self, struct kist_error *err)
{
    struct kist_test_host *test = test_of(host);
    if (!test->open_source)
        return fail(host, err, KIST_ERR_UNSUPPORTED, "there is no source of '%s'", plugin);
    return test->open_source(test, plugin, name, ret_calls, ret_self, err);
}

int kist_test_host_init(struct kist_test_host *test)
{
    *test = (struct kist_test_host){
        .host = {.struct_size = sizeof(struct kist_host),
                 .core = test,
                 .log = log_line,
                 .fail = fail,
                 .hint = hint,
                 .retry = retry,
                 .cancelled = cancelled,
                 .cancel_fd = cancel_fd,
                 .now_ms = now_ms,
                 .monotonic_ms = monotonic_ms,
                 .random = random_bytes,
                 .keep_string = keep_string,
                 .add_secret = add_secret,
                 .open_store = open_store,
                 .open_source = open_source},
        .err = {.struct_size = sizeof(struct kist_error)},
    };
    pthread_mutex_init(&test->lock, NULL);
    return pipe(test->cancel_pipe);
}

void kist_test_host_clear(struct kist_test_host *test)
{
    clear(&test->err);
}

void kist_test_host_cancel(struct kist_test_host *test)
{
    test->cancelled = 1;
    /* A closed writing end makes the reading end readable for ever. */
    close(test->cancel_pipe[1]);
    test->cancel_pipe[1] = -1;
}

void kist_test_host_done(struct kist_test_host *test)
{
    clear(&test->err);
    free(test->log);
    for (size_t i = 0; i < test->kept_count; i++)
        free(test->kept[i]);
    free(test->kept);
    pthread_mutex_destroy(&test->lock);
    close(test->cancel_pipe[0]);
    if (test->cancel_pipe[1] >= 0)
        close(test->cancel_pipe[1]);
}

void kist_test_first_event(struct kist_event *event)
{
    size_t size = offsetof(struct kist_event, word);
    event->struct_size = (uint32_t)size;
    memset((char *)event + size, 0x55, sizeof *event - size);
}
