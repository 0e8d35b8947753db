/* restore.c - restoring makes a new instance or cluster; nothing that lives is ever deleted, changed or replaced. */
#include "rds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MS (2 * RDS_MINUTE)

/* ---- what is not done ---- */

static int refuse(const struct rds_restore *r, int code, const char *what, const char *next,
                  struct kist_error *err)
{
    const struct kist_host *host = r->source->work;
    host->fail(host, err, code, "%s", what);
    host->hint(host, err, "%s", next);
    return code;
}

static int check_flags(const struct rds_restore *r, const struct kist_restore *restore, struct kist_error *err)
{
    if (restore->mode == KIST_RESTORE_CHECK)
        return r->source->work->fail(r->source->work, err, KIST_ERR_UNSUPPORTED,
                                     "a snapshot has no bytes that could be checked");
    if (restore->flags & KIST_RESTORE_CLEAN)
        return refuse(r, KIST_ERR_REFUSED, "kist never deletes or replaces an instance",
                      "restore beside it, without --in-place, and give the application the new address", err);
    if (restore->flags & KIST_RESTORE_BRANCH)
        return refuse(r, KIST_ERR_REFUSED, "RDS has no branches",
                      "--to NAME restores into a new instance of that name", err);
    if ((restore->flags & (KIST_RESTORE_SCHEMA_ONLY | KIST_RESTORE_DATA_ONLY)) ||
        (restore->tables && restore->tables[0]) || (restore->schemas && restore->schemas[0]) || restore->role)
        return refuse(r, KIST_ERR_UNSUPPORTED, "a snapshot can only be restored as a whole",
                      "restore it, and copy what is needed out of the new instance", err);
    return 0;
}

/* ---- what is restored ---- */

/* The copies hold the same data: of all that are meant, the one in the section's own region is taken, else the first. */
static const struct kist_item *choose(const struct rds_restore *r, const struct kist_restore *restore)
{
    const char *own = r->source->regions[0]->name;
    const struct kist_item *chosen = NULL;
    for (uint64_t i = 0; i < restore->item_count; i++) {
        const struct kist_reference *reference = restore->items[i].reference;
        if (reference && (!chosen || (reference->region && strcmp(reference->region, own) == 0)))
            chosen = &restore->items[i];
    }
    return chosen;
}

static int take_reference(struct rds_restore *r, const struct kist_restore *restore, struct kist_error *err)
{
    struct rds_source *source = r->source;
    const struct kist_host *host = source->work;
    const struct kist_item *item = choose(r, restore);
    if (!item)
        return host->fail(host, err, KIST_ERR_UNSUPPORTED, "nothing of what is to be restored is held by RDS");
    const struct kist_reference *reference = item->reference;
    int code = rds_check_kind(source, reference, err);
    if (code)
        return code;
    if (!rds_is_identifier(reference->name, RDS_IDENTIFIER_MAX))
        return host->fail(host, err, KIST_ERR_CORRUPT, "'%.60s' is no identifier of a snapshot", reference->name);
    r->item_name = strdup(item->name);
    if (!r->item_name)
        return rds_fail_memory(source, err);
    code = rds_region_open(source, reference->region, &r->region, err);
    if (!code)
        code = rds_find_snapshot(source, r->region, reference->name, &r->snapshot, err);
    const char *why = code ? NULL : rds_differs(&r->snapshot, reference);
    if (why)
        code = host->fail(host, err, KIST_ERR_CORRUPT, "snapshot '%s' %s", reference->name, why);
    if (!code && strcmp(r->snapshot.status, "available") != 0)
        code = host->fail(host, err, KIST_ERR_FAILED, "snapshot '%s' is '%s', and cannot be restored now",
                          reference->name, r->snapshot.status);
    snprintf(r->from, sizeof r->from, "%s", r->snapshot.identifier);
    return code;
}

/* ---- where to ---- */

/* An instance or cluster of that name in the region that is restored in; identifier "" when there is none. */
static int look_for(const struct rds_restore *r, const char *name, struct rds_database *ret_database,
                    struct kist_error *err)
{
    int code = rds_find_database(r->source, r->region, rds_is_cluster(r->source), name, ret_database, err);
    if (code != KIST_ERR_NOT_FOUND)
        return code;
    *ret_database = (struct rds_database){.port = -1};
    return 0;
}

static void describe(struct rds_restore *r)
{
    const struct rds_database *d = &r->origin;
    size_t used =
        (size_t)snprintf(r->holds, sizeof r->holds, "%s %s", d->engine[0] ? d->engine : "a database", d->version);
    if (d->storage_gib > 1 && used < sizeof r->holds)
        used += (size_t)snprintf(r->holds + used, sizeof r->holds - used, ", %lld GiB", (long long)d->storage_gib);
    if (used < sizeof r->holds)
        snprintf(r->holds + used, sizeof r->holds - used, ", %s", d->status);
}

/* A name of its own: nobody may have it. */
static int take_name(struct rds_restore *r, const char *name, struct kist_error *err)
{
    const struct kist_host *host = r->source->work;
    size_t most = RDS_INSTANCE_MAX - (rds_is_cluster(r->source) ? 2 : 0);
    struct rds_database there;
    if (!rds_is_identifier(name, most)) {
        host->fail(host, err, KIST_ERR_CONFIG, "'%s' is no identifier of an instance", name);
        host->hint(host, err, "up to %zu letters, digits and single hyphens; the first is a letter", most);
        return KIST_ERR_CONFIG;
    }
    snprintf(r->asked, sizeof r->asked, "%s", name);
    snprintf(r->target, sizeof r->target, "%s", name);
    int code = look_for(r, name, &there, err);
    if (code || !there.identifier[0]) {
        r->place_flags |= KIST_PLACE_MISSING;
        return code;
    }
    host->fail(host, err, KIST_ERR_REFUSED, "there is %s '%s' in %s already, and kist never replaces one",
               rds_is_cluster(r->source) ? "a cluster" : "an instance", name, r->region->name);
    host->hint(host, err, "give --to a name that is free, or none");
    return KIST_ERR_REFUSED;
}

/* The section's own database: beside it while it lives, under its own name when it is gone. */
static int take_beside(struct rds_restore *r)
{
    snprintf(r->asked, sizeof r->asked, "%s", rds_of(r->source));
    if (!r->origin.identifier[0]) {
        snprintf(r->target, sizeof r->target, "%s", r->asked);
        r->place_flags |= KIST_PLACE_MISSING | KIST_PLACE_SOURCE;
        return 0;
    }
    describe(r);
    r->place_flags |= KIST_PLACE_SOURCE;
    r->is_fresh = 1;
    rds_name_fresh(r->asked, r->source->host->now_ms(r->source->host), r->target);
    return 0;
}

static int take_target(struct rds_restore *r, const char *target, struct kist_error *err)
{
    const struct rds_source *source = r->source;
    snprintf(r->server, sizeof r->server, "RDS in %s", r->region->name);
    int code = target && *target ? take_name(r, target, err) : take_beside(r);
    if (code || !rds_is_cluster(source) || source->config->instance_class)
        return code;
    return refuse(r, KIST_ERR_CONFIG, "a restored cluster needs an instance in it, and no instance_class is set",
                  "instance_class = db.r6g.large, or what the cluster has now", err);
}

static int begin(struct rds_restore *r, const struct kist_restore *restore, struct kist_error *err)
{
    struct rds_source *source = r->source;
    int code = check_flags(r, restore, err);
    rds_begin(source, LOOK_MS);
    if (!code && restore->at)
        code = rds_region_open(source, NULL, &r->region, err);
    else if (!code)
        code = take_reference(r, restore, err);
    if (!code)
        code = look_for(r, rds_of(source), &r->origin, err);
    if (!code && restore->at)
        code = rds_restore_moment(r, restore->at, restore->at_ms, err);
    return code ? code : take_target(r, restore->target, err);
}

/* ---- the callbacks ---- */

int rds_restore_begin(void *self, const struct kist_restore *restore, void **ret_restore, struct kist_error *err)
{
    struct rds_source *source = self;
    struct rds_restore *r = calloc(1, sizeof *r);
    if (!r)
        return rds_fail_memory(source, err);
    r->source = source;
    int code = begin(r, restore, err);
    if (code)
        rds_restore_end(r);
    else
        *ret_restore = r;
    return code;
}

int rds_restore_place(void *restore, kist_place_fn give, void *arg, struct kist_error *err)
{
    const struct rds_restore *r = restore;
    struct kist_place place = {.struct_size = sizeof place,
                               .flags = r->place_flags,
                               .name = r->asked,
                               .server = r->server,
                               .fresh = r->is_fresh ? r->target : NULL,
                               .holds = r->holds[0] ? r->holds : NULL,
                               .look = r->look,
                               .kind = rds_is_cluster(r->source) ? "cluster" : "instance"};
    (void)err;
    return give(arg, &place);
}

int rds_reference_restore(void *restore, const struct kist_item *item, struct kist_error *err)
{
    struct rds_restore *r = restore;
    const struct kist_host *host = r->source->work;
    if (!item != !r->item_name)
        return host->fail(host, err, KIST_ERR_BUG, "what is to be restored is not what was asked for");
    if (item && strcmp(item->name, r->item_name) != 0) {
        host->log(host, KIST_LOG_INFO, "'%s' is not restored: '%s' holds the same data", item->name, r->item_name);
        return 0;
    }
    int code = rds_restore_make(r, err);
    if (code)
        return code;
    r->look = rds_stock_look(&r->made);
    host->log(host, KIST_LOG_INFO, "%s '%s' is available at %s port %lld",
              rds_is_cluster(r->source) ? "cluster" : "instance", r->made.identifier,
              r->made.host[0] ? r->made.host : "an address that RDS does not tell", (long long)r->made.port);
    return 0;
}

void rds_restore_end(void *restore)
{
    struct rds_restore *r = restore;
    free(r->item_name);
    free(r->look);
    free(r);
}
