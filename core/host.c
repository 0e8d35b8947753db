#include "host.h"
#include "log.h"
#include "redact.h"
#include "text.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

struct kist_kept {
    const char *where;
    struct kist_cancel *cancel;
    pthread_mutex_t lock; /* every thread of an instance may keep strings */
    char **items;
    size_t count;
};

int kist_host_knows_code(int code)
{
    return code <= KIST_ERR_CONFIG && code >= KIST_ERR_BUG;
}

struct kist_kept *kist_kept_new(const char *where, struct kist_cancel *cancel)
{
    struct kist_kept *kept = calloc(1, sizeof *kept);
    if (!kept)
        return NULL;
    kept->where = where;
    kept->cancel = cancel;
    pthread_mutex_init(&kept->lock, NULL);
    return kept;
}

void kist_kept_free(struct kist_kept *kept)
{
    if (!kept)
        return;
    for (size_t i = 0; i < kept->count; i++) {
        explicit_bzero(kept->items[i], strlen(kept->items[i]));
        free(kept->items[i]);
    }
    free(kept->items);
    pthread_mutex_destroy(&kept->lock);
    free(kept);
}

static struct kist_kept *kept_of(const struct kist_host *host)
{
    return host->core;
}

static void log_line(const struct kist_host *host, int32_t level, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    kist_log_v(level, kept_of(host)->where, format, args);
    va_end(args);
}

/* What a server answered may quote a secret, and is in any encoding. It goes not only to the log, but also to notifiers, to
 * the history, and beside backups. */
static void clean(char **text)
{
    struct kist_text printable = KIST_TEXT_INIT;
    char *redacted = *text ? kist_redact(*text) : NULL;
    if (redacted)
        kist_text_add_printable(&printable, redacted, strlen(redacted));
    free(redacted);
    free(*text);
    *text = redacted ? kist_text_take(&printable) : NULL;
}

static int fail(const struct kist_host *host, struct kist_error *err, int code, const char *format, ...)
{
    (void)host;
    va_list args;
    va_start(args, format);
    kist_fail_v(err, kist_host_knows_code(code) ? code : KIST_ERR_BUG, format, args);
    va_end(args);
    clean(&err->message);
    return err->code;
}

static void hint(const struct kist_host *host, struct kist_error *err, const char *format, ...)
{
    (void)host;
    va_list args;
    va_start(args, format);
    kist_hint_v(err, format, args);
    va_end(args);
    clean(&err->hint);
}

static void retry(const struct kist_host *host, struct kist_error *err, uint32_t retryable, int64_t after_ms)
{
    (void)host;
    err->retryable = retryable != 0;
    /* Servers send nonsense as "retry after": nothing may reach a timer as a negative number. */
    err->retry_after_ms = after_ms > 0 ? after_ms : 0;
}

static int cancelled(const struct kist_host *host)
{
    return kist_cancel_is_set(kept_of(host)->cancel);
}

static int cancel_fd(const struct kist_host *host)
{
    const struct kist_cancel *cancel = kept_of(host)->cancel;
    /* poll(2) skips a negative descriptor, which is what never being cancelled means. */
    return cancel ? kist_cancel_fd(cancel) : -1;
}

static int64_t milliseconds(clockid_t clock)
{
    struct timespec now = {0};
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
    (void)host;
    unsigned char *at = data;
    while (size > 0) {
        ssize_t got = getrandom(at, size, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return kist_fail_errno(err, got < 0 ? errno : EIO, "cannot get random bytes from the system");
        at += got;
        size -= (size_t)got;
    }
    return 0;
}

static const char *keep_string(const struct kist_host *host, const char *text)
{
    struct kist_kept *kept = kept_of(host);
    char *copy = strdup(text);
    if (!copy)
        return NULL;
    pthread_mutex_lock(&kept->lock);
    char **items = realloc(kept->items, (kept->count + 1) * sizeof *items);
    if (items) {
        kept->items = items;
        items[kept->count++] = copy;
    }
    pthread_mutex_unlock(&kept->lock);
    if (!items)
        free(copy);
    return items ? copy : NULL;
}

static int add_secret(const struct kist_host *host, const char *text)
{
    (void)host;
    return kist_redact_add(text) == 0 ? 0 : KIST_ERR_FAILED;
}

/* Stores are for sources; who opens one gives it the service itself. */
static int no_store(const struct kist_host *host, const char *name, const struct kist_destination **ret_calls,
                    void **ret_self, struct kist_error *err)
{
    (void)host;
    (void)ret_calls;
    (void)ret_self;
    return kist_fail(err, KIST_ERR_UNSUPPORTED, "cannot open '%s': only a source opens stores", name);
}

static int no_source(const struct kist_host *host, const char *plugin, const char *name,
                     const struct kist_source **ret_calls, void **ret_self, struct kist_error *err)
{
    (void)host;
    (void)name;
    (void)ret_calls;
    (void)ret_self;
    return kist_fail(err, KIST_ERR_UNSUPPORTED, "cannot open a source of '%s': only a source does", plugin);
}

struct kist_host kist_host_of(struct kist_kept *kept)
{
    return (struct kist_host){
        .struct_size = sizeof(struct kist_host),
        .core = kept,
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
        .open_store = no_store,
        .open_source = no_source,
    };
}
