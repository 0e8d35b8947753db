#include "zone_table.h"
#include "calendar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Two changes that are nearer to each other could cancel each other out unseen. */
#define STEP (6 * KIST_DAY)

static int64_t offset_at(int64_t time)
{
    time_t seconds = (time_t)time;
    struct tm parts;
    return localtime_r(&seconds, &parts) ? parts.tm_gmtoff : 0;
}

/* The first second after `low` that has the offset of `high`. */
static int64_t change_between(int64_t low, int64_t high, int64_t offset)
{
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (offset_at(middle) == offset)
            high = middle;
        else
            low = middle;
    }
    return high;
}

static int add_change(struct kist_zone_table *table, int64_t time, int64_t offset)
{
    struct kist_zone_change *changes = reallocarray(table->changes, table->count + 1, sizeof *changes);
    if (!changes)
        return -1;
    table->changes = changes;
    changes[table->count++] = (struct kist_zone_change){.time = time, .offset = offset};
    return 0;
}

static int sample(struct kist_zone_table *table)
{
    int64_t offset = table->first_offset = offset_at(0);
    for (int64_t low = 0; low < KIST_ZONE_END; low += STEP) {
        int64_t high = low + STEP < KIST_ZONE_END ? low + STEP : KIST_ZONE_END;
        int64_t next = offset_at(high);
        if (next != offset && add_change(table, change_between(low, high, next), next))
            return -1;
        offset = next;
    }
    return 0;
}

/* Without a value the variable is taken away. */
static int set_zone(const char *value)
{
    int result = value ? setenv("TZ", value, 1) : unsetenv("TZ");
    tzset();
    return result;
}

int kist_zone_read(const char *path, struct kist_zone_table *ret_table, struct kist_error *err)
{
    struct kist_zone_table table = {0};
    const char *current = getenv("TZ");
    char *before = current ? strdup(current) : NULL;
    char *value = NULL;
    int failed = (current && !before) || asprintf(&value, ":%s", path) < 0;
    if (!failed) {
        failed = set_zone(value) || sample(&table);
        failed |= set_zone(before);
        free(value);
    }
    free(before);
    if (failed) {
        kist_zone_table_done(&table);
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    }
    *ret_table = table;
    return 0;
}

void kist_zone_table_done(struct kist_zone_table *table)
{
    free(table->changes);
    *table = (struct kist_zone_table){0};
}
