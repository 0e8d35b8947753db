/* zone_table.h - the changes of a time zone's offset, as the C library knows them. */
#ifndef KIST_CORE_ZONE_TABLE_H
#define KIST_CORE_ZONE_TABLE_H

#include "error.h"

/* The first second that no table speaks of: the year 2101. */
#define KIST_ZONE_END INT64_C(4133980800)

struct kist_zone_change {
    int64_t time;   /* from this second on ... */
    int64_t offset; /* ... this is added to UTC */
};

struct kist_zone_table {
    int64_t first_offset; /* before the first change */
    struct kist_zone_change *changes;
    size_t count;
};

/* The file with the rules of a zone, in $TZDIR or where the system has them. New. */
int kist_zone_file(const char *name, char **ret_path, struct kist_error *err) KIST_CHECKED;
/* Reads it through the C library, whose own time zone is the same afterwards. Not for two threads at once. */
int kist_zone_read(const char *path, struct kist_zone_table *ret_table, struct kist_error *err) KIST_CHECKED;
void kist_zone_table_done(struct kist_zone_table *table);

#endif
