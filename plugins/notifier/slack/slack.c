/* slack.c - notifier `slack`: messages by an incoming webhook, or by a bot that threads them. */
#include "slack.h"

#include "fault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct kist_option options[] = {
    KIST_OPTION(struct slack_config, webhook_url,
                .help = "address of an incoming webhook; this, or token and channel"),
    KIST_OPTION(struct slack_config, token, .help = "token of a bot that may chat:write (xoxb-...)"),
    KIST_OPTION(struct slack_config, channel, .help = "ID of the channel that the bot posts to (C...)"),
    KIST_OPTION(struct slack_config, mention,
                .help = "whom a failure calls: here, channel, everyone, IDs of members (U...) or groups (S...)"),
    KIST_OPTION(struct slack_config, api_url, .def = "https://slack.com/api",
                .help = "address below which chat.postMessage is"),
    KIST_OPTION(struct slack_config, allow_plaintext, .def = "no",
                .help = "talk http to other hosts than this one"),
    KIST_OPTION(struct slack_config, ca_file, .help = "PEM file of certificates to trust instead of the system's"),
    KIST_OPTION_END,
};

static void wipe(char *secret)
{
    if (secret)
        explicit_bzero(secret, strlen(secret));
    free(secret);
}

static void close_slack(void *self)
{
    struct slack *slack = self;
    wipe(slack->authorization);
    free(slack->url);
    free(slack);
}

static int check(const struct slack *slack, struct kist_error *err)
{
    const struct kist_host *host = slack->host;
    const struct slack_config *config = slack->config;
    int plaintext = config->allow_plaintext.on != 0, code;
    if (!config->webhook_url.reveal == !config->token.reveal) {
        host->fail(host, err, KIST_ERR_CONFIG, "%s",
                   config->token.reveal ? "both 'webhook_url' and 'token' are given"
                                        : "neither 'webhook_url' nor 'token' is given");
        host->hint(host, err, "set one of them: a webhook is less to set up, a bot keeps a run in a thread");
        return KIST_ERR_CONFIG;
    }
    if (config->token.reveal && (!config->channel || !*config->channel))
        return host->fail(host, err, KIST_ERR_CONFIG, "'token' needs 'channel'");
    if (config->webhook_url.reveal && config->channel) {
        host->fail(host, err, KIST_ERR_CONFIG, "'channel' is for a bot: a webhook belongs to one channel");
        host->hint(host, err, "remove 'channel', or use 'token'");
        return KIST_ERR_CONFIG;
    }
    if (config->token.reveal)
        code = kist_post_check(host, "api_url", config->api_url, plaintext, err);
    else
        code = kist_post_check(host, "webhook_url", config->webhook_url.reveal, plaintext, err);
    if (!code)
        code = kist_post_check_secret(host, "token", config->token.reveal, err);
    return code ? code : slack_mention_check(host, config, err);
}

static int open_slack(const struct kist_host *host, const void *config, void **ret_self, struct kist_error *err)
{
    struct slack *slack = calloc(1, sizeof *slack);
    if (!slack)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    slack->host = host;
    slack->config = config;
    int code = check(slack, err);
    if (!code && slack->config->token.reveal) {
        slack->url = kist_post_url(slack->config->api_url, "/chat.postMessage", NULL);
        if (asprintf(&slack->authorization, "Bearer %s", slack->config->token.reveal) < 0)
            slack->authorization = NULL;
        if (!slack->url || !slack->authorization)
            code = host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    }
    if (code)
        close_slack(slack);
    else
        *ret_self = slack;
    return code;
}

static int judge_api(const struct kist_post *post, struct slack_end *ret_end, struct kist_error *err)
{
    struct kist_error own = KIST_FAULT_INIT;
    const char *ts = "";
    json_t *reply = NULL;
    if (post->reply.status >= 300)
        return kist_post_refused(post, err);
    /* What is no JSON is judged as a reply that is not the API's. */
    if (kist_json_load(post->host, post->reply.body, post->reply.size, &reply, &own) != 0)
        reply = NULL;
    kist_fault_clear(&own);
    int code = slack_judge_api(post, reply, &ts, &ret_end->thread_gone, err);
    snprintf(ret_end->ts, sizeof ret_end->ts, "%s", ts);
    json_decref(reply);
    return code;
}

static int deliver(const struct slack *slack, const json_t *message, int64_t deadline_ms,
                   struct slack_end *ret_end, struct kist_error *err)
{
    int is_bot = slack->authorization != NULL;
    const struct kist_http_header headers[] = {
        {"Content-Type", is_bot ? "application/json; charset=utf-8" : "application/json"},
        {"Authorization", slack->authorization},
    };
    char *body = json_dumps(message, JSON_COMPACT);
    if (!body)
        return slack->host->fail(slack->host, err, KIST_ERR_FAILED, "out of memory");
    struct kist_post post = {.host = slack->host,
                             .request = {.url = is_bot ? slack->url : slack->config->webhook_url.reveal,
                                         .headers = headers,
                                         .header_count = is_bot ? 2 : 1,
                                         .body = body,
                                         .body_size = strlen(body),
                                         .what = "tell Slack"},
                             .ca_file = slack->config->ca_file,
                             .allow_plaintext = slack->config->allow_plaintext.on != 0,
                             .deadline_ms = deadline_ms};
    int code = kist_post_send(&post, err);
    if (!code)
        code = is_bot ? judge_api(&post, ret_end, err) : slack_judge_webhook(&post, err);
    kist_post_done(&post);
    free(body);
    return code;
}

/* The end of a run goes below its start; what somebody has to hear goes to the channel as well. */
static int by_bot(const struct slack *slack, const struct kist_event *event, json_t *message, int64_t deadline_ms,
                  struct slack_end *ret_end, struct kist_error *err)
{
    const struct kist_host *host = slack->host;
    int64_t until = host->monotonic_ms(host) + deadline_ms;
    int failed = json_object_set_new(message, "channel", json_string(slack->config->channel));
    if (event->memory && slack_is_ts(event->memory)) {
        failed |= json_object_set_new(message, "thread_ts", json_string(event->memory));
        failed |= json_object_set_new(message, "reply_broadcast", json_boolean(event->kind != KIST_EVENT_SUCCESS));
    }
    if (failed)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    int code = deliver(slack, message, deadline_ms, ret_end, err);
    if (!code || !ret_end->thread_gone || !json_object_get(message, "thread_ts"))
        return code;
    /* Somebody has removed or locked the start's message. That must not keep the outcome from being told. */
    json_object_del(message, "thread_ts");
    json_object_del(message, "reply_broadcast");
    return deliver(slack, message, until - host->monotonic_ms(host), ret_end, err);
}

static int notify(void *self, const struct kist_event *told, int64_t deadline_ms, struct kist_error *err)
{
    const struct kist_event known = kist_event_known(told), *event = &known;
    const struct slack *slack = self;
    const struct kist_host *host = slack->host;
    /* A webhook gives no name to what it has posted, so that nothing could be threaded below it. */
    if (event->kind == KIST_EVENT_START && !slack->authorization)
        return 0;
    struct slack_end end = {.thread_gone = 0};
    json_t *message = slack_message(slack->config, event);
    if (!message)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    int code = slack->authorization ? by_bot(slack, event, message, deadline_ms, &end, err)
                                    : deliver(slack, message, deadline_ms, &end, err);
    if (!code && event->kind == KIST_EVENT_START && *end.ts && event->remember)
        event->remember(told, end.ts);
    json_decref(message);
    return code;
}

KIST_NOTIFIER(.about = {.name = "slack",
                        .version = KIST_VERSION,
                        .summary = "messages in Slack, by an incoming webhook or a bot",
                        .details = "A bot posts the start of a run and its end in the thread below; what is not a "
                                   "plain success goes to the channel as well. With a webhook, the end alone is "
                                   "told. Texts of servers and tools cannot call anybody: 'mention' does.",
                        .options = options,
                        .config_size = sizeof(struct slack_config)},
              .features = KIST_NOTIFIER_STARTS, .open = open_slack, .close = close_slack, .notify = notify);
