/* turn_good.h - the newest backup of a pipeline that is there to fall back on. */
#ifndef KIST_CORE_TURN_GOOD_H
#define KIST_CORE_TURN_GOOD_H

#include "targets.h"

/* Looks at the newest backups of the catalogs that were read: neither proved bad nor suspect, unless accepted, nor saved by a
 * restore, nor lapsed. `known` ("" none) was good when it was seen last, and is believed to be unless it was proved bad or has
 * lapsed since. `ret_id` ""
 * when none is found. */
int kist_turn_find_good(struct kist_targets *targets, const char *known, char ret_id[KIST_ID_LENGTH + 1],
                        struct kist_error *err) KIST_CHECKED;

#endif
