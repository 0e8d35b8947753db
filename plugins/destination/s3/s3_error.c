/* s3_error.c - S3's error codes as ours, with the next step for the reader. */
#include "s3.h"

#include <stdlib.h>
#include <string.h>

#define HINT_KEYS "check access_key and secret_key, or the profile or environment that they come from"
#define HINT_RIGHTS                                                                                               \
    "kist needs s3:PutObject, s3:GetObject, s3:ListBucket, s3:DeleteObject and s3:AbortMultipartUpload here"
#define HINT_BUCKET "make the bucket first, or correct 'bucket', 'region' or 'endpoint'; kist makes none by itself"

static const struct kist_aws_word known[] = {
    {"AccessDenied", KIST_ERR_AUTH, HINT_RIGHTS},
    {"AccountProblem", KIST_ERR_AUTH, "see to the account with the provider: it is suspended or not paid"},
    {"AllAccessDisabled", KIST_ERR_AUTH, "see to the account with the provider"},
    {"AuthorizationHeaderMalformed", KIST_ERR_CONFIG, "set 'region' to that of the bucket"},
    {"BadDigest", KIST_ERR_UNAVAILABLE, "the bytes changed on the way: see to the network and the memory"},
    {"BucketAlreadyExists", KIST_ERR_EXISTS, NULL},
    {"ConditionalRequestConflict", KIST_ERR_UNAVAILABLE, NULL},
    {"EntityTooLarge", KIST_ERR_UNSUPPORTED, "the store takes no object or part of that size"},
    {"EntityTooSmall", KIST_ERR_BUG, NULL},
    {"ExpiredToken", KIST_ERR_AUTH, "log in anew, or use credentials that renew themselves"},
    {"IllegalLocationConstraintException", KIST_ERR_CONFIG, "set 'region' to that of the bucket"},
    {"InternalError", KIST_ERR_UNAVAILABLE, NULL},
    {"InvalidAccessKeyId", KIST_ERR_AUTH, HINT_KEYS},
    {"InvalidBucketName", KIST_ERR_CONFIG, HINT_BUCKET},
    {"InvalidDigest", KIST_ERR_UNAVAILABLE, NULL},
    {"InvalidObjectState", KIST_ERR_UNSUPPORTED,
     "the object lies in an archive class (Glacier): restore it first, with 'aws s3api restore-object'"},
    {"InvalidPart", KIST_ERR_FAILED, NULL},
    {"InvalidPartOrder", KIST_ERR_BUG, NULL},
    {"InvalidRange", KIST_ERR_CORRUPT, NULL},
    {"InvalidSecurity", KIST_ERR_AUTH, HINT_KEYS},
    {"InvalidStorageClass", KIST_ERR_CONFIG, "this store does not have that storage_class"},
    {"InvalidToken", KIST_ERR_AUTH, "the session token is not valid: log in anew"},
    {"KMS.DisabledException", KIST_ERR_CONFIG, "enable the key, or set another kms_key"},
    {"KMS.NotFoundException", KIST_ERR_CONFIG, "set kms_key to a key of the bucket's region"},
    {"KeyTooLongError", KIST_ERR_UNSUPPORTED, "a key has at most 1024 bytes"},
    {"MetadataTooLarge", KIST_ERR_UNSUPPORTED, "S3 takes 2 KiB of metadata with an object"},
    {"MethodNotAllowed", KIST_ERR_UNSUPPORTED, NULL},
    {"NoSuchBucket", KIST_ERR_CONFIG, HINT_BUCKET},
    {"NoSuchKey", KIST_ERR_NOT_FOUND, NULL},
    {"NoSuchUpload", KIST_ERR_FAILED,
     "something removed the unfinished upload: a lifecycle rule, or another program"},
    {"NotImplemented", KIST_ERR_UNSUPPORTED, "this store lacks what was asked for; see kist-s3(7), STORES"},
    {"ObjectLockConfigurationNotFoundError", KIST_ERR_CONFIG,
     "enable object lock on the bucket, or set no object_lock_mode"},
    {"OperationAborted", KIST_ERR_UNAVAILABLE, NULL},
    {"PermanentRedirect", KIST_ERR_CONFIG,
     "set 'region' to that of the bucket and 'endpoint' to one of that region, or to none"},
    {"PreconditionFailed", KIST_ERR_EXISTS, NULL},
    {"QuotaExceeded", KIST_ERR_NO_SPACE, "free space in the store, or raise its quota"},
    {"RequestLimitExceeded", KIST_ERR_UNAVAILABLE, NULL},
    {"RequestTimeTooSkewed", KIST_ERR_AUTH, "set the clock of this machine right: see 'timedatectl'"},
    {"RequestTimeout", KIST_ERR_UNAVAILABLE, NULL},
    {"ServiceUnavailable", KIST_ERR_UNAVAILABLE, NULL},
    {"SignatureDoesNotMatch", KIST_ERR_AUTH, HINT_KEYS},
    {"SlowDown", KIST_ERR_UNAVAILABLE, NULL},
    {"StorageFull", KIST_ERR_NO_SPACE, "free space in the store"},
    {"TemporaryRedirect", KIST_ERR_UNAVAILABLE, NULL},
    {"Throttling", KIST_ERR_UNAVAILABLE, NULL},
    {"ThrottlingException", KIST_ERR_UNAVAILABLE, NULL},
    {"TokenRefreshRequired", KIST_ERR_AUTH, "log in anew, or use credentials that renew themselves"},
    {"TooManyRequests", KIST_ERR_UNAVAILABLE, NULL},
    {"XAmzContentChecksumMismatch", KIST_ERR_UNAVAILABLE,
     "the bytes changed on the way: see to the network and the memory"},
    {"XAmzContentSHA256Mismatch", KIST_ERR_UNAVAILABLE,
     "the bytes changed on the way: see to the network and the memory"},
    {"XMinioStorageFull", KIST_ERR_NO_SPACE, "free space in the store"},
};

static size_t row_of(const char *name)
{
    size_t row = 0;
    while (row < sizeof known / sizeof *known && strcmp(known[row].name, name) != 0)
        row++;
    return row;
}

int s3_error_code(const char *code)
{
    size_t row = row_of(code);
    return row < sizeof known / sizeof *known ? known[row].code : KIST_ERR_FAILED;
}

int s3_error_read(const struct s3_store *store, const char *body, size_t size, struct kist_xml **ret_xml,
                  struct s3_said *ret_said)
{
    struct kist_error ignored = {.struct_size = sizeof ignored};
    struct kist_xml *root = NULL;
    if (size == 0 || kist_xml_parse(store->host, body, size, &root, &ignored) != 0) {
        kist_fault_clear(&ignored);
        return -1;
    }
    const struct kist_xml *error = root;
    /* Some stores wrap it, as other services of AWS do. */
    if (strcmp(kist_xml_name(root), "ErrorResponse") == 0)
        error = kist_xml_child(root, "Error");
    if (!error || strcmp(kist_xml_name(error), "Error") != 0) {
        kist_xml_free(root);
        return -1;
    }
    *ret_said = (struct s3_said){.code = kist_xml_value(error, "Code"),
                                 .message = kist_xml_value(error, "Message"),
                                 .region = kist_xml_value(error, "Region")};
    *ret_xml = root;
    return 0;
}

static const char *join(char *text, size_t size, const char *code, const char *message)
{
    size_t used = 0;
    const char *const pieces[] = {code ? code : "", code && message && *message ? ": " : "",
                                  message ? message : ""};
    for (size_t i = 0; i < 3; i++)
        for (const char *at = pieces[i]; *at && used + 1 < size; at++)
            text[used++] = *at;
    text[used] = '\0';
    return used > 0 ? text : NULL;
}

int s3_error_fill(struct s3_store *store, struct kist_http *http, const struct kist_http_request *request,
                  const struct kist_http_reply *reply, const struct s3_said *said, struct kist_error *err)
{
    const struct kist_host *host = store->host;
    char text[512];
    const char *code = said->code ? said->code : "";
    kist_http_fail(http, request, reply, join(text, sizeof text, said->code, said->message), err);
    if (row_of(code) < sizeof known / sizeof *known)
        kist_aws_apply(host, &known[row_of(code)], code, err);
    /* A refusal without a body, as HEAD gives, has only its status. */
    if (!*code && reply->status == 403)
        host->hint(host, err, "%s", HINT_RIGHTS);
    if (!*code && reply->status == 409)
        host->retry(host, err, 1, 0);
    return err->code;
}
