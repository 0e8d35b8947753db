/* flaky.h - a destination in memory whose calls fail as often as a test wants. */
#ifndef KIST_TEST_FLAKY_H
#define KIST_TEST_FLAKY_H

#include "fakes.h"

enum flaky_call {
    OPEN,
    CHECK,
    SWEEP,
    BEGIN,
    WRITE,
    COMMIT,
    GET,
    READ,
    LIST,
    STAT,
    REMOVE,
    MANY,
    COPY,
    BELOW,
    CALLS
};

/* A plugin over the disk of fakes.h: each call first fails as often as it is told to. */
struct flaky {
    struct fake_disk disk; /* first: the disk's own callbacks see it as theirs */
    int fail[CALLS];       /* how many of the next calls fail */
    int code;              /* and with which code; 0: UNAVAILABLE */
    int lost[CALLS];       /* how many of them fail after the work was done */
    int calls[CALLS];
    int fail_after; /* objects that a listing gives, or bytes that a reader gives, before it fails */
    int descending; /* the listing's order, from the second one on */
    int etags;      /* tell of an etag: a number that grows when `changes` */
    int changes;    /* the object changes when its reader breaks */
    int etag;
    char told[256];  /* of metadata and content type at put_begin */
    size_t offset;   /* of the last get_begin */
    int many;        /* remove_many works, but for keys with "stuck" */
    char asked[256]; /* of copy and sweep_below */
};

/* The plugin with these features; its `config` is the struct. One store of it is open at a time. */
struct kist_plugin flaky_plugin(uint64_t features);

#endif
