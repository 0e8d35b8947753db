#include "hash.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

/* The struct is never defined: it is libcrypto's context under our name. */
static EVP_MD_CTX *context_of(struct kist_hash *hash)
{
    return (EVP_MD_CTX *)(void *)hash;
}

int kist_hash_new(struct kist_hash **ret_hash, struct kist_error *err)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!context || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(context);
        return kist_fail(err, KIST_ERR_FAILED, "libcrypto gives no SHA-256");
    }
    *ret_hash = (struct kist_hash *)(void *)context;
    return 0;
}

void kist_hash_free(struct kist_hash *hash)
{
    EVP_MD_CTX_free(context_of(hash));
}

int kist_hash_update(struct kist_hash *hash, const void *data, size_t size, struct kist_error *err)
{
    if (EVP_DigestUpdate(context_of(hash), data, size) != 1)
        return kist_fail(err, KIST_ERR_FAILED, "libcrypto failed in SHA-256");
    return 0;
}

static void write_hex(const unsigned char digest[KIST_SHA256_HEX / 2], char ret_hex[KIST_SHA256_HEX + 1])
{
    static const char digits[] = "0123456789abcdef";
    for (unsigned int i = 0; i < KIST_SHA256_HEX / 2; i++) {
        ret_hex[2 * i] = digits[digest[i] >> 4];
        ret_hex[2 * i + 1] = digits[digest[i] & 15];
    }
    ret_hex[KIST_SHA256_HEX] = '\0';
}

int kist_hash_finish(struct kist_hash *hash, char ret_hex[KIST_SHA256_HEX + 1], struct kist_error *err)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    if (EVP_DigestFinal_ex(context_of(hash), digest, &size) != 1 || size != KIST_SHA256_HEX / 2)
        return kist_fail(err, KIST_ERR_FAILED, "libcrypto failed in SHA-256");
    write_hex(digest, ret_hex);
    return 0;
}

int kist_hmac_bytes(const char *key, const void *data, size_t size, char ret_hex[KIST_SHA256_HEX + 1],
                    struct kist_error *err)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    size_t key_size = strlen(key);
    if (key_size > INT_MAX || !HMAC(EVP_sha256(), key, (int)key_size, data, size, digest, &length) ||
        length != KIST_SHA256_HEX / 2)
        return kist_fail(err, KIST_ERR_FAILED, "libcrypto failed in HMAC-SHA256");
    write_hex(digest, ret_hex);
    return 0;
}

int kist_hash_bytes(const void *data, size_t size, char ret_hex[KIST_SHA256_HEX + 1], struct kist_error *err)
{
    struct kist_hash *hash = NULL;
    int code = kist_hash_new(&hash, err);
    if (!code)
        code = kist_hash_update(hash, data, size, err);
    if (!code)
        code = kist_hash_finish(hash, ret_hex, err);
    kist_hash_free(hash);
    return code;
}

int kist_hash_is_hex(const char *text)
{
    return strlen(text) == KIST_SHA256_HEX && strspn(text, "0123456789abcdef") == KIST_SHA256_HEX;
}
