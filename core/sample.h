/* sample.h - a rolling share of what there is to read: part 1 of 7 to part 7 of 7 are everything, once. */
#ifndef KIST_CORE_SAMPLE_H
#define KIST_CORE_SAMPLE_H

#include "error.h"

/* {0} is everything. */
struct kist_sample {
    uint32_t part, total; /* part is 1 to total */
};

#define KIST_SAMPLE_MOST 10000 /* parts */

/* "3/7"; anything else is KIST_ERR_CONFIG. */
int kist_sample_parse(const char *text, struct kist_sample *ret_sample, struct kist_error *err) KIST_CHECKED;
/* 1 when the object `key` is in it. Depends on nothing but the key, so that every object is in exactly one part. */
int kist_sample_has(const struct kist_sample *sample, const char *key);

#endif
