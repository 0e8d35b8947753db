/* out_of_memory.h - makes allocations fail, one after the other; for a test linked with --wrap of each of them, to be
 * included by one file of it. */
#ifndef OUT_OF_MEMORY_H
#define OUT_OF_MEMORY_H

#include "error.h"

#include <stdatomic.h>

static _Atomic long calls, fails_at;
static _Atomic int fails_for_ever;

static inline int fails_now(void)
{
    long now = atomic_fetch_add(&calls, 1) + 1, at = atomic_load(&fails_at);
    return at > 0 && (now == at || (fails_for_ever && now > at));
}

#define WRAP(type, name, parameters, arguments)                                                                   \
    type __real_##name parameters;                                                                                \
    type __wrap_##name parameters;                                                                                \
    type __wrap_##name parameters                                                                                 \
    {                                                                                                             \
        return fails_now() ? NULL : __real_##name arguments;                                                      \
    }

WRAP(void *, malloc, (size_t size), (size))
WRAP(void *, calloc, (size_t count, size_t size), (count, size))
WRAP(void *, realloc, (void *old, size_t size), (old, size))
WRAP(void *, reallocarray, (void *old, size_t count, size_t size), (old, count, size))
WRAP(char *, strdup, (const char *text), (text))
WRAP(char *, strndup, (const char *text, size_t size), (text, size))
WRAP(void *, EVP_MD_CTX_new, (void), ())

int __wrap_vasprintf(char **ret_text, const char *format, va_list args) KIST_PRINTF(2, 0);
int __wrap_asprintf(char **ret_text, const char *format, ...) KIST_PRINTF(2, 3);
int __real_vasprintf(char **ret_text, const char *format, va_list args) KIST_PRINTF(2, 0);

/* glibc leaves the pointer alone when it fails: nobody may use it. */
int __wrap_vasprintf(char **ret_text, const char *format, va_list args)
{
    return fails_now() ? -1 : __real_vasprintf(ret_text, format, args);
}

int __wrap_asprintf(char **ret_text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int size = fails_now() ? -1 : __real_vasprintf(ret_text, format, args);
    va_end(args);
    return size;
}

/* A piece of work: 0, or the code that `err` has as well. `ret_whole` says whether it did all that it promised. */
typedef int (*work_fn)(void *arg, int *ret_whole, struct kist_error *err);

static inline void exhaust(work_fn work, void *arg)
{
    for (int for_ever = 0; for_ever <= 1; for_ever++)
        for (long at = 1;; at++) {
            struct kist_error err = KIST_ERROR_INIT;
            int whole = 0;
            fails_for_ever = for_ever;
            calls = 0;
            fails_at = at;
            int code = work(arg, &whole, &err);
            fails_at = 0;
            assert_int_equal(code, err.code);
            kist_error_done(&err);
            assert_true(whole || code);
            if (calls < at) {
                assert_int_equal(code, 0);
                assert_true(at > 3); /* or the wraps do not work */
                break;
            }
            assert_true(at < 100000);
        }
}

#endif
