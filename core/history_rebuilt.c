#include "history_rebuilt.h"
#include "status_rows.h"

#include <string.h>

static json_t *places_json(const struct kist_listing *listing, const struct kist_listing_row *row)
{
    json_t *places = json_object();
    for (size_t i = 0; i < listing->pipeline->destination_count; i++)
        if (listing->stores[i] && kist_listing_counts(listing, row, i))
            json_object_set_new(places, listing->pipeline->destinations[i]->name,
                                json_boolean(row->places[i] == KIST_PLACE_GOOD));
    return places;
}

/* What a run that made this backup would have noted; its outcome is how the backup stands now. */
static json_t *entry_of(const struct kist_listing *listing, const struct kist_listing_row *row)
{
    const struct kist_manifest *manifest = &row->manifest;
    const char *state = kist_listing_state(listing, row);
    char started[KIST_TIME_LENGTH + 1] = "", finished[KIST_TIME_LENGTH + 1] = "";
    int64_t begun = 0;
    json_t *places = places_json(listing, row);
    /* Of one that cannot be read the id still tells when. */
    if (!manifest->pipeline) {
        kist_id_parse(row->id, &begun);
        kist_time_text(begun, started);
        return json_pack("{s:s, s:s, s:s, s:b, s:s, s:s, s:s, s:o, s:s*}", "event", "run", "pipeline",
                         listing->pipeline->name, "id", row->id, "rebuilt", 1, "outcome", state, "time", started,
                         "started", started, "destinations", places, "cause", row->damage);
    }
    kist_time_text(manifest->started, started);
    kist_time_text(manifest->finished, finished);
    return json_pack(
        "{s:s, s:s, s:s, s:b, s:s, s:s, s:s, s:I, s:I, s:I, s:o, s:s*}", "event", "run", "pipeline",
        listing->pipeline->name, "id", row->id, "rebuilt", 1, "outcome", state, "time", finished, "started",
        started, "duration_ms", (json_int_t)(manifest->finished - manifest->started) * 1000, "raw_size",
        (json_int_t)kist_manifest_raw_size(manifest), "stored_size",
        (json_int_t)kist_manifest_stored_size(manifest), "destinations", places, "cause", row->damage);
}

int kist_history_rebuild(const struct kist_config_pipeline *pipeline, size_t limit, struct kist_cancel *cancel,
                         json_t *entries, int *ret_incomplete, struct kist_error *err)
{
    struct kist_listing listing = {0};
    int code = kist_listing_read(pipeline, NULL, KIST_LISTING_IDS, cancel, &listing, err);
    if (code)
        return code;
    size_t first = limit && listing.row_count > limit ? listing.row_count - limit : 0;
    for (size_t i = first; i < listing.row_count && !code; i++) {
        code = kist_status_row_load(&listing, &listing.rows[i], 0, err);
        if (!code && json_array_append_new(entries, entry_of(&listing, &listing.rows[i])) != 0)
            code = kist_fail(err, KIST_ERR_FAILED, "out of memory for the history");
    }
    *ret_incomplete |= listing.incomplete;
    kist_listing_done(&listing);
    return code;
}
