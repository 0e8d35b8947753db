/* How an exchange ended, in words and codes of kist. */
#include "http_private.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int http_fail(const struct http_exchange *exchange, struct kist_error *err, int code, const char *format, ...)
{
    const struct kist_host *host = exchange->http->host;
    char *why = NULL;
    va_list args;
    va_start(args, format);
    int length = vasprintf(&why, format, args);
    va_end(args);
    if (length < 0)
        return host->fail(host, err, code, "cannot %s: no memory", exchange->what);
    host->fail(host, err, code, "cannot %s: %s", exchange->what, why);
    free(why);
    return code;
}

/* The system's reason, as part of a sentence; "" when there is none. */
static const char *reason(const struct http_exchange *exchange, char *text, size_t size)
{
    long number = 0;
    curl_easy_getinfo(exchange->easy, CURLINFO_OS_ERRNO, &number);
    text[0] = '\0';
    if (number > 0) {
        char said[128];
        snprintf(text, size, ": %s", strerror_r((int)number, said, sizeof said));
        text[2] = (char)tolower((unsigned char)text[2]);
    }
    return text;
}

/* ---- certificates ---- */

/* The numbers are those of X.509 verification in OpenSSL, which libcurl hands on as they are. */
static const struct {
    long number;
    const char *what, *hint;
} refusals[] = {
    {9, "it is not valid yet", "compare this machine's clock with the server's"},
    {10, "it has expired", "renew it on the server, or set this machine's clock right"},
    {18, "it is self-signed", "if it is meant to be trusted, name it as the file of trusted certificates"},
    {19, "it is self-signed", "if its issuer is meant to be trusted, name it in the file of trusted certificates"},
    {20, "nobody here trusts its issuer", "if the issuer is meant to be trusted, name its certificate as trusted"},
    {21, "nobody here trusts its issuer", "if the issuer is meant to be trusted, name its certificate as trusted"},
    {23, "it was revoked", "find out why before anything is sent there"},
    {62, "it is for another host", "use the name that the certificate is for"},
    {64, "it is for another address", "use the name that the certificate is for"},
};

static int refuse_certificate(const struct http_exchange *exchange, struct kist_error *err)
{
    const struct kist_host *host = exchange->http->host;
    const char *what = "it is for another host", *hint = "use the name that the certificate is for";
    long number = 0;
    curl_easy_getinfo(exchange->easy, CURLINFO_SSL_VERIFYRESULT, &number);
    if (number > 1) { /* before it has looked at the chain's result, libcurl compares the names itself */
        what = "it does not verify";
        hint = "look at it with `openssl s_client -connect`";
    }
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        if (refusals[i].number == number) {
            what = refusals[i].what;
            hint = refusals[i].hint;
        }
    http_fail(exchange, err, KIST_ERR_AUTH, "the certificate of %s is refused: %s", exchange->where, what);
    host->hint(host, err, "%s", hint);
    return KIST_ERR_AUTH;
}

static int refuse_handshake(const struct http_exchange *exchange, struct kist_error *err)
{
    const struct kist_host *host = exchange->http->host;
    char text[160];
    long number = 0;
    curl_easy_getinfo(exchange->easy, CURLINFO_OS_ERRNO, &number);
    if (number > 0 || strstr(exchange->said, "SYSCALL") || strstr(exchange->said, "unexpected eof"))
        return http_fail(exchange, err, KIST_ERR_UNAVAILABLE, "the connection to %s broke while TLS began%s",
                         exchange->where, reason(exchange, text, sizeof text));
    http_fail(exchange, err, KIST_ERR_AUTH, "no safe connection to %s: it does not speak TLS 1.2 or newer",
              exchange->where);
    host->hint(host, err, "check that the URL's port is the one for https");
    return KIST_ERR_AUTH;
}

/* ---- everything else ---- */

static int no_host(const struct http_exchange *exchange, struct kist_error *err)
{
    const struct kist_host *host = exchange->http->host;
    int proxy = exchange->result == CURLE_COULDNT_RESOLVE_PROXY;
    http_fail(exchange, err, KIST_ERR_UNAVAILABLE, "no address is known for %s%s",
              proxy ? "the proxy on the way to " : "", exchange->where);
    host->hint(host, err, "check the name in the URL, and this machine's name servers");
    return KIST_ERR_UNAVAILABLE;
}

static int timed_out(const struct http_exchange *exchange, struct kist_error *err)
{
    return http_fail(exchange, err, KIST_ERR_TIMEOUT, "no connection to %s within %lld s", exchange->where,
                     (long long)((exchange->http->connect_ms + 999) / 1000));
}

static int broke(const struct http_exchange *exchange, struct kist_error *err)
{
    char text[160];
    return http_fail(exchange, err, KIST_ERR_UNAVAILABLE, "the connection to %s broke%s", exchange->where,
                     reason(exchange, text, sizeof text));
}

/* What is missing may well come the next time. */
static int cut_off(const struct http_exchange *exchange, struct kist_error *err)
{
    return http_fail(exchange, err, KIST_ERR_UNAVAILABLE, "the connection to %s broke before the reply's end",
                     exchange->where);
}

static int not_http(const struct http_exchange *exchange, struct kist_error *err)
{
    return http_fail(exchange, err, KIST_ERR_CORRUPT, "the reply of %s is not HTTP", exchange->where);
}

/* libcurl knows these faults by its own words alone. */
static int is_bad_chunk(const struct http_exchange *exchange)
{
    return exchange->headers_done && exchange->chunked && strstr(exchange->said, "chunked-encoding") != NULL;
}

static int explain(const struct http_exchange *exchange, struct kist_error *err)
{
    char text[160];
    switch (exchange->result) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY: return no_host(exchange, err);
    case CURLE_COULDNT_CONNECT:
        return http_fail(exchange, err, KIST_ERR_UNAVAILABLE, "no connection to %s%s", exchange->where,
                         reason(exchange, text, sizeof text));
    case CURLE_OPERATION_TIMEDOUT: return timed_out(exchange, err);
    case CURLE_GOT_NOTHING:
        return http_fail(exchange, err, KIST_ERR_UNAVAILABLE, "%s closed the connection without an answer",
                         exchange->where);
    case CURLE_RECV_ERROR: return is_bad_chunk(exchange) ? not_http(exchange, err) : broke(exchange, err);
    case CURLE_SEND_ERROR:
    case CURLE_SEND_FAIL_REWIND: return broke(exchange, err);
    case CURLE_PARTIAL_FILE: return cut_off(exchange, err);
    case CURLE_PEER_FAILED_VERIFICATION: return refuse_certificate(exchange, err);
    case CURLE_SSL_CONNECT_ERROR: return refuse_handshake(exchange, err);
    case CURLE_SSL_CACERT_BADFILE:
        return http_fail(exchange, err, KIST_ERR_CONFIG, "the trusted certificates cannot be read");
    case CURLE_URL_MALFORMAT: return http_fail(exchange, err, KIST_ERR_CONFIG, "its URL is malformed");
    case CURLE_UNSUPPORTED_PROTOCOL: /* what came was taken for HTTP/0.9 */
    case CURLE_WEIRD_SERVER_REPLY: return not_http(exchange, err);
    default:
        return http_fail(exchange, err, KIST_ERR_FAILED, "%s: %s", exchange->where,
                         curl_easy_strerror(exchange->result));
    }
}

int http_outcome(struct http_exchange *exchange, struct kist_error *err)
{
    int has_refused = exchange->headers_done && exchange->reply.status >= 300;
    int is_whole = exchange->body_at == exchange->body_size;
    if (exchange->fault_code == KIST_ERR_CORRUPT)
        return http_fail(exchange, err, KIST_ERR_CORRUPT, "the reply of %s has %s", exchange->where,
                         exchange->fault);
    if (exchange->fault_code)
        return http_fail(exchange, err, exchange->fault_code, "%s", exchange->fault);
    if (exchange->any_reply && exchange->headers_done)
        return 0;
    if (exchange->result == CURLE_OK && !exchange->headers_done) /* its end, in the middle of a header */
        return cut_off(exchange, err);
    /* A server may refuse before it has read everything, and close: what it said is worth more than that it closed. */
    if (exchange->result == CURLE_OK ? has_refused : has_refused && (exchange->cut || !is_whole))
        return 0;
    if (exchange->result == CURLE_OUT_OF_MEMORY && exchange->header_bytes > 0 && !exchange->headers_done)
        return http_fail(exchange, err, KIST_ERR_CORRUPT, "the reply of %s has a longer header than is taken",
                         exchange->where);
    if (exchange->result != CURLE_OK)
        return explain(exchange, err);
    if (!is_whole)
        return http_fail(exchange, err, KIST_ERR_CORRUPT, "%s answered %d before it had all that was sent",
                         exchange->where, exchange->reply.status);
    return 0;
}
