/* age_filter.h - what the files of the age filter share: the instance and the callbacks of struct kist_filter. */
#ifndef KIST_AGE_FILTER_H
#define KIST_AGE_FILTER_H

#include <kist/plugin.h>

#include "age_crypto.h"

/* The format's own sizes. */
#define AGE_CHUNK ((size_t)64 * 1024)         /* raw bytes of every chunk but the last */
#define AGE_SEALED (AGE_CHUNK + AGE_TAG_SIZE) /* the same, encrypted */
#define AGE_HEADER_MAX ((size_t)64 * 1024)    /* the most that is read or written as a header */
#define AGE_WORK_FACTOR_MAX 22                /* more is a broken header to every reader of the format */
#define AGE_WORK_FACTOR_ASKED 20              /* more than 1 GiB of memory is spent only when it is configured */
#define AGE_INTRO "age-encryption.org/v1\n"

/* A block is so many chunks: large enough that the cost of handing blocks around is not seen. */
#define AGE_BLOCK_CHUNKS 16

struct kist_age_config {
    kist_list recipients;
    kist_secret passphrase;
    const char *identity_file;
    int64_t work_factor;
};

struct kist_age_recipient {
    unsigned char public[AGE_KEY_SIZE];
    const char *text; /* kept; as it is printed */
};

struct kist_age_identity {
    unsigned char secret[AGE_KEY_SIZE];
    unsigned char public[AGE_KEY_SIZE];
};

/* The instance; only read once it is open. */
struct kist_age {
    const struct kist_host *host;
    struct kist_age_recipient *recipients; /* sorted by their texts, each once */
    size_t recipient_count;
    struct kist_age_identity *identities;
    size_t identity_count, identity_room;
    const char *identity_file; /* kept, or NULL */
    const char *passphrase;    /* kept, or NULL; secret */
    unsigned work_factor;
    char *settings;
};

/* keys.c: what the options say. Both fail with KIST_ERR_CONFIG, and never repeat what could be a secret. */
int kist_age_read_recipients(struct kist_age *age, const kist_list *list, struct kist_error *err) KIST_CHECKED;
/* identity_file.c */
int kist_age_read_identities(struct kist_age *age, struct kist_error *err) KIST_CHECKED;
void kist_age_keys_done(struct kist_age *age);

/* The callbacks of struct kist_filter; their contracts stand there. */
int kist_age_encode_begin(void *self, void *out, size_t capacity, size_t *ret_size, void **ret_encoder,
                          struct kist_error *err);
void kist_age_encode_end(void *encoder);
uint64_t kist_age_encoded_bound(void *self, uint64_t size);
int kist_age_worker_open(void *encoder, void **ret_worker, struct kist_error *err);
void kist_age_worker_close(void *worker);
int kist_age_encode(void *worker, const struct kist_block *block, void *out, size_t capacity, size_t *ret_size,
                    struct kist_error *err);
int kist_age_decode_begin(void *self, void **ret_decoder, struct kist_error *err);
int kist_age_decode(void *decoder, const void *data, size_t size, size_t *ret_taken, void *out, size_t capacity,
                    size_t *ret_given, struct kist_error *err);
int kist_age_decode_finish(void *decoder, struct kist_error *err);
void kist_age_decode_end(void *decoder);
int kist_age_new_key(const struct kist_host *host, kist_key_fn give, void *arg, struct kist_error *err);
int kist_age_can_decode(void *self, struct kist_error *err);

#endif
