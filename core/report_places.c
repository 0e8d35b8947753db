#include "history.h"
#include "marks.h"
#include "report_data.h"

#include <stdlib.h>
#include <string.h>

static int no_memory(struct kist_error *err)
{
    return kist_fail(err, KIST_ERR_FAILED, "out of memory for the report");
}

/* A backup as retention sees it on destination `index`; what could not be read now is unreadable for now. */
static struct kist_candidate kept_of(const struct kist_listing *listing, const struct kist_listing_row *row,
                                     size_t index, int64_t now)
{
    const struct kist_catalog *catalog = &listing->catalogs[index];
    const struct kist_catalog_mark *verdict = kist_mark_verdict(catalog, row->id);
    const struct kist_manifest *manifest = &row->manifest;
    struct kist_candidate kept = {.unreadable = row->places[index] != KIST_PLACE_GOOD || !manifest->pipeline,
                                  .held = kist_mark_find(catalog, row->id, KIST_MARK_HELD) != NULL};
    int bad = verdict && kist_mark_is_bad(verdict);
    (void)kist_id_parse(row->id, &kept.time);
    if (manifest->pipeline)
        kept.time = kist_manifest_begun(manifest, now);
    kept.good = !kept.unreadable && !bad && !kist_safety_is(manifest) && (!manifest->suspect || row->accepted) &&
                !kist_manifest_has_lapsed(manifest, now * 1000);
    kept.verified = verdict && !bad;
    return kept;
}

/* What prune goes by, too: this host's last run. */
static int plan_it(const struct kist_report_data *data, struct kist_report_place *place, struct kist_error *err)
{
    const struct kist_config_pipeline *pipeline = data->status->pipeline;
    int failed = !kist_history_lets_prune(data->status->last_run);
    const struct kist_retention rules = {.keep = place->section->keep.set ? place->section->keep : pipeline->keep,
                                         .min_keep = pipeline->min_keep,
                                         .max_delete = pipeline->max_delete,
                                         .zone = pipeline->schedule.zone,
                                         .now = data->now,
                                         .freeze = failed ? "the last run was not good" : NULL};
    return kist_retention_plan(place->kept, place->count, &rules, &place->plan, err);
}

static int fill_place(const struct kist_report_data *data, struct kist_report_place *place, size_t index,
                      struct kist_error *err)
{
    const struct kist_listing *listing = &data->status->listing;
    place->section = listing->pipeline->destinations[index];
    place->names = strdup(place->section->name);
    place->rows = calloc(listing->row_count + 1, sizeof(struct kist_listing_row *));
    place->kept = calloc(listing->row_count + 1, sizeof *place->kept);
    if (!place->names || !place->rows || !place->kept)
        return no_memory(err);
    for (size_t i = 0; i < listing->row_count; i++)
        if (kist_listing_is_there(&listing->rows[i], index)) {
            place->rows[place->count] = &listing->rows[i];
            place->kept[place->count++] = kept_of(listing, &listing->rows[i], index, data->now);
        }
    return plan_it(data, place, err);
}

static int same_fates(const struct kist_report_place *a, const struct kist_report_place *b)
{
    if (a->count != b->count || (a->plan.frozen == NULL) != (b->plan.frozen == NULL))
        return 0;
    for (size_t i = 0; i < a->count; i++)
        if (a->rows[i] != b->rows[i] || strcmp(a->plan.entries[i].text, b->plan.entries[i].text) != 0)
            return 0;
    return 1;
}

/* Where the last place says the same as an earlier one, they become one with both names. */
static int merge_last(struct kist_report_data *data, struct kist_error *err)
{
    struct kist_report_place *last = &data->places[data->place_count - 1];
    for (size_t i = 0; i + 1 < data->place_count; i++) {
        char *names = NULL;
        if (!same_fates(&data->places[i], last))
            continue;
        if (asprintf(&names, "%s, %s", data->places[i].names, last->names) < 0)
            return no_memory(err);
        free(data->places[i].names);
        data->places[i].names = names;
        free(last->names);
        free(last->rows);
        free(last->kept);
        kist_plan_done(&last->plan);
        data->place_count--;
        return 0;
    }
    return 0;
}

int kist_report_gather_places(struct kist_report_data *data, struct kist_error *err)
{
    const struct kist_listing *listing = &data->status->listing;
    size_t count = listing->pipeline ? listing->pipeline->destination_count : 0;
    int code = 0;
    data->places = calloc(count + 1, sizeof *data->places);
    if (!data->places)
        return no_memory(err);
    for (size_t i = 0; i < count && !code; i++) {
        if (!listing->stores[i] || kist_store_discards(listing->stores[i]))
            continue;
        code = fill_place(data, &data->places[data->place_count++], i, err);
        if (!code)
            code = merge_last(data, err);
    }
    return code;
}
