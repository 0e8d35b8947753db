#include "error.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void kist_error_clear(struct kist_error *err)
{
    free(err->message);
    free(err->hint);
    *err = (struct kist_error)KIST_ERROR_INIT;
}

void kist_error_done(struct kist_error *err)
{
    if (err)
        kist_error_clear(err);
}

static uint32_t worth_another_try(int code)
{
    return code == KIST_ERR_UNAVAILABLE || code == KIST_ERR_TIMEOUT;
}

int kist_fail_v(struct kist_error *err, int code, const char *format, va_list args)
{
    char *message = NULL;
    /* The new text may quote the old one, so the old one is freed last. */
    if (vasprintf(&message, format, args) < 0)
        message = NULL;
    kist_error_clear(err);
    err->code = code;
    err->message = message;
    err->retryable = worth_another_try(code);
    return code;
}

int kist_fail(struct kist_error *err, int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    kist_fail_v(err, code, format, args);
    va_end(args);
    return code;
}

int kist_error_code_of(int errnum)
{
    switch (errnum) {
    case ENOENT: return KIST_ERR_NOT_FOUND;
    case EEXIST: return KIST_ERR_EXISTS;
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return KIST_ERR_NO_SPACE;
    case ETIMEDOUT: return KIST_ERR_TIMEOUT;
    case ECANCELED: return KIST_ERR_CANCELLED;
    default: return KIST_ERR_FAILED;
    }
}

int kist_fail_errno(struct kist_error *err, int errnum, const char *format, ...)
{
    char *what = NULL;
    va_list args;
    va_start(args, format);
    if (vasprintf(&what, format, args) < 0)
        what = NULL;
    va_end(args);
    int code = kist_fail(err, kist_error_code_of(errnum), "%s: %s", what ? what : "out of memory",
                         strerrordesc_np(errnum) ? strerrordesc_np(errnum) : "unknown error");
    free(what);
    return code;
}

void kist_hint_v(struct kist_error *err, const char *format, va_list args)
{
    char *hint = NULL;
    if (vasprintf(&hint, format, args) < 0)
        hint = NULL;
    free(err->hint);
    err->hint = hint;
}

void kist_hint(struct kist_error *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    kist_hint_v(err, format, args);
    va_end(args);
}

int kist_error_prefix(struct kist_error *err, const char *format, ...)
{
    char *prefix = NULL;
    char *message = NULL;
    va_list args;
    va_start(args, format);
    if (vasprintf(&prefix, format, args) < 0)
        prefix = NULL;
    va_end(args);
    if (prefix && asprintf(&message, "%s: %s", prefix, kist_error_text(err)) >= 0) {
        free(err->message);
        err->message = message;
    }
    free(prefix);
    return err->code;
}

int kist_error_suffix(struct kist_error *err, const char *format, ...)
{
    char *suffix = NULL;
    char *message = NULL;
    va_list args;
    va_start(args, format);
    if (vasprintf(&suffix, format, args) < 0)
        suffix = NULL;
    va_end(args);
    if (suffix && asprintf(&message, "%s%s", kist_error_text(err), suffix) >= 0) {
        free(err->message);
        err->message = message;
    }
    free(suffix);
    return err->code;
}

int kist_error_move(struct kist_error *to, struct kist_error *from)
{
    kist_error_clear(to);
    *to = *from;
    *from = (struct kist_error)KIST_ERROR_INIT;
    return to->code;
}

int kist_error_copy(struct kist_error *to, const struct kist_error *from)
{
    kist_fail(to, from->code, "%s", kist_error_text(from));
    if (from->hint)
        kist_hint(to, "%s", from->hint);
    to->retryable = from->retryable;
    to->retry_after_ms = from->retry_after_ms;
    return to->code;
}

const char *kist_error_text(const struct kist_error *err)
{
    if (err->message)
        return err->message;
    switch (err->code) {
    case KIST_OK: return "no error";
    case KIST_ERR_CONFIG: return "the configuration cannot work";
    case KIST_ERR_AUTH: return "credentials refused";
    case KIST_ERR_NOT_FOUND: return "not found";
    case KIST_ERR_EXISTS: return "the name is taken";
    case KIST_ERR_NO_SPACE: return "no space left";
    case KIST_ERR_UNAVAILABLE: return "no answer";
    case KIST_ERR_TIMEOUT: return "a deadline passed";
    case KIST_ERR_CANCELLED: return "cancelled";
    case KIST_ERR_CORRUPT: return "data is damaged";
    case KIST_ERR_UNSUPPORTED: return "not supported";
    case KIST_ERR_REFUSED: return "refused";
    case KIST_ERR_BUG: return "internal error";
    default: return "failed without a message";
    }
}

enum kist_exit kist_error_exit(int code)
{
    switch (code) {
    case KIST_OK: return KIST_EXIT_OK;
    case KIST_ERR_CONFIG: return KIST_EXIT_USAGE;
    case KIST_ERR_CORRUPT: return KIST_EXIT_INTEGRITY;
    case KIST_ERR_REFUSED: return KIST_EXIT_REFUSED;
    default: return KIST_EXIT_FAILED;
    }
}
