#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void kist_secret_free(char *secret)
{
    if (secret)
        explicit_bzero(secret, strlen(secret));
    free(secret);
}

void kist_text_done(struct kist_text *text)
{
    if (text->data)
        explicit_bzero(text->data, text->capacity);
    free(text->data);
    *text = (struct kist_text)KIST_TEXT_INIT;
}

/* Makes room for `more` bytes and the NUL. realloc() would leave copies of secrets behind. */
static int grow(struct kist_text *text, size_t more)
{
    if (text->failed || more >= SIZE_MAX / 4 || text->size >= SIZE_MAX / 4) {
        text->failed = 1;
        return -1;
    }
    size_t needed = text->size + more + 1;
    if (needed <= text->capacity)
        return 0;
    size_t capacity = text->capacity * 2 > needed ? text->capacity * 2 : needed + 31;
    char *data = malloc(capacity);
    if (!data) {
        text->failed = 1;
        return -1;
    }
    if (text->data) {
        memcpy(data, text->data, text->size + 1);
        explicit_bzero(text->data, text->capacity);
        free(text->data);
    }
    text->data = data;
    text->capacity = capacity;
    return 0;
}

void kist_text_add_bytes(struct kist_text *text, const char *data, size_t size)
{
    if (grow(text, size))
        return;
    if (size)
        memcpy(text->data + text->size, data, size);
    text->size += size;
    text->data[text->size] = '\0';
}

void kist_text_add(struct kist_text *text, const char *string)
{
    kist_text_add_bytes(text, string, strlen(string));
}

void kist_text_add_char(struct kist_text *text, char c)
{
    kist_text_add_bytes(text, &c, 1);
}

void kist_text_vprintf(struct kist_text *text, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    if (length < 0)
        text->failed = 1;
    else if (!grow(text, (size_t)length)) {
        vsnprintf(text->data + text->size, (size_t)length + 1, format, again);
        text->size += (size_t)length;
    }
    va_end(again);
}

void kist_text_printf(struct kist_text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    kist_text_vprintf(text, format, args);
    va_end(args);
}

static void add_escaped(struct kist_text *text, unsigned char c)
{
    switch (c) {
    case '\n': kist_text_add(text, "\\n"); break;
    case '\r': kist_text_add(text, "\\r"); break;
    case '\t': kist_text_add(text, "\\t"); break;
    default: kist_text_printf(text, "\\x%02x", c); break;
    }
}

/* 1 for a character that ends a line (U+2028, U+2029), or changes the direction of the text around it, so that it reads as
 * something else: U+200E and U+200F, U+202A to U+202E, U+2066 to U+2069, U+061C. */
static int misleads(const unsigned char *c, size_t length)
{
    if (length == 2)
        return c[0] == 0xd8 && c[1] == 0x9c;
    if (length != 3 || c[0] != 0xe2)
        return 0;
    if (c[1] == 0x80)
        return c[2] == 0x8e || c[2] == 0x8f || (c[2] >= 0xa8 && c[2] <= 0xae);
    return c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9;
}

void kist_text_add_printable(struct kist_text *text, const char *data, size_t size)
{
    for (size_t at = 0; at < size;) {
        const unsigned char *here = (const unsigned char *)data + at;
        size_t length = kist_utf8_length(data + at, size - at);
        if (length == 0 || misleads(here, length)) {
            kist_text_add(text, "\xef\xbf\xbd");
            length = length ? length : 1;
        } else if (length == 1 && (here[0] < 0x20 || here[0] == 0x7f)) {
            add_escaped(text, here[0]);
        } else if (length == 2 && here[0] == 0xc2 && here[1] < 0xa0) {
            /* U+0080 to U+009F steer terminals just like the escape character does. */
            add_escaped(text, here[1]);
        } else {
            kist_text_add_bytes(text, data + at, length);
        }
        at += length;
    }
}

void kist_text_truncate(struct kist_text *text, size_t size)
{
    if (text->size <= size)
        return;
    while (size > 0 && ((unsigned char)text->data[size] & 0xc0) == 0x80)
        size--;
    text->size = size;
    text->data[size] = '\0';
}

int kist_text_failed(const struct kist_text *text)
{
    return text->failed;
}

const char *kist_text_get(const struct kist_text *text)
{
    return text->data ? text->data : "";
}

char *kist_text_take(struct kist_text *text)
{
    char *data = NULL;
    if (!text->failed && !text->data)
        kist_text_add_bytes(text, "", 0);
    if (!text->failed) {
        data = text->data;
        text->data = NULL;
    }
    kist_text_done(text);
    return data;
}

size_t kist_utf8_length(const char *data, size_t size)
{
    const unsigned char *here = (const unsigned char *)data;
    if (size == 0)
        return 0;
    if (here[0] < 0x80)
        return 1;
    if (here[0] < 0xc2 || here[0] > 0xf4)
        return 0;
    size_t length = here[0] < 0xe0 ? 2 : here[0] < 0xf0 ? 3 : 4;
    if (length > size)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((here[i] & 0xc0) != 0x80)
            return 0;
    int overlong = (here[0] == 0xe0 && here[1] < 0xa0) || (here[0] == 0xf0 && here[1] < 0x90);
    int surrogate = here[0] == 0xed && here[1] >= 0xa0;
    int too_high = here[0] == 0xf4 && here[1] >= 0x90;
    return overlong || surrogate || too_high ? 0 : length;
}

int kist_utf8_valid(const char *data, size_t size)
{
    while (size > 0) {
        size_t length = kist_utf8_length(data, size);
        if (length == 0)
            return 0;
        data += length;
        size -= length;
    }
    return 1;
}
