/* destination_size.c - sizes at which stores and plugins change their ways: blocks, buffers, parts. */
#include "destination_cases.h"

static int around(struct trial *t, uint64_t middle, uint64_t first)
{
    for (uint64_t size = first; size <= middle + 1; size++) {
        const char *key = trial_key(t, "size/%llu", (unsigned long long)size);
        int rc = trial_put(t, key, (unsigned)size, size);
        EXPECT(t, rc == 0, "put of %llu bytes failed with %d", (unsigned long long)size, rc);
        EXPECT(t, trial_holds(t, key, (unsigned)size, size), "%llu bytes did not come back as they were",
               (unsigned long long)size);
    }
    return 0;
}

static int one_byte(struct trial *t)
{
    return around(t, 1, 1);
}

static int page(struct trial *t)
{
    return around(t, 4 * KIB, 4 * KIB - 1);
}

static int mib_4(struct trial *t)
{
    return around(t, 4 * MIB, 4 * MIB - 1);
}

static int mib_5(struct trial *t)
{
    return around(t, 5 * MIB, 5 * MIB - 1);
}

static int mib_8(struct trial *t)
{
    return around(t, 8 * MIB, 8 * MIB - 1);
}

static int mib_16(struct trial *t)
{
    return around(t, 16 * MIB, 16 * MIB - 1);
}

const struct destination_case destination_size_cases[] = {
    {"size-1", "objects of 1 and 2 bytes come back", one_byte, KEEPS},
    {"size-4k", "objects of 4 KiB, and a byte less and more, come back", page, KEEPS},
    {"size-4m", "objects of 4 MiB, and a byte less and more, come back", mib_4, KEEPS},
    {"size-5m", "objects of 5 MiB, and a byte less and more, come back", mib_5, KEEPS},
    {"size-8m", "objects of 8 MiB, and a byte less and more, come back", mib_8, KEEPS},
    {"size-16m", "objects of 16 MiB, and a byte less and more, come back", mib_16, KEEPS},
    {.name = NULL},
};
