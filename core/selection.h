/* selection.h - which items of a backup are meant: those whose names fit one of some patterns, or all. */
#ifndef KIST_CORE_SELECTION_H
#define KIST_CORE_SELECTION_H

#include "manifest.h"

struct kist_selection {
    const struct kist_manifest_item **items; /* borrowed from the manifest, in its order */
    size_t count;
    uint64_t raw_size; /* of them all */
};

/* Patterns as in kist/glob.h; without any, every item is meant. One that fits no name is KIST_ERR_CONFIG: it is
 * misspelt, or what is looked for is in another backup. */
int kist_selection_make(const struct kist_manifest *manifest, const char *const *patterns, size_t pattern_count,
                        struct kist_selection *ret_selection, struct kist_error *err) KIST_CHECKED;
/* 1 when `item`, which is one of the manifest's, was meant. */
int kist_selection_has(const struct kist_selection *selection, const struct kist_manifest_item *item);
void kist_selection_done(struct kist_selection *selection);

#endif
