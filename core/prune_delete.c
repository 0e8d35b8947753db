#include "log.h"
#include "marks.h"
#include "prune_place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int is_doomed(const struct kist_prune_place *place, size_t index)
{
    return place->plan.entries[index].fate == KIST_FATE_REMOVE && !place->rows[index].unlisted;
}

static void set_gone(struct kist_prune_row *row)
{
    row->outcome = KIST_PRUNE_GONE;
    row->unlisted = 1;
}

static int is_stopped(const struct kist_prune_place *place)
{
    return place->options->cancel && kist_cancel_is_set(place->options->cancel);
}

static int stopped(struct kist_error *err)
{
    return kist_fail(err, KIST_ERR_CANCELLED, "told to stop: the next prune goes on");
}

static int wait_for(struct kist_prune_place *place, char *reason, struct kist_error *err)
{
    free(place->waits);
    place->waits = reason;
    return reason ? 0 : kist_fail(err, KIST_ERR_FAILED, "out of memory");
}

/* A tombstone whose manifest is there still: its deleting has not begun. A listing may be behind, so the object itself is
 * asked for. */
static int drop_tombstones(struct kist_prune_place *place, const struct kist_catalog *catalog,
                           struct kist_error *err)
{
    int code = 0;
    for (size_t i = 0; i < catalog->tombstone_count && !code; i++) {
        const char *id = catalog->tombstones[i].id;
        int exists = 0;
        if (!kist_catalog_has(catalog, id))
            continue;
        code = kist_catalog_exists(place->store, place->pipeline->name, id, &exists, err);
        if (!code && exists)
            code = kist_catalog_remove_tombstone(place->store, place->pipeline->name, id, err);
    }
    return code;
}

static int note_time(void *arg, const struct kist_object *object)
{
    int64_t *modified_ms = arg;
    *modified_ms = object->modified_ms;
    return 0;
}

int kist_prune_ask_clock(struct kist_prune_place *place, const char *id, int64_t *ret_now, int64_t *ret_server,
                         struct kist_error *err)
{
    int64_t modified_ms = 0, before = kist_time_now();
    char *key = kist_catalog_key(place->pipeline->name, id, ".tombstone");
    int code = key ? kist_catalog_bury(place->store, place->pipeline, id, err)
                   : kist_fail(err, KIST_ERR_FAILED, "out of memory");
    int64_t after = kist_time_now(), server = 0;
    if (!code)
        code = kist_store_stat(place->store, key, note_time, &modified_ms, err);
    free(key);
    if (code)
        return code;
    server = modified_ms > 0 ? modified_ms / 1000 : 0;
    /* A slow answer is no wrong clock. */
    if (server >= before && server <= after)
        server = after;
    *ret_now = after;
    *ret_server = server;
    return 0;
}

/* Writes the tombstone of the first that goes: the time that the store gives it is that of its own clock, now. With that the
 * plan is made again. */
static int ask_clock(struct kist_prune_place *place, size_t index, struct kist_error *err)
{
    const char *id = place->rows[index].id;
    int64_t now = 0, server = 0;
    int code = kist_prune_ask_clock(place, id, &now, &server, err);
    if (!code)
        code = kist_prune_plan(place, now, server, err);
    if (!code && !is_doomed(place, index))
        code = kist_catalog_remove_tombstone(place->store, place->pipeline->name, id, err);
    return code;
}

/* Whether the store still says what it said at first: all that is not deleted must be there, for what it names stays. */
static int check_listing(struct kist_prune_place *place, const struct kist_catalog *now, struct kist_error *err)
{
    for (size_t i = 0; i < place->count; i++)
        if (!place->rows[i].unlisted && !kist_catalog_has(now, place->rows[i].id)) {
            kist_fail(err, KIST_ERR_CORRUPT,
                      "%s: a later listing lacks the backup %s: nothing is deleted on the word of such a listing",
                      kist_store_name(place->store), place->rows[i].id);
            kist_hint(err, "another host may have removed it just now: try again");
            return KIST_ERR_CORRUPT;
        }
    return 0;
}

/* Somebody may have pinned one meanwhile. */
static int spare_held(struct kist_prune_place *place, const struct kist_catalog *now, struct kist_error *err)
{
    int code = 0;
    for (size_t i = 0; i < place->count && !code; i++) {
        struct kist_plan_entry *entry = &place->plan.entries[i];
        if (!is_doomed(place, i) || !kist_mark_find(now, place->rows[i].id, KIST_MARK_HELD))
            continue;
        *entry = (struct kist_plan_entry){.fate = KIST_FATE_HELD, .text = "held"};
        place->rows[i].kept.held = place->kept[i].held = 1;
        place->plan.removed--;
        code = kist_catalog_remove_tombstone(place->store, place->pipeline->name, place->rows[i].id, err);
    }
    return code;
}

/* Whoever prunes too takes away the tombstones that it finds beside their manifests. Without one nobody would ever know what
 * data a manifest had named that is gone. */
static int check_tombstones(const struct kist_prune_place *place, const struct kist_catalog *now,
                            struct kist_error *err)
{
    for (size_t i = 0; i < place->count; i++)
        if (is_doomed(place, i) && !kist_catalog_is_buried(now, place->rows[i].id)) {
            kist_fail(err, KIST_ERR_UNAVAILABLE, "%s: the tombstone of %s, which was written just now, is gone",
                      kist_store_name(place->store), place->rows[i].id);
            kist_hint(err, "another host may prune at the same time: try again");
            return KIST_ERR_UNAVAILABLE;
        }
    return 0;
}

/* A proof that has failed meanwhile may have been of the very one for which the others were to go. */
static int check_proofs(const struct kist_prune_place *place, const struct kist_catalog *now,
                        struct kist_error *err)
{
    for (size_t i = 0; i < place->count; i++)
        if (place->rows[i].kept.good && kist_mark_is_bad(kist_mark_verdict(now, place->rows[i].id))) {
            kist_fail(err, KIST_ERR_CORRUPT, "%s: the backup %s was found to be bad just now",
                      kist_store_name(place->store), place->rows[i].id);
            kist_hint(err, "try again: the plan is another one now");
            return KIST_ERR_CORRUPT;
        }
    return 0;
}

/* A last look before anything goes, since another host may have begun meanwhile; `buried`: all that goes has a tombstone.
 * `ret_go`: nothing has begun. */
static int look_again(struct kist_prune_place *place, int buried, int *ret_go, struct kist_error *err)
{
    struct kist_catalog now = {0};
    int code = kist_catalog_read(place->store, place->pipeline->name, &now, err);
    if (!code)
        code = check_listing(place, &now, err);
    if (!code)
        code = check_proofs(place, &now, err);
    if (!code && buried)
        code = check_tombstones(place, &now, err);
    if (!code)
        code = kist_catalog_busy(place->store, place->pipeline->name, place->owner, &now, place->busy, err);
    if (!code)
        code = place->busy[0] ? drop_tombstones(place, &now, err) : spare_held(place, &now, err);
    kist_catalog_done(&now);
    if (!code && place->busy[0])
        code = kist_prune_plan(place, kist_time_now(), 0, err);
    *ret_go = !place->busy[0];
    return code;
}

/* A store that refuses leaves the backup as it is: without a tombstone, too. */
static int spare_locked(struct kist_prune_place *place, struct kist_prune_row *row, struct kist_error *err)
{
    const char *pipeline = place->pipeline->name;
    KIST_CLEANUP_ERROR struct kist_error why = KIST_ERROR_INIT;
    int exists = 0;
    int lasting = err->code == KIST_ERR_CANCELLED;
    kist_error_move(&why, err);
    if (!lasting && !kist_catalog_exists(place->store, pipeline, row->id, &exists, err) && exists &&
        kist_catalog_remove_tombstone(place->store, pipeline, row->id, err))
        kist_log_at(KIST_LOG_DEBUG, place->store->where, err);
    kist_error_clear(err);
    if (lasting)
        return kist_error_move(err, &why);
    kist_log_at(KIST_LOG_WARNING, place->store->where, &why);
    kist_prune_fail(row, &why);
    return 0;
}

/* The manifests, the oldest first: from here on those backups do not exist. */
static int unlist(struct kist_prune_place *place, struct kist_error *err)
{
    for (size_t i = 0; i < place->count; i++) {
        struct kist_prune_row *row = &place->rows[i];
        if (!is_doomed(place, i))
            continue;
        if (is_stopped(place))
            return stopped(err);
        int code = kist_catalog_remove(place->store, place->pipeline->name, row->id, err);
        if (code)
            code = spare_locked(place, row, err);
        else
            set_gone(row);
        if (code)
            return code;
    }
    return 0;
}

/* Leftovers of another prune wait as long as something may not be as it should be. */
static int may_finish(const struct kist_prune_place *place)
{
    return !place->freeze && !place->busy[0] && place->count && place->rows[place->count - 1].kept.good;
}

static int finish(struct kist_prune_place *place, struct kist_error *err)
{
    struct kist_catalog now = {0};
    char *reason = NULL;
    int code = kist_catalog_read(place->store, place->pipeline->name, &now, err);
    if (!code)
        code = check_listing(place, &now, err);
    if (!code)
        code = kist_catalog_busy(place->store, place->pipeline->name, place->owner, &now, place->busy, err);
    if (!code && kist_catalog_has_remains(&now)) {
        if (may_finish(place))
            code = kist_prune_finish(place, &now, err);
        else if (asprintf(&reason, "data of deleted backups stays for now: %s",
                          place->freeze    ? place->freeze
                          : place->busy[0] ? "a run of another host has begun and not ended"
                                           : "the newest backup is not good") < 0)
            code = wait_for(place, NULL, err);
        else
            code = wait_for(place, reason, err);
    }
    if (!code)
        kist_prune_sweep(place, &now);
    kist_catalog_done(&now);
    return code;
}

/* A full store has no room for a tombstone, and retention is what makes room: the oldest that goes goes first, and alone. */
static int make_room(struct kist_prune_place *place, size_t index, struct kist_error *err)
{
    struct kist_prune_row *row = &place->rows[index];
    int go = 0, gone = 0;
    kist_log_at(KIST_LOG_DEBUG, place->store->where, err);
    kist_error_clear(err);
    int code = look_again(place, 0, &go, err);
    if (code || !go || !is_doomed(place, index))
        return code;
    code = kist_catalog_bury_in_place(place->store, place->pipeline, row->id, &gone, err);
    if (gone)
        set_gone(row);
    if (code)
        return kist_error_prefix(err, "there is no room, and none could be made by deleting %s", row->id);
    return finish(place, err);
}

/* The tombstone of one; `first`: of the first, by which the store's clock is asked. */
static int bury_one(struct kist_prune_place *place, size_t index, int first, struct kist_error *err)
{
    if (is_stopped(place))
        return stopped(err);
    int code = first ? ask_clock(place, index, err)
                     : kist_catalog_bury(place->store, place->pipeline, place->rows[index].id, err);
    return code == KIST_ERR_NO_SPACE ? make_room(place, index, err) : code;
}

/* The tombstones of all that go, the oldest first. */
static int bury(struct kist_prune_place *place, struct kist_error *err)
{
    size_t asked = place->count;
    int code = 0;
    for (size_t i = 0; i < place->count && asked == place->count && !code; i++)
        if (is_doomed(place, i)) {
            code = bury_one(place, i, 1, err);
            asked = is_doomed(place, i) ? i : asked;
        }
    /* The plan that was made then may be for other backups, older ones among them. */
    for (size_t i = 0; i < place->count && !code; i++)
        if (i != asked && is_doomed(place, i))
            code = bury_one(place, i, 0, err);
    return code;
}

int kist_prune_delete(struct kist_prune_place *place, struct kist_error *err)
{
    int go = 0;
    int code = drop_tombstones(place, &place->catalog, err);
    if (!code)
        code = bury(place, err);
    if (!code && place->plan.removed)
        code = look_again(place, 1, &go, err);
    if (!code && go)
        code = unlist(place, err);
    /* Where there is nothing to do, the store is not asked again. */
    if (!code && !go && !kist_catalog_has_remains(&place->catalog))
        kist_prune_sweep(place, &place->catalog);
    else if (!code)
        code = finish(place, err);
    return code;
}
