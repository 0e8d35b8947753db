/* destination_about.c - what a store says of an object is right, and everywhere the same. */
#include "destination_cases.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAY_MS INT64_C(86400000)

static int same(const char *a, const char *b)
{
    return !a || !b || strcmp(a, b) == 0;
}

static int told_size(struct trial *t)
{
    static const uint64_t sizes[] = {0, 1, 4096, 5 * MIB, BIG_PIECES};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const char *key = trial_key(t, "size/%zu", i);
        EXPECT(t, trial_put(t, key, 1, sizes[i]) == 0, "put failed");
        EXPECT(t, trial_stat(t, key) == 0, "stat failed");
        EXPECT(t, t->facts.size == (int64_t)sizes[i], "an object of %llu bytes has %lld for stat",
               (unsigned long long)sizes[i], (long long)t->facts.size);
    }
    return 0;
}

static int told_while_reading(struct trial *t)
{
    const char *key = trial_key(t, "about");
    size_t n = 1;
    EXPECT(t, trial_put(t, key, 1, BIG_PIECES) == 0 && trial_stat(t, key) == 0, "put or stat failed");
    struct facts stat = t->facts;
    t->facts = (struct facts){0};
    int before = trial_get_begin(t, key, 100);
    before = before == 0 ? trial_about(t, key) : before;
    int agrees = before == 0 && t->facts.size == stat.size && same(t->facts.etag, stat.etag) &&
                 same(t->facts.checksum, stat.checksum) && same(t->facts.content_type, stat.content_type);
    char *etag = t->facts.etag ? strdup(t->facts.etag) : NULL;
    while (before == 0 && n > 0 && trial_get_read(t, MIB, &n) == 0)
        ;
    int after = before == 0 ? trial_about(t, key) : before;
    int steady = after == 0 && t->facts.size == stat.size && same(t->facts.etag, etag);
    trial_get_end(t);
    facts_done(&stat);
    free(etag);
    if (before == KIST_ERR_UNSUPPORTED)
        return trial_skip(t, "the plugin does not tell of what it reads");
    EXPECT(t, before == 0, "get_about before reading gave %d", before);
    EXPECT(t, agrees, "get_about says something else than stat");
    EXPECT(t, after == 0 && steady, "get_about after reading gave %d, or another size or etag than before", after);
    return 0;
}

/* stat, list and get_about in turn: the first that tells a checksum. */
static const char *find_checksum(struct trial *t, const char *key)
{
    if (trial_stat(t, key) != 0 || t->facts.checksum)
        return t->facts.checksum;
    int rc = trial_get_begin(t, key, 0);
    rc = rc == 0 ? trial_about(t, key) : rc;
    trial_get_end(t);
    if (rc == 0 && t->facts.checksum)
        return t->facts.checksum;
    const struct facts *listed = trial_list(t, t->suite->prefix) == 0 ? trial_found(t, key) : NULL;
    return listed ? listed->checksum : NULL;
}

static int told_checksum(struct trial *t)
{
    static const uint64_t sizes[] = {0, 1000, BIG_PIECES};
    size_t told = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const char *key = trial_key(t, "sum/%zu", i);
        EXPECT(t, trial_put(t, key, 1, sizes[i]) == 0, "put failed");
        const char *checksum = find_checksum(t, key);
        if (!checksum)
            continue;
        told++;
        char *right = noise_checksum(checksum, 1, sizes[i]);
        int known = right != NULL, good = right && strcmp(right, checksum) == 0;
        free(right);
        EXPECT(t, known, "the checksum '%s' is neither sha256:HEX nor md5:HEX", checksum);
        EXPECT(t, good, "the checksum '%s' is not that of the %llu bytes", checksum, (unsigned long long)sizes[i]);
    }
    return told > 0 ? 0 : trial_skip(t, "the store tells no checksum");
}

static int told_time(struct trial *t)
{
    const char *key = trial_key(t, "time");
    EXPECT(t, trial_put(t, key, 1, 1) == 0 && trial_stat(t, key) == 0, "put or stat failed");
    if (t->facts.modified_ms == 0)
        return trial_skip(t, "the store tells no time");
    int64_t now = (int64_t)time(NULL) * 1000, off = t->facts.modified_ms - now;
    EXPECT(t, off > -DAY_MS && off < DAY_MS,
           "an object that was just made was modified at %lld ms since 1970, and now is %lld",
           (long long)t->facts.modified_ms, (long long)now);
    return 0;
}

static int etag_steady(struct trial *t)
{
    const char *key = trial_key(t, "etag");
    EXPECT(t, trial_put(t, key, 1, 1000) == 0 && trial_stat(t, key) == 0, "put or stat failed");
    char *first = t->facts.etag;
    t->facts.etag = NULL;
    EXPECT(t, !first || *first, "the etag is empty");
    int rc = trial_read(t, key, 0, 1, 1000, 0);
    rc = rc == 0 ? trial_stat(t, key) : rc;
    int steady = first && t->facts.etag && strcmp(first, t->facts.etag) == 0, has = first != NULL;
    free(first);
    EXPECT(t, rc == 0, "reading or stat failed with %d", rc);
    EXPECT(t, !has || steady, "the etag changed although the object did not");
    return has ? 0 : trial_skip(t, "the store has no etags");
}

static int etag_changes(struct trial *t)
{
    const char *key = trial_key(t, "etag");
    EXPECT(t, trial_put(t, key, 1, 1000) == 0 && trial_stat(t, key) == 0, "put or stat failed");
    char *first = t->facts.etag;
    t->facts.etag = NULL;
    /* A store that tells versions by its clock needs a tick of it. */
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    int rc = trial_remove(t, key);
    rc = rc == 0 ? trial_put(t, key, 2, 1000) : rc;
    rc = rc == 0 ? trial_stat(t, key) : rc;
    int changed = first && t->facts.etag && strcmp(first, t->facts.etag) != 0, has = first != NULL;
    free(first);
    EXPECT(t, rc == 0, "remove, put or stat failed with %d", rc);
    EXPECT(t, !has || changed, "the etag stayed although the object changed");
    return has ? 0 : trial_skip(t, "the store has no etags");
}

static int list_agrees(struct trial *t)
{
    static const uint64_t sizes[] = {0, 1, 5000, BIG_PIECES};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        EXPECT(t, trial_put(t, trial_key(t, "agree/%zu", i), 1, sizes[i]) == 0, "put failed");
    EXPECT(t, trial_lists(t, trial_key(t, "agree/"), 4), "list gave %zu objects, not 4", t->found.count);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const char *key = trial_key(t, "agree/%zu", i);
        const struct facts *listed = trial_found(t, key);
        EXPECT(t, listed && trial_stat(t, key) == 0, "'%s' is not listed, or stat failed", key);
        EXPECT(t, listed->size == t->facts.size, "an object has %lld bytes for list, %lld for stat",
               (long long)listed->size, (long long)t->facts.size);
        EXPECT(t, same(listed->etag, t->facts.etag), "an object has the etag '%s' for list, '%s' for stat",
               listed->etag, t->facts.etag);
        EXPECT(t, same(listed->checksum, t->facts.checksum), "list and stat tell different checksums");
        /* Listings round to a second, some stores up and some down. */
        EXPECT(t,
               !listed->modified_ms || !t->facts.modified_ms ||
                   llabs(listed->modified_ms - t->facts.modified_ms) <= 2000,
               "list and stat tell different times");
    }
    return 0;
}

const struct destination_case destination_about_cases[] = {
    {"stat-size", "stat tells the size", told_size, KEEPS},
    {"get-about", "get_about describes the object that is being read", told_while_reading, KEEPS},
    {"checksum", "a checksum that is told is that of the whole content", told_checksum, KEEPS},
    {"modified", "the time of the last change is in milliseconds since 1970", told_time, KEEPS},
    {"etag-steady", "the etag stays while the object does", etag_steady, KEEPS},
    {"etag-changes", "the etag changes when the content does", etag_changes, KEEPS},
    {"list-agrees", "list and stat say the same of an object", list_agrees, KEEPS},
    {.name = NULL},
};
