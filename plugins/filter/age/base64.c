/* base64.c - RFC 4648 without padding; every text that is not the one way to write its bytes is refused. */
#include "age_text.h"

#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void kist_age_base64_write(const unsigned char *data, size_t size, char *out)
{
    unsigned bits = 0;
    int count = 0;
    for (size_t i = 0; i < size; i++) {
        bits = bits << 8 | data[i];
        for (count += 8; count >= 6; count -= 6)
            *out++ = alphabet[bits >> (count - 6) & 63];
        bits &= 63;
    }
    if (count > 0)
        *out = alphabet[bits << (6 - count) & 63];
}

/* -1 for what is no digit. */
static int digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

long kist_age_base64_read(const char *text, size_t length, unsigned char *out, size_t room)
{
    unsigned bits = 0;
    size_t size = 0;
    int count = 0;
    for (size_t i = 0; i < length; i++) {
        int value = digit(text[i]);
        if (value < 0)
            return -1;
        bits = bits << 6 | (unsigned)value;
        count += 6;
        if (count < 8)
            continue;
        count -= 8;
        if (size == room)
            return -1;
        out[size++] = (unsigned char)(bits >> count);
        bits &= (1U << count) - 1;
    }
    /* A lone digit at the end is too short for a byte. */
    return length % 4 == 1 || bits != 0 ? -1 : (long)size;
}
