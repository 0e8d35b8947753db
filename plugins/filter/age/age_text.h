/* age_text.h - the format's notations for bytes: Base64 of two kinds, and Bech32. */
#ifndef KIST_AGE_TEXT_H
#define KIST_AGE_TEXT_H

#include <stddef.h>

/* Characters of `size` bytes, without padding. */
#define AGE_BASE64_SIZE(size) (((size)*4 + 2) / 3)

/* Writes AGE_BASE64_SIZE(size) characters, without padding and without an end. */
void kist_age_base64_write(const unsigned char *data, size_t size, char *out);
/* Only the one way to write bytes is taken: no padding, no stray bits, nothing else. `out` has room for `room` bytes.
 * Returns how many there are, or -1. */
long kist_age_base64_read(const char *text, size_t length, unsigned char *out, size_t room);

#define AGE_BECH32_HRP_MAX ((size_t)32) /* longer than any that is told apart here */
#define AGE_BECH32_ROOM ((size_t)96)    /* a key as text, with its end */

/* 32 bytes in lower case; `out` has AGE_BECH32_ROOM. */
void kist_age_bech32_write(const char *hrp, const unsigned char *key, char *out);
/* Reads 32 bytes behind `hrp` (lower case), whether all of it is in lower or in upper case. Returns NULL, or what is wrong
 * in words that follow "is not valid: "; these say nothing of the text itself. */
const char *kist_age_bech32_read(const char *text, const char *hrp, unsigned char *ret_key);

#endif
