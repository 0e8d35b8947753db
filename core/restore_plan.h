/* restore_plan.h - what a restore is going to do, in words, before it does it. */
#ifndef KIST_CORE_RESTORE_PLAN_H
#define KIST_CORE_RESTORE_PLAN_H

#include "restore.h"
#include "restore_swap.h"
#include "text.h"

enum kist_restore_mode {
    KIST_MODE_INTO,     /* a target that is empty, or whose source says what becomes of what it holds */
    KIST_MODE_BESIDE,   /* beside a target that holds something */
    KIST_MODE_IN_PLACE, /* in the place of what the target holds */
    KIST_MODE_FILES
};

struct kist_restore_plan {
    const char *what; /* "p/2026-11-21T02-00-00Z" */
    const struct kist_manifest *manifest;
    const struct kist_restore_options *options;
    const struct kist_restore_place *place;
    const char *target;                  /* as it was typed */
    const struct kist_swap_report *swap; /* what --swap would do; or NULL */
    int safety;                          /* a safety backup is going to be made */
    const char *bad;                     /* when the backup was found bad; or NULL */
    int64_t estimate_ms;                 /* -1: unknown */
    const char *estimate_from;
};

enum kist_restore_mode kist_restore_mode_of(const struct kist_restore_options *options,
                                            const struct kist_restore_place *place);
/* "branch 'main'"; just "'shop'" where the source does not say what kind of thing its targets are: NAME is one of the place's
 * names. Into `text`. */
void kist_restore_add_name(const struct kist_restore_place *place, const char *name, struct kist_text *text);
const char *kist_restore_mode_name(enum kist_restore_mode mode);

/* Lines for a person who is to decide. */
void kist_restore_plan_print(const struct kist_restore_plan *plan, struct kist_text *text);
/* The same in one line, for the log. */
void kist_restore_plan_line(const struct kist_restore_plan *plan, struct kist_text *text);

#endif
