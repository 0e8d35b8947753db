#include "config_parse.h"
#include "suggest.h"
#include "units.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t\r\n"
#define CHOICES_MAX 64

static const struct {
    const char *name;
    uint64_t size;
} types[] = {
    [KIST_TYPE_STRING] = {"text", sizeof(const char *)},
    [KIST_TYPE_SECRET] = {"secret", sizeof(kist_secret)},
    [KIST_TYPE_SIZE] = {"size", sizeof(kist_size)},
    [KIST_TYPE_DURATION] = {"duration", sizeof(kist_duration)},
    [KIST_TYPE_SWITCH] = {"switch", sizeof(kist_switch)},
    [KIST_TYPE_CHOICE] = {"choice", sizeof(kist_choice)},
    [KIST_TYPE_LIST] = {"list", sizeof(kist_list)},
    [KIST_TYPE_INTEGER] = {"number", sizeof(int64_t)},
    [KIST_TYPE_STORE] = {"destination", sizeof(kist_store_ref)},
    [KIST_TYPE_SOURCE] = {"source", sizeof(kist_source_ref)},
};
#define TYPE_COUNT (sizeof types / sizeof *types)

const char *kist_option_type_name(uint32_t type)
{
    return type < TYPE_COUNT && types[type].name ? types[type].name : "unknown";
}

uint64_t kist_option_type_size(uint32_t type)
{
    return type < TYPE_COUNT ? types[type].size : 0;
}

int kist_option_is_sound(const struct kist_option *option, uint64_t size)
{
    uint64_t wanted = kist_option_type_size(option->type);
    uint64_t alignment = wanted < sizeof(void *) ? wanted : sizeof(void *);
    return wanted > 0 && option->size == wanted && option->offset % alignment == 0 && option->offset <= size &&
           size - option->offset >= wanted &&
           ((option->type != KIST_TYPE_CHOICE && option->type != KIST_TYPE_SOURCE) || option->choices);
}

static void *field_of(const struct kist_option *option, void *config)
{
    return (char *)config + option->offset;
}

static const void *field_of_const(const struct kist_option *option, const void *config)
{
    return (const char *)config + option->offset;
}

/* ---- from text ---- */

/* The range in the words of the field's type. */
static int fail_range(const struct kist_option *option, const char *text, struct kist_error *err)
{
    struct kist_units_text low = {""}, high = {""};
    if (option->type == KIST_TYPE_SIZE) {
        low = kist_size_write((uint64_t)option->min);
        high = kist_size_write((uint64_t)option->max);
    } else if (option->type == KIST_TYPE_DURATION) {
        low = kist_duration_write(option->min);
        high = kist_duration_write(option->max);
    } else {
        snprintf(low.text, sizeof low.text, "%" PRId64, option->min);
        snprintf(high.text, sizeof high.text, "%" PRId64, option->max);
    }
    return kist_fail(err, KIST_ERR_CONFIG, "'%s' is out of range: %s to %s are allowed", text, low.text,
                     high.text);
}

static int in_range(const struct kist_option *option, int64_t value)
{
    return !(option->flags & KIST_OPTION_RANGE) || (value >= option->min && value <= option->max);
}

static int parse_size(const struct kist_option *option, const char *text, kist_size *ret_size,
                      struct kist_error *err)
{
    if (kist_size_parse(text, &ret_size->bytes, err))
        return err->code;
    return in_range(option, (int64_t)ret_size->bytes) ? 0 : fail_range(option, text, err);
}

static int parse_duration(const struct kist_option *option, const char *text, kist_duration *ret_duration,
                          struct kist_error *err)
{
    if (kist_duration_parse(text, &ret_duration->ms, err))
        return err->code;
    return in_range(option, ret_duration->ms) ? 0 : fail_range(option, text, err);
}

static int parse_integer(const struct kist_option *option, const char *text, int64_t *ret_number,
                         struct kist_error *err)
{
    if (kist_integer_parse(text, ret_number, err))
        return err->code;
    return in_range(option, *ret_number) ? 0 : fail_range(option, text, err);
}

/* Splits "a|b|c" in place. */
static size_t split_choices(char *choices, const char **ret_names, size_t capacity)
{
    size_t count = 0;
    char *rest = choices;
    while (rest && count < capacity)
        ret_names[count++] = strsep(&rest, "|");
    return count;
}

static int parse_choice(const struct kist_option *option, const char *text, kist_choice *ret_choice,
                        struct kist_error *err)
{
    const char *names[CHOICES_MAX];
    char *choices = strdup(option->choices);
    if (!choices)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    size_t count = split_choices(choices, names, CHOICES_MAX), index = 0;
    while (index < count && strcmp(names[index], text) != 0)
        index++;
    int failed = 0;
    if (index < count) {
        ret_choice->index = (int32_t)index;
    } else {
        const char *meant = kist_suggest(text, names, count);
        failed = kist_fail(err, KIST_ERR_CONFIG, "'%s' is none of %s", text, option->choices);
        if (meant)
            kist_hint(err, "did you mean '%s'?", meant);
    }
    free(choices);
    return failed;
}

static size_t count_separators(const char *text)
{
    size_t count = 0;
    for (; *text; text++)
        count += *text == ',' || *text == '\n';
    return count;
}

static int parse_list(const char *text, struct kist_vault *vault, kist_list *ret_list, struct kist_error *err)
{
    const char **items = kist_vault_alloc(vault, count_separators(text) + 1, sizeof *items);
    uint64_t count = 0;
    for (const char *at = text; items && *at;) {
        at += strspn(at, ",\n" BLANKS);
        size_t size = strcspn(at, ",\n");
        const char *next = at + size;
        while (size > 0 && strchr(BLANKS, at[size - 1]))
            size--;
        if (size > 0)
            items[count++] = kist_vault_copy(vault, at, size);
        at = next;
    }
    if (vault->failed)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    *ret_list = (kist_list){.items = items, .count = count};
    return 0;
}

static int keep(const char *text, struct kist_vault *vault, const char **ret_text, struct kist_error *err)
{
    const char *copy = kist_vault_string(vault, text);
    if (!copy)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    *ret_text = copy;
    return 0;
}

static int parse_scalar(const struct kist_option *option, const char *text, void *field, struct kist_error *err)
{
    if (*text == '\0')
        return kist_fail(err, KIST_ERR_CONFIG, "the value is empty");
    switch (option->type) {
    case KIST_TYPE_SIZE: return parse_size(option, text, field, err);
    case KIST_TYPE_DURATION: return parse_duration(option, text, field, err);
    case KIST_TYPE_SWITCH: return kist_switch_parse(text, &((kist_switch *)field)->on, err);
    case KIST_TYPE_CHOICE: return parse_choice(option, text, field, err);
    default: return parse_integer(option, text, field, err);
    }
}

int kist_option_parse(const struct kist_option *option, const char *text, struct kist_vault *vault, void *config,
                      struct kist_error *err)
{
    void *field = field_of(option, config);
    switch (option->type) {
    case KIST_TYPE_STRING: return keep(text, vault, field, err);
    case KIST_TYPE_SECRET: return keep(text, vault, &((kist_secret *)field)->reveal, err);
    case KIST_TYPE_LIST: return parse_list(text, vault, field, err);
    case KIST_TYPE_STORE: return keep(text, vault, &((kist_store_ref *)field)->name, err);
    case KIST_TYPE_SOURCE: return keep(text, vault, &((kist_source_ref *)field)->name, err);
    default: return parse_scalar(option, text, field, err);
    }
}

/* ---- to text ---- */

/* As expansion would give it back, its lines indented. */
static void write_string(const char *string, struct kist_text *text)
{
    for (; *string; string++) {
        if (*string == '$')
            kist_text_add(text, "$$");
        else if (*string == '\n')
            kist_text_add(text, "\n    ");
        else
            kist_text_add_char(text, *string);
    }
}

static int write_choice(const struct kist_option *option, const kist_choice *choice, struct kist_text *text)
{
    const char *at = option->choices;
    if (choice->index < 0)
        return 0;
    for (int32_t i = 0; i < choice->index && at; i++) {
        at = strchr(at, '|');
        at = at ? at + 1 : NULL;
    }
    if (at)
        kist_text_add_bytes(text, at, strcspn(at, "|"));
    return 1;
}

static int write_list(const kist_list *list, struct kist_text *text)
{
    for (uint64_t i = 0; i < list->count; i++) {
        kist_text_add(text, i > 0 ? ", " : "");
        write_string(list->items[i], text);
    }
    return list->count > 0;
}

int kist_option_write(const struct kist_option *option, const void *config, struct kist_text *text)
{
    const void *field = field_of_const(option, config);
    const kist_list zero = {.items = NULL};
    /* Zero is also what a number that was never given looks like. */
    if (option->type != KIST_TYPE_CHOICE && !option->def && memcmp(field, &zero, option->size) == 0)
        return 0;
    switch (option->type) {
    case KIST_TYPE_STRING: write_string(*(const char *const *)field, text); return 1;
    case KIST_TYPE_SECRET: kist_text_add(text, "***"); return 1;
    case KIST_TYPE_SIZE: kist_text_add(text, kist_size_write(((const kist_size *)field)->bytes).text); return 1;
    case KIST_TYPE_DURATION:
        kist_text_add(text, kist_duration_write(((const kist_duration *)field)->ms).text);
        return 1;
    case KIST_TYPE_SWITCH: kist_text_add(text, ((const kist_switch *)field)->on ? "yes" : "no"); return 1;
    case KIST_TYPE_CHOICE: return write_choice(option, field, text);
    case KIST_TYPE_LIST: return write_list(field, text);
    case KIST_TYPE_STORE: write_string(((const kist_store_ref *)field)->name, text); return 1;
    case KIST_TYPE_SOURCE: write_string(((const kist_source_ref *)field)->name, text); return 1;
    default: kist_text_printf(text, "%" PRId64, *(const int64_t *)field); return 1;
    }
}

/* ---- comparison ---- */

static int same_string(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static int same_list(const kist_list *a, const kist_list *b)
{
    int same = a->count == b->count;
    for (uint64_t i = 0; same && i < a->count; i++)
        same = same_string(a->items[i], b->items[i]);
    return same;
}

int kist_option_equal(const struct kist_option *option, const void *a, const void *b)
{
    const void *left = field_of_const(option, a), *right = field_of_const(option, b);
    switch (option->type) {
    case KIST_TYPE_STRING: return same_string(*(const char *const *)left, *(const char *const *)right);
    case KIST_TYPE_SECRET:
        return same_string(((const kist_secret *)left)->reveal, ((const kist_secret *)right)->reveal);
    case KIST_TYPE_LIST: return same_list(left, right);
    case KIST_TYPE_STORE:
        return same_string(((const kist_store_ref *)left)->name, ((const kist_store_ref *)right)->name);
    case KIST_TYPE_SOURCE:
        return same_string(((const kist_source_ref *)left)->name, ((const kist_source_ref *)right)->name);
    default: return memcmp(left, right, option->size) == 0;
    }
}
