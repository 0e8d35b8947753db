/* report_data.h - what the report says of one pipeline: its runs, and which of its backups stay and why. */
#ifndef KIST_CORE_REPORT_DATA_H
#define KIST_CORE_REPORT_DATA_H

#include "retention.h"
#include "status.h"

/* In the order of their gravity. */
enum kist_report_kind { KIST_REPORT_GOOD, KIST_REPORT_DEGRADED, KIST_REPORT_MISSED, KIST_REPORT_FAILED };
#define KIST_REPORT_KINDS 4

/* A run, or a slot of the schedule at which there was none. */
struct kist_report_point {
    int64_t time;
    enum kist_report_kind kind;
    int64_t raw, stored, duration_ms; /* -1: not known */
    size_t runs;                      /* that it stands for: more than 1 where there are too many to show */
    char id[KIST_ID_LENGTH + 1];      /* of its backup, or "" */
    char *cause;                      /* or NULL */
};

/* What retention thinks of one destination, or of several that hold the same. */
struct kist_report_place {
    char *names; /* "disk, s3" */
    const struct kist_config_section *section;
    const struct kist_listing_row **rows; /* oldest first */
    struct kist_candidate *kept;
    size_t count;
    struct kist_plan plan;
};

struct kist_report_data {
    const struct kist_status *status;
    int64_t now;
    struct kist_report_point *points; /* oldest first */
    size_t point_count, point_room;
    size_t run_count; /* before they were made fewer */
    json_t *history;  /* of this host: everything about this pipeline */
    size_t damaged;   /* lines of it that cannot be read */
    struct kist_report_place *places;
    size_t place_count;
};

/* `most`: of the points that are wanted. */
int kist_report_gather(const struct kist_status *status, const char *state_dir, int64_t now, size_t most,
                       struct kist_report_data *ret_data, struct kist_error *err) KIST_CHECKED;
void kist_report_data_done(struct kist_report_data *data);

/* Parts of it, in files of their own. */
int kist_report_gather_runs(struct kist_report_data *data, size_t most, struct kist_error *err) KIST_CHECKED;
int kist_report_gather_places(struct kist_report_data *data, struct kist_error *err) KIST_CHECKED;

/* The text of a history entry's field, or NULL; its number, or -1; its time: `started`, else `time`, else -1. */
const char *kist_report_text_of(json_t *entry, const char *name);
int64_t kist_report_number_of(json_t *entry, const char *name);
int64_t kist_report_time_of(json_t *entry);

#endif
