/* cipher.c - ChaCha20-Poly1305 through libcrypto: chunks, and the file key in a stanza. */
#include "age_crypto.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#define CHUNK_NONCE_SIZE 12

static EVP_CIPHER_CTX *cipher_new(const unsigned char *key, int seals)
{
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    if (context && EVP_CipherInit_ex(context, EVP_chacha20_poly1305(), NULL, key, NULL, seals) != 1) {
        EVP_CIPHER_CTX_free(context);
        return NULL;
    }
    return context;
}

EVP_CIPHER_CTX *kist_age_seal_new(const unsigned char *key)
{
    return cipher_new(key, 1);
}

EVP_CIPHER_CTX *kist_age_open_new(const unsigned char *key)
{
    return cipher_new(key, 0);
}

void kist_age_cipher_free(EVP_CIPHER_CTX *context)
{
    EVP_CIPHER_CTX_free(context); /* wipes the key, too */
}

/* Data of no bytes has no update. */
static int update(EVP_CIPHER_CTX *context, const unsigned char *data, size_t size, unsigned char *out)
{
    int length = 0;
    return size == 0 || (size <= INT_MAX && EVP_CipherUpdate(context, out, &length, data, (int)size) == 1 &&
                         (size_t)length == size);
}

int kist_age_seal(EVP_CIPHER_CTX *context, const unsigned char *nonce, const unsigned char *data, size_t size,
                  unsigned char *out)
{
    int length = 0;
    int sealed = EVP_CipherInit_ex(context, NULL, NULL, NULL, nonce, 1) == 1 && update(context, data, size, out) &&
                 EVP_CipherFinal_ex(context, out + size, &length) == 1 && length == 0 &&
                 EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, (int)AGE_TAG_SIZE, out + size) == 1;
    return sealed ? 0 : -1;
}

int kist_age_open(EVP_CIPHER_CTX *context, const unsigned char *nonce, const unsigned char *data, size_t size,
                  unsigned char *out)
{
    unsigned char tag[AGE_TAG_SIZE], rest[AGE_TAG_SIZE];
    int length = 0, rc = -1;
    if (size < AGE_TAG_SIZE)
        return 1;
    const size_t raw_size = size - AGE_TAG_SIZE;
    memcpy(tag, data + raw_size, sizeof tag);
    if (EVP_CipherInit_ex(context, NULL, NULL, NULL, nonce, 0) == 1 &&
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, (int)sizeof tag, tag) == 1 &&
        update(context, data, raw_size, out))
        rc = EVP_CipherFinal_ex(context, rest, &length) == 1 ? 0 : 1;
    if (rc && raw_size > 0)
        OPENSSL_cleanse(out, raw_size);
    return rc;
}

void kist_age_chunk_nonce(uint64_t index, int last, unsigned char *ret_nonce)
{
    memset(ret_nonce, 0, CHUNK_NONCE_SIZE);
    for (size_t i = 0; i < sizeof index; i++)
        ret_nonce[CHUNK_NONCE_SIZE - 2 - i] = (unsigned char)(index >> 8 * i);
    ret_nonce[CHUNK_NONCE_SIZE - 1] = last != 0;
}

/* The key of a stanza is used once, so its nonce is all zero. */
static const unsigned char wrap_nonce[CHUNK_NONCE_SIZE];

int kist_age_wrap(const unsigned char *key, const unsigned char *file_key, unsigned char *ret_body)
{
    EVP_CIPHER_CTX *context = kist_age_seal_new(key);
    int rc = context ? kist_age_seal(context, wrap_nonce, file_key, AGE_FILE_KEY_SIZE, ret_body) : -1;
    kist_age_cipher_free(context);
    return rc;
}

int kist_age_unwrap(const unsigned char *key, const unsigned char *body, unsigned char *ret_file_key)
{
    EVP_CIPHER_CTX *context = kist_age_open_new(key);
    int rc = context ? kist_age_open(context, wrap_nonce, body, AGE_BODY_SIZE, ret_file_key) : -1;
    kist_age_cipher_free(context);
    return rc;
}
