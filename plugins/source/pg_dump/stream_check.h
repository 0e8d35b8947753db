/*
 * stream_check.h - is a dump whole? Told by the stream itself, as it passes, whatever the exit status says.
 *
 * Plain: the trailer is the last thing in it (and belongs to the \restrict of its head), and there is no NUL.
 * Custom: the archive is walked through, so that a cut anywhere, or a byte too many, is seen. Archives of a
 * version that is not known here are held to the magic alone.
 */
#ifndef KIST_PG_DUMP_STREAM_CHECK_H
#define KIST_PG_DUMP_STREAM_CHECK_H

#include <stddef.h>
#include <stdint.h>

#include "archive.h"

#define PGD_PLAIN_TAIL 512
#define PGD_PLAIN_HEAD 512

struct pgd_stream_check {
    int plain;
    uint64_t bytes;
    struct pgd_archive archive;
    size_t head_size, tail_size;
    char head[PGD_PLAIN_HEAD + 1], tail[PGD_PLAIN_TAIL + 1];
    const char *fault; /* the first thing found wrong, or NULL */
};

void pgd_stream_check_init(struct pgd_stream_check *check, int plain);
/* 0, or -1 once `fault` is set. */
int pgd_stream_check_feed(struct pgd_stream_check *check, const void *data, size_t size);
/* After the last byte: 0 only if the dump is whole. */
int pgd_stream_check_end(struct pgd_stream_check *check);

#endif
