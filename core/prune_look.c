#include "judge.h"
#include "log.h"
#include "marks.h"
#include "prune_place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int no_memory(struct kist_error *err)
{
    return kist_fail(err, KIST_ERR_FAILED, "out of memory");
}

static void judge(struct kist_prune_place *place, struct kist_prune_row *row, const struct kist_manifest *manifest)
{
    const int64_t now = kist_time_now();
    int lapsed = kist_manifest_has_lapsed(manifest, now * 1000);
    const struct kist_catalog_mark *verdict = kist_mark_verdict(&place->catalog, row->id);
    int bad = kist_mark_is_bad(verdict), safety = kist_safety_is(manifest);
    int suspect =
        manifest->suspect && !kist_judge_accepted(place->store, place->pipeline, &place->catalog, row->id);
    row->size = kist_manifest_stored_size(manifest);
    row->kept.time = kist_manifest_begun(manifest, now);
    row->kept.good = !bad && !safety && !suspect && !lapsed;
    row->kept.verified = verdict && !bad;
    row->state = bad ? "bad" : suspect ? "suspect" : safety ? "safety" : lapsed ? "expired" : "ok";
}

/* What it says of references is needed again. Moves a manifest that has any. */
static int keep_manifest(struct kist_prune_row *row, struct kist_manifest *manifest, struct kist_error *err)
{
    if (!kist_manifest_has_references(manifest))
        return 0;
    row->manifest = malloc(sizeof *row->manifest);
    if (!row->manifest)
        return no_memory(err);
    *row->manifest = *manifest;
    *manifest = (struct kist_manifest){0};
    return 0;
}

/* A manifest that is damaged is one thing; one that could not be asked for now is an end of it all, for the keys that it
 * names are not known. */
static int load_row(struct kist_prune_place *place, struct kist_prune_row *row, struct kist_error *err)
{
    struct kist_manifest manifest = {0};
    int code = kist_catalog_load(place->store, place->pipeline, row->id, &manifest, err);
    row->kept.held = kist_mark_find(&place->catalog, row->id, KIST_MARK_HELD) != NULL;
    if (code == KIST_ERR_CORRUPT || code == KIST_ERR_UNSUPPORTED) {
        row->kept.unreadable = 1;
        row->state = "damaged";
        row->cause = strdup(kist_error_text(err));
        kist_log_at(KIST_LOG_WARNING, place->store->where, err);
        kist_error_clear(err);
        return 0;
    }
    if (code)
        return code;
    judge(place, row, &manifest);
    code = keep_manifest(row, &manifest, err);
    kist_manifest_done(&manifest);
    return code;
}

/* What would be discarded with the rest of a backup that is deleted already. What cannot be read is told when it is finished. */
static int load_remains(struct kist_prune_place *place, struct kist_prune_row *row, struct kist_error *err)
{
    KIST_CLEANUP_ERROR struct kist_error ignored = KIST_ERROR_INIT;
    struct kist_manifest manifest = {0};
    if (!place->options->dry_run ||
        kist_catalog_load_tombstone(place->store, place->pipeline, row->id, &manifest, &ignored))
        return 0;
    int code = keep_manifest(row, &manifest, err);
    kist_manifest_done(&manifest);
    return code;
}

static void add_row(struct kist_prune_place *place, const char *id)
{
    struct kist_prune_row *row = &place->rows[place->row_count++];
    *row = (struct kist_prune_row){.state = "deleted"};
    memcpy(row->id, id, sizeof row->id);
    (void)kist_id_parse(id, &row->kept.time);
}

static int load_rows(struct kist_prune_place *place, struct kist_error *err)
{
    const struct kist_catalog *catalog = &place->catalog;
    int code = 0;
    place->rows = calloc(catalog->backup_count + catalog->tombstone_count + 1, sizeof *place->rows);
    place->kept = calloc(catalog->backup_count + 1, sizeof *place->kept);
    if (!place->rows || !place->kept)
        return no_memory(err);
    for (size_t i = 0; i < catalog->backup_count && !code; i++) {
        add_row(place, catalog->backups[i].id);
        code = load_row(place, &place->rows[i], err);
        place->kept[i] = place->rows[i].kept;
    }
    place->count = catalog->backup_count;
    for (size_t i = 0; i < catalog->tombstone_count && !code; i++) {
        if (kist_catalog_has(catalog, catalog->tombstones[i].id))
            continue;
        add_row(place, catalog->tombstones[i].id);
        code = load_remains(place, &place->rows[place->row_count - 1], err);
    }
    return code;
}

const char *kist_prune_frozen(const struct kist_prune_place *place)
{
    if (place->waits)
        return place->waits;
    return place->plan.frozen;
}

int kist_prune_goes(const struct kist_prune_place *place, size_t index)
{
    return index >= place->count || (place->planned && place->plan.entries[index].fate == KIST_FATE_REMOVE);
}

static char *reason_of(const struct kist_prune_place *place)
{
    char *reason = NULL;
    if (!place->busy[0])
        return place->freeze ? strdup(place->freeze) : NULL;
    if (asprintf(&reason, "a run of another host, %s, has begun and not ended", place->busy) < 0)
        return NULL;
    return reason;
}

/* `ret_freeze` is what the rules borrow. New. */
static int rules_of(const struct kist_prune_place *place, int64_t now, int64_t server_time,
                    struct kist_retention *ret_rules, char **ret_freeze, struct kist_error *err)
{
    const struct kist_config_pipeline *pipeline = place->pipeline;
    char *freeze = reason_of(place);
    if (!freeze && (place->busy[0] || place->freeze))
        return no_memory(err);
    *ret_freeze = freeze;
    *ret_rules = (struct kist_retention){.keep = place->section->keep.set ? place->section->keep : pipeline->keep,
                                         .min_keep = pipeline->min_keep,
                                         .max_delete = pipeline->max_delete,
                                         .zone = pipeline->schedule.zone,
                                         .now = now,
                                         .server_time = server_time,
                                         .freeze = freeze};
    return 0;
}

int kist_prune_guard(struct kist_prune_place *place, int64_t now, int64_t server_time, char **ret_reason,
                     struct kist_error *err)
{
    struct kist_retention rules = {0};
    char *freeze = NULL;
    int code = rules_of(place, now, server_time, &rules, &freeze, err);
    if (!code)
        code = kist_retention_guard(place->kept, place->count, &rules, ret_reason, err);
    free(freeze);
    return code;
}

int kist_prune_plan(struct kist_prune_place *place, int64_t now, int64_t server_time, struct kist_error *err)
{
    struct kist_retention rules = {0};
    struct kist_plan plan = {0};
    char *freeze = NULL;
    int code = rules_of(place, now, server_time, &rules, &freeze, err);
    if (!code)
        code = kist_retention_plan(place->kept, place->count, &rules, &plan, err);
    free(freeze);
    if (code)
        return code;
    kist_plan_done(&place->plan);
    place->plan = plan;
    place->planned = 1;
    return 0;
}

/* A listing that does not know of what was written a moment ago may lack others too, and those may need what goes. */
static int check_fresh(const struct kist_prune_place *place, struct kist_error *err)
{
    const char *fresh = place->options->fresh;
    if (!fresh || kist_catalog_has(&place->catalog, fresh))
        return 0;
    return kist_fail(
        err, KIST_ERR_CORRUPT,
        "%s: the listing lacks the backup %s, which was made just now: nothing is deleted on the word "
        "of such a listing",
        kist_store_name(place->store), fresh);
}

int kist_prune_look(struct kist_prune_place *place, struct kist_error *err)
{
    const char *pipeline = place->pipeline->name;
    int code = kist_catalog_read(place->store, pipeline, &place->catalog, err);
    if (!code)
        code = check_fresh(place, err);
    if (code)
        return code;
    kist_marks_check(place->store, place->pipeline, &place->catalog);
    code = load_rows(place, err);
    if (!code)
        code = kist_catalog_busy(place->store, pipeline, place->owner, &place->catalog, place->busy, err);
    return code ? code : kist_prune_plan(place, kist_time_now(), 0, err);
}

json_t *kist_prune_references(struct kist_prune_row *row)
{
    if (!row->references)
        row->references = json_array();
    return row->references;
}

struct kist_prune_row *kist_prune_find(struct kist_prune_place *place, const char *id)
{
    for (size_t i = 0; i < place->row_count; i++)
        if (strcmp(place->rows[i].id, id) == 0)
            return &place->rows[i];
    return NULL;
}

void kist_prune_fail(struct kist_prune_row *row, struct kist_error *why)
{
    int refused = why->code == KIST_ERR_AUTH || why->code == KIST_ERR_REFUSED;
    row->outcome = refused ? KIST_PRUNE_LOCKED : KIST_PRUNE_FAILED;
    free(row->cause);
    row->cause = strdup(kist_error_text(why));
    kist_error_clear(why);
}

size_t kist_prune_count(const struct kist_prune_place *place, enum kist_prune_outcome outcome)
{
    size_t count = 0;
    for (size_t i = 0; i < place->row_count; i++)
        count += place->rows[i].outcome == outcome;
    return count;
}

void kist_prune_place_done(struct kist_prune_place *place)
{
    for (size_t i = 0; i < place->row_count; i++) {
        struct kist_prune_row *row = &place->rows[i];
        if (row->manifest)
            kist_manifest_done(row->manifest);
        free(row->manifest);
        json_decref(row->references);
        free(row->cause);
    }
    free(place->rows);
    free(place->kept);
    free(place->waits);
    kist_catalog_done(&place->catalog);
    kist_plan_done(&place->plan);
}
