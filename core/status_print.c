#include "status_print.h"
#include "units.h"

#include <stdio.h>
#include <string.h>

#define TREND_SHOWN 10
#define STEPS 8

void kist_spark_add(struct kist_text *text, const int64_t *values, size_t count, size_t limit, int fancy)
{
    static const char *const blocks[STEPS] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char *const plain[STEPS] = {".", ":", "-", "=", "+", "*", "#", "%"};
    int64_t largest = 0;
    size_t first = count > limit ? count - limit : 0;
    for (size_t i = first; i < count; i++)
        if (values[i] > largest)
            largest = values[i];
    for (size_t i = first; i < count; i++) {
        double share = largest ? (double)values[i] / (double)largest : 1;
        size_t step = share >= 1 ? STEPS - 1 : (size_t)(share * STEPS);
        kist_text_add(text, (fancy ? blocks : plain)[step]);
    }
}

/* "2d ago"; "-" for never. */
static struct kist_units_text ago(int64_t time, int64_t now)
{
    static const struct {
        int64_t seconds;
        char letter;
    } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    struct kist_units_text result = {"-"};
    int64_t passed = now > time ? now - time : 0;
    size_t unit = 0;
    if (!time)
        return result;
    while (units[unit].seconds > 1 && passed < units[unit].seconds)
        unit++;
    snprintf(result.text, sizeof result.text, "%lld%c ago", (long long)(passed / units[unit].seconds),
             units[unit].letter);
    return result;
}

void kist_status_print_head(int width)
{
    printf("%-*s  %-7s  %-20s  %-12s %10s  %-*s  %-8s  %-8s  %-12s  %s\n", width, "PIPELINE", "STATE", "LAST GOOD",
           "AGE", "SIZE", TREND_SHOWN, "TREND", "VERIFIED", "DRILLED", "DESTINATIONS", "NEXT RUN");
}

void kist_status_print_row(const struct kist_status *status, int width, int fancy, int64_t now)
{
    KIST_CLEANUP_TEXT struct kist_text trend = KIST_TEXT_INIT;
    char next[KIST_TIME_LENGTH + 1] = "-", places[48] = "-";
    int64_t age = kist_status_age(status, now);
    /* That of what a provider holds may not be known. */
    const uint64_t size = status->good ? kist_manifest_raw_size(&status->good->manifest) : 0;
    /* The width of a column counts characters, that of printf bytes. */
    size_t shown = status->trend_count < TREND_SHOWN ? status->trend_count : TREND_SHOWN;
    kist_spark_add(&trend, status->trend, status->trend_count, TREND_SHOWN, fancy);
    if (status->next >= 0)
        kist_time_text(status->next, next);
    if (status->good)
        snprintf(places, sizeof places, "%zu/%zu", status->complete, status->expected);
    printf("%-*s  %-7s  %-20s  %-12s %10s  %s%*s  %-8s  %-8s  %-12s  %s\n", width, status->pipeline->name,
           kist_status_word(status), status->good_id[0] ? status->good_id : "-",
           age >= 0 ? kist_duration_show(age * 1000).text : "-", size > 0 ? kist_size_show(size).text : "-",
           kist_text_get(&trend), (int)(TREND_SHOWN - shown), "", ago(status->verified, now).text,
           ago(status->drilled, now).text, places, next);
}
