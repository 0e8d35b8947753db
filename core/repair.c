#include "repair.h"
#include "expired.h"
#include "key.h"
#include "log.h"
#include "marks.h"
#include "repair_copy.h"

#include <stdlib.h>
#include <string.h>

/* What all threads of a repair see. */
struct work {
    struct kist_repair *repair;
    const struct kist_catalog_id *ids; /* of all backups, oldest first */
    size_t count;
    const unsigned char *good;            /* one per destination: it can be read from */
    const struct kist_candidate *backups; /* the same as ids, as retention sees them */
};

static int compare_ids(const void *left, const void *right)
{
    return strcmp(left, right);
}

/* All ids of all catalogs, once each, oldest first. New. */
static int collect_ids(const struct kist_targets *targets, struct kist_catalog_id **ret_ids, size_t *ret_count,
                       struct kist_error *err)
{
    size_t total = 0, count = 0;
    for (size_t i = 0; i < targets->count; i++)
        total += targets->items[i].catalog.backup_count;
    struct kist_catalog_id *ids = calloc(total + 1, sizeof *ids);
    if (!ids)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    total = 0;
    for (size_t i = 0; i < targets->count; i++) {
        const struct kist_catalog *catalog = &targets->items[i].catalog;
        for (size_t k = 0; k < catalog->backup_count; k++)
            ids[total++] = catalog->backups[k];
    }
    qsort(ids, total, sizeof *ids, compare_ids);
    for (size_t i = 0; i < total; i++)
        if (i == 0 || strcmp(ids[i].id, ids[count - 1].id) != 0)
            ids[count++] = ids[i];
    *ret_ids = ids;
    *ret_count = count;
    return 0;
}

const char *kist_repair_newest(const struct kist_targets *targets)
{
    const char *newest = NULL;
    for (size_t i = 0; i < targets->count; i++) {
        const struct kist_catalog *catalog = &targets->items[i].catalog;
        const char *last = catalog->backup_count ? catalog->backups[catalog->backup_count - 1].id : NULL;
        if (last && (!newest || strcmp(last, newest) > 0))
            newest = last;
    }
    return newest;
}

int kist_repair_is_needed(const struct kist_targets *targets, const char *id)
{
    size_t has = 0, lacks = 0;
    for (size_t i = 0; i < targets->count; i++) {
        const struct kist_target *target = &targets->items[i];
        if (target->err.code || kist_store_discards(target->store))
            continue;
        if (kist_catalog_has(&target->catalog, id))
            has++;
        else
            lacks++;
    }
    return has > 0 && lacks > 0;
}

/* One copy from one destination that has it. Each thread reads through stores of its own. */
static int copy_from(const struct work *work, const struct kist_target *from, struct kist_target *to,
                     const char *id, uint64_t *ret_size, struct kist_error *err)
{
    const struct kist_targets *targets = work->repair->targets;
    struct kist_store *source = NULL;
    int code = kist_store_open(from->section, targets->pipeline->name, to->store->cancel, &source, err);
    if (!code) {
        struct kist_backup_copy copy = {.pipeline = targets->pipeline->name,
                                        .sign_key = targets->pipeline->sign_key,
                                        .id = id,
                                        .owner = targets->owner,
                                        .from = source,
                                        .to = to->store,
                                        .marks = &from->catalog,
                                        .dry_run = work->repair->dry_run};
        code = kist_backup_copy(&copy, err);
        *ret_size = copy.size;
    }
    kist_store_close(source);
    return code;
}

/* Tries every destination that has the backup, until one gives it whole. */
static int copy_backup(const struct work *work, struct kist_target *to, const char *id, uint64_t *ret_size,
                       struct kist_error *err)
{
    const struct kist_targets *targets = work->repair->targets;
    KIST_CLEANUP_ERROR struct kist_error last = KIST_ERROR_INIT;
    for (size_t i = 0; i < targets->count; i++) {
        const struct kist_target *from = &targets->items[i];
        if (from == to || !work->good[i] || !kist_catalog_has(&from->catalog, id))
            continue;
        if (last.code)
            kist_log_at(KIST_LOG_WARNING, NULL, &last);
        kist_error_clear(&last);
        if (!copy_from(work, from, to, id, ret_size, &last))
            return 0;
        if (last.code == KIST_ERR_CANCELLED)
            break;
    }
    return kist_error_move(err, &last);
}

/* Whether any destination could give it. */
static int has_source(const struct work *work, const struct kist_target *to, const char *id)
{
    const struct kist_targets *targets = work->repair->targets;
    for (size_t i = 0; i < targets->count; i++)
        if (&targets->items[i] != to && work->good[i] && kist_catalog_has(&targets->items[i].catalog, id))
            return 1;
    return 0;
}

/* Whether a destination is to be given the backup. What its own retention would delete again, or is deleting, is no lack. */
static int is_wanted(const struct work *work, const struct kist_target *target, size_t index, int expired)
{
    const char *id = work->ids[index].id, *only = work->repair->only;
    if ((only && strcmp(only, id) != 0) || kist_catalog_has(&target->catalog, id) || expired ||
        !has_source(work, target, id))
        return 0;
    if (!kist_catalog_is_buried(&target->catalog, id))
        return 1;
    kist_log(KIST_LOG_WARNING, target->store->where,
             "%s is not copied there: it is being deleted; `kist prune` goes on", id);
    return 0;
}

/* Brings a destination what it lacks. One backup that cannot be had does not keep the others away. */
static int bring(const struct work *work, struct kist_target *target, const unsigned char *expired,
                 struct kist_error *err)
{
    struct kist_repair *repair = work->repair;
    for (size_t i = 0; i < work->count; i++) {
        const char *id = work->ids[i].id;
        uint64_t size = 0;
        if (!is_wanted(work, target, i, expired[i]))
            continue;
        if (!copy_backup(work, target, id, &size, err)) {
            atomic_fetch_add(&repair->copied, 1);
            repair->tell(repair->arg, id, kist_store_name(target->store), size);
            continue;
        }
        atomic_fetch_add(&repair->failed, 1);
        kist_store_explain(target->store, err);
        kist_error_prefix(err, "%s/%s cannot be copied to '%s'", repair->targets->pipeline->name, id,
                          kist_store_name(target->store));
        kist_log_at(repair->quiet ? KIST_LOG_WARNING : KIST_LOG_ERROR, NULL, err);
        if (kist_cancel_is_set(target->store->cancel))
            return err->code;
        kist_error_clear(err);
    }
    return 0;
}

static int repair_target(struct kist_target *target, void *arg, struct kist_error *err)
{
    const struct work *work = arg;
    unsigned char *expired = calloc(work->count + 1, 1);
    if (!expired)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    int code = 0;
    if (!kist_store_discards(target->store)) {
        code = kist_expired_find(work->repair->targets->pipeline, target->section, work->backups, work->count,
                                 expired, err);
        if (!code)
            code = bring(work, target, expired, err);
    }
    free(expired);
    return code;
}

/* What is bad on one destination may be sound on another, from which it is copied then. New. */
static struct kist_candidate *candidates(const struct kist_targets *targets, const struct kist_catalog_id *ids,
                                         size_t count)
{
    struct kist_candidate *backups = calloc(count + 1, sizeof *backups);
    int64_t now = kist_time_now();
    for (size_t i = 0; i < count && backups; i++) {
        (void)kist_id_parse(ids[i].id, &backups[i].time);
        /* The name that a wrong clock gave tells nothing of its age. */
        backups[i].held = backups[i].time > now;
        for (size_t k = 0; k < targets->count; k++) {
            const struct kist_catalog *catalog = &targets->items[k].catalog;
            if (!kist_catalog_has(catalog, ids[i].id))
                continue;
            backups[i].good |= !kist_mark_is_bad(kist_mark_verdict(catalog, ids[i].id));
            backups[i].held |= kist_mark_find(catalog, ids[i].id, KIST_MARK_HELD) != NULL;
        }
    }
    return backups;
}

int kist_repair_targets(struct kist_repair *repair, struct kist_error *err)
{
    const struct kist_targets *targets = repair->targets;
    struct kist_catalog_id *ids = NULL;
    struct work work = {.repair = repair};
    unsigned char *good = calloc(targets->count + 1, 1);
    int code =
        good ? collect_ids(targets, &ids, &work.count, err) : kist_fail(err, KIST_ERR_FAILED, "out of memory");
    struct kist_candidate *backups = code ? NULL : candidates(targets, ids, work.count);
    if (!code && !backups)
        code = kist_fail(err, KIST_ERR_FAILED, "out of memory");
    if (!code) {
        for (size_t i = 0; i < targets->count; i++)
            good[i] = !targets->items[i].err.code && !kist_store_discards(targets->items[i].store);
        work.ids = ids;
        work.good = good;
        work.backups = backups;
        code = kist_targets_step(repair->targets, repair_target, &work, err);
    }
    free(ids);
    free(good);
    free(backups);
    return code;
}
