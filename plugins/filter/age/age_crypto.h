/* age_crypto.h - the format's primitives on top of libcrypto. All return 0, or -1 when libcrypto fails, unless they
 * say otherwise. */
#ifndef KIST_AGE_CRYPTO_H
#define KIST_AGE_CRYPTO_H

#include <stddef.h>
#include <stdint.h>

#define AGE_FILE_KEY_SIZE ((size_t)16)
#define AGE_KEY_SIZE ((size_t)32) /* of all other keys, and of a point */
#define AGE_MAC_SIZE ((size_t)32)
#define AGE_TAG_SIZE ((size_t)16)
#define AGE_NONCE_SIZE ((size_t)16) /* of a stream */
#define AGE_SALT_SIZE ((size_t)16)  /* of a passphrase */
#define AGE_BODY_SIZE (AGE_FILE_KEY_SIZE + AGE_TAG_SIZE)

typedef struct evp_cipher_ctx_st EVP_CIPHER_CTX;

/* HKDF-SHA256; `ret_key` has AGE_KEY_SIZE bytes. */
int kist_age_derive(const unsigned char *secret, size_t secret_size, const unsigned char *salt, size_t salt_size,
                    const char *info, unsigned char *ret_key);
/* The MAC of a header under its file key. */
int kist_age_mac(const unsigned char *file_key, const void *header, size_t size, unsigned char *ret_mac);
/* The key of the stream with this nonce. */
int kist_age_stream_key(const unsigned char *file_key, const unsigned char *nonce, unsigned char *ret_key);
/* scrypt as the format uses it; takes 2^(work_factor + 10) bytes of memory. */
int kist_age_scrypt(const char *passphrase, const unsigned char *salt, unsigned work_factor,
                    unsigned char *ret_key);

int kist_age_x25519_public(const unsigned char *secret, unsigned char *ret_public);
/* Also -1 when the point is one of those that give the same result for every secret. */
int kist_age_x25519(const unsigned char *secret, const unsigned char *point, unsigned char *ret_shared);

/* ChaCha20-Poly1305 with nonces of 12 bytes. A context is made once per key; each call takes only a new nonce. */
EVP_CIPHER_CTX *kist_age_seal_new(const unsigned char *key);
EVP_CIPHER_CTX *kist_age_open_new(const unsigned char *key);
void kist_age_cipher_free(EVP_CIPHER_CTX *context);
/* Writes size + AGE_TAG_SIZE bytes. */
int kist_age_seal(EVP_CIPHER_CTX *context, const unsigned char *nonce, const unsigned char *data, size_t size,
                  unsigned char *out);
/* Takes the tag, too: `size` is at least AGE_TAG_SIZE. 1 when the data is not what was sealed; then, and after a
 * failure, `out` is wiped. */
int kist_age_open(EVP_CIPHER_CTX *context, const unsigned char *nonce, const unsigned char *data, size_t size,
                  unsigned char *out);

/* The nonce of chunk `index` of a stream; `ret_nonce` has 12 bytes. */
void kist_age_chunk_nonce(uint64_t index, int last, unsigned char *ret_nonce);

/* A file key under the key of a stanza. Opening gives 1 when it is another's. */
int kist_age_wrap(const unsigned char *key, const unsigned char *file_key, unsigned char *ret_body);
int kist_age_unwrap(const unsigned char *key, const unsigned char *body, unsigned char *ret_file_key);

/* The key that wraps the file key for the owner of `recipient`, from the Diffie-Hellman of `secret` and `point`: one of
 * both is the share of the stanza, the other is the recipient's. */
int kist_age_x25519_wrap_key(const unsigned char *secret, const unsigned char *point, const unsigned char *share,
                             const unsigned char *recipient, unsigned char *ret_key);

#endif
