/* discard.c - deleting what carries the name of a backup that is no more, and nothing else. */
#include "neon.h"

#include <stdlib.h>
#include <string.h>

static int refuse(const struct neon_source *source, const struct kist_reference *reference, const char *why,
                  const char *hint, struct kist_error *err)
{
    const struct kist_host *host = source->host;
    host->fail(host, err, KIST_ERR_REFUSED, "%s '%s' (%s) is not deleted: %s", reference->kind, reference->name,
               reference->id, why);
    host->hint(host, err, "%s", hint);
    return KIST_ERR_REFUSED;
}

/* The name in the manifest has to be what this source gives to that backup, and what is there has to have it. */
static int check_ours(const struct neon_source *source, const struct kist_reference *reference,
                      const struct kist_backup *backup, const char *name, struct kist_error *err)
{
    char *ours = neon_name_of(source->config->name, backup), why[NEON_NAME_SIZE + 64];
    if (!ours)
        return neon_fail_memory(source->host, err);
    const int is_ours = strcmp(ours, reference->name) == 0, is_same = strcmp(name, reference->name) == 0;
    if (!is_ours)
        snprintf(why, sizeof why, "'%.*s' is what this source calls it", NEON_NAME_SIZE, ours);
    else
        snprintf(why, sizeof why, "it is called '%s' now", name);
    free(ours);
    if (is_ours && is_same)
        return 0;
    return refuse(source, reference, why,
                  is_ours ? "whoever renamed it may want to keep it: give it its name again, or delete it at Neon"
                          : "set 'name' as it was when the backup was made, or delete it at Neon",
                  err);
}

/* This source gives a backup no compute: where there is one, somebody works with what the branch holds, maybe everybody. */
static int check_idle(struct neon_source *source, const struct kist_reference *reference, struct kist_error *err)
{
    struct neon_endpoint endpoint;
    int rc = neon_endpoint_of(&source->api, reference->id, &endpoint, err);
    if (rc != 0)
        return rc == KIST_ERR_NOT_FOUND ? 0 : rc;
    return refuse(source, reference, "it has a compute, so that somebody may be working with it",
                  "delete its compute in the Neon console, and the next prune deletes the branch", err);
}

static int discard_branch(struct neon_source *source, const struct kist_reference *reference,
                          const struct kist_backup *backup, struct kist_error *err)
{
    struct neon_branch branch;
    int rc = neon_branch_get(&source->api, reference->id, &branch, err);
    if (rc == 0)
        rc = check_ours(source, reference, backup, branch.name, err);
    if (rc != 0)
        return rc;
    if (branch.is_default || !*branch.parent_id)
        return refuse(source, reference,
                      branch.is_default ? "it is the project's default branch" : "it is a root branch",
                      "it lives, and is no backup any more: keep it, and release the backup by hand", err);
    rc = check_idle(source, reference, err);
    if (rc != 0)
        return rc;
    if (branch.is_protected && !source->config->protect.on)
        return refuse(source, reference, "it is protected, and this source does not protect branches",
                      "take the protection away in the Neon console, or set 'protect = yes'", err);
    return neon_branch_remove(&source->api, &branch, err);
}

static int discard_snapshot(struct neon_source *source, const struct kist_reference *reference,
                            const struct kist_backup *backup, struct kist_error *err)
{
    struct neon_snapshot snapshot;
    int rc = neon_snapshot_find(&source->api, reference->id, NULL, &snapshot, err);
    if (rc == 0)
        rc = check_ours(source, reference, backup, snapshot.name, err);
    return rc == 0 ? neon_snapshot_remove(&source->api, &snapshot, err) : rc;
}

int neon_reference_discard(void *self, const struct kist_reference *reference, const struct kist_backup *backup,
                           struct kist_error *err)
{
    struct neon_source *source = self;
    struct neon_project project;
    neon_api_start(&source->api);
    int rc = neon_reference_check(source, reference, err);
    if (rc != 0)
        return rc;
    rc = strcmp(reference->kind, "snapshot") == 0 ? discard_snapshot(source, reference, backup, err)
                                                  : discard_branch(source, reference, backup, err);
    /* Gone is what is not in a project that can be seen. */
    return rc == KIST_ERR_NOT_FOUND ? neon_project_get(&source->api, &project, err) : rc;
}

/* ---- what a run left that failed ---- */

static int sweep_branch(struct neon_source *source, struct neon_api *api, const char *name, struct kist_error *err)
{
    const struct kist_host *host = source->host;
    struct neon_branch branch;
    int rc = neon_branch_find(api, name, &branch, err);
    if (rc != 0)
        return rc == KIST_ERR_NOT_FOUND ? 0 : rc;
    if (branch.is_default || !*branch.parent_id)
        return 0;
    rc = neon_branch_remove(api, &branch, err);
    if (rc == 0)
        host->log(host, KIST_LOG_INFO, "deleted branch '%s': its backup was never finished", name);
    return rc;
}

/* There may be several of a name. */
static int sweep_snapshots(struct neon_source *source, struct neon_api *api, const char *name,
                           struct kist_error *err)
{
    const struct kist_host *host = source->host;
    struct neon_snapshot snapshot;
    char last[NEON_ID_SIZE] = "";
    for (;;) {
        int rc = neon_snapshot_find(api, NULL, name, &snapshot, err);
        if (rc == KIST_ERR_NOT_FOUND)
            return 0;
        if (rc == 0 && strcmp(last, snapshot.id) == 0)
            rc = host->fail(host, err, KIST_ERR_UNAVAILABLE, "snapshot '%s' is still there after it was deleted",
                            name);
        if (rc == 0)
            rc = neon_snapshot_remove(api, &snapshot, err);
        if (rc != 0)
            return rc;
        memcpy(last, snapshot.id, sizeof last);
        host->log(host, KIST_LOG_INFO, "deleted snapshot '%s': its backup was never finished", name);
    }
}

int neon_backup_sweep(void *self, const struct kist_backup *backup, struct kist_error *err)
{
    struct neon_source *source = self;
    struct neon_api *api = NULL;
    int rc = neon_calm(source, &api, err);
    char *name = neon_name_of(source->config->name, backup);
    if (rc == 0 && !name)
        rc = neon_fail_memory(source->host, err);
    if (rc == 0)
        rc = sweep_branch(source, api, name, err);
    if (rc == 0) {
        rc = sweep_snapshots(source, api, name, err);
        /* Not every project has snapshots; what this source never makes need not be looked for. */
        if (rc != 0 && source->config->mode.index != NEON_SNAPSHOT && rc != KIST_ERR_CANCELLED) {
            source->host->log(source->host, KIST_LOG_DEBUG, "not looked for snapshots: %s",
                              err->message ? err->message : "refused");
            rc = 0;
        }
    }
    free(name);
    return rc;
}
