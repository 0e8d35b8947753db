/* status_rows.h - reads manifests into a listing of ids, from the newest backup down, no deeper than is needed. */
#ifndef KIST_CORE_STATUS_ROWS_H
#define KIST_CORE_STATUS_ROWS_H

#include "status.h"

/* Reads those of one row: of every place, or (`one`) of the first place that has a good one. */
int kist_status_row_load(struct kist_listing *listing, struct kist_listing_row *row, int one,
                         struct kist_error *err) KIST_CHECKED;
/* 1 for a row with a manifest that is good in the sense of status.h. */
int kist_status_row_good(const struct kist_listing *listing, const struct kist_listing_row *row);

#endif
