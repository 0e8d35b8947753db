/* expired.h - which backups a destination may do without: those that its retention would delete at once. */
#ifndef KIST_CORE_EXPIRED_H
#define KIST_CORE_EXPIRED_H

#include "retention.h"

struct kist_config_pipeline;
struct kist_config_section;

/* `backups` are those of all destinations of the pipeline, oldest first, each once. Sets `ret_expired` of each that goes by the
 * rule of one destination, whatever keeps a prune from deleting it today; all stay 0 where there is no rule. */
int kist_expired_find(const struct kist_config_pipeline *pipeline, const struct kist_config_section *destination,
                      const struct kist_candidate *backups, size_t count, unsigned char *ret_expired,
                      struct kist_error *err) KIST_CHECKED;

#endif
