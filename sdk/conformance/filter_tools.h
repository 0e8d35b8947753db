/* filter_tools.h - what the cases of filters are written with. */
#ifndef KIST_CONFORMANCE_FILTER_TOOLS_H
#define KIST_CONFORMANCE_FILTER_TOOLS_H

#include "case_tools.h"
#include "filter.h"
#include "test_filter.h"

#define FILTER_WORKERS 4 /* per stream */
#define FILTER_BLOCKS 6  /* the most that filter_trial_fill needs */
#define FILTER_FILLS 14

/* One case at work. Whatever stands here is released by filter_trial_end, so a case may leave at any time. */
struct filter_trial {
    const struct kist_filter_conformance *suite;
    const struct kist_filter *plugin;
    void *self; /* an instance of the case's own */
    size_t block_size;
    struct kist_error err;                     /* of the last call */
    char *detail;                              /* what was wrong, or why the case is skipped */
    struct kist_test_bytes raw, encoded, back; /* what filter_trial_encode and _decode work on */
    struct kist_test_bytes all, part;          /* for the case's own use */
    struct kist_test_stream stream;
    void *workers[FILTER_WORKERS];
    struct kist_test_bytes blocks[FILTER_BLOCKS];
    void *decoder;
};

/* What a case returns besides 0 and -1 when it cannot be tried here; `detail` says why. */
#define FILTER_SKIPPED 1

int filter_trial_begin(struct filter_trial *trial, const struct kist_filter_conformance *suite);
void filter_trial_end(struct filter_trial *trial);

/* Makes the raw bytes number 0 to FILTER_FILLS - 1: text or noise, of sizes around those of blocks. */
void filter_trial_fill(struct filter_trial *trial, size_t number);
/* The raw bytes to `encoded`. */
int filter_trial_encode(struct filter_trial *trial);
/* `encoded` to `back`, in pieces and rooms of these sizes. A result that is not that of `err` is KIST_ERR_BUG. */
int filter_trial_decode(struct filter_trial *trial, const struct kist_test_bytes *encoded, size_t piece,
                        size_t room);
/* One call on the trial's own decoder. */
int filter_trial_step(struct filter_trial *trial, const void *data, size_t size, size_t *ret_taken, void *out,
                      size_t capacity, size_t *ret_given);
int filter_same(const struct kist_test_bytes *a, const struct kist_test_bytes *b);

/* Begins a stream of the raw bytes, with all workers; ends the one before. */
int filter_trial_stream(struct filter_trial *trial);
/* Encodes all its blocks in the first worker to `blocks`, and puts them together in `encoded`. */
int filter_trial_blocks(struct filter_trial *trial);

/* Runs a shell command with `input` on its stdin; the output is in `back`. Returns its exit status. */
int filter_trial_shell(struct filter_trial *trial, const char *command, const struct kist_test_bytes *input);
#define FILTER_SHELL_NOT_FOUND 127

#endif
