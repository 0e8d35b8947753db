/* restore_plan.c - what a restore is going to do; what cannot be done is refused before anything is changed. */
#include "neon.h"

#include <stdlib.h>
#include <string.h>

#define NAMES_TRIED 10
#define NAME_KEPT 200 /* bytes of a branch's name in the names that are made of it */

static int refuse(const struct kist_host *host, struct kist_error *err, const char *hint, const char *why)
{
    host->fail(host, err, KIST_ERR_REFUSED, "%s", why);
    host->hint(host, err, "%s", hint);
    return KIST_ERR_REFUSED;
}

static int check_parts(const struct kist_host *host, const struct kist_restore *asked, struct kist_error *err)
{
    const uint32_t parts = KIST_RESTORE_SCHEMA_ONLY | KIST_RESTORE_DATA_ONLY | KIST_RESTORE_NO_OWNER;
    if (asked->mode == KIST_RESTORE_CHECK || (asked->flags & KIST_RESTORE_DRILL))
        return host->fail(host, err, KIST_ERR_UNSUPPORTED, "a branch or snapshot cannot be drilled");
    if (!asked->tables && !asked->schemas && !asked->role && !(asked->flags & parts))
        return 0;
    return refuse(host, err, "restore it to a new branch, and take from there with pg_dump what is wanted",
                  "a branch is restored as a whole");
}

/* "main_restore_20261121_020000". A cut does not go through a character. */
static char *name_beside(const char *branch, const char *word, int64_t now_ms)
{
    char stamp[NEON_TIME_SIZE], *name = NULL;
    size_t size = strlen(branch);
    for (size = size < NAME_KEPT ? size : NAME_KEPT;
         branch[size] && ((unsigned char)branch[size] & 0xc0U) == 0x80;)
        size--;
    neon_time_stamp(now_ms, stamp);
    return asprintf(&name, "%.*s_%s_%s", (int)size, branch, word, stamp) < 0 ? NULL : name;
}

static int check_absent(struct neon_restore *restore, const char *name, struct kist_error *err)
{
    const struct kist_host *host = restore->source->host;
    struct neon_branch branch;
    int rc = neon_branch_find(&restore->source->api, name, &branch, err);
    if (rc == KIST_ERR_NOT_FOUND)
        return 0;
    if (rc != 0)
        return rc;
    host->fail(host, err, KIST_ERR_REFUSED, "there is a branch '%s' in project '%s' already", name,
               restore->source->config->project);
    host->hint(host, err, "give another name, or --to '%s' with --in-place to replace it", name);
    return KIST_ERR_REFUSED;
}

/* A name beside the branch that is free: by such a one it is told whether something was done. */
static int find_name(struct neon_restore *restore, const char *branch, const char *word, char **ret_name,
                     struct kist_error *err)
{
    const struct kist_host *host = restore->source->host;
    const int64_t now_ms = host->now_ms(host);
    for (int64_t i = 0; i < NAMES_TRIED; i++) {
        struct kist_error own = KIST_FAULT_INIT;
        char *name = name_beside(branch, word, now_ms + 1000 * i);
        int rc = name ? check_absent(restore, name, &own) : neon_fail_memory(host, &own);
        if (rc == 0)
            *ret_name = name;
        else
            free(name);
        if (rc != 0 && rc != KIST_ERR_REFUSED)
            kist_fault_repeat(host, &own, err);
        kist_fault_clear(&own);
        if (rc != KIST_ERR_REFUSED)
            return rc;
    }
    return host->fail(host, err, KIST_ERR_EXISTS, "no name beside branch '%s' is free", branch);
}

/* ---- moments ---- */

static int check_moment(struct neon_restore *restore, const struct kist_restore *asked,
                        const struct neon_branch *branch, struct kist_error *err)
{
    struct neon_source *source = restore->source;
    const struct kist_host *host = source->host;
    const int64_t now = host->now_ms(host);
    char first[NEON_TIME_SIZE], last[NEON_TIME_SIZE];
    if (asked->at_ms == 0)
        return 0;
    int rc = neon_need_project(source, err);
    if (rc != 0)
        return rc;
    int64_t from = source->project.history_ms >= 0 ? now - source->project.history_ms : 0;
    from = from > branch->created_ms ? from : branch->created_ms;
    if (asked->at_ms >= from && asked->at_ms <= now)
        return 0;
    neon_time_text(from, first);
    neon_time_text(now, last);
    host->fail(host, err, KIST_ERR_REFUSED,
               "%s is outside of the history of branch '%s', which goes from %s to now (%s)", asked->at,
               branch->name, first, last);
    host->hint(host, err,
               "older states are in backups, see 'kist list'; the project's settings say how long its "
               "history is kept");
    return KIST_ERR_REFUSED;
}

/* ---- in place ---- */

/* Whether the branch that was named is the one that the section backs up. */
static int is_source(struct neon_source *source, const char *id)
{
    struct kist_error own = KIST_FAULT_INIT;
    int same = neon_need_branch(source, &own) == 0 && strcmp(source->branch.id, id) == 0;
    kist_fault_clear(&own);
    return same;
}

static int plan_in_place(struct neon_restore *restore, const struct kist_restore *asked, struct kist_error *err)
{
    struct neon_source *source = restore->source;
    const struct kist_host *host = source->host;
    struct neon_branch *target = &restore->target;
    int rc = neon_branch_resolve(&source->api, asked->target, target, err);
    if (rc == KIST_ERR_NOT_FOUND && asked->target) {
        host->fail(host, err, rc = KIST_ERR_REFUSED, "there is no branch '%s' to be replaced", asked->target);
        host->hint(host, err, "without --in-place it is made");
    }
    if (rc != 0)
        return rc;
    if (asked->at && asked->at_ms == 0)
        return refuse(host, err, "give --at TIME, or leave out --in-place to get a copy of it as it is now",
                      "the newest moment of a branch is what it holds anyway");
    if (target->is_protected)
        return refuse(host, err, "take its protection away in the Neon console first, or restore to a new branch",
                      "the branch is protected: Neon does not let it be replaced");
    if (asked->item_count > 0 && asked->items[0].reference &&
        strcmp(asked->items[0].reference->id, target->id) == 0)
        return refuse(host, err, "give the name of another branch", "a branch cannot be replaced by itself");
    char size[NEON_TIME_SIZE];
    neon_size_text(target->logical_size < 0 ? 0 : target->logical_size, size);
    restore->flags |= KIST_PLACE_PRESERVES;
    if (!asked->target || is_source(source, target->id))
        restore->flags |= KIST_PLACE_SOURCE;
    restore->name = strdup(target->name);
    if (!restore->name ||
        asprintf(&restore->holds, "%s, written up to now", target->logical_size < 0 ? "data" : size) < 0)
        return restore->holds = NULL, neon_fail_memory(host, err);
    rc = asked->at ? check_moment(restore, asked, target, err) : 0;
    if (rc == 0)
        rc = find_name(restore, target->name, "before", &restore->kept, err);
    return rc == 0 ? find_name(restore, target->name, "restore", &restore->fresh, err) : rc;
}

/* ---- a new branch ---- */

static int plan_new(struct neon_restore *restore, const struct kist_restore *asked, struct kist_error *err)
{
    struct neon_source *source = restore->source;
    const struct kist_host *host = source->host;
    const char *name = asked->target;
    int rc = 0;
    if (asked->at || !name)
        rc = neon_need_branch(source, err);
    if (rc == KIST_ERR_NOT_FOUND && !asked->at)
        host->hint(host, err, "check 'branch'; if it was deleted, --to-branch NAME restores to a new branch");
    if (rc == 0 && asked->at)
        rc = check_moment(restore, asked, &source->branch, err);
    if (rc != 0)
        return rc;
    if (name) {
        restore->flags |= KIST_PLACE_MISSING;
        restore->name = strdup(name);
    } else {
        restore->flags |= KIST_PLACE_SOURCE;
        restore->name = strdup(source->branch.name);
    }
    if (!restore->name)
        return neon_fail_memory(host, err);
    return name ? check_absent(restore, name, err)
                : find_name(restore, source->branch.name, "restore", &restore->fresh, err);
}

static int check_target(const struct kist_host *host, const char *target, struct kist_error *err)
{
    if (!target || (neon_name_is_sound(target) && !strstr(target, "://") && !strchr(target, '=')))
        return 0;
    /* Not quoted: it may be a connection string, with a password in it. */
    return refuse(host, err, "--to-branch NAME makes a branch of that name",
                  "the target is not the name of a branch");
}

/* What is to be restored has to be there. */
static int look_at(struct neon_source *source, const struct kist_reference *reference, struct kist_error *err)
{
    struct neon_branch branch;
    struct neon_snapshot snapshot;
    int rc = neon_reference_check(source, reference, err);
    if (rc != 0)
        return rc;
    rc = strcmp(reference->kind, "snapshot") == 0
             ? neon_snapshot_find(&source->api, reference->id, NULL, &snapshot, err)
             : neon_branch_get(&source->api, reference->id, &branch, err);
    return rc == KIST_ERR_NOT_FOUND ? neon_fail_missing(&source->api, reference->name, err) : rc;
}

int neon_plan(struct neon_restore *restore, const struct kist_restore *asked, struct kist_error *err)
{
    struct neon_source *source = restore->source;
    const struct kist_host *host = source->host;
    int rc = check_parts(host, asked, err);
    if (rc == 0)
        rc = check_target(host, asked->target, err);
    if (rc == 0 && asked->item_count > 0 && asked->items[0].reference)
        rc = look_at(source, asked->items[0].reference, err);
    if (rc != 0)
        return rc;
    restore->in_place = (asked->flags & KIST_RESTORE_CLEAN) != 0;
    if (asked->at_ms > 0 && !(restore->at = strdup(asked->at)))
        return neon_fail_memory(host, err);
    if (asprintf(&restore->server, "neon project %s", source->config->project) < 0)
        return restore->server = NULL, neon_fail_memory(host, err);
    return restore->in_place ? plan_in_place(restore, asked, err) : plan_new(restore, asked, err);
}
