/*
 * Which backups a rule picks, against what borg 1.2.4 picks. The table was made with it, once, one repository per history:
 *
 *     borg create --timestamp TIME REPOSITORY::ID EMPTY-FOLDER             for each backup
 *     TZ=ZONE borg prune --dry-run --list --keep-daily 7 ... REPOSITORY    for each rule
 *
 * `N last` is --keep-last, a span of time --keep-within in hours. A pick is written as borg's "rule: daily #2", with '!' where
 * borg says "[oldest]", and '-' where it would prune.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "backup_id.h"
#include "retention_picks.h"

static const char busy[] = "2025-01-31T02-00-00Z 2025-02-28T02-00-00Z 2025-06-30T23-30-00Z 2025-07-01T00-10-00Z "
                           "2025-12-31T23-59-00Z 2026-01-01T00-00-00Z 2026-01-15T04-00-00Z 2026-03-01T04-00-00Z "
                           "2026-03-30T04-00-00Z 2026-04-12T04-00-00Z 2026-05-01T02-15-00Z 2026-05-01T10-15-00Z "
                           "2026-05-01T18-15-00Z 2026-05-02T03-15-00Z 2026-05-03T02-15-00Z 2026-05-03T10-15-00Z "
                           "2026-05-03T18-15-00Z 2026-05-04T03-15-00Z 2026-05-07T02-15-00Z 2026-05-07T10-15-00Z "
                           "2026-05-07T18-15-00Z 2026-05-08T03-15-00Z 2026-05-10T03-15-00Z 2026-05-11T02-15-00Z "
                           "2026-05-11T10-15-00Z 2026-05-11T18-15-00Z 2026-05-12T03-15-00Z ";

static const char year_end[] =
    "2026-12-16T01-30-00Z 2026-12-17T01-30-00Z 2026-12-18T01-30-00Z 2026-12-19T01-30-00Z "
    "2026-12-20T01-30-00Z 2026-12-21T01-30-00Z 2026-12-22T01-30-00Z 2026-12-23T01-30-00Z "
    "2026-12-24T01-30-00Z 2026-12-26T01-30-00Z 2026-12-27T01-30-00Z 2026-12-28T01-30-00Z "
    "2026-12-29T01-30-00Z 2026-12-30T01-30-00Z 2026-12-31T01-30-00Z 2027-01-01T01-30-00Z "
    "2027-01-02T01-30-00Z 2027-01-03T01-30-00Z 2027-01-04T01-30-00Z 2027-01-05T01-30-00Z "
    "2027-01-06T01-30-00Z 2027-01-07T01-30-00Z 2027-01-08T01-30-00Z 2027-01-09T01-30-00Z "
    "2027-01-10T01-30-00Z ";

static const char sparse[] = "2018-03-01T00-00-00Z 2018-11-05T00-00-00Z 2019-12-30T00-00-00Z 2019-12-31T12-00-00Z "
                             "2020-02-29T00-00-00Z 2020-12-28T06-00-00Z 2021-01-03T06-00-00Z 2021-01-04T06-00-00Z "
                             "2023-07-07T07-07-00Z 2024-12-29T05-00-00Z 2024-12-30T05-00-00Z 2025-01-02T05-00-00Z "
                             "2026-06-01T00-00-00Z ";

static const char bursts[] = "2026-02-28T00-00-00Z 2026-02-28T00-05-00Z 2026-02-28T00-59-00Z 2026-02-28T01-00-00Z "
                             "2026-02-28T01-01-00Z 2026-02-28T03-20-00Z 2026-02-28T03-21-00Z 2026-02-28T03-22-00Z "
                             "2026-02-28T07-00-00Z 2026-02-28T08-00-00Z 2026-02-28T09-59-00Z 2026-02-28T10-00-00Z "
                             "2026-02-28T23-58-00Z 2026-02-28T23-59-00Z 2026-03-01T00-00-00Z 2026-03-01T00-01-00Z "
                             "2026-03-01T12-00-00Z ";

static const char berlin[] =
    "2026-03-28T21-30-00Z 2026-03-28T22-30-00Z 2026-03-28T23-30-00Z 2026-03-29T00-30-00Z "
    "2026-03-29T01-30-00Z 2026-03-29T02-30-00Z 2026-03-29T21-30-00Z 2026-03-29T22-30-00Z "
    "2026-10-24T21-30-00Z 2026-10-24T22-30-00Z 2026-10-24T23-30-00Z 2026-10-25T00-30-00Z "
    "2026-10-25T01-30-00Z 2026-10-25T02-30-00Z 2026-10-25T22-30-00Z 2026-10-25T23-30-00Z ";

static const char one[] = "2026-05-05T05-05-00Z ";

static const struct example {
    const char *name, *history, *zone, *keep;
    int64_t now;       /* when borg was asked */
    const char *picks; /* of each backup, oldest first */
} examples[] = {
    {"busy", busy, "UTC", "7 daily, 4 weekly, 12 monthly, 7 yearly", 1795289336,
     "monthly#5 monthly#4 monthly#3 monthly#2 monthly#1 - weekly#4 weekly#3 "
     "weekly#2 weekly#1 - - - - - - "
     "daily#7 daily#6 - - daily#5 daily#4 daily#3 - "
     "- daily#2 daily#1 "},
    {"busy", busy, "UTC", "3 last", 1795289336,
     "- - - - - - - - "
     "- - - - - - - - "
     "- - - - - - - - "
     "last#3 last#2 last#1 "},
    {"busy", busy, "UTC", "5 last, 3 daily", 1795289337,
     "- - - - - - - - "
     "- - - - - - - - "
     "- daily#3 - - daily#2 daily#1 last#5 last#4 "
     "last#3 last#2 last#1 "},
    {"busy", busy, "UTC", "2 hourly, 2 daily, 2 weekly, 2 monthly, 2 yearly", 1795289337,
     "yearly!#2 - - - yearly#1 - monthly#2 - "
     "monthly#1 weekly#2 - - - - - - "
     "weekly#1 - - - - daily#2 daily#1 - "
     "- hourly#2 hourly#1 "},
    {"busy", busy, "UTC", "100 daily", 1795289337,
     "daily#19 daily#18 daily#17 daily#16 daily#15 daily#14 daily#13 daily#12 "
     "daily#11 daily#10 - - daily#9 daily#8 - - "
     "daily#7 daily#6 - - daily#5 daily#4 daily#3 - "
     "- daily#2 daily#1 "},
    {"busy", busy, "UTC", "1 yearly", 1795289337,
     "- - - - - - - - "
     "- - - - - - - - "
     "- - - - - - - - "
     "- - yearly#1 "},
    {"busy", busy, "UTC", "30 monthly", 1795289338,
     "monthly#9 monthly#8 monthly#7 monthly#6 monthly#5 - monthly#4 - "
     "monthly#3 monthly#2 - - - - - - "
     "- - - - - - - - "
     "- - monthly#1 "},
    {"busy", busy, "UTC", "4867 hours, 3 monthly", 1795289338,
     "- - - - - - monthly#3 - "
     "monthly#2 monthly#1 - - - - within#13 within#12 "
     "within#11 within#10 within#9 within#8 within#7 within#6 within#5 within#4 "
     "within#3 within#2 within#1 "},
    {"busy", busy, "UTC", "7027 hours", 1795289338,
     "- - - - - - - within#20 "
     "within#19 within#18 within#17 within#16 within#15 within#14 within#13 within#12 "
     "within#11 within#10 within#9 within#8 within#7 within#6 within#5 within#4 "
     "within#3 within#2 within#1 "},
    {"busy", busy, "UTC", "6 weekly", 1795289339,
     "- - - - - - - weekly#6 "
     "weekly#5 weekly#4 - - - - - - "
     "weekly#3 - - - - - weekly#2 - "
     "- - weekly#1 "},
    {"busy", busy, "UTC", "20 hourly, 3 yearly", 1795289339,
     "yearly!#2 - - - yearly#1 - - hourly#20 "
     "hourly#19 hourly#18 hourly#17 hourly#16 hourly#15 hourly#14 hourly#13 hourly#12 "
     "hourly#11 hourly#10 hourly#9 hourly#8 hourly#7 hourly#6 hourly#5 hourly#4 "
     "hourly#3 hourly#2 hourly#1 "},
    {"year_end", year_end, "UTC", "3 weekly", 1795289339,
     "- - - - - - - - "
     "- - weekly#3 - - - - - "
     "- weekly#2 - - - - - - "
     "weekly#1 "},
    {"year_end", year_end, "UTC", "2 daily, 5 weekly", 1795289340,
     "weekly!#4 - - - weekly#3 - - - "
     "- - weekly#2 - - - - - "
     "- weekly#1 - - - - - daily#2 "
     "daily#1 "},
    {"year_end", year_end, "UTC", "4 weekly, 2 monthly, 2 yearly", 1795289340,
     "monthly!#2 - - - weekly#4 - - - "
     "- - weekly#3 - - - monthly#1 - "
     "- weekly#2 - - - - - - "
     "weekly#1 "},
    {"year_end", year_end, "UTC", "1 monthly, 1 yearly", 1795289340,
     "- - - - - - - - "
     "- - - - - - yearly#1 - "
     "- - - - - - - - "
     "monthly#1 "},
    {"year_end", year_end, "UTC", "30 daily, 1 weekly", 1795289341,
     "daily#25 daily#24 daily#23 daily#22 daily#21 daily#20 daily#19 daily#18 "
     "daily#17 daily#16 daily#15 daily#14 daily#13 daily#12 daily#11 daily#10 "
     "daily#9 daily#8 daily#7 daily#6 daily#5 daily#4 daily#3 daily#2 "
     "daily#1 "},
    {"year_end", year_end, "UTC", "1 last, 1 daily, 1 weekly, 1 monthly, 1 yearly", 1795289341,
     "yearly!#1 - - - - - - - "
     "- - - - - - monthly#1 - "
     "- weekly#1 - - - - - daily#1 "
     "last#1 "},
    {"year_end", year_end, "Europe/Berlin", "3 weekly, 2 yearly", 1795289341,
     "yearly!#2 - - - - - - - "
     "- - weekly#3 - - - yearly#1 - "
     "- weekly#2 - - - - - - "
     "weekly#1 "},
    {"sparse", sparse, "UTC", "7 yearly", 1795289341,
     "- - - yearly#7 - yearly#6 - yearly#5 "
     "yearly#4 - yearly#3 yearly#2 yearly#1 "},
    {"sparse", sparse, "UTC", "3 yearly", 1795289342,
     "- - - - - - - - "
     "- - yearly#3 yearly#2 yearly#1 "},
    {"sparse", sparse, "UTC", "9 yearly", 1795289342,
     "yearly!#9 yearly#8 - yearly#7 - yearly#6 - yearly#5 "
     "yearly#4 - yearly#3 yearly#2 yearly#1 "},
    {"sparse", sparse, "UTC", "2 weekly, 4 yearly", 1795289343,
     "- - - - - yearly#4 - yearly#3 "
     "yearly#2 - yearly#1 weekly#2 weekly#1 "},
    {"sparse", sparse, "UTC", "12 weekly", 1795289343,
     "weekly#10 weekly#9 - weekly#8 weekly#7 - weekly#6 weekly#5 "
     "weekly#4 weekly#3 - weekly#2 weekly#1 "},
    {"sparse", sparse, "UTC", "24 monthly, 2 yearly", 1795289343,
     "monthly#10 monthly#9 - monthly#8 monthly#7 monthly#6 - monthly#5 "
     "monthly#4 - monthly#3 monthly#2 monthly#1 "},
    {"sparse", sparse, "UTC", "1 daily, 1 weekly", 1795289344,
     "- - - - - - - - "
     "- - - weekly#1 daily#1 "},
    {"bursts", bursts, "UTC", "4 hourly", 1795289344,
     "- - - - - - - - "
     "- - - hourly#4 - hourly#3 - hourly#2 "
     "hourly#1 "},
    {"bursts", bursts, "UTC", "24 hourly", 1795289344,
     "hourly!#11 - hourly#10 - hourly#9 - - hourly#8 "
     "hourly#7 hourly#6 hourly#5 hourly#4 - hourly#3 - hourly#2 "
     "hourly#1 "},
    {"bursts", bursts, "UTC", "3 last, 3 hourly", 1795289345,
     "- - - - - - - - "
     "- - hourly#3 hourly#2 - hourly#1 last#3 last#2 "
     "last#1 "},
    {"bursts", bursts, "UTC", "2 daily", 1795289345,
     "- - - - - - - - "
     "- - - - - daily#2 - - "
     "daily#1 "},
    {"bursts", bursts, "UTC", "1 last, 2 hourly, 1 daily, 1 monthly", 1795289345,
     "daily!#1 - - - - - - - "
     "- - - - - hourly#2 - hourly#1 "
     "last#1 "},
    {"berlin", berlin, "Europe/Berlin", "8 daily", 1795289346,
     "daily!#7 daily#6 - - - - daily#5 daily#4 "
     "daily#3 - - - - - daily#2 daily#1 "},
    {"berlin", berlin, "Europe/Berlin", "3 daily, 20 hourly", 1795289346,
     "hourly#15 hourly#14 hourly#13 hourly#12 hourly#11 hourly#10 hourly#9 hourly#8 "
     "hourly#7 hourly#6 hourly#5 - hourly#4 hourly#3 hourly#2 hourly#1 "},
    {"berlin", berlin, "Europe/Berlin", "20 hourly", 1795289346,
     "hourly#15 hourly#14 hourly#13 hourly#12 hourly#11 hourly#10 hourly#9 hourly#8 "
     "hourly#7 hourly#6 hourly#5 - hourly#4 hourly#3 hourly#2 hourly#1 "},
    {"berlin", berlin, "Europe/Berlin", "2 weekly, 4 daily", 1795289347,
     "weekly!#2 - - - - - weekly#1 daily#4 "
     "daily#3 - - - - - daily#2 daily#1 "},
    {"berlin", berlin, "UTC", "8 daily", 1795289347,
     "daily!#5 - daily#4 - - - - daily#3 "
     "- - daily#2 - - - - daily#1 "},
    {"one", one, "UTC", "3 daily, 2 yearly", 1795289348, "daily#1 "},
};

/* "daily#2", "yearly!#1" for one that is picked as the oldest there is, "-". */
static void pick_word(const struct kist_pick *pick, char *ret_word, size_t capacity)
{
    static const char *const words[] = {"-", "last", "within", "hourly", "daily", "weekly", "monthly", "yearly"};
    assert_in_range(pick->fate, KIST_FATE_REMOVE, KIST_FATE_YEARLY);
    if (pick->fate == KIST_FATE_REMOVE)
        snprintf(ret_word, capacity, "-");
    else
        snprintf(ret_word, capacity, "%s%s#%d", words[pick->fate], pick->oldest ? "!" : "", pick->number);
}

static const struct kist_zone *zone_of(const char *name)
{
    struct kist_error err KIST_CLEANUP_ERROR = KIST_ERROR_INIT;
    const struct kist_zone *zone = NULL;
    assert_int_equal(kist_zone_find(name, &zone, &err), 0);
    return zone;
}

static size_t read_history(const char *text, struct kist_candidate *ret_backups, size_t capacity)
{
    size_t count = 0;
    for (; *text; text += KIST_ID_LENGTH + 1) {
        char id[KIST_ID_LENGTH + 1] = "";
        assert_in_range(count, 0, capacity - 1);
        memcpy(id, text, KIST_ID_LENGTH);
        ret_backups[count] = (struct kist_candidate){.good = 1};
        assert_true(kist_id_parse(id, &ret_backups[count++].time));
    }
    return count;
}

static void check_example(const struct example *example)
{
    struct kist_error err KIST_CLEANUP_ERROR = KIST_ERROR_INIT;
    struct kist_candidate backups[64];
    struct kist_civil civils[64];
    struct kist_pick picks[64] = {{0}};
    struct kist_retention rules = {
        .min_keep = 1, .max_delete = 100, .zone = zone_of(example->zone), .now = example->now};
    struct kist_plan plan = {0};
    size_t count = read_history(example->history, backups, 64);
    const char *expected = example->picks;
    assert_int_equal(kist_keep_parse(example->keep, &rules.keep, &err), 0);
    if (rules.now < backups[count - 1].time)
        rules.now = backups[count - 1].time;
    for (size_t i = 0; i < count; i++)
        kist_zone_civil(rules.zone, backups[i].time, &civils[i]);
    kist_retention_pick(backups, civils, count, 0, &rules.keep, rules.now, picks);
    assert_int_equal(kist_retention_plan(backups, count, &rules, &plan, &err), 0);
    assert_null(plan.frozen);
    for (size_t i = 0; i < count; i++) {
        char word[32];
        size_t size = strcspn(expected, " ");
        pick_word(&picks[i], word, sizeof word);
        if (strlen(word) != size || strncmp(word, expected, size) != 0)
            fail_msg("%s, %s, %s: backup %zu is %s, borg says %.*s", example->name, example->zone, example->keep,
                     i, word, (int)size, expected);
        /* The plan as a whole, where no guard has anything to say, lets go what borg does. */
        assert_int_equal(plan.entries[i].fate, picks[i].fate);
        expected += size + 1;
    }
    assert_string_equal(expected, "");
    kist_plan_done(&plan);
}

static void picks_are_those_of_borg(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++)
        check_example(&examples[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(picks_are_those_of_borg)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
