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
    char **names, **values; /* of `headers` */
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

static int take_headers(struct webhook *webhook, struct kist_error *err)
{
    const struct kist_host *host = webhook->host;
    const kist_list *list = &webhook->config->headers;
    size_t count = (size_t)list->count;
    webhook->names = calloc(count + 1, sizeof *webhook->names);
    webhook->values = calloc(count + 1, sizeof *webhook->values);
    if (!webhook->names || !webhook->values)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    for (; webhook->count < count; webhook->count++) {
        size_t at = webhook->count;
        int code = webhook_header_parse(host, list->items[at], &webhook->names[at], &webhook->values[at], err);
        if (code)
            return code;
    }
    return 0;
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
        code = kist_post_refused(post, NULL, err);
    free(headers);
    return code;
}

static int notify(void *self, const struct kist_event *event, int64_t deadline_ms, struct kist_error *err)
{
    const struct webhook *webhook = self;
    const struct kist_host *host = webhook->host;
    if (!event->json)
        return host->fail(host, err, KIST_ERR_BUG, "the event is not given as JSON");
    struct kist_post post = {.host = host,
                             .request = {.url = webhook->config->url.reveal,
                                         .body = event->json,
                                         .body_size = strlen(event->json),
                                         .any_reply = 1,
                                         .what = "call the webhook"},
                             .ca_file = webhook->config->ca_file,
                             .allow_plaintext = webhook->config->allow_plaintext.on != 0,
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
