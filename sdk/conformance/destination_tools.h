/*
 * destination_tools.h - what the cases of destinations are written with.
 *
 * The content of an object is noise that `seed` and `size` determine, made and compared on the way: no case keeps an
 * object in memory. What a trial has open (a writer, a reader, further instances) is ended by trial_end, so a case
 * may leave at any time. A failure that the plugin calls retryable is tried three times.
 */
#ifndef KIST_CONFORMANCE_DESTINATION_TOOLS_H
#define KIST_CONFORMANCE_DESTINATION_TOOLS_H

#include "case_tools.h"
#include "destination.h"

#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)
#define BIG_PIECES (9 * MIB + 7) /* more than one part of most stores, and no multiple of anything */
#define WRITE_MOST ((size_t)4 << 20)
#define TRIAL_PEERS 4

/* What a case returns besides 0 and -1 when it cannot be tried here; `detail` says why. */
#define TRIAL_SKIPPED 1
/* What trial_read returns besides 0 and KIST_ERR_*. */
#define TRIAL_DIFFERS 1
/* What a listing that was told to stop returns. */
#define TRIAL_STOP 77

/* An object as the store described it; all strings are new or NULL. */
struct facts {
    char *key, *etag, *content_type, *checksum;
    char **metadata; /* name, value, ..., NULL */
    int64_t size, modified_ms;
};

/* What a listing gave, sorted by key. */
struct found {
    struct facts *items;
    size_t count, capacity;
    size_t doubles;
    size_t stop_at; /* answer TRIAL_STOP to the object of this number, counted from 1; 0: never */
};

struct trial {
    const struct kist_conformance *suite;
    const struct kist_destination *plugin;
    void *self;            /* an instance of the trial's own */
    struct kist_error err; /* of the last call */
    char *detail;          /* what was wrong, or why the case is skipped */
    void *writer, *reader;
    struct found found;
    struct facts facts; /* of the last trial_stat or trial_about */
    struct trial *peers[TRIAL_PEERS];
    unsigned char *buffer, *expected; /* WRITE_MOST bytes each */
    char **kept;                      /* keys made by trial_key */
    size_t kept_count;
};

int trial_begin(struct trial *trial, const struct kist_conformance *suite);
/* Removes what the case left, closes the instance. Returns 0, or -1 with `detail` when something stays visible. */
int trial_end(struct trial *trial);
/* Leaves the case because it cannot be tried here. */
int trial_skip(struct trial *trial, const char *why);
/* A trial with a further instance, number 0 to TRIAL_PEERS - 1; NULL when it cannot be opened. */
struct trial *trial_peer(struct trial *trial, size_t number);
/* Ends what is open and closes the instance; the trial can be opened again. */
void trial_close(struct trial *trial);
int trial_open(struct trial *trial);
/* 1 when other instances see the store. */
int trial_shares(const struct trial *trial);
/* Calls run(trial, 0 to count - 1, arg), by several threads with an instance each where the store is shared. Returns 0 or
 * the first failure, whose error is then in `trial`. */
typedef int (*trial_run)(struct trial *trial, size_t number, const void *arg);
int trial_each(struct trial *trial, size_t count, trial_run run, const void *arg);
/* The same with exactly one thread and instance for each number; all results are given. Only for shared stores. */
int trial_at_once(struct trial *trial, size_t count, trial_run run, const void *arg, int *ret_results);

/* The suite's prefix with a formatted name behind it; lives as long as the trial. */
const char *trial_key(struct trial *trial, const char *format, ...) KIST_PRINTF(2, 3);
/* Of the largest object that the suite makes. */
uint64_t trial_big(const struct trial *trial);
int64_t trial_now_ms(void); /* of a clock that only moves forward */

/* One try each, on the trial's one writer. `size`: -1 when it is not known. */
int trial_put_begin(struct trial *trial, const char *key, int64_t size);
/* Bytes `from` to `to`, in small and large pieces, or in pieces of `piece` bytes. */
int trial_write(struct trial *trial, unsigned seed, uint64_t from, uint64_t to, size_t piece);
int trial_commit(struct trial *trial, uint64_t size);
void trial_abort(struct trial *trial);
/* A whole object. A failure leaves no writer. */
int trial_put(struct trial *trial, const char *key, unsigned seed, uint64_t size);
int trial_put_as(struct trial *trial, const struct kist_put *put, unsigned seed, uint64_t size);

int trial_get_begin(struct trial *trial, const char *key, uint64_t offset);
/* Up to `capacity` bytes to `buffer`. */
int trial_get_read(struct trial *trial, size_t capacity, size_t *ret_size);
void trial_get_end(struct trial *trial);
/* Reads from `offset` to the end, in small and large pieces or with room for `capacity` bytes, and compares with the
 * noise of an object of `size` bytes. */
int trial_read(struct trial *trial, const char *key, uint64_t offset, unsigned seed, uint64_t size,
               size_t capacity);
/* Is the object there, with this size and content? */
int trial_holds(struct trial *trial, const char *key, unsigned seed, uint64_t size);

/* Fills `facts`. Returns 0 or a KIST_ERR_*; an answer for another key, or none, is KIST_ERR_BUG. */
int trial_stat(struct trial *trial, const char *key);
/* The same by get_about of the open reader; KIST_ERR_UNSUPPORTED where there is none. */
int trial_about(struct trial *trial, const char *key);
/* Is nothing visible under the key: for stat, get and list? */
int trial_absent(struct trial *trial, const char *key);
int trial_remove(struct trial *trial, const char *key);
/* Fills `found`. A key that does not begin with the prefix is KIST_ERR_BUG. */
int trial_list(struct trial *trial, const char *prefix);
/* The one of `found` with this key, or NULL. */
const struct facts *trial_found(const struct trial *trial, const char *key);
/* 1 when a list of `prefix` gives exactly `count` objects, none twice. */
int trial_lists(struct trial *trial, const char *prefix, size_t count);

void facts_done(struct facts *facts);
void facts_copy(struct facts *to, const struct kist_object *object);

/* noise.c */
void noise_fill(unsigned char *data, size_t size, unsigned seed, uint64_t offset);
/* "sha256:HEX" or "md5:HEX", whichever `like` is; new. NULL for others. */
char *noise_checksum(const char *like, unsigned seed, uint64_t size);

#endif
