/* independent.h - whether the data that a provider holds is also copied by somebody else's hand. */
#ifndef KIST_CORE_INDEPENDENT_H
#define KIST_CORE_INDEPENDENT_H

#include "cancel.h"
#include "config.h"

/* 1 when the backups of the pipeline are references, which lie where the database itself does. */
int kist_independent_matters(const struct kist_config_pipeline *pipeline);

/* Asks the sources under which names they know their databases. `ret_copy` is another pipeline that copies the same one, or
 * NULL when there is none. A source that cannot tell is passed over, and is in the log; that of `pipeline` is an error. */
int kist_independent_find(const struct kist_config *config, const struct kist_config_pipeline *pipeline,
                          struct kist_cancel *cancel, const struct kist_config_pipeline **ret_copy,
                          struct kist_error *err) KIST_CHECKED;

#endif
