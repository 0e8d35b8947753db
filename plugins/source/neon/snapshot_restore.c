/* snapshot_restore.c - a branch from a snapshot, once. */
#include "neon.h"

#include <stdlib.h>
#include <string.h>

struct restoring {
    struct neon_api *api;
    const char *snapshot_id, *name, *target_id;
    char what[NEON_NAME_SIZE + 48];
    struct neon_branch branch; /* its id "" while none was made that we know of */
};

static int post(void *arg, int *ret_unsure, struct kist_error *err)
{
    struct restoring *r = arg;
    struct neon_api *api = r->api;
    json_t *body =
        json_pack("{s:s, s:s*, s:b}", "name", r->name, "target_branch_id", r->target_id, "finalize_restore", 0);
    json_t *reply = NULL;
    if (!body)
        return neon_fail_memory(api->host, err);
    int rc = neon_call(api,
                       (struct neon_request){.what = r->what,
                                             .method = "POST",
                                             .path = neon_path("/snapshots/", r->snapshot_id, "/restore", NULL),
                                             .body = body,
                                             .is_creation = 1},
                       &reply, ret_unsure, err);
    if (rc == 0)
        rc = neon_read_branch(api->host, json_object_get(reply, "branch"), &r->branch, err);
    if (rc == 0 && strcmp(r->branch.name, r->name) != 0) {
        rc = api->host->fail(api->host, err, KIST_ERR_CORRUPT, "cannot %s: Neon made '%s' (%s) instead", r->what,
                             r->branch.name, r->branch.id);
        *r->branch.id = '\0';
    }
    if (rc == 0)
        rc = neon_operations_wait(api, reply, r->what, err);
    json_decref(reply);
    return rc;
}

/* 0: it is there; NOT_FOUND: it is not. */
static int adopt(void *arg, struct kist_error *err)
{
    struct restoring *r = arg;
    struct neon_branch branch;
    int rc = neon_branch_find(r->api, r->name, &branch, err);
    if (rc != 0)
        return rc;
    if (*branch.restored_from && strcmp(branch.restored_from, r->snapshot_id) != 0)
        return r->api->host->fail(r->api->host, err, KIST_ERR_EXISTS, "cannot %s: there is another branch '%s'",
                                  r->what, r->name);
    r->branch = branch;
    return neon_operations_of(r->api, branch.id, 1, r->what, err);
}

int neon_snapshot_restore(struct neon_api *api, const char *snapshot_id, const char *name, const char *target_id,
                          struct neon_branch *ret_branch, struct kist_error *err)
{
    struct restoring r = {.api = api, .snapshot_id = snapshot_id, .name = name, .target_id = target_id};
    struct neon_endpoint endpoint;
    int unsure = 0;
    snprintf(r.what, sizeof r.what, "restore a snapshot as branch '%s'", name);
    int rc = neon_once(api, &(struct neon_once){post, adopt, &r}, &unsure, err);
    if (rc == 0)
        rc = neon_branch_ready(api, r.branch.id, &r.branch, err);
    /* One that is to take another's place takes its computes, too. */
    if (rc == 0 && !target_id)
        rc = neon_endpoint_need(api, r.branch.id, &endpoint, err);
    if (rc != 0 && *r.branch.id)
        neon_branch_take_back(api, r.branch.id, name, err);
    if (rc == 0)
        *ret_branch = r.branch;
    return rc != 0 && err->code ? err->code : rc;
}
