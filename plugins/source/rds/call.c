/* call.c - one request: signed, sent, judged. */
#include "rds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX ((size_t)64 << 10)
#define REPLY_MAX ((size_t)8 << 20)
#define ASK_MS (5 * RDS_MINUTE)

/* ---- time ---- */

void rds_begin(struct rds_source *source, int64_t ms)
{
    source->deadline = source->work->monotonic_ms(source->work) + ms;
}

int64_t rds_left(const struct rds_source *source)
{
    int64_t left = source->deadline - source->work->monotonic_ms(source->work);
    return left > 0 ? left : 0;
}

int64_t rds_limit(const struct rds_source *source, int64_t most)
{
    int64_t left = rds_left(source);
    left = left < most ? left : most;
    return left > 0 ? left : 1;
}

int rds_fail_deadline(struct rds_source *source, const char *what, const char *state, struct kist_error *err)
{
    const struct kist_host *host = source->work;
    host->fail(host, err, KIST_ERR_TIMEOUT, "%s took too long: it is '%s' after %lld s", what, state,
               (long long)(source->config->wait.ms / RDS_SECOND));
    host->hint(host, err, "see what RDS is doing in its console, or set a longer 'wait'");
    host->retry(host, err, 0, 0);
    return KIST_ERR_TIMEOUT;
}

/* ---- a request ---- */

struct sending {
    struct rds_source *source;
    struct rds_region *region;
    const struct rds_form *form;
    const char *what;
    char hex[65];
};

static int fail_senseless(const struct sending *s, const struct kist_http_reply *reply, struct kist_error *err)
{
    const struct kist_host *host = s->source->work;
    int is_page = memmem(reply->body, reply->size, "<html", 5) || memmem(reply->body, reply->size, "<!DOCTYPE", 9);
    host->fail(host, err, KIST_ERR_CORRUPT, "cannot %s: the answer is %s, not a %sResponse", s->what,
               reply->size == 0 ? "empty"
               : is_page        ? "a web page"
                                : "something else",
               s->form->action);
    if (is_page)
        host->hint(host, err,
                   "'endpoint' may be that of a console or a login page: it has to be the interface of RDS");
    return KIST_ERR_CORRUPT;
}

/* <ACTIONResponse><ACTIONResult>, and nothing else. */
static int take_document(const struct sending *s, const struct kist_http_reply *reply, struct rds_reply *ret_reply,
                         struct kist_error *err)
{
    char name[96];
    struct kist_xml *root = NULL;
    int code = reply->size == 0 ? KIST_ERR_CORRUPT
                                : kist_xml_parse(s->source->work, reply->body, reply->size, &root, err);
    if (code)
        return code == KIST_ERR_CORRUPT ? fail_senseless(s, reply, err) : code;
    snprintf(name, sizeof name, "%sResponse", s->form->action);
    int fits = strcmp(kist_xml_name(root), name) == 0;
    snprintf(name, sizeof name, "%sResult", s->form->action);
    const struct kist_xml *result = fits ? kist_xml_child(root, name) : NULL;
    if (!result) {
        kist_xml_free(root);
        return fail_senseless(s, reply, err);
    }
    *ret_reply = (struct rds_reply){.root = root, .result = result};
    return 0;
}

static int judge(const struct sending *s, const struct kist_http_request *request,
                 const struct kist_http_reply *reply, int *may_learn, struct rds_reply *ret_reply,
                 struct kist_error *err)
{
    struct rds_source *source = s->source;
    if (reply->status >= 200 && reply->status < 300) {
        *may_learn = 0;
        return take_document(s, reply, ret_reply, err);
    }
    int code = rds_code_fill(source->work, source->http, request, reply, source->code, err);
    *may_learn = *may_learn && kist_aws_learn(s->region->aws, reply, source->code) == 1;
    return code;
}

/* `may_learn` stays 1 when the request should be sent once more. */
static int send_once(const struct sending *s, int *may_learn, struct rds_reply *ret_reply, struct kist_error *err)
{
    static const struct kist_http_header type = {"content-type",
                                                 "application/x-www-form-urlencoded; charset=utf-8"};
    struct kist_aws_headers headers = {0};
    const struct kist_aws_sign sign = {
        .method = "POST", .url = s->region->url, .headers = &type, .header_count = 1, .payload_sha256 = s->hex};
    int code = kist_aws_sign(s->region->aws, &sign, &headers, err);
    if (code) {
        *may_learn = 0;
        return code;
    }
    struct kist_http_reply reply = {0};
    const struct kist_http_request request = {.method = "POST",
                                              .url = s->region->url,
                                              .headers = headers.items,
                                              .header_count = headers.count,
                                              .body = s->form->text,
                                              .body_size = s->form->size,
                                              .reply_limit = REPLY_MAX,
                                              .what = s->what};
    code = kist_http_send(s->source->http, &request, &reply, err);
    if (code)
        *may_learn = 0;
    else
        code = judge(s, &request, &reply, may_learn, ret_reply, err);
    kist_http_reply_done(&reply);
    kist_aws_headers_done(&headers);
    return code;
}

int rds_call(struct rds_source *source, struct rds_region *region, struct rds_form *form, const char *what,
             struct rds_reply *ret_reply, struct kist_error *err)
{
    struct sending s = {.source = source, .region = region, .form = form, .what = what};
    int may_learn = 1;
    /* What was said of the request before is no answer to this one, whatever keeps it from being sent. */
    source->code[0] = '\0';
    if (rds_form_end(form))
        return rds_fail_memory(source, err);
    if (form->size > BODY_MAX)
        return source->work->fail(source->work, err, KIST_ERR_CONFIG, "cannot %s: the request would be too long",
                                  what);
    if (rds_sha256_hex(form->text, form->size, s.hex))
        return source->work->fail(source->work, err, KIST_ERR_FAILED, "cannot compute a hash by SHA-256");
    int code = send_once(&s, &may_learn, ret_reply, err);
    if (code && may_learn)
        code = send_once(&s, &(int){0}, ret_reply, err);
    return code;
}

int rds_ask(struct rds_source *source, struct rds_region *region, struct rds_form *form, const char *what,
            struct rds_reply *ret_reply, struct kist_error *err)
{
    struct kist_again again = kist_again_begin(source->work, rds_limit(source, ASK_MS));
    int code = 0;
    do
        code = rds_call(source, region, form, what, ret_reply, err);
    while (code && kist_again(&again, err));
    return code;
}

void rds_reply_done(struct rds_reply *reply)
{
    kist_xml_free(reply->root);
    *reply = (struct rds_reply){0};
}

int rds_was(const struct rds_source *source, const char *code)
{
    return rds_code_is(source->code, code);
}

static int was_any(const struct rds_source *source, const char *const *codes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (rds_was(source, codes[i]))
            return 1;
    return 0;
}

int rds_is_busy(const struct rds_source *source)
{
    static const char *const codes[] = {"InvalidDBInstanceState", "InvalidDBClusterState",
                                        "InvalidDBSnapshotState", "InvalidDBClusterSnapshotState"};
    return was_any(source, codes, sizeof codes / sizeof *codes);
}

int rds_is_refusal(const struct rds_source *source)
{
    static const char *const codes[] = {
        "Throttling",       "ThrottlingException",       "RequestLimitExceeded",
        "RequestThrottled", "RequestThrottledException", "TooManyRequestsException",
        "SlowDown",         "BandwidthLimitExceeded"};
    return rds_is_busy(source) || was_any(source, codes, sizeof codes / sizeof *codes);
}
