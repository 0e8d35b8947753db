/* s3_send.c - one request: signed, sent, judged. What a refusal teaches (clock, credentials, region) is tried once. */
#include "s3.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A request on its way: what belongs to all of its tries, then to the present one. */
struct sending {
    struct s3_store *store;
    struct kist_http *http;
    const struct s3_request *request;
    struct s3_headers own; /* besides the caller's */
    struct kist_http_header *headers;
    size_t header_count;
    char *what;
    char hex[S3_HEX_SIZE];
    int learned, moved;
    char *url;
    char region[64];
    struct kist_aws_headers sign;
    struct kist_http_stream **stream;
};

int s3_fail_memory(const struct s3_store *store, struct kist_error *err)
{
    return store->host->fail(store->host, err, KIST_ERR_FAILED, "out of memory");
}

void s3_reply_done(struct s3_reply *reply)
{
    kist_xml_free(reply->xml);
    kist_http_reply_done(&reply->http);
    *reply = (struct s3_reply){0};
}

static int prepare(struct sending *s, struct kist_error *err)
{
    const struct s3_request *request = s->request;
    const struct s3_config *config = s->store->config;
    unsigned char digest[S3_SHA256_SIZE];
    const char *name = request->key ? request->key : request->about;
    if (asprintf(&s->what, "%s 's3://%s%s%s'", request->verb, config->bucket, name ? "/" : "", name ? name : "") <
        0) {
        s->what = NULL;
        return s3_fail_memory(s->store, err);
    }
    if (!request->payload && request->body_size > 0) {
        if (s3_sha256(request->body, request->body_size, digest) != 0)
            return s->store->host->fail(s->store->host, err, KIST_ERR_FAILED, "cannot compute a hash by SHA-256");
        s3_hex(digest, sizeof digest, s->hex);
    }
    if (config->expected_bucket_owner && !request->anonymous)
        s3_headers_add(&s->own, "x-amz-expected-bucket-owner", config->expected_bucket_owner);
    size_t given = request->headers ? request->headers->count : 0;
    s->headers = calloc(given + s->own.count + 1, sizeof *s->headers);
    if (!s->headers || s->own.failed || (request->headers && request->headers->failed))
        return s3_fail_memory(s->store, err);
    if (given > 0)
        memcpy(s->headers, request->headers->items, given * sizeof *s->headers);
    if (s->own.count > 0)
        memcpy(s->headers + given, s->own.items, s->own.count * sizeof *s->headers);
    s->header_count = given + s->own.count;
    return 0;
}

static void end_try(struct sending *s)
{
    kist_aws_headers_done(&s->sign);
    s->sign = (struct kist_aws_headers){0};
    free(s->url);
    s->url = NULL;
}

static void end(struct sending *s)
{
    end_try(s);
    s3_headers_done(&s->own);
    free(s->headers);
    free(s->what);
}

static int begin_try(struct sending *s, struct kist_error *err)
{
    const struct s3_request *request = s->request;
    pthread_mutex_lock(&s->store->lock);
    s->url = s3_url(s->store, request->key, request->query);
    snprintf(s->region, sizeof s->region, "%s", kist_aws_region(s->store->aws));
    pthread_mutex_unlock(&s->store->lock);
    if (!s->url)
        return s3_fail_memory(s->store, err);
    if (request->anonymous)
        return 0;
    const struct kist_aws_sign sign = {.method = request->method,
                                       .url = s->url,
                                       .headers = s->headers,
                                       .header_count = s->header_count,
                                       .payload_sha256 = request->payload ? request->payload
                                                         : *s->hex        ? s->hex
                                                                          : NULL};
    return kist_aws_sign(s->store->aws, &sign, &s->sign, err);
}

/* The bucket lies in another region than the one that the request was signed for. */
static int learn_region(struct sending *s, const struct s3_reply *reply, const struct s3_said *said)
{
    struct kist_error ignored = {.struct_size = sizeof ignored};
    const char *region = kist_http_header_of(&reply->http, "x-amz-bucket-region");
    int status = reply->http.status, fits = 1;
    if (!region)
        region = said->region;
    if (s->moved || !region ||
        (status != 301 && status != 302 && status != 307 && status != 400 && status != 403) ||
        !s3_url_is_region(region) || strcmp(region, s->region) == 0)
        return 0;
    s->moved = 1;
    pthread_mutex_lock(&s->store->lock);
    /* Another thread may have learned it meanwhile. */
    if (strcmp(kist_aws_region(s->store->aws), region) != 0) {
        fits = kist_aws_set_region(s->store->aws, region, &ignored) == 0;
        if (fits)
            s->store->host->log(s->store->host, KIST_LOG_INFO,
                                "bucket '%s' is in region '%s', not '%s': set 'region' to save a request",
                                s->store->config->bucket, region, s->region);
    }
    pthread_mutex_unlock(&s->store->lock);
    kist_fault_clear(&ignored);
    return fits;
}

static int fail_senseless(const struct sending *s, const struct s3_reply *reply, struct kist_error *err)
{
    const struct kist_host *host = s->store->host;
    const char *type = kist_http_header_of(&reply->http, "content-type");
    int is_page = (type && strncmp(type, "text/html", 9) == 0) ||
                  memmem(reply->http.body, reply->http.size, "<html", 5) ||
                  memmem(reply->http.body, reply->http.size, "<!DOCTYPE html", 14);
    host->fail(host, err, KIST_ERR_CORRUPT, "cannot %s: the answer is %s, not a %s", s->what,
               reply->http.size == 0 ? "empty"
               : is_page             ? "a web page"
                                     : "something else",
               s->request->expect);
    if (is_page)
        host->hint(host, err,
                   "'endpoint' may be that of a console or a login page: it has to be the S3 interface");
    return KIST_ERR_CORRUPT;
}

/* Takes the document of a reply of 2xx apart. 1: it is an error in spite of its status. */
static int take_document(const struct sending *s, struct s3_reply *reply, struct kist_error *err)
{
    if (reply->http.size == 0)
        return fail_senseless(s, reply, err);
    int rc = kist_xml_parse(s->store->host, reply->http.body, reply->http.size, &reply->xml, err);
    if (rc != 0)
        return rc == KIST_ERR_CORRUPT ? fail_senseless(s, reply, err) : rc;
    if (strcmp(kist_xml_name(reply->xml), s->request->expect) == 0)
        return 0;
    if (strcmp(kist_xml_name(reply->xml), "Error") == 0)
        return 1;
    return fail_senseless(s, reply, err);
}

static void fail_clock(const struct sending *s, struct kist_error *err)
{
    const struct kist_host *host = s->store->host;
    host->fail(host, err, KIST_ERR_AUTH,
               "cannot %s: the clock of this machine and that of the store differ too much", s->what);
    host->hint(host, err, "set the clock of this machine right: see 'timedatectl'");
}

static int judge(struct sending *s, const struct kist_http_request *http_request, struct s3_reply *reply,
                 int *ret_again, struct kist_error *err)
{
    struct s3_said said = {0};
    struct kist_xml *document = NULL;
    int status = reply->http.status, rc = 1;
    if (status >= 200 && status < 300) {
        rc = s->request->expect ? take_document(s, reply, err) : 0;
        if (rc != 1)
            return rc;
    }
    (void)s3_error_read(s->store, reply->http.body ? reply->http.body : "", reply->http.size, &document, &said);
    snprintf(reply->code, sizeof reply->code, "%s", said.code ? said.code : "");
    if (!s->learned && !s->request->anonymous && kist_aws_learn(s->store->aws, &reply->http, reply->code) == 1)
        s->learned = *ret_again = 1;
    else if (!s->request->anonymous && learn_region(s, reply, &said))
        *ret_again = 1;
    rc = s3_error_fill(s->store, s->http, http_request, &reply->http, &said, err);
    if (strcmp(reply->code, "RequestTimeTooSkewed") == 0)
        fail_clock(s, err);
    kist_xml_free(document);
    return rc;
}

static int try_once(struct sending *s, struct s3_reply *reply, int *ret_again, struct kist_error *err)
{
    const struct s3_request *request = s->request;
    int rc = begin_try(s, err);
    if (rc != 0)
        return rc;
    const struct kist_http_request http_request = {.method = request->method,
                                                   .url = s->url,
                                                   .headers = request->anonymous ? s->headers : s->sign.items,
                                                   .header_count =
                                                       request->anonymous ? s->header_count : s->sign.count,
                                                   .body = request->body,
                                                   .body_size = request->body_size,
                                                   .reply_limit = request->reply_limit,
                                                   .what = s->what};
    rc = s->stream ? kist_http_open(s->http, &http_request, s->stream, &reply->http, err)
                   : kist_http_send(s->http, &http_request, &reply->http, err);
    if (rc != 0) {
        reply->http = (struct kist_http_reply){0};
        return rc;
    }
    return judge(s, &http_request, reply, ret_again, err);
}

static int run(struct sending *s, struct s3_reply *reply, struct kist_error *err)
{
    int again = 1;
    *reply = (struct s3_reply){0};
    int rc = prepare(s, err);
    while (rc == 0 && again) {
        again = 0;
        rc = try_once(s, reply, &again, err);
        end_try(s);
        if (again) {
            s3_reply_done(reply);
            rc = 0;
        }
    }
    end(s);
    return rc;
}

int s3_send(struct s3_store *store, struct kist_http *http, const struct s3_request *request,
            struct s3_reply *ret_reply, struct kist_error *err)
{
    struct sending s = {.store = store, .http = http, .request = request};
    return run(&s, ret_reply, err);
}

int s3_send_stream(struct s3_store *store, const struct s3_request *request, struct kist_http_stream **ret_stream,
                   struct s3_reply *ret_reply, struct kist_error *err)
{
    struct kist_http_stream *stream = NULL;
    struct sending s = {.store = store, .http = store->http, .request = request, .stream = &stream};
    int rc = run(&s, ret_reply, err);
    if (rc == 0)
        *ret_stream = stream;
    else
        kist_http_close(stream);
    return rc;
}
