#include "keep.h"
#include "suggest.h"
#include "text.h"

#include <inttypes.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define HOUR INT64_C(3600)
#define DAY (24 * HOUR)

/* The words in the order in which a rule is written back. */
static const struct rule {
    const char *word;
    size_t field;
} rules[] = {
    {"last", offsetof(struct kist_keep, last)},       {"hourly", offsetof(struct kist_keep, hourly)},
    {"daily", offsetof(struct kist_keep, daily)},     {"weekly", offsetof(struct kist_keep, weekly)},
    {"monthly", offsetof(struct kist_keep, monthly)}, {"yearly", offsetof(struct kist_keep, yearly)},
};

/* Longest first: a text is written with the largest unit that leaves no rest. */
static const struct span {
    const char *many, *one;
    int64_t seconds;
} spans[] = {
    {"years", "year", 366 * DAY}, {"months", "month", 31 * DAY}, {"weeks", "week", 7 * DAY},
    {"days", "day", DAY},         {"hours", "hour", HOUR},
};

/* One part of the text, between commas. */
struct part {
    const char *text;
    int size;
    int number;
    char word[16]; /* "" when it is longer than any that is known */
};

static int refuse(struct kist_error *err, const struct part *part, const char *why)
{
    kist_fail(err, KIST_ERR_CONFIG, "'%.*s' is no rule for what to keep: %s", part->size, part->text, why);
    kist_hint(err,
              "a number and a word, separated by commas: 7 daily, 4 weekly, 12 monthly; or 30 days; or 10 last");
    return KIST_ERR_CONFIG;
}

static int refuse_long(struct kist_error *err)
{
    kist_fail(err, KIST_ERR_CONFIG, "a rule for what to keep has at most 1000 characters");
    kist_hint(err, "write it like this: 7 daily, 4 weekly, 12 monthly");
    return KIST_ERR_CONFIG;
}

static int refuse_word(struct kist_error *err, const struct part *part)
{
    const char *names[COUNT(rules) + 2 * COUNT(spans)];
    size_t count = 0;
    for (size_t i = 0; i < COUNT(rules); i++)
        names[count++] = rules[i].word;
    for (size_t i = 0; i < COUNT(spans); i++) {
        names[count++] = spans[i].many;
        names[count++] = spans[i].one;
    }
    const char *meant = part->word[0] ? kist_suggest(part->word, names, count) : NULL;
    refuse(err, part, "its word is none of last, hourly, daily, weekly, monthly, yearly, or hours to years");
    if (meant)
        kist_hint(err, "did you mean '%d %s'?", part->number, meant);
    return KIST_ERR_CONFIG;
}

/* Splits "7 daily" into its number and its word. */
static int split(struct part *part, struct kist_error *err)
{
    const char *at = part->text, *end = part->text + part->size;
    int64_t number = 0;
    for (; at < end && *at >= '0' && *at <= '9'; at++)
        if (number <= INT_MAX)
            number = number * 10 + (*at - '0');
    if (part->size == 0)
        return refuse(err, part, "there is nothing between the commas");
    if (at == part->text)
        return refuse(err, part, "it does not begin with a whole number");
    if (number == 0)
        return refuse(err, part, "zero of a kind is written by leaving it out");
    if (number > INT_MAX)
        return refuse(err, part, "the number is too large");
    part->number = (int)number;
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    if (at == end)
        return refuse(err, part, "it is not said of what");
    if ((size_t)(end - at) < sizeof part->word)
        memcpy(part->word, at, (size_t)(end - at));
    return 0;
}

static int *rule_field(struct kist_keep *keep, const struct rule *rule)
{
    return (int *)(void *)((char *)keep + rule->field);
}

static int take(struct part *part, struct kist_keep *keep, struct kist_error *err)
{
    if (split(part, err))
        return KIST_ERR_CONFIG;
    for (size_t i = 0; i < COUNT(rules); i++)
        if (strcmp(part->word, rules[i].word) == 0) {
            int *field = rule_field(keep, &rules[i]);
            if (*field)
                return refuse(err, part, "that word was there before");
            *field = part->number;
            return 0;
        }
    for (size_t i = 0; i < COUNT(spans); i++)
        if (strcmp(part->word, spans[i].many) == 0 || strcmp(part->word, spans[i].one) == 0) {
            if (keep->within)
                return refuse(err, part, "there was a span of time before");
            keep->within = part->number * spans[i].seconds;
            return 0;
        }
    return refuse_word(err, part);
}

int kist_keep_parse(const char *text, struct kist_keep *ret_keep, struct kist_error *err)
{
    struct kist_keep keep = {.set = 1};
    const char *at = text;
    /* Also bounds the sizes below. */
    if (strlen(text) > 1000)
        return refuse_long(err);
    for (;;) {
        at += strspn(at, " \t");
        size_t whole = strcspn(at, ","), size = whole;
        while (size > 0 && (at[size - 1] == ' ' || at[size - 1] == '\t'))
            size--;
        struct part part = {.text = at, .size = (int)size};
        if (take(&part, &keep, err))
            return KIST_ERR_CONFIG;
        if (!at[whole])
            break;
        at += whole + 1;
    }
    *ret_keep = keep;
    return 0;
}

static void add_part(struct kist_text *text, int64_t number, const char *word)
{
    kist_text_printf(text, "%s%" PRId64 " %s", text->size ? ", " : "", number, word);
}

static void add_within(struct kist_text *text, int64_t within)
{
    size_t i = 0;
    while (i + 1 < COUNT(spans) && within % spans[i].seconds != 0)
        i++;
    int64_t number = within / spans[i].seconds;
    add_part(text, number, number == 1 ? spans[i].one : spans[i].many);
}

char *kist_keep_text(const struct kist_keep *keep)
{
    struct kist_text text KIST_CLEANUP_TEXT = KIST_TEXT_INIT;
    struct kist_keep copy = *keep;
    kist_text_add(&text, "");
    if (keep->within > 0)
        add_within(&text, keep->within);
    for (size_t i = 0; i < COUNT(rules); i++)
        if (*rule_field(&copy, &rules[i]) > 0)
            add_part(&text, *rule_field(&copy, &rules[i]), rules[i].word);
    return kist_text_take(&text);
}
