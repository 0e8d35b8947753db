#include "cron.h"
#include "suggest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define LONGEST 200

static const char *const months[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                     "jul", "aug", "sep", "oct", "nov", "dec"};
static const char *const weekdays[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

static const struct field {
    const char *title, *allowed;
    int first, last;          /* numbers that may be written */
    const char *const *names; /* of the numbers from `first` on */
    size_t name_count;
} fields[KIST_CRON_FIELDS] = {
    {"minute", "0-59", 0, 59, NULL, 0},
    {"hour", "0-23", 0, 23, NULL, 0},
    {"day of month", "1-31", 1, 31, NULL, 0},
    {"month", "1-12 or jan-dec", 1, 12, months, COUNT(months)},
    {"day of week", "0-7 or sun-sat; 0 and 7 are Sunday", 0, 7, weekdays, COUNT(weekdays)},
};

static const struct {
    const char *word, *fields;
} words[] = {
    {"@hourly", "0 * * * *"},  {"@daily", "0 0 * * *"},    {"@midnight", "0 0 * * *"}, {"@weekly", "0 0 * * 0"},
    {"@monthly", "0 0 1 * *"}, {"@annually", "0 0 1 1 *"}, {"@yearly", "0 0 1 1 *"},
};

/* One "*", "A" or "A-B" of a list, with its step. */
struct part {
    int first, last, step;
    int star, stepped;
};

static int wrong(const struct field *field, const char *text, const char *why, struct kist_error *err)
{
    kist_fail(err, KIST_ERR_CONFIG, "%s '%s' %s", field->title, text, why);
    kist_hint(err, "the %s may be *, or a list of numbers, ranges (A-B) and steps (*/N) of %s", field->title,
              field->allowed);
    return KIST_ERR_CONFIG;
}

/* A number without a sign, or -1. */
static int number_of(const char *text)
{
    size_t size = strlen(text);
    return size > 0 && size <= 4 && strspn(text, "0123456789") == size ? atoi(text) : -1;
}

/* A number or name of a field, or -1. */
static int value_of(const struct field *field, const char *text)
{
    for (size_t i = 0; i < field->name_count; i++)
        if (strcasecmp(field->names[i], text) == 0)
            return field->first + (int)i;
    int number = number_of(text);
    return number >= field->first && number <= field->last ? number : -1;
}

static int parse_step(const struct field *field, const char *text, char *step, struct part *part,
                      struct kist_error *err)
{
    int largest = field->last - field->first;
    part->step = number_of(step);
    part->stepped = 1;
    if (part->step == 0)
        return wrong(field, text, "has a step of 0", err);
    if (part->step < 0)
        return wrong(field, text, "has no number as its step", err);
    if (part->step <= largest)
        return 0;
    kist_fail(err, KIST_ERR_CONFIG, "%s '%s' has a step that leaves the field", field->title, text);
    kist_hint(err, "steps start again with each field, so %d is the largest here; for longer ones: every 36h",
              largest);
    return KIST_ERR_CONFIG;
}

/* "A-B". A week may end with its Sunday. */
static int parse_range(const struct field *field, const char *text, char *dash, struct part *part,
                       struct kist_error *err)
{
    const char *end = dash + 1;
    int is_week = field->names == weekdays;
    *dash = '\0';
    part->last = is_week && !strcasecmp(end, "sun") ? 7 : value_of(field, end);
    return part->last < 0 ? wrong(field, text, "is not understood", err) : 0;
}

/* `range` is a copy of `text` that may be cut into pieces. */
static int parse_part(const struct field *field, const char *text, char *range, struct part *part,
                      struct kist_error *err)
{
    char *slash = strchr(range, '/');
    if (slash) {
        *slash = '\0';
        if (parse_step(field, text, slash + 1, part, err))
            return KIST_ERR_CONFIG;
    }
    part->star = strcmp(range, "*") == 0;
    if (part->star)
        return 0;
    char *dash = strchr(range, '-');
    if (dash && parse_range(field, text, dash, part, err))
        return KIST_ERR_CONFIG;
    part->first = value_of(field, range);
    if (part->first < 0)
        return wrong(field, text, number_of(range) < 0 ? "is not understood" : "is out of its range", err);
    if (!dash)
        part->last = part->first;
    if (part->last < part->first)
        return wrong(field, text, "is a range that ends before it begins", err);
    if (!dash && slash)
        return wrong(field, text, "has a step, but no range to step through", err);
    return 0;
}

static int add_part(const struct field *field, const char *text, uint64_t *set, int *star, struct kist_error *err)
{
    char range[LONGEST + 1];
    struct part part = {.first = field->first, .last = field->last, .step = 1};
    snprintf(range, sizeof range, "%s", text);
    if (parse_part(field, text, range, &part, err))
        return KIST_ERR_CONFIG;
    for (int value = part.first; value <= part.last; value += part.step)
        *set |= UINT64_C(1) << (field->names == weekdays ? value % 7 : value);
    *star |= part.star;
    return 0;
}

/* A list; `text` is cut into its pieces. */
static int parse_field(const struct field *field, char *text, uint64_t *set, int *star, struct kist_error *err)
{
    for (char *rest = text, *part = strsep(&rest, ","); part; part = strsep(&rest, ",")) {
        if (!*part)
            return wrong(field, part, "is empty", err);
        if (add_part(field, part, set, star, err))
            return KIST_ERR_CONFIG;
    }
    return 0;
}

static int unknown_word(const char *word, struct kist_error *err)
{
    const char *names[COUNT(words)];
    for (size_t i = 0; i < COUNT(words); i++)
        names[i] = words[i].word;
    const char *meant = kist_suggest(word, names, COUNT(names));
    kist_fail(err, KIST_ERR_CONFIG, "there is no '%s'", word);
    if (meant)
        kist_hint(err, "did you mean %s?", meant);
    else
        kist_hint(err, "@hourly, @daily, @weekly, @monthly or @yearly");
    return KIST_ERR_CONFIG;
}

static int wrong_count(const char *text, size_t count, struct kist_error *err)
{
    kist_fail(err, KIST_ERR_CONFIG, "'%s' has %zu field%s instead of 5", text, count, count == 1 ? "" : "s");
    kist_hint(err, "minute, hour, day of month, month, day of week (30 2 * * *); or @daily; or every 6h");
    return KIST_ERR_CONFIG;
}

static int parse_fields(const char *text, char *copy, struct kist_cron *cron, struct kist_error *err)
{
    char *found[KIST_CRON_FIELDS] = {NULL}, *rest = NULL;
    size_t count = 0;
    for (char *field = strtok_r(copy, " \t", &rest); field; field = strtok_r(NULL, " \t", &rest)) {
        if (count < KIST_CRON_FIELDS)
            found[count] = field;
        count++;
    }
    if (count != KIST_CRON_FIELDS)
        return wrong_count(text, count, err);
    for (size_t i = 0; i < KIST_CRON_FIELDS; i++)
        if (parse_field(&fields[i], found[i], &cron->sets[i], &cron->stars[i], err))
            return KIST_ERR_CONFIG;
    return 0;
}

int kist_cron_parse(const char *text, struct kist_cron *ret_cron, struct kist_error *err)
{
    char copy[LONGEST + 1];
    struct kist_cron cron = {0};
    size_t start = strspn(text, " \t"), size = strlen(text + start);
    if (size > LONGEST)
        return kist_fail(err, KIST_ERR_CONFIG, "a schedule of %zu bytes is too long", size);
    snprintf(copy, sizeof copy, "%s", text + start);
    while (size > 0 && strchr(" \t", copy[size - 1]))
        copy[--size] = '\0';
    if (copy[0] == '@') {
        size_t i = 0;
        while (i < COUNT(words) && strcasecmp(words[i].word, copy) != 0)
            i++;
        if (i == COUNT(words))
            return unknown_word(copy, err);
        snprintf(copy, sizeof copy, "%s", words[i].fields);
    }
    if (parse_fields(text, copy, &cron, err))
        return KIST_ERR_CONFIG;
    *ret_cron = cron;
    return 0;
}
