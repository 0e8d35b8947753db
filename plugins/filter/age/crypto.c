/* crypto.c - key derivation, X25519 and scrypt through libcrypto. */
#include "age_crypto.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <string.h>

#define SCRYPT_LABEL "age-encryption.org/v1/scrypt"
#define X25519_LABEL "age-encryption.org/v1/X25519"
#define SCRYPT_BLOCK 8 /* scrypt's r; p is 1 */

int kist_age_derive(const unsigned char *secret, size_t secret_size, const unsigned char *salt, size_t salt_size,
                    const char *info, unsigned char *ret_key)
{
    char digest[] = "SHA256";
    OSSL_PARAM params[5], *next = params;
    *next++ = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0);
    *next++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)secret, secret_size);
    if (salt_size > 0)
        *next++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)(uintptr_t)salt, salt_size);
    *next++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)info, strlen(info));
    *next = OSSL_PARAM_construct_end();
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *context = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
    int derived = context && EVP_KDF_derive(context, ret_key, AGE_KEY_SIZE, params) == 1;
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
    return derived ? 0 : -1;
}

int kist_age_mac(const unsigned char *file_key, const void *header, size_t size, unsigned char *ret_mac)
{
    unsigned char key[AGE_KEY_SIZE];
    unsigned length = 0;
    int rc = kist_age_derive(file_key, AGE_FILE_KEY_SIZE, NULL, 0, "header", key);
    if (!rc && !HMAC(EVP_sha256(), key, sizeof key, header, size, ret_mac, &length))
        rc = -1;
    OPENSSL_cleanse(key, sizeof key);
    return rc;
}

int kist_age_stream_key(const unsigned char *file_key, const unsigned char *nonce, unsigned char *ret_key)
{
    return kist_age_derive(file_key, AGE_FILE_KEY_SIZE, nonce, AGE_NONCE_SIZE, "payload", ret_key);
}

int kist_age_scrypt(const char *passphrase, const unsigned char *salt, unsigned work_factor,
                    unsigned char *ret_key)
{
    unsigned char labelled[sizeof SCRYPT_LABEL - 1 + AGE_SALT_SIZE];
    const uint64_t rounds = UINT64_C(1) << work_factor;
    /* libcrypto refuses to take more than it is told, and takes a little besides the table itself. */
    const uint64_t most = 128 * SCRYPT_BLOCK * (rounds + 4) + ((uint64_t)1 << 20);
    memcpy(labelled, SCRYPT_LABEL, sizeof SCRYPT_LABEL - 1);
    memcpy(labelled + sizeof SCRYPT_LABEL - 1, salt, AGE_SALT_SIZE);
    ERR_set_mark();
    int done = EVP_PBE_scrypt(passphrase, strlen(passphrase), labelled, sizeof labelled, rounds, SCRYPT_BLOCK, 1,
                              most, ret_key, AGE_KEY_SIZE) == 1;
    ERR_pop_to_mark();
    return done ? 0 : -1;
}

static EVP_PKEY *secret_key(const unsigned char *secret)
{
    return EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, secret, AGE_KEY_SIZE);
}

int kist_age_x25519_public(const unsigned char *secret, unsigned char *ret_public)
{
    size_t size = AGE_KEY_SIZE;
    EVP_PKEY *key = secret_key(secret);
    int done = key && EVP_PKEY_get_raw_public_key(key, ret_public, &size) == 1 && size == AGE_KEY_SIZE;
    EVP_PKEY_free(key);
    return done ? 0 : -1;
}

int kist_age_x25519(const unsigned char *secret, const unsigned char *point, unsigned char *ret_shared)
{
    size_t size = AGE_KEY_SIZE;
    ERR_set_mark(); /* a foreign file's bad point must not be found by whoever looks for errors of their own */
    EVP_PKEY *ours = secret_key(secret);
    EVP_PKEY *theirs = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, point, AGE_KEY_SIZE);
    EVP_PKEY_CTX *context = ours ? EVP_PKEY_CTX_new(ours, NULL) : NULL;
    /* libcrypto itself refuses a result that is all zero. */
    int done = context && theirs && EVP_PKEY_derive_init(context) == 1 &&
               EVP_PKEY_derive_set_peer(context, theirs) == 1 &&
               EVP_PKEY_derive(context, ret_shared, &size) == 1 && size == AGE_KEY_SIZE;
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(theirs);
    EVP_PKEY_free(ours);
    ERR_pop_to_mark();
    return done ? 0 : -1;
}

int kist_age_x25519_wrap_key(const unsigned char *secret, const unsigned char *point, const unsigned char *share,
                             const unsigned char *recipient, unsigned char *ret_key)
{
    unsigned char shared[AGE_KEY_SIZE], salt[2 * AGE_KEY_SIZE];
    memcpy(salt, share, AGE_KEY_SIZE);
    memcpy(salt + AGE_KEY_SIZE, recipient, AGE_KEY_SIZE);
    int rc = kist_age_x25519(secret, point, shared);
    if (!rc)
        rc = kist_age_derive(shared, sizeof shared, salt, sizeof salt, X25519_LABEL, ret_key);
    OPENSSL_cleanse(shared, sizeof shared);
    return rc;
}
