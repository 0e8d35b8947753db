#include "judge.h"
#include "listing.h"
#include "marks.h"

#include <string.h>

static void keep_newer(struct kist_catalog_mark *mark, const struct kist_catalog_mark *other)
{
    if (other && strcmp(other->time, mark->time) > 0)
        *mark = *other;
}

void kist_listing_read_marks(const struct kist_listing *listing, struct kist_listing_row *row)
{
    for (size_t i = 0; i < listing->pipeline->destination_count; i++) {
        const struct kist_catalog *catalog = &listing->catalogs[i];
        if (!listing->stores[i] || !kist_catalog_has(catalog, row->id))
            continue;
        const struct kist_catalog_mark *verdict = kist_mark_verdict(catalog, row->id);
        if (kist_mark_is_bad(verdict))
            row->bad = 1;
        else
            keep_newer(&row->verified, verdict);
        keep_newer(&row->drilled, kist_mark_find(catalog, row->id, KIST_MARK_DRILL));
        row->held |= kist_mark_find(catalog, row->id, KIST_MARK_HELD) != NULL;
        if (row->manifest.suspect && !row->accepted)
            row->accepted = kist_judge_accepted(listing->stores[i], listing->pipeline, catalog, row->id);
    }
}
