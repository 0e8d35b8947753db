/* endpoint.c - how a branch is connected to. */
#include "neon.h"

#include <stdlib.h>
#include <string.h>

/* A list that hangs on a branch: "endpoints", "databases", "roles". */
static int list_of(struct neon_api *api, const char *branch_id, const char *name, json_t **ret_json,
                   const json_t **ret_list, struct kist_error *err)
{
    char what[64], tail[32];
    snprintf(what, sizeof what, "list the %s of a branch", name);
    snprintf(tail, sizeof tail, "/%s", name);
    int rc = neon_call(api,
                       (struct neon_request){
                           .what = what, .method = "GET", .path = neon_path("/branches/", branch_id, tail, NULL)},
                       ret_json, NULL, err);
    if (rc == 0)
        *ret_list = neon_read_list(api->host, *ret_json, name, err);
    return rc == 0 && !*ret_list ? KIST_ERR_CORRUPT : rc;
}

int neon_endpoints(struct neon_api *api, const char *branch_id, neon_endpoint_fn give, void *arg,
                   struct kist_error *err)
{
    json_t *json = NULL;
    const json_t *list = NULL;
    struct neon_endpoint endpoint;
    int rc = list_of(api, branch_id, "endpoints", &json, &list, err);
    for (size_t i = 0; rc == 0 && i < json_array_size(list); i++) {
        rc = neon_read_endpoint(api->host, json_array_get(list, i), &endpoint, err);
        if (rc == 0)
            rc = give(arg, &endpoint);
    }
    json_decref(json);
    return rc;
}

static int take_writable(void *arg, const struct neon_endpoint *endpoint)
{
    if (!endpoint->is_writable)
        return 0;
    *(struct neon_endpoint *)arg = *endpoint;
    return 1;
}

int neon_endpoint_of(struct neon_api *api, const char *branch_id, struct neon_endpoint *ret_endpoint,
                     struct kist_error *err)
{
    int rc = neon_endpoints(api, branch_id, take_writable, ret_endpoint, err);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    return api->host->fail(api->host, err, KIST_ERR_NOT_FOUND, "branch %s has no compute to connect to",
                           branch_id);
}

static int post(struct neon_api *api, const char *branch_id, int *ret_unsure, struct kist_error *err)
{
    static const char what[] = "make a compute for a branch";
    json_t *reply = NULL;
    int rc = neon_call(api,
                       (struct neon_request){.what = what,
                                             .method = "POST",
                                             .path = neon_path("/endpoints", NULL, "", NULL),
                                             .body = json_pack("{s:{s:s, s:s}}", "endpoint", "branch_id",
                                                               branch_id, "type", "read_write"),
                                             .is_creation = 1},
                       &reply, ret_unsure, err);
    if (rc == 0)
        rc = neon_operations_wait(api, reply, what, err);
    json_decref(reply);
    return rc;
}

int neon_endpoint_need(struct neon_api *api, const char *branch_id, struct neon_endpoint *ret_endpoint,
                       struct kist_error *err)
{
    struct kist_again again = kist_again_begin(api->host, neon_api_left(api));
    int rc = neon_endpoint_of(api, branch_id, ret_endpoint, err), unsure = 0;
    if (rc != KIST_ERR_NOT_FOUND)
        return rc;
    for (;;) {
        rc = post(api, branch_id, &unsure, err);
        if (rc != 0 && !unsure && rc != KIST_ERR_EXISTS)
            return rc;
        struct kist_error own = KIST_FAULT_INIT;
        int found = neon_endpoint_of(api, branch_id, ret_endpoint, &own);
        if (found != 0 && (rc == 0 || found != KIST_ERR_NOT_FOUND))
            rc = kist_fault_repeat(api->host, &own, err);
        kist_fault_clear(&own);
        /* A branch has no more than one that can be written to. */
        if (found == 0)
            return rc == 0 ? 0 : neon_operations_of(api, branch_id, 0, "make a compute for a branch", err);
        if (rc != 0 && (found != KIST_ERR_NOT_FOUND || !kist_again(&again, err)))
            return err->code;
        if (rc == 0)
            return found;
    }
}

/* The database of that name, or the first. */
static const json_t *pick_database(const json_t *list, const char *name)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *database = json_array_get(list, i);
        const char *its = kist_json_text(database, "name");
        if (its && *its && (!name || strcmp(its, name) == 0))
            return neon_name_is_sound(its) ? database : NULL;
    }
    return NULL;
}

int neon_database_of(struct neon_api *api, const char *branch_id, char **ret_database, char **ret_role,
                     struct kist_error *err)
{
    const struct kist_host *host = api->host;
    const struct neon_config *config = api->config;
    json_t *json = NULL;
    const json_t *list = NULL;
    int rc = list_of(api, branch_id, "databases", &json, &list, err);
    const json_t *database = rc == 0 ? pick_database(list, config->database) : NULL;
    const char *owner = kist_json_text(database, "owner_name"), *role = config->role ? config->role : owner;
    char *name = NULL, *user = NULL;
    if (rc == 0 && !database) {
        rc = host->fail(host, err, KIST_ERR_NOT_FOUND, "the branch has no database%s%s%s",
                        config->database ? " '" : "", config->database ? config->database : "",
                        config->database ? "'" : "");
        host->hint(host, err, "check 'database'");
    } else if (rc == 0 && !neon_name_is_sound(role)) {
        rc = host->fail(host, err, KIST_ERR_CORRUPT, "Neon tells no sound owner of the database");
        host->hint(host, err, "set 'role'");
    } else if (rc == 0) {
        name = strdup(kist_json_text(database, "name"));
        user = strdup(role);
        rc = name && user ? 0 : neon_fail_memory(host, err);
    }
    json_decref(json);
    if (rc == 0) {
        *ret_database = name;
        *ret_role = user;
        return 0;
    }
    free(name);
    free(user);
    return rc;
}
