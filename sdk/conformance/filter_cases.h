/* filter_cases.h - the cases that do not stand in filter.c. Each returns 0, -1 or FILTER_SKIPPED. */
#ifndef KIST_CONFORMANCE_FILTER_CASES_H
#define KIST_CONFORMANCE_FILTER_CASES_H

#include "filter_tools.h"

/* filter_encode.c */
int filter_case_block_size(struct filter_trial *t);
int filter_case_bound(struct filter_trial *t);
int filter_case_misfits(struct filter_trial *t);
int filter_case_order(struct filter_trial *t);
int filter_case_workers(struct filter_trial *t);
int filter_case_compresses(struct filter_trial *t);

/* filter_damage.c */
int filter_case_no_input(struct filter_trial *t);
int filter_case_foreign(struct filter_trial *t);
int filter_case_cuts(struct filter_trial *t);
int filter_case_lacking_blocks(struct filter_trial *t);
int filter_case_flips(struct filter_trial *t);
int filter_case_tails(struct filter_trial *t);
int filter_case_stays_broken(struct filter_trial *t);

#endif
