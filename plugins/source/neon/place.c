/* place.c - how to look at a branch. */
#include "neon.h"

#include <stdlib.h>
#include <string.h>

static char *command(const char *host, const char *role, const char *database)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    fputs("psql -h ", out);
    neon_put_word(out, host);
    fputs(" -U ", out);
    neon_put_word(out, role);
    fputs(" -d ", out);
    neon_put_word(out, database);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

/* The data is there, which the reader has to know. */
static int say_restored(const struct kist_host *host, int code, struct kist_error *err)
{
    char *message = err->message ? strdup(err->message) : NULL, *hint = err->hint ? strdup(err->hint) : NULL;
    host->fail(host, err, code, "the branch is restored, but cannot be connected to: %s",
               message ? message : "refused");
    host->retry(host, err, 0, 0);
    if (hint)
        host->hint(host, err, "%s", hint);
    free(message);
    free(hint);
    return code;
}

int neon_place_describe(struct neon_restore *restore, const char *branch_id, struct kist_error *err)
{
    struct neon_api *api = &restore->source->api;
    struct neon_endpoint endpoint;
    char *database = NULL, *role = NULL;
    int rc = neon_endpoint_need(api, branch_id, &endpoint, err);
    if (rc == 0)
        rc = neon_database_of(api, branch_id, &database, &role, err);
    if (rc == 0) {
        free(restore->look);
        restore->look = command(endpoint.host, role, database);
        rc = restore->look ? 0 : neon_fail_memory(api->host, err);
    }
    free(database);
    free(role);
    return rc == 0 ? 0 : say_restored(api->host, rc, err);
}
