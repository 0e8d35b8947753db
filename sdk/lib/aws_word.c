#include "aws.h"

static int fail(const struct kist_host *host, struct kist_error *err, const char *what, const char *next)
{
    host->fail(host, err, KIST_ERR_CONFIG, "%s", what);
    if (next)
        host->hint(host, err, "%s", next);
    return KIST_ERR_CONFIG;
}

int kist_aws_check_keys(const struct kist_host *host, const struct kist_aws_setup *setup, struct kist_error *err)
{
    if (setup->access_key && !setup->secret_key)
        return fail(host, err, "access_key is set without secret_key", NULL);
    if (!setup->access_key && setup->secret_key)
        return fail(host, err, "secret_key is set without access_key", NULL);
    if (setup->session_token && !setup->access_key)
        return fail(host, err, "session_token is set without access_key", NULL);
    if (setup->profile && setup->access_key)
        return fail(host, err, "profile and access_key exclude each other", "keep one of them");
    return 0;
}

void kist_aws_apply(const struct kist_host *host, const struct kist_aws_word *word, const char *name,
                    struct kist_error *err)
{
    const int64_t after_ms = err->retry_after_ms;
    if (err->code != word->code) {
        host->fail(host, err, word->code, "%s", err->message ? err->message : name);
        if (err->retryable && after_ms > 0)
            host->retry(host, err, 1, after_ms);
    }
    if (word->hint)
        host->hint(host, err, "%s", word->hint);
}
