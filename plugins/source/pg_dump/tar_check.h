/* tar_check.h - is a tar archive whole? pg_restore stops reading once it has the last table, so it cannot tell. */
#ifndef KIST_PG_DUMP_TAR_CHECK_H
#define KIST_PG_DUMP_TAR_CHECK_H

#include <stddef.h>
#include <stdint.h>

#define PGD_TAR_BLOCK ((size_t)512)

struct pgd_tar_check {
    uint64_t left;     /* bytes of the member that are still to come, padding included */
    uint64_t zeros;    /* blocks of zeros, which end the archive */
    size_t block_size; /* of the header that is being gathered */
    const char *fault; /* the first thing found wrong, or NULL */
    unsigned char block[PGD_TAR_BLOCK];
};

void pgd_tar_check_init(struct pgd_tar_check *check);
/* 0, or -1 once `fault` is set. */
int pgd_tar_check_feed(struct pgd_tar_check *check, const void *data, size_t size);
/* After the last byte: 0 only if the archive is whole, and nothing but zeros follows its end. */
int pgd_tar_check_end(struct pgd_tar_check *check);

#endif
