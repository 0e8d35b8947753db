/* look.c - whether what Neon holds of a backup is there, and what it should be. */
#include "neon.h"

#include <string.h>

static int is_snapshot(const struct kist_reference *reference)
{
    return strcmp(reference->kind, "snapshot") == 0;
}

int neon_reference_check(const struct neon_source *source, const struct kist_reference *reference,
                         struct kist_error *err)
{
    const struct kist_host *host = source->host;
    const char *project = source->config->project;
    if (!is_snapshot(reference) && strcmp(reference->kind, "branch") != 0)
        return host->fail(host, err, KIST_ERR_CONFIG, "'%s' is a %s, which this source does not know",
                          reference->name, reference->kind);
    if (!neon_id_is_sound(reference->id))
        return host->fail(host, err, KIST_ERR_CORRUPT, "'%s' is not an id of Neon", reference->id);
    if (reference->account && strcmp(reference->account, project) == 0)
        return 0;
    host->fail(host, err, KIST_ERR_CONFIG, "%s '%s' is in project '%s', and [source] says project '%s'",
               reference->kind, reference->name, reference->account ? reference->account : "(not told)", project);
    host->hint(host, err, "look after it at Neon, or with a configuration that says that project");
    return KIST_ERR_CONFIG;
}

static int check_name(const struct neon_source *source, const struct kist_reference *reference, const char *name,
                      struct kist_error *err)
{
    const struct kist_host *host = source->host;
    if (strcmp(reference->name, name) == 0)
        return 0;
    host->fail(host, err, KIST_ERR_CORRUPT, "%s '%s' (%s) was renamed to '%s'", reference->kind, reference->name,
               reference->id, name);
    host->hint(host, err, "give it its name again in the Neon console, so that it can be told from others");
    return KIST_ERR_CORRUPT;
}

static int look_at_branch(struct neon_source *source, const struct kist_reference *reference,
                          kist_reference_fn give, void *arg, struct kist_error *err)
{
    const struct kist_host *host = source->host;
    struct neon_branch branch;
    int rc = neon_branch_get(&source->api, reference->id, &branch, err);
    if (rc == 0)
        rc = check_name(source, reference, branch.name, err);
    if (rc != 0)
        return rc;
    if (!neon_branch_is_whole(&branch)) {
        host->fail(host, err, KIST_ERR_CORRUPT, "branch '%s' (%s) is '%s'", branch.name, branch.id,
                   *branch.state ? branch.state : "in no state");
        host->hint(host, err, "see the branch in the Neon console, and run a new backup");
        return KIST_ERR_CORRUPT;
    }
    return neon_give_branch(source, &branch, reference->size, give, arg, err);
}

static int look_at_snapshot(struct neon_source *source, const struct kist_reference *reference,
                            kist_reference_fn give, void *arg, struct kist_error *err)
{
    struct neon_snapshot snapshot;
    int rc = neon_snapshot_find(&source->api, reference->id, NULL, &snapshot, err);
    if (rc == 0)
        rc = check_name(source, reference, snapshot.name, err);
    if (rc != 0)
        return rc;
    if (snapshot.size < 0)
        snapshot.size = reference->size;
    return neon_give_snapshot(source, &snapshot, give, arg, err);
}

int neon_reference_look(void *self, const struct kist_reference *reference, const struct kist_backup *backup,
                        kist_reference_fn give, void *arg, struct kist_error *err)
{
    struct neon_source *source = self;
    (void)backup;
    neon_api_start(&source->api);
    int rc = neon_reference_check(source, reference, err);
    if (rc != 0)
        return rc;
    rc = is_snapshot(reference) ? look_at_snapshot(source, reference, give, arg, err)
                                : look_at_branch(source, reference, give, arg, err);
    return rc == KIST_ERR_NOT_FOUND ? neon_fail_missing(&source->api, reference->name, err) : rc;
}
