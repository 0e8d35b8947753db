#include "aws_private.h"

#include <stdlib.h>
#include <string.h>

/* The profiles on the way from the chosen one to this one, so that a loop is seen. */
struct visit {
    const char *profile;
    const struct visit *before;
};

static int from_named(struct kist_aws *aws, const struct visit *visit, struct aws_credentials *ret_credentials,
                      struct kist_error *err);

static const char *value_of(const struct kist_aws *aws, const char *profile, const char *key)
{
    return aws_profile_value(&aws->profiles, profile, key);
}

static int fail_profile(const struct kist_aws *aws, const char *profile, const char *why, struct kist_error *err)
{
    return aws->host->fail(aws->host, err, KIST_ERR_AUTH, "the AWS profile '%s' %s", profile, why);
}

/* ---- what a profile can hold ---- */

static int has_keys(const struct kist_aws *aws, const char *profile)
{
    return value_of(aws, profile, "aws_access_key_id") != NULL;
}

static int from_keys(struct kist_aws *aws, int where, const char *profile, struct aws_credentials *ret_credentials,
                     struct kist_error *err)
{
    const char *access = aws_profile_get(&aws->profiles, where, profile, "aws_access_key_id");
    const char *secret = aws_profile_get(&aws->profiles, where, profile, "aws_secret_access_key");
    const char *token = aws_profile_get(&aws->profiles, where, profile, "aws_session_token");
    if (!access)
        return 0;
    if (!secret)
        return fail_profile(aws, profile, "has an aws_access_key_id, but no aws_secret_access_key beside it", err);
    int code = aws_credentials_set(aws->host, access, secret, token, NULL, ret_credentials, err);
    return code ? code : 1;
}

static int from_command(struct kist_aws *aws, const char *profile, struct aws_credentials *ret_credentials,
                        struct kist_error *err)
{
    const char *command = value_of(aws, profile, "credential_process");
    if (!command)
        return 0;
    int code = aws_from_process(aws, command, ret_credentials, err);
    if (code && code != KIST_ERR_CANCELLED)
        aws->host->hint(aws->host, err, "that is the credential_process of the AWS profile '%s'", profile);
    return code ? code : 1;
}

static int refuse_sso(struct kist_aws *aws, const char *profile, struct kist_error *err)
{
    if (!value_of(aws, profile, "sso_session") && !value_of(aws, profile, "sso_start_url"))
        return 0;
    int code = fail_profile(aws, profile, "uses single sign-on, which is not supported here", err);
    aws->host->hint(aws->host, err,
                    "add another profile with credential_process = aws configure export-credentials --profile %s "
                    "--format process, and name that one",
                    profile);
    return code;
}

/* ---- roles ---- */

static int is_digits(const char *text)
{
    return *text && strlen(text) <= 6 && text[strspn(text, "0123456789")] == '\0';
}

/* What both kinds of roles have. The name of a session is seen in the account's audit log. */
static int fill_role(const struct kist_aws *aws, const char *profile, struct aws_role *role, char **ret_name,
                     struct kist_error *err)
{
    role->arn = role->arn ? role->arn : value_of(aws, profile, "role_arn");
    role->duration = value_of(aws, profile, "duration_seconds");
    if (role->duration && !is_digits(role->duration))
        return fail_profile(aws, profile, "has a duration_seconds that is not a number of seconds", err);
    const char *name = role->session_name ? role->session_name : value_of(aws, profile, "role_session_name");
    if (name)
        *ret_name = strdup(name);
    else if (asprintf(ret_name, "kist-%lld", (long long)(aws_now(aws) / 1000)) < 0)
        *ret_name = NULL;
    role->session_name = *ret_name;
    return *ret_name ? 0 : aws_no_memory(aws->host, err);
}

static int assume_with_token(struct kist_aws *aws, const char *profile, const char *path, struct aws_role *role,
                             struct aws_credentials *ret_credentials, struct kist_error *err)
{
    AWS_CLEANUP_SECRET char *token = NULL;
    AWS_CLEANUP_TEXT char *name = NULL;
    /* It is read anew each time, because it is replaced while we run. */
    int code = aws_read_file(aws->host, path, (size_t)64 << 10, &token, err);
    if (!code)
        code = fill_role(aws, profile, role, &name, err);
    if (!code) {
        role->token = token;
        code = aws_assume(aws, role, ret_credentials, err);
    }
    return code ? aws_fail_auth(aws->host, err) : 1;
}

static int from_web_identity(struct kist_aws *aws, const char *profile, int uses_environment,
                             struct aws_credentials *ret_credentials, struct kist_error *err)
{
    const char *path = uses_environment ? aws_env("AWS_WEB_IDENTITY_TOKEN_FILE") : NULL;
    struct aws_role role = {.arn = NULL};
    if (path) {
        role.arn = aws_env("AWS_ROLE_ARN");
        role.session_name = aws_env("AWS_ROLE_SESSION_NAME");
        if (!role.arn)
            return aws->host->fail(aws->host, err, KIST_ERR_AUTH,
                                   "$AWS_WEB_IDENTITY_TOKEN_FILE is set, but not $AWS_ROLE_ARN");
        return assume_with_token(aws, profile, path, &role, ret_credentials, err);
    }
    path = value_of(aws, profile, "web_identity_token_file");
    if (!path)
        return 0;
    if (!value_of(aws, profile, "role_arn"))
        return fail_profile(aws, profile, "has a web_identity_token_file, but no role_arn", err);
    return assume_with_token(aws, profile, path, &role, ret_credentials, err);
}

static int from_credential_source(struct kist_aws *aws, const char *profile, const char *source,
                                  struct aws_credentials *ret_credentials, struct kist_error *err)
{
    char note[200] = "";
    int found = 0;
    if (strcmp(source, "Environment") == 0)
        found = aws_from_environment(aws, ret_credentials, err);
    else if (strcmp(source, "EcsContainer") == 0)
        found = aws_from_container(aws, ret_credentials, err);
    else if (strcmp(source, "Ec2InstanceMetadata") == 0)
        found = aws_from_instance(aws, ret_credentials, note, sizeof note, err);
    else
        return fail_profile(
            aws, profile, "has a credential_source that is none of Environment, EcsContainer, Ec2InstanceMetadata",
            err);
    if (found)
        return found;
    return aws->host->fail(aws->host, err, KIST_ERR_AUTH,
                           "the AWS profile '%s' has credential_source = %s, where there are no credentials%s%s",
                           profile, source, *note ? ": " : "", note);
}

static int from_source_profile(struct kist_aws *aws, const struct visit *visit, const char *source,
                               struct aws_credentials *ret_credentials, struct kist_error *err)
{
    const struct visit next = {.profile = source, .before = visit};
    if (!aws_profile_exists(&aws->profiles, source))
        return aws->host->fail(aws->host, err, KIST_ERR_AUTH,
                               "the AWS profile '%s' names the source_profile '%s', which does not exist",
                               visit->profile, source);
    /* A profile with keys of its own may name itself, and a chain ends at keys wherever they stand. */
    for (const struct visit *each = visit; each && !has_keys(aws, source); each = each->before)
        if (strcmp(each->profile, source) == 0)
            return fail_profile(aws, source, "is its own source_profile in the end", err);
    int found = has_keys(aws, source) ? from_keys(aws, AWS_IN_CREDENTIALS, source, ret_credentials, err) : 0;
    if (!found && has_keys(aws, source))
        found = from_keys(aws, AWS_IN_CONFIG, source, ret_credentials, err);
    if (!found)
        found = from_named(aws, &next, ret_credentials, err);
    return found ? found : fail_profile(aws, source, "holds no credentials, though it is a source_profile", err);
}

static int assume_from(struct kist_aws *aws, const struct visit *visit, const struct aws_credentials *source,
                       struct aws_credentials *ret_credentials, struct kist_error *err)
{
    AWS_CLEANUP_TEXT char *name = NULL;
    struct aws_role role = {.source = source, .external_id = value_of(aws, visit->profile, "external_id")};
    int code = fill_role(aws, visit->profile, &role, &name, err);
    if (!code)
        code = aws_assume(aws, &role, ret_credentials, err);
    return code ? aws_fail_auth(aws->host, err) : 1;
}

static int from_role(struct kist_aws *aws, const struct visit *visit, struct aws_credentials *ret_credentials,
                     struct kist_error *err)
{
    const char *profile = visit->profile;
    const char *source = value_of(aws, profile, "source_profile"),
               *place = value_of(aws, profile, "credential_source");
    if (!value_of(aws, profile, "role_arn") || value_of(aws, profile, "web_identity_token_file"))
        return 0;
    if (!source == !place)
        return fail_profile(aws, profile,
                            "has a role_arn and needs either a source_profile or a credential_source", err);
    if (value_of(aws, profile, "mfa_serial"))
        return fail_profile(aws, profile, "asks for the code of a device (mfa_serial), which nobody can type here",
                            err);
    struct aws_credentials own = {.access_key = NULL};
    int found = source ? from_source_profile(aws, visit, source, &own, err)
                       : from_credential_source(aws, profile, place, &own, err);
    if (found == 1)
        found = assume_from(aws, visit, &own, ret_credentials, err);
    aws_credentials_done(&own);
    return found;
}

/* ---- the order within a profile ---- */

static int from_named(struct kist_aws *aws, const struct visit *visit, struct aws_credentials *ret_credentials,
                      struct kist_error *err)
{
    const char *profile = visit->profile;
    int uses_environment = !visit->before && !aws->is_profile_chosen;
    int found = from_role(aws, visit, ret_credentials, err);
    if (!found)
        found = from_web_identity(aws, profile, uses_environment, ret_credentials, err);
    if (!found)
        found = from_keys(aws, AWS_IN_CREDENTIALS, profile, ret_credentials, err);
    if (!found)
        found = from_command(aws, profile, ret_credentials, err);
    if (!found)
        found = from_keys(aws, AWS_IN_CONFIG, profile, ret_credentials, err);
    return found ? found : refuse_sso(aws, profile, err);
}

int aws_from_profile(struct kist_aws *aws, struct aws_credentials *ret_credentials, struct kist_error *err)
{
    const struct visit visit = {.profile = aws->profile};
    return from_named(aws, &visit, ret_credentials, err);
}
