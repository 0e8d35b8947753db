#include "status_print.h"

#include <string.h>

static json_t *time_json(int64_t time)
{
    char text[KIST_TIME_LENGTH + 1];
    if (time <= 0)
        return json_null();
    kist_time_text(time, text);
    return json_string(text);
}

/* Which destinations hold the last good backup; null: not known. */
static json_t *places_json(const struct kist_status *status)
{
    const struct kist_config_pipeline *pipeline = status->pipeline;
    json_t *places = json_object();
    for (size_t i = 0; i < pipeline->destination_count; i++) {
        json_t *place = json_null();
        if (!status->err.code && status->listing.stores[i]) {
            if (status->good && !kist_listing_counts(&status->listing, status->good, i))
                continue;
            place = json_boolean(status->good && status->good->places[i] == KIST_PLACE_GOOD);
        }
        json_object_set_new(places, pipeline->destinations[i]->name, place);
    }
    return places;
}

static json_t *trend_json(const struct kist_status *status)
{
    json_t *trend = json_array();
    for (size_t i = 0; i < status->trend_count; i++)
        json_array_append_new(trend, json_integer((json_int_t)status->trend[i]));
    return trend;
}

static json_t *size_json(const struct kist_status *status, uint64_t (*size)(const struct kist_manifest *manifest))
{
    return status->good ? json_integer((json_int_t)size(&status->good->manifest)) : json_null();
}

json_t *kist_status_json(const struct kist_status *status, json_t *problems, int64_t now)
{
    const char *good = status->good_id[0] ? status->good_id : NULL;
    int64_t age = kist_status_age(status, now);
    return json_pack(
        "{s:s, s:s, s:o, s:s?, s:o, s:o, s:b, s:o, s:s?, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:O?, s:O?}",
        "pipeline", status->pipeline->name, "state", kist_status_word(status), "stale",
        status->err.code && !good ? json_null() : json_boolean(status->stale), "last_good", good, "last_good_time",
        time_json(status->good_at), "age_s", age >= 0 ? json_integer((json_int_t)age) : json_null(), "remembered",
        status->remembered, "stale_at", time_json(status->stale_at), "newest",
        status->newest ? status->newest->id : NULL, "raw_size", size_json(status, kist_manifest_raw_size),
        "stored_size", size_json(status, kist_manifest_stored_size), "trend", trend_json(status), "destinations",
        places_json(status), "verified", time_json(status->verified), "drilled", time_json(status->drilled),
        "backups", (json_int_t)status->total_count, "next_run", time_json(status->next), "last_run",
        status->last_run, "problems", problems);
}
