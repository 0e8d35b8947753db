#include "counts.h"
#include "counts_sort.h"
#include "text.h"
#include "units.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define NAMED_DIFFERENCES 5

/* Lists that grow, and the first trouble in doing so. */
struct comparing {
    struct kist_comparison result;
    int failed;
};

/* Room doubles at every power of two; there is always one more for the NULL. */
static void append(struct comparing *comparing, char ***list, size_t *count, struct kist_text *text)
{
    char *line = kist_text_take(text);
    size_t used = *count + 1;
    if (line && (*count == 0 || (used & (used - 1)) == 0)) {
        char **larger = reallocarray(*list, 2 * used, sizeof *larger);
        if (larger)
            *list = larger;
        else {
            free(line);
            line = NULL;
        }
    }
    if (!line) {
        comparing->failed = 1;
        return;
    }
    (*list)[(*count)++] = line;
    (*list)[*count] = NULL;
}

/* "table public.orders"; a kind that there is one of is not named twice. */
static void add_name(struct kist_text *text, const struct kist_count *item)
{
    for (const char *c = item->kind; *c; c++)
        kist_text_add_char(text, *c == '_' ? ' ' : *c);
    if (strcmp(item->kind, item->name) != 0) {
        kist_text_add_char(text, ' ');
        kist_text_add_printable(text, item->name, strlen(item->name));
    }
}

static void add_note(struct kist_text *text, const char *note, const char *otherwise)
{
    kist_text_add(text, ": ");
    if (note && *note)
        kist_text_add_printable(text, note, strlen(note));
    else
        kist_text_add(text, otherwise);
}

static void add_number(struct kist_text *text, const struct kist_count *item)
{
    kist_text_add(text, kist_count_show((uint64_t)item->number).text);
}

static void differ(struct comparing *comparing, const struct kist_count *saved, const struct kist_count *found)
{
    KIST_CLEANUP_TEXT struct kist_text text = KIST_TEXT_INIT;
    int rows = strcmp(saved->kind, "table") == 0, value = strcmp(saved->kind, "sequence") == 0;
    add_name(&text, saved);
    kist_text_add(&text, ": ");
    if (value)
        kist_text_add(&text, "its value was ");
    if (saved->flags & KIST_COUNT_AT_LEAST)
        kist_text_add(&text, "at least ");
    add_number(&text, saved);
    kist_text_add(&text, rows ? " rows were saved, " : value ? ", here it is " : " were saved, ");
    if (found->number >= 0) {
        add_number(&text, found);
        if (!value)
            kist_text_add(&text, " are here");
    } else {
        kist_text_add(&text, value ? "not known" : "here they were not counted");
        add_note(&text, found->note, "nothing says why");
    }
    append(comparing, &comparing->result.differences, &comparing->result.difference_count, &text);
}

static void differ_plainly(struct comparing *comparing, const struct kist_count *saved, const char *how)
{
    KIST_CLEANUP_TEXT struct kist_text text = KIST_TEXT_INIT;
    add_name(&text, saved);
    kist_text_add(&text, how);
    append(comparing, &comparing->result.differences, &comparing->result.difference_count, &text);
}

static void skip(struct comparing *comparing, const struct kist_count *saved, const char *note)
{
    KIST_CLEANUP_TEXT struct kist_text text = KIST_TEXT_INIT;
    add_name(&text, saved);
    add_note(&text, note, "it cannot be compared");
    append(comparing, &comparing->result.skipped, &comparing->result.skipped_count, &text);
}

static void leave_out(struct comparing *comparing, const struct kist_count *saved)
{
    KIST_CLEANUP_TEXT struct kist_text text = KIST_TEXT_INIT;
    add_name(&text, saved);
    add_note(&text, saved->note, "it was not counted when it was saved");
    append(comparing, &comparing->result.uncounted, &comparing->result.uncounted_count, &text);
}

/* The sum saturates: it is for a report. */
static void count_compared(struct comparing *comparing, const struct kist_count *saved)
{
    int64_t *rows = &comparing->result.rows;
    int table = strcmp(saved->kind, "table") == 0;
    comparing->result.compared++;
    comparing->result.tables += (size_t)table;
    if (table && saved->number > 0 && __builtin_add_overflow(*rows, saved->number, rows))
        *rows = INT64_MAX;
}

static void compare_one(struct comparing *comparing, const struct kist_count *saved,
                        const struct kist_count *found)
{
    int present = (saved->flags & KIST_COUNT_PRESENT) != 0;
    if (saved->flags & (KIST_COUNT_ESTIMATE | KIST_COUNT_SKIPPED))
        return;
    if (saved->number < 0 && !present) {
        leave_out(comparing, saved);
        return;
    }
    if (found && found->flags & KIST_COUNT_SKIPPED) {
        skip(comparing, saved, found->note);
        return;
    }
    count_compared(comparing, saved);
    if (!found) {
        differ_plainly(comparing, saved, " is missing");
        return;
    }
    if (!present &&
        (saved->flags & KIST_COUNT_AT_LEAST ? found->number < saved->number : found->number != saved->number))
        differ(comparing, saved, found);
    else if (saved->hash && found->hash && strcmp(saved->hash, found->hash) != 0)
        differ_plainly(comparing, saved, ": as many are here as were saved, but their content is another");
}

static int sort_found(const struct kist_counts *saved, const struct kist_counts *found,
                      const struct kist_count ***ret_sorted, struct kist_error *err)
{
    const struct kist_count *twice = NULL;
    int code = kist_counts_check(saved, err);
    if (!code)
        code = kist_counts_check(found, err);
    if (!code && kist_counts_sort(found, ret_sorted, &twice))
        code = kist_fail(err, KIST_ERR_FAILED, "out of memory for the counts");
    return code;
}

int kist_counts_compare(const struct kist_counts *saved, const struct kist_counts *found,
                        struct kist_comparison *ret_comparison, struct kist_error *err)
{
    struct comparing comparing = {0};
    const struct kist_count **sorted = NULL;
    int code = sort_found(saved, found, &sorted, err);
    for (size_t i = 0; !code && i < saved->count; i++)
        compare_one(&comparing, &saved->items[i], kist_counts_sorted_find(sorted, found->count, &saved->items[i]));
    free(sorted);
    if (!code && comparing.failed)
        code = kist_fail(err, KIST_ERR_FAILED, "out of memory for the counts");
    if (code) {
        kist_comparison_done(&comparing.result);
        return code;
    }
    *ret_comparison = comparing.result;
    return 0;
}

static void free_list(char **list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(list[i]);
    free(list);
}

void kist_comparison_done(struct kist_comparison *comparison)
{
    free_list(comparison->differences, comparison->difference_count);
    free_list(comparison->skipped, comparison->skipped_count);
    free_list(comparison->uncounted, comparison->uncounted_count);
    *comparison = (struct kist_comparison){0};
}

int kist_comparison_result(const struct kist_comparison *comparison, struct kist_error *err)
{
    KIST_CLEANUP_TEXT struct kist_text text = KIST_TEXT_INIT;
    size_t count = comparison->difference_count;
    if (count == 0)
        return 0;
    for (size_t i = 0; i < count && i < NAMED_DIFFERENCES; i++) {
        if (i)
            kist_text_add(&text, "; ");
        kist_text_add(&text, comparison->differences[i]);
    }
    if (count > NAMED_DIFFERENCES)
        kist_text_printf(&text, "; and %zu more", count - NAMED_DIFFERENCES);
    return kist_fail(err, KIST_ERR_CORRUPT, "%s",
                     kist_text_failed(&text) ? "its counts are not those that were saved" : kist_text_get(&text));
}
