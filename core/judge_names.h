/* judge_names.h - finds a table that a person named among those that a source counted. */
#ifndef KIST_CORE_JUDGE_NAMES_H
#define KIST_CORE_JUDGE_NAMES_H

#include "counts.h"

#define KIST_KIND_PARTITIONED                                                                                     \
    "partitioned" /* of a count: the rows of a table in its partitions, which are counted too */

/* A table or a partitioned one. `name` as in SQL, "orders" being "public.orders"; quotes are only needed around a name that holds a dot. `ret_table`
 * NULL: there is no such table. Not 0 without memory. */
int kist_judge_table(const struct kist_counts *counts, const char *name,
                     const struct kist_count **ret_table) KIST_CHECKED;

#endif
