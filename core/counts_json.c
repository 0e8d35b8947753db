#include "counts.h"
#include "counts_sort.h"

#include <stdlib.h>
#include <string.h>

static const struct word {
    uint32_t flag;
    const char *word;
} words[] = {{KIST_COUNT_ESTIMATE, "no"}, {KIST_COUNT_PRESENT, "present"}, {KIST_COUNT_AT_LEAST, "at least"}};

#define WORDS (sizeof words / sizeof *words)

static const char *word_of(uint32_t flags)
{
    for (size_t i = 0; i < WORDS; i++)
        if (flags & words[i].flag)
            return words[i].word;
    return NULL;
}

static int set_text(json_t *object, const char *name, const char *text)
{
    return text ? json_object_set_new(object, name, json_string(text)) : 0;
}

static json_t *item_json(const struct kist_count *item)
{
    json_t *json =
        json_pack("{s:s, s:s, s:I}", "kind", item->kind, "name", item->name, "number", (json_int_t)item->number);
    if (json && !set_text(json, "hash", item->hash) && !set_text(json, "note", item->note) &&
        !set_text(json, "compare", word_of(item->flags)))
        return json;
    json_decref(json);
    return NULL;
}

json_t *kist_counts_json(const struct kist_counts *counts)
{
    json_t *json = json_array();
    for (size_t i = 0; json && i < counts->count; i++)
        if (json_array_append_new(json, item_json(&counts->items[i]))) {
            json_decref(json);
            return NULL;
        }
    return json;
}

/* A text without a NUL inside; 0 when it is something else. A missing one is fine and NULL. */
static int read_text(json_t *object, const char *name, const char **ret_text)
{
    json_t *value = json_object_get(object, name);
    *ret_text = json_string_value(value);
    return !value || (*ret_text && strlen(*ret_text) == json_string_length(value));
}

static int read_flags(json_t *object, uint32_t *ret_flags)
{
    const char *text = NULL;
    *ret_flags = 0;
    if (!read_text(object, "compare", &text))
        return 0;
    for (size_t i = 0; text && i < WORDS; i++)
        if (strcmp(text, words[i].word) == 0)
            *ret_flags = words[i].flag;
    return !text || *ret_flags;
}

/* What else is wrong with it (its kind, an odd letter) kist_counts_add says. */
static int read_item(json_t *json, struct kist_count *ret_item)
{
    json_t *number = json_object_get(json, "number");
    *ret_item = (struct kist_count){.struct_size = sizeof *ret_item, .number = json_integer_value(number)};
    return json_is_object(json) && json_is_integer(number) && read_text(json, "kind", &ret_item->kind) &&
           read_text(json, "name", &ret_item->name) && read_text(json, "hash", &ret_item->hash) &&
           read_text(json, "note", &ret_item->note) && read_flags(json, &ret_item->flags);
}

static int check_unique(const struct kist_counts *counts, struct kist_error *err)
{
    const struct kist_count **sorted = NULL, *twice = NULL;
    int code = kist_counts_sort(counts, &sorted, &twice);
    free(sorted);
    if (code)
        return kist_fail(err, code, "out of memory for the counts");
    return twice ? kist_fail(err, KIST_ERR_CORRUPT, "it counts the %s '%s' twice", twice->kind, twice->name) : 0;
}

int kist_counts_parse(json_t *json, struct kist_counts *ret_counts, struct kist_error *err)
{
    struct kist_counts counts = {0};
    json_t *item = NULL;
    size_t index = 0;
    int code = json_is_array(json) ? 0 : kist_fail(err, KIST_ERR_CORRUPT, "its counts are no list");
    json_array_foreach(json, index, item) {
        struct kist_count count;
        code = read_item(item, &count) ? kist_counts_add(&counts, &count) : KIST_ERR_BUG;
        if (code == KIST_ERR_BUG)
            code = kist_fail(err, KIST_ERR_CORRUPT, "entry %zu of its counts is not as it should be", index + 1);
        else if (code)
            kist_fail(err, code, "out of memory for the counts");
        if (code)
            break;
    }
    if (!code)
        code = check_unique(&counts, err);
    if (code) {
        kist_counts_done(&counts);
        return code;
    }
    *ret_counts = counts;
    return 0;
}

/* A list that ends with NULL, or NULL itself. */
static json_t *texts_json(char *const *texts)
{
    json_t *array = json_array();
    for (size_t i = 0; texts && texts[i]; i++)
        json_array_append_new(array, json_string(texts[i]));
    return array;
}

json_t *kist_comparison_json(const struct kist_comparison *comparison)
{
    return json_pack("{s:I, s:I, s:I, s:o, s:o}", "compared", (json_int_t)comparison->compared, "tables",
                     (json_int_t)comparison->tables, "rows", (json_int_t)comparison->rows, "skipped",
                     texts_json(comparison->skipped), "differences", texts_json(comparison->differences));
}
