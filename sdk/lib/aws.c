#include "aws_private.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define REFRESH_MS (15 * AWS_MINUTE_MS)   /* try to have new ones when the old ones are good for less */
#define MANDATORY_MS (10 * AWS_MINUTE_MS) /* below that a failure to have new ones is an error */
#define PAUSE_MS (AWS_MINUTE_MS / 2)      /* between two fetches that did not have to be */
#define SKEW_MS (5 * AWS_MINUTE_MS)

/* ---- settings ---- */

static int choose_profile(struct kist_aws *aws, const struct kist_aws_setup *setup, struct kist_error *err)
{
    const char *environment = aws_env("AWS_PROFILE");
    const char *profile = setup->profile && *setup->profile ? setup->profile : environment;
    aws->is_profile_chosen = profile != NULL;
    int code = aws_replace(aws->host, &aws->profile, profile ? profile : "default", err);
    if (code || !profile || aws_profile_exists(&aws->profiles, profile))
        return code;
    /* A stale variable does no harm to a section that brings its own keys. */
    if (profile == environment && aws->options.access_key)
        return 0;
    code = aws->host->fail(aws->host, err, KIST_ERR_CONFIG, "no AWS profile '%s' in '%s' or '%s'", profile,
                           aws->profiles.config_path ? aws->profiles.config_path : "~/.aws/config",
                           aws->profiles.credentials_path ? aws->profiles.credentials_path : "~/.aws/credentials");
    aws->host->hint(aws->host, err,
                    "in the first file a profile's section is named [profile NAME], in the second [NAME]");
    return code;
}

static int choose_region(struct kist_aws *aws, const struct kist_aws_setup *setup, struct kist_error *err)
{
    const char *region = setup->region && *setup->region ? setup->region : NULL;
    if (!region)
        region = aws_env("AWS_REGION");
    if (!region)
        region = aws_env("AWS_DEFAULT_REGION");
    if (!region)
        region = aws_profile_value(&aws->profiles, aws->profile, "region");
    return region ? kist_aws_set_region(aws, region, err) : 0;
}

static int take_options(struct kist_aws *aws, const struct kist_aws_setup *setup, struct kist_error *err)
{
    const char *access = setup->access_key && *setup->access_key ? setup->access_key : NULL;
    const char *secret = setup->secret_key && *setup->secret_key ? setup->secret_key : NULL;
    const char *token = setup->session_token && *setup->session_token ? setup->session_token : NULL;
    if (!access && !secret && !token)
        return 0;
    if (!access || !secret)
        return aws->host->fail(aws->host, err, KIST_ERR_CONFIG,
                               "the access key and the secret key go together: the %s is missing",
                               access ? "secret key" : "access key");
    int code = aws_credentials_set(aws->host, access, secret, token, NULL, &aws->options, err);
    return code == KIST_ERR_AUTH
               ? aws->host->fail(aws->host, err, KIST_ERR_CONFIG,
                                 "the access key, secret key or session token holds characters that no key has")
               : code;
}

static int set_up(struct kist_aws *aws, const struct kist_aws_setup *setup, struct kist_error *err)
{
    int code = aws_replace(aws->host, &aws->service, setup->service, err);
    if (!code)
        code = take_options(aws, setup, err);
    if (!code)
        code = aws_profiles_read(aws->host, &aws->profiles, err);
    if (!code)
        code = choose_profile(aws, setup, err);
    if (!code)
        code = choose_region(aws, setup, err);
    if (!code)
        aws->endpoint = aws_endpoint_for(aws, aws->service);
    return code;
}

int kist_aws_new(const struct kist_host *host, const struct kist_aws_setup *setup, struct kist_aws **ret_aws,
                 struct kist_error *err)
{
    struct kist_aws *aws = calloc(1, sizeof *aws);
    if (!aws)
        return aws_no_memory(host, err);
    aws->host = host;
    if (pthread_mutex_init(&aws->lock, NULL) != 0) {
        free(aws);
        return aws_no_memory(host, err);
    }
    int code = set_up(aws, setup, err);
    if (code)
        kist_aws_free(aws);
    else
        *ret_aws = aws;
    return code;
}

void kist_aws_free(struct kist_aws *aws)
{
    if (!aws)
        return;
    aws_credentials_done(&aws->options);
    aws_credentials_done(&aws->current);
    aws_key_done(&aws->key);
    aws_profiles_done(&aws->profiles);
    free(aws->service);
    free(aws->region);
    free(aws->endpoint);
    free(aws->profile);
    (void)pthread_mutex_destroy(&aws->lock);
    free(aws);
}

const char *kist_aws_region(const struct kist_aws *aws)
{
    return aws->region;
}

int kist_aws_set_region(struct kist_aws *aws, const char *region, struct kist_error *err)
{
    if (!aws_is_region(region))
        return aws->host->fail(aws->host, err, KIST_ERR_CONFIG,
                               "the AWS region is not a name of letters, digits and '-'");
    (void)pthread_mutex_lock(&aws->lock);
    int code = aws_replace(aws->host, &aws->region, region, err);
    (void)pthread_mutex_unlock(&aws->lock);
    return code;
}

/* ---- endpoints ---- */

/* AWS_ENDPOINT_URL_S3 of "s3". */
static const char *service_variable(const char *service)
{
    char name[64] = "AWS_ENDPOINT_URL_";
    size_t length = strlen(name);
    for (; *service && length + 1 < sizeof name; service++)
        name[length++] = (char)(isalnum((unsigned char)*service) ? toupper((unsigned char)*service) : '_');
    name[length] = '\0';
    return aws_env(name);
}

char *aws_endpoint_for(const struct kist_aws *aws, const char *service)
{
    const char *ignored = aws_env("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
    if (ignored && strcasecmp(ignored, "true") == 0)
        return NULL;
    const char *url = service_variable(service);
    if (!url)
        url = aws_env("AWS_ENDPOINT_URL");
    if (url)
        return strdup(url);
    const char *services = aws_profile_value(&aws->profiles, aws->profile, "services");
    char *own =
        services ? aws_profile_nested(&aws->profiles, AWS_IN_SERVICES, services, service, "endpoint_url") : NULL;
    url = aws_profile_value(&aws->profiles, aws->profile, "endpoint_url");
    return own || !url ? own : strdup(url);
}

const char *kist_aws_endpoint(const struct kist_aws *aws)
{
    return aws->endpoint;
}

/* ---- fresh credentials ---- */

int64_t aws_now(const struct kist_aws *aws)
{
    return aws->host->now_ms(aws->host) + aws->offset_ms;
}

/* How long the credentials are good for; the largest number when they do not expire. */
static int64_t time_left(const struct kist_aws *aws)
{
    return aws->current.expires_ms == 0 ? INT64_MAX : aws->current.expires_ms - aws_now(aws);
}

/* The files may have changed: somebody may renew what stands in them. */
static int read_again(struct kist_aws *aws, struct kist_error *err)
{
    struct aws_profiles fresh = {.values = NULL};
    int code = aws_profiles_read(aws->host, &fresh, err);
    if (code)
        return code;
    aws_profiles_done(&aws->profiles);
    aws->profiles = fresh;
    return 0;
}

static int look(struct kist_aws *aws, struct aws_credentials *ret_credentials, struct kist_error *err)
{
    int code = aws->tried_ms != 0 ? read_again(aws, err) : 0;
    if (!code)
        code = aws_chain(aws, ret_credentials, err);
    if (!code && ret_credentials->expires_ms != 0 && ret_credentials->expires_ms <= aws_now(aws)) {
        aws_credentials_done(ret_credentials);
        code = aws->host->fail(aws->host, err, KIST_ERR_AUTH,
                               "the AWS credentials that were found have expired already");
    }
    return code;
}

static int fetch(struct kist_aws *aws, struct kist_error *err)
{
    struct aws_credentials fresh = {.access_key = NULL};
    int code = look(aws, &fresh, err);
    aws->tried_ms = aws->host->monotonic_ms(aws->host);
    if (code)
        return code;
    aws_credentials_done(&aws->current);
    aws->current = fresh;
    aws->is_stale = 0;
    return 0;
}

static int is_pause(const struct kist_aws *aws)
{
    return aws->tried_ms != 0 && aws->host->monotonic_ms(aws->host) - aws->tried_ms < PAUSE_MS;
}

/* Makes sure that there are credentials that are good for a while. */
static int refresh(struct kist_aws *aws, struct kist_error *err)
{
    if (!aws->current.access_key || aws->is_stale)
        return fetch(aws, err);
    int64_t left = time_left(aws);
    /* Some hand out short ones only: these are used up, rather than asked for with every request. */
    if (left >= REFRESH_MS || (left > 0 && is_pause(aws)))
        return 0;
    int code = fetch(aws, err);
    if (!code || code == KIST_ERR_CANCELLED || left < MANDATORY_MS)
        return code;
    aws->host->log(aws->host, KIST_LOG_WARNING,
                   "the AWS credentials could not be renewed and are good for %d more minutes: %s",
                   (int)(left / AWS_MINUTE_MS), err->message ? err->message : "");
    return 0;
}

static int sign_locked(struct kist_aws *aws, const struct kist_aws_sign *request,
                       struct kist_aws_headers *ret_headers, struct kist_error *err)
{
    if (!aws->region)
        return aws->host->fail(aws->host, err, KIST_ERR_CONFIG, "no AWS region is set");
    int code = refresh(aws, err);
    if (code)
        return code;
    const struct aws_signer signer = {.host = aws->host,
                                      .credentials = &aws->current,
                                      .region = aws->region,
                                      .service = aws->service,
                                      .time_ms = aws_now(aws),
                                      .key = &aws->key};
    return aws_signer_sign(&signer, request, ret_headers, err);
}

int kist_aws_sign(struct kist_aws *aws, const struct kist_aws_sign *request, struct kist_aws_headers *ret_headers,
                  struct kist_error *err)
{
    (void)pthread_mutex_lock(&aws->lock);
    int code = sign_locked(aws, request, ret_headers, err);
    (void)pthread_mutex_unlock(&aws->lock);
    return code;
}

/* ---- refusals ---- */

static int is_any(const char *code, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(code, *names) == 0)
            return 1;
    return 0;
}

static void tell_clock(struct kist_aws *aws, int64_t offset)
{
    long long minutes = (long long)(offset / AWS_MINUTE_MS);
    if (!aws->is_clock_told)
        aws->host->log(aws->host, KIST_LOG_WARNING,
                       "the clock of this machine is %lld minutes %s the server's; requests are signed with the "
                       "server's time",
                       minutes < 0 ? -minutes : minutes, minutes < 0 ? "ahead of" : "behind");
    aws->is_clock_told = 1;
}

int aws_learn_clock(struct kist_aws *aws, const struct kist_http_reply *reply, const char *code)
{
    static const char *const about_time[] = {"RequestTimeTooSkewed", "RequestExpired", NULL};
    static const char *const perhaps[] = {"SignatureDoesNotMatch", "AccessDenied", "InvalidSignatureException",
                                          "AuthFailure", NULL};
    int is_sure = is_any(code, about_time);
    /* The reply to a HEAD says no more than 403. */
    int is_perhaps = is_any(code, perhaps) || (!*code && reply->status == 403);
    if (reply->date_ms <= 0 || (!is_sure && !is_perhaps))
        return 0;
    int64_t offset = reply->date_ms - aws->host->now_ms(aws->host);
    int64_t distance = offset < 0 ? -offset : offset;
    if (distance <= SKEW_MS && !(is_sure && aws->offset_ms != 0))
        return 0;
    aws->offset_ms = offset;
    tell_clock(aws, offset);
    return 1;
}

static int learn_locked(struct kist_aws *aws, const struct kist_http_reply *reply, const char *code)
{
    static const char *const expired[] = {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", NULL};
    if (!is_any(code, expired))
        return aws_learn_clock(aws, reply, code);
    /* Those of the section are all there are. */
    if (aws->options.access_key)
        return 0;
    aws->is_stale = 1;
    return 1;
}

int kist_aws_learn(struct kist_aws *aws, const struct kist_http_reply *reply, const char *code)
{
    (void)pthread_mutex_lock(&aws->lock);
    int is_worth = learn_locked(aws, reply, code);
    (void)pthread_mutex_unlock(&aws->lock);
    return is_worth;
}
