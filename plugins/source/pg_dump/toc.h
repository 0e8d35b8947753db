/* toc.h - the table of contents of a custom-format archive, read from the archive's first bytes. */
#ifndef KIST_PG_DUMP_TOC_H
#define KIST_PG_DUMP_TOC_H

#include <stddef.h>

struct pgd_toc_entry {
    int id;
    char *tag, *kind, *schema; /* "orders", "TABLE DATA", "app" or "" */
    int *needs;                /* ids; some may not be in the archive */
    size_t need_count;
    int chosen;
    int lacking; /* it belongs to what is chosen, but something that it needs is not */
};

struct pgd_toc {
    struct pgd_toc_entry *entries; /* in the archive's order */
    size_t count;
    struct pgd_toc_entry **by_id;
};

/* 0, or -1: `data` does not hold a whole table of contents of a version that is known here, or there is no
 * memory. */
int pgd_toc_read(const void *data, size_t size, struct pgd_toc *ret_toc);
struct pgd_toc_entry *pgd_toc_find(const struct pgd_toc *toc, int id); /* or NULL */
void pgd_toc_done(struct pgd_toc *toc);

#endif
