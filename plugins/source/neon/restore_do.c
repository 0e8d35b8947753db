/* restore_do.c - restoring: to a new branch, or in the place of one. */
#include "neon.h"

#include <stdlib.h>
#include <string.h>

/* Neon makes no branch from one that is going to expire, and lets none expire that others were made from. */
static int keep_for_good(struct neon_source *source, const struct neon_branch *branch, struct kist_error *err)
{
    if (branch->expires_ms == 0)
        return 0;
    int rc = neon_branch_patch(&source->api, branch, "expires_at", json_null(), err);
    if (rc == 0)
        source->host->log(source->host, KIST_LOG_WARNING,
                          "branch '%s' no longer expires by itself, since another one is made from it",
                          branch->name);
    return rc;
}

/* The branch that a reference means, fit to be restored from. */
static int need_branch(struct neon_source *source, const struct kist_reference *reference,
                       struct neon_branch *ret_branch, struct kist_error *err)
{
    const struct kist_host *host = source->host;
    struct neon_branch branch;
    int rc = neon_branch_get(&source->api, reference->id, &branch, err);
    if (rc == KIST_ERR_NOT_FOUND)
        return neon_fail_missing(&source->api, reference->name, err);
    if (rc == 0 && !neon_branch_is_whole(&branch))
        rc = host->fail(host, err, KIST_ERR_CORRUPT, "branch '%s' is '%s'", branch.name, branch.state);
    if (rc == 0)
        rc = keep_for_good(source, &branch, err);
    if (rc == 0)
        *ret_branch = branch;
    return rc;
}

static int make_new(struct neon_restore *restore, const char *parent_id, struct neon_branch *ret_branch,
                    struct kist_error *err)
{
    const struct neon_wanted wanted = {.name = restore->fresh ? restore->fresh : restore->name,
                                       .parent_id = parent_id,
                                       .timestamp = restore->at,
                                       .compute = 1,
                                       .is_ours = restore->fresh != NULL};
    return neon_branch_make(&restore->source->api, &wanted, ret_branch, err);
}

static int restore_new(struct neon_restore *restore, const struct kist_reference *reference,
                       struct neon_branch *ret_branch, struct kist_error *err)
{
    struct neon_source *source = restore->source;
    struct neon_branch from;
    int rc = 0;
    if (!reference)
        return make_new(restore, source->branch.id, ret_branch, err);
    if (strcmp(reference->kind, "snapshot") == 0)
        return neon_snapshot_restore(&source->api, reference->id, restore->fresh ? restore->fresh : restore->name,
                                     NULL, ret_branch, err);
    rc = need_branch(source, reference, &from, err);
    return rc == 0 ? make_new(restore, from.id, ret_branch, err) : rc;
}

/* ---- in place ---- */

/* Whether the branch was set aside already, under a name that nobody else gives: then the rest was done, too. */
static int was_done(struct neon_restore *restore, struct kist_error *err)
{
    struct neon_branch kept;
    int rc = neon_branch_find(&restore->source->api, restore->kept, &kept, err);
    return rc == 0 ? 1 : rc == KIST_ERR_NOT_FOUND ? 0 : rc;
}

static int replace_once(struct neon_restore *restore, const char *from_id, const char *what,
                        struct kist_error *err)
{
    struct neon_api *api = &restore->source->api;
    struct kist_again again = kist_again_begin(api->host, neon_api_left(api));
    const char *target = restore->target.id;
    for (;;) {
        json_t *body = json_pack("{s:s, s:s, s:s*}", "source_branch_id", from_id, "preserve_under_name",
                                 restore->kept, "source_timestamp", restore->at);
        json_t *reply = NULL;
        int unsure = 0;
        if (!body)
            return neon_fail_memory(api->host, err);
        int rc = neon_call(api,
                           (struct neon_request){.what = what,
                                                 .method = "POST",
                                                 .path = neon_path("/branches/", target, "/restore", NULL),
                                                 .body = body,
                                                 .is_creation = 1},
                           &reply, &unsure, err);
        if (rc == 0)
            rc = neon_operations_wait(api, reply, what, err), unsure = 0;
        json_decref(reply);
        if (rc == 0 || !unsure)
            return rc;
        struct kist_error own = KIST_FAULT_INIT;
        int done = was_done(restore, &own);
        if (done < 0)
            kist_fault_repeat(api->host, &own, err);
        kist_fault_clear(&own);
        if (done == 1)
            return neon_operations_of(api, target, 0, what, err);
        if (done < 0 || !kist_again(&again, err))
            return err->code;
    }
}

static int replace(struct neon_restore *restore, const struct kist_reference *reference,
                   struct neon_branch *ret_branch, struct kist_error *err)
{
    struct neon_source *source = restore->source;
    const struct kist_host *host = source->host;
    struct neon_branch from = restore->target;
    char what[NEON_NAME_SIZE + 32];
    int rc = reference ? need_branch(source, reference, &from, err) : 0;
    snprintf(what, sizeof what, "restore branch '%s'", restore->target.name);
    if (rc == 0)
        rc = replace_once(restore, from.id, what, err);
    if (rc == 0)
        rc = neon_branch_ready(&source->api, restore->target.id, ret_branch, err);
    if (rc != 0)
        return rc;
    rc = was_done(restore, err);
    if (rc == 0)
        return host->fail(host, err, KIST_ERR_FAILED,
                          "branch '%s' was restored, but Neon shows no '%s' with what it held before",
                          restore->target.name, restore->kept);
    return rc < 0 ? rc : 0;
}

static int finalize_once(struct neon_restore *restore, const struct neon_branch *fresh, const char *what,
                         struct kist_error *err)
{
    struct neon_api *api = &restore->source->api;
    struct kist_again again = kist_again_begin(api->host, neon_api_left(api));
    for (;;) {
        json_t *reply = NULL;
        int unsure = 0;
        int rc =
            neon_call(api,
                      (struct neon_request){.what = what,
                                            .method = "POST",
                                            .path = neon_path("/branches/", fresh->id, "/finalize_restore", NULL),
                                            .body = json_pack("{s:s}", "name", restore->kept)},
                      &reply, &unsure, err);
        if (rc == 0)
            rc = neon_operations_wait(api, reply, what, err), unsure = 0;
        json_decref(reply);
        if (rc == 0 || !unsure)
            return rc;
        struct kist_error own = KIST_FAULT_INIT;
        int done = was_done(restore, &own);
        if (done < 0)
            kist_fault_repeat(api->host, &own, err);
        kist_fault_clear(&own);
        if (done == 1)
            return neon_operations_of(api, fresh->id, 0, what, err);
        if (done < 0 || !kist_again(&again, err))
            return err->code;
    }
}

/* A snapshot becomes a branch first, which then takes the target's name and computes. */
static int replace_by_snapshot(struct neon_restore *restore, const struct kist_reference *reference,
                               struct neon_branch *ret_branch, struct kist_error *err)
{
    struct neon_source *source = restore->source;
    const struct kist_host *host = source->host;
    char what[NEON_NAME_SIZE + 32];
    int rc =
        neon_snapshot_restore(&source->api, reference->id, restore->fresh, restore->target.id, ret_branch, err);
    if (rc != 0)
        return rc;
    snprintf(what, sizeof what, "replace branch '%s'", restore->target.name);
    rc = finalize_once(restore, ret_branch, what, err);
    if (rc == 0)
        rc = neon_branch_ready(&source->api, ret_branch->id, ret_branch, err);
    if (rc == 0 && strcmp(ret_branch->name, restore->target.name) != 0)
        rc = host->fail(host, err, KIST_ERR_FAILED, "cannot %s: what took its place is called '%s'", what,
                        ret_branch->name);
    if (rc != 0)
        host->hint(host, err, "see the branches '%s', '%s' and '%s' in the Neon console: nothing was deleted",
                   restore->target.name, restore->fresh, restore->kept);
    return rc;
}

int neon_reference_restore(void *self, const struct kist_item *item, struct kist_error *err)
{
    struct neon_restore *restore = self;
    struct neon_source *source = restore->source;
    const struct kist_host *host = source->host;
    const struct kist_reference *reference = item ? item->reference : NULL;
    struct neon_branch branch;
    neon_api_start(&source->api);
    if (restore->dump || (item && !reference))
        return host->fail(host, err, KIST_ERR_BUG, "what is to be restored is no reference");
    int rc = reference ? neon_reference_check(source, reference, err) : 0;
    if (rc != 0)
        return rc;
    if (!restore->in_place)
        rc = restore_new(restore, reference, &branch, err);
    else if (reference && strcmp(reference->kind, "snapshot") == 0)
        rc = replace_by_snapshot(restore, reference, &branch, err);
    else
        rc = replace(restore, reference, &branch, err);
    return rc == 0 ? neon_place_describe(restore, branch.id, err) : rc;
}
