/* destination_remove.c - gone is gone, and nothing else is. */
#include "destination_cases.h"

#include <stdlib.h>
#include <string.h>

static int removes(struct trial *t)
{
    const char *gone = trial_key(t, "r/gone"), *stays = trial_key(t, "r/stays"), *more = trial_key(t, "r/gone2");
    EXPECT(t, trial_put(t, gone, 1, 1) == 0 && trial_put(t, stays, 2, 2) == 0 && trial_put(t, more, 3, 3) == 0,
           "put failed");
    EXPECT(t, trial_remove(t, gone) == 0, "remove failed");
    EXPECT(t, trial_absent(t, gone), "a removed object is still visible");
    EXPECT(t, trial_holds(t, stays, 2, 2) && trial_holds(t, more, 3, 3), "another object went with it");
    return 0;
}

static int removes_large(struct trial *t)
{
    const char *key = trial_key(t, "large");
    EXPECT(t, trial_put(t, key, 1, BIG_PIECES) == 0, "put failed");
    EXPECT(t, trial_remove(t, key) == 0, "remove failed");
    EXPECT(t, trial_absent(t, key), "a removed object is still visible");
    return 0;
}

static int remove_missing(struct trial *t)
{
    static const char *const names[] = {"missing", "no/such/folder", "file/below", "folder", "fil"};
    EXPECT(t, trial_put(t, trial_key(t, "file"), 1, 1) == 0, "put failed");
    EXPECT(t, trial_put(t, trial_key(t, "folder/object"), 2, 2) == 0, "put failed");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        int rc = trial_remove(t, trial_key(t, "%s", names[i]));
        EXPECT(t, rc == 0, "removing '%s', which is missing, gave %d", names[i], rc);
    }
    EXPECT(t, trial_holds(t, trial_key(t, "file"), 1, 1) && trial_holds(t, trial_key(t, "folder/object"), 2, 2),
           "removing a missing key touched another");
    return 0;
}

static int remove_twice(struct trial *t)
{
    const char *key = trial_key(t, "twice");
    EXPECT(t, trial_put(t, key, 1, 1) == 0, "put failed");
    EXPECT(t, trial_remove(t, key) == 0, "remove failed");
    EXPECT(t, trial_remove(t, key) == 0, "removing twice failed");
    EXPECT(t, trial_absent(t, key), "a removed object is still visible");
    return 0;
}

static int put_after_remove(struct trial *t)
{
    const char *key = trial_key(t, "again");
    for (unsigned i = 0; i < 5; i++) {
        EXPECT(t, trial_put(t, key, i, 10 + i) == 0, "the key could not be used again");
        EXPECT(t, trial_holds(t, key, i, 10 + i), "the key gives what it held before");
        EXPECT(t, trial_remove(t, key) == 0, "remove failed");
    }
    return 0;
}

struct unremoved {
    size_t count;
};

static void count_unremoved(void *arg, const char *key, const struct kist_error *err)
{
    (void)key;
    (void)err;
    ((struct unremoved *)arg)->count++;
}

/* Returns TRIAL_SKIPPED where there is no such callback. */
static int remove_keys(struct trial *t, const char *const *keys, size_t count)
{
    struct unremoved unremoved = {0};
    if (!t->plugin->remove_many)
        return trial_skip(t, "the plugin removes one object at a time");
    case_clear(&t->err);
    int rc = t->plugin->remove_many(t->self, keys, count, count_unremoved, &unremoved, &t->err);
    if (rc == KIST_ERR_UNSUPPORTED)
        return trial_skip(t, "the plugin removes one object at a time");
    EXPECT(t, rc == 0, "remove_many of %zu keys gave %d", count, rc);
    EXPECT(t, unremoved.count == 0, "remove_many could not remove %zu of %zu objects", unremoved.count, count);
    return 0;
}

static int remove_many(struct trial *t)
{
    const char *keys[5], *stays = trial_key(t, "m/1&2");
    for (size_t i = 0; i < 5; i++) {
        keys[i] = trial_key(t, "m/%zu%s", i, i == 1 ? " <&>\"'" : "");
        EXPECT(t, trial_put(t, keys[i], 1, 1) == 0, "put failed");
    }
    EXPECT(t, trial_put(t, stays, 2, 2) == 0, "put failed");
    int rc = remove_keys(t, keys, 5);
    if (rc != 0)
        return rc;
    for (size_t i = 0; i < 5; i++)
        EXPECT(t, trial_absent(t, keys[i]), "a removed object is still visible: '%s'", keys[i]);
    EXPECT(t, trial_holds(t, stays, 2, 2), "another object went with them");
    return 0;
}

static int remove_many_missing(struct trial *t)
{
    const char *const keys[] = {trial_key(t, "missing"), trial_key(t, "here"), trial_key(t, "no/folder"),
                                trial_key(t, "here2"), trial_key(t, "here")};
    EXPECT(t, trial_put(t, keys[1], 1, 1) == 0 && trial_put(t, keys[3], 1, 1) == 0, "put failed");
    int rc = remove_keys(t, keys, 5);
    if (rc != 0)
        return rc;
    EXPECT(t, trial_absent(t, keys[1]) && trial_absent(t, keys[3]),
           "an object that was removed together with missing ones is still visible");
    return 0;
}

static int remove_many_none(struct trial *t)
{
    const char *stays = trial_key(t, "stays");
    EXPECT(t, trial_put(t, stays, 2, 2) == 0, "put failed");
    int rc = remove_keys(t, (const char *const[]){NULL}, 0);
    if (rc != 0)
        return rc;
    EXPECT(t, trial_holds(t, stays, 2, 2), "removing no keys removed one");
    return 0;
}

#define MANY 1001

static int put_number(struct trial *t, size_t number, const void *arg)
{
    return trial_put(t, ((const char *const *)arg)[number], 1, 1);
}

static int remove_many_pages(struct trial *t)
{
    const char *keys[MANY];
    int rc = remove_keys(t, (const char *const[]){trial_key(t, "probe")}, 1);
    if (rc != 0)
        return rc;
    for (size_t i = 0; i < MANY; i++)
        keys[i] = trial_key(t, "many/%zu", i);
    EXPECT(t, trial_each(t, MANY, put_number, keys) == 0, "put failed");
    EXPECT(t, trial_put(t, trial_key(t, "many/stays"), 1, 1) == 0, "put failed");
    if (remove_keys(t, keys, MANY) != 0)
        return -1;
    EXPECT(t, trial_lists(t, trial_key(t, "many/"), 1), "%zu objects are left of %d that were removed, and one",
           t->found.count, MANY);
    return 0;
}

const struct destination_case destination_remove_cases[] = {
    {"remove", "remove takes away the one object", removes, KEEPS},
    {"remove-large", "remove takes away all parts of an object", removes_large, KEEPS},
    {"remove-missing", "removing a key that is missing is a success", remove_missing, KEEPS},
    {"remove-twice", "removing twice is a success", remove_twice, KEEPS},
    {"put-after-remove", "a key can be used again after remove", put_after_remove, KEEPS},
    {"remove-many", "remove_many takes away all of them and no other", remove_many, KEEPS},
    {"remove-many-missing", "remove_many takes missing keys for removed", remove_many_missing, KEEPS},
    {"remove-many-none", "remove_many of no keys removes none", remove_many_none, KEEPS},
    {"remove-many-1001", "remove_many takes any number of keys", remove_many_pages, KEEPS},
    {.name = NULL},
};
