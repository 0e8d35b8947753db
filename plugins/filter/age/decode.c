/* decode.c - any age file to bytes: armor, if there is any, then the header, the nonce and the chunks. */
#include "age_armor.h"
#include "age_chunks.h"
#include "age_header.h"

#include <fault.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

enum phase {
    START,
    HEADER,
    NONCE,
    CHUNKS,
};

struct decoder {
    const struct kist_age *age;
    enum phase phase;
    int armored;
    uint64_t position; /* bytes taken so far, armor and all */
    struct kist_age_armor armor;
    struct kist_age_header header;
    unsigned char nonce[AGE_NONCE_SIZE];
    size_t nonce_size;
    struct kist_age_chunks chunks;
    /* Why nothing can follow. Kept, for it is told after the bytes that were opened before it. */
    struct kist_error fault;
};

int kist_age_can_decode(void *self, struct kist_error *err)
{
    const struct kist_age *age = self;
    const struct kist_host *host = age->host;
    if (age->identity_count > 0 || age->passphrase)
        return 0;
    int code = host->fail(host, err, KIST_ERR_CONFIG, "no key to open age files with: identity_file is not set");
    host->hint(host, err,
               "set identity_file = FILE in the filter's section, a file with the identity of a recipient");
    return code;
}

int kist_age_decode_begin(void *self, void **ret_decoder, struct kist_error *err)
{
    const struct kist_age *age = self;
    const struct kist_host *host = age->host;
    int code = kist_age_can_decode(self, err);
    if (code)
        return code;
    struct decoder *decoder = calloc(1, sizeof *decoder);
    if (!decoder)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    decoder->age = age;
    decoder->fault = (struct kist_error)KIST_FAULT_INIT;
    if (kist_age_chunks_init(&decoder->chunks)) {
        kist_age_decode_end(decoder);
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    }
    *ret_decoder = decoder;
    return 0;
}

void kist_age_decode_end(void *decoder)
{
    struct decoder *ending = decoder;
    if (!ending)
        return;
    kist_age_header_done(&ending->header);
    kist_age_chunks_done(&ending->chunks);
    kist_fault_clear(&ending->fault);
    free(ending);
}

/* The file key lives only here: the header opens it, and with the nonce it makes the key of the chunks. */
static int start_chunks(struct decoder *decoder)
{
    const struct kist_host *host = decoder->age->host;
    unsigned char file_key[AGE_FILE_KEY_SIZE], key[AGE_KEY_SIZE];
    int code = kist_age_unlock(decoder->age, &decoder->header, file_key, &decoder->fault);
    if (!code &&
        (kist_age_stream_key(file_key, decoder->nonce, key) || kist_age_chunks_key(&decoder->chunks, key)))
        code = host->fail(host, &decoder->fault, KIST_ERR_FAILED, "libcrypto cannot open an age file");
    OPENSSL_cleanse(file_key, sizeof file_key);
    OPENSSL_cleanse(key, sizeof key);
    kist_age_header_done(&decoder->header);
    decoder->phase = CHUNKS;
    return code;
}

static int take_header(struct decoder *decoder, const unsigned char *data, size_t size, size_t *ret_taken)
{
    const struct kist_host *host = decoder->age->host;
    const char *wrong = NULL;
    int code = kist_age_header_read(&decoder->header, (const char *)data, size, ret_taken, &wrong);
    if (code == KIST_ERR_FAILED)
        return host->fail(host, &decoder->fault, code, "out of memory");
    if (code)
        return host->fail(host, &decoder->fault, code, "age header is damaged in line %zu: %s",
                          decoder->header.line_count + 1, wrong);
    if (decoder->header.complete)
        decoder->phase = NONCE;
    return 0;
}

static int take_nonce(struct decoder *decoder, const unsigned char *data, size_t size, size_t *ret_taken)
{
    const size_t room = sizeof decoder->nonce - decoder->nonce_size, taken = size < room ? size : room;
    memcpy(decoder->nonce + decoder->nonce_size, data, taken);
    decoder->nonce_size += taken;
    *ret_taken = taken;
    return decoder->nonce_size == sizeof decoder->nonce ? start_chunks(decoder) : 0;
}

static int check_chunks(struct decoder *decoder, enum kist_age_chunks_result result)
{
    const struct kist_host *host = decoder->age->host;
    const unsigned long long number = decoder->chunks.index + 1;
    switch (result) {
    case KIST_AGE_CHUNKS_OK: return 0;
    case KIST_AGE_CHUNKS_FAILED:
        return host->fail(host, &decoder->fault, KIST_ERR_FAILED,
                          "libcrypto cannot open chunk %llu of an age file", number);
    case KIST_AGE_CHUNKS_TRAILING:
        return host->fail(host, &decoder->fault, KIST_ERR_CORRUPT,
                          "age stream goes on behind its last chunk, number %llu", number - 1);
    case KIST_AGE_CHUNKS_HOLLOW:
        return host->fail(host, &decoder->fault, KIST_ERR_CORRUPT,
                          "age stream ends with an empty chunk, number %llu", number);
    case KIST_AGE_CHUNKS_DAMAGED:
    default:
        return host->fail(host, &decoder->fault, KIST_ERR_CORRUPT,
                          "age stream is damaged in chunk %llu, or lacks chunks before it", number);
    }
}

/* Bytes of the file itself. */
static int take_bytes(struct decoder *decoder, const unsigned char *data, size_t size, size_t *ret_taken)
{
    *ret_taken = 0;
    switch (decoder->phase) {
    case START:
    case HEADER: return take_header(decoder, data, size, ret_taken);
    case NONCE: return take_nonce(decoder, data, size, ret_taken);
    case CHUNKS:
    default: return check_chunks(decoder, kist_age_chunks_take(&decoder->chunks, data, size, ret_taken));
    }
}

static int take_armor(struct decoder *decoder, const unsigned char *data, size_t size, size_t *ret_taken)
{
    const struct kist_host *host = decoder->age->host;
    struct kist_age_armor *armor = &decoder->armor;
    if (armor->size == 0) {
        const char *wrong = kist_age_armor_read(armor, (const char *)data, size, ret_taken);
        return wrong ? host->fail(host, &decoder->fault, KIST_ERR_CORRUPT, "age armor is damaged in line %zu: %s",
                                  armor->number + 1, wrong)
                     : 0;
    }
    size_t used = 0;
    int code = take_bytes(decoder, armor->bytes + armor->start, armor->size, &used);
    armor->start += used;
    armor->size -= used;
    return code;
}

/* Whether it is armor shows at its first byte: white space may stand before that, but not before a header. */
static int start(struct decoder *decoder, unsigned char first)
{
    const struct kist_host *host = decoder->age->host;
    decoder->armored = first == '-' || (first != 0 && strchr(" \t\r\n\v\f", first));
    decoder->phase = HEADER;
    return decoder->armored || first == 'a' ? 0
                                            : host->fail(host, &decoder->fault, KIST_ERR_CORRUPT,
                                                         "this is not an age file: it starts as none does");
}

static int take(struct decoder *decoder, const unsigned char *data, size_t size, size_t *ret_taken)
{
    int code = decoder->phase == START ? start(decoder, data[0]) : 0;
    if (code)
        return code;
    return decoder->armored ? take_armor(decoder, data, size, ret_taken)
                            : take_bytes(decoder, data, size, ret_taken);
}

/* Whether the file could end here, as far as its armor goes. */
static int may_end(const struct decoder *decoder)
{
    return !decoder->armored || !kist_age_armor_finish(&decoder->armor);
}

static size_t give(struct kist_age_chunks *chunks, unsigned char *out, size_t room)
{
    const size_t given = chunks->raw_size < room ? chunks->raw_size : room;
    if (given > 0)
        memcpy(out, chunks->raw + chunks->raw_start, given);
    chunks->raw_start += given;
    chunks->raw_size -= given;
    return given;
}

int kist_age_decode(void *decoder, const void *data, size_t size, size_t *ret_taken, void *out, size_t capacity,
                    size_t *ret_given, struct kist_error *err)
{
    struct decoder *decoding = decoder;
    struct kist_age_chunks *chunks = &decoding->chunks;
    const unsigned char *next = data;
    size_t taken = 0, given = give(chunks, out, capacity);
    int code = decoding->fault.code;
    while (!code && chunks->raw_size == 0 && (taken < size || decoding->armor.size > 0)) {
        size_t part = 0;
        code = take(decoding, next, size - taken, &part);
        taken += part;
        next = part > 0 ? next + part : next; /* there may be no input at all, only armor that is still held */
        given += give(chunks, (unsigned char *)out + given, capacity - given);
    }
    if (!code && size == 0 && chunks->raw_size == 0 && chunks->context && may_end(decoding)) {
        code = check_chunks(decoding, kist_age_chunks_pause(chunks));
        given += give(chunks, (unsigned char *)out + given, capacity - given);
    }
    if (code && given == 0)
        return kist_fault_repeat(decoding->age->host, &decoding->fault, err);
    decoding->position += taken;
    *ret_taken = taken;
    *ret_given = given;
    return 0;
}

int kist_age_decode_finish(void *decoder, struct kist_error *err)
{
    const struct decoder *decoding = decoder;
    const struct kist_host *host = decoding->age->host;
    const unsigned long long position = decoding->position, number = decoding->chunks.index + 1;
    const char *wrong = decoding->armored ? kist_age_armor_finish(&decoding->armor) : NULL;
    if (decoding->fault.code)
        return kist_fault_repeat(host, &decoding->fault, err);
    if (position == 0)
        return host->fail(host, err, KIST_ERR_CORRUPT, "age header is missing: there is nothing at all");
    if (wrong)
        return host->fail(host, err, KIST_ERR_CORRUPT, "age armor is cut off after %llu bytes: %s", position,
                          wrong);
    if (decoding->phase != CHUNKS)
        return host->fail(host, err, KIST_ERR_CORRUPT, "age header is cut off after %llu bytes", position);
    if (decoding->chunks.ended && decoding->chunks.raw_size == 0)
        return 0;
    return host->fail(host, err, KIST_ERR_CORRUPT,
                      "age stream is cut off after %llu bytes, in chunk %llu, or that chunk is damaged", position,
                      number);
}
