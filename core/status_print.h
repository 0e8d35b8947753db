/* status_print.h - the status of pipelines for people, for programs, and for monitoring systems. */
#ifndef KIST_CORE_STATUS_PRINT_H
#define KIST_CORE_STATUS_PRINT_H

#include "status.h"
#include "text.h"

/* The head of the table, and a line of it; `width` is that of its first column, `fancy` allows more than ASCII. */
void kist_status_print_head(int width);
void kist_status_print_row(const struct kist_status *status, int width, int fancy, int64_t now);
/* One character for each value, higher with its share of the largest; the newest `limit` of them. */
void kist_spark_add(struct kist_text *text, const int64_t *values, size_t count, size_t limit, int fancy);

/* What programs read. New reference; NULL without memory. */
json_t *kist_status_json(const struct kist_status *status, json_t *problems, int64_t now);

/* What the line for a monitoring system sums up. */
struct kist_status_check {
    size_t pipelines, stale, unknown;
    int64_t oldest;           /* age of the oldest good backup in seconds; -1: there is none */
    struct kist_text worst;   /* those that are stale or unknown, and why */
    struct kist_text failed;  /* those that are neither, but whose last run failed */
    struct kist_text numbers; /* performance data */
};

void kist_status_check_add(struct kist_status_check *check, const struct kist_status *status, int64_t now);
/* 0 without memory. */
int kist_status_check_print(const struct kist_status_check *check);
void kist_status_check_done(struct kist_status_check *check);

#endif
