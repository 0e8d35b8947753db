#include "aws_private.h"
#include "xml.h"

#include <stdlib.h>
#include <string.h>

#define FORM_TYPE "application/x-www-form-urlencoded; charset=utf-8"
#define CALL_MS 30000

/* ---- the request ---- */

static int write_field(FILE *out, const char *name, const char *value)
{
    if (!value)
        return 0;
    char *encoded = kist_http_encode(value, 0);
    if (!encoded)
        return -1;
    (void)fprintf(out, "&%s=%s", name, encoded);
    aws_wipe(encoded);
    return 0;
}

static int write_fields(FILE *out, const struct aws_role *role)
{
    (void)fprintf(out, "Action=%s&Version=2011-06-15", role->token ? "AssumeRoleWithWebIdentity" : "AssumeRole");
    if (write_field(out, "RoleArn", role->arn) || write_field(out, "RoleSessionName", role->session_name) ||
        write_field(out, "ExternalId", role->external_id) || write_field(out, "DurationSeconds", role->duration) ||
        write_field(out, "WebIdentityToken", role->token))
        return -1;
    return ferror(out) ? -1 : 0;
}

/* New, or NULL without memory. Holds the token. */
static char *make_form(const struct aws_role *role)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    int code = write_fields(out, role);
    if (fclose(out) == 0 && !code)
        return text;
    aws_wipe(text);
    return NULL;
}

/* The service's own address, or the one that was set. New, or NULL without memory. */
static char *make_url(const struct kist_aws *aws)
{
    AWS_CLEANUP_TEXT char *endpoint = aws_endpoint_for(aws, "sts");
    char *url = NULL;
    int size;
    if (endpoint) {
        size_t length = strlen(endpoint);
        size = asprintf(&url, "%s%s", endpoint, length > 0 && endpoint[length - 1] == '/' ? "" : "/");
    } else if (aws->region) {
        size = asprintf(&url, "https://sts.%s.amazonaws.com%s/", aws->region,
                        strncmp(aws->region, "cn-", 3) == 0 ? ".cn" : "");
    } else {
        size = asprintf(&url, "https://sts.amazonaws.com/");
    }
    return size < 0 ? NULL : url;
}

/* ---- the reply ---- */

static int take_credentials(struct kist_aws *aws, const struct aws_role *role, const struct kist_xml *root,
                            struct aws_credentials *ret_credentials, struct kist_error *err)
{
    const struct kist_xml *result =
        kist_xml_child(root, role->token ? "AssumeRoleWithWebIdentityResult" : "AssumeRoleResult");
    const struct kist_xml *keys = kist_xml_child(result, "Credentials");
    const char *access = kist_xml_value(keys, "AccessKeyId"), *secret = kist_xml_value(keys, "SecretAccessKey");
    const char *token = kist_xml_value(keys, "SessionToken"), *expires = kist_xml_value(keys, "Expiration");
    if (!access || !secret || !token || !expires)
        return aws->host->fail(aws->host, err, KIST_ERR_AUTH, "STS gave no credentials for the role '%s'",
                               role->arn);
    return aws_credentials_set(aws->host, access, secret, token, expires, ret_credentials, err);
}

static int parse_reply(struct kist_aws *aws, const struct aws_role *role, const struct kist_http_reply *reply,
                       struct aws_credentials *ret_credentials, struct kist_error *err)
{
    struct kist_xml *root = NULL;
    int code = kist_xml_parse(aws->host, reply->body, reply->size, &root, err);
    if (!code)
        code = take_credentials(aws, role, root, ret_credentials, err);
    kist_xml_free(root);
    return code;
}

struct call {
    struct kist_aws *aws;
    const struct aws_role *role;
    struct kist_http *http;
    struct kist_http_request request;
};

/* 1: the clock was corrected, and the call should be made once more. */
static int refuse(const struct call *call, const struct kist_http_reply *reply, int is_last,
                  struct kist_error *err)
{
    struct kist_aws *aws = call->aws;
    struct kist_xml *root = NULL;
    AWS_CLEANUP_TEXT char *said = NULL;
    /* A refusal that is no XML is told as it came. */
    int is_xml = kist_xml_parse(aws->host, reply->body, reply->size, &root, err) == 0;
    const struct kist_xml *error = is_xml ? kist_xml_child(root, "Error") : NULL;
    const char *code = kist_xml_value(error, "Code"), *message = kist_xml_value(error, "Message");
    if (code && asprintf(&said, "%s: %s", code, message ? message : "") < 0)
        said = NULL;
    int is_worth = !is_last && !call->role->token && aws_learn_clock(aws, reply, code ? code : "");
    int result = is_worth ? 1 : kist_http_fail(call->http, &call->request, reply, said, err);
    /* Its own provider of identities did not answer STS. */
    if (!is_worth && code && strcmp(code, "IDPCommunicationError") == 0)
        result = aws->host->fail(aws->host, err, KIST_ERR_UNAVAILABLE, "cannot %s: %s", call->request.what,
                                 said ? said : code);
    kist_xml_free(root);
    return result;
}

/* ---- the call ---- */

static int sign_call(const struct call *call, const struct kist_aws_sign *request,
                     struct kist_aws_headers *ret_headers, struct kist_error *err)
{
    struct aws_key key = {.scope = NULL};
    const struct aws_signer signer = {.host = call->aws->host,
                                      .credentials = call->role->source,
                                      .region = call->aws->region ? call->aws->region : "us-east-1",
                                      .service = "sts",
                                      .time_ms = aws_now(call->aws),
                                      .key = &key};
    int code = aws_signer_sign(&signer, request, ret_headers, err);
    aws_key_done(&key);
    return code;
}

static int send_once(struct call *call, int is_last, struct aws_credentials *ret_credentials,
                     struct kist_error *err)
{
    const struct kist_http_header type = {.name = "content-type", .value = FORM_TYPE};
    struct kist_aws_headers headers = {.items = NULL};
    struct kist_http_reply reply = {.body = NULL};
    char hash[AWS_HEX_SIZE];
    int code = 0;
    call->request.headers = &type;
    call->request.header_count = 1;
    if (!call->role->token) {
        const struct kist_aws_sign sign = {.method = "POST",
                                           .url = call->request.url,
                                           .headers = &type,
                                           .header_count = 1,
                                           .payload_sha256 = hash};
        if (aws_hash_hex(call->request.body, call->request.body_size, hash))
            return aws_no_memory(call->aws->host, err);
        code = sign_call(call, &sign, &headers, err);
        call->request.headers = headers.items;
        call->request.header_count = headers.count;
    }
    if (!code)
        code = kist_http_send(call->http, &call->request, &reply, err);
    if (!code) {
        code = reply.status == 200 ? parse_reply(call->aws, call->role, &reply, ret_credentials, err)
                                   : refuse(call, &reply, is_last, err);
        aws_reply_wipe(&reply);
    }
    kist_aws_headers_done(&headers);
    return code;
}

static int send_call(struct call *call, struct aws_credentials *ret_credentials, struct kist_error *err)
{
    const struct kist_http_setup setup = {.ca_file = aws_env("AWS_CA_BUNDLE"),
                                          .connect_ms = CALL_MS / 3,
                                          .idle_ms = CALL_MS / 3,
                                          .total_ms = CALL_MS};
    int code = kist_http_new(call->aws->host, &setup, &call->http, err);
    if (code)
        return code;
    code = send_once(call, 0, ret_credentials, err);
    if (code == 1)
        code = send_once(call, 1, ret_credentials, err);
    kist_http_free(call->http);
    return code;
}

int aws_assume(struct kist_aws *aws, const struct aws_role *role, struct aws_credentials *ret_credentials,
               struct kist_error *err)
{
    AWS_CLEANUP_TEXT char *url = make_url(aws);
    AWS_CLEANUP_SECRET char *form = make_form(role);
    AWS_CLEANUP_TEXT char *what = NULL;
    if (!url || !form || asprintf(&what, "assume the AWS role '%s'", role->arn) < 0) {
        what = NULL;
        return aws_no_memory(aws->host, err);
    }
    struct call call = {
        .aws = aws,
        .role = role,
        .request = {.method = "POST", .url = url, .body = form, .body_size = strlen(form), .what = what}};
    return send_call(&call, ret_credentials, err);
}
