/* destination_put.c - what is put comes back, and what is told with it too. */
#include "destination_cases.h"

#include <string.h>

static int puts_and_holds(struct trial *t, const char *name, unsigned seed, uint64_t size)
{
    const char *key = trial_key(t, "%s", name);
    int rc = trial_put(t, key, seed, size);
    EXPECT(t, rc == 0, "put of %llu bytes failed with %d", (unsigned long long)size, rc);
    EXPECT(t, trial_holds(t, key, seed, size), "what was read is not the %llu bytes that were written",
           (unsigned long long)size);
    return 0;
}

static int round_trip(struct trial *t)
{
    return puts_and_holds(t, "round-trip", 1, BIG_PIECES);
}

static int empty_object(struct trial *t)
{
    return puts_and_holds(t, "empty", 1, 0);
}

static int big_object(struct trial *t)
{
    return puts_and_holds(t, "big", 2, trial_big(t) + 1);
}

static int in_pieces(struct trial *t, uint64_t size, size_t piece)
{
    const char *key = trial_key(t, "pieces");
    EXPECT(t, trial_put_begin(t, key, -1) == 0, "put_begin failed");
    EXPECT(t, trial_write(t, 3, 0, size, piece) == 0, "put_write of %zu bytes failed", piece);
    EXPECT(t, trial_commit(t, size) == 0, "put_commit failed");
    EXPECT(t, trial_holds(t, key, 3, size), "what was read is not what was written %zu bytes at a time", piece);
    return 0;
}

static int tiny_writes(struct trial *t)
{
    return in_pieces(t, 5000, 1);
}

static int largest_writes(struct trial *t)
{
    return in_pieces(t, 3 * WRITE_MOST, WRITE_MOST);
}

static int put_with_size(struct trial *t, uint64_t size, int64_t known, int64_t estimate)
{
    const char *key =
        trial_key(t, "known-%llu-%lld-%lld", (unsigned long long)size, (long long)known, (long long)estimate);
    const struct kist_put put = {.struct_size = sizeof put, .key = key, .size = known, .size_estimate = estimate};
    int rc = trial_put_as(t, &put, 4, size);
    EXPECT(t, rc == 0, "put of %llu bytes, told as %lld, gave %d", (unsigned long long)size, (long long)known, rc);
    EXPECT(t, trial_holds(t, key, 4, size), "%llu bytes, told as %lld, came back as others",
           (unsigned long long)size, (long long)known);
    return 0;
}

static int known_size(struct trial *t)
{
    static const uint64_t sizes[] = {0, 1, 4097, 5 * MIB, 8 * MIB, BIG_PIECES};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (put_with_size(t, sizes[i], (int64_t)sizes[i], -1) != 0)
            return -1;
    return 0;
}

/* An estimate is for choosing sizes, and binds nobody. */
static int estimated_size(struct trial *t)
{
    static const int64_t estimates[] = {0, 1, (int64_t)BIG_PIECES, INT64_C(1) << 42};
    for (size_t i = 0; i < sizeof estimates / sizeof *estimates; i++)
        if (put_with_size(t, i == 0 ? BIG_PIECES : 1000, -1, estimates[i]) != 0)
            return -1;
    return 0;
}

static int wrong_known_size(struct trial *t)
{
    static const struct {
        int64_t told;
        uint64_t real;
    } lies[] = {{5, 3}, {3, 5}, {0, 1}, {1, 0}, {(int64_t)BIG_PIECES, BIG_PIECES - 1}};
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        const char *key = trial_key(t, "told-%zu", i);
        const struct kist_put put = {
            .struct_size = sizeof put, .key = key, .size = lies[i].told, .size_estimate = -1};
        int rc = trial_put_as(t, &put, 5, lies[i].real);
        int good = rc == 0 ? trial_holds(t, key, 5, lies[i].real) : trial_absent(t, key);
        EXPECT(t, good, "%llu bytes, told and not committed as %lld, gave %d and left something else",
               (unsigned long long)lies[i].real, (long long)lies[i].told, rc);
    }
    return 0;
}

static int seen_at_once(struct trial *t)
{
    for (unsigned i = 0; i < 20; i++) {
        const char *key = trial_key(t, "at-once/%u", i);
        EXPECT(t, trial_put(t, key, i, 100 + i) == 0, "put failed");
        EXPECT(t, trial_holds(t, key, i, 100 + i), "object %u cannot be read right after commit", i);
        EXPECT(t, trial_lists(t, trial_key(t, "at-once/"), i + 1), "object %u is not listed right after commit",
               i);
    }
    return 0;
}

static const char text_type[] = "application/x-kist-test";
static const char *const pairs[] = {"alpha", "one", "beta-2", "two words; and more", NULL};
static const char *const unicode[] = {"name", "gr\xc3\xbcn \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x93\xa6", NULL};

/* The object as stat tells it, or where that tells less, as get_about does. */
static int describe(struct trial *t, const char *key)
{
    int rc = trial_stat(t, key);
    if (rc != 0 || (t->facts.metadata && t->facts.content_type))
        return rc;
    rc = trial_get_begin(t, key, 0);
    if (rc == 0)
        rc = trial_about(t, key);
    trial_get_end(t);
    return rc == KIST_ERR_UNSUPPORTED ? trial_stat(t, key) : rc;
}

static int content_type(struct trial *t)
{
    const char *key = trial_key(t, "typed");
    const struct kist_put put = {
        .struct_size = sizeof put, .key = key, .size = -1, .size_estimate = -1, .content_type = text_type};
    EXPECT(t, trial_put_as(t, &put, 1, 10) == 0, "put with a content type failed");
    EXPECT(t, describe(t, key) == 0, "the object cannot be described");
    if (!t->facts.content_type)
        return trial_skip(t, "the store tells no content type");
    EXPECT(t, strcmp(t->facts.content_type, text_type) == 0, "the content type '%s' became '%s'", text_type,
           t->facts.content_type);
    return 0;
}

static const char *value_of(const struct trial *t, const char *name)
{
    for (size_t i = 0; t->facts.metadata[i] && t->facts.metadata[i + 1]; i += 2)
        if (strcmp(t->facts.metadata[i], name) == 0)
            return t->facts.metadata[i + 1];
    return "(missing)";
}

static int keeps_metadata(struct trial *t, const char *const *metadata)
{
    const char *key = trial_key(t, "described");
    const struct kist_put put = {
        .struct_size = sizeof put, .key = key, .size = -1, .size_estimate = -1, .metadata = metadata};
    EXPECT(t, trial_put_as(t, &put, 1, 10) == 0, "put with metadata failed");
    EXPECT(t, describe(t, key) == 0, "the object cannot be described");
    if (!t->facts.metadata)
        return trial_skip(t, "the store tells no metadata");
    for (size_t i = 0; metadata[i]; i += 2)
        EXPECT(t, strcmp(value_of(t, metadata[i]), metadata[i + 1]) == 0, "metadata '%s' was '%s' and is '%s'",
               metadata[i], metadata[i + 1], value_of(t, metadata[i]));
    return 0;
}

static int metadata_plain(struct trial *t)
{
    return keeps_metadata(t, pairs);
}

static int metadata_unicode(struct trial *t)
{
    return keeps_metadata(t, unicode);
}

const struct destination_case destination_put_cases[] = {
    {"round-trip", "get gives the bytes that put took", round_trip, KEEPS},
    {"empty-object", "an object may have no bytes", empty_object, KEEPS},
    {"big-object", "an object of many parts comes back whole", big_object, KEEPS},
    {"tiny-writes", "put_write takes any number of bytes: one at a time", tiny_writes, KEEPS},
    {"largest-writes", "put_write takes any number of bytes: 4 MiB at a time", largest_writes, KEEPS},
    {"known-size", "the size may be known before", known_size, KEEPS},
    {"estimated-size", "the estimate of the size may be wrong", estimated_size, KEEPS},
    {"wrong-known-size", "a size that was told wrongly fails, or does no harm", wrong_known_size, KEEPS},
    {"seen-at-once", "what is committed is there at once: for stat, get and list", seen_at_once, KEEPS},
    {"content-type", "the content type is kept", content_type, KEEPS},
    {"metadata", "metadata is kept", metadata_plain, KEEPS},
    {"metadata-unicode", "metadata is UTF-8", metadata_unicode, KEEPS},
    {.name = NULL},
};
