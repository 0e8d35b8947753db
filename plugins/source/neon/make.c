/* make.c - a backup: a branch, or a snapshot, that carries its name. */
#include "dump.h"

#include <stdlib.h>
#include <string.h>

int neon_items(void *self, kist_item_fn give, void *arg, struct kist_error *err)
{
    struct neon_source *source = self;
    neon_api_start(&source->api);
    if (source->config->mode.index == NEON_DUMP)
        return neon_dump_items(self, give, arg, err);
    int rc = neon_need_branch(source, err);
    if (rc != 0)
        return rc;
    char *name =
        neon_item_name(source->branch.name, source->config->mode.index == NEON_SNAPSHOT ? "snapshot" : "branch");
    char *word = neon_item_name(source->branch.name, "");
    if (name && word) {
        word[strlen(word) - 1] = '\0'; /* the dot */
        const struct kist_item item = {.struct_size = sizeof item,
                                       .flags = KIST_ITEM_REFERENCE,
                                       .name = name,
                                       .database = word,
                                       .size_estimate = source->branch.logical_size};
        rc = give(arg, &item);
    } else {
        rc = neon_fail_memory(source->host, err);
    }
    free(name);
    free(word);
    return rc;
}

/* ---- giving ---- */

static char *command(const char *format_head, const struct neon_config *config, const char *id, int expires)
{
    char *text = NULL;
    int branch = strcmp(format_head, "branch") == 0, length = 0;
    /* Neon makes no branch from one that is going to expire. */
    if (branch && expires)
        length = asprintf(&text,
                          "neonctl branches set-expiration --project-id %s %s && "
                          "neonctl branches create --project-id %s --parent %s --name restored",
                          config->project, id, config->project, id);
    else if (branch)
        length = asprintf(&text, "neonctl branches create --project-id %s --parent %s --name restored",
                          config->project, id);
    else
        length =
            asprintf(&text, "neonctl snapshots restore --project-id %s %s --name restored", config->project, id);
    return length < 0 ? NULL : text;
}

static int give_reference(struct neon_source *source, struct kist_reference *reference, kist_reference_fn give,
                          void *arg, struct kist_error *err)
{
    const struct neon_config *config = source->config;
    /* The project's region is only told where it is known: its lack fails no backup. */
    struct kist_error ignored = KIST_FAULT_INIT;
    if (neon_need_project(source, &ignored) != 0)
        kist_fault_clear(&ignored);
    char *text = command(reference->kind, config, reference->id, reference->until_ms > 0);
    if (!text)
        return neon_fail_memory(source->host, err);
    reference->struct_size = sizeof *reference;
    reference->provider = "neon";
    reference->account = config->project;
    reference->region = source->has_project && *source->project.region ? source->project.region : NULL;
    reference->stock_restore = text;
    int rc = give(arg, reference);
    free(text);
    return rc;
}

int neon_give_branch(struct neon_source *source, const struct neon_branch *branch, int64_t size,
                     kist_reference_fn give, void *arg, struct kist_error *err)
{
    struct kist_reference reference = {.kind = "branch",
                                       .id = branch->id,
                                       .name = branch->name,
                                       .state = branch->state,
                                       .time_ms = branch->time_ms > 0 ? branch->time_ms : branch->created_ms,
                                       .size = size,
                                       .until_ms = branch->expires_ms};
    return give_reference(source, &reference, give, arg, err);
}

int neon_give_snapshot(struct neon_source *source, const struct neon_snapshot *snapshot, kist_reference_fn give,
                       void *arg, struct kist_error *err)
{
    struct kist_reference reference = {.kind = "snapshot",
                                       .id = snapshot->id,
                                       .name = snapshot->name,
                                       .state = "ready",
                                       .time_ms = snapshot->time_ms > 0 ? snapshot->time_ms : snapshot->created_ms,
                                       .size = snapshot->size,
                                       .until_ms = snapshot->expires_ms};
    return give_reference(source, &reference, give, arg, err);
}

/* ---- making ---- */

static int64_t expiry(const struct neon_source *source)
{
    const int64_t expires = source->config->expires.ms;
    return expires > 0 ? (source->host->now_ms(source->host) + expires) / 1000 * 1000 : 0;
}

/* What Neon does not tell is as it was asked for. What it tells counts: a plan may allow less. */
static int64_t expiry_of(const struct neon_source *source, const char *name, int64_t asked_ms, int64_t told_ms)
{
    const struct kist_host *host = source->host;
    char until[NEON_TIME_SIZE];
    if (told_ms <= 0 || told_ms / 1000 == asked_ms / 1000)
        return asked_ms;
    neon_time_text(told_ms, until);
    host->log(host, KIST_LOG_WARNING, "Neon lets '%s' expire at %s, which is not what was asked for", name, until);
    return told_ms;
}

static int make_branch(struct neon_source *source, const char *name, kist_reference_fn give, void *arg,
                       struct kist_error *err)
{
    struct neon_branch branch;
    const struct neon_wanted wanted = {.name = name,
                                       .parent_id = source->branch.id,
                                       .expires_ms = expiry(source),
                                       .protect = source->config->protect.on != 0};
    int rc = neon_branch_make(&source->api, &wanted, &branch, err);
    if (rc != 0)
        return rc;
    branch.expires_ms = expiry_of(source, name, wanted.expires_ms, branch.expires_ms);
    return neon_give_branch(source, &branch,
                            branch.logical_size >= 0 ? branch.logical_size : source->branch.logical_size, give,
                            arg, err);
}

static int make_snapshot(struct neon_source *source, const char *name, kist_reference_fn give, void *arg,
                         struct kist_error *err)
{
    struct neon_snapshot snapshot;
    const int64_t expires_ms = expiry(source);
    int rc = neon_check_root(source, err);
    if (rc == 0)
        rc = neon_snapshot_make(&source->api, &source->branch, name, expires_ms, &snapshot, err);
    if (rc != 0)
        return rc;
    snapshot.expires_ms = expiry_of(source, name, expires_ms, snapshot.expires_ms);
    if (snapshot.size < 0)
        snapshot.size = source->branch.logical_size;
    return neon_give_snapshot(source, &snapshot, give, arg, err);
}

int neon_reference_make(void *self, const struct kist_item *item, kist_reference_fn give, void *arg,
                        struct kist_error *err)
{
    struct neon_source *source = self;
    const struct kist_host *host = source->host;
    (void)item; /* there is one */
    neon_api_start(&source->api);
    if (!source->backup.id)
        return host->fail(host, err, KIST_ERR_BUG, "a branch is to be made of no backup");
    int rc = neon_need_branch(source, err);
    if (rc != 0)
        return rc;
    char *name = neon_name_of(source->config->name, &source->backup);
    if (!name)
        return neon_fail_memory(host, err);
    rc = source->config->mode.index == NEON_SNAPSHOT ? make_snapshot(source, name, give, arg, err)
                                                     : make_branch(source, name, give, arg, err);
    free(name);
    return rc;
}
