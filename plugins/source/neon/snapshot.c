/* snapshot.c - snapshots, which only root branches have. */
#include "neon.h"

#include <stdlib.h>
#include <string.h>

int neon_snapshot_find(struct neon_api *api, const char *id, const char *name, struct neon_snapshot *ret_snapshot,
                       struct kist_error *err)
{
    const struct kist_host *host = api->host;
    json_t *json = NULL;
    struct neon_snapshot snapshot;
    int found = 0;
    int rc =
        neon_call(api,
                  (struct neon_request){
                      .what = "list snapshots", .method = "GET", .path = neon_path("/snapshots", NULL, "", NULL)},
                  &json, NULL, err);
    const json_t *list = rc == 0 ? neon_read_list(host, json, "snapshots", err) : NULL;
    if (rc == KIST_ERR_NOT_FOUND)
        rc = neon_fail_unlisted(api, "snapshots", err);
    if (rc == 0 && !list)
        rc = KIST_ERR_CORRUPT;
    for (size_t i = 0; rc == 0 && !found && i < json_array_size(list); i++) {
        const json_t *entry = json_array_get(list, i);
        const char *its_id = kist_json_text(entry, "id"), *its_name = kist_json_text(entry, "name");
        /* Others need not have names that we would take. */
        if (!its_id || !its_name || (id && strcmp(its_id, id) != 0) || (name && strcmp(its_name, name) != 0))
            continue;
        rc = neon_read_snapshot(host, entry, &snapshot, err);
        found = rc == 0;
    }
    json_decref(json);
    if (rc == 0 && !found)
        return host->fail(host, err, KIST_ERR_NOT_FOUND, "there is no snapshot '%s'", name ? name : id);
    if (rc == 0)
        *ret_snapshot = snapshot;
    return rc;
}

int neon_snapshot_remove(struct neon_api *api, const struct neon_snapshot *snapshot, struct kist_error *err)
{
    char what[NEON_NAME_SIZE + 32];
    json_t *reply = NULL;
    snprintf(what, sizeof what, "delete snapshot '%s'", snapshot->name);
    int rc = neon_call(api,
                       (struct neon_request){.what = what,
                                             .method = "DELETE",
                                             .path = neon_path("/snapshots/", snapshot->id, "", NULL),
                                             .repeatable = 1},
                       &reply, NULL, err);
    if (rc == 0)
        rc = neon_operations_wait(api, reply, what, err);
    json_decref(reply);
    return rc == KIST_ERR_NOT_FOUND ? 0 : rc;
}

struct making {
    struct neon_api *api;
    const struct neon_branch *branch;
    const char *name;
    char expires[NEON_TIME_SIZE]; /* or "" */
    char what[NEON_NAME_SIZE + 32];
    struct neon_snapshot snapshot; /* its id "" while none was made that we know of */
};

static int post(void *arg, int *ret_unsure, struct kist_error *err)
{
    struct making *m = arg;
    struct neon_api *api = m->api;
    json_t *reply = NULL;
    int rc = neon_call(
        api,
        (struct neon_request){.what = m->what,
                              .method = "POST",
                              .path = neon_path("/branches/", m->branch->id, "/snapshot", "name", m->name,
                                                "expires_at", *m->expires ? m->expires : NULL, NULL),
                              .is_creation = 1},
        &reply, ret_unsure, err);
    if (rc == 0)
        rc = neon_read_snapshot(api->host, json_object_get(reply, "snapshot"), &m->snapshot, err);
    if (rc == 0 && strcmp(m->snapshot.name, m->name) != 0) {
        rc = api->host->fail(api->host, err, KIST_ERR_CORRUPT, "cannot %s: Neon made '%s' (%s) instead", m->what,
                             m->snapshot.name, m->snapshot.id);
        *m->snapshot.id = '\0';
    }
    if (rc == 0)
        rc = neon_operations_wait(api, reply, m->what, err);
    json_decref(reply);
    return rc;
}

/* 0: it is there; NOT_FOUND: it is not. */
static int adopt(void *arg, struct kist_error *err)
{
    struct making *m = arg;
    struct neon_snapshot snapshot;
    int rc = neon_snapshot_find(m->api, NULL, m->name, &snapshot, err);
    if (rc != 0)
        return rc;
    if (*snapshot.branch_id && strcmp(snapshot.branch_id, m->branch->id) != 0)
        return m->api->host->fail(m->api->host, err, KIST_ERR_EXISTS,
                                  "cannot %s: there is one of that name of another branch", m->what);
    m->snapshot = snapshot;
    m->api->host->log(m->api->host, KIST_LOG_INFO, "snapshot '%s' was made although its reply was lost", m->name);
    return neon_operations_of(m->api, m->branch->id, 0, m->what, err);
}

static void take_back(struct making *m, struct kist_error *err)
{
    struct neon_source *source = m->api->source;
    struct kist_error own = KIST_FAULT_INIT;
    struct neon_api *api = NULL;
    struct neon_snapshot snapshot;
    char what[NEON_NAME_SIZE + 32];
    int rc = neon_calm(source, &api, &own);
    if (rc == 0)
        rc = neon_snapshot_find(api, m->snapshot.id, m->name, &snapshot, &own);
    if (rc == 0)
        rc = neon_snapshot_remove(api, &snapshot, &own);
    snprintf(what, sizeof what, "snapshot '%s'", m->name);
    neon_say_undone(source->host, what, rc == KIST_ERR_NOT_FOUND ? 0 : rc, &own, err);
    kist_fault_clear(&own);
}

int neon_snapshot_make(struct neon_api *api, const struct neon_branch *branch, const char *name,
                       int64_t expires_ms, struct neon_snapshot *ret_snapshot, struct kist_error *err)
{
    struct making m = {.api = api, .branch = branch, .name = name};
    int unsure = 0;
    snprintf(m.what, sizeof m.what, "make snapshot '%s'", name);
    if (expires_ms > 0)
        neon_time_text(expires_ms, m.expires);
    int rc = neon_once(api, &(struct neon_once){post, adopt, &m}, &unsure, err);
    /* Snapshots have no state: what counts is that it is listed when every operation is finished. */
    if (rc == 0)
        rc = neon_snapshot_find(api, m.snapshot.id, name, &m.snapshot, err);
    if (rc != 0 && *m.snapshot.id)
        take_back(&m, err);
    if (rc == 0)
        *ret_snapshot = m.snapshot;
    return rc != 0 && err->code ? err->code : rc;
}
