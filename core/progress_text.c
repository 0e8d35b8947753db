#include "progress.h"
#include "units.h"

#include <inttypes.h>
#include <stdio.h>

#define TOO_EARLY_MS 1000 /* to tell from the pace so far when the rest will be done */

static int bytes_known(const struct kist_progress_state *numbers)
{
    return numbers->expected > 0 && numbers->raw < (uint64_t)numbers->expected;
}

double kist_progress_fraction(const struct kist_progress_state *numbers)
{
    double done = -1;
    if (numbers->expected > 0)
        done = (double)numbers->raw / (double)numbers->expected;
    else if (numbers->expected_objects > 1)
        done = (double)numbers->objects / (double)numbers->expected_objects;
    return done > 1 ? 1 : done;
}

/* In ms, at the pace so far; -1 when that cannot be told. */
static int64_t time_left(const struct kist_progress_state *numbers)
{
    double done = kist_progress_fraction(numbers);
    if (done <= 0 || done >= 1 || numbers->elapsed_ms <= TOO_EARLY_MS)
        return -1;
    double left = (double)numbers->elapsed_ms * (1 - done) / done;
    return left < 1e15 ? (int64_t)left : -1;
}

/* "0:12", "59:59", "1:02:03". */
static void print_clock(int64_t ms, char *text, size_t size)
{
    int64_t s = (ms + 999) / 1000;
    if (s < 3600)
        snprintf(text, size, "%" PRId64 ":%02" PRId64, s / 60, s % 60);
    else
        snprintf(text, size, "%" PRId64 ":%02" PRId64 ":%02" PRId64, s / 3600, s % 3600 / 60, s % 60);
}

static void describe_objects(const struct kist_progress_state *numbers, char *text, size_t size)
{
    char total[48] = "", eta[48] = "";
    int64_t left = time_left(numbers);
    if (bytes_known(numbers))
        snprintf(total, sizeof total, "/%s", kist_size_show((uint64_t)numbers->expected).text);
    if (left >= 0) {
        snprintf(eta, sizeof eta, ", ETA ");
        print_clock(left, eta + 6, sizeof eta - 6);
    }
    snprintf(text, size, "%s/%s objects, %s%s, %s%s", kist_count_show(numbers->objects).text,
             kist_count_show(numbers->expected_objects).text, kist_size_show(numbers->raw).text, total,
             kist_rate_show(numbers->raw, numbers->elapsed_ms).text, eta);
}

static void describe_bytes(const struct kist_progress_state *numbers, char *text, size_t size)
{
    char total[60] = "", rest[60] = "", stored[60] = "";
    int64_t left = time_left(numbers);
    if (bytes_known(numbers))
        snprintf(total, sizeof total, " of about %s", kist_size_show((uint64_t)numbers->expected).text);
    if (left >= 0)
        snprintf(rest, sizeof rest, ", %s left", kist_duration_show(left).text);
    if (numbers->stored > 0)
        snprintf(stored, sizeof stored, "; stored %s", kist_size_show(numbers->stored).text);
    snprintf(text, size, "%s%s, %s%s%s", kist_size_show(numbers->raw).text, total,
             kist_rate_show(numbers->raw, numbers->elapsed_ms).text, rest, stored);
}

void kist_progress_describe(const struct kist_progress_state *numbers, char *text, size_t size)
{
    if (numbers->expected_objects > 1)
        describe_objects(numbers, text, size);
    else
        describe_bytes(numbers, text, size);
}
