/* webhook.c - notifier `webhook`: posts the event as JSON, signed if a secret is agreed on. */
#include "webhook.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OWN_HEADERS 5

static const struct kist_option options[] = {
    KIST_OPTION(struct webhook_config, url, .flags = KIST_OPTION_REQUIRED,
                .help = "address that the event is posted to; all of it is taken for a secret"),
    KIST_OPTION(struct webhook_config, secret, .help = "key of the HMAC-SHA256 that signs every request"),
    KIST_OPTION(struct webhook_config, authorization,
                .help = "value of the header Authorization, as in 'Bearer ${TOKEN}'"),
    KIST_OPTION(struct webhook_config, secret_header,
                .help = "a header whose value is a secret, as in 'X-Api-Key: ${KEY}'"),
    KIST_OPTION(struct webhook_config, headers, .help = "more headers, each as 'Name: value'"),
    KIST_OPTION(struct webhook_config, allow_plaintext, .def = "no",
                .help = "talk http to other hosts than this one"),
    KIST_OPTION(struct webhook_config, ca_file,
                .help = "PEM file of certificates to trust instead of the system's"),
    KIST_OPTION_END,
};

struct webhook {
    const struct kist_host *host;
    const struct webhook_config *config;
    char **names, **values; /* of `secret_header`, if there is one, and `headers` */
    size_t count;
};

static void close_webhook(void *self)
{
    struct webhook *webhook = self;
    for (size_t i = 0; i < webhook->count; i++) {
        free(webhook->names[i]);
        free(webhook->values[i]);
    }
    free(webhook->names);
    free(webhook->values);
    free(webhook);
}

static int take_header(struct webhook *webhook, const char *option, const char *line, int is_secret,
                       struct kist_error *err)
{
    size_t at = webhook->count;
    int code = webhook_header_parse(webhook->host, option, line, is_secret, &webhook->names[at],
                                    &webhook->values[at], err);
    webhook->count += !code;
    return code;
}

static int take_headers(struct webhook *webhook, struct kist_error *err)
{
    const struct kist_host *host = webhook->host;
    const kist_list *list = &webhook->config->headers;
    const char *secret = webhook->config->secret_header.reveal;
    webhook->names = calloc((size_t)list->count + 1, sizeof *webhook->names);
    webhook->values = calloc((size_t)list->count + 1, sizeof *webhook->values);
    if (!webhook->names || !webhook->values)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    int code = secret ? take_header(webhook, "secret_header", secret, 1, err) : 0;
    if (!code && secret && host->add_secret(host, webhook->values[0]) != 0)
        code = host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    for (uint64_t i = 0; !code && i < list->count; i++)
        code = take_header(webhook, "headers", list->items[i], 0, err);
    return code;
}

/* An empty key would sign nothing, and say that it had. */
static int check_secrets(const struct webhook *webhook, struct kist_error *err)
{
    const struct kist_host *host = webhook->host;
    const struct webhook_config *config = webhook->config;
    if (config->secret.reveal && !*config->secret.reveal)
        return host->fail(host, err, KIST_ERR_CONFIG, "secret: it is empty");
    return kist_post_check_secret(host, "authorization", config->authorization.reveal, err);
}

static int open_webhook(const struct kist_host *host, const void *config, void **ret_self, struct kist_error *err)
{
    struct webhook *webhook = calloc(1, sizeof *webhook);
    if (!webhook)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    webhook->host = host;
    webhook->config = config;
    int code =
        kist_post_check(host, "url", webhook->config->url.reveal, webhook->config->allow_plaintext.on != 0, err);
    if (!code)
        code = check_secrets(webhook, err);
    if (!code)
        code = take_headers(webhook, err);
    if (code)
        close_webhook(webhook);
    else
        *ret_self = webhook;
    return code;
}

static void add(struct kist_http_request *request, struct kist_http_header *headers, const char *name,
                const char *value)
{
    headers[request->header_count++] = (struct kist_http_header){name, value};
}

static int deliver(const struct webhook *webhook, struct kist_post *post, const char *body, struct kist_error *err)
{
    const struct kist_host *host = webhook->host;
    const struct webhook_config *config = webhook->config;
    char timestamp[24], signature[WEBHOOK_SIGNATURE];
    struct kist_http_header *headers = calloc(webhook->count + OWN_HEADERS, sizeof *headers);
    if (!headers)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    add(&post->request, headers, "Content-Type", "application/json");
    if (config->authorization.reveal)
        add(&post->request, headers, "Authorization", config->authorization.reveal);
    snprintf(timestamp, sizeof timestamp, "%" PRId64, host->now_ms(host) / 1000);
    int code = 0;
    if (config->secret.reveal) {
        if (webhook_sign(config->secret.reveal, timestamp, body, signature) != 0)
            code = host->fail(host, err, KIST_ERR_FAILED, "cannot sign the message");
        add(&post->request, headers, "X-Kist-Timestamp", timestamp);
        add(&post->request, headers, "X-Kist-Signature-256", signature);
    }
    for (size_t i = 0; i < webhook->count; i++)
        add(&post->request, headers, webhook->names[i], webhook->values[i]);
    post->request.headers = headers;
    if (!code)
        code = kist_post_send(post, err);
    if (!code && post->reply.status >= 300)
        code = kist_post_refused(post, err);
    free(headers);
    return code;
}

static int notify(void *self, const struct kist_event *told, int64_t deadline_ms, struct kist_error *err)
{
    const struct kist_event known = kist_event_known(told), *event = &known;
    const struct webhook *webhook = self;
    const struct kist_host *host = webhook->host;
    if (!event->json)
        return host->fail(host, err, KIST_ERR_UNSUPPORTED, "this kist gives no JSON of its events: it is too old");
    struct kist_post post = {.host = host,
                             .request = {.url = webhook->config->url.reveal,
                                         .body = event->json,
                                         .body_size = strlen(event->json),
                                         .any_reply = 1,
                                         .what = "call the webhook"},
                             .ca_file = webhook->config->ca_file,
                             .allow_plaintext = webhook->config->allow_plaintext.on != 0,
                             .secret = webhook->config->secret_header.reveal ? webhook->values[0] : NULL,
                             .deadline_ms = deadline_ms};
    int code = deliver(webhook, &post, event->json, err);
    kist_post_done(&post);
    return code;
}

KIST_NOTIFIER(.about = {.name = "webhook",
                        .version = KIST_VERSION,
                        .summary = "the event as JSON by HTTP POST, signed if wanted",
                        .details = "Any reply of 2xx counts as taken; redirects are not followed. With 'secret', "
                                   "X-Kist-Signature-256 is sha256=HEX of the HMAC-SHA256 of X-Kist-Timestamp, a "
                                   "dot and the body.",
                        .options = options,
                        .config_size = sizeof(struct webhook_config)},
              .open = open_webhook, .close = close_webhook, .notify = notify);
