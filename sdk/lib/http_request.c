/* A request as libcurl's options. */
#include "http_private.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

static int is_token(const char *text)
{
    size_t length = 0;
    for (; text[length]; length++)
        if (!isalnum((unsigned char)text[length]) && !strchr("!#$%&'*+-.^_`|~", text[length]))
            return 0;
    return length > 0;
}

static int is_value(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return 0;
    return 1;
}

/* What frames a request is this helper's business alone: a second opinion in a header would be request smuggling. */
static int frames(const char *name)
{
    return strcasecmp(name, "content-length") == 0 || strcasecmp(name, "transfer-encoding") == 0 ||
           strcasecmp(name, "expect") == 0;
}

static int append(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);
    if (longer)
        *list = longer;
    return longer != NULL;
}

static int add_headers(struct http_exchange *exchange, const struct kist_http_request *request,
                       struct kist_error *err)
{
    for (size_t i = 0; i < request->header_count; i++) {
        const char *name = request->headers[i].name, *value = request->headers[i].value;
        char *line = NULL;
        if (!is_token(name))
            return http_fail(exchange, err, KIST_ERR_CONFIG,
                             "a header's name holds a character that none may have");
        if (!is_value(value))
            return http_fail(exchange, err, KIST_ERR_CONFIG, "the header '%s' holds a control character", name);
        if (frames(name))
            return http_fail(exchange, err, KIST_ERR_BUG, "the header '%s' is not the caller's to send", name);
        /* To libcurl, a colon with nothing behind it means "leave this header out". */
        int length = *value ? asprintf(&line, "%s: %s", name, value) : asprintf(&line, "%s;", name);
        int added = length >= 0 && append(&exchange->headers, line);
        if (length >= 0)
            free(line);
        if (!added)
            return http_fail(exchange, err, KIST_ERR_FAILED, "no memory");
    }
    /* Without it, a large body would wait for a "100 Continue" that many servers never send. */
    if (!append(&exchange->headers, "Expect:"))
        return http_fail(exchange, err, KIST_ERR_FAILED, "no memory");
    return 0;
}

/* Sockets are not for the programs that a plugin starts. */
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)arg;
    (void)purpose;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

#define SET(option, value) (result = result ? result : curl_easy_setopt(easy, option, value))

static CURLcode set_limits(const struct http_exchange *exchange, const char *url)
{
    CURL *easy = exchange->easy;
    const struct kist_http *http = exchange->http;
    CURLcode result = CURLE_OK;
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    SET(CURLOPT_HTTP_CONTENT_DECODING, 0L);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (http->ca_file) {
        SET(CURLOPT_CAINFO, http->ca_file);
        SET(CURLOPT_CAPATH, NULL);
    }
    /* What is meant to stay on this machine must not go to a proxy. */
    if (http->no_proxy || http_url_is_loopback(url))
        SET(CURLOPT_PROXY, "");
    SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)http->connect_ms);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_QUICK_EXIT, 1L); /* an end does not wait for a name server */
    return result;
}

static CURLcode set_ways(struct http_exchange *exchange)
{
    CURL *easy = exchange->easy;
    CURLcode result = CURLE_OK;
    SET(CURLOPT_USERAGENT, exchange->http->user_agent);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_BUFFERSIZE, HTTP_RECEIVE_BUFFER);
    SET(CURLOPT_UPLOAD_BUFFERSIZE, HTTP_SEND_BUFFER);
    SET(CURLOPT_TCP_NODELAY, 1L);
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
    SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
    SET(CURLOPT_PRIVATE, (void *)exchange);
    SET(CURLOPT_ERRORBUFFER, exchange->said);
    SET(CURLOPT_HEADERFUNCTION, http_take_header);
    SET(CURLOPT_HEADERDATA, (void *)exchange);
    SET(CURLOPT_WRITEFUNCTION, http_take_body);
    SET(CURLOPT_WRITEDATA, (void *)exchange);
    SET(CURLOPT_READFUNCTION, http_give_body);
    SET(CURLOPT_READDATA, (void *)exchange);
    SET(CURLOPT_SEEKFUNCTION, http_rewind);
    SET(CURLOPT_SEEKDATA, (void *)exchange);
    return result;
}

static CURLcode set_request(struct http_exchange *exchange, const struct kist_http_request *request)
{
    CURL *easy = exchange->easy;
    CURLcode result = CURLE_OK;
    const char *method = request->method;
    SET(CURLOPT_URL, request->url);
    SET(CURLOPT_PATH_AS_IS, 1L);
    SET(CURLOPT_HTTPHEADER, exchange->headers);
    if (strcmp(method, "HEAD") == 0) {
        SET(CURLOPT_NOBODY, 1L);
        return result;
    }
    if (request->body_size > 0 || strcmp(method, "PUT") == 0 || strcmp(method, "POST") == 0 ||
        strcmp(method, "PATCH") == 0) {
        SET(CURLOPT_UPLOAD, 1L);
        SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)request->body_size);
    }
    SET(CURLOPT_CUSTOMREQUEST, method);
    return result;
}

int http_request_apply(struct http_exchange *exchange, const struct kist_http_request *request,
                       struct kist_error *err)
{
    if (!is_token(request->method))
        return http_fail(exchange, err, KIST_ERR_BUG, "no such method");
    exchange->is_head = strcmp(request->method, "HEAD") == 0;
    if (exchange->is_head && request->body_size > 0)
        return http_fail(exchange, err, KIST_ERR_BUG, "a HEAD has no body");
    int code = add_headers(exchange, request, err);
    if (code)
        return code;
    CURLcode result = set_limits(exchange, request->url);
    if (!result)
        result = set_ways(exchange);
    if (!result)
        result = set_request(exchange, request);
    if (result)
        return http_fail(exchange, err, KIST_ERR_FAILED, "libcurl: %s", curl_easy_strerror(result));
    return 0;
}
