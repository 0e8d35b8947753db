#include "aws_private.h"

#include <stdlib.h>
#include <string.h>

/* ---- from text ---- */

/* What can stand in a header and in a credential scope. */
static int is_key(const char *text)
{
    for (const char *at = text; *at; at++)
        if (*at <= ' ' || *at == 0x7f)
            return 0;
    return *text != '\0';
}

static int tell_secrets(const struct kist_host *host, const struct aws_credentials *credentials,
                        struct kist_error *err)
{
    if (host->add_secret(host, credentials->secret_key) ||
        (credentials->session_token && host->add_secret(host, credentials->session_token)))
        return aws_no_memory(host, err);
    return 0;
}

int aws_credentials_set(const struct kist_host *host, const char *access_key, const char *secret_key,
                        const char *token, const char *expires, struct aws_credentials *ret_credentials,
                        struct kist_error *err)
{
    int64_t expires_ms = expires ? aws_time(expires) : 0;
    if (token && !*token)
        token = NULL;
    if (expires_ms < 0)
        return host->fail(host, err, KIST_ERR_AUTH, "the AWS credentials expire at a time that is none");
    if (!is_key(access_key) || !is_key(secret_key) || (token && !is_key(token)))
        return host->fail(host, err, KIST_ERR_AUTH, "an AWS key is empty or holds characters that no key has");
    struct aws_credentials fresh = {.expires_ms = expires_ms};
    int code = aws_replace(host, &fresh.access_key, access_key, err);
    if (!code)
        code = aws_replace(host, &fresh.secret_key, secret_key, err);
    if (!code)
        code = aws_replace(host, &fresh.session_token, token, err);
    if (!code)
        code = tell_secrets(host, &fresh, err);
    if (code)
        aws_credentials_done(&fresh);
    else
        *ret_credentials = fresh;
    return code;
}

/* ---- environment ---- */

int aws_from_environment(struct kist_aws *aws, struct aws_credentials *ret_credentials, struct kist_error *err)
{
    const char *access = aws_env("AWS_ACCESS_KEY_ID"), *secret = aws_env("AWS_SECRET_ACCESS_KEY");
    const char *token = aws_env("AWS_SESSION_TOKEN");
    if (!access)
        return 0;
    if (!secret)
        return aws->host->fail(aws->host, err, KIST_ERR_AUTH,
                               "$AWS_ACCESS_KEY_ID is set, but not $AWS_SECRET_ACCESS_KEY");
    int code = aws_credentials_set(aws->host, access, secret, token ? token : aws_env("AWS_SECURITY_TOKEN"),
                                   aws_env("AWS_CREDENTIAL_EXPIRATION"), ret_credentials, err);
    return code ? code : 1;
}

/* ---- the chain ---- */

static int copy_options(const struct kist_aws *aws, struct aws_credentials *ret_credentials,
                        struct kist_error *err)
{
    const struct aws_credentials *options = &aws->options;
    int code = aws_credentials_set(aws->host, options->access_key, options->secret_key, options->session_token,
                                   NULL, ret_credentials, err);
    return code ? code : 1;
}

static int fail_none(const struct kist_aws *aws, const char *note, struct kist_error *err)
{
    int code =
        aws->host->fail(aws->host, err, KIST_ERR_AUTH,
                        "no AWS credentials: none in the section, %s, none in the profile '%s', no container, %s",
                        aws->is_profile_chosen ? "the environment is not asked because a profile is named"
                                               : "none in the environment",
                        aws->profile, note);
    aws->host->hint(
        aws->host, err,
        "give the section an access key and a secret key, set $AWS_ACCESS_KEY_ID and $AWS_SECRET_ACCESS_KEY, "
        "or name a profile of ~/.aws/config");
    return code;
}

int aws_chain(struct kist_aws *aws, struct aws_credentials *ret_credentials, struct kist_error *err)
{
    char note[200] = "no instance";
    if (aws->options.access_key)
        return copy_options(aws, ret_credentials, err) == 1 ? 0 : err->code;
    int found = aws->is_profile_chosen ? 0 : aws_from_environment(aws, ret_credentials, err);
    if (!found)
        found = aws_from_profile(aws, ret_credentials, err);
    if (!found)
        found = aws_from_container(aws, ret_credentials, err);
    if (!found)
        found = aws_from_instance(aws, ret_credentials, note, sizeof note, err);
    if (!found)
        return fail_none(aws, note, err);
    return found < 0 ? found : 0;
}
