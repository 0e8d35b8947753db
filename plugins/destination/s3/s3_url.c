/* s3_url.c - where a bucket or key lies: below the host's path, or below a host of the bucket's own. */
#include "s3.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The rules of general purpose buckets, and the capitals that the oldest ones may have. */
int s3_url_is_bucket(const char *bucket)
{
    size_t length = strlen(bucket);
    if (length < 3 || length > 63 || strstr(bucket, "..") || !isalnum((unsigned char)bucket[0]) ||
        !isalnum((unsigned char)bucket[length - 1]))
        return 0;
    return strspn(bucket, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") == length;
}

int s3_url_is_region(const char *region)
{
    size_t length = strlen(region);
    return length > 0 && length <= 63 &&
           strspn(region, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == length;
}

int s3_url_is_address(const char *endpoint)
{
    const char *host = strstr(endpoint, "://");
    struct in_addr address;
    char name[256];
    host = host ? host + 3 : endpoint;
    if (*host == '[')
        return 1;
    size_t length = strcspn(host, ":/");
    if (length >= sizeof name)
        return 0;
    memcpy(name, host, length);
    name[length] = '\0';
    return inet_pton(AF_INET, name, &address) == 1;
}

static int is_plain_bucket(const char *bucket)
{
    for (; *bucket; bucket++)
        if (*bucket == '.' || *bucket == '_' || isupper((unsigned char)*bucket))
            return 0;
    return 1;
}

static int fail_endpoint(const struct s3_store *store, const char *given, struct kist_error *err)
{
    store->host->fail(store->host, err, KIST_ERR_CONFIG, "endpoint '%s' is not a plain URL", given);
    store->host->hint(store->host, err,
                      "it is a scheme, a host and perhaps a port and a path: https://s3.example.com");
    return KIST_ERR_CONFIG;
}

int s3_url_setup(struct s3_store *store, const char *given, struct kist_error *err)
{
    int addressing = store->config->addressing.index;
    store->is_virtual = addressing == S3_ADDRESSING_VIRTUAL ||
                        (addressing == S3_ADDRESSING_AUTO && !given && is_plain_bucket(store->config->bucket));
    if (!given) {
        store->folder = strdup("");
        return store->folder ? 0 : s3_fail_memory(store, err);
    }
    int rc = kist_http_check_url(store->host, given, store->config->allow_plaintext.on != 0, err);
    const char *authority = strstr(given, "://");
    if (rc < 0)
        return rc;
    if (!authority || strpbrk(given, "?#@ \"'<>\\") || strstr(given, "/..") || strstr(given, "/./"))
        return fail_endpoint(store, given, err);
    authority += 3;
    const char *path = authority + strcspn(authority, "/");
    size_t path_length = strlen(path);
    while (path_length > 0 && path[path_length - 1] == '/')
        path_length--;
    if (path == authority)
        return fail_endpoint(store, given, err);
    store->endpoint = strndup(given, (size_t)(path - given));
    store->folder = strndup(path, path_length);
    return store->endpoint && store->folder ? 0 : s3_fail_memory(store, err);
}

char *s3_url(const struct s3_store *store, const char *key, const char *query)
{
    char aws[128], *encoded = NULL, *url = NULL;
    const char *endpoint = store->endpoint, *bucket = store->config->bucket, *region = kist_aws_region(store->aws);
    if (!endpoint) {
        snprintf(aws, sizeof aws, "https://s3.%s.amazonaws.com%s", region,
                 strncmp(region, "cn-", 3) == 0 ? ".cn" : "");
        endpoint = aws;
    }
    encoded = kist_http_encode(key ? key : "", 1);
    if (!encoded)
        return NULL;
    size_t scheme = (size_t)(strstr(endpoint, "://") - endpoint) + 3;
    int length = store->is_virtual
                     ? asprintf(&url, "%.*s%s.%s%s/%s%s%s", (int)scheme, endpoint, bucket, endpoint + scheme,
                                store->folder, encoded, query ? "?" : "", query ? query : "")
                     : asprintf(&url, "%s%s/%s%s%s%s%s", endpoint, store->folder, bucket, key ? "/" : "", encoded,
                                query ? "?" : "", query ? query : "");
    free(encoded);
    return length < 0 ? NULL : url;
}
