/* ping.c - notifier `ping`: tells a dead man's switch that a run began and how it ended. */
#include "ping.h"

#include <stdlib.h>
#include <string.h>

#define LIMITED_MS 60000

static const struct kist_option options[] = {
    KIST_OPTION(struct ping_config, url, .flags = KIST_OPTION_REQUIRED,
                .help = "address of the check, as in https://hc-ping.com/UUID; all of it is taken for a secret"),
    KIST_OPTION(struct ping_config, degraded, .def = "fail", .choices = "fail|ok",
                .help = "what a run is that made a backup, but not everywhere"),
    KIST_OPTION(struct ping_config, allow_plaintext, .def = "no",
                .help = "talk http to other hosts than this one"),
    KIST_OPTION(struct ping_config, ca_file, .help = "PEM file of certificates to trust instead of the system's"),
    KIST_OPTION_END,
};

struct ping {
    const struct kist_host *host;
    const struct ping_config *config;
};

static void close_ping(void *self)
{
    free(self);
}

static int open_ping(const struct kist_host *host, const void *config, void **ret_self, struct kist_error *err)
{
    struct ping *ping = calloc(1, sizeof *ping);
    if (!ping)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    *ping = (struct ping){.host = host, .config = config};
    int code = kist_post_check(host, "url", ping->config->url.reveal, ping->config->allow_plaintext.on != 0, err);
    if (code)
        free(ping);
    else
        *ret_self = ping;
    return code;
}

/* The service answers 200 to every UUID and says in the body what came of it. */
static int judge_body(const struct kist_post *post, struct kist_error *err)
{
    const struct kist_host *host = post->host;
    const char *body = post->reply.body;
    if (strncmp(body, "OK (not found)", 14) == 0) {
        host->fail(host, err, KIST_ERR_NOT_FOUND, "cannot ping the check: the service knows none by this URL");
        host->hint(host, err, "copy the ping URL from the check's page again; it may have been deleted");
        return KIST_ERR_NOT_FOUND;
    }
    if (strncmp(body, "OK (rate limited)", 17) == 0) {
        host->fail(host, err, KIST_ERR_UNAVAILABLE, "cannot ping the check: it was pinged too often");
        host->retry(host, err, 1, LIMITED_MS);
        return KIST_ERR_UNAVAILABLE;
    }
    return 0;
}

static int judge(const struct kist_post *post, struct kist_error *err)
{
    int status = post->reply.status;
    if (status < 300)
        return judge_body(post, err);
    int code = kist_post_refused(post, err);
    if (status == 404)
        post->host->hint(post->host, err,
                         "copy the ping URL from the check's page; with a slug, '?create=1' makes the check");
    else if (status == 409)
        post->host->hint(post->host, err, "two checks have this slug: rename one, or use the URL with the UUID");
    else if (status == 400)
        post->host->hint(post->host, err, "the URL ends with a UUID, or with a ping key and a slug in lower case");
    return code;
}

static int notify(void *self, const struct kist_event *told, int64_t deadline_ms, struct kist_error *err)
{
    const struct kist_event known = kist_event_known(told), *event = &known;
    static const struct kist_http_header headers[] = {{"Content-Type", "text/plain; charset=utf-8"}};
    const struct ping *ping = self;
    const struct kist_host *host = ping->host;
    char query[64] = "", *body = ping_body(event);
    if (event->run && *event->run && strlen(event->run) < sizeof query - 4)
        stpcpy(stpcpy(query, "rid="), event->run);
    char *url = kist_post_url(ping->config->url.reveal, ping_signal(ping->config, event), *query ? query : NULL);
    struct kist_post post = {.host = host,
                             .request = {.url = url,
                                         .headers = headers,
                                         .header_count = 1,
                                         .body = body,
                                         .body_size = body ? strlen(body) : 0,
                                         .any_reply = 1,
                                         .what = "ping the check"},
                             .ca_file = ping->config->ca_file,
                             .allow_plaintext = ping->config->allow_plaintext.on != 0,
                             .deadline_ms = deadline_ms};
    int code = url && body ? kist_post_send(&post, err) : host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    if (!code)
        code = judge(&post, err);
    kist_post_done(&post);
    free(url);
    free(body);
    return code;
}

KIST_NOTIFIER(.about = {.name = "ping",
                        .version = KIST_VERSION,
                        .summary = "start, success and failure for a heartbeat monitor such as healthchecks",
                        .details = "The start of a run is posted to URL/start, a good end to URL, a bad one to "
                                   "URL/fail, all with the same rid and the end of the log. Whoever watches the "
                                   "check hears of it when kist itself no longer runs.",
                        .options = options,
                        .config_size = sizeof(struct ping_config)},
              .features = KIST_NOTIFIER_STARTS, .open = open_ping, .close = close_ping, .notify = notify);
