/*
 * leftovers.h - what runs left that were killed: on the destinations of a pipeline, and with the provider of its source.
 *
 * What a provider holds of a run is named nowhere but in the note of that run until there is a manifest. So the note goes
 * last, and only when it is sure that no backup of the run exists anywhere and that the provider holds nothing of it any more.
 */
#ifndef KIST_CORE_LEFTOVERS_H
#define KIST_CORE_LEFTOVERS_H

#include "provider.h"
#include "targets.h"

/* The first step of all that changes something: checks the destinations, reads their catalogs, and removes what runs of this
 * owner left. Where that cannot be done it is told, and left for the next time; only a destination that is lost fails it. */
int kist_leftovers_sweep(struct kist_targets *targets, struct kist_provider *provider,
                         struct kist_error *err) KIST_CHECKED;

#endif
