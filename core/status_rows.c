#include "status_rows.h"

#include <stdlib.h>
#include <string.h>

/* What a manifest that cannot be read says of its place. */
static void note_failure(struct kist_listing *listing, struct kist_listing_row *row, size_t index,
                         struct kist_error *err)
{
    int damaged = err->code == KIST_ERR_CORRUPT || err->code == KIST_ERR_UNSUPPORTED;
    /* One that was removed since the catalog was read is simply gone. */
    if (err->code == KIST_ERR_NOT_FOUND)
        row->places[index] = KIST_PLACE_ABSENT;
    else
        row->places[index] = damaged ? KIST_PLACE_DAMAGED : KIST_PLACE_UNKNOWN;
    if (row->places[index] == KIST_PLACE_UNKNOWN)
        listing->incomplete = 1;
    if (row->places[index] != KIST_PLACE_ABSENT && !row->damage)
        row->damage = strdup(kist_error_text(err));
    kist_error_clear(err);
}

int kist_status_row_load(struct kist_listing *listing, struct kist_listing_row *row, int one,
                         struct kist_error *err)
{
    for (size_t i = 0; i < listing->pipeline->destination_count; i++) {
        struct kist_manifest manifest = {0};
        if (!listing->stores[i] || row->places[i] != KIST_PLACE_GOOD)
            continue;
        int code = kist_catalog_load(listing->stores[i], listing->pipeline, row->id, &manifest, err);
        if (code == KIST_ERR_CANCELLED)
            return code;
        if (code)
            note_failure(listing, row, i, err);
        else if (row->manifest.pipeline)
            kist_manifest_done(&manifest);
        else
            row->manifest = manifest;
        if (one && row->manifest.pipeline)
            break;
    }
    /* Whether a suspect one was accepted is asked only where the manifest says that it is suspect. */
    if (row->manifest.suspect)
        kist_listing_read_marks(listing, row);
    return 0;
}

int kist_status_row_good(const struct kist_listing *listing, const struct kist_listing_row *row)
{
    size_t held = 0, answering = 0;
    if (!row->manifest.pipeline || row->bad || (row->manifest.suspect && !row->accepted) ||
        kist_safety_is(&row->manifest) || kist_manifest_has_lapsed(&row->manifest, kist_time_now() * 1000))
        return 0;
    for (size_t i = 0; i < listing->pipeline->destination_count; i++) {
        if (!kist_listing_counts(listing, row, i))
            continue;
        held += row->places[i] == KIST_PLACE_GOOD;
        answering += row->places[i] != KIST_PLACE_UNKNOWN;
    }
    /* With `require = all` an older backup may still lie on fewer: what a destination that is new, or keeps less, lacks. */
    size_t needed = listing->pipeline->require > 0 ? (size_t)listing->pipeline->require : 1;
    return held > 0 && held >= (needed < answering ? needed : answering);
}
