/* destination_abort.c - what was not committed is not there. */
#include "destination_cases.h"

/* Begins, writes `size` bytes and gives up; nothing may be left, and the key is free. */
static int gives_up(struct trial *t, uint64_t size)
{
    const char *key = trial_key(t, "aborted/%llu", (unsigned long long)size);
    EXPECT(t, trial_put_begin(t, key, -1) == 0, "put_begin failed");
    EXPECT(t, trial_write(t, 1, 0, size, 0) == 0, "put_write failed");
    trial_abort(t);
    EXPECT(t, trial_absent(t, key), "something is visible after abort behind %llu bytes",
           (unsigned long long)size);
    return 0;
}

static int abort_at_once(struct trial *t)
{
    return gives_up(t, 0);
}

static int abort_byte(struct trial *t)
{
    return gives_up(t, 1);
}

static int abort_parts(struct trial *t)
{
    return gives_up(t, 4 * MIB) || gives_up(t, 5 * MIB + 1) || gives_up(t, 17 * MIB) ? -1 : 0;
}

static int abort_known(struct trial *t)
{
    static const uint64_t sizes[] = {10, BIG_PIECES};
    for (size_t i = 0; i < 2; i++) {
        const char *key = trial_key(t, "known/%zu", i);
        EXPECT(t, trial_put_begin(t, key, (int64_t)sizes[i]) == 0, "put_begin failed");
        EXPECT(t, trial_write(t, 1, 0, sizes[i], 0) == 0, "put_write failed");
        trial_abort(t);
        EXPECT(t, trial_absent(t, key), "all %llu bytes were written and given up, and something is visible",
               (unsigned long long)sizes[i]);
    }
    return 0;
}

static int abort_again(struct trial *t)
{
    const char *key = trial_key(t, "again");
    for (unsigned i = 0; i < 3; i++) {
        EXPECT(t, trial_put_begin(t, key, -1) == 0, "put_begin after abort failed");
        EXPECT(t, trial_write(t, i, 0, 100000 * i, 0) == 0, "put_write after abort failed");
        trial_abort(t);
    }
    EXPECT(t, trial_put(t, key, 9, 200000) == 0, "the key cannot be used after abort");
    EXPECT(t, trial_holds(t, key, 9, 200000), "an object has bytes of one that was given up before");
    return 0;
}

static int abort_others(struct trial *t)
{
    const char *stays = trial_key(t, "folder/stays");
    EXPECT(t, trial_put(t, stays, 1, 1000) == 0, "put failed");
    EXPECT(t, trial_put_begin(t, trial_key(t, "folder/gone"), -1) == 0, "put_begin failed");
    EXPECT(t, trial_write(t, 2, 0, BIG_PIECES, 0) == 0, "put_write failed");
    trial_abort(t);
    EXPECT(t, trial_lists(t, t->suite->prefix, 1),
           "list gives %zu objects after an abort, not the one that was there", t->found.count);
    EXPECT(t, trial_holds(t, stays, 1, 1000), "abort took another object with it");
    return 0;
}

static int invisible(struct trial *t, uint64_t size)
{
    const char *key = trial_key(t, "run/unfinished");
    EXPECT(t, trial_put_begin(t, key, -1) == 0, "put_begin failed");
    EXPECT(t, trial_absent(t, key), "something is visible after put_begin");
    EXPECT(t, trial_write(t, 1, 0, size, 0) == 0, "put_write failed");
    EXPECT(t, trial_absent(t, key), "something is visible before commit, %llu bytes written",
           (unsigned long long)size);
    EXPECT(t, trial_list(t, t->suite->prefix) == 0 && t->found.count == 0,
           "list gives '%s', which nobody has committed", t->found.count ? t->found.items[0].key : "");
    trial_abort(t);
    EXPECT(t, trial_absent(t, key), "something is visible after abort");
    return 0;
}

static int invisible_small(struct trial *t)
{
    return invisible(t, 4);
}

static int invisible_large(struct trial *t)
{
    return invisible(t, 17 * MIB);
}

static int invisible_to_others(struct trial *t)
{
    const char *key = trial_key(t, "unfinished");
    struct trial *other = trial_peer(t, 0);
    if (!other)
        return -1;
    EXPECT(t, trial_put_begin(t, key, -1) == 0, "put_begin failed");
    EXPECT(t, trial_write(t, 1, 0, BIG_PIECES, 0) == 0, "put_write failed");
    EXPECT(t, trial_absent(other, key), "another instance sees what is not committed");
    EXPECT(t, trial_commit(t, BIG_PIECES) == 0, "put_commit failed");
    EXPECT(t, trial_holds(other, key, 1, BIG_PIECES), "another instance does not see what is committed");
    return 0;
}

/* The caller read less, or more, than it handed on. */
static int commits_as(struct trial *t, uint64_t written, uint64_t claim)
{
    const char *key = trial_key(t, "wrong/%llu-%llu", (unsigned long long)written, (unsigned long long)claim);
    EXPECT(t, trial_put_begin(t, key, -1) == 0, "put_begin failed");
    EXPECT(t, trial_write(t, 1, 0, written, 0) == 0, "put_write failed");
    int rc = trial_commit(t, claim);
    EXPECT(t, rc != 0, "%llu bytes were committed as %llu", (unsigned long long)written,
           (unsigned long long)claim);
    EXPECT(t, trial_absent(t, key), "something is visible after a failed commit");
    return 0;
}

static int short_source(struct trial *t)
{
    return commits_as(t, 0, 1) || commits_as(t, 5, 6) || commits_as(t, 5, UINT64_C(1) << 40) ||
                   commits_as(t, BIG_PIECES, BIG_PIECES + 1)
               ? -1
               : 0;
}

static int long_source(struct trial *t)
{
    return commits_as(t, 1, 0) || commits_as(t, 5, 4) || commits_as(t, BIG_PIECES, BIG_PIECES - 1) ||
                   commits_as(t, BIG_PIECES, 8 * MIB)
               ? -1
               : 0;
}

static int after_a_failed_commit(struct trial *t)
{
    const char *key = trial_key(t, "retried");
    EXPECT(t, trial_put_begin(t, key, -1) == 0, "put_begin failed");
    EXPECT(t, trial_write(t, 1, 0, 50, 0) == 0, "put_write failed");
    EXPECT(t, trial_commit(t, 51) != 0, "50 bytes were committed as 51");
    EXPECT(t, trial_put(t, key, 2, 60) == 0, "the key cannot be used after a failed commit");
    EXPECT(t, trial_holds(t, key, 2, 60), "the second try left other bytes");
    return 0;
}

const struct destination_case destination_abort_cases[] = {
    {"abort-at-once", "abort right after put_begin leaves nothing", abort_at_once, 0},
    {"abort-byte", "abort after one byte leaves nothing", abort_byte, 0},
    {"abort-parts", "abort after whole parts leaves nothing", abort_parts, 0},
    {"abort-known-size", "abort leaves nothing, though all bytes were there", abort_known, 0},
    {"abort-again", "after abort the key can be used", abort_again, KEEPS},
    {"abort-others", "abort leaves all other objects alone", abort_others, KEEPS},
    {"invisible-before-commit", "nothing is visible under the key before commit", invisible_small, 0},
    {"invisible-large", "nothing is visible before commit, however much was written", invisible_large, 0},
    {"invisible-to-others", "other instances see an object from its commit on", invisible_to_others,
     KEEPS | SHARES},
    {"short-source", "commit of more bytes than were written fails and leaves nothing", short_source, 0},
    {"long-source", "commit of fewer bytes than were written fails and leaves nothing", long_source, 0},
    {"failed-commit", "after a failed commit the key can be used", after_a_failed_commit, KEEPS},
    {.name = NULL},
};
