/* destination_get.c - reading: from any place, in any pieces, and never too little. */
#include "destination_cases.h"

static int reads_from(struct trial *t, uint64_t size, const uint64_t *offsets, size_t count)
{
    const char *key = trial_key(t, "offset/%llu", (unsigned long long)size);
    EXPECT(t, trial_put(t, key, 1, size) == 0, "put failed");
    for (size_t i = 0; i < count; i++) {
        int rc = trial_read(t, key, offsets[i], 1, size, 0);
        EXPECT(t, rc != TRIAL_DIFFERS, "reading %llu bytes from %llu gave other bytes", (unsigned long long)size,
               (unsigned long long)offsets[i]);
        EXPECT(t, rc == 0, "reading %llu bytes from %llu gave %d", (unsigned long long)size,
               (unsigned long long)offsets[i], rc);
    }
    return 0;
}

static int offset_small(struct trial *t)
{
    static const uint64_t offsets[] = {0, 1, 5, 9};
    return reads_from(t, 10, offsets, sizeof offsets / sizeof *offsets);
}

static int offset_large(struct trial *t)
{
    static const uint64_t offsets[] = {1,           4 * MIB - 1, 4 * MIB, 5 * MIB,       5 * MIB + 1,
                                       8 * MIB - 1, 8 * MIB,     9 * MIB, BIG_PIECES - 1};
    return reads_from(t, BIG_PIECES, offsets, sizeof offsets / sizeof *offsets);
}

static int offset_end(struct trial *t)
{
    static const uint64_t sizes[] = {0, 1, 4096, BIG_PIECES};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (reads_from(t, sizes[i], &sizes[i], 1) != 0)
            return -1;
    return 0;
}

static int offset_behind(struct trial *t)
{
    static const uint64_t sizes[] = {0, 10, 5 * MIB}, beyond[] = {1, 1000000, UINT64_C(1) << 40};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const char *key = trial_key(t, "behind/%zu", i);
        EXPECT(t, trial_put(t, key, 1, sizes[i]) == 0, "put failed");
        for (size_t j = 0; j < sizeof beyond / sizeof *beyond; j++) {
            int rc = trial_read(t, key, sizes[i] + beyond[j], 1, sizes[i], 0);
            EXPECT(t, rc == KIST_ERR_CORRUPT, "reading %llu bytes behind the end gave %d, not KIST_ERR_CORRUPT",
                   (unsigned long long)beyond[j], rc);
        }
    }
    return 0;
}

static int room_for_one(struct trial *t)
{
    const char *key = trial_key(t, "room");
    EXPECT(t, trial_put(t, key, 1, 3000) == 0, "put failed");
    EXPECT(t, trial_read(t, key, 0, 1, 3000, 1) == 0, "reading a byte at a time gave other bytes");
    return 0;
}

static int room_for_all(struct trial *t)
{
    const char *key = trial_key(t, "room");
    EXPECT(t, trial_put(t, key, 1, BIG_PIECES) == 0, "put failed");
    EXPECT(t, trial_read(t, key, 0, 1, BIG_PIECES, WRITE_MOST) == 0, "reading 4 MiB at a time gave other bytes");
    return 0;
}

static int again(struct trial *t)
{
    const char *key = trial_key(t, "again");
    EXPECT(t, trial_put(t, key, 1, 5 * MIB + 1) == 0, "put failed");
    for (int i = 1; i <= 4; i++)
        EXPECT(t, trial_read(t, key, 0, 1, 5 * MIB + 1, 0) == 0, "the object reads differently at time %d", i);
    return 0;
}

/* Reads at least `size` bytes, then leaves. */
static int leaves_after(struct trial *t, const char *key, size_t size)
{
    size_t n = 1;
    EXPECT(t, trial_get_begin(t, key, 0) == 0, "get_begin failed");
    for (size_t done = 0; done < size && n > 0; done += n)
        EXPECT(t, trial_get_read(t, size - done < 100000 ? size - done : 100000, &n) == 0, "get_read failed");
    int64_t began = trial_now_ms();
    trial_get_end(t);
    EXPECT(t, trial_now_ms() - began < 2000, "get_end took %lld ms", (long long)(trial_now_ms() - began));
    return 0;
}

static int abandoned(struct trial *t)
{
    static const size_t sizes[] = {0, 1, 4096, (size_t)6 << 20, (size_t)9 << 20};
    const char *key = trial_key(t, "abandoned"), *next = trial_key(t, "next");
    EXPECT(t, trial_put(t, key, 1, BIG_PIECES) == 0 && trial_put(t, next, 2, 1000) == 0, "put failed");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        if (leaves_after(t, key, sizes[i]) != 0)
            return -1;
        EXPECT(t, trial_read(t, next, 0, 2, 1000, 0) == 0, "after leaving at %zu bytes another object reads wrong",
               sizes[i]);
    }
    EXPECT(t, trial_read(t, key, 0, 1, BIG_PIECES, 0) == 0, "the object that was left reads wrong");
    return 0;
}

/* Both read by turns; `other` begins with another object. */
static int by_turns(struct trial *t, struct trial *other, const char *key, const char *second)
{
    size_t a = 1, b = 1;
    uint64_t a_done = 0, b_done = 0;
    EXPECT(t, trial_get_begin(t, key, 0) == 0 && trial_get_begin(other, second, 0) == 0, "get_begin failed");
    while (a > 0 || b > 0) {
        EXPECT(t, trial_get_read(t, 300000, &a) == 0 && trial_get_read(other, 200001, &b) == 0, "get_read failed");
        noise_fill(t->expected, a, 1, a_done);
        noise_fill(other->expected, b, 2, b_done);
        for (size_t i = 0; i < a; i++)
            EXPECT(t, t->buffer[i] == t->expected[i], "the first reader got other bytes");
        for (size_t i = 0; i < b; i++)
            EXPECT(t, other->buffer[i] == other->expected[i], "the second reader got other bytes");
        a_done += a;
        b_done += b;
    }
    trial_get_end(t);
    trial_get_end(other);
    EXPECT(t, a_done == 2 * MIB && b_done == 2 * MIB, "the readers got %llu and %llu bytes",
           (unsigned long long)a_done, (unsigned long long)b_done);
    return 0;
}

static int two_readers(struct trial *t)
{
    const char *key = trial_key(t, "one"), *second = trial_key(t, "two");
    struct trial *other = trial_peer(t, 0);
    if (!other)
        return -1;
    EXPECT(t, trial_put(t, key, 1, 2 * MIB) == 0 && trial_put(t, second, 2, 2 * MIB) == 0, "put failed");
    return by_turns(t, other, key, second);
}

static int reader_beside_writer(struct trial *t)
{
    const char *key = trial_key(t, "read"), *made = trial_key(t, "made");
    size_t n = 1;
    EXPECT(t, trial_put(t, key, 1, MIB) == 0, "put failed");
    EXPECT(t, trial_put_begin(t, made, -1) == 0, "put_begin failed");
    EXPECT(t, trial_write(t, 2, 0, 1000, 0) == 0, "put_write failed");
    EXPECT(t, trial_read(t, key, 0, 1, MIB, 0) == 0, "an instance that writes reads other bytes");
    EXPECT(t, trial_write(t, 2, 1000, MIB, 0) == 0, "put_write beside a reader failed");
    EXPECT(t, trial_get_begin(t, key, 0) == 0 && trial_get_read(t, 1000, &n) == 0, "get beside a writer failed");
    EXPECT(t, trial_commit(t, MIB) == 0, "put_commit beside a reader failed");
    trial_get_end(t);
    EXPECT(t, trial_holds(t, made, 2, MIB), "what was written beside a reader is something else");
    return 0;
}

static int missing(struct trial *t)
{
    const char *const names[] = {"missing", "no/such/folder", "file/below", "folder", "fold"};
    EXPECT(t, trial_put(t, trial_key(t, "file"), 1, 1) == 0, "put failed");
    EXPECT(t, trial_put(t, trial_key(t, "folder/inner/object"), 1, 1) == 0, "put failed");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *key = trial_key(t, "%s", names[i]);
        int rc = trial_get_begin(t, key, 0);
        EXPECT(t, rc == KIST_ERR_NOT_FOUND, "get of '%s' gave %d, not KIST_ERR_NOT_FOUND", names[i], rc);
        rc = trial_get_begin(t, key, 10);
        EXPECT(t, rc == KIST_ERR_NOT_FOUND, "get of '%s' from 10 gave %d, not KIST_ERR_NOT_FOUND", names[i], rc);
    }
    return 0;
}

static int missing_stat(struct trial *t)
{
    const char *const names[] = {"missing", "no/such/folder", "file/below", "folder", "fold", "FILE"};
    EXPECT(t, trial_put(t, trial_key(t, "file"), 1, 1) == 0, "put failed");
    EXPECT(t, trial_put(t, trial_key(t, "folder/inner/object"), 1, 1) == 0, "put failed");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        int rc = trial_stat(t, trial_key(t, "%s", names[i]));
        EXPECT(t, rc == KIST_ERR_NOT_FOUND, "stat of '%s' gave %d, not KIST_ERR_NOT_FOUND", names[i], rc);
    }
    return 0;
}

const struct destination_case destination_get_cases[] = {
    {"offset", "get begins at the offset", offset_small, KEEPS},
    {"offset-large", "get begins at the offset, also in an object of many parts", offset_large, KEEPS},
    {"offset-end", "the object's size is a valid offset: the end comes at once", offset_end, KEEPS},
    {"offset-behind", "an offset behind the end is KIST_ERR_CORRUPT", offset_behind, KEEPS},
    {"room-for-one", "get_read gives into any room: one byte", room_for_one, KEEPS},
    {"room-for-all", "get_read gives into any room: 4 MiB", room_for_all, KEEPS},
    {"read-again", "an object reads the same every time", again, KEEPS},
    {"reader-abandoned", "a reader may be ended at its end or before", abandoned, KEEPS},
    {"reader-beside-writer", "one instance has one reader and one writer", reader_beside_writer, KEEPS},
    {"two-readers", "two instances read at the same time", two_readers, KEEPS | SHARES},
    {"missing-get", "get of a missing key is KIST_ERR_NOT_FOUND", missing, KEEPS},
    {"missing-stat", "stat of a missing key is KIST_ERR_NOT_FOUND", missing_stat, KEEPS},
    {.name = NULL},
};
