/* codes.c - the error codes of AWS as ours, with the next step for the reader. */
#include "rds.h"

#include <stdio.h>
#include <string.h>

#define HINT_KEYS "check access_key and secret_key, or the profile or environment that they come from"
#define HINT_RIGHTS "see RIGHTS in kist-rds(7) for what kist asks for"
#define HINT_LOGIN "log in anew, or use credentials that renew themselves"
#define HINT_CLOCK "set the clock of this machine right: see 'timedatectl'"
#define HINT_QUOTA                                                                                                \
    "have the quota raised, or keep fewer snapshots: kist deletes none but those of backups that retention let "  \
    "go"
#define HINT_ROOM "have the quota of the account raised, or delete instances that nobody needs"
#define HINT_KMS "enable the key, let these credentials use it, or name another one of that region"

/* Without the "Fault" that some of them end with. */
static const struct kist_aws_word known[] = {
    {"AccessDenied", KIST_ERR_AUTH, HINT_RIGHTS},
    {"AccessDeniedException", KIST_ERR_AUTH, HINT_RIGHTS},
    {"AuthFailure", KIST_ERR_AUTH, HINT_KEYS},
    {"BandwidthLimitExceeded", KIST_ERR_UNAVAILABLE, NULL},
    {"DBClusterAlreadyExists", KIST_ERR_EXISTS, NULL},
    {"DBClusterNotFound", KIST_ERR_NOT_FOUND, NULL},
    {"DBClusterSnapshotAlreadyExists", KIST_ERR_EXISTS, NULL},
    {"DBClusterSnapshotNotFound", KIST_ERR_NOT_FOUND, NULL},
    {"DBInstanceAlreadyExists", KIST_ERR_EXISTS, NULL},
    {"DBInstanceNotFound", KIST_ERR_NOT_FOUND, NULL},
    {"DBSnapshotAlreadyExists", KIST_ERR_EXISTS, NULL},
    {"DBSnapshotNotFound", KIST_ERR_NOT_FOUND, NULL},
    {"DBSubnetGroupNotFound", KIST_ERR_CONFIG, "correct 'subnet_group'"},
    {"ExpiredToken", KIST_ERR_AUTH, HINT_LOGIN},
    {"ExpiredTokenException", KIST_ERR_AUTH, HINT_LOGIN},
    {"ExportTaskAlreadyExists", KIST_ERR_EXISTS, NULL},
    {"ExportTaskNotFound", KIST_ERR_NOT_FOUND, NULL},
    {"IamRoleMissingPermissions", KIST_ERR_CONFIG, "let the role of 'export_role' write to the bucket"},
    {"IamRoleNotFound", KIST_ERR_CONFIG, "correct 'export_role'"},
    {"IncompleteSignature", KIST_ERR_AUTH, HINT_KEYS},
    {"InstanceQuotaExceeded", KIST_ERR_NO_SPACE, HINT_ROOM},
    {"InternalError", KIST_ERR_UNAVAILABLE, NULL},
    {"InternalFailure", KIST_ERR_UNAVAILABLE, NULL},
    {"InvalidAccessKeyId", KIST_ERR_AUTH, HINT_KEYS},
    {"InvalidClientTokenId", KIST_ERR_AUTH, HINT_KEYS},
    {"InvalidDBClusterSnapshotState", KIST_ERR_UNAVAILABLE, NULL},
    {"InvalidDBClusterState", KIST_ERR_UNAVAILABLE, NULL},
    {"InvalidDBInstanceState", KIST_ERR_UNAVAILABLE, NULL},
    {"InvalidDBSnapshotState", KIST_ERR_UNAVAILABLE, NULL},
    {"InvalidExportOnly", KIST_ERR_CONFIG,
     "correct 'export_only': DATABASE, DATABASE.SCHEMA or DATABASE.SCHEMA.TABLE"},
    {"InvalidExportSourceState", KIST_ERR_FAILED, NULL},
    {"InvalidParameterCombination", KIST_ERR_FAILED, NULL},
    {"InvalidParameterValue", KIST_ERR_FAILED, NULL},
    {"InvalidRestore", KIST_ERR_REFUSED, NULL},
    {"InvalidS3Bucket", KIST_ERR_CONFIG,
     "correct 'export_to': the bucket has to exist, in the region of the instance"},
    {"InvalidSignatureException", KIST_ERR_AUTH, HINT_KEYS},
    {"KMSKeyNotAccessible", KIST_ERR_CONFIG, HINT_KMS},
    {"MissingAuthenticationToken", KIST_ERR_AUTH, HINT_KEYS},
    {"OptInRequired", KIST_ERR_AUTH, "enable the region for the account, or sign up for RDS"},
    {"PointInTimeRestoreNotEnabled", KIST_ERR_REFUSED,
     "automated backups are off: set their retention period to a day or more, or restore a backup of kist"},
    {"RequestExpired", KIST_ERR_AUTH, HINT_CLOCK},
    {"RequestLimitExceeded", KIST_ERR_UNAVAILABLE, NULL},
    {"RequestThrottled", KIST_ERR_UNAVAILABLE, NULL},
    {"RequestThrottledException", KIST_ERR_UNAVAILABLE, NULL},
    {"RequestTimeTooSkewed", KIST_ERR_AUTH, HINT_CLOCK},
    {"ServiceUnavailable", KIST_ERR_UNAVAILABLE, NULL},
    {"SignatureDoesNotMatch", KIST_ERR_AUTH, HINT_KEYS},
    {"SlowDown", KIST_ERR_UNAVAILABLE, NULL},
    {"SnapshotQuotaExceeded", KIST_ERR_NO_SPACE, HINT_QUOTA},
    {"StorageQuotaExceeded", KIST_ERR_NO_SPACE, HINT_ROOM},
    {"Throttling", KIST_ERR_UNAVAILABLE, NULL},
    {"ThrottlingException", KIST_ERR_UNAVAILABLE, NULL},
    {"TokenRefreshRequired", KIST_ERR_AUTH, HINT_LOGIN},
    {"TooManyRequestsException", KIST_ERR_UNAVAILABLE, NULL},
    {"UnauthorizedOperation", KIST_ERR_AUTH, HINT_RIGHTS},
    {"UnrecognizedClientException", KIST_ERR_AUTH, HINT_KEYS},
};

#define KNOWN (sizeof known / sizeof *known)

int rds_code_is(const char *code, const char *name)
{
    size_t length = strlen(name);
    return strncmp(code, name, length) == 0 && (!code[length] || strcmp(code + length, "Fault") == 0);
}

static size_t row_of(const char *code)
{
    size_t row = 0;
    while (row < KNOWN && !rds_code_is(code, known[row].name))
        row++;
    return row;
}

int rds_code_of(const char *code)
{
    size_t row = row_of(code);
    return row < KNOWN ? known[row].code : KIST_ERR_FAILED;
}

static void take(char *to, size_t size, const char *text)
{
    snprintf(to, size, "%s", text ? text : "");
}

void rds_code_read(const struct kist_host *host, const char *body, size_t size, char ret_code[64],
                   char ret_message[512])
{
    struct kist_error ignored = KIST_FAULT_INIT;
    struct kist_xml *root = NULL;
    ret_code[0] = ret_message[0] = '\0';
    if (size > 0 && kist_xml_parse(host, body, size, &root, &ignored) == 0) {
        const struct kist_xml *error =
            strcmp(kist_xml_name(root), "Error") == 0 ? root : kist_xml_child(root, "Error");
        take(ret_code, 64, kist_xml_value(error, "Code"));
        take(ret_message, 512, kist_xml_value(error, "Message"));
        if (ret_code[strspn(ret_code, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")])
            ret_code[0] = '\0';
    }
    kist_xml_free(root);
    kist_fault_clear(&ignored);
}

/* A 404 or 409 says something of a snapshot only where RDS itself says so: a proxy's page of that number does not. */
static void distrust_status(const struct kist_host *host, const char *code, struct kist_error *err)
{
    if (err->code != KIST_ERR_NOT_FOUND && err->code != KIST_ERR_EXISTS)
        return;
    host->fail(host, err, KIST_ERR_FAILED, "%s", err->message ? err->message : code);
    if (!code[0])
        host->hint(host, err, "that is no answer of RDS: see 'endpoint', and any proxy on the way to it");
}

int rds_code_fill(const struct kist_host *host, struct kist_http *http, const struct kist_http_request *request,
                  const struct kist_http_reply *reply, char ret_code[64], struct kist_error *err)
{
    char message[512], said[600];
    rds_code_read(host, reply->body ? reply->body : "", reply->size, ret_code, message);
    snprintf(said, sizeof said, "%s%s%s", ret_code, ret_code[0] && message[0] ? ": " : "", message);
    kist_http_fail(http, request, reply, said[0] ? said : NULL, err);
    if (row_of(ret_code) < KNOWN)
        kist_aws_apply(host, &known[row_of(ret_code)], ret_code, err);
    else
        distrust_status(host, ret_code, err);
    return err->code;
}
