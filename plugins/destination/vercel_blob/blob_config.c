/* blob_config.c - what cannot work is said before anything is sent. */
#include "vercel_blob.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN_HEAD "vercel_blob_rw_"
#define ID_MAX 64
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

/* The id becomes a part of a host's name, so nothing but letters and digits may be in it. */
size_t blob_token_id(const char *token, const char **ret_id)
{
    const size_t head = strlen(TOKEN_HEAD);
    if (strncmp(token, TOKEN_HEAD, head) != 0)
        return 0;
    size_t size = strspn(token + head, LETTERS);
    const char *secret = token + head + size;
    if (size == 0 || size > ID_MAX || *secret++ != '_' || !*secret || secret[strspn(secret, LETTERS "_-")])
        return 0;
    *ret_id = token + head;
    return size;
}

static int check_url(const struct blob_store *store, const char *name, const char *url, struct kist_error *err)
{
    struct kist_error own = {.struct_size = sizeof own};
    int rc = kist_http_check_url(store->host, url, store->config->allow_plaintext.on != 0, &own);
    if (rc < 0) {
        store->host->fail(store->host, err, rc, "%s = %s: %s", name, url, own.message ? own.message : "refused");
        if (own.hint)
            store->host->hint(store->host, err, "%s", own.hint);
        kist_fault_clear(&own);
        return rc;
    }
    const char *authority = strstr(url, "://");
    if (authority && authority[3] != '/' && !strpbrk(url, "?#@ \"'<>\\") && !strstr(url, "/.."))
        return 0;
    store->host->fail(store->host, err, KIST_ERR_CONFIG, "%s '%s' is not a plain URL", name, url);
    store->host->hint(store->host, err, "it is a scheme, a host and perhaps a port and a path");
    return KIST_ERR_CONFIG;
}

static char *without_slashes(const char *url)
{
    size_t length = strlen(url);
    while (length > 0 && url[length - 1] == '/')
        length--;
    return strndup(url, length);
}

static int check_access(const struct blob_store *store, struct kist_error *err)
{
    const struct blob_config *config = store->config;
    if (config->access.index != BLOB_PUBLIC || config->allow_public.on)
        return 0;
    store->host->fail(store->host, err, KIST_ERR_CONFIG,
                      "access = public: everybody who learns or guesses its URL could read a backup");
    store->host->hint(store->host, err,
                      "use a private store, or set 'allow_public = yes' and encrypt with a filter");
    return KIST_ERR_CONFIG;
}

static int make_texts(struct blob_store *store, const char *id, size_t id_size, struct kist_error *err)
{
    const struct blob_config *config = store->config;
    int length = 0;
    store->id = strndup(id, id_size);
    store->api = without_slashes(config->api_url);
    if (config->content_base_url)
        store->content = without_slashes(config->content_base_url);
    else
        length = asprintf(&store->content, "https://%.*s.%s.blob.vercel-storage.com", (int)id_size, id,
                          config->access.index == BLOB_PUBLIC ? "public" : "private");
    if (length < 0 || !store->id || !store->api || !store->content ||
        asprintf(&store->authorization, "Bearer %s", config->token.reveal) < 0)
        return blob_fail_memory(store, err);
    return 0;
}

int blob_config_apply(struct blob_store *store, struct kist_error *err)
{
    const struct kist_host *host = store->host;
    const struct blob_config *config = store->config;
    const char *id = NULL;
    size_t id_size = blob_token_id(config->token.reveal, &id);
    if (id_size == 0) {
        host->fail(host, err, KIST_ERR_CONFIG, "the token is not of the form " TOKEN_HEAD "STORE_SECRET");
        host->hint(host, err, "copy BLOB_READ_WRITE_TOKEN from the store's page, tab '.env.local'");
        return KIST_ERR_CONFIG;
    }
    int rc = check_access(store, err);
    if (rc == 0)
        rc = check_url(store, "api_url", config->api_url, err);
    if (rc == 0 && config->content_base_url)
        rc = check_url(store, "content_base_url", config->content_base_url, err);
    return rc == 0 ? make_texts(store, id, id_size, err) : rc;
}

/* As the API counts them: in units of UTF-16. */
static size_t characters(const char *text)
{
    size_t count = 0;
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;
        count += (byte & 0xc0U) != 0x80 ? 1 : 0;
        count += byte >= 0xf0 ? 1 : 0;
    }
    return count;
}

/* The name stands in a URL, in which such components mean something else. */
static int has_odd_component(const char *key)
{
    for (;;) {
        size_t size = strcspn(key, "/");
        if (size == 0 || (size == 1 && key[0] == '.') || (size == 2 && key[0] == '.' && key[1] == '.'))
            return 1;
        if (!key[size])
            return 0;
        key += size + 1;
    }
}

int blob_key_check(const struct blob_store *store, const char *key, struct kist_error *err)
{
    const struct kist_host *host = store->host;
    size_t count = characters(key);
    if (has_odd_component(key))
        return host->fail(host, err, KIST_ERR_UNSUPPORTED, "'%s' cannot be the name of a blob", key);
    if (count <= BLOB_NAME_MAX)
        return 0;
    host->fail(host, err, KIST_ERR_UNSUPPORTED, "'%.60s...' has %zu characters, and the name of a blob at most %u",
               key, count, BLOB_NAME_MAX);
    host->hint(host, err, "shorten 'prefix' or the names of the items");
    return KIST_ERR_UNSUPPORTED;
}
