/* decode.c - any stream of gzip members to bytes. Reads headers with all their optional fields, and holds each
 * member against its CRC and size. What stands between or behind the members must be a member too. */
#include "gzip_filter.h"

#include <stdlib.h>
#include <string.h>

#define FLAG_HEADER_CRC 0x02
#define FLAG_EXTRA 0x04
#define FLAG_NAME 0x08
#define FLAG_COMMENT 0x10
#define FLAGS_RESERVED 0xe0

#define HEADER_SIZE 10
#define TRAILER_SIZE 8

/* Where in a member the next byte stands, in the order of the format. */
enum state { HEADER, EXTRA_SIZE, EXTRA, NAME, COMMENT, HEADER_CRC, DATA, TRAILER, BROKEN };

struct decoder {
    const struct kist_gzip *gzip;
    struct kist_gzip_inflate *inflate;
    enum state state;
    struct kist_gzip_span span;       /* what is left of the caller's buffers; set by each call */
    uint64_t position;                /* bytes of the stream taken so far */
    uint64_t member_start;            /* where the current or next member starts */
    uint64_t members;                 /* members that ended well */
    unsigned char field[HEADER_SIZE]; /* a field of fixed size, as far as it came */
    size_t field_size;
    size_t extra_left;
    unsigned flags;
    uint32_t header_crc;
    uint32_t crc, size; /* of the member's data so far; the size wraps at 4 GiB, as in the trailer */
};

int kist_gzip_decode_begin(void *self, void **ret_decoder, struct kist_error *err)
{
    const struct kist_gzip *gzip = self;
    struct decoder *decoder = calloc(1, sizeof *decoder);
    struct kist_gzip_inflate *inflate = kist_gzip_inflate_new();
    if (!decoder || !inflate) {
        kist_gzip_inflate_free(inflate);
        free(decoder);
        return gzip->host->fail(gzip->host, err, KIST_ERR_FAILED, "out of memory for a gzip decoder");
    }
    decoder->gzip = gzip;
    decoder->inflate = inflate;
    *ret_decoder = decoder;
    return 0;
}

void kist_gzip_decode_end(void *decoder)
{
    struct decoder *ending = decoder;
    if (!ending)
        return;
    kist_gzip_inflate_free(ending->inflate);
    free(ending);
}

/* Nothing of a stream is used once it was found damaged. */
static int damaged(struct decoder *decoder, struct kist_error *err, const char *what)
{
    const struct kist_host *host = decoder->gzip->host;
    decoder->state = BROKEN;
    return host->fail(host, err, KIST_ERR_CORRUPT, "gzip member at byte %llu %s (seen at byte %llu)",
                      (unsigned long long)decoder->member_start, what, (unsigned long long)decoder->position);
}

static uint32_t little_endian(const unsigned char *bytes, size_t count)
{
    uint32_t value = 0;
    while (count-- > 0)
        value = value << 8 | bytes[count];
    return value;
}

static void skip_input(struct decoder *decoder, size_t size)
{
    decoder->span.in += size;
    decoder->span.in_size -= size;
    decoder->position += size;
}

/* Takes `size` bytes of a header. Their CRC counts only if the header turns out to have one. */
static void take_header_bytes(struct decoder *decoder, size_t size)
{
    decoder->header_crc = kist_gzip_crc32(decoder->header_crc, decoder->span.in, size);
    skip_input(decoder, size);
}

/* Copies input into the field until it has `wanted` bytes; returns whether it has. */
static int collect(struct decoder *decoder, size_t wanted)
{
    size_t size = wanted - decoder->field_size;
    if (size > decoder->span.in_size)
        size = decoder->span.in_size;
    if (size > 0) {
        memcpy(decoder->field + decoder->field_size, decoder->span.in, size);
        decoder->field_size += size;
        skip_input(decoder, size);
    }
    return decoder->field_size == wanted;
}

/* Goes to the next part of the member. */
static void enter(struct decoder *decoder, enum state state)
{
    decoder->state = state;
    decoder->field_size = 0;
}

static int check_header_start(struct decoder *decoder, struct kist_error *err)
{
    static const unsigned char magic[] = {0x1f, 0x8b};
    const struct kist_host *host = decoder->gzip->host;
    size_t count = decoder->field_size;
    if (memcmp(decoder->field, magic, count < sizeof magic ? count : sizeof magic) != 0) {
        decoder->state = BROKEN;
        if (decoder->members == 0)
            return host->fail(host, err, KIST_ERR_CORRUPT,
                              "this is not a gzip stream: it does not start with a member");
        return host->fail(host, err, KIST_ERR_CORRUPT,
                          "gzip stream goes on with something else at byte %llu, after %llu members",
                          (unsigned long long)decoder->member_start, (unsigned long long)decoder->members);
    }
    if (count > 2 && decoder->field[2] != 8)
        return damaged(decoder, err, "has an unknown compression method");
    if (count > 3 && decoder->field[3] & FLAGS_RESERVED)
        return damaged(decoder, err, "has unknown flags in its header");
    return 0;
}

static int read_header(struct decoder *decoder, int *ret_more, struct kist_error *err)
{
    if (decoder->field_size == 0)
        decoder->member_start = decoder->position;
    *ret_more = collect(decoder, HEADER_SIZE);
    int code = check_header_start(decoder, err);
    if (code || !*ret_more)
        return code;
    decoder->flags = decoder->field[3];
    decoder->header_crc = kist_gzip_crc32(0, decoder->field, HEADER_SIZE);
    enter(decoder, EXTRA_SIZE);
    return 0;
}

static int read_extra_size(struct decoder *decoder, int *ret_more)
{
    if (decoder->flags & FLAG_EXTRA) {
        *ret_more = collect(decoder, 2);
        if (!*ret_more)
            return 0;
        decoder->extra_left = little_endian(decoder->field, 2);
        decoder->header_crc = kist_gzip_crc32(decoder->header_crc, decoder->field, 2);
    }
    enter(decoder, EXTRA);
    return 0;
}

static int skip_extra(struct decoder *decoder, int *ret_more)
{
    size_t size = decoder->extra_left < decoder->span.in_size ? decoder->extra_left : decoder->span.in_size;
    take_header_bytes(decoder, size);
    decoder->extra_left -= size;
    *ret_more = decoder->extra_left == 0;
    if (*ret_more)
        enter(decoder, NAME);
    return 0;
}

/* A name or a comment: everything up to a zero byte. */
static int skip_text(struct decoder *decoder, unsigned flag, enum state next, int *ret_more)
{
    if (decoder->flags & flag) {
        const unsigned char *in = decoder->span.in;
        const unsigned char *end = decoder->span.in_size ? memchr(in, 0, decoder->span.in_size) : NULL;
        take_header_bytes(decoder, end ? (size_t)(end - in) + 1 : decoder->span.in_size);
        *ret_more = end != NULL;
        if (!end)
            return 0;
    }
    enter(decoder, next);
    return 0;
}

static int check_header_crc(struct decoder *decoder, int *ret_more, struct kist_error *err)
{
    if (decoder->flags & FLAG_HEADER_CRC) {
        *ret_more = collect(decoder, 2);
        if (!*ret_more)
            return 0;
        if (little_endian(decoder->field, 2) != (decoder->header_crc & 0xffff))
            return damaged(decoder, err, "has a damaged header: its checksum is wrong");
    }
    enter(decoder, DATA);
    decoder->crc = decoder->size = 0;
    kist_gzip_inflate_reset(decoder->inflate);
    return 0;
}

static int read_data(struct decoder *decoder, int *ret_more, struct kist_error *err)
{
    struct kist_gzip_span before = decoder->span;
    size_t held = 0;
    int result = kist_gzip_inflate_run(decoder->inflate, &decoder->span, decoder->field, &held);
    size_t taken = before.in_size - decoder->span.in_size, given = before.out_size - decoder->span.out_size;
    decoder->position += taken;
    if (result == KIST_GZIP_INFLATE_MEMORY)
        return decoder->gzip->host->fail(decoder->gzip->host, err, KIST_ERR_FAILED,
                                         "out of memory for a gzip decoder");
    if (result < 0)
        return damaged(decoder, err, "has damaged data");
    if (given > 0)
        decoder->crc = kist_gzip_crc32(decoder->crc, before.out, given);
    decoder->size += (uint32_t)given;
    if (result == KIST_GZIP_INFLATE_END) {
        enter(decoder, TRAILER);
        decoder->field_size = held;
        *ret_more = 1;
        return 0;
    }
    *ret_more = (taken > 0 || given > 0) && decoder->span.out_size > 0;
    return 0;
}

static int check_trailer(struct decoder *decoder, int *ret_more, struct kist_error *err)
{
    *ret_more = collect(decoder, TRAILER_SIZE);
    if (!*ret_more)
        return 0;
    if (little_endian(decoder->field, 4) != decoder->crc)
        return damaged(decoder, err, "is damaged: the checksum of its data is wrong");
    if (little_endian(decoder->field + 4, 4) != decoder->size)
        return damaged(decoder, err, "is damaged: its data has another size than it says");
    decoder->members++;
    enter(decoder, HEADER);
    return 0;
}

/* Works on the current part of the member. `ret_more` is 0 when the rest needs more input or more room. */
static int step(struct decoder *decoder, int *ret_more, struct kist_error *err)
{
    *ret_more = 1;
    switch (decoder->state) {
    case HEADER: return read_header(decoder, ret_more, err);
    case EXTRA_SIZE: return read_extra_size(decoder, ret_more);
    case EXTRA: return skip_extra(decoder, ret_more);
    case NAME: return skip_text(decoder, FLAG_NAME, COMMENT, ret_more);
    case COMMENT: return skip_text(decoder, FLAG_COMMENT, HEADER_CRC, ret_more);
    case HEADER_CRC: return check_header_crc(decoder, ret_more, err);
    case DATA: return read_data(decoder, ret_more, err);
    case TRAILER: return check_trailer(decoder, ret_more, err);
    case BROKEN: break;
    }
    return decoder->gzip->host->fail(decoder->gzip->host, err, KIST_ERR_CORRUPT,
                                     "gzip stream was already found damaged at byte %llu",
                                     (unsigned long long)decoder->position);
}

int kist_gzip_decode(void *decoder, const void *data, size_t size, size_t *ret_taken, void *out, size_t capacity,
                     size_t *ret_given, struct kist_error *err)
{
    struct decoder *decoding = decoder;
    /* Without input or room the pointers may be NULL, which is no place to add even 0 to. */
    decoding->span = (struct kist_gzip_span){.in = size ? data : decoding->field,
                                             .in_size = size,
                                             .out = capacity ? out : decoding->field,
                                             .out_size = capacity};
    int more = 1;
    while (more) {
        int code = step(decoding, &more, err);
        if (code)
            return code;
    }
    *ret_taken = size - decoding->span.in_size;
    *ret_given = capacity - decoding->span.out_size;
    return 0;
}

int kist_gzip_decode_finish(void *decoder, struct kist_error *err)
{
    struct decoder *decoding = decoder;
    const struct kist_host *host = decoding->gzip->host;
    unsigned long long position = decoding->position;
    /* The end of the data may not have been looked at yet, if the last output was filled to the brim. */
    size_t taken = 0, given = 0;
    if (decoding->state == DATA && kist_gzip_decode(decoder, NULL, 0, &taken, NULL, 0, &given, err))
        return KIST_ERR_CORRUPT;
    if (decoding->state == BROKEN)
        return host->fail(host, err, KIST_ERR_CORRUPT, "gzip stream is damaged at byte %llu", position);
    if (position == 0)
        return host->fail(host, err, KIST_ERR_CORRUPT, "gzip stream is empty: it has no member at all");
    if (decoding->state != HEADER || decoding->field_size > 0)
        return host->fail(host, err, KIST_ERR_CORRUPT,
                          "gzip stream is cut off after %llu bytes, inside the member at byte %llu", position,
                          (unsigned long long)decoding->member_start);
    return 0;
}
