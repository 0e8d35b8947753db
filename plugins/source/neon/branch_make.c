/* branch_make.c - making a branch, once, and deleting one. */
#include "neon.h"

#include <stdlib.h>
#include <string.h>

/* ---- deleting ---- */

static int is_child(void *arg, const struct neon_branch *branch, struct kist_error *err)
{
    struct neon_branch *wish = arg;
    (void)err;
    if (strcmp(branch->parent_id, wish->id) != 0)
        return 0;
    *wish = *branch;
    return 1;
}

static int fail_parent(const struct neon_api *api, const struct neon_branch *branch,
                       const struct neon_branch *child, struct kist_error *err)
{
    const struct kist_host *host = api->host;
    host->fail(host, err, KIST_ERR_FAILED, "cannot delete branch '%s': branch '%s' was made from it", branch->name,
               child->name);
    host->hint(host, err, "it can go when '%s' is deleted; until then the next prune tries again", child->name);
    return KIST_ERR_FAILED;
}

/* Neon does not delete what others were made from: says which. */
static void explain_refusal(struct neon_api *api, const struct neon_branch *branch, struct kist_error *err)
{
    struct kist_error own = KIST_FAULT_INIT;
    struct neon_branch child = *branch;
    if (neon_branches(api, NULL, is_child, &child, &own) == 1)
        fail_parent(api, branch, &child, err);
    kist_fault_clear(&own);
}

int neon_branch_remove(struct neon_api *api, const struct neon_branch *branch, struct kist_error *err)
{
    const struct kist_host *host = api->host;
    char what[NEON_NAME_SIZE + 32];
    json_t *reply = NULL;
    struct neon_branch child = *branch;
    int rc = 0;
    snprintf(what, sizeof what, "delete branch '%s'", branch->name);
    if (branch->is_default)
        return host->fail(host, err, KIST_ERR_REFUSED, "'%s' is the default branch of the project: it stays",
                          branch->name);
    /* One that has to stay keeps its protection. */
    if (branch->is_protected)
        rc = neon_branches(api, NULL, is_child, &child, err);
    if (rc > 0)
        return fail_parent(api, branch, &child, err);
    if (rc == 0 && branch->is_protected)
        rc = neon_branch_patch(api, branch, "protected", json_false(), err);
    if (rc == 0)
        rc = neon_call(api,
                       (struct neon_request){.what = what,
                                             .method = "DELETE",
                                             .path = neon_path("/branches/", branch->id, "", NULL),
                                             .repeatable = 1},
                       &reply, NULL, err);
    if (rc == 0)
        rc = neon_operations_wait(api, reply, what, err);
    else if (rc == KIST_ERR_FAILED)
        explain_refusal(api, branch, err);
    json_decref(reply);
    return rc == KIST_ERR_NOT_FOUND ? 0 : rc;
}

/* ---- making ---- */

struct making {
    struct neon_api *api;
    const struct neon_wanted *wanted;
    char what[NEON_NAME_SIZE + 32];
    struct neon_branch branch; /* its id "" while none was made that we know of */
    int unsure;                /* and yet one may have been */
};

static json_t *body_of(const struct neon_wanted *wanted)
{
    char expires[NEON_TIME_SIZE];
    json_t *branch = json_pack("{s:s, s:s}", "name", wanted->name, "parent_id", wanted->parent_id);
    json_t *endpoints = wanted->compute ? json_pack("[{s:s}]", "type", "read_write") : json_array();
    int failed = !branch || !endpoints;
    if (!failed && wanted->timestamp)
        failed |= json_object_set_new(branch, "parent_timestamp", json_string(wanted->timestamp));
    if (!failed && wanted->protect)
        failed |= json_object_set_new(branch, "protected", json_true());
    if (!failed && wanted->expires_ms) {
        neon_time_text(wanted->expires_ms, expires);
        failed |= json_object_set_new(branch, "expires_at", json_string(expires));
    }
    if (!failed)
        return json_pack("{s:o, s:o}", "branch", branch, "endpoints", endpoints);
    json_decref(branch);
    json_decref(endpoints);
    return NULL;
}

static int post(void *arg, int *ret_unsure, struct kist_error *err)
{
    struct making *m = arg;
    struct neon_api *api = m->api;
    json_t *body = body_of(m->wanted), *reply = NULL;
    if (!body)
        return neon_fail_memory(api->host, err);
    int rc = neon_call(api,
                       (struct neon_request){.what = m->what,
                                             .method = "POST",
                                             .path = neon_path("/branches", NULL, "", NULL),
                                             .body = body,
                                             .is_creation = 1},
                       &reply, ret_unsure, err);
    if (rc == 0)
        rc = neon_read_branch(api->host, json_object_get(reply, "branch"), &m->branch, err);
    if (rc == 0 && strcmp(m->branch.name, m->wanted->name) != 0) {
        rc = api->host->fail(api->host, err, KIST_ERR_CORRUPT, "cannot %s: Neon made '%s' (%s) instead", m->what,
                             m->branch.name, m->branch.id);
        *m->branch.id = '\0';
    }
    if (rc == 0)
        rc = neon_operations_wait(api, reply, m->what, err);
    json_decref(reply);
    return rc;
}

/* No reply came, or none that says for sure that nothing was made. 0: it is there and ours; NOT_FOUND: it is not there. */
static int adopt(void *arg, struct kist_error *err)
{
    struct making *m = arg;
    struct neon_api *api = m->api;
    const struct kist_host *host = api->host;
    struct neon_branch branch;
    int rc = neon_branch_find(api, m->wanted->name, &branch, err);
    if (rc != 0)
        return rc;
    if (strcmp(branch.parent_id, m->wanted->parent_id) != 0)
        return host->fail(host, err, KIST_ERR_EXISTS, "cannot %s: there is one of that name with another parent",
                          m->what);
    m->branch = branch;
    host->log(host, KIST_LOG_INFO, "branch '%s' was made although its reply was lost", branch.name);
    return neon_operations_of(api, branch.id, 1, m->what, err);
}

static int clear_once(struct neon_source *source, const char *id, const char *name, int64_t most_ms,
                      struct kist_error *err)
{
    struct neon_api *api = NULL;
    struct neon_branch branch;
    int rc = neon_calm(source, &api, err);
    if (rc != 0)
        return rc;
    const int64_t limit = neon_api_limit(api, most_ms);
    rc = neon_branch_get(api, id, &branch, err);
    if (rc == 0 && strcmp(branch.name, name) != 0)
        rc = source->host->fail(source->host, err, KIST_ERR_REFUSED, "it is called '%s' now", branch.name);
    if (rc == 0)
        rc = neon_branch_remove(api, &branch, err);
    api->limit_ms = limit;
    return rc == KIST_ERR_NOT_FOUND ? 0 : rc;
}

int neon_branch_clear(struct neon_source *source, const char *id, const char *name, int64_t most_ms,
                      struct kist_error *err)
{
    int rc = clear_once(source, id, name, most_ms, err);
    if (rc != KIST_ERR_CANCELLED)
        return rc;
    kist_fault_clear(err);
    return clear_once(source, id, name, most_ms, err);
}

void neon_branch_take_back(struct neon_api *api, const char *id, const char *name, struct kist_error *err)
{
    struct neon_source *source = api->source;
    struct kist_error own = KIST_FAULT_INIT;
    char what[NEON_NAME_SIZE + 32];
    int rc = neon_branch_clear(source, id, name, INT64_MAX, &own);
    snprintf(what, sizeof what, "branch '%s'", name);
    neon_say_undone(source->host, what, rc, &own, err);
    kist_fault_clear(&own);
}

/* It was asked for, and not seen: when the run was stopped at that moment, say. */
static void take_back_unseen(struct making *m, struct kist_error *err)
{
    struct kist_error own = KIST_FAULT_INIT;
    struct neon_api *api = NULL;
    struct neon_branch branch;
    int rc = neon_calm(m->api->source, &api, &own);
    if (rc == 0)
        rc = neon_branch_find(api, m->wanted->name, &branch, &own);
    kist_fault_clear(&own);
    if (rc == 0 && strcmp(branch.parent_id, m->wanted->parent_id) == 0)
        neon_branch_take_back(m->api, branch.id, branch.name, err);
}

/* It has to be what was asked for: a copy of another branch is no backup of this one. */
static int check_made(const struct making *m, struct kist_error *err)
{
    const struct kist_host *host = m->api->host;
    if (strcmp(m->branch.name, m->wanted->name) == 0 && strcmp(m->branch.parent_id, m->wanted->parent_id) == 0)
        return 0;
    return host->fail(host, err, KIST_ERR_CORRUPT, "cannot %s: Neon made '%s' (%s) from '%s' instead of '%s'",
                      m->what, m->branch.name, m->branch.id, m->branch.parent_id, m->wanted->parent_id);
}

int neon_branch_make(struct neon_api *api, const struct neon_wanted *wanted, struct neon_branch *ret_branch,
                     struct kist_error *err)
{
    struct making m = {.api = api, .wanted = wanted};
    struct neon_endpoint endpoint;
    snprintf(m.what, sizeof m.what, "make branch '%s'", wanted->name);
    int rc = neon_once(api, &(struct neon_once){post, adopt, &m}, &m.unsure, err);
    if (rc == 0)
        rc = neon_branch_ready(api, m.branch.id, &m.branch, err);
    if (rc == 0)
        rc = check_made(&m, err);
    if (rc == 0 && wanted->compute)
        rc = neon_endpoint_need(api, m.branch.id, &endpoint, err);
    if (rc != 0 && *m.branch.id)
        neon_branch_take_back(api, m.branch.id, wanted->name, err);
    else if (rc != 0 && m.unsure)
        take_back_unseen(&m, err);
    if (rc == 0)
        *ret_branch = m.branch;
    return rc != 0 && err->code ? err->code : rc;
}
