/* error.h - filling and reading struct kist_error on the core's side, and what an error means for the exit status. */
#ifndef KIST_CORE_ERROR_H
#define KIST_CORE_ERROR_H

#include <kist/abi.h>
#include <stdarg.h>

/* Exit statuses of the program; README and man page list them. */
enum kist_exit {
    KIST_EXIT_OK = 0,
    KIST_EXIT_FAILED = 1,
    KIST_EXIT_USAGE = 2,
    KIST_EXIT_DEGRADED = 3,
    KIST_EXIT_INTEGRITY = 4,
    KIST_EXIT_LOCKED = 5,
    KIST_EXIT_NO_BACKUP = 6,
    KIST_EXIT_REFUSED = 7,
    KIST_EXIT_STALE = 8,
    KIST_EXIT_SIGNAL = 128
};

/* An empty error: `struct kist_error err = KIST_ERROR_INIT;`, freed by kist_error_done or KIST_CLEANUP_ERROR. */
#define KIST_ERROR_INIT                                                                                           \
    {                                                                                                             \
        .struct_size = sizeof(struct kist_error)                                                                  \
    }
#define KIST_CLEANUP_ERROR __attribute__((cleanup(kist_error_done)))

void kist_error_done(struct kist_error *err);
/* Empties `err` for the next call. */
void kist_error_clear(struct kist_error *err);

/* Fill `err` (replacing what it held) and return `code`. */
int kist_fail(struct kist_error *err, int code, const char *format, ...) KIST_PRINTF(3, 4);
int kist_fail_v(struct kist_error *err, int code, const char *format, va_list args) KIST_PRINTF(3, 0);
/* The same with ": strerror(errnum)" at the end and the code that errnum stands for (ENOSPC -> NO_SPACE, ...). */
int kist_fail_errno(struct kist_error *err, int errnum, const char *format, ...) KIST_PRINTF(3, 4);
/* The code that a system call's errno stands for. */
int kist_error_code_of(int errnum) KIST_CHECKED;
void kist_hint(struct kist_error *err, const char *format, ...) KIST_PRINTF(2, 3);
void kist_hint_v(struct kist_error *err, const char *format, va_list args) KIST_PRINTF(2, 0);

/* Puts "text: " in front of the message of an error that is set, and returns its code. */
int kist_error_prefix(struct kist_error *err, const char *format, ...) KIST_PRINTF(2, 3);
/* The same at its end, with nothing between. */
int kist_error_suffix(struct kist_error *err, const char *format, ...) KIST_PRINTF(2, 3);
/* Moves `from` into `to` (which is cleared first); `from` is empty afterwards. Returns the code. */
int kist_error_move(struct kist_error *to, struct kist_error *from);
/* Makes `to` say the same as `from`. Returns the code. */
int kist_error_copy(struct kist_error *to, const struct kist_error *from);
/* The message, also for an error that a plugin returned without filling it. Never NULL. */
const char *kist_error_text(const struct kist_error *err);

/* The exit status that a failure with this code leads to. */
enum kist_exit kist_error_exit(int code) KIST_CHECKED;

#endif
