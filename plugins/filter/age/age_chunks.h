/* age_chunks.h - the chunks of a stream, opened one after the other. */
#ifndef KIST_AGE_CHUNKS_H
#define KIST_AGE_CHUNKS_H

#include "age_filter.h"

struct kist_age_chunks {
    EVP_CIPHER_CTX *context; /* NULL until there is a key */
    unsigned char *sealed;   /* what came of the next chunk */
    size_t sealed_size;
    size_t tried; /* so much of it was no last chunk */
    unsigned char *raw;
    size_t raw_start, raw_size; /* what of `raw` is still to be given */
    uint64_t index;             /* of the next chunk, from 0 */
    int ended;                  /* the last chunk was opened */
};

enum kist_age_chunks_result {
    KIST_AGE_CHUNKS_OK,
    KIST_AGE_CHUNKS_FAILED,   /* libcrypto */
    KIST_AGE_CHUNKS_DAMAGED,  /* chunk number `index` is not what was sealed */
    KIST_AGE_CHUNKS_TRAILING, /* there are bytes behind the last chunk */
    KIST_AGE_CHUNKS_HOLLOW,   /* the last chunk is empty, but the stream is not */
};

/* -1 without memory. */
int kist_age_chunks_init(struct kist_age_chunks *chunks);
void kist_age_chunks_done(struct kist_age_chunks *chunks);
/* -1 when libcrypto fails. */
int kist_age_chunks_key(struct kist_age_chunks *chunks, const unsigned char *key);

/* Only while there is nothing to give. Takes bytes and says how many; none when it opened a chunk instead. */
enum kist_age_chunks_result kist_age_chunks_take(struct kist_age_chunks *chunks, const unsigned char *data,
                                                 size_t size, size_t *ret_taken);
/* Only while there is nothing to give: whether what came so far is a chunk, should nothing follow. */
enum kist_age_chunks_result kist_age_chunks_pause(struct kist_age_chunks *chunks);

#endif
