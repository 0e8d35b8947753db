/*
 * unwrap.h - takes the BEGIN and COMMIT out that pg_dump puts around the large objects of a plain dump, so that
 * the dump fits into one transaction. Each becomes a comment of the same length.
 *
 * They are known by the comment that stands above them. Rows of a table that look like it are passed over; a
 * function whose source does is not told apart, and only loses a line that no function can use.
 */
#ifndef KIST_PG_DUMP_UNWRAP_H
#define KIST_PG_DUMP_UNWRAP_H

#include <stddef.h>

struct kist_error;

#define PGD_UNWRAP_LINE 160

struct pgd_unwrap {
    char line[PGD_UNWRAP_LINE]; /* how the line that is passing begins */
    size_t length;              /* of that line so far */
    size_t held;                /* so many bytes of it have not been put out yet */
    int in_rows, in_objects, heading;
};

typedef int (*pgd_unwrap_put)(void *arg, const void *data, size_t size, struct kist_error *err);

/* What `put` answers ends it. */
int pgd_unwrap_feed(struct pgd_unwrap *unwrap, const void *data, size_t size, pgd_unwrap_put put, void *arg,
                    struct kist_error *err);
/* After the last byte. */
int pgd_unwrap_end(struct pgd_unwrap *unwrap, pgd_unwrap_put put, void *arg, struct kist_error *err);

#endif
