/* hash.h - SHA-256, the only place that includes libcrypto. */
#ifndef KIST_CORE_HASH_H
#define KIST_CORE_HASH_H

#include "error.h"

#define KIST_SHA256_HEX 64 /* characters, without the closing zero */

struct kist_hash;

int kist_hash_new(struct kist_hash **ret_hash, struct kist_error *err) KIST_CHECKED;
void kist_hash_free(struct kist_hash *hash); /* NULL is fine */
int kist_hash_update(struct kist_hash *hash, const void *data, size_t size, struct kist_error *err) KIST_CHECKED;
/* Lower-case hex and a closing zero. The hash takes no more data afterwards. */
int kist_hash_finish(struct kist_hash *hash, char ret_hex[KIST_SHA256_HEX + 1],
                     struct kist_error *err) KIST_CHECKED;

/* Of one piece of memory. */
int kist_hash_bytes(const void *data, size_t size, char ret_hex[KIST_SHA256_HEX + 1],
                    struct kist_error *err) KIST_CHECKED;
/* HMAC-SHA256 of one piece of memory. */
int kist_hmac_bytes(const char *key, const void *data, size_t size, char ret_hex[KIST_SHA256_HEX + 1],
                    struct kist_error *err) KIST_CHECKED;
/* 1 for 64 lower-case hex digits. */
int kist_hash_is_hex(const char *text);

#endif
