/* Looking at a reply, and judging one that is not what was hoped for. */
#include "http_private.h"

#include <stdlib.h>
#include <string.h>

void kist_http_reply_done(struct kist_http_reply *reply)
{
    for (size_t i = 0; reply->headers && reply->headers[i]; i++)
        free(reply->headers[i]);
    free(reply->headers);
    free(reply->body);
    *reply = (struct kist_http_reply){.status = 0};
}

const char *kist_http_header_of(const struct kist_http_reply *reply, const char *name)
{
    for (size_t i = 0; reply->headers && reply->headers[i]; i += 2)
        if (strcmp(reply->headers[i], name) == 0)
            return reply->headers[i + 1];
    return NULL;
}

static int code_of(int status)
{
    switch (status) {
    case 401:
    case 403: return KIST_ERR_AUTH;
    case 404:
    case 410: return KIST_ERR_NOT_FOUND;
    case 409:
    case 412: return KIST_ERR_EXISTS;
    case 413:
    case 507: return KIST_ERR_NO_SPACE;
    case 405:
    case 501: return KIST_ERR_UNSUPPORTED;
    case 408:
    case 425:
    case 429:
    case 500:
    case 502:
    case 503:
    case 504: return KIST_ERR_UNAVAILABLE;
    default: return status >= 300 && status < 400 ? KIST_ERR_CONFIG : KIST_ERR_FAILED;
    }
}

static void hint_redirect(const struct kist_host *host, const struct kist_http_request *request,
                          const struct kist_http_reply *reply, struct kist_error *err)
{
    const char *location = kist_http_header_of(reply, "location");
    char *to = location ? http_url_host(location) : NULL;
    char *shown = to ? http_quote(request, to, strlen(to)) : NULL;
    if (shown)
        host->hint(host, err, "redirects are not followed; this one leads to %s: name the right host yourself",
                   shown);
    else
        host->hint(host, err, "redirects are not followed: name the right URL yourself");
    free(shown);
    free(to);
}

int kist_http_fail(struct kist_http *http, const struct kist_http_request *request,
                   const struct kist_http_reply *reply, const char *said, struct kist_error *err)
{
    const struct kist_host *host = http->host;
    const char *text = said ? said : reply->body ? reply->body : "";
    int code = code_of(reply->status);
    char *where = http_url_host(request->url);
    char *quote = http_quote(request, text, said || !reply->body ? strlen(text) : reply->size);
    host->fail(host, err, code, "cannot %s: %s answered %d%s%s", request->what ? request->what : "send a request",
               where ? where : "the server", reply->status, quote && *quote ? ": " : "", quote ? quote : "");
    if (code == KIST_ERR_UNAVAILABLE)
        host->retry(host, err, 1, reply->retry_after_ms);
    if (code == KIST_ERR_CONFIG)
        hint_redirect(host, request, reply, err);
    free(quote);
    free(where);
    return code;
}
