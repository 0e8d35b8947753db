#include "zone.h"
#include "calendar.h"
#include "zone_table.h"

#include <stdlib.h>
#include <string.h>

/* No two offsets are further apart than this, not even where a country crossed the date line. */
#define FURTHEST (2 * KIST_DAY)
#define FURTHEST_TIME INT64_C(253402300799) /* the end of the year 9999 */

struct kist_zone {
    char *name;
    struct kist_zone_table table;
    struct kist_zone *next;
};

/* All that were found, until the process ends. */
static struct kist_zone *known;

static struct kist_zone *find_known(const char *name)
{
    struct kist_zone *zone = known;
    while (zone && strcmp(zone->name, name) != 0)
        zone = zone->next;
    return zone;
}

/* UTC has no rules, so that it needs no file of the system. */
static int read_rules(const char *name, struct kist_zone_table *ret_table, struct kist_error *err)
{
    char *path = NULL;
    if (strcmp(name, "UTC") == 0)
        return 0;
    int code = kist_zone_file(name, &path, err);
    if (!code)
        code = kist_zone_read(path, ret_table, err);
    free(path);
    return code;
}

int kist_zone_find(const char *name, const struct kist_zone **ret_zone, struct kist_error *err)
{
    struct kist_zone_table table = {0};
    struct kist_zone *zone = find_known(name);
    if (!zone) {
        int code = read_rules(name, &table, err);
        if (code)
            return code;
        zone = malloc(sizeof *zone);
        char *copy = strdup(name);
        if (!zone || !copy) {
            free(zone);
            free(copy);
            kist_zone_table_done(&table);
            return kist_fail(err, KIST_ERR_FAILED, "out of memory");
        }
        *zone = (struct kist_zone){.name = copy, .table = table, .next = known};
        known = zone;
    }
    *ret_zone = zone;
    return 0;
}

const char *kist_zone_name(const struct kist_zone *zone)
{
    return zone->name;
}

/* How many changes there are up to `time`, which is the place of the first one after it. */
static size_t changes_until(const struct kist_zone_table *table, int64_t time)
{
    size_t low = 0, high = table->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (table->changes[middle].time <= time)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The offset after that many changes. */
static int64_t offset_after(const struct kist_zone_table *table, size_t changes)
{
    return changes > 0 ? table->changes[changes - 1].offset : table->first_offset;
}

int64_t kist_zone_offset(const struct kist_zone *zone, int64_t time)
{
    return offset_after(&zone->table, changes_until(&zone->table, time));
}

int64_t kist_zone_change_after(const struct kist_zone *zone, int64_t time)
{
    size_t place = changes_until(&zone->table, time);
    return place < zone->table.count ? zone->table.changes[place].time : INT64_MAX;
}

int64_t kist_zone_change_until(const struct kist_zone *zone, int64_t time)
{
    size_t place = changes_until(&zone->table, time);
    return place > 0 ? zone->table.changes[place - 1].time : INT64_MIN;
}

void kist_zone_civil(const struct kist_zone *zone, int64_t time, struct kist_civil *ret_civil)
{
    /* What is further away comes from no clock, and its year would not fit. */
    int64_t sane = time < -FURTHEST_TIME ? -FURTHEST_TIME : time > FURTHEST_TIME ? FURTHEST_TIME : time;
    int64_t local = sane + kist_zone_offset(zone, sane);
    int64_t days = kist_calendar_floor(local, KIST_DAY);
    int second = (int)(local - days * KIST_DAY);
    kist_calendar_date(days, &ret_civil->year, &ret_civil->month, &ret_civil->day);
    ret_civil->hour = second / 3600;
    ret_civil->minute = second / 60 % 60;
    ret_civil->second = second % 60;
    ret_civil->weekday = kist_calendar_weekday(days);
    kist_calendar_iso_week(days, &ret_civil->iso_year, &ret_civil->iso_week);
}

int64_t kist_zone_time(const struct kist_zone *zone, const struct kist_civil *civil, int *ret_skipped)
{
    const struct kist_zone_table *table = &zone->table;
    int64_t days = kist_calendar_days(civil->year, civil->month, civil->day);
    int64_t local = days * KIST_DAY + civil->hour * INT64_C(3600) + civil->minute * INT64_C(60) + civil->second;
    size_t place = changes_until(table, local - FURTHEST);
    int64_t time = local - offset_after(table, place);
    /* Each change leaves the clock either before the time that is looked for, or at or behind it. */
    while (place < table->count && time >= table->changes[place].time)
        time = local - table->changes[place++].offset;
    int skipped = place > 0 && time < table->changes[place - 1].time;
    if (ret_skipped)
        *ret_skipped = skipped;
    return skipped ? table->changes[place - 1].time : time;
}
