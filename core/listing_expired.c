#include "expired.h"
#include "listing.h"

#include <stdlib.h>

/* Where no manifest was read, a backup counts as good. */
static struct kist_candidate candidate_of(const struct kist_listing_row *row, int64_t now)
{
    const struct kist_manifest *manifest = &row->manifest;
    struct kist_candidate backup = {.held = row->held,
                                    .good = !row->bad && !row->damage && (!manifest->suspect || row->accepted) &&
                                            !kist_safety_is(manifest) &&
                                            !kist_manifest_has_lapsed(manifest, now * 1000)};
    (void)kist_id_parse(row->id, &backup.time);
    if (manifest->pipeline)
        backup.time = kist_manifest_begun(manifest, now);
    return backup;
}

static int find_on(struct kist_listing *listing, size_t index, const struct kist_candidate *backups,
                   unsigned char *expired, struct kist_error *err)
{
    int code = kist_expired_find(listing->pipeline, listing->pipeline->destinations[index], backups,
                                 listing->row_count, expired, err);
    for (size_t r = 0; r < listing->row_count && !code; r++) {
        enum kist_place_state *place = &listing->rows[r].places[index];
        if (*place == KIST_PLACE_ABSENT && expired[r])
            *place = KIST_PLACE_EXPIRED;
        expired[r] = 0;
    }
    return code;
}

int kist_listing_find_expired(struct kist_listing *listing, struct kist_error *err)
{
    struct kist_candidate *backups = calloc(listing->row_count + 1, sizeof *backups);
    unsigned char *expired = calloc(listing->row_count + 1, 1);
    int64_t now = kist_time_now();
    int code = backups && expired ? 0 : kist_fail(err, KIST_ERR_FAILED, "out of memory for the listing");
    for (size_t r = 0; r < listing->row_count && !code; r++)
        backups[r] = candidate_of(&listing->rows[r], now);
    for (size_t i = 0; i < listing->pipeline->destination_count && !code; i++)
        if (listing->stores[i] && !kist_store_discards(listing->stores[i]))
            code = find_on(listing, i, backups, expired, err);
    free(backups);
    free(expired);
    return code;
}

int kist_listing_is_there(const struct kist_listing_row *row, size_t index)
{
    return row->places[index] != KIST_PLACE_ABSENT && row->places[index] != KIST_PLACE_EXPIRED;
}
