/* report_put.h - the report as an object on a destination. */
#ifndef KIST_CORE_REPORT_PUT_H
#define KIST_CORE_REPORT_PUT_H

#include "store.h"

/* What "DESTINATION:KEY" names; `ret_key` points into `to`. KIST_ERR_CONFIG for what is no such thing. */
int kist_report_target(const struct kist_config *config, const char *to,
                       const struct kist_config_section **ret_section, const char **ret_key,
                       struct kist_error *err) KIST_CHECKED;
/* Puts the page under `key`. An older report there is replaced; anything else is KIST_ERR_REFUSED. */
int kist_report_put(const struct kist_config_section *section, const char *key, const char *page,
                    struct kist_cancel *cancel, struct kist_error *err) KIST_CHECKED;

#endif
