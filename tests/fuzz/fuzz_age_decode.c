/* fuzz_age_decode.c - any bytes through the age filter's decoder, and through its reader of keys. No header can be
 * changed and stay authentic, so most inputs are made into a file whose header fits: that of the fixed identity below, with
 * the input as its chunks. */
#include "age_filter.h"
#include "age_header.h"
#include "age_text.h"

#include <kist/plugin.h>
#include <test_filter.h>
#include <test_host.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

extern const struct kist_filter kist_plugin;

#define OUTPUT_ROOM ((size_t)70000)

static struct kist_test_host test;
static struct kist_age age;
static struct kist_age_identity identity;
static struct kist_test_bytes header; /* of a file that the identity opens */

static void stop_if(int broken)
{
    if (broken)
        abort();
}

static void prepare(void)
{
    static struct kist_age_recipient recipient = {.text = "fixed"};
    unsigned char out[1000];
    size_t size = 0;
    void *encoder = NULL;
    if (age.host)
        return;
    stop_if(kist_test_host_init(&test));
    memset(identity.secret, 7, sizeof identity.secret);
    stop_if(kist_age_x25519_public(identity.secret, identity.public));
    memcpy(recipient.public, identity.public, sizeof recipient.public);
    age = (struct kist_age){.host = &test.host,
                            .recipients = &recipient,
                            .recipient_count = 1,
                            .identities = &identity,
                            .identity_count = 1,
                            .identity_file = "fixed",
                            .work_factor = 1};
    stop_if(kist_age_encode_begin(&age, out, sizeof out, &size, &encoder, &test.err));
    kist_age_encode_end(encoder);
    kist_test_append(&header, out, size);
}

static int decode(const struct kist_test_bytes *file, size_t piece, size_t room, struct kist_test_bytes *back)
{
    kist_test_host_clear(&test);
    int code = kist_test_filter_decode(&kist_plugin, &age, file->data, file->size, piece, room, back, &test.err);
    stop_if(code == KIST_ERR_BUG || (code && (test.err.code != code || !test.err.message)));
    return code;
}

/* In one piece and in small ones: both must end alike. */
static void decode_both(const struct kist_test_bytes *file, uint8_t shape)
{
    struct kist_test_bytes whole = {.data = NULL}, pieces = {.data = NULL};
    int one = decode(file, SIZE_MAX, OUTPUT_ROOM, &whole);
    int other = decode(file, (size_t)(shape & 15) + 1, (size_t)(shape >> 4) * 100 + 1, &pieces);
    stop_if(one != other || whole.size != pieces.size ||
            (whole.size > 0 && memcmp(whole.data, pieces.data, whole.size) != 0));
    kist_test_bytes_free(&whole);
    kist_test_bytes_free(&pieces);
}

/* A text that is read as a key is written as the same text. */
static void read_keys(const uint8_t *data, size_t size)
{
    char *text = calloc(1, size + 1), again[AGE_BECH32_ROOM];
    unsigned char key[AGE_KEY_SIZE];
    stop_if(!text);
    memcpy(text, data, size);
    if (!kist_age_bech32_read(text, "age", key)) {
        kist_age_bech32_write("age", key, again);
        stop_if(strcasecmp(text, again) != 0);
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kist_test_bytes file = {.data = NULL};
    if (size < 2)
        return 0;
    prepare();
    read_keys(data, size);
    if (data[1] & 1)
        kist_test_append(&file, header.data, header.size);
    kist_test_append(&file, data + 2, size - 2);
    decode_both(&file, data[0]);
    kist_test_bytes_free(&file);
    return 0;
}
