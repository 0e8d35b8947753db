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
                                       .compute = 1};
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

/* ---- setting aside ---- */

/* A request that sets the target aside as `kept`, a name that nobody else gives. `body` is taken by set_aside. */
struct setting_aside {
    struct neon_restore *restore;
    const char *id, *action; /* of the branch that it is sent to */
    const char *what;
    json_t *body;
};

static int post_aside(void *arg, int *ret_unsure, struct kist_error *err)
{
    const struct setting_aside *s = arg;
    struct neon_api *api = &s->restore->source->api;
    json_t *reply = NULL;
    int rc = neon_call(api,
                       (struct neon_request){.what = s->what,
                                             .method = "POST",
                                             .path = neon_path("/branches/", s->id, s->action, NULL),
                                             .body = json_incref(s->body),
                                             .is_creation = 1},
                       &reply, ret_unsure, err);
    if (rc == 0)
        rc = neon_operations_wait(api, reply, s->what, err);
    json_decref(reply);
    return rc;
}

static int look_aside(struct neon_restore *restore, struct kist_error *err)
{
    struct neon_branch kept;
    return neon_branch_find(&restore->source->api, restore->kept, &kept, err);
}

/* When the target was set aside, then the rest was done, too. */
static int adopt_aside(void *arg, struct kist_error *err)
{
    const struct setting_aside *s = arg;
    int rc = look_aside(s->restore, err);
    return rc == 0 ? neon_operations_of(&s->restore->source->api, s->id, 0, s->what, err) : rc;
}

static int set_aside(struct setting_aside s, struct kist_error *err)
{
    struct neon_api *api = &s.restore->source->api;
    int unsure = 0;
    int rc = s.body ? neon_once(api, &(struct neon_once){post_aside, adopt_aside, &s}, &unsure, err)
                    : neon_fail_memory(api->host, err);
    json_decref(s.body);
    return rc;
}

/* ---- in place ---- */

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
        rc = set_aside((struct setting_aside){.restore = restore,
                                              .id = restore->target.id,
                                              .action = "/restore",
                                              .what = what,
                                              .body = json_pack("{s:s, s:s, s:s*}", "source_branch_id", from.id,
                                                                "preserve_under_name", restore->kept,
                                                                "source_timestamp", restore->at)},
                       err);
    if (rc == 0)
        rc = neon_branch_ready(&source->api, restore->target.id, ret_branch, err);
    if (rc != 0)
        return rc;
    rc = look_aside(restore, err);
    if (rc == KIST_ERR_NOT_FOUND)
        rc = host->fail(host, err, KIST_ERR_FAILED,
                        "branch '%s' was restored, but Neon shows no '%s' with what it held before",
                        restore->target.name, restore->kept);
    return rc;
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
    rc = set_aside((struct setting_aside){.restore = restore,
                                          .id = ret_branch->id,
                                          .action = "/finalize_restore",
                                          .what = what,
                                          .body = json_pack("{s:s}", "name", restore->kept)},
                   err);
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
