/* URLs: whom they lead to, and whether anything may be sent there. */
#include "http_private.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct parts {
    CURLU *url;
    char *scheme, *host, *port, *user;
};

static CURLUcode split(const char *url, struct parts *parts)
{
    *parts = (struct parts){.url = curl_url()};
    CURLUcode result = parts->url ? curl_url_set(parts->url, CURLUPART_URL, url, 0) : CURLUE_OUT_OF_MEMORY;
    if (!result)
        result = curl_url_get(parts->url, CURLUPART_SCHEME, &parts->scheme, 0);
    if (!result)
        result = curl_url_get(parts->url, CURLUPART_HOST, &parts->host, 0);
    if (!result && curl_url_get(parts->url, CURLUPART_PORT, &parts->port, 0) == CURLUE_OUT_OF_MEMORY)
        result = CURLUE_OUT_OF_MEMORY;
    if (!result && curl_url_get(parts->url, CURLUPART_USER, &parts->user, 0) == CURLUE_OUT_OF_MEMORY)
        result = CURLUE_OUT_OF_MEMORY;
    return result;
}

static void parts_done(struct parts *parts)
{
    curl_free(parts->scheme);
    curl_free(parts->host);
    curl_free(parts->port);
    curl_free(parts->user);
    curl_url_cleanup(parts->url);
}

static int is_loopback(const char *host)
{
    struct in_addr four;
    struct in6_addr six;
    char bare[64];
    size_t size = strlen(host);
    if (strcasecmp(host, "localhost") == 0)
        return 1;
    if (inet_pton(AF_INET, host, &four) == 1)
        return ntohl(four.s_addr) >> 24 == 127;
    if (size < 3 || size >= sizeof bare || host[0] != '[')
        return 0;
    memcpy(bare, host + 1, size - 2);
    bare[size - 2] = '\0';
    return inet_pton(AF_INET6, bare, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

char *http_url_host(const char *url)
{
    struct parts parts;
    char *text = NULL;
    if (split(url, &parts) == CURLUE_OK &&
        asprintf(&text, "%s%s%s", parts.host, parts.port ? ":" : "", parts.port ? parts.port : "") < 0)
        text = NULL;
    parts_done(&parts);
    return text;
}

int http_url_is_loopback(const char *url)
{
    struct parts parts;
    int truth = split(url, &parts) == CURLUE_OK && is_loopback(parts.host);
    parts_done(&parts);
    return truth;
}

static int refuse(const struct kist_host *host, const struct parts *parts, struct kist_error *err)
{
    const char *colon = parts->port ? ":" : "", *port = parts->port ? parts->port : "";
    if (strcmp(parts->scheme, "http") == 0) {
        host->fail(host, err, KIST_ERR_CONFIG, "http://%s%s%s is not encrypted", parts->host, colon, port);
        host->hint(host, err, "use https://; http:// is for this machine, or where plaintext is allowed");
        return KIST_ERR_CONFIG;
    }
    host->fail(host, err, KIST_ERR_CONFIG, "%s://%s%s%s is no web address", parts->scheme, parts->host, colon,
               port);
    host->hint(host, err, "use https://");
    return KIST_ERR_CONFIG;
}

int kist_http_check_url(const struct kist_host *host, const char *url, int allow_plaintext, struct kist_error *err)
{
    struct parts parts;
    int code = 0;
    CURLUcode result = split(url, &parts);
    /* A URL that is not understood may hold a password anywhere: none of it is shown. */
    if (result == CURLUE_OUT_OF_MEMORY)
        code = host->fail(host, err, KIST_ERR_FAILED, "no memory");
    else if (result) {
        code = host->fail(host, err, KIST_ERR_CONFIG, "the URL is malformed: %s", curl_url_strerror(result));
        host->hint(host, err, "it has the form https://HOST/PATH");
    } else if (parts.user) {
        code = host->fail(host, err, KIST_ERR_CONFIG, "the URL for %s holds a user name", parts.host);
        host->hint(host, err, "credentials have options of their own");
    } else if (strcmp(parts.scheme, "https") != 0 &&
               (strcmp(parts.scheme, "http") != 0 || !(allow_plaintext || is_loopback(parts.host))))
        code = refuse(host, &parts, err);
    parts_done(&parts);
    return code;
}
