/* destination_cases.h - the cases of destinations by theme. Each begins with an empty store and a new instance, and
 * returns 0, -1 or TRIAL_SKIPPED. */
#ifndef KIST_CONFORMANCE_DESTINATION_CASES_H
#define KIST_CONFORMANCE_DESTINATION_CASES_H

#include "destination_tools.h"

#define KEEPS 1U   /* only for stores that hold an object at least as long as an instance lives */
#define SHARES 2U  /* ... in a place that other instances see */
#define CANCELS 4U /* only when the suite can cancel */

/* Rows end with a NULL name. */
struct destination_case {
    const char *name, *clause;
    int (*run)(struct trial *trial);
    unsigned needs;
};

extern const struct destination_case destination_put_cases[];
extern const struct destination_case destination_size_cases[];
extern const struct destination_case destination_abort_cases[];
extern const struct destination_case destination_taken_cases[];
extern const struct destination_case destination_get_cases[];
extern const struct destination_case destination_about_cases[];
extern const struct destination_case destination_list_cases[];
extern const struct destination_case destination_key_cases[];
extern const struct destination_case destination_remove_cases[];
extern const struct destination_case destination_copy_cases[];
extern const struct destination_case destination_cancel_cases[];
extern const struct destination_case destination_life_cases[];

#endif
