/* destination_taken.c - an object is never overwritten, whoever tries; and instances do not disturb each other. */
#include "destination_cases.h"

/* A second put of other content is refused, and the first object stays as it was. */
static int stays(struct trial *t, uint64_t first, uint64_t second, int64_t known)
{
    const char *key = trial_key(t, "taken/%llu-%llu", (unsigned long long)first, (unsigned long long)second);
    const struct kist_put put = {.struct_size = sizeof put, .key = key, .size = known, .size_estimate = -1};
    EXPECT(t, trial_put(t, key, 1, first) == 0, "put failed");
    int rc = trial_put_as(t, &put, 2, second);
    EXPECT(t, rc == KIST_ERR_EXISTS, "a second put gave %d, not KIST_ERR_EXISTS", rc);
    EXPECT(t, trial_holds(t, key, 1, first), "the first object was changed");
    return 0;
}

static int no_overwrite(struct trial *t)
{
    return stays(t, 5, 7, -1) || stays(t, 7, 5, 5) || stays(t, 100, 100, -1) ? -1 : 0;
}

static int no_overwrite_empty(struct trial *t)
{
    return stays(t, 0, 7, -1) || stays(t, 7, 0, -1) || stays(t, 0, 0, 0) ? -1 : 0;
}

static int no_overwrite_large(struct trial *t)
{
    return stays(t, 10, BIG_PIECES, -1) || stays(t, BIG_PIECES, BIG_PIECES + 1, -1) ||
                   stays(t, BIG_PIECES, 11, (int64_t)11)
               ? -1
               : 0;
}

static int no_overwrite_same(struct trial *t)
{
    const char *key = trial_key(t, "same");
    EXPECT(t, trial_put(t, key, 1, 1000) == 0, "put failed");
    int rc = trial_put(t, key, 1, 1000);
    EXPECT(t, rc == KIST_ERR_EXISTS, "a put of the same bytes gave %d, not KIST_ERR_EXISTS", rc);
    EXPECT(t, trial_holds(t, key, 1, 1000), "the object was changed");
    return 0;
}

/* Two writers of one key, begun one after the other, before either commits. */
static int race_of(struct trial *t, const char *key, uint64_t size)
{
    struct trial *other = trial_peer(t, 0);
    if (!other)
        return -1;
    int one = trial_put_begin(t, key, -1), two = trial_put_begin(other, key, -1);
    if (one == 0)
        one = trial_write(t, 1, 0, size, 0);
    if (two == 0)
        two = trial_write(other, 2, 0, size + 1, 0);
    if (two == 0)
        two = trial_commit(other, size + 1);
    int two_won = two == 0 && trial_holds(t, key, 2, size + 1);
    if (one == 0)
        one = trial_commit(t, size);
    trial_abort(t);
    trial_abort(other);
    EXPECT(t, two_won, "the writer that committed first gave %d, or its object is not there", two);
    EXPECT(t, one == KIST_ERR_EXISTS, "the writer that committed second gave %d, not KIST_ERR_EXISTS", one);
    EXPECT(t, trial_holds(t, key, 2, size + 1), "the writer that committed second changed the object");
    return 0;
}

static int commit_race(struct trial *t)
{
    return race_of(t, trial_key(t, "race/key"), 3);
}

static int commit_race_large(struct trial *t)
{
    return race_of(t, trial_key(t, "race/key"), BIG_PIECES);
}

#define ROUNDS 5

static int put_same_key(struct trial *t, size_t number, const void *arg)
{
    return trial_put(t, arg, (unsigned)number, 100000 + number);
}

static int put_race(struct trial *t)
{
    for (int round = 0; round < ROUNDS; round++) {
        const char *key = trial_key(t, "race/%d", round);
        int results[TRIAL_PEERS] = {0}, won = 0;
        size_t winner = 0;
        (void)trial_at_once(t, TRIAL_PEERS, put_same_key, key, results);
        if (t->detail)
            return -1;
        for (size_t i = 0; i < TRIAL_PEERS; i++) {
            EXPECT(t, results[i] == 0 || results[i] == KIST_ERR_EXISTS,
                   "of puts of one key at once, one gave %d, not KIST_ERR_EXISTS", results[i]);
            winner = results[i] == 0 ? i : winner;
            won += results[i] == 0;
        }
        EXPECT(t, won == 1, "of %d puts of one key at once, %d succeeded", TRIAL_PEERS, won);
        EXPECT(t, trial_holds(t, key, (unsigned)winner, 100000 + winner), "the object is not that of the winner");
    }
    return 0;
}

static int put_own_key(struct trial *t, size_t number, const void *arg)
{
    (void)arg;
    return trial_put(t, trial_key(t, "own/%zu", number), (unsigned)number, BIG_PIECES + number);
}

static int at_once(struct trial *t)
{
    int rc = trial_at_once(t, 2, put_own_key, NULL, NULL);
    EXPECT(t, rc == 0, "of two instances that write at once one gave %d", rc);
    for (unsigned i = 0; i < 2; i++)
        EXPECT(t, trial_holds(t, trial_key(t, "own/%u", i), i, BIG_PIECES + i),
               "two instances that write at once mix their bytes");
    return 0;
}

static int read_or_write(struct trial *t, size_t number, const void *arg)
{
    if (number == 0)
        return put_own_key(t, 0, NULL);
    for (int i = 0; i < 3; i++) {
        int rc = trial_read(t, arg, 0, 7, BIG_PIECES, 0);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int read_while_writing(struct trial *t)
{
    const char *key = trial_key(t, "read");
    int results[3] = {0};
    EXPECT(t, trial_put(t, key, 7, BIG_PIECES) == 0, "put failed");
    (void)trial_at_once(t, 3, read_or_write, key, results);
    if (t->detail)
        return -1;
    EXPECT(t, results[0] == 0, "writing while others read gave %d", results[0]);
    EXPECT(t, results[1] == 0 && results[2] == 0, "reading while another writes gave %d and %d (%d: other bytes)",
           results[1], results[2], TRIAL_DIFFERS);
    EXPECT(t, trial_holds(t, trial_key(t, "own/0"), 0, BIG_PIECES), "what was written meanwhile is not there");
    return 0;
}

static int seen_by_others(struct trial *t)
{
    const char *key = trial_key(t, "shared");
    struct trial *other = trial_peer(t, 0);
    if (!other)
        return -1;
    EXPECT(t, trial_put(t, key, 1, 6) == 0, "put failed");
    EXPECT(t, trial_holds(other, key, 1, 6), "a second instance does not see the object");
    EXPECT(t, trial_remove(other, key) == 0, "a second instance cannot remove the object");
    EXPECT(t, trial_absent(t, key), "an object that a second instance removed is still seen");
    return 0;
}

const struct destination_case destination_taken_cases[] = {
    {"no-overwrite", "an existing key is refused with KIST_ERR_EXISTS and never overwritten", no_overwrite, KEEPS},
    {"no-overwrite-empty", "an object of no bytes is one, too", no_overwrite_empty, KEEPS},
    {"no-overwrite-large", "an object of many parts neither overwrites nor is overwritten", no_overwrite_large,
     KEEPS},
    {"no-overwrite-same", "an object with the same bytes is refused as any other", no_overwrite_same, KEEPS},
    {"commit-race", "of two writers of a key the one that commits first wins", commit_race, KEEPS | SHARES},
    {"commit-race-large", "the same for objects of many parts", commit_race_large, KEEPS | SHARES},
    {"put-race", "of several threads that put one key exactly one succeeds", put_race, KEEPS | SHARES},
    {"two-at-once", "two instances write at once in two threads", at_once, KEEPS | SHARES},
    {"read-while-writing", "instances read while another writes", read_while_writing, KEEPS | SHARES},
    {"seen-by-others", "what one instance commits or removes, all see", seen_by_others, KEEPS | SHARES},
    {.name = NULL},
};
