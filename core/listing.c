#include "listing.h"
#include "log.h"
#include "marks.h"

#include <stdlib.h>
#include <string.h>

/* Where the reading of one listing stands. */
struct reading {
    struct kist_listing *listing;
    const char *destination;
    enum kist_listing_depth depth;
    struct kist_cancel *cancel;
};

static int no_memory(struct kist_error *err)
{
    return kist_fail(err, KIST_ERR_FAILED, "out of memory for the listing");
}

static int is_wanted(const struct reading *reading, const struct kist_config_section *section)
{
    return !reading->destination || strcmp(reading->destination, section->name) == 0;
}

/* Opens destination `index` and reads its catalog. */
static int ask(struct reading *reading, size_t index, struct kist_error *err)
{
    struct kist_listing *listing = reading->listing;
    const struct kist_config_pipeline *pipeline = listing->pipeline;
    struct kist_store *store = NULL;
    int code = kist_store_open(pipeline->destinations[index], pipeline->name, reading->cancel, &store, err);
    if (!code)
        code = kist_catalog_read(store, pipeline->name, &listing->catalogs[index], err);
    if (code) {
        kist_store_close(store);
        return code;
    }
    kist_marks_check(store, pipeline, &listing->catalogs[index]);
    listing->stores[index] = store;
    return 0;
}

/* A destination that does not answer does not hide what the others know. */
static int ask_all(struct reading *reading, struct kist_error *err)
{
    struct kist_listing *listing = reading->listing;
    size_t wanted = 0, asked = 0;
    KIST_CLEANUP_ERROR struct kist_error first = KIST_ERROR_INIT;
    for (size_t i = 0; i < listing->pipeline->destination_count; i++) {
        KIST_CLEANUP_ERROR struct kist_error next = KIST_ERROR_INIT;
        if (!is_wanted(reading, listing->pipeline->destinations[i]))
            continue;
        wanted++;
        if (!ask(reading, i, &next)) {
            asked++;
            continue;
        }
        listing->incomplete = 1;
        if (first.code)
            kist_log_error(NULL, &next);
        else
            kist_error_move(&first, &next);
    }
    if (!wanted) {
        kist_fail(err, KIST_ERR_CONFIG, "pipeline '%s' has no destination '%s'", listing->pipeline->name,
                  reading->destination);
        kist_hint(err, "`kist config show` lists the destinations of every pipeline");
        return KIST_ERR_CONFIG;
    }
    if (!asked)
        return kist_error_move(err, &first);
    if (first.code)
        kist_log_error(NULL, &first);
    return 0;
}

static int compare_ids(const void *left, const void *right)
{
    return strcmp(left, right);
}

/* All ids of all catalogs, once each, as rows. */
static int merge(struct reading *reading, struct kist_error *err)
{
    struct kist_listing *listing = reading->listing;
    size_t destinations = listing->pipeline->destination_count, total = 0;
    for (size_t i = 0; i < destinations; i++)
        total += listing->catalogs[i].backup_count;
    struct kist_catalog_id *ids = calloc(total + 1, sizeof *ids);
    listing->rows = calloc(total + 1, sizeof *listing->rows);
    if (!ids || !listing->rows) {
        free(ids);
        return no_memory(err);
    }
    total = 0;
    for (size_t i = 0; i < destinations; i++)
        for (size_t k = 0; k < listing->catalogs[i].backup_count; k++)
            ids[total++] = listing->catalogs[i].backups[k];
    qsort(ids, total, sizeof *ids, compare_ids);
    int code = 0;
    for (size_t i = 0; i < total && !code; i++) {
        if (i > 0 && strcmp(ids[i].id, ids[i - 1].id) == 0)
            continue;
        struct kist_listing_row *row = &listing->rows[listing->row_count++];
        memcpy(row->id, ids[i].id, sizeof row->id);
        row->places = calloc(destinations, sizeof *row->places);
        code = row->places ? 0 : no_memory(err);
    }
    free(ids);
    return code;
}

/* Loads the manifest of a row from destination `index`. One that cannot be read does not hide the others. */
static int load_place(struct reading *reading, struct kist_listing_row *row, size_t index, struct kist_error *err)
{
    struct kist_listing *listing = reading->listing;
    struct kist_manifest manifest = {0};
    int code = kist_catalog_load(listing->stores[index], listing->pipeline, row->id, &manifest, err);
    /* A backup that was removed since the catalog was read is simply gone. */
    if (code == KIST_ERR_NOT_FOUND) {
        kist_error_clear(err);
        return 0;
    }
    if (code == KIST_ERR_CANCELLED)
        return code;
    if (code) {
        int damaged = code == KIST_ERR_CORRUPT || code == KIST_ERR_UNSUPPORTED;
        row->places[index] = damaged ? KIST_PLACE_DAMAGED : KIST_PLACE_UNKNOWN;
        listing->incomplete |= !damaged;
        if (!row->damage)
            row->damage = strdup(kist_error_text(err));
        kist_error_clear(err);
        return 0;
    }
    row->places[index] = KIST_PLACE_GOOD;
    if (row->manifest.pipeline)
        kist_manifest_done(&manifest);
    else
        row->manifest = manifest;
    return 0;
}

static int load_rows(struct reading *reading, struct kist_error *err)
{
    struct kist_listing *listing = reading->listing;
    for (size_t r = 0; r < listing->row_count; r++) {
        struct kist_listing_row *row = &listing->rows[r];
        for (size_t i = 0; i < listing->pipeline->destination_count; i++) {
            int code = 0;
            if (!listing->stores[i])
                row->places[i] = is_wanted(reading, listing->pipeline->destinations[i]) ? KIST_PLACE_UNKNOWN
                                                                                        : KIST_PLACE_ABSENT;
            else if (!kist_catalog_has(&listing->catalogs[i], row->id))
                continue;
            else if (reading->depth == KIST_LISTING_IDS)
                row->places[i] = KIST_PLACE_GOOD;
            else
                code = load_place(reading, row, i, err);
            if (code)
                return code;
        }
        kist_listing_read_marks(listing, row);
    }
    return 0;
}

int kist_listing_read(const struct kist_config_pipeline *pipeline, const char *destination,
                      enum kist_listing_depth depth, struct kist_cancel *cancel, struct kist_listing *ret_listing,
                      struct kist_error *err)
{
    size_t count = pipeline->destination_count;
    struct kist_listing listing = {.pipeline = pipeline,
                                   .stores = calloc(count + 1, sizeof *listing.stores),
                                   .catalogs = calloc(count + 1, sizeof *listing.catalogs)};
    struct reading reading = {.listing = &listing, .destination = destination, .depth = depth, .cancel = cancel};
    int code = listing.stores && listing.catalogs ? ask_all(&reading, err) : no_memory(err);
    if (!code)
        code = merge(&reading, err);
    if (!code)
        code = load_rows(&reading, err);
    if (!code)
        code = kist_listing_find_expired(&listing, err);
    if (code)
        kist_listing_done(&listing);
    else
        *ret_listing = listing;
    return code;
}

void kist_listing_done(struct kist_listing *listing)
{
    for (size_t i = 0; listing->stores && i < listing->pipeline->destination_count; i++)
        kist_store_close(listing->stores[i]);
    for (size_t i = 0; listing->catalogs && i < listing->pipeline->destination_count; i++)
        kist_catalog_done(&listing->catalogs[i]);
    free(listing->stores);
    free(listing->catalogs);
    for (size_t i = 0; i < listing->row_count; i++) {
        free(listing->rows[i].places);
        free(listing->rows[i].damage);
        kist_manifest_done(&listing->rows[i].manifest);
    }
    free(listing->rows);
    *listing = (struct kist_listing){0};
}

int kist_listing_counts(const struct kist_listing *listing, const struct kist_listing_row *row, size_t index)
{
    const struct kist_store *store = listing->stores[index];
    if (row->places[index] == KIST_PLACE_EXPIRED)
        return 0;
    return store ? !kist_store_discards(store) : row->places[index] == KIST_PLACE_UNKNOWN;
}

const char *kist_listing_state(const struct kist_listing *listing, const struct kist_listing_row *row)
{
    size_t seen[KIST_PLACE_UNKNOWN + 1] = {0};
    for (size_t i = 0; i < listing->pipeline->destination_count; i++)
        if (kist_listing_counts(listing, row, i))
            seen[row->places[i]]++;
    if (seen[KIST_PLACE_DAMAGED])
        return "damaged";
    if (row->bad)
        return "bad";
    if (seen[KIST_PLACE_UNKNOWN])
        return "unknown";
    if (row->manifest.suspect && !row->accepted)
        return "suspect";
    if (kist_manifest_has_lapsed(&row->manifest, kist_time_now() * 1000))
        return "expired";
    return seen[KIST_PLACE_ABSENT] ? "partial" : "ok";
}
