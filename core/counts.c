#include "counts.h"
#include "counts_sort.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

#define COUNTS_LIMIT ((size_t)1000000)
#define KIND_LENGTH 63
#define HASH_LENGTH 128

#define KIND_LETTERS "abcdefghijklmnopqrstuvwxyz_"
#define HASH_LETTERS "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+/=:._-"

static int is_word(const char *text, const char *letters, size_t longest)
{
    size_t length = text ? strlen(text) : 0;
    return length > 0 && length <= longest && strspn(text, letters) == length;
}

static int is_sound(const struct kist_count *count)
{
    return is_word(count->kind, KIND_LETTERS, KIND_LENGTH) && count->name && *count->name && count->number >= -1 &&
           kist_utf8_valid(count->name, strlen(count->name)) &&
           (!count->hash || is_word(count->hash, HASH_LETTERS, HASH_LENGTH)) &&
           (!count->note || kist_utf8_valid(count->note, strlen(count->note)));
}

static void item_done(struct kist_count *item)
{
    free((char *)item->kind);
    free((char *)item->name);
    free((char *)item->hash);
    free((char *)item->note);
}

static int grow(struct kist_counts *counts)
{
    if (counts->count < counts->capacity)
        return 1;
    size_t capacity = counts->capacity ? 2 * counts->capacity : 16;
    struct kist_count *items =
        counts->count < COUNTS_LIMIT ? reallocarray(counts->items, capacity, sizeof *items) : NULL;
    if (!items)
        return 0;
    counts->items = items;
    counts->capacity = capacity;
    return 1;
}

static int copy(struct kist_counts *counts, const struct kist_count *count)
{
    struct kist_count *item = &counts->items[counts->count];
    *item = (struct kist_count){.struct_size = sizeof *item,
                                .flags = count->flags,
                                .kind = strdup(count->kind),
                                .name = strdup(count->name),
                                .number = count->number,
                                .hash = count->hash ? strdup(count->hash) : NULL,
                                .note = count->note ? strdup(count->note) : NULL};
    if (item->kind && item->name && !item->hash == !count->hash && !item->note == !count->note) {
        counts->count++;
        return 1;
    }
    item_done(item);
    return 0;
}

/* Tells which one it is as far as that can be told. */
static void note_odd(struct kist_counts *counts, const struct kist_count *count)
{
    KIST_CLEANUP_TEXT struct kist_text text = KIST_TEXT_INIT;
    const char *kind = count->kind ? count->kind : "", *name = count->name ? count->name : "";
    kist_text_add(&text, "the source counted '");
    kist_text_add_printable(&text, kind, strlen(kind));
    kist_text_add(&text, "' '");
    kist_text_add_printable(&text, name, strlen(name));
    kist_text_printf(&text, "' as %lld: ", (long long)count->number);
    kist_text_add(&text, counts->count < COUNTS_LIMIT ? "that is no count" : "these are too many");
    free(counts->odd);
    counts->odd = kist_text_take(&text);
}

int kist_counts_add(void *arg, const struct kist_count *count)
{
    struct kist_counts *counts = arg;
    int sound = is_sound(count) && counts->count < COUNTS_LIMIT;
    if (sound && !counts->failed && grow(counts) && copy(counts, count))
        return 0;
    if (!sound && !counts->failed)
        note_odd(counts, count);
    counts->failed = 1;
    return sound ? KIST_ERR_FAILED : KIST_ERR_BUG;
}

void kist_counts_done(struct kist_counts *counts)
{
    for (size_t i = 0; i < counts->count; i++)
        item_done(&counts->items[i]);
    free(counts->items);
    free(counts->odd);
    *counts = (struct kist_counts){0};
}

int64_t kist_counts_rows(const struct kist_counts *counts)
{
    int64_t rows = -1;
    for (size_t i = 0; i < counts->count; i++) {
        const struct kist_count *item = &counts->items[i];
        if (strcmp(item->kind, "table") != 0 || item->number < 0 || item->flags & KIST_COUNT_ESTIMATE)
            continue;
        if (__builtin_add_overflow(rows < 0 ? 0 : rows, item->number, &rows))
            return INT64_MAX;
    }
    return rows;
}

static int compare_counts(const void *left, const void *right)
{
    const struct kist_count *a = *(const struct kist_count *const *)left,
                            *b = *(const struct kist_count *const *)right;
    int order = strcmp(a->kind, b->kind);
    return order ? order : strcmp(a->name, b->name);
}

int kist_counts_sort(const struct kist_counts *counts, const struct kist_count ***ret_sorted,
                     const struct kist_count **ret_twice)
{
    const struct kist_count **sorted = calloc(counts->count + 1, sizeof *sorted);
    if (!sorted)
        return KIST_ERR_FAILED;
    for (size_t i = 0; i < counts->count; i++)
        sorted[i] = &counts->items[i];
    if (counts->count)
        qsort(sorted, counts->count, sizeof *sorted, compare_counts);
    *ret_twice = NULL;
    for (size_t i = 1; i < counts->count && !*ret_twice; i++)
        if (compare_counts(&sorted[i - 1], &sorted[i]) == 0)
            *ret_twice = sorted[i];
    *ret_sorted = sorted;
    return 0;
}

const struct kist_count *kist_counts_sorted_find(const struct kist_count *const *sorted, size_t count,
                                                 const struct kist_count *like)
{
    const struct kist_count *const *found =
        count ? bsearch(&like, sorted, count, sizeof *sorted, compare_counts) : NULL;
    return found ? *found : NULL;
}

int kist_counts_check(const struct kist_counts *counts, struct kist_error *err)
{
    const struct kist_count **sorted = NULL, *twice = NULL;
    if (counts->failed)
        return counts->odd ? kist_fail(err, KIST_ERR_BUG, "%s", counts->odd)
                           : kist_fail(err, KIST_ERR_FAILED, "out of memory for the counts");
    int code = kist_counts_sort(counts, &sorted, &twice);
    free(sorted);
    if (code)
        return kist_fail(err, code, "out of memory for the counts");
    return twice ? kist_fail(err, KIST_ERR_BUG, "the source counted the %s '%s' twice", twice->kind, twice->name)
                 : 0;
}
