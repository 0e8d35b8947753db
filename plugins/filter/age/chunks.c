/* chunks.c - a chunk says by its nonce alone whether it is the last, so what follows decides how it is tried first. */
#include "age_chunks.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_NONCE_SIZE 12

int kist_age_chunks_init(struct kist_age_chunks *chunks)
{
    *chunks = (struct kist_age_chunks){.sealed = malloc(AGE_SEALED), .raw = malloc(AGE_CHUNK)};
    return chunks->sealed && chunks->raw ? 0 : -1;
}

void kist_age_chunks_done(struct kist_age_chunks *chunks)
{
    kist_age_cipher_free(chunks->context);
    if (chunks->raw)
        OPENSSL_cleanse(chunks->raw, AGE_CHUNK);
    free(chunks->raw);
    free(chunks->sealed);
}

int kist_age_chunks_key(struct kist_age_chunks *chunks, const unsigned char *key)
{
    chunks->context = kist_age_open_new(key);
    return chunks->context ? 0 : -1;
}

/* DAMAGED here only means that it is not a chunk of this kind. */
static enum kist_age_chunks_result try(struct kist_age_chunks *chunks, int last)
{
    unsigned char nonce[CHUNK_NONCE_SIZE];
    kist_age_chunk_nonce(chunks->index, last, nonce);
    int rc = kist_age_open(chunks->context, nonce, chunks->sealed, chunks->sealed_size, chunks->raw);
    if (rc)
        return rc < 0 ? KIST_AGE_CHUNKS_FAILED : KIST_AGE_CHUNKS_DAMAGED;
    const size_t size = chunks->sealed_size - AGE_TAG_SIZE;
    if (size == 0 && chunks->index > 0)
        return KIST_AGE_CHUNKS_HOLLOW;
    chunks->raw_start = 0;
    chunks->raw_size = size;
    chunks->sealed_size = chunks->tried = 0;
    chunks->ended = last;
    chunks->index++;
    return KIST_AGE_CHUNKS_OK;
}

static enum kist_age_chunks_result try_both(struct kist_age_chunks *chunks, int last_first)
{
    enum kist_age_chunks_result result = try(chunks, last_first);
    return result == KIST_AGE_CHUNKS_DAMAGED ? try(chunks, !last_first) : result;
}

enum kist_age_chunks_result kist_age_chunks_take(struct kist_age_chunks *chunks, const unsigned char *data,
                                                 size_t size, size_t *ret_taken)
{
    *ret_taken = 0;
    if (chunks->ended)
        return KIST_AGE_CHUNKS_TRAILING;
    const size_t room = AGE_SEALED - chunks->sealed_size;
    if (room == 0)
        return try_both(chunks, 0);
    const size_t taken = size < room ? size : room;
    memcpy(chunks->sealed + chunks->sealed_size, data, taken);
    chunks->sealed_size += taken;
    *ret_taken = taken;
    return KIST_AGE_CHUNKS_OK;
}

enum kist_age_chunks_result kist_age_chunks_pause(struct kist_age_chunks *chunks)
{
    const size_t size = chunks->sealed_size;
    if (chunks->ended || size < AGE_TAG_SIZE || size == chunks->tried)
        return KIST_AGE_CHUNKS_OK;
    if (size == AGE_SEALED)
        return try_both(chunks, 1);
    chunks->tried = size;
    /* More may follow, so this is no damage yet. */
    enum kist_age_chunks_result result = try(chunks, 1);
    return result == KIST_AGE_CHUNKS_DAMAGED ? KIST_AGE_CHUNKS_OK : result;
}
