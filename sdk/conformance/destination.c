/* destination.c - the cases. Each is one clause of kist/destination.h and begins with an empty store and a new
 * instance. */
#include "destination.h"

#include "destination_tools.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int round_trip(struct trial *t)
{
    const size_t size = ((size_t)9 << 20) + 7;
    const char *key = trial_key(t, "round-trip");
    char *data = trial_bytes(size, 1);
    int rc = trial_put(t, t->self, key, data, size);
    int same = rc == 0 && trial_holds(t, t->self, key, data, size);
    free(data);
    EXPECT(t, rc == 0, "put failed with %d", rc);
    EXPECT(t, same, "what was read is not what was written");
    return 0;
}

static int empty_object(struct trial *t)
{
    const char *key = trial_key(t, "empty");
    EXPECT(t, trial_put(t, t->self, key, "", 0) == 0, "an object of no bytes was refused");
    EXPECT(t, trial_holds(t, t->self, key, "", 0), "an object of no bytes did not come back");
    return 0;
}

static int odd_names(struct trial *t)
{
    static const char *const names[] = {
        "with space", " leading and trailing ", "quote'double\"back`", "back\\slash", "new\nline",
        "tab\tescape\033[31m", "percent%20%2F%s", "plus+and&amp;<x>?query#hash", "\xc3\xa9t\xc3\xa9",
        "\xe6\x97\xa5\xe6\x9c\xac", "\xf0\x9f\x93\xa6", "-dash", ".hidden", "...", "a..b", "~", "$HOME", "*",
        "[a]", "x:y;z,w", "UPPER", "upper"};
    struct found found = {0};
    const size_t count = sizeof names / sizeof *names;
    for (size_t i = 0; i < count; i++)
        EXPECT(t, trial_put(t, t->self, trial_key(t, "n/%s", names[i]), names[i], strlen(names[i])) == 0,
               "name '%s' was refused", names[i]);
    for (size_t i = 0; i < count; i++)
        EXPECT(t, trial_holds(t, t->self, trial_key(t, "n/%s", names[i]), names[i], strlen(names[i])),
               "object '%s' did not come back", names[i]);
    int rc = trial_list(t, t->self, trial_key(t, "n/"), &found);
    size_t hits = 0;
    for (size_t i = 0; i < count; i++)
        hits += found_has(&found, trial_key(t, "n/%s", names[i])) ? 1 : 0;
    size_t listed = found.count;
    found_done(&found);
    EXPECT(t, rc == 0 && hits == count && listed == count, "list gave %zu objects, %zu of the %zu right", listed,
           hits, count);
    return 0;
}

static int deep_key(struct trial *t)
{
    char path[400] = "";
    for (size_t i = 0; i < 60; i++)
        memcpy(path + 6 * i, "depth/", 7);
    const char *key = trial_key(t, "%send", path);
    struct found found = {0};
    EXPECT(t, trial_put(t, t->self, key, "deep", 4) == 0, "a key of 61 parts was refused");
    EXPECT(t, trial_holds(t, t->self, key, "deep", 4), "a key of 61 parts did not come back");
    int rc = trial_list(t, t->self, trial_key(t, "depth/"), &found);
    int only = found.count == 1 && found_has(&found, key);
    found_done(&found);
    EXPECT(t, rc == 0 && only, "a key of 61 parts was not listed");
    return 0;
}

static int invisible_before_commit(struct trial *t)
{
    const char *key = trial_key(t, "run/unfinished");
    void *writer = NULL;
    EXPECT(t, trial_put_begin(t, t->self, key, &writer) == 0, "put_begin failed");
    int rc = trial_write(t, writer, "half", 4);
    int absent = trial_absent(t, t->self, key);
    t->plugin->put_abort(writer);
    EXPECT(t, rc == 0, "put_write failed with %d", rc);
    EXPECT(t, absent, "something was visible before commit");
    EXPECT(t, trial_absent(t, t->self, key), "something was visible after abort");
    return 0;
}

static int abort_at_once(struct trial *t)
{
    const char *key = trial_key(t, "aborted");
    void *writer = NULL;
    EXPECT(t, trial_put_begin(t, t->self, key, &writer) == 0, "put_begin failed");
    t->plugin->put_abort(writer);
    EXPECT(t, trial_absent(t, t->self, key), "something was visible after abort");
    EXPECT(t, trial_put(t, t->self, key, "again", 5) == 0, "the key could not be used after abort");
    return 0;
}

static int wrong_size(struct trial *t)
{
    static const uint64_t claims[] = {0, 4, 6, UINT64_C(1) << 40};
    for (size_t i = 0; i < sizeof claims / sizeof *claims; i++) {
        const char *key = trial_key(t, "wrong-size-%zu", i);
        void *writer = NULL;
        EXPECT(t, trial_put_begin(t, t->self, key, &writer) == 0, "put_begin failed");
        int written = trial_write(t, writer, "12345", 5);
        int rc = trial_commit(t, writer, claims[i]);
        EXPECT(t, written == 0 && rc != 0, "5 bytes were committed as %llu", (unsigned long long)claims[i]);
        EXPECT(t, trial_absent(t, t->self, key), "something was visible after a failed commit");
    }
    return 0;
}

static int no_overwrite(struct trial *t)
{
    const char *key = trial_key(t, "taken");
    EXPECT(t, trial_put(t, t->self, key, "first", 5) == 0, "put failed");
    int rc = trial_put(t, t->self, key, "second!", 7);
    EXPECT(t, rc == KIST_ERR_EXISTS, "a second put gave %d, not KIST_ERR_EXISTS", rc);
    EXPECT(t, trial_holds(t, t->self, key, "first", 5), "the first object was changed");
    return 0;
}

static int two_writers(struct trial *t)
{
    const char *key = trial_key(t, "race/key");
    void *other = NULL, *one_writer = NULL, *other_writer = NULL;
    EXPECT(t, t->plugin->open(t->suite->host, t->suite->config, &other, &t->err) == 0, "no second instance");
    int one = trial_put_begin(t, t->self, key, &one_writer);
    int two = trial_put_begin(t, other, key, &other_writer);
    if (one == 0 && two == 0) {
        one = trial_write(t, one_writer, "one", 3);
        two = trial_write(t, other_writer, "two", 3);
        two = trial_commit(t, other_writer, 3);
        one = trial_commit(t, one_writer, 3);
    } else if (one == 0) {
        t->plugin->put_abort(one_writer);
    } else if (two == 0) {
        t->plugin->put_abort(other_writer);
    }
    int two_won = two == 0 && trial_holds(t, t->self, key, "two", 3);
    t->plugin->close(other);
    EXPECT(t, two_won, "the writer that committed first gave %d, or its object is not there", two);
    EXPECT(t, one == KIST_ERR_EXISTS, "the writer that committed second gave %d, not KIST_ERR_EXISTS", one);
    return 0;
}

static int seen_by_others(struct trial *t)
{
    const char *key = trial_key(t, "shared");
    void *other = NULL;
    EXPECT(t, trial_put(t, t->self, key, "shared", 6) == 0, "put failed");
    EXPECT(t, t->plugin->open(t->suite->host, t->suite->config, &other, &t->err) == 0, "no second instance");
    int seen = trial_holds(t, other, key, "shared", 6);
    int removed = trial_remove(t, other, key);
    t->plugin->close(other);
    EXPECT(t, seen, "a second instance does not see the object");
    EXPECT(t, removed == 0 && trial_absent(t, t->self, key),
           "an object that a second instance removed is still seen");
    return 0;
}

static int missing(struct trial *t)
{
    const char *const keys[] = {trial_key(t, "missing"), trial_key(t, "no/such/folder"),
                                trial_key(t, "file/below")};
    EXPECT(t, trial_put(t, t->self, trial_key(t, "file"), "x", 1) == 0, "put failed");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        EXPECT(t, trial_absent(t, t->self, keys[i]), "'%s' does not give KIST_ERR_NOT_FOUND", keys[i]);
        EXPECT(t, trial_remove(t, t->self, keys[i]) == 0, "removing '%s', which is missing, failed", keys[i]);
    }
    EXPECT(t, trial_holds(t, t->self, trial_key(t, "file"), "x", 1), "removing a missing key touched another");
    return 0;
}

static int offsets(struct trial *t)
{
    const char *key = trial_key(t, "offset");
    char *data = NULL;
    size_t size = 9;
    EXPECT(t, trial_put(t, t->self, key, "0123456789", 10) == 0, "put failed");
    EXPECT(t, trial_get(t, t->self, key, 4, &data, &size) == 0, "reading from the middle failed");
    int same = size == 6 && memcmp(data, "456789", 6) == 0;
    free(data);
    EXPECT(t, same, "reading from the middle gave other bytes");
    EXPECT(t, trial_get(t, t->self, key, 10, &data, &size) == 0, "reading from the end failed");
    free(data);
    EXPECT(t, size == 0, "reading from the end gave bytes");
    int rc = trial_get(t, t->self, key, 11, &data, &size);
    free(rc == 0 ? data : NULL);
    EXPECT(t, rc == KIST_ERR_CORRUPT, "reading from behind the end gave %d, not KIST_ERR_CORRUPT", rc);
    return 0;
}

static int list_counts(struct trial *t)
{
    static const size_t counts[] = {0, 1, 1000, 1001};
    size_t made = 0;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        for (; made < counts[i]; made++)
            EXPECT(t, trial_put(t, t->self, trial_key(t, "many/%04zu", made), "1", 1) == 0, "put %zu failed",
                   made);
        struct found found = {0};
        int rc = trial_list(t, t->self, trial_key(t, "many/"), &found);
        size_t listed = found.count;
        int doubles = found_has_doubles(&found);
        found_done(&found);
        EXPECT(t, rc == 0 && listed == counts[i] && !doubles, "list gave %zu%s of %zu objects (result %d)", listed,
               doubles ? ", some twice," : "", counts[i], rc);
    }
    return 0;
}

static int list_siblings(struct trial *t)
{
    static const char *const names[] = {"s/a/x", "s/a/b/y", "s/ab/x", "s/a.txt", "s/b", "sa"};
    struct found found = {0};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        EXPECT(t, trial_put(t, t->self, trial_key(t, "%s", names[i]), "1", 1) == 0, "put '%s' failed", names[i]);
    int rc = trial_list(t, t->self, trial_key(t, "s/a/"), &found);
    int right =
        found.count == 2 && found_has(&found, trial_key(t, "s/a/x")) && found_has(&found, trial_key(t, "s/a/b/y"));
    found_done(&found);
    EXPECT(t, rc == 0 && right, "the folder 's/a/' was listed with other keys than 's/a/x' and 's/a/b/y'");
    rc = trial_list(t, t->self, trial_key(t, "s/none/"), &found);
    size_t listed = found.count;
    found_done(&found);
    EXPECT(t, rc == 0 && listed == 0, "a folder without objects gave %zu (result %d)", listed, rc);
    return 0;
}

static int list_stops(struct trial *t)
{
    struct found found = {.stop_at = 2};
    for (int i = 0; i < 5; i++)
        EXPECT(t, trial_put(t, t->self, trial_key(t, "stop/%d", i), "1", 1) == 0, "put failed");
    int rc = trial_list(t, t->self, trial_key(t, "stop/"), &found);
    size_t listed = found.count;
    found_done(&found);
    EXPECT(t, rc == 77, "the receiver's result 77 became %d", rc);
    EXPECT(t, listed == 2, "the receiver got %zu more objects after it had ended the listing", listed - 2);
    return 0;
}

static int removes(struct trial *t)
{
    const char *gone = trial_key(t, "r/gone"), *stays = trial_key(t, "r/stays");
    EXPECT(t, trial_put(t, t->self, gone, "1", 1) == 0 && trial_put(t, t->self, stays, "2", 1) == 0, "put failed");
    EXPECT(t, trial_remove(t, t->self, gone) == 0, "remove failed");
    EXPECT(t, trial_absent(t, t->self, gone), "a removed object is still visible");
    EXPECT(t, trial_holds(t, t->self, stays, "2", 1), "another object went with it");
    EXPECT(t, trial_remove(t, t->self, gone) == 0, "removing twice failed");
    EXPECT(t, trial_put(t, t->self, gone, "new", 3) == 0, "the key could not be used again");
    return 0;
}

static int etags(struct trial *t)
{
    const char *key = trial_key(t, "etag");
    char *tags[3] = {NULL, NULL, NULL};
    EXPECT(t, trial_put(t, t->self, key, "aaaa", 4) == 0, "put failed");
    int rc = trial_stat(t, t->self, key, &tags[0]) == 4 && trial_stat(t, t->self, key, &tags[1]) == 4;
    /* A store that tells versions by its clock needs a tick of it. */
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    rc = rc && trial_remove(t, t->self, key) == 0 && trial_put(t, t->self, key, "bbbb", 4) == 0;
    rc = rc && trial_stat(t, t->self, key, &tags[2]) == 4;
    int has = tags[0] && tags[1] && tags[2];
    int steady = has && strcmp(tags[0], tags[1]) == 0;
    int changed = has && strcmp(tags[0], tags[2]) != 0;
    for (size_t i = 0; i < 3; i++)
        free(tags[i]);
    EXPECT(t, rc, "stat, put or remove failed");
    EXPECT(t, !has || steady, "the etag changed although the object did not");
    EXPECT(t, !has || changed, "the etag stayed although the object changed");
    return 0;
}

/* The core never passes such keys on; a plugin that gets one refuses it or takes it literally, but maps it to
 * nothing else. */
static int bad_keys(struct trial *t)
{
    const char *p = t->suite->prefix;
    static const char *const tails[] = {"",    "/a",  "a/",    "a//b",   ".",    "..",
                                        "./a", "a/.", "a/./b", "a/../b", "a/..", "../a"};
    EXPECT(t, trial_put(t, t->self, trial_key(t, "b"), "b", 1) == 0, "put failed");
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        const char *key = trial_key(t, "%s", tails[i]);
        if (trial_put(t, t->self, key, "bad", 3) != 0)
            continue;
        EXPECT(t, trial_holds(t, t->self, key, "bad", 3), "'%s' was accepted, but is not there", key);
        EXPECT(t, trial_remove(t, t->self, key) == 0, "'%s' was accepted, but cannot be removed", key);
    }
    struct found found = {0};
    int rc = trial_list(t, t->self, p, &found);
    int only = found.count == 1 && found_has(&found, trial_key(t, "b"));
    found_done(&found);
    EXPECT(t, rc == 0 && only, "keys that are none became other objects");
    EXPECT(t, trial_holds(t, t->self, trial_key(t, "b"), "b", 1), "a key that is none changed another object");
    return 0;
}

static int cancelled(struct trial *t)
{
    const char *key = trial_key(t, "cancelled"), *old = trial_key(t, "old");
    void *writer = NULL;
    EXPECT(t, trial_put(t, t->self, old, "old", 3) == 0, "put failed");
    EXPECT(t, trial_put_begin(t, t->self, key, &writer) == 0, "put_begin failed");
    t->suite->cancel(t->suite->arg, 1);
    int rc = trial_write(t, writer, "data", 4);
    t->plugin->put_abort(writer);
    int removed = trial_remove(t, t->self, old);
    t->suite->cancel(t->suite->arg, 0);
    EXPECT(t, rc == 0 || rc == KIST_ERR_CANCELLED, "a write after cancelling gave %d, not KIST_ERR_CANCELLED", rc);
    EXPECT(t, removed == 0, "remove, which cleans up after cancelling, failed");
    EXPECT(t, trial_absent(t, t->self, key), "something was visible after cancelling");
    return 0;
}

#define KEEPS 1U   /* only for stores that hold an object at least as long as an instance lives */
#define SHARES 2U  /* ... in a place that other instances see */
#define CANCELS 4U /* only when the suite can cancel */

static const struct {
    const char *name, *clause;
    int (*run)(struct trial *trial);
    unsigned needs;
} cases[] = {
    {"round-trip", "get gives the bytes that put took", round_trip, KEEPS},
    {"empty-object", "an object may have no bytes", empty_object, KEEPS},
    {"odd-names", "a key is UTF-8 and comes back as it was given", odd_names, KEEPS},
    {"deep-key", "a key may have many parts", deep_key, KEEPS},
    {"invisible-before-commit", "nothing is visible under the key before commit", invisible_before_commit, 0},
    {"abort", "abort removes what was written", abort_at_once, 0},
    {"wrong-size", "commit confirms the size; after a failure nothing is visible", wrong_size, 0},
    {"no-overwrite", "an existing key is refused with KIST_ERR_EXISTS and never overwritten", no_overwrite, KEEPS},
    {"two-writers", "of two writers to one key exactly one wins", two_writers, KEEPS | SHARES},
    {"seen-by-others", "what one instance commits or removes, all see", seen_by_others, KEEPS | SHARES},
    {"missing", "a missing key is KIST_ERR_NOT_FOUND for get and stat, and a success for remove", missing, KEEPS},
    {"offset", "get begins at the offset; behind the end is KIST_ERR_CORRUPT", offsets, KEEPS},
    {"list-counts", "list gives every object once, all pages", list_counts, KEEPS},
    {"list-siblings", "list gives what is in the folder and nothing beside it", list_siblings, KEEPS},
    {"list-stops", "a result other than 0 of the receiver ends the listing, which returns it", list_stops, KEEPS},
    {"remove", "remove takes away the one object", removes, KEEPS},
    {"etag", "the etag changes when the content does", etags, KEEPS},
    {"bad-keys", "what is no key is never mapped to something else", bad_keys, KEEPS},
    {"cancelled", "a cancelled write leaves nothing, and remove still works", cancelled, CANCELS},
};

/* Does an object that was just put stay for as long as the instance lives? Only a store that says so may lose it.
 */
static int keeps(const struct kist_conformance *suite)
{
    struct trial trial;
    int held = 1;
    if (!(suite->plugin->features & KIST_DESTINATION_DISCARDS))
        return 1;
    if (trial_begin(&trial, suite) == 0)
        held = trial_put(&trial, trial.self, trial_key(&trial, "probe"), "1", 1) != 0 ||
               trial_stat(&trial, trial.self, trial_key(&trial, "probe"), NULL) == 1;
    (void)trial_end(&trial);
    free(trial.detail);
    return held;
}

int kist_conformance_destination(const struct kist_conformance *suite)
{
    unsigned can = keeps(suite) ? KEEPS : 0;
    can |= suite->plugin->features & KIST_DESTINATION_DISCARDS ? 0 : SHARES;
    can |= suite->cancel ? CANCELS : 0;
    int failed = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct trial trial;
        if (cases[i].needs & ~can) {
            suite->report(suite->arg, cases[i].name, cases[i].clause, KIST_CONFORMANCE_SKIPPED,
                          "not for this plugin");
            continue;
        }
        int rc = trial_begin(&trial, suite);
        if (rc == 0)
            rc = cases[i].run(&trial);
        rc = trial_end(&trial) != 0 || rc != 0;
        suite->report(suite->arg, cases[i].name, cases[i].clause,
                      rc ? KIST_CONFORMANCE_FAILED : KIST_CONFORMANCE_PASSED, rc ? trial.detail : NULL);
        free(trial.detail);
        failed += rc;
    }
    return failed;
}
