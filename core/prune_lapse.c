#include "log.h"
#include "marks.h"
#include "prune_place.h"

#include <stdlib.h>
#include <string.h>

/*
 * What a provider holds may have a time of its own to stay: it expires there, or a copy of it is kept for a shorter time than
 * the backup. After that it goes, while its backup stays, if a newer backup has the same thing still. A mark of the backup
 * notes when that was done, so that a provider is asked once for each.
 */
struct lapse {
    struct kist_prune_place *place;
    const struct kist_prune_place *all; /* of every destination that is pruned */
    size_t count;
    int64_t now_ms;
    const struct kist_prune_row *row; /* the one that is looked at */
};

/* A person may have pinned it where the mark could be written, and nowhere else. */
static int is_held(const struct lapse *lapse, const char *id)
{
    for (size_t i = 0; i < lapse->count; i++)
        for (size_t k = 0; k < lapse->all[i].count; k++)
            if (strcmp(lapse->all[i].rows[k].id, id) == 0 && lapse->all[i].rows[k].kept.held)
                return 1;
    return 0;
}

static int is_past(const struct kist_reference *reference, int64_t now_ms)
{
    return reference->until_ms && reference->until_ms <= now_ms;
}

/* Whether some newer backup, good and staying, has the same item, and not past its time. */
static int is_replaced(const struct lapse *lapse, const char *item)
{
    const struct kist_prune_place *place = lapse->place;
    /* From the newest on, which is the likeliest. */
    for (size_t i = place->count; i-- > (size_t)(lapse->row - place->rows) + 1;) {
        const struct kist_prune_row *newer = &place->rows[i];
        for (size_t k = 0;
             newer->manifest && newer->kept.good && !kist_prune_goes(place, i) && k < newer->manifest->item_count;
             k++) {
            const struct kist_manifest_item *other = &newer->manifest->items[k];
            if (other->reference && strcmp(other->name, item) == 0 &&
                !is_past(&other->reference->as, lapse->now_ms))
                return 1;
        }
    }
    return 0;
}

/* A kist_discard_fn. */
static int wants(const void *arg, size_t index)
{
    const struct lapse *lapse = arg;
    const struct kist_manifest_item *item = &lapse->row->manifest->items[index];
    const struct kist_catalog_mark *mark =
        kist_mark_find(&lapse->place->catalog, lapse->row->id, KIST_MARK_LAPSED);
    int64_t done = 0;
    if (!item->reference || !is_past(&item->reference->as, lapse->now_ms))
        return 0;
    if (mark && kist_id_parse(mark->time, &done) && done * 1000 >= item->reference->as.until_ms)
        return 0;
    return is_replaced(lapse, item->name);
}

static int wants_any(struct lapse *lapse, size_t index)
{
    const struct kist_prune_row *row = &lapse->place->rows[index];
    lapse->row = row;
    if (!row->manifest || row->outcome != KIST_PRUNE_STAYS || kist_prune_goes(lapse->place, index) ||
        is_held(lapse, row->id))
        return 0;
    for (size_t i = 0; i < row->manifest->item_count; i++)
        if (wants(lapse, i))
            return 1;
    return 0;
}

/* ---- before anything goes ---- */

static const struct kist_prune_place *find_place(const struct kist_prune_place *all, size_t count,
                                                 const struct kist_config_section *section)
{
    for (size_t i = 0; i < count; i++)
        if (all[i].section == section && all[i].planned)
            return &all[i];
    return NULL;
}

/* A destination that was not looked at may be the only one that knows of a hold. */
static int all_are_known(const struct kist_prune_place *place, const struct kist_prune_place *all, size_t count)
{
    const struct kist_config_pipeline *pipeline = place->discard->pipeline;
    for (size_t i = 0; i < pipeline->destination_count; i++) {
        const struct kist_config_section *section = pipeline->destinations[i];
        if ((section->plugin->features & KIST_DESTINATION_DISCARDS) || find_place(all, count, section))
            continue;
        kist_log(KIST_LOG_INFO, place->store->where,
                 "what a provider holds past its time stays for now: destination '%s' may know that it is held",
                 section->name);
        return 0;
    }
    return 1;
}

static int is_guarded(struct kist_prune_place *place, int64_t now, int64_t server, int *ret_guarded,
                      struct kist_error *err)
{
    char *reason = NULL;
    int code = kist_prune_guard(place, now, server, &reason, err);
    if (code)
        return code;
    if (reason)
        kist_log(KIST_LOG_INFO, place->store->where, "what a provider holds past its time stays for now: %s",
                 reason);
    *ret_guarded = reason != NULL;
    free(reason);
    return 0;
}

/* With the clock of the store, which the tombstone of the backup `id` tells. Its deleting never begins. */
static int ask_guard(struct kist_prune_place *place, const char *id, int *ret_guarded, struct kist_error *err)
{
    const char *pipeline = place->pipeline->name;
    int64_t now = 0, server = 0;
    int code = kist_prune_ask_clock(place, id, &now, &server, err);
    if (!code)
        code = kist_catalog_remove_tombstone(place->store, pipeline, id, err);
    return code ? code : is_guarded(place, now, server, ret_guarded, err);
}

/* Somebody may have pinned one meanwhile, and a listing that lacks the backup is none to go by. */
static int look_again(struct lapse *lapse, struct kist_error *err)
{
    struct kist_prune_place *place = lapse->place;
    struct kist_catalog now = {0};
    int code = kist_catalog_read(place->store, place->pipeline->name, &now, err);
    for (size_t i = 0; i < place->count && !code; i++)
        place->rows[i].kept.held |= kist_mark_find(&now, place->rows[i].id, KIST_MARK_HELD) != NULL ||
                                    !kist_catalog_has(&now, place->rows[i].id);
    kist_catalog_done(&now);
    return code;
}

/* ---- going ---- */

static int note_done(struct lapse *lapse, json_t *done, struct kist_error *err)
{
    const struct kist_prune_place *place = lapse->place;
    json_t *body = json_pack("{s:O}", "discarded", done);
    int code = body ? kist_mark_put(place->store, place->pipeline, &place->catalog, lapse->row->id,
                                    KIST_MARK_LAPSED, body, err)
                    : kist_fail(err, KIST_ERR_FAILED, "out of memory");
    json_decref(body);
    return code;
}

/* One backup. What the provider refuses is told, and does not keep the others. */
static int discard_of(struct lapse *lapse, struct kist_prune_row *row, struct kist_error *err)
{
    struct kist_prune_place *place = lapse->place;
    json_t *done = kist_prune_references(row);
    int code = kist_discard_items(place->discard, row->manifest, wants, lapse, done, err);
    if (!code && place->options->quiet)
        kist_log(KIST_LOG_INFO, place->store->where, "discarded what the provider held of %s past its time",
                 row->id);
    if (!code)
        return note_done(lapse, done, err);
    if (code == KIST_ERR_CANCELLED)
        return code;
    int news = kist_discard_is_news(place->discard, err);
    kist_error_prefix(err, "what the provider holds of %s past its time stays", row->id);
    if (news)
        kist_log_at(KIST_LOG_WARNING, place->store->where, err);
    kist_prune_fail(row, err);
    row->outcome = KIST_PRUNE_FAILED;
    return 0;
}

static void foresee_of(struct lapse *lapse, struct kist_prune_row *row)
{
    for (size_t i = 0; i < row->manifest->item_count; i++) {
        char *text = wants(lapse, i) ? kist_reference_text(&row->manifest->items[i].reference->as) : NULL;
        if (text)
            json_array_append_new(kist_prune_references(row), json_string(text));
        free(text);
    }
}

int kist_prune_lapse(struct kist_prune_place *place, const struct kist_prune_place *all, size_t count,
                     struct kist_error *err)
{
    struct lapse lapse = {.place = place, .all = all, .count = count, .now_ms = kist_time_now() * 1000};
    const int dry = place->options->dry_run || !place->options->state_dir;
    int guarded = kist_prune_frozen(place) != NULL, asked = 0, code = 0;
    for (size_t i = 0; i < place->count && !code && !guarded && place->planned; i++) {
        if (!wants_any(&lapse, i))
            continue;
        if (!asked && !all_are_known(place, all, count))
            return 0;
        if (!asked++) {
            code = dry ? is_guarded(place, lapse.now_ms / 1000, 0, &guarded, err)
                       : ask_guard(place, place->rows[i].id, &guarded, err);
            if (!code && !guarded && !dry)
                code = look_again(&lapse, err);
        }
        if (code || guarded || !wants_any(&lapse, i))
            continue;
        if (dry)
            foresee_of(&lapse, &place->rows[i]);
        else
            code = discard_of(&lapse, &place->rows[i], err);
    }
    return code;
}
