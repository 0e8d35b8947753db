/* keys.c - recipients as the configuration names them, and new pairs of keys. */
#include "age_filter.h"

#include "age_text.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define RECIPIENT_HRP "age"
#define IDENTITY_HRP "age-secret-key-"
#define IDENTITY_START "AGE-SECRET-KEY-"

/* More would not fit into the header that others read. */
#define RECIPIENTS_MAX 500

static int starts(const char *text, const char *start)
{
    return strncasecmp(text, start, strlen(start)) == 0;
}

/* Only what starts like a recipient is repeated: anything else could be a secret in the wrong place. */
static int refuse_recipient(const struct kist_host *host, const char *text, size_t number, const char *wrong,
                            struct kist_error *err)
{
    if (starts(text, IDENTITY_START)) {
        int code = host->fail(host, err, KIST_ERR_CONFIG,
                              "recipients: number %zu is an identity, which is secret, not a recipient", number);
        host->hint(host, err,
                   "name its recipient here, which 'age-keygen -y FILE' prints; a machine that only "
                   "writes backups needs no identity");
        return code;
    }
    if (starts(text, "age1pq1"))
        return host->fail(host, err, KIST_ERR_CONFIG,
                          "recipients: '%s' is post-quantum, which this filter does not know", text);
    if (starts(text, "ssh-")) {
        int code = host->fail(host, err, KIST_ERR_CONFIG,
                              "recipients: number %zu is an SSH key, which this filter does not take", number);
        host->hint(host, err, "'kist key new' makes a recipient, and the identity for it");
        return code;
    }
    if (starts(text, "age1") && strchr(text + 4, '1'))
        return host->fail(host, err, KIST_ERR_CONFIG,
                          "recipients: '%s' belongs to a plugin of age, which this filter does not know", text);
    if (starts(text, "age1"))
        return host->fail(host, err, KIST_ERR_CONFIG, "recipients: '%s' is not valid: %s", text, wrong);
    int code = host->fail(host, err, KIST_ERR_CONFIG, "recipients: number %zu is not valid: %s", number, wrong);
    host->hint(host, err, "a recipient starts with 'age1'");
    return code;
}

static int read_recipient(struct kist_age *age, const char *text, size_t number, struct kist_error *err)
{
    const struct kist_host *host = age->host;
    struct kist_age_recipient *recipient = &age->recipients[age->recipient_count];
    const char *wrong = kist_age_bech32_read(text, RECIPIENT_HRP, recipient->public);
    if (!wrong && text[0] != 'a')
        wrong = "it is in upper case";
    if (wrong)
        return refuse_recipient(host, text, number, wrong, err);
    recipient->text = text;
    age->recipient_count++;
    return 0;
}

static int by_text(const void *a, const void *b)
{
    const struct kist_age_recipient *one = a, *other = b;
    return strcmp(one->text, other->text);
}

/* Sorts them and drops those that are named twice. */
static void tidy(struct kist_age *age)
{
    size_t kept = 0;
    qsort(age->recipients, age->recipient_count, sizeof *age->recipients, by_text);
    for (size_t i = 0; i < age->recipient_count; i++)
        if (kept == 0 || strcmp(age->recipients[kept - 1].text, age->recipients[i].text) != 0)
            age->recipients[kept++] = age->recipients[i];
    age->recipient_count = kept;
}

int kist_age_read_recipients(struct kist_age *age, const kist_list *list, struct kist_error *err)
{
    const struct kist_host *host = age->host;
    if (list->count == 0)
        return 0;
    if (list->count > RECIPIENTS_MAX)
        return host->fail(host, err, KIST_ERR_CONFIG, "recipients: %llu are more than a file can have: %d",
                          (unsigned long long)list->count, RECIPIENTS_MAX);
    age->recipients = calloc((size_t)list->count, sizeof *age->recipients);
    if (!age->recipients)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    for (size_t i = 0; i < list->count; i++) {
        int code = read_recipient(age, list->items[i], i + 1, err);
        if (code)
            return code;
    }
    tidy(age);
    return 0;
}

int kist_age_new_key(const struct kist_host *host, kist_key_fn give, void *arg, struct kist_error *err)
{
    unsigned char secret[AGE_KEY_SIZE], public[AGE_KEY_SIZE];
    char identity[AGE_BECH32_ROOM], recipient[AGE_BECH32_ROOM];
    const struct kist_key key = {.struct_size = sizeof key, .identity = identity, .recipient = recipient};
    int code = host->random(host, secret, sizeof secret, err);
    if (!code && kist_age_x25519_public(secret, public))
        code = host->fail(host, err, KIST_ERR_FAILED, "libcrypto cannot make a key for X25519");
    if (!code) {
        kist_age_bech32_write(IDENTITY_HRP, secret, identity);
        for (char *c = identity; *c; c++)
            *c = *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c;
        kist_age_bech32_write(RECIPIENT_HRP, public, recipient);
        code = give(arg, &key);
    }
    OPENSSL_cleanse(secret, sizeof secret);
    OPENSSL_cleanse(identity, sizeof identity);
    return code;
}
