#include "aws_private.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CONTAINER_HOST "http://169.254.170.2"
#define INSTANCE_HOST "http://169.254.169.254"
#define INSTANCE_HOST_6 "http://[fd00:ec2::254]"
#define ROLES "/latest/meta-data/iam/security-credentials/"

void aws_reply_wipe(struct kist_http_reply *reply)
{
    if (reply->body)
        OPENSSL_cleanse(reply->body, reply->size);
    kist_http_reply_done(reply);
}

/* ---- container ---- */

/* Whether a plain http url is that of a service of this machine. The list is the official clients'. */
static int is_local(const struct kist_host *host, const char *url, struct kist_error *err)
{
    static const char *const names[] = {"localhost",      "[::1]",          "169.254.170.2",
                                        "169.254.170.23", "[fd00:ec2::23]", NULL};
    struct aws_url parts = {.host = NULL};
    if (aws_url_split(host, url, &parts, err))
        return 0;
    char *bracket = strrchr(parts.host, ']');
    char *port = strchr(bracket ? bracket : parts.host, ':');
    if (port)
        *port = '\0';
    unsigned a, b, c, d;
    char rest;
    int is_known = sscanf(parts.host, "%3u.%3u.%3u.%3u%c", &a, &b, &c, &d, &rest) == 4 && a == 127;
    for (const char *const *name = names; *name; name++)
        is_known = is_known || strcasecmp(parts.host, *name) == 0;
    free(parts.host);
    return is_known;
}

static int container_url(const struct kist_host *host, char **ret_url, struct kist_error *err)
{
    const char *relative = aws_env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = aws_env("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    if (!relative && !full)
        return 0;
    if (relative && *relative != '/')
        return host->fail(host, err, KIST_ERR_AUTH,
                          "$AWS_CONTAINER_CREDENTIALS_RELATIVE_URI does not begin with '/'");
    if (!relative && strncasecmp(full, "https://", 8) != 0 && !is_local(host, full, err))
        return host->fail(
            host, err, KIST_ERR_AUTH,
            "$AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor the address of a service of this machine");
    if (asprintf(ret_url, "%s%s", relative ? CONTAINER_HOST : "", relative ? relative : full) < 0) {
        *ret_url = NULL;
        return aws_no_memory(host, err);
    }
    return 1;
}

/* The token is replaced while we run, so its file is read each time. May give NULL. */
static int container_token(const struct kist_host *host, char **ret_token, struct kist_error *err)
{
    const char *path = aws_env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    const char *token = aws_env("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    int code = path ? aws_read_file(host, path, (size_t)64 << 10, ret_token, err)
                    : aws_replace(host, ret_token, token, err);
    if (!code && *ret_token && host->add_secret(host, *ret_token))
        code = aws_no_memory(host, err);
    return code;
}

static int get_credentials(struct kist_aws *aws, struct kist_http *http, const struct kist_http_request *request,
                           struct aws_credentials *ret_credentials, struct kist_error *err)
{
    struct kist_http_reply reply = {.body = NULL};
    int code = kist_http_send(http, request, &reply, err);
    if (code)
        return code;
    if (reply.status == 200)
        code = aws_credentials_parse(aws->host, request->url, reply.body, reply.size, 0, ret_credentials, err);
    else
        code = kist_http_fail(http, request, &reply, NULL, err);
    aws_reply_wipe(&reply);
    return code;
}

static int ask_container(struct kist_aws *aws, const char *url, const char *token,
                         struct aws_credentials *ret_credentials, struct kist_error *err)
{
    const struct kist_http_setup setup = {
        .allow_plaintext = 1, .no_proxy = 1, .connect_ms = 2000, .idle_ms = 5000, .total_ms = 5000};
    const struct kist_http_header headers[] = {{.name = "accept", .value = "application/json"},
                                               {.name = "authorization", .value = token}};
    const struct kist_http_request request = {.method = "GET",
                                              .url = url,
                                              .headers = headers,
                                              .header_count = token ? 2 : 1,
                                              .what = "get AWS credentials from the container's service"};
    struct kist_http *http = NULL;
    int code = kist_http_new(aws->host, &setup, &http, err);
    if (!code)
        code = get_credentials(aws, http, &request, ret_credentials, err);
    kist_http_free(http);
    return code;
}

int aws_from_container(struct kist_aws *aws, struct aws_credentials *ret_credentials, struct kist_error *err)
{
    AWS_CLEANUP_TEXT char *url = NULL;
    AWS_CLEANUP_SECRET char *token = NULL;
    int found = container_url(aws->host, &url, err);
    if (found <= 0)
        return found;
    int code = container_token(aws->host, &token, err);
    if (!code)
        code = ask_container(aws, url, token, ret_credentials, err);
    return code ? aws_fail_auth(aws->host, err) : 1;
}

/* ---- instance ---- */

struct instance {
    struct kist_aws *aws;
    struct kist_http *http;
    const char *endpoint;
    char *note;
    size_t note_size;
    char *token;
};

static int send_to(const struct instance *instance, const char *method, const char *path,
                   const struct kist_http_header *header, struct kist_http_reply *ret_reply,
                   struct kist_error *err)
{
    size_t length = strlen(instance->endpoint);
    AWS_CLEANUP_TEXT char *url = NULL;
    if (length > 0 && instance->endpoint[length - 1] == '/')
        length--;
    if (asprintf(&url, "%.*s%s", (int)length, instance->endpoint, path) < 0) {
        url = NULL;
        return aws_no_memory(instance->aws->host, err);
    }
    const struct kist_http_request request = {.method = method,
                                              .url = url,
                                              .headers = header,
                                              .header_count = 1,
                                              .what = "get AWS credentials from the instance metadata service"};
    int code = kist_http_send(instance->http, &request, ret_reply, err);
    int status = ret_reply->status;
    if (code || status == 200 || status == 404 || (*method == 'P' && status < 500))
        return code;
    code = kist_http_fail(instance->http, &request, ret_reply, NULL, err);
    aws_reply_wipe(ret_reply);
    return code;
}

/* 1 with a token. No answer, or one of something else, means that this is no instance. */
static int get_token(struct instance *instance, struct kist_error *err)
{
    const struct kist_http_header ttl = {.name = "x-aws-ec2-metadata-token-ttl-seconds", .value = "21600"};
    struct kist_http_reply reply = {.body = NULL};
    int code = send_to(instance, "PUT", "/latest/api/token", &ttl, &reply, err);
    if (code == KIST_ERR_CANCELLED || code == KIST_ERR_CONFIG || code == KIST_ERR_FAILED)
        return code;
    if (code || reply.status != 200 || reply.size == 0 || strlen(reply.body) != reply.size) {
        if (code)
            (void)snprintf(instance->note, instance->note_size,
                           "no answer from the instance metadata service at '%s'", instance->endpoint);
        else
            (void)snprintf(instance->note, instance->note_size,
                           "no token from the instance metadata service at '%s' (status %d)", instance->endpoint,
                           reply.status);
        aws_reply_wipe(&reply);
        return 0;
    }
    instance->token = strdup(reply.body);
    aws_reply_wipe(&reply);
    return instance->token ? 1 : aws_no_memory(instance->aws->host, err);
}

static int get_path(const struct instance *instance, const char *path, struct kist_http_reply *ret_reply,
                    struct kist_error *err)
{
    const struct kist_http_header token = {.name = "x-aws-ec2-metadata-token", .value = instance->token};
    return send_to(instance, "GET", path, &token, ret_reply, err);
}

/* 1 with the path of the role's credentials. */
static int get_role(const struct instance *instance, char **ret_path, struct kist_error *err)
{
    struct kist_http_reply reply = {.body = NULL};
    int code = get_path(instance, ROLES, &reply, err);
    if (code)
        return code;
    if (reply.body)
        reply.body[strcspn(reply.body, "\r\n")] = '\0';
    if (reply.status != 200 || !reply.body || !*reply.body) {
        (void)snprintf(instance->note, instance->note_size, "no role on this instance");
        aws_reply_wipe(&reply);
        return 0;
    }
    AWS_CLEANUP_TEXT char *role = kist_http_encode(reply.body, 0);
    aws_reply_wipe(&reply);
    if (!role || asprintf(ret_path, ROLES "%s", role) < 0) {
        *ret_path = NULL;
        return aws_no_memory(instance->aws->host, err);
    }
    return 1;
}

static int get_keys(struct instance *instance, struct aws_credentials *ret_credentials, struct kist_error *err)
{
    AWS_CLEANUP_TEXT char *path = NULL;
    struct kist_http_reply reply = {.body = NULL};
    int found = get_token(instance, err);
    if (found == 1)
        found = get_role(instance, &path, err);
    if (found != 1)
        return found;
    int code = get_path(instance, path, &reply, err);
    if (!code)
        code = aws_credentials_parse(instance->aws->host, "the instance metadata service",
                                     reply.body ? reply.body : "", reply.size, 0, ret_credentials, err);
    aws_reply_wipe(&reply);
    return code ? code : 1;
}

static const char *instance_endpoint(void)
{
    const char *endpoint = aws_env("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    const char *mode = aws_env("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
    if (endpoint)
        return endpoint;
    return mode && strcasecmp(mode, "ipv6") == 0 ? INSTANCE_HOST_6 : INSTANCE_HOST;
}

int aws_from_instance(struct kist_aws *aws, struct aws_credentials *ret_credentials, char *note, size_t note_size,
                      struct kist_error *err)
{
    /* Where there is no such service its address leads nowhere, so little time is given to it. */
    const struct kist_http_setup setup = {
        .allow_plaintext = 1, .no_proxy = 1, .connect_ms = 1000, .idle_ms = 1000, .total_ms = 1000};
    struct instance instance = {.aws = aws, .endpoint = instance_endpoint(), .note = note, .note_size = note_size};
    const char *disabled = aws_env("AWS_EC2_METADATA_DISABLED");
    if (disabled && strcasecmp(disabled, "true") == 0) {
        (void)snprintf(note, note_size, "and the instance metadata service is switched off");
        return 0;
    }
    int found = kist_http_new(aws->host, &setup, &instance.http, err);
    if (!found)
        found = get_keys(&instance, ret_credentials, err);
    aws_wipe(instance.token);
    kist_http_free(instance.http);
    return found < 0 ? aws_fail_auth(aws->host, err) : found;
}
