/*
 * archive.h - walks through a custom-format archive of pg_dump as it passes and knows where it must end.
 *
 * The layout (pg_backup_archiver.c, pg_backup_custom.c): magic and versions, the archive's head, a table of
 * contents, then one block for each entry that has data: type, entry, and chunks up to one of length 0. Nothing is
 * kept of it.
 */
#ifndef KIST_PG_DUMP_ARCHIVE_H
#define KIST_PG_DUMP_ARCHIVE_H

#include <stddef.h>
#include <stdint.h>

struct pgd_archive {
    uint32_t step;  /* of the walk; see archive.c */
    uint32_t field; /* within the head or an entry */
    uint32_t need;  /* bytes still wanted for the value being read */
    uint32_t got;   /* bytes of it so far */
    uint8_t value[16];
    uint64_t skip;    /* bytes to pass over */
    uint32_t version; /* 0x010e for 1.14 */
    uint32_t int_size, offset_size;
    int64_t entries; /* of the table of contents, still to come */
    int64_t blocks;  /* of data, still to come */
    uint32_t large;  /* the block holds large objects */
};

void pgd_archive_init(struct pgd_archive *archive);
/* NULL, or what is wrong (a constant string). */
const char *pgd_archive_feed(struct pgd_archive *archive, const void *data, size_t size);
const char *pgd_archive_end(const struct pgd_archive *archive);
/* 1 once the whole table of contents has passed; -1 if its version is not known here. */
int pgd_archive_listed(const struct pgd_archive *archive);

#endif
