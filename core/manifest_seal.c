#include "manifest_seal.h"
#include "hash.h"

#include <string.h>

/* Around the SHA-256 of every byte before it. */
#define SUM_START "  \"checksum\": \"sha256:"
#define SUM_END "\"\n}\n"
#define SUM_SIZE (sizeof SUM_START - 1 + KIST_SHA256_HEX + sizeof SUM_END - 1)

/* Around the HMAC-SHA256 of every byte before it. */
#define SIGN_START "  \"signature\": \"hmac-sha256:"
#define SIGN_END "\",\n"
#define SIGN_SIZE (sizeof SIGN_START - 1 + KIST_SHA256_HEX + sizeof SIGN_END - 1)

int kist_seal_add(struct kist_text *text, const char *sign_key, struct kist_error *err)
{
    char hex[KIST_SHA256_HEX + 1];
    int code = 0;
    if (kist_text_failed(text))
        return kist_fail(err, KIST_ERR_FAILED, "out of memory for the seal of a document");
    if (sign_key) {
        code = kist_hmac_bytes(sign_key, kist_text_get(text), text->size, hex, err);
        if (!code)
            kist_text_printf(text, SIGN_START "%s" SIGN_END, hex);
    }
    if (!code && kist_text_failed(text))
        code = kist_fail(err, KIST_ERR_FAILED, "out of memory for the seal of a document");
    if (!code)
        code = kist_hash_bytes(kist_text_get(text), text->size, hex, err);
    if (!code)
        kist_text_printf(text, SUM_START "%s" SUM_END, hex);
    return code;
}

static int check_sum(const char *text, size_t size, struct kist_error *err)
{
    char hex[KIST_SHA256_HEX + 1];
    if (size <= SUM_SIZE)
        return kist_fail(err, KIST_ERR_CORRUPT, "it is cut off (%zu bytes)", size);
    const char *seal = text + size - SUM_SIZE;
    if (memcmp(seal, SUM_START, sizeof SUM_START - 1) != 0 ||
        memcmp(seal + SUM_SIZE - (sizeof SUM_END - 1), SUM_END, sizeof SUM_END - 1) != 0)
        return kist_fail(err, KIST_ERR_CORRUPT, "it does not end with its checksum");
    int code = kist_hash_bytes(text, size - SUM_SIZE, hex, err);
    if (!code && memcmp(seal + sizeof SUM_START - 1, hex, KIST_SHA256_HEX) != 0)
        code = kist_fail(err, KIST_ERR_CORRUPT, "its checksum does not match its content");
    return code;
}

static int refuse_signature(struct kist_error *err, const char *why)
{
    kist_fail(err, KIST_ERR_CORRUPT, "%s", why);
    kist_hint(err,
              "somebody without the sign_key may have written it: do not trust it, nor the objects that it names");
    return KIST_ERR_CORRUPT;
}

/* The time that the comparison takes must not tell how much of a guess was right. */
static int same_hex(const char *left, const char *right)
{
    unsigned difference = 0;
    for (size_t i = 0; i < KIST_SHA256_HEX; i++)
        difference |= (unsigned)(unsigned char)left[i] ^ (unsigned)(unsigned char)right[i];
    return difference == 0;
}

static int check_signature(const char *text, size_t size, const char *sign_key, struct kist_error *err)
{
    char hex[KIST_SHA256_HEX + 1];
    const char *line = size > SUM_SIZE + SIGN_SIZE ? text + size - SUM_SIZE - SIGN_SIZE : NULL;
    if (!line || memcmp(line, SIGN_START, sizeof SIGN_START - 1) != 0 ||
        memcmp(line + SIGN_SIZE - (sizeof SIGN_END - 1), SIGN_END, sizeof SIGN_END - 1) != 0)
        return refuse_signature(err, "it is not signed, and a sign_key is configured");
    int code = kist_hmac_bytes(sign_key, text, (size_t)(line - text), hex, err);
    if (!code && !same_hex(line + sizeof SIGN_START - 1, hex))
        code = refuse_signature(err, "its signature is not that of the sign_key");
    return code;
}

int kist_seal_check(const char *text, size_t size, const char *sign_key, struct kist_error *err)
{
    int code = check_sum(text, size, err);
    return code || !sign_key ? code : check_signature(text, size, sign_key, err);
}
