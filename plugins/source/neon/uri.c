/* uri.c - the connection string, which holds a password. */
#include "neon.h"

#include <stdlib.h>
#include <string.h>

static int hex(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;
    return at ? (int)(at - digits) : -1;
}

static void decode(char *text)
{
    char *out = text;
    for (; *text; text++) {
        int high = *text == '%' ? hex(text[1]) : -1, low = high >= 0 ? hex(text[2]) : -1;
        if (low >= 0)
            *out++ = (char)(16 * high + low), text += 2;
        else
            *out++ = *text;
    }
    *out = '\0';
}

/* "scheme://user:PASSWORD@host": as it stands there, and as it is meant. */
static int hide(const struct kist_host *host, const char *uri)
{
    const char *user = strstr(uri, "://");
    const char *end = user ? user + 3 + strcspn(user + 3, "/?#") : NULL, *at = NULL;
    int rc = host->add_secret(host, uri);
    for (const char *c = user; c && c < end; c++)
        at = *c == '@' ? c : at;
    const char *colon = at ? memchr(user + 3, ':', (size_t)(at - user - 3)) : NULL;
    if (!colon || rc != 0 || at - colon < 2)
        return rc;
    char *password = strndup(colon + 1, (size_t)(at - colon - 1));
    if (!password)
        return KIST_ERR_FAILED;
    rc = host->add_secret(host, password);
    decode(password);
    if (rc == 0)
        rc = host->add_secret(host, password);
    neon_wipe(password);
    return rc;
}

/* jansson's copies of a text cannot be told to forget it, but this one can. */
static void forget(const json_t *json, const char *name)
{
    const char *text = kist_json_text(json, name);
    if (text)
        explicit_bzero((char *)text, strlen(text));
}

int neon_uri(struct neon_api *api, const char *branch_id, const char *database, const char *role, char **ret_uri,
             struct kist_error *err)
{
    const struct kist_host *host = api->host;
    json_t *json = NULL;
    char *uri = NULL;
    int rc = neon_call(api,
                       (struct neon_request){.what = "fetch the connection string of a branch",
                                             .method = "GET",
                                             .path = neon_path("/connection_uri", NULL, "", "branch_id", branch_id,
                                                               "database_name", database, "role_name", role,
                                                               "pooled", "false", NULL)},
                       &json, NULL, err);
    const char *text = kist_json_text(json, "uri");
    if (rc == 0 && (!text || (strncmp(text, "postgres://", 11) != 0 && strncmp(text, "postgresql://", 13) != 0)))
        rc = host->fail(host, err, KIST_ERR_CORRUPT, "Neon gave no connection string of a branch");
    if (rc == 0 && (hide(host, text) != 0 || !(uri = strdup(text))))
        rc = neon_fail_memory(host, err);
    forget(json, "uri");
    json_decref(json);
    if (rc == 0)
        *ret_uri = uri;
    return rc;
}
