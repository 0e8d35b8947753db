/* select.h - which entries of an archive are to be restored. */
#ifndef KIST_PG_DUMP_SELECT_H
#define KIST_PG_DUMP_SELECT_H

#include "pg_dump.h"
#include "toc.h"

struct pgd_selection {
    const char *const *tables, *const *schemas; /* patterns as in the options; NULL: everything */
    int into_live; /* tables of a database that is in use: what they need is there already */
};

/* Marks what is chosen, with all that belongs to it and, unless into_live, all that it needs. A pattern that
 * matches nothing is an error. Says in the log what belongs to it and cannot be restored. */
int pgd_select(const struct kist_host *host, const struct pgd_selection *selection, struct pgd_toc *toc,
               struct kist_error *err) KIST_CHECKED;

/* For a drill: everything, but for `missing` extensions (may be NULL) and what names roles or other servers.
 * Returns how many entries are left out. */
size_t pgd_select_for_drill(const struct kist_host *host, const char *const *missing, struct pgd_toc *toc);

/* 1 if the entry is a table or something else that rows can be read from, or a sequence. */
int pgd_is_relation(const struct pgd_toc_entry *entry);

/* The text of a pg_restore --use-list file. New; NULL without memory. */
char *pgd_select_list(const struct pgd_toc *toc) KIST_CHECKED;

#endif
