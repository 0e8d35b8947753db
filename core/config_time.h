/* config_time.h - the keys of a configuration that are about when: schedule, retention, and the events that are told. */
#ifndef KIST_CORE_CONFIG_TIME_H
#define KIST_CORE_CONFIG_TIME_H

#include "config_keys.h"

/* What is wrong is reported in the scope. */
void kist_config_wire_time(const struct kist_bind_scope *scope, const struct kist_pipeline_keys *keys,
                           struct kist_config_pipeline *shown);
/* `keep` of a destination; NULL or "": not set. */
void kist_config_wire_keep(const struct kist_bind_scope *scope, const char *text, struct kist_keep *ret_keep);
/* `on` of a notifier, as a set of 1u << KIST_EVENT_*. */
uint32_t kist_config_events(const struct kist_bind_scope *scope, const kist_list *words);
/* "50%": 1 to 100. */
void kist_config_percent(const struct kist_bind_scope *scope, const char *key, const char *text, int *ret_percent);

#endif
