/* counts_sort.h - counts by kind and name, to find one of many thousand. */
#ifndef KIST_CORE_COUNTS_SORT_H
#define KIST_CORE_COUNTS_SORT_H

#include "counts.h"

/* `ret_sorted` is new and points into the counts; `ret_twice` is one that is there twice, or NULL. Not 0 without memory. */
int kist_counts_sort(const struct kist_counts *counts, const struct kist_count ***ret_sorted,
                     const struct kist_count **ret_twice) KIST_CHECKED;
/* The one with the kind and the name of `like`, or NULL. */
const struct kist_count *kist_counts_sorted_find(const struct kist_count *const *sorted, size_t count,
                                                 const struct kist_count *like);

#endif
