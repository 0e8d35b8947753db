/* encode.c - a header for the stream, then chunks that do not depend on each other. */
#include "age_header.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_NONCE_SIZE 12
#define BLOCK (AGE_BLOCK_CHUNKS * AGE_CHUNK)

/* What the workers of a stream share. */
struct encoder {
    const struct kist_host *host;
    unsigned char key[AGE_KEY_SIZE];
};

struct worker {
    const struct kist_host *host;
    EVP_CIPHER_CTX *context;
};

static int nobody_to_encrypt_to(const struct kist_age *age, struct kist_error *err)
{
    const struct kist_host *host = age->host;
    int code = host->fail(host, err, KIST_ERR_CONFIG, "there is nobody to encrypt to: recipients is not set");
    if (age->identity_count > 0)
        host->hint(host, err, "set recipients to what 'age-keygen -y %s' prints", age->identity_file);
    else
        host->hint(host, err, "'kist key new' makes a pair of keys; or set passphrase_file");
    return code;
}

static int begin(const struct kist_age *age, struct encoder *encoder, unsigned char *out, size_t capacity,
                 size_t *ret_size, struct kist_error *err)
{
    const struct kist_host *host = age->host;
    unsigned char file_key[AGE_FILE_KEY_SIZE];
    size_t size = 0;
    if (capacity < AGE_NONCE_SIZE)
        return host->fail(host, err, KIST_ERR_BUG, "no room for the header of an age file");
    int code = host->random(host, file_key, sizeof file_key, err);
    if (!code)
        code = kist_age_header_write(age, file_key, (char *)out, capacity - AGE_NONCE_SIZE, &size, err);
    if (!code)
        code = host->random(host, out + size, AGE_NONCE_SIZE, err);
    if (!code && kist_age_stream_key(file_key, out + size, encoder->key))
        code = host->fail(host, err, KIST_ERR_FAILED, "libcrypto cannot make the key of an age file");
    OPENSSL_cleanse(file_key, sizeof file_key);
    if (!code)
        *ret_size = size + AGE_NONCE_SIZE;
    return code;
}

int kist_age_encode_begin(void *self, void *out, size_t capacity, size_t *ret_size, void **ret_encoder,
                          struct kist_error *err)
{
    const struct kist_age *age = self;
    const struct kist_host *host = age->host;
    if (age->recipient_count == 0 && !age->passphrase)
        return nobody_to_encrypt_to(age, err);
    struct encoder *encoder = calloc(1, sizeof *encoder);
    if (!encoder)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    encoder->host = host;
    int code = begin(age, encoder, out, capacity, ret_size, err);
    if (code)
        kist_age_encode_end(encoder);
    else
        *ret_encoder = encoder;
    return code;
}

void kist_age_encode_end(void *encoder)
{
    if (encoder)
        OPENSSL_cleanse(encoder, sizeof(struct encoder));
    free(encoder);
}

/* Only a stream of no bytes has an empty chunk. */
static uint64_t chunk_count(uint64_t size)
{
    return size == 0 ? 1 : (size - 1) / AGE_CHUNK + 1;
}

uint64_t kist_age_encoded_bound(void *self, uint64_t size)
{
    (void)self;
    const uint64_t tags = chunk_count(size) * AGE_TAG_SIZE;
    return size > UINT64_MAX - tags ? UINT64_MAX : size + tags;
}

int kist_age_worker_open(void *encoder, void **ret_worker, struct kist_error *err)
{
    const struct encoder *shared = encoder;
    const struct kist_host *host = shared->host;
    struct worker *worker = calloc(1, sizeof *worker);
    if (!worker)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    worker->host = host;
    worker->context = kist_age_seal_new(shared->key);
    if (!worker->context) {
        kist_age_worker_close(worker);
        return host->fail(host, err, KIST_ERR_FAILED, "libcrypto has no memory, or no ChaCha20-Poly1305");
    }
    *ret_worker = worker;
    return 0;
}

void kist_age_worker_close(void *worker)
{
    struct worker *closing = worker;
    if (!closing)
        return;
    kist_age_cipher_free(closing->context);
    free(closing);
}

static int check_block(const struct kist_host *host, const struct kist_block *block, size_t capacity,
                       struct kist_error *err)
{
    const unsigned long long index = block->index, size = block->size;
    if (block->size > BLOCK || (!block->last && block->size != BLOCK))
        return host->fail(host, err, KIST_ERR_BUG, "block %llu has %llu bytes, which no block can have", index,
                          size);
    if (kist_age_encoded_bound(NULL, block->size) > capacity)
        return host->fail(host, err, KIST_ERR_BUG, "block %llu of %llu bytes does not fit into %zu", index, size,
                          capacity);
    return 0;
}

int kist_age_encode(void *worker, const struct kist_block *block, void *out, size_t capacity, size_t *ret_size,
                    struct kist_error *err)
{
    const struct worker *working = worker;
    const struct kist_host *host = working->host;
    const unsigned char *data = block->data;
    unsigned char nonce[CHUNK_NONCE_SIZE], *sealed = out;
    int code = check_block(host, block, capacity, err);
    if (code)
        return code;
    const uint64_t count = chunk_count(block->size);
    uint64_t left = block->size;
    for (uint64_t i = 0; i < count; i++) {
        const size_t size = left < AGE_CHUNK ? (size_t)left : AGE_CHUNK;
        kist_age_chunk_nonce(block->index * AGE_BLOCK_CHUNKS + i, block->last && i + 1 == count, nonce);
        if (kist_age_seal(working->context, nonce, data, size, sealed))
            return host->fail(host, err, KIST_ERR_FAILED, "libcrypto cannot encrypt block %llu",
                              (unsigned long long)block->index);
        sealed += size + AGE_TAG_SIZE;
        data = size > 0 ? data + size : data;
        left -= size;
    }
    *ret_size = (size_t)(sealed - (unsigned char *)out);
    return 0;
}
