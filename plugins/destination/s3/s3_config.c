/* s3_config.c - what cannot work is said before anything is sent. */
#include "s3.h"

#include <inttypes.h>
#include <string.h>

static int fail(const struct kist_host *host, struct kist_error *err, const char *what, const char *next)
{
    host->fail(host, err, KIST_ERR_CONFIG, "%s", what);
    if (next)
        host->hint(host, err, "%s", next);
    return KIST_ERR_CONFIG;
}

static int check_names(const struct kist_host *host, const struct s3_config *c, struct kist_error *err)
{
    if (!s3_url_is_bucket(c->bucket)) {
        host->fail(host, err, KIST_ERR_CONFIG, "bucket '%s' is no name of a bucket", c->bucket);
        host->hint(host, err,
                   "it has 3 to 63 letters, digits, dots and dashes; what lies below it goes into 'prefix'");
        return KIST_ERR_CONFIG;
    }
    if (c->region && !s3_url_is_region(c->region))
        return fail(host, err, "region is no name of a region", "such as us-east-1");
    if (c->storage_class &&
        strspn(c->storage_class, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != strlen(c->storage_class))
        return fail(host, err, "storage_class is in capitals, such as STANDARD_IA", NULL);
    if (c->storage_class &&
        (strcmp(c->storage_class, "GLACIER") == 0 || strcmp(c->storage_class, "DEEP_ARCHIVE") == 0))
        return fail(host, err,
                    "objects of that storage_class cannot be read at once, and kist reads its manifests",
                    "use GLACIER_IR, or a lifecycle rule that moves old data");
    return 0;
}

static int check_keys(const struct kist_host *host, const struct s3_config *c, struct kist_error *err)
{
    const struct kist_aws_setup setup = {.access_key = c->access_key,
                                         .secret_key = c->secret_key.reveal,
                                         .session_token = c->session_token.reveal,
                                         .profile = c->profile};
    return kist_aws_check_keys(host, &setup, err);
}

static int check_address(const struct kist_host *host, const struct s3_config *c, struct kist_error *err)
{
    if (c->addressing.index != S3_ADDRESSING_VIRTUAL)
        return 0;
    if (c->endpoint && s3_url_is_address(c->endpoint))
        return fail(host, err, "addressing = virtual needs an endpoint with a name, not an address",
                    "set addressing = path");
    if (strchr(c->bucket, '.') && !(c->endpoint && strncmp(c->endpoint, "http://", 7) == 0))
        return fail(host, err,
                    "a bucket with dots in its name does not fit a certificate with addressing = virtual",
                    "set addressing = path");
    return 0;
}

static int check_object(const struct kist_host *host, const struct s3_config *c, struct kist_error *err)
{
    int locked = c->object_lock_mode.index > S3_LOCK_NONE;
    if (c->kms_key && c->sse.index != S3_SSE_KMS)
        return fail(host, err, "kms_key is set without sse = aws:kms", NULL);
    if (locked && c->object_lock_days < 1)
        return fail(host, err, "object_lock_mode is set without object_lock_days", NULL);
    if (!locked && c->object_lock_days > 0)
        return fail(host, err, "object_lock_days is set without object_lock_mode", NULL);
    if (locked && c->checksum.index == S3_CHECKSUM_NONE)
        return fail(host, err, "an object with a lock must be sent with a checksum",
                    "set checksum = sha256 or md5");
    if (c->acl && strncmp(c->acl, "public-", 7) == 0 && !c->allow_public.on)
        return fail(host, err, "that acl lets anybody read the backups",
                    "set another one, or allow_public = yes if that is what you want");
    for (uint64_t i = 0; i < c->tags.count; i++) {
        const char *equals = strchr(c->tags.items[i], '=');
        if (!equals || equals == c->tags.items[i] || !s3_is_utf8(c->tags.items[i]))
            return fail(host, err, "a tag is written NAME=VALUE", NULL);
    }
    return c->tags.count > 10 ? fail(host, err, "an object has at most 10 tags", NULL) : 0;
}

int s3_config_check(const struct kist_host *host, const struct s3_config *config, struct kist_error *err)
{
    int rc = check_names(host, config, err);
    if (rc == 0)
        rc = check_keys(host, config, err);
    if (rc == 0)
        rc = check_address(host, config, err);
    return rc == 0 ? check_object(host, config, err) : rc;
}
