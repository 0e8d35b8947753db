/*
 * keep.h - which backups a retention rule keeps, as a person writes it: "7 daily, 4 weekly", "30 days", "10 last".
 */
#ifndef KIST_CORE_KEEP_H
#define KIST_CORE_KEEP_H

#include "error.h"

struct kist_keep {
    int set;                                          /* 0: there is no rule, and everything stays */
    int64_t within;                                   /* seconds; 0: not asked for */
    int last, hourly, daily, weekly, monthly, yearly; /* 0: not asked for */
};

/* Parts are separated by commas: N last|hourly|daily|weekly|monthly|yearly, or N hours|days|weeks|months|years (a month has
 * 31 days here, a year 366: rather a day too many); singular forms too. Nothing twice, no zero; otherwise KIST_ERR_CONFIG. */
int kist_keep_parse(const char *text, struct kist_keep *ret_keep, struct kist_error *err) KIST_CHECKED;
/* In the form that the parser takes. New; NULL without memory. */
char *kist_keep_text(const struct kist_keep *keep);

#endif
