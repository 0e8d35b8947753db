/* header_write.c - a header for the recipients, or for the passphrase, of the instance. */
#include "age_header.h"

#include "age_text.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

/* Text that is put together in someone else's memory. */
struct text {
    char *out;
    size_t size, capacity;
    int too_long;
};

static void add(struct text *text, const char *part, size_t length)
{
    if (text->too_long || length > text->capacity - text->size) {
        text->too_long = 1;
        return;
    }
    memcpy(text->out + text->size, part, length);
    text->size += length;
}

static void add_words(struct text *text, const char *words)
{
    add(text, words, strlen(words));
}

static void add_bytes(struct text *text, const unsigned char *bytes, size_t size)
{
    char coded[AGE_BASE64_SIZE(AGE_KEY_SIZE)];
    kist_age_base64_write(bytes, size, coded);
    add(text, coded, AGE_BASE64_SIZE(size));
}

static int libcrypto_failed(const struct kist_host *host, struct kist_error *err)
{
    return host->fail(host, err, KIST_ERR_FAILED, "libcrypto cannot make the header of an age file");
}

static void add_body(struct text *text, const unsigned char *body)
{
    add_words(text, "\n");
    add_bytes(text, body, AGE_BODY_SIZE);
    add_words(text, "\n");
}

/* Wraps the file key with a key that it wipes. */
static int wrap(const struct kist_host *host, unsigned char *key, const unsigned char *file_key, struct text *text,
                struct kist_error *err)
{
    unsigned char body[AGE_BODY_SIZE];
    int rc = kist_age_wrap(key, file_key, body);
    OPENSSL_cleanse(key, AGE_KEY_SIZE);
    if (rc)
        return libcrypto_failed(host, err);
    add_body(text, body);
    return 0;
}

/* With a share of its own for each, so that nobody sees which files have a recipient in common. */
static int add_recipient(const struct kist_host *host, const struct kist_age_recipient *recipient,
                         const unsigned char *file_key, struct text *text, struct kist_error *err)
{
    unsigned char secret[AGE_KEY_SIZE], share[AGE_KEY_SIZE], key[AGE_KEY_SIZE];
    int code = host->random(host, secret, sizeof secret, err);
    if (code)
        return code;
    int rc = kist_age_x25519_public(secret, share);
    if (!rc && kist_age_x25519_wrap_key(secret, recipient->public, share, recipient->public, key))
        code = host->fail(host, err, KIST_ERR_CONFIG, "recipients: '%s' is a key that keeps nothing secret",
                          recipient->text);
    OPENSSL_cleanse(secret, sizeof secret);
    if (rc)
        return libcrypto_failed(host, err);
    if (code)
        return code;
    add_words(text, "-> X25519 ");
    add_bytes(text, share, sizeof share);
    return wrap(host, key, file_key, text, err);
}

static int add_passphrase(const struct kist_age *age, const unsigned char *file_key, struct text *text,
                          struct kist_error *err)
{
    const struct kist_host *host = age->host;
    unsigned char salt[AGE_SALT_SIZE], key[AGE_KEY_SIZE];
    char number[16];
    int code = host->random(host, salt, sizeof salt, err);
    if (code)
        return code;
    if (kist_age_scrypt(age->passphrase, salt, age->work_factor, key)) {
        code =
            host->fail(host, err, KIST_ERR_FAILED, "scrypt with work_factor = %u fails: it takes %u KiB of memory",
                       age->work_factor, 1U << age->work_factor);
        host->hint(host, err, "use recipients instead, or a smaller work_factor");
        return code;
    }
    add_words(text, "-> scrypt ");
    add_bytes(text, salt, sizeof salt);
    snprintf(number, sizeof number, " %u", age->work_factor);
    add_words(text, number);
    return wrap(host, key, file_key, text, err);
}

int kist_age_header_write(const struct kist_age *age, const unsigned char *file_key, char *out, size_t capacity,
                          size_t *ret_size, struct kist_error *err)
{
    const struct kist_host *host = age->host;
    struct text text = {.out = out, .capacity = capacity};
    unsigned char mac[AGE_MAC_SIZE];
    int code = 0;
    add_words(&text, AGE_INTRO);
    for (size_t i = 0; i < age->recipient_count && !code; i++)
        code = add_recipient(host, &age->recipients[i], file_key, &text, err);
    if (!code && age->recipient_count == 0)
        code = add_passphrase(age, file_key, &text, err);
    if (code)
        return code;
    add_words(&text, "---");
    if (!text.too_long && kist_age_mac(file_key, text.out, text.size, mac))
        return libcrypto_failed(host, err);
    add_words(&text, " ");
    add_bytes(&text, mac, sizeof mac);
    add_words(&text, "\n");
    if (text.too_long)
        return host->fail(host, err, KIST_ERR_BUG, "the header of an age file does not fit into %zu bytes",
                          capacity);
    *ret_size = text.size;
    return 0;
}
