/* catalogs.h - the newest backup of many pipelines, with each destination listed once for all of them. */
#ifndef KIST_CORE_CATALOGS_H
#define KIST_CORE_CATALOGS_H

#include "config.h"

struct kist_catalogs_row {
    const struct kist_config_pipeline *pipeline;
    int64_t newest; /* out: when the newest backup on any destination that answered began; -1 none */
    int silent;     /* out: 1 when a destination of it could not be asked; why is in the log */
};

/* Asks all destinations of all rows at once, and waits for none longer than `limit_ms`. */
int kist_catalogs_newest(struct kist_catalogs_row *rows, size_t count, int64_t limit_ms,
                         struct kist_cancel *cancel, struct kist_error *err) KIST_CHECKED;
/* The same from a process of its own, which takes what goes wrong in a plugin with it. The caller has one thread only. */
int kist_catalogs_newest_apart(struct kist_catalogs_row *rows, size_t count, int64_t limit_ms,
                               struct kist_cancel *cancel, struct kist_error *err) KIST_CHECKED;

#endif
