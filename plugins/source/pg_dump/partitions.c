#include "counts.h"

#include <string.h>

/* Whether `oid` is in "{1,23}". */
static int is_in(const char *array, const char *oid)
{
    size_t length = strlen(oid);
    for (const char *at = array; (at = strstr(at, oid)); at++)
        if (at > array && strchr("{,", at[-1]) && at[length] && strchr(",}", at[length]))
            return 1;
    return 0;
}

/* Only to be locked, and with no number of its own: that is what a partitioned table is in a census. */
static int is_partitioned(const struct pgd_entry *entry)
{
    return !entry->kind && entry->oid;
}

/* -1 where there is a part that was not counted, and no row in the others. The sum saturates: it only tells whether there is
 * anything. */
static int64_t sum_of(const struct pgd_census *census, const char *oid)
{
    int64_t sum = 0;
    int uncounted = 0;
    for (size_t i = 0; i < census->count; i++) {
        const struct pgd_entry *part = &census->items[i];
        if (!part->kind || !part->parents || !is_in(part->parents, oid))
            continue;
        uncounted |= part->number < 0;
        if (part->number > 0 && __builtin_add_overflow(sum, part->number, &sum))
            sum = INT64_MAX;
    }
    return sum == 0 && uncounted ? -1 : sum;
}

int pgd_partitions_give(const struct pgd_census *census, kist_count_fn give, void *arg)
{
    for (size_t i = 0; i < census->count; i++) {
        const struct pgd_entry *entry = &census->items[i];
        if (!is_partitioned(entry))
            continue;
        const struct kist_count count = {.struct_size = sizeof count,
                                         .flags = KIST_COUNT_ESTIMATE,
                                         .kind = "partitioned",
                                         .name = entry->name,
                                         .number = sum_of(census, entry->oid),
                                         .note = "the rows of its partitions"};
        int code = give(arg, &count);
        if (code)
            return code;
    }
    return 0;
}
