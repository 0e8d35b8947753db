/* text.h - a string that grows, and what UTF-8 is. */
#ifndef KIST_CORE_TEXT_H
#define KIST_CORE_TEXT_H

#include <kist/abi.h>
#include <stdarg.h>

/*
 * `struct kist_text text = KIST_TEXT_INIT;` then add to it. Without memory it stops growing and stays `failed`;
 * only kist_text_take (or kist_text_failed) needs to be asked, once, at the end. What it held is overwritten
 * whenever memory goes back to the heap, so that it may hold secrets.
 */
struct kist_text {
    char *data; /* ends with NUL; NULL while empty */
    size_t size;
    size_t capacity;
    int failed;
};

#define KIST_TEXT_INIT                                                                                            \
    {                                                                                                             \
        .data = NULL                                                                                              \
    }
#define KIST_CLEANUP_TEXT __attribute__((cleanup(kist_text_done)))

void kist_text_done(struct kist_text *text);
void kist_text_add(struct kist_text *text, const char *string);
void kist_text_add_bytes(struct kist_text *text, const char *data, size_t size);
void kist_text_add_char(struct kist_text *text, char c);
void kist_text_printf(struct kist_text *text, const char *format, ...) KIST_PRINTF(2, 3);
void kist_text_vprintf(struct kist_text *text, const char *format, va_list args) KIST_PRINTF(2, 0);
/* Adds `size` bytes of anything as printable UTF-8 on one line: control characters as \n, \t or \x1b; bytes that
 * are no UTF-8, and what would turn the direction of the text, as U+FFFD. */
void kist_text_add_printable(struct kist_text *text, const char *data, size_t size);
/* Cuts it down to at most `size` bytes, never inside a character. */
void kist_text_truncate(struct kist_text *text, size_t size);

int kist_text_failed(const struct kist_text *text);
/* What it holds, "" while empty; borrowed. */
const char *kist_text_get(const struct kist_text *text);
/* Gives the string to the caller and leaves the text empty; NULL when something could not be added. */
char *kist_text_take(struct kist_text *text) KIST_CHECKED;

/* Bytes of the UTF-8 character at `data` (1 to 4), or 0 when there is none: overlong forms, surrogates and values
 * above U+10FFFF are none either. */
size_t kist_utf8_length(const char *data, size_t size) KIST_CHECKED;
/* 1 when all of it is UTF-8. A NUL is a character like others. */
int kist_utf8_valid(const char *data, size_t size) KIST_CHECKED;

/* Overwrites and frees a string that was a secret; NULL is fine. */
void kist_secret_free(char *secret);

#endif
