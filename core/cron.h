/* cron.h - the five fields of crontab(5), as sets of numbers. */
#ifndef KIST_CORE_CRON_H
#define KIST_CORE_CRON_H

#include "error.h"

enum kist_cron_field {
    KIST_CRON_MINUTE,
    KIST_CRON_HOUR,
    KIST_CRON_DAY,
    KIST_CRON_MONTH,
    KIST_CRON_WEEKDAY,
    KIST_CRON_FIELDS
};

struct kist_cron {
    uint64_t sets[KIST_CRON_FIELDS]; /* bit N: the number N; Sunday is 0 */
    int stars[KIST_CRON_FIELDS];     /* written as "*", or as "*" with a step */
};

/* Five fields, or a word such as @daily. KIST_ERR_CONFIG with a hint names the field and what it may be. */
int kist_cron_parse(const char *text, struct kist_cron *ret_cron, struct kist_error *err) KIST_CHECKED;

#endif
