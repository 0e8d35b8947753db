#include "config_time.h"
#include "units.h"

#include <kist/notifier.h>
#include <stdlib.h>
#include <string.h>

static void report(const struct kist_bind_scope *scope, const char *key, struct kist_error *err)
{
    const struct kist_config_place place = kist_bind_place(scope, key);
    kist_problem_add_error(scope->problems, &place, err);
}

void kist_config_percent(const struct kist_bind_scope *scope, const char *key, const char *text, int *ret_percent)
{
    struct kist_error err KIST_CLEANUP_ERROR = KIST_ERROR_INIT;
    size_t length = strlen(text);
    char *digits = length > 1 && text[length - 1] == '%' ? strndup(text, length - 1) : NULL;
    int64_t number = 0;
    if (digits && !kist_integer_parse(digits, &number, &err) && number >= 1 && number <= 100) {
        *ret_percent = (int)number;
    } else {
        const struct kist_config_place place = kist_bind_place(scope, key);
        kist_problem_add(scope->problems, &place, "'%s' is not understood", text);
        kist_problem_hint(scope->problems, "write %s = 50%%", key);
    }
    free(digits);
}

void kist_config_wire_keep(const struct kist_bind_scope *scope, const char *text, struct kist_keep *ret_keep)
{
    struct kist_error err KIST_CLEANUP_ERROR = KIST_ERROR_INIT;
    if (text && *text && kist_keep_parse(text, ret_keep, &err))
        report(scope, "keep", &err);
}

/* A time zone without a schedule is that of `keep`; it is looked up in any case, for a typing error must not wait. */
static void wire_schedule(const struct kist_bind_scope *scope, const struct kist_pipeline_keys *keys,
                          struct kist_config_pipeline *shown)
{
    struct kist_error err KIST_CLEANUP_ERROR = KIST_ERROR_INIT;
    const char *zone = keys->timezone && *keys->timezone ? keys->timezone : "UTC";
    if (kist_zone_find(zone, &shown->schedule.zone, &err))
        report(scope, "timezone", &err);
    else if (keys->schedule && *keys->schedule &&
             kist_schedule_parse(keys->schedule, zone, keys->jitter.ms, shown->name, &shown->schedule, &err))
        report(scope, "schedule", &err);
}

void kist_config_wire_time(const struct kist_bind_scope *scope, const struct kist_pipeline_keys *keys,
                           struct kist_config_pipeline *shown)
{
    enum { AUTO, NO, YES };
    wire_schedule(scope, keys, shown);
    kist_config_wire_keep(scope, keys->keep, &shown->keep);
    shown->max_age_ms = keys->max_age.ms;
    shown->min_keep = (int)keys->min_keep;
    shown->exclusive = keys->exclusive.index == YES ||
                       (keys->exclusive.index != NO && shown->schedule.kind != KIST_SCHEDULE_NONE);
    if (keys->max_delete && *keys->max_delete)
        kist_config_percent(scope, "max_delete", keys->max_delete, &shown->max_delete);
}

uint32_t kist_config_events(const struct kist_bind_scope *scope, const kist_list *words)
{
    static const struct {
        const char *word;
        uint32_t kind;
    } events[] = {{"start", KIST_EVENT_START},       {"success", KIST_EVENT_SUCCESS},
                  {"degraded", KIST_EVENT_DEGRADED}, {"failure", KIST_EVENT_FAILURE},
                  {"recovery", KIST_EVENT_RECOVERY}, {"overdue", KIST_EVENT_OVERDUE},
                  {"suspect", KIST_EVENT_SUSPECT}};
    uint32_t set = 0;
    for (uint64_t i = 0; i < words->count; i++) {
        size_t k = 0;
        while (k < sizeof events / sizeof *events && strcmp(events[k].word, words->items[i]) != 0)
            k++;
        if (k < sizeof events / sizeof *events) {
            set |= UINT32_C(1) << events[k].kind;
            continue;
        }
        const struct kist_config_place place = kist_bind_place(scope, "on");
        kist_problem_add(scope->problems, &place, "there is no event '%s'", words->items[i]);
        kist_problem_hint(scope->problems,
                          "events are start, success, degraded, failure, recovery, overdue, suspect");
    }
    return set;
}
