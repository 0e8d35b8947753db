/*
 * counts.h - what a source counted: kept in the manifest, and compared with what a restore holds.
 *
 * In a manifest each is an object of "counts": {"kind": "table", "name": "public.orders", "number": 1005}, with "hash",
 * "note" and "compare" ("at least", "present", "no") where they differ from the rule.
 */
#ifndef KIST_CORE_COUNTS_H
#define KIST_CORE_COUNTS_H

#include "error.h"

#include <jansson.h>
#include <kist/source.h>

struct kist_counts {
    struct kist_count *items; /* their strings belong to the list */
    size_t count, capacity;
    int failed; /* there was no memory, or the source told nonsense: */
    char *odd;  /* what is odd, for a person; else NULL */
};

/* A kist_count_fn; `arg` is a struct kist_counts. KIST_ERR_BUG for nonsense, KIST_ERR_FAILED without memory. */
int kist_counts_add(void *arg, const struct kist_count *count);
void kist_counts_done(struct kist_counts *counts);
/* After the last one was added: the error when that failed, or one is there twice. */
int kist_counts_check(const struct kist_counts *counts, struct kist_error *err) KIST_CHECKED;
/* Rows of all tables that were counted; -1 when none was. */
int64_t kist_counts_rows(const struct kist_counts *counts);

/* NULL without memory, or when a text is no UTF-8. */
json_t *kist_counts_json(const struct kist_counts *counts);
/* Anything odd is KIST_ERR_CORRUPT. */
int kist_counts_parse(json_t *json, struct kist_counts *ret_counts, struct kist_error *err) KIST_CHECKED;

/* What a comparison came to. The texts are for a person: "table public.orders: 1,005 rows were saved, 1,004 are here". */
struct kist_comparison {
    size_t compared;    /* that could be */
    size_t tables;      /* among them */
    int64_t rows;       /* in these tables */
    char **differences; /* ends with NULL, or is NULL */
    size_t difference_count;
    char **skipped; /* what this place could not hold, and why */
    size_t skipped_count;
    char **uncounted; /* what was not counted when it was saved, and why: nothing that this place could help */
    size_t uncounted_count;
};

int kist_counts_compare(const struct kist_counts *saved, const struct kist_counts *found,
                        struct kist_comparison *ret_comparison, struct kist_error *err) KIST_CHECKED;
/* {"compared", "tables", "rows", "skipped": [...], "differences": [...]}. New reference; NULL without memory. */
json_t *kist_comparison_json(const struct kist_comparison *comparison);
void kist_comparison_done(struct kist_comparison *comparison);
/* KIST_ERR_CORRUPT naming the first differences, or 0. */
int kist_comparison_result(const struct kist_comparison *comparison, struct kist_error *err) KIST_CHECKED;

#endif
