#include "post.h"

#include "fault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_MS 10000
#define REPLY_LIMIT ((size_t)64 << 10)
#define SHORTEST_SECRET ((size_t)16) /* "services" and "hooks" are words that may stand anywhere */
#define SHORTEST_QUOTED ((size_t)4)  /* but in what the receiver itself says, they may be part of the address */

/* What stands behind scheme and host. */
static const char *below_host(const char *url)
{
    const char *authority = strstr(url, "://");
    return authority ? authority + 3 + strcspn(authority + 3, "/?#") : url + strlen(url);
}

static int is_plain(const char *url)
{
    for (const char *at = url; *at; at++)
        if ((unsigned char)*at <= 0x20 || (unsigned char)*at >= 0x7f || strchr("\"<>\\^`{|}#", *at))
            return 0;
    return 1;
}

/* The core knows the whole URL for a secret; a server repeats the path alone, or the key in it. */
static int add_secrets(const struct kist_host *host, const char *url)
{
    const char *at = below_host(url);
    int failed = strlen(at) >= SHORTEST_SECRET && host->add_secret(host, at) != 0;
    while (*at && !failed) {
        size_t size = strcspn(at, "/?&=");
        char *piece = size >= SHORTEST_SECRET ? strndup(at, size) : NULL;
        failed = size >= SHORTEST_SECRET && (!piece || host->add_secret(host, piece) != 0);
        free(piece);
        at += size;
        at += strspn(at, "/?&=");
    }
    return failed;
}

int kist_post_check(const struct kist_host *host, const char *option, const char *url, int allow_plaintext,
                    struct kist_error *err)
{
    struct kist_error own = KIST_FAULT_INIT;
    int code = kist_http_check_url(host, url, allow_plaintext, &own);
    if (code) {
        host->fail(host, err, code, "%s: %s", option, own.message ? own.message : "refused");
        if (own.hint)
            host->hint(host, err, "%s", own.hint);
        kist_fault_clear(&own);
        return code;
    }
    if (!is_plain(url)) {
        host->fail(host, err, KIST_ERR_CONFIG, "%s: the URL holds a character that none may hold", option);
        host->hint(host, err, "it has the form https://HOST/PATH; other characters stand as %%XX");
        return KIST_ERR_CONFIG;
    }
    return add_secrets(host, url) ? host->fail(host, err, KIST_ERR_FAILED, "out of memory") : 0;
}

int kist_post_check_secret(const struct kist_host *host, const char *option, const char *secret,
                           struct kist_error *err)
{
    if (secret && !*secret)
        return host->fail(host, err, KIST_ERR_CONFIG, "%s: it is empty", option);
    for (const char *at = secret; at && *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            return host->fail(host, err, KIST_ERR_CONFIG, "%s: it holds a control character", option);
    return 0;
}

int kist_post_send(struct kist_post *post, struct kist_error *err)
{
    const int64_t total = post->deadline_ms > 0 ? post->deadline_ms : 1;
    const struct kist_http_setup setup = {.user_agent = "kist",
                                          .allow_plaintext = post->allow_plaintext,
                                          .ca_file = post->ca_file,
                                          .connect_ms = total < CONNECT_MS ? total : CONNECT_MS,
                                          .idle_ms = total,
                                          .total_ms = total};
    post->request.method = "POST";
    if (post->request.reply_limit == 0)
        post->request.reply_limit = REPLY_LIMIT;
    int code = kist_http_new(post->host, &setup, &post->http, err);
    return code ? code : kist_http_send(post->http, &post->request, &post->reply, err);
}

/* In place: what stands there instead is shorter. */
static void hide(char *text, const char *secret, size_t size)
{
    for (char *at = text; size >= SHORTEST_QUOTED && (at = memmem(at, strlen(at), secret, size)) != NULL;
         at += 3) {
        memcpy(at, "***", 3);
        memmove(at + 3, at + size, strlen(at + size) + 1);
    }
}

/* What the receiver said, without what it repeats of the request. The core would take the secrets out as well, but not one
 * that is cut where the quotation ends. */
static char *quotable(const struct kist_post *post)
{
    const char *at = below_host(post->request.url);
    char *text = strdup(post->reply.body ? post->reply.body : "");
    if (!text)
        return NULL;
    hide(text, at, strlen(at));
    if (post->secret)
        hide(text, post->secret, strlen(post->secret));
    while (*at) {
        size_t size = strcspn(at, "/?&=");
        hide(text, at, size);
        at += size;
        at += strspn(at, "/?&=");
    }
    return text;
}

int kist_post_refused(const struct kist_post *post, struct kist_error *err)
{
    int status = post->reply.status;
    char *said = quotable(post);
    int code = kist_http_fail(post->http, &post->request, &post->reply, said ? said : "", err);
    free(said);
    if (status >= 500 && code != KIST_ERR_UNAVAILABLE)
        post->host->retry(post->host, err, 1, post->reply.retry_after_ms);
    return code;
}

void kist_post_done(struct kist_post *post)
{
    kist_http_reply_done(&post->reply);
    kist_http_free(post->http);
    post->http = NULL;
}

char *kist_post_url(const char *base, const char *path, const char *query)
{
    char *url = NULL;
    size_t end = strcspn(base, "?"), size = end;
    while (*path && size > 0 && base[size - 1] == '/')
        size--;
    const char *own = base[end] ? base + end + 1 : "";
    int length = asprintf(&url, "%.*s%s%s%s%s%s", (int)size, base, path, *own || query ? "?" : "", own,
                          *own && query ? "&" : "", query ? query : "");
    return length < 0 ? NULL : url;
}
