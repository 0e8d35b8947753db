/* s3_text.c - hashes and small texts. */
#include "s3.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int s3_sha256(const void *data, size_t size, unsigned char *ret_digest)
{
    return EVP_Digest(data, size, ret_digest, NULL, EVP_sha256(), NULL) == 1 ? 0 : -1;
}

int s3_md5(const void *data, size_t size, unsigned char *ret_digest)
{
    return EVP_Digest(data, size, ret_digest, NULL, EVP_md5(), NULL) == 1 ? 0 : -1;
}

void s3_hex(const unsigned char *data, size_t size, char *ret_text)
{
    for (size_t i = 0; i < size; i++)
        snprintf(ret_text + 2 * i, 3, "%02x", data[i]);
}

void s3_base64(const unsigned char *data, size_t size, char *ret_text)
{
    EVP_EncodeBlock((unsigned char *)ret_text, data, (int)size);
}

int s3_from_base64(const char *text, unsigned char *ret_digest)
{
    unsigned char bytes[48];
    if (strlen(text) != S3_BASE64_SIZE - 1 || text[S3_BASE64_SIZE - 2] != '=' ||
        EVP_DecodeBlock(bytes, (const unsigned char *)text, S3_BASE64_SIZE - 1) != S3_SHA256_SIZE + 1)
        return -1;
    memcpy(ret_digest, bytes, S3_SHA256_SIZE);
    return 0;
}

int s3_is_md5(const char *etag)
{
    return strlen(etag) == 32 && strspn(etag, "0123456789abcdef") == 32;
}

/* How many bytes the character at `at` has by its first byte, and the smallest code that may be written so. */
static size_t character_size(unsigned char first, uint32_t *ret_least, uint32_t *ret_code)
{
    if (first < 0x80) {
        *ret_least = 0;
        *ret_code = first;
        return 1;
    }
    if (first >= 0xc2 && first < 0xe0) {
        *ret_least = 0x80;
        *ret_code = first & 0x1fU;
        return 2;
    }
    if ((first & 0xf0U) == 0xe0) {
        *ret_least = 0x800;
        *ret_code = first & 0x0fU;
        return 3;
    }
    *ret_least = 0x10000;
    *ret_code = first & 0x07U;
    return (first & 0xf8U) == 0xf0 ? 4 : 0;
}

int s3_is_utf8(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    while (*at) {
        uint32_t least = 0, code = 0;
        size_t size = character_size(*at, &least, &code);
        for (size_t i = 1; i < size; i++) {
            if ((at[i] & 0xc0U) != 0x80)
                return 0;
            code = code << 6 | (at[i] & 0x3fU);
        }
        if (size == 0 || code < least || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
            return 0;
        at += size;
    }
    return 1;
}

int64_t s3_number(const char *text)
{
    return text ? kist_stamp_number(text, strlen(text)) : -1;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int s3_decode(char *text, int plus)
{
    char *to = text;
    for (const char *from = text; *from; from++) {
        if (*from != '%') {
            *to++ = plus && *from == '+' ? ' ' : *from;
            continue;
        }
        int high = hex_digit(from[1]);
        int low = high < 0 ? -1 : hex_digit(from[2]);
        if (low < 0 || high * 16 + low == 0)
            return -1;
        *to++ = (char)(high * 16 + low);
        from += 2;
    }
    *to = '\0';
    return 0;
}

int s3_token(const struct kist_host *host, char ret_token[33], struct kist_error *err)
{
    unsigned char random[16];
    int rc = host->random(host, random, sizeof random, err);
    if (rc == 0)
        s3_hex(random, sizeof random, ret_token);
    return rc;
}
