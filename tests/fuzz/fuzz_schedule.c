/* Any text as a schedule and as the name of a time zone, at any time: no crash, and the slots are in order. */
#include "schedule.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int truth)
{
    if (!truth)
        abort();
}

static void check_slots(const struct kist_schedule *schedule, int64_t time)
{
    int64_t next = kist_schedule_next(schedule, time), last = kist_schedule_last(schedule, time);
    expect(next == -1 || (next > time && next >= 0));
    expect(last == -1 || (last <= time && last >= 0));
    if (next >= 0) {
        expect(kist_schedule_last(schedule, next) == next);
        expect(kist_schedule_last(schedule, next - 1) == last);
    }
    if (last >= 0) {
        expect(kist_schedule_next(schedule, last - 1) == last);
        expect(kist_schedule_next(schedule, last) == next || next == -1);
    }
    int64_t overdue = kist_schedule_overdue_at(schedule, time);
    expect(next < 0 ? overdue == -1 : overdue >= next + 600);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const zones[] = {"UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/New_York"};
    struct kist_error err = KIST_ERROR_INIT;
    struct kist_schedule schedule = {.kind = KIST_SCHEDULE_NONE};
    const struct kist_zone *zone = NULL;
    int64_t time = 0, jitter = 0;
    if (size < 9)
        return 0;
    memcpy(&time, data, sizeof time);
    jitter = (data[8] >> 2) * INT64_C(60000);
    char *text = strndup((const char *)data + 9, size - 9);
    if (!text)
        return 0;
    if (kist_schedule_parse(text, zones[data[8] & 3], jitter, text, &schedule, &err) == 0) {
        check_slots(&schedule, time);
        /* Most times are none of this century otherwise. */
        check_slots(&schedule, (int64_t)((uint64_t)time % UINT64_C(4133980800)));
    }
    /* Nothing but a name that the system has is a zone; those would be kept, so names are tried that cannot be one. */
    if (strpbrk(text, ":,. <>") || text[0] == '/')
        expect(kist_zone_find(text, &zone, &err) == KIST_ERR_CONFIG);
    kist_error_done(&err);
    free(text);
    return 0;
}
