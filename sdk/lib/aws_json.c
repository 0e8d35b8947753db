#include "aws_private.h"

#include <jansson.h>
#include <openssl/crypto.h>
#include <string.h>

#define MAX_DEPTH 64
#define MAX_BYTES ((size_t)1 << 20)

/* The parser descends by recursion, so the depth is measured before it starts. */
static int is_shallow(const char *text, size_t size)
{
    size_t depth = 0;
    int in_string = 0;
    for (size_t i = 0; i < size; i++) {
        if (in_string && text[i] == '\\')
            i++;
        else if (text[i] == '"')
            in_string = !in_string;
        else if (!in_string && (text[i] == '{' || text[i] == '['))
            depth++;
        else if (!in_string && (text[i] == '}' || text[i] == ']'))
            depth -= depth > 0;
        if (depth > MAX_DEPTH)
            return 0;
    }
    return 1;
}

static int fail_json(const struct kist_host *host, const char *what, const char *why, struct kist_error *err)
{
    /* Of what came nothing is told: it may be a key. */
    return host->fail(host, err, KIST_ERR_AUTH, "%s gave no AWS credentials: %s", what, why);
}

static const char *text_of(const json_t *root, const char *name)
{
    return json_string_value(json_object_get(root, name));
}

static int take(const struct kist_host *host, const char *what, const json_t *root, int is_process,
                struct aws_credentials *ret_credentials, struct kist_error *err)
{
    const char *access = text_of(root, "AccessKeyId"), *secret = text_of(root, "SecretAccessKey");
    const char *token = text_of(root, is_process ? "SessionToken" : "Token"), *code = text_of(root, "Code");
    const json_t *expires = json_object_get(root, "Expiration");
    if (is_process && json_integer_value(json_object_get(root, "Version")) != 1)
        return fail_json(host, what, "no \"Version\": 1", err);
    if (!is_process && code && strcmp(code, "Success") != 0)
        return fail_json(host, what, "its \"Code\" is not \"Success\"", err);
    if (!access || !secret)
        return fail_json(host, what, "no \"AccessKeyId\" and \"SecretAccessKey\"", err);
    if (expires && !json_is_null(expires) && !json_is_string(expires))
        return fail_json(host, what, "an \"Expiration\" that is no text", err);
    return aws_credentials_set(host, access, secret, token, json_string_value(expires), ret_credentials, err);
}

/* The library frees its strings as they are. */
static void wipe(json_t *root)
{
    const char *key;
    json_t *value;
    json_object_foreach(root, key, value) {
        if (json_is_string(value))
            OPENSSL_cleanse((void *)(uintptr_t)json_string_value(value), json_string_length(value));
    }
    json_decref(root);
}

int aws_credentials_parse(const struct kist_host *host, const char *what, const char *text, size_t size,
                          int is_process, struct aws_credentials *ret_credentials, struct kist_error *err)
{
    if (size > MAX_BYTES || !is_shallow(text, size))
        return fail_json(host, what, "more than 1 MiB of text, or more than 64 levels", err);
    json_error_t problem;
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &problem);
    int code;
    if (!json_is_object(root))
        code = fail_json(host, what, "it is not a JSON object", err);
    else
        code = take(host, what, root, is_process, ret_credentials, err);
    if (root)
        wipe(root);
    return code;
}
