/* slack_judge.c - what a reply means. Slack says 200 to most of what it refuses. */
#include "slack.h"

#include <string.h>

/* Errors of chat.postMessage that are not just a failure. */
static const struct {
    const char *word;
    int code;
    const char *hint;
} errors[] = {
    {"invalid_auth", KIST_ERR_AUTH, "the token is wrong: copy the 'Bot User OAuth Token' of the app again"},
    {"not_authed", KIST_ERR_AUTH, "the token did not arrive: does a proxy take it away?"},
    {"account_inactive", KIST_ERR_AUTH, "the app or its user was removed: install it again"},
    {"token_revoked", KIST_ERR_AUTH, "install the app again and take its new token"},
    {"token_expired", KIST_ERR_AUTH, "use a bot token that does not rotate"},
    {"not_allowed_token_type", KIST_ERR_AUTH, "use the app's bot token (xoxb-...)"},
    {"missing_scope", KIST_ERR_AUTH, "give the app the scope chat:write and install it again"},
    {"ekm_access_denied", KIST_ERR_AUTH, NULL},
    {"channel_not_found", KIST_ERR_NOT_FOUND, "use the channel's ID (C...), and invite the app to a private one"},
    {"not_in_channel", KIST_ERR_AUTH, "invite the app to the channel"},
    {"is_archived", KIST_ERR_NOT_FOUND, "the channel is archived: name another one"},
    {"no_service", KIST_ERR_NOT_FOUND, "the webhook was removed: make a new one in the app's settings"},
    {"no_active_hooks", KIST_ERR_NOT_FOUND, "the webhook was switched off: make a new one in the app's settings"},
    {"no_team", KIST_ERR_NOT_FOUND, "the webhook's URL is not whole, or its workspace is gone"},
    {"channel_is_archived", KIST_ERR_NOT_FOUND, "the webhook's channel is archived: make one for another channel"},
    {"action_prohibited", KIST_ERR_AUTH, "the workspace forbids the app to post there: ask who looks after it"},
    {"invalid_token", KIST_ERR_AUTH, "the webhook's URL is wrong: copy it again from the app's settings"},
    {"ratelimited", KIST_ERR_UNAVAILABLE, NULL},
    {"rate_limited", KIST_ERR_UNAVAILABLE, NULL},
    {"internal_error", KIST_ERR_UNAVAILABLE, NULL},
    {"fatal_error", KIST_ERR_UNAVAILABLE, NULL},
    {"service_unavailable", KIST_ERR_UNAVAILABLE, NULL},
    {"request_timeout", KIST_ERR_UNAVAILABLE, NULL},
    {"rollup_error", KIST_ERR_UNAVAILABLE, NULL},
};

static size_t find(const char *word)
{
    size_t i = 0;
    while (i < sizeof errors / sizeof *errors && strcmp(errors[i].word, word) != 0)
        i++;
    return i;
}

static void hint(const struct kist_post *post, const char *word, struct kist_error *err)
{
    size_t at = find(word);
    if (at < sizeof errors / sizeof *errors && errors[at].hint)
        post->host->hint(post->host, err, "%s", errors[at].hint);
}

/* Words of the API are of these letters; anything else is not shown. */
static int is_word(const char *text)
{
    size_t size = strlen(text);
    return size > 0 && size <= 60 && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-") == size;
}

static int refuse(const struct kist_post *post, const char *word, struct kist_error *err)
{
    const struct kist_host *host = post->host;
    size_t at = find(word);
    int code = at < sizeof errors / sizeof *errors ? errors[at].code : KIST_ERR_FAILED;
    host->fail(host, err, code, "cannot %s: it refused the message: %s", post->request.what, word);
    if (code == KIST_ERR_UNAVAILABLE)
        host->retry(host, err, 1, post->reply.retry_after_ms);
    hint(post, word, err);
    return code;
}

int slack_is_ts(const char *text)
{
    size_t seconds = strspn(text, "0123456789"),
           parts = text[seconds] == '.' ? strspn(text + seconds + 1, "0123456789") : 0;
    return seconds > 0 && seconds <= 20 && parts > 0 && parts <= 20 && !text[seconds + 1 + parts];
}

int slack_judge_api(const struct kist_post *post, const json_t *reply, const char **ret_ts, int *ret_thread_gone,
                    struct kist_error *err)
{
    const struct kist_host *host = post->host;
    const char *word = kist_json_text(reply, "error"), *ts = kist_json_text(reply, "ts");
    if (json_is_true(json_object_get(reply, "ok"))) {
        *ret_ts = ts && slack_is_ts(ts) ? ts : "";
        return 0;
    }
    if (json_is_false(json_object_get(reply, "ok"))) {
        word = word && is_word(word) ? word : "it does not say why";
        *ret_thread_gone = strstr(word, "thread") || strcmp(word, "cannot_reply_to_message") == 0;
        return refuse(post, word, err);
    }
    host->fail(host, err, KIST_ERR_CORRUPT, "cannot %s: the reply is not the API's", post->request.what);
    host->hint(host, err, "check 'api_url', and whether a proxy answers in Slack's place");
    return KIST_ERR_CORRUPT;
}

/* Without the white space around it. */
static size_t trimmed(const char **text)
{
    *text += strspn(*text, " \t\r\n");
    size_t size = strlen(*text);
    while (size > 0 && strchr(" \t\r\n", (*text)[size - 1]))
        size--;
    return size;
}

int slack_judge_webhook(const struct kist_post *post, struct kist_error *err)
{
    const struct kist_host *host = post->host;
    const char *body = post->reply.body;
    char word[64] = "";
    size_t size = trimmed(&body);
    if (post->reply.status == 200 && size == 2 && memcmp(body, "ok", 2) == 0)
        return 0;
    if (size < sizeof word)
        memcpy(word, body, size);
    if (post->reply.status >= 300) {
        int code = kist_post_refused(post, err);
        hint(post, word, err);
        return code;
    }
    if (is_word(word))
        return refuse(post, word, err);
    host->fail(host, err, KIST_ERR_CORRUPT, "cannot %s: the reply is not Slack's 'ok'", post->request.what);
    host->hint(host, err, "check 'webhook_url', and whether a proxy answers in Slack's place");
    return KIST_ERR_CORRUPT;
}
