/* mirror_digest.c - the bytes of an object against the checksum that its store keeps. */
#include "mirror.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct mirror_digest {
    EVP_MD_CTX *context;
    char hex[2 * EVP_MAX_MD_SIZE + 1];
};

/* The kind of a checksum and its digits, or NULL for one that is not known. */
static const EVP_MD *kind_of(const char *checksum, const char **ret_hex)
{
    static const struct {
        const char *name;
        const EVP_MD *(*kind)(void);
    } kinds[] = {{"sha256:", EVP_sha256}, {"md5:", EVP_md5}};
    for (size_t i = 0; checksum && i < sizeof kinds / sizeof *kinds; i++) {
        size_t length = strlen(kinds[i].name);
        if (strncmp(checksum, kinds[i].name, length) == 0) {
            *ret_hex = checksum + length;
            return kinds[i].kind();
        }
    }
    return NULL;
}

int mirror_digest_new(const struct kist_host *host, const char *checksum, struct mirror_digest **ret_digest,
                      struct kist_error *err)
{
    const char *hex = NULL;
    const EVP_MD *kind = kind_of(checksum, &hex);
    *ret_digest = NULL;
    if (!kind || strlen(hex) != 2 * (size_t)EVP_MD_get_size(kind))
        return 0;
    struct mirror_digest *digest = calloc(1, sizeof *digest);
    if (digest)
        digest->context = EVP_MD_CTX_new();
    if (!digest || !digest->context || !EVP_DigestInit_ex(digest->context, kind, NULL)) {
        mirror_digest_free(digest);
        return host->fail(host, err, KIST_ERR_FAILED, "cannot begin a checksum of the kind '%.*s'",
                          (int)(hex - checksum - 1), checksum);
    }
    memcpy(digest->hex, hex, strlen(hex) + 1);
    *ret_digest = digest;
    return 0;
}

void mirror_digest_free(struct mirror_digest *digest)
{
    if (!digest)
        return;
    EVP_MD_CTX_free(digest->context);
    free(digest);
}

int mirror_digest_update(struct mirror_digest *digest, const void *data, size_t size)
{
    return !digest || size == 0 || EVP_DigestUpdate(digest->context, data, size) == 1;
}

int mirror_digest_fits(struct mirror_digest *digest)
{
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    char hex[2 * EVP_MAX_MD_SIZE + 1];
    if (!digest)
        return 1;
    if (!EVP_DigestFinal_ex(digest->context, sum, &size))
        return 0;
    for (unsigned int i = 0; i < size; i++)
        snprintf(hex + 2 * i, 3, "%02x", sum[i]);
    return strcmp(hex, digest->hex) == 0;
}
