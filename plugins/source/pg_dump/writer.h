/* writer.h - one item on its way into the target: what its head tells and what is made of that. */
#ifndef KIST_PG_DUMP_WRITER_H
#define KIST_PG_DUMP_WRITER_H

#include "restore.h"
#include "tar_check.h"

struct pgd_writer {
    struct pgd_restore *restore;
    const struct kist_host *host;
    enum pgd_kind kind;
    int settled; /* the kind is known and `check` is ready */
    int begun;
    struct pgd_stream_check check;
    struct pgd_tar_check tar;
    struct pgd_programs programs;
    struct pgd_toc toc;
    char *head;
    size_t head_size, head_room, checked;
};

/* plan.c */

/* Some of it is to be restored, or all but what a scratch server lacks: its table of contents must be there
 * first. */
int pgd_plan_needs_contents(const struct pgd_writer *writer);
int pgd_plan_chooses(const struct pgd_restore *restore);
/* The head is complete: makes the database if need be, and says what `programs` are to do. */
int pgd_plan(struct pgd_writer *writer, struct kist_error *err) KIST_CHECKED;

#endif
