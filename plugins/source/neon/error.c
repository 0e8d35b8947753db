/* error.c - what Neon says is wrong, as one of our codes, with the next step for the reader. */
#include "neon.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HINT_KEY                                                                                                  \
    "make a new key in the Neon console (Account settings, API keys; a project's or an organization's will do), " \
    "and put it where 'api_key' gets it from"
#define HINT_QUOTA                                                                                                \
    "delete what is not needed any more, keep fewer backups in this pipeline, or move to a plan with a higher "   \
    "limit; nothing was deleted to make room"

static void recode(const struct kist_host *host, int code, struct kist_error *err)
{
    const int64_t after_ms = err->retry_after_ms;
    char *message = err->message ? strdup(err->message) : NULL;
    host->fail(host, err, code, "%s", message ? message : "refused");
    free(message);
    if (err->retryable && after_ms > 0)
        host->retry(host, err, 1, after_ms);
}

/* The words for "there are too many already". */
static int speaks_of_quota(const char *text)
{
    static const char *const words[] = {"limit", "quota", "too many", "exceeded", "maximum number"};
    for (size_t i = 0; text && i < sizeof words / sizeof *words; i++)
        if (strcasestr(text, words[i]))
            return 1;
    return 0;
}

static int fail_key(struct neon_api *api, const struct neon_request *request, int status, const char *said,
                    struct kist_error *err)
{
    const struct kist_host *host = api->host;
    host->fail(host, err, KIST_ERR_AUTH, "cannot %s: the API key is refused or expired (HTTP %d%s%s)",
               request->what, status, said ? ": " : "", said ? said : "");
    host->hint(host, err, HINT_KEY);
    return KIST_ERR_AUTH;
}

/* What the request is called at Neon, which may have given it another name than ours. */
static const char *request_id(const json_t *json, const char *ours)
{
    const char *its = kist_json_text(json, "request_id");
    const size_t size = its ? strspn(its, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") : 0;
    return size > 0 && size < NEON_REQUEST_SIZE && !its[size] ? its : ours;
}

/* A line of it, and never the key, whatever Neon quotes. */
static void quote(const struct neon_api *api, const char *text, char *ret_said, size_t size)
{
    const char *key = api->config->api_key.reveal;
    *ret_said = '\0';
    if (!text || !*text || (key && *key && strstr(text, key)))
        return;
    snprintf(ret_said, size, "%s", text);
    for (char *at = ret_said; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            *at = ' ';
}

int neon_error_fill(struct neon_api *api, struct kist_http *http, const struct neon_request *request,
                    const struct kist_http_request *http_request, const struct kist_http_reply *reply,
                    const char *sent_id, struct kist_error *err)
{
    const struct kist_host *host = api->host;
    struct kist_error ignored = KIST_FAULT_INIT;
    json_t *json = NULL;
    char text[300], words[sizeof text + NEON_REQUEST_SIZE + 32] = "";
    if (kist_json_load(host, reply->body, reply->size, &json, &ignored) != 0)
        kist_fault_clear(&ignored);
    quote(api, kist_json_text(json, "message"), text, sizeof text);
    /* Without words of Neon's own it may be somebody else who answers: then its own name for the request is all there is. */
    const char *id = request_id(json, *text ? sent_id : NULL);
    if (id)
        snprintf(words, sizeof words, "%s%s(request %s)", text, *text ? " " : "", id);
    json_decref(json);
    const char *said = *words ? words : NULL;
    if (reply->status == 401 || (reply->status == 403 && !speaks_of_quota(text)))
        return fail_key(api, request, reply->status, said, err);
    kist_http_fail(http, http_request, reply, said, err);
    if (reply->status == 423) /* another operation of the project is running */
        recode(host, KIST_ERR_UNAVAILABLE, err), host->retry(host, err, 1, reply->retry_after_ms);
    else if (request->is_creation && reply->status < 500 && reply->status != 429 && speaks_of_quota(text))
        recode(host, KIST_ERR_NO_SPACE, err), host->hint(host, err, HINT_QUOTA);
    return err->code;
}

int neon_fail_missing(struct neon_api *api, const char *what, struct kist_error *err)
{
    const struct kist_host *host = api->host;
    struct neon_project project;
    int rc = neon_project_get(api, &project, err);
    return rc != 0 ? rc
                   : host->fail(host, err, KIST_ERR_NOT_FOUND, "there is no %s in project '%s'", what,
                                api->config->project);
}

int neon_fail_unlisted(struct neon_api *api, const char *what, struct kist_error *err)
{
    const struct kist_host *host = api->host;
    struct neon_project project;
    int rc = neon_project_get(api, &project, err);
    return rc != 0 ? rc
                   : host->fail(host, err, KIST_ERR_FAILED, "Neon does not list the %s of project '%s'", what,
                                api->config->project);
}

void neon_say_undone(const struct kist_host *host, const char *what, int code, const struct kist_error *own,
                     struct kist_error *err)
{
    char *message = err->message ? strdup(err->message) : NULL, *hint = err->hint ? strdup(err->hint) : NULL;
    const char *said = message ? message : "it failed";
    if (code == 0)
        host->fail(host, err, err->code, "%s; %s is removed again", said, what);
    else
        host->fail(host, err, err->code, "%s; %s could not be removed again: %s", said, what,
                   own->message ? own->message : "out of memory");
    host->retry(host, err, 0, 0);
    if (hint)
        host->hint(host, err, "%s", hint);
    free(message);
    free(hint);
}
