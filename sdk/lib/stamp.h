/* stamp.h - times and numbers as services write them in their replies. Nothing of them is taken on trust. */
#ifndef KIST_SDK_STAMP_H
#define KIST_SDK_STAMP_H

#include <kist/plugin.h>

/* Reads "2026-11-21T02:00:00", with or without a fraction, up to its zone: what follows (borrowed), or NULL when it is no time.
 * `ret_ms`: since 1970, as if it were UTC, in which any zone but "Z" is still to be reckoned. `text` may be NULL. */
const char *kist_stamp_read(const char *text, int64_t *ret_ms);
/* The same of a time whose zone is "Z"; 0 for everything else, and for times before 1970. */
int64_t kist_stamp_utc(const char *text);
/* A number of `size` decimal digits and nothing else, or -1; also for one that is too large. `text` may be NULL when size is 0. */
int64_t kist_stamp_number(const char *text, size_t size);

#endif
