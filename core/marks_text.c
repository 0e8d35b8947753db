#include "marks_text.h"

#include <stdio.h>

void kist_mark_text(const struct kist_catalog_mark *mark, char ret_text[KIST_MARK_TEXT + 1])
{
    static const struct {
        int64_t seconds;
        char letter;
    } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    int64_t then = 0, passed = 0;
    size_t unit = 0;
    if (!kist_id_parse(mark->time, &then)) {
        snprintf(ret_text, KIST_MARK_TEXT + 1, "-");
        return;
    }
    /* The clock that made it may be ahead of this one. */
    passed = kist_time_now() > then ? kist_time_now() - then : 0;
    while (units[unit].seconds > 1 && passed < units[unit].seconds)
        unit++;
    snprintf(ret_text, KIST_MARK_TEXT + 1, "%s %lld%c ago", mark->word, (long long)(passed / units[unit].seconds),
             units[unit].letter);
}

int kist_mark_time_text(const struct kist_catalog_mark *mark, char ret_text[KIST_TIME_LENGTH + 1])
{
    int64_t seconds = 0;
    if (!kist_id_parse(mark->time, &seconds))
        return 0;
    kist_time_text(seconds, ret_text);
    return 1;
}
