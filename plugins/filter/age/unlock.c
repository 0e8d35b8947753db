/* unlock.c - from a header to the file key, with an identity or a passphrase. */
#include "age_header.h"

#include <openssl/crypto.h>

/* What came of trying a stanza. */
enum trial {
    OPENED,
    ANOTHERS,
    BROKEN, /* `err` says it */
};

static int libcrypto_failed(const struct kist_host *host, struct kist_error *err)
{
    return host->fail(host, err, KIST_ERR_FAILED, "libcrypto cannot open the header of an age file");
}

static enum trial open_body(const struct kist_host *host, const struct kist_age_stanza *stanza,
                            const unsigned char *key, unsigned char *ret_file_key, struct kist_error *err)
{
    int rc = kist_age_unwrap(key, stanza->body, ret_file_key);
    if (rc < 0)
        libcrypto_failed(host, err);
    return rc < 0 ? BROKEN : rc > 0 ? ANOTHERS : OPENED;
}

static enum trial try_identity(const struct kist_host *host, const struct kist_age_stanza *stanza,
                               const struct kist_age_identity *identity, unsigned char *ret_file_key,
                               struct kist_error *err)
{
    unsigned char key[AGE_KEY_SIZE];
    if (kist_age_x25519_wrap_key(identity->secret, stanza->share, stanza->share, identity->public, key)) {
        host->fail(host, err, KIST_ERR_CORRUPT,
                   "age header is damaged: a share for X25519 is one that keeps nothing secret");
        return BROKEN;
    }
    enum trial trial = open_body(host, stanza, key, ret_file_key, err);
    OPENSSL_cleanse(key, sizeof key);
    return trial;
}

static enum trial try_identities(const struct kist_age *age, const struct kist_age_stanza *stanza,
                                 unsigned char *ret_file_key, struct kist_error *err)
{
    enum trial trial = ANOTHERS;
    for (size_t i = 0; i < age->identity_count && trial == ANOTHERS; i++)
        trial = try_identity(age->host, stanza, &age->identities[i], ret_file_key, err);
    return trial;
}

/* Anybody can write a header that asks for much memory, so more than usual has to be allowed first. */
static int may_spend(const struct kist_age *age, unsigned work_factor, struct kist_error *err)
{
    const struct kist_host *host = age->host;
    if (work_factor <= AGE_WORK_FACTOR_ASKED || work_factor <= age->work_factor)
        return 1;
    host->fail(host, err, KIST_ERR_REFUSED,
               "the passphrase of this file has a work factor of %u, which takes %u MiB", work_factor,
               1U << (work_factor - 10));
    host->hint(host, err, "set work_factor = %u to allow that", work_factor);
    return 0;
}

static enum trial try_passphrase(const struct kist_age *age, const struct kist_age_stanza *stanza,
                                 unsigned char *ret_file_key, struct kist_error *err)
{
    const struct kist_host *host = age->host;
    unsigned char key[AGE_KEY_SIZE];
    if (!age->passphrase)
        return ANOTHERS;
    if (!may_spend(age, stanza->work_factor, err))
        return BROKEN;
    if (kist_age_scrypt(age->passphrase, stanza->share, stanza->work_factor, key)) {
        host->fail(host, err, KIST_ERR_FAILED, "scrypt with a work factor of %u fails: it takes %u KiB of memory",
                   stanza->work_factor, 1U << stanza->work_factor);
        return BROKEN;
    }
    enum trial trial = open_body(host, stanza, key, ret_file_key, err);
    OPENSSL_cleanse(key, sizeof key);
    return trial;
}

static enum trial try_all(const struct kist_age *age, const struct kist_age_header *header,
                          unsigned char *ret_file_key, struct kist_error *err)
{
    enum trial trial = ANOTHERS;
    for (size_t i = 0; i < header->stanza_count && trial == ANOTHERS; i++) {
        const struct kist_age_stanza *stanza = &header->stanzas[i];
        trial = stanza->kind == KIST_AGE_SCRYPT ? try_passphrase(age, stanza, ret_file_key, err)
                                                : try_identities(age, stanza, ret_file_key, err);
    }
    return trial;
}

static int no_match(const struct kist_age *age, const struct kist_age_header *header, struct kist_error *err)
{
    const struct kist_host *host = age->host;
    const int by_passphrase = header->stanza_count > 0 && header->stanzas[0].kind == KIST_AGE_SCRYPT;
    int code = KIST_ERR_CORRUPT;
    if (by_passphrase && age->passphrase) {
        host->fail(host, err, code, "the passphrase does not open this file");
        host->hint(host, err, "it was encrypted with another one, or its header was changed");
    } else if (by_passphrase) {
        host->fail(host, err, code, "no identity of '%s' opens this file: it was encrypted with a passphrase",
                   age->identity_file);
        host->hint(host, err, "set passphrase_file = FILE in the filter's section");
    } else if (age->identity_file) {
        host->fail(host, err, code, "no identity of '%s' opens this file: it is encrypted to %zu others",
                   age->identity_file, header->stanza_count + header->others);
        host->hint(host, err, "set identity_file to the file with the identity of one of its recipients");
    } else {
        host->fail(host, err, code, "the passphrase does not open this file: it is encrypted to recipients");
        host->hint(host, err, "set identity_file = FILE, a file with the identity of one of them");
    }
    return code;
}

int kist_age_unlock(const struct kist_age *age, const struct kist_age_header *header, unsigned char *ret_file_key,
                    struct kist_error *err)
{
    const struct kist_host *host = age->host;
    unsigned char mac[AGE_MAC_SIZE];
    enum trial trial = try_all(age, header, ret_file_key, err);
    if (trial == BROKEN)
        return err->code;
    if (trial == ANOTHERS)
        return no_match(age, header, err);
    if (kist_age_mac(ret_file_key, header->text, header->mac_size, mac))
        return libcrypto_failed(host, err);
    if (CRYPTO_memcmp(mac, header->mac, sizeof mac) != 0)
        return host->fail(host, err, KIST_ERR_CORRUPT, "age header was changed: its MAC does not match");
    return 0;
}
