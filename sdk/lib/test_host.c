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
    char *log = realloc(test->log, test->log_size + (size_t)length + 2);
    if (log) {
        memcpy(log + test->log_size, line, (size_t)length);
        test->log = log;
        test->log_size += (size_t)length;
        log[test->log_size++] = '\n';
        log[test->log_size] = '\0';
    }
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
    char **kept = realloc(test->kept, (test->kept_count + 1) * sizeof *kept);
    if (!kept)
        return NULL;
    test->kept = kept;
    kept[test->kept_count] = strdup(text);
    return kept[test->kept_count] ? kept[test->kept_count++] : NULL;
}

static int add_secret(const struct kist_host *host, const char *text)
{
    (void)host;
    (void)text;
    return 0;
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
                 .add_secret = add_secret},
        .err = {.struct_size = sizeof(struct kist_error)},
    };
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
    close(test->cancel_pipe[0]);
    if (test->cancel_pipe[1] >= 0)
        close(test->cancel_pipe[1]);
}
