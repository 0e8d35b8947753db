#include "units.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct unit {
    const char *name;
    uint64_t factor;
};

#define KIB UINT64_C(1024)
#define KB UINT64_C(1000)

/* In the order in which kist_size_write tries them. */
static const struct unit sizes[] = {
    {"TiB", KIB *KIB *KIB *KIB},
    {"TB", KB *KB *KB *KB},
    {"GiB", KIB *KIB *KIB},
    {"GB", KB *KB *KB},
    {"MiB", KIB *KIB},
    {"MB", KB *KB},
    {"KiB", KIB},
    {"kB", KB},
    {"KB", KB},
    {"B", 1},
};

static const struct unit durations[] = {
    {"w", UINT64_C(7) * 24 * 3600 * 1000},
    {"d", UINT64_C(24) * 3600 * 1000},
    {"h", UINT64_C(3600) * 1000},
    {"m", UINT64_C(60) * 1000},
    {"s", 1000},
    {"ms", 1},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char *skip_blanks(const char *text)
{
    return text + strspn(text, " \t");
}

/* Length of `text` without blanks at its end. */
static size_t trimmed_size(const char *text)
{
    size_t size = strlen(text);
    while (size > 0 && (text[size - 1] == ' ' || text[size - 1] == '\t'))
        size--;
    return size;
}

/* Takes digits. Returns 0, -1 when there are none, 1 when the number is too large (all digits are taken then). */
static int take_number(const char **text, uint64_t *ret_number)
{
    uint64_t number = 0;
    int result = -1;
    const char *at = *text;
    for (; *at >= '0' && *at <= '9'; at++) {
        if (result < 0)
            result = 0;
        if (__builtin_mul_overflow(number, UINT64_C(10), &number) ||
            __builtin_add_overflow(number, (uint64_t)(*at - '0'), &number))
            result = 1;
    }
    *text = at;
    *ret_number = number;
    return result;
}

static const struct unit *unit_of(const struct unit *units, size_t count, const char *text)
{
    size_t size = trimmed_size(text);
    for (size_t i = 0; i < count; i++)
        if (strlen(units[i].name) == size && strncmp(units[i].name, text, size) == 0)
            return &units[i];
    return NULL;
}

/* A number with a unit; `bare` is the unit of a number without one, or NULL. 0, -1: not one, 1: too large. */
static int parse_quantity(const char *text, const struct unit *units, size_t count, const struct unit *bare,
                          uint64_t *ret_value)
{
    uint64_t number = 0;
    const char *at = skip_blanks(text);
    int result = take_number(&at, &number);
    if (result < 0)
        return -1;
    at = skip_blanks(at);
    const struct unit *unit = *at ? unit_of(units, count, at) : bare;
    if (!unit)
        return -1;
    if (result == 0 && __builtin_mul_overflow(number, unit->factor, ret_value))
        result = 1;
    return result;
}

int kist_size_parse(const char *text, uint64_t *ret_bytes, struct kist_error *err)
{
    static const struct unit byte = {"", 1};
    uint64_t value = 0;
    int result = parse_quantity(text, sizes, COUNT(sizes), &byte, &value);
    if (result < 0) {
        kist_fail(err, KIST_ERR_CONFIG, "'%s' is not a size", text);
        kist_hint(err, "a whole number of bytes, or with a unit: 16MiB (powers of 1024), 16MB (powers of 1000)");
        return KIST_ERR_CONFIG;
    }
    /* Above INT64_MAX no file can be that large, and ranges could not be compared. */
    if (result > 0 || value > INT64_MAX)
        return kist_fail(err, KIST_ERR_CONFIG, "the size '%s' is too large", text);
    *ret_bytes = value;
    return 0;
}

int kist_duration_parse(const char *text, int64_t *ret_ms, struct kist_error *err)
{
    uint64_t value = 0;
    int result = parse_quantity(text, durations, COUNT(durations), NULL, &value);
    if (result < 0) {
        kist_fail(err, KIST_ERR_CONFIG, "'%s' is not a duration", text);
        kist_hint(err, "a whole number with a unit: 250ms, 30s, 5m, 2h, 7d, 1w");
        return KIST_ERR_CONFIG;
    }
    if (result > 0 || value > INT64_MAX)
        return kist_fail(err, KIST_ERR_CONFIG, "the duration '%s' is too long", text);
    *ret_ms = (int64_t)value;
    return 0;
}

int kist_integer_parse(const char *text, int64_t *ret_number, struct kist_error *err)
{
    uint64_t value = 0;
    const char *at = skip_blanks(text);
    int negative = *at == '-';
    at += negative;
    int result = take_number(&at, &value);
    if (result < 0 || *skip_blanks(at) != '\0')
        return kist_fail(err, KIST_ERR_CONFIG, "'%s' is not a whole number", text);
    if (result > 0 || value > (uint64_t)INT64_MAX)
        return kist_fail(err, KIST_ERR_CONFIG, "the number '%s' is too large", text);
    *ret_number = negative ? -(int64_t)value : (int64_t)value;
    return 0;
}

int kist_switch_parse(const char *text, uint32_t *ret_on, struct kist_error *err)
{
    static const char *const words[] = {"no", "yes", "false", "true", "off", "on", "0", "1"};
    const char *at = skip_blanks(text);
    size_t size = trimmed_size(at);
    for (uint32_t i = 0; i < COUNT(words); i++) {
        if (strlen(words[i]) == size && strncasecmp(words[i], at, size) == 0) {
            *ret_on = i % 2;
            return 0;
        }
    }
    kist_fail(err, KIST_ERR_CONFIG, "'%s' is neither yes nor no", text);
    kist_hint(err, "yes or no; true, false, on, off, 1 and 0 will do");
    return KIST_ERR_CONFIG;
}

struct kist_units_text kist_size_write(uint64_t bytes)
{
    struct kist_units_text result = {""};
    for (size_t i = 0; i < COUNT(sizes) && bytes > 0; i++) {
        if (sizes[i].factor > 1 && bytes % sizes[i].factor == 0) {
            snprintf(result.text, sizeof result.text, "%" PRIu64 "%s", bytes / sizes[i].factor, sizes[i].name);
            return result;
        }
    }
    snprintf(result.text, sizeof result.text, "%" PRIu64, bytes);
    return result;
}

struct kist_units_text kist_duration_write(int64_t ms)
{
    struct kist_units_text result = {"0s"};
    for (size_t i = 0; i < COUNT(durations) && ms > 0; i++) {
        if (ms % (int64_t)durations[i].factor == 0) {
            snprintf(result.text, sizeof result.text, "%" PRId64 "%s", ms / (int64_t)durations[i].factor,
                     durations[i].name);
            break;
        }
    }
    return result;
}

static struct kist_units_text show_size(double bytes, const char *per)
{
    static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    struct kist_units_text result = {""};
    size_t unit = 0;
    double value = bytes;
    /* 1023.95 and more would be shown as 1024.0. */
    for (; value >= (unit == 0 ? 1023.5 : 1023.95) && unit + 1 < COUNT(names); unit++)
        value /= 1024;
    snprintf(result.text, sizeof result.text, "%.*f %s%s", unit == 0 ? 0 : 1, value, names[unit], per);
    return result;
}

struct kist_units_text kist_size_show(uint64_t bytes)
{
    return show_size((double)bytes, "");
}

struct kist_units_text kist_rate_show(uint64_t bytes, int64_t ms)
{
    struct kist_units_text none = {"-"};
    return ms > 0 ? show_size((double)bytes * 1000 / (double)ms, "/s") : none;
}

struct kist_units_text kist_duration_show(int64_t ms)
{
    struct kist_units_text result = {""};
    int64_t s = ms > 0 ? ms / 1000 : 0;
    if (ms < 1000)
        snprintf(result.text, sizeof result.text, "%" PRId64 " ms", ms > 0 ? ms : 0);
    else if (s < 60)
        snprintf(result.text, sizeof result.text, "%" PRId64 " s", s);
    else if (s < 3600)
        snprintf(result.text, sizeof result.text, "%" PRId64 " min %02" PRId64 " s", s / 60, s % 60);
    else if (s < 86400)
        snprintf(result.text, sizeof result.text, "%" PRId64 " h %02" PRId64 " min", s / 3600, s % 3600 / 60);
    else
        snprintf(result.text, sizeof result.text, "%" PRId64 " d %02" PRId64 " h", s / 86400, s % 86400 / 3600);
    return result;
}

struct kist_units_text kist_count_show(uint64_t count)
{
    struct kist_units_text result = {""};
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%" PRIu64, count);
    size_t at = 0;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            result.text[at++] = ',';
        result.text[at++] = digits[i];
    }
    return result;
}
