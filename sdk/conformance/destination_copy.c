/* destination_copy.c - copies within the store. */
#include "destination_cases.h"

#include <stdlib.h>
#include <string.h>

static const char none[] = "the store copies nothing by itself";

static int copies(struct trial *t, const char *from, const char *etag, const char *to, uint64_t size,
                  const char *const *metadata)
{
    const struct kist_put put = {
        .struct_size = sizeof put, .key = to, .size = (int64_t)size, .size_estimate = -1, .metadata = metadata};
    if (!t->plugin->copy)
        return KIST_ERR_UNSUPPORTED;
    case_clear(&t->err);
    return t->plugin->copy(t->self, from, etag, &put, &t->err);
}

static int copy_content(struct trial *t)
{
    static const uint64_t sizes[] = {0, 1, 5000, BIG_PIECES};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const char *from = trial_key(t, "from %%20/%zu+\xc3\xa9", i), *to = trial_key(t, "to/%zu &\xc3\xa9", i);
        EXPECT(t, trial_put(t, from, 1, sizes[i]) == 0, "put failed");
        int rc = copies(t, from, NULL, to, sizes[i], NULL);
        if (rc == KIST_ERR_UNSUPPORTED)
            return trial_skip(t, none);
        EXPECT(t, rc == 0, "copy of %llu bytes gave %d", (unsigned long long)sizes[i], rc);
        EXPECT(t, trial_holds(t, to, 1, sizes[i]), "the copy of %llu bytes has others",
               (unsigned long long)sizes[i]);
        EXPECT(t, trial_holds(t, from, 1, sizes[i]), "the object that was copied has changed");
    }
    return 0;
}

static int copy_metadata(struct trial *t)
{
    static const char *const metadata[] = {"made-by", "copy", NULL};
    const char *from = trial_key(t, "from"), *to = trial_key(t, "to");
    EXPECT(t, trial_put(t, from, 1, 100) == 0, "put failed");
    int rc = copies(t, from, NULL, to, 100, metadata);
    if (rc == KIST_ERR_UNSUPPORTED)
        return trial_skip(t, none);
    EXPECT(t, rc == 0, "copy gave %d", rc);
    EXPECT(t, trial_stat(t, to) == 0, "stat failed");
    if (!t->facts.metadata)
        return trial_skip(t, "the store tells no metadata");
    EXPECT(t,
           t->facts.metadata[0] && strcmp(t->facts.metadata[0], metadata[0]) == 0 &&
               strcmp(t->facts.metadata[1], metadata[1]) == 0,
           "the copy does not carry the metadata that it was given");
    return 0;
}

static int copy_taken(struct trial *t)
{
    const char *from = trial_key(t, "from"), *to = trial_key(t, "to");
    EXPECT(t, trial_put(t, from, 1, 100) == 0 && trial_put(t, to, 2, 200) == 0, "put failed");
    int rc = copies(t, from, NULL, to, 100, NULL);
    EXPECT(t, trial_holds(t, to, 2, 200), "a copy changed an object that was there");
    if (rc == KIST_ERR_UNSUPPORTED)
        return trial_skip(t, none);
    EXPECT(t, rc == KIST_ERR_EXISTS, "a copy to a key that is taken gave %d, not KIST_ERR_EXISTS", rc);
    return 0;
}

static int copy_missing(struct trial *t)
{
    const char *to = trial_key(t, "to");
    int rc = copies(t, trial_key(t, "missing"), NULL, to, 100, NULL);
    if (rc == KIST_ERR_UNSUPPORTED)
        return trial_skip(t, none);
    EXPECT(t, rc == KIST_ERR_NOT_FOUND, "a copy of a missing object gave %d, not KIST_ERR_NOT_FOUND", rc);
    EXPECT(t, trial_absent(t, to), "a copy of a missing object left one");
    return 0;
}

static int copy_changed(struct trial *t)
{
    const char *from = trial_key(t, "from"), *to = trial_key(t, "to"), *good = trial_key(t, "good");
    EXPECT(t, trial_put(t, from, 1, 100) == 0 && trial_stat(t, from) == 0, "put or stat failed");
    char *old = t->facts.etag;
    t->facts.etag = NULL;
    int same = copies(t, from, old, good, 100, NULL);
    int rc = trial_remove(t, from);
    rc = rc == 0 ? trial_put(t, from, 2, 100) : rc;
    int other = rc == 0 && old ? copies(t, from, old, to, 100, NULL) : 0;
    int has = old != NULL;
    free(old);
    EXPECT(t, rc == 0, "remove or put failed with %d", rc);
    if (same == KIST_ERR_UNSUPPORTED || !has)
        return trial_skip(t, has ? none : "the store has no etags");
    EXPECT(t, same == 0 && trial_holds(t, good, 1, 100), "a copy of what still has its etag gave %d", same);
    EXPECT(t, other == KIST_ERR_CORRUPT, "a copy of what has another etag by now gave %d, not KIST_ERR_CORRUPT",
           other);
    EXPECT(t, trial_absent(t, to), "a copy that failed left an object");
    return 0;
}

const struct destination_case destination_copy_cases[] = {
    {"copy", "copy makes an object with the same bytes", copy_content, KEEPS},
    {"copy-metadata", "the copy carries the metadata that it is given", copy_metadata, KEEPS},
    {"copy-taken", "copy never overwrites", copy_taken, KEEPS},
    {"copy-missing", "copy of a missing object is KIST_ERR_NOT_FOUND", copy_missing, KEEPS},
    {"copy-changed", "copy of an object with another etag is KIST_ERR_CORRUPT", copy_changed, KEEPS},
    {.name = NULL},
};
