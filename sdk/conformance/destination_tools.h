/* destination_tools.h - what the cases of destination.c are written with. */
#ifndef KIST_CONFORMANCE_DESTINATION_TOOLS_H
#define KIST_CONFORMANCE_DESTINATION_TOOLS_H

#include "case_tools.h"
#include "destination.h"

/* One case at work. */
struct trial {
    const struct kist_conformance *suite;
    const struct kist_destination *plugin;
    void *self;            /* an instance of the case's own */
    struct kist_error err; /* of the last call */
    char *detail;          /* what was wrong */
    char **kept;           /* keys made by trial_key */
    size_t kept_count;
};

/* What a listing gave. */
struct found {
    char **keys;
    size_t count, capacity;
    size_t stop_at; /* answer 77 to the object of this number, counted from 1; 0: never */
};

int trial_begin(struct trial *trial, const struct kist_conformance *suite);
/* Removes what the case left, closes the instance. Returns 0, or -1 with `detail` when something stays visible. */
int trial_end(struct trial *trial);
/* The suite's prefix with a formatted name behind it; lives as long as the trial. */
const char *trial_key(struct trial *trial, const char *format, ...) KIST_PRINTF(2, 3);

int trial_put_begin(struct trial *trial, void *self, const char *key, void **ret_writer);
int trial_write(struct trial *trial, void *writer, const void *data, size_t size);
int trial_commit(struct trial *trial, void *writer, uint64_t size);
int trial_put(struct trial *trial, void *self, const char *key, const void *data, size_t size);
/* Reads from `offset` to the end in small and large pieces. `ret_data` is new. */
int trial_get(struct trial *trial, void *self, const char *key, uint64_t offset, char **ret_data,
              size_t *ret_size);
/* Is the object there, with this content? */
int trial_holds(struct trial *trial, void *self, const char *key, const void *data, size_t size);
/* The size that stat tells, or a KIST_ERR_*; `ret_etag` (may be NULL) is new or NULL. */
int64_t trial_stat(struct trial *trial, void *self, const char *key, char **ret_etag);
/* Is nothing visible under the key: for stat, get and list? */
int trial_absent(struct trial *trial, void *self, const char *key);
int trial_remove(struct trial *trial, void *self, const char *key);

int trial_list(struct trial *trial, void *self, const char *prefix, struct found *found);
int found_has(const struct found *found, const char *key);
int found_has_doubles(struct found *found);
void found_done(struct found *found);

/* `size` bytes that do not repeat soon (new). */
char *trial_bytes(size_t size, unsigned seed);

#endif
