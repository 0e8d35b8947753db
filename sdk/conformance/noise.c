/* noise.c - bytes that a seed and their place determine, so that any part of an object can be made again. */
#include "destination_tools.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The mixing function of splitmix64. */
static uint64_t word_at(unsigned seed, uint64_t number)
{
    uint64_t x = (((uint64_t)seed + 1) << 40) + number * UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

void noise_fill(unsigned char *data, size_t size, unsigned seed, uint64_t offset)
{
    while (size > 0) {
        uint64_t word = word_at(seed, offset / sizeof word);
        size_t skip = (size_t)(offset % sizeof word), n = sizeof word - skip;
        n = n < size ? n : size;
        memcpy(data, (const unsigned char *)&word + skip, n);
        data += n;
        size -= n;
        offset += n;
    }
}

static char *written(const char *name, const unsigned char *digest, unsigned size)
{
    char *text = malloc(strlen(name) + 2 * (size_t)size + 1);
    if (!text)
        abort();
    char *at = stpcpy(text, name);
    for (unsigned i = 0; i < size; i++, at += 2)
        snprintf(at, 3, "%02x", digest[i]);
    return text;
}

char *noise_checksum(const char *like, unsigned seed, uint64_t size)
{
    static unsigned char data[64 << 10];
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned digest_size = 0;
    const int is_md5 = strncmp(like, "md5:", 4) == 0;
    if (!is_md5 && strncmp(like, "sha256:", 7) != 0)
        return NULL;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int good = context && EVP_DigestInit_ex(context, is_md5 ? EVP_md5() : EVP_sha256(), NULL);
    for (uint64_t at = 0; good && at < size;) {
        size_t n = size - at < sizeof data ? (size_t)(size - at) : sizeof data;
        noise_fill(data, n, seed, at);
        good = EVP_DigestUpdate(context, data, n);
        at += n;
    }
    good = good && EVP_DigestFinal_ex(context, digest, &digest_size);
    EVP_MD_CTX_free(context);
    return good ? written(is_md5 ? "md5:" : "sha256:", digest, digest_size) : NULL;
}
