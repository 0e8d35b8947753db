/* Text in the forms that mail takes: RFC 2045 (quoted-printable), 2047 (words in headers), 5322 (headers). */
#include "email.h"

#include <stdlib.h>
#include <string.h>

#include "child.h"

#define LINE ((size_t)76)           /* the longest with an encoded word in it, and of quoted-printable */
#define WORD_FRAME ((size_t)12)     /* =?UTF-8?B? and ?= */
#define LONGEST_VALUE ((size_t)500) /* bytes of a header's value that are sent */

/* ---- cleaning ---- */

/* Of the same size as before. */
static void clean_in_place(char *text, int keep_lines)
{
    for (char *line = text; *line;) {
        size_t size = keep_lines ? strcspn(line, "\n") : strlen(line);
        char end = line[size];
        line[size] = '\0';
        for (char *at = line; *at; at++)
            if ((unsigned char)*at < 0x20 || *at == 0x7f)
                *at = ' ';
        kist_child_clean_text(line);
        line[size] = end;
        line += size + (end != '\0');
    }
}

char *email_clean(const char *text, int keep_lines)
{
    char *copy = strdup(text ? text : "");
    if (copy)
        clean_in_place(copy, keep_lines);
    return copy;
}

/* The first at most `limit` bytes of UTF-8 text that hold whole characters, and at least one byte. */
static size_t whole_characters(const char *text, size_t limit)
{
    size_t size = strnlen(text, limit + 1);
    if (size <= limit)
        return size;
    for (size = limit; size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80; size--)
        ;
    return size > 0 ? size : limit;
}

/* ---- base64 ---- */

/* `text` has room for four digits for every three bytes, and a zero. */
static void base64(char *text, const unsigned char *from, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t at = 0; at < size; at += 3) {
        size_t left = size - at;
        unsigned bits = (unsigned)from[at] << 16 | (left > 1 ? (unsigned)from[at + 1] << 8 : 0) |
                        (left > 2 ? (unsigned)from[at + 2] : 0);
        *text++ = digits[bits >> 18];
        *text++ = digits[bits >> 12 & 63];
        *text++ = left > 1 ? digits[bits >> 6 & 63] : '=';
        *text++ = left > 2 ? digits[bits & 63] : '=';
    }
    *text = '\0';
}

char *email_base64(const void *data, size_t size)
{
    size_t triples = size / 3 + (size % 3 != 0), bytes;
    if (__builtin_mul_overflow(triples, (size_t)4, &bytes) || bytes == SIZE_MAX)
        return NULL;
    char *text = malloc(bytes + 1);
    if (text)
        base64(text, data, size);
    return text;
}

/* ---- headers ---- */

/* One that can stand in a header as it is; "=?" would be read as the start of an encoded word. */
static int is_plain(const char *text)
{
    for (const char *at = text; *at; at++)
        if (*at < 0x20 || *at > 0x7e)
            return 0;
    size_t size = strlen(text);
    return !strstr(text, "=?") && size > 0 && text[0] != ' ' && text[size - 1] != ' ';
}

/* `text` as encoded words, one to a line; `used` bytes stand on the first line already. */
static void put_words(FILE *out, const char *text, size_t used)
{
    while (*text) {
        size_t room = (LINE - WORD_FRAME - used) / 4 * 3, size = whole_characters(text, room);
        char word[LINE];
        base64(word, (const unsigned char *)text, size);
        fprintf(out, "=?UTF-8?B?%s?=", word);
        text += size;
        used = 1;
        if (*text)
            fputs("\r\n ", out);
    }
}

void email_put_header(FILE *out, const char *name, const char *value)
{
    char clean[LONGEST_VALUE + 1];
    size_t used = strlen(name) + 2, size = whole_characters(value, LONGEST_VALUE);
    memcpy(clean, value, size);
    clean[size] = '\0';
    clean_in_place(clean, 0);
    fprintf(out, "%s: ", name);
    if (is_plain(clean) && used + strlen(clean) <= LINE)
        fputs(clean, out);
    else
        put_words(out, clean, used);
    fputs("\r\n", out);
}

static void put_name(FILE *out, const char *name, size_t used)
{
    if (!is_plain(name) || strlen(name) + used + 3 > LINE) {
        put_words(out, name, used);
        return;
    }
    fputc('"', out);
    for (const char *at = name; *at; at++) {
        if (*at == '"' || *at == '\\')
            fputc('\\', out);
        fputc(*at, out);
    }
    fputc('"', out);
}

void email_put_addresses(FILE *out, const char *name, const struct email_address *addresses, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct email_address *one = &addresses[i];
        fprintf(out, "%s%s", i == 0 ? name : ",\r\n", i == 0 ? ": " : " ");
        if (one->name) {
            put_name(out, one->name, i == 0 ? strlen(name) + 2 : 1);
            fprintf(out, "\r\n <%s>", one->address);
        } else {
            fputs(one->address, out);
        }
    }
    if (count > 0)
        fputs("\r\n", out);
}

/* ---- bodies ---- */

/* A byte that stands for itself at `column`. A dot, or "From ", at the start of a line means something to the programs that
 * a mail goes through, and white space at its end gets lost. */
static int is_literal(const char *at, size_t column)
{
    if (*at == ' ' || *at == '\t')
        return at[1] != '\0' && at[1] != '\n';
    if (column == 0 && (*at == '.' || strncmp(at, "From ", 5) == 0))
        return 0;
    return *at > 0x20 && *at < 0x7f && *at != '=';
}

void email_put_quoted(FILE *out, const char *text)
{
    size_t column = 0;
    for (; *text; text++) {
        if (*text == '\n') {
            fputs("\r\n", out);
            column = 0;
            continue;
        }
        size_t size = is_literal(text, column) ? 1 : 3;
        if (column + size >= LINE) {
            fputs("=\r\n", out);
            column = 0;
            size = is_literal(text, column) ? 1 : 3;
        }
        if (size == 1)
            fputc(*text, out);
        else
            fprintf(out, "=%02X", (unsigned)(unsigned char)*text);
        column += size;
    }
    if (column > 0)
        fputs("\r\n", out);
}
