/*
 * s3_meta.c - metadata as header values.
 *
 * A header is ASCII. S3 takes other characters as the encoded words of RFC 2047 ("=?UTF-8?B?...?=") and gives them back
 * so, and so do we. A value is also encoded when HTTP would change it (spaces around it, control characters) or when it
 * looks like an encoded word without being one.
 */
#include "s3.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define WORD_START "=?UTF-8?B?"
#define WORD_BYTES 45U /* makes 60 digits, and with what is around them less than the 75 that a word may have */

static int stands_for_itself(const char *value)
{
    size_t length = strlen(value);
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)value[i] < 0x20 || (unsigned char)value[i] > 0x7e)
            return 0;
    return length == 0 ||
           (value[0] != ' ' && value[length - 1] != ' ' && !strstr(value, "=?") && !strstr(value, "  "));
}

char *s3_meta_encode(const char *value)
{
    if (stands_for_itself(value))
        return strdup(value);
    size_t length = strlen(value);
    /* A word is cut at a character, so it may hold three bytes less than there is room for. */
    char *text = malloc((length / (WORD_BYTES - 3) + 1) * 76 + 1);
    if (!text)
        return NULL;
    char *at = text;
    while (length > 0) {
        size_t take = length < WORD_BYTES ? length : WORD_BYTES;
        while (take < length && take > WORD_BYTES - 4 && ((unsigned char)value[take] & 0xc0U) == 0x80)
            take--;
        if (at != text)
            *at++ = ' ';
        memcpy(at, WORD_START, strlen(WORD_START));
        at += strlen(WORD_START);
        at += EVP_EncodeBlock((unsigned char *)at, (const unsigned char *)value, (int)take);
        *at++ = '?';
        *at++ = '=';
        value += take;
        length -= take;
    }
    *at = '\0';
    return text;
}

/* Bytes of base64 `text` of `length`, written to `to`; -1 when it is none. */
static int from_base64(const char *text, size_t length, unsigned char *to)
{
    if (length % 4 != 0 || length > 1024)
        return -1;
    int size = EVP_DecodeBlock(to, (const unsigned char *)text, (int)length);
    for (size_t i = length; size > 0 && i > 0 && text[i - 1] == '='; i--)
        size--;
    return size;
}

static int from_quoted(const char *text, size_t length, unsigned char *to)
{
    char piece[4] = "%";
    int size = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '=') {
            if (i + 2 >= length)
                return -1;
            memcpy(piece, (char[]){'%', text[i + 1], text[i + 2], '\0'}, sizeof piece);
            if (s3_decode(piece, 0) != 0)
                return -1;
            to[size++] = (unsigned char)piece[0];
            i += 2;
        } else {
            to[size++] = text[i] == '_' ? ' ' : (unsigned char)text[i];
        }
    }
    return size;
}

/* Decodes the word that `from` begins with. Returns how long it is, or 0 when it is none. */
static size_t decode_word(const char *from, char *to, size_t *ret_size)
{
    const char *way = strncasecmp(from, "=?utf-8?", 8) == 0 ? from + 8 : NULL;
    if (!way || !*way || way[1] != '?')
        return 0;
    const char *text = way + 2;
    const char *end = strstr(text, "?=");
    if (!end)
        return 0;
    size_t length = (size_t)(end - text);
    int size = -1;
    if (*way == 'B' || *way == 'b')
        size = from_base64(text, length, (unsigned char *)to);
    else if (*way == 'Q' || *way == 'q')
        size = from_quoted(text, length, (unsigned char *)to);
    if (size < 0 || memchr(to, '\0', (size_t)size))
        return 0;
    *ret_size = (size_t)size;
    return (size_t)(end + 2 - from);
}

char *s3_meta_decode(const char *value)
{
    char *text = malloc(strlen(value) + 4);
    char *to = text;
    int after_word = 0;
    if (!text)
        return NULL;
    while (*value) {
        const char *from = value;
        size_t size = 0;
        /* Spaces between two words are not part of the text. */
        if (after_word)
            from += strspn(from, " \t");
        size_t length = decode_word(from, to, &size);
        after_word = length > 0;
        if (length > 0) {
            to += size;
            value = from + length;
        } else {
            *to++ = *value++;
        }
    }
    *to = '\0';
    if (s3_is_utf8(text))
        return text;
    /* Nobody can say what it means: each byte as the character of that number, so that it is UTF-8 at least. */
    size_t length = strlen(text);
    char *wide = malloc(2 * length + 1);
    to = wide;
    for (size_t i = 0; wide && i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0x80)
            *to++ = (char)(0xc0U | c >> 6);
        *to++ = (char)(c >= 0x80 ? 0x80U | (c & 0x3fU) : c);
    }
    if (wide)
        *to = '\0';
    free(text);
    return wide;
}
