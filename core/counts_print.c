#include "counts_print.h"
#include "text.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LARGEST 10
#define UNCOUNTED 20
#define KINDS 32

static int is_table(const struct kist_count *item)
{
    return strcmp(item->kind, "table") == 0;
}

static int compare_sizes(const void *left, const void *right)
{
    const struct kist_count *a = *(const struct kist_count *const *)left,
                            *b = *(const struct kist_count *const *)right;
    return a->number > b->number ? -1 : a->number < b->number ? 1 : strcmp(a->name, b->name);
}

static void print_tables(const struct kist_counts *counts)
{
    size_t count = 0, estimates = 0;
    int64_t rows = kist_counts_rows(counts);
    const struct kist_count **tables = calloc(counts->count + 1, sizeof *tables);
    for (size_t i = 0; tables && i < counts->count; i++)
        if (is_table(&counts->items[i])) {
            tables[count++] = &counts->items[i];
            estimates += counts->items[i].flags & KIST_COUNT_ESTIMATE ? 1 : 0;
        }
    if (count) {
        printf("  %-20s %s", "tables", kist_count_show(count).text);
        if (rows >= 0)
            printf(", %s row%s", kist_count_show((uint64_t)rows).text, rows == 1 ? "" : "s");
        if (estimates)
            printf(", the rows of %s estimated", kist_count_show(estimates).text);
        putchar('\n');
        qsort(tables, count, sizeof *tables, compare_sizes);
    }
    for (size_t i = 0; i < count && i < LARGEST && tables[i]->number >= 0; i++) {
        KIST_CLEANUP_TEXT struct kist_text name = KIST_TEXT_INIT;
        kist_text_add_printable(&name, tables[i]->name, strlen(tables[i]->name));
        printf("    %-40s %s%s\n", kist_text_get(&name), tables[i]->flags & KIST_COUNT_ESTIMATE ? "about " : "",
               kist_count_show((uint64_t)tables[i]->number).text);
    }
    free(tables);
}

/* What cannot be compared after a restore, and why. */
static void print_uncounted(const struct kist_counts *counts)
{
    size_t count = 0;
    for (size_t i = 0; i < counts->count; i++) {
        const struct kist_count *item = &counts->items[i];
        KIST_CLEANUP_TEXT struct kist_text line = KIST_TEXT_INIT;
        if (item->number >= 0 || item->flags & KIST_COUNT_PRESENT || ++count > UNCOUNTED)
            continue;
        kist_text_printf(&line, "%s ", item->kind);
        kist_text_add_printable(&line, item->name, strlen(item->name));
        if (item->note) {
            kist_text_add(&line, ": ");
            kist_text_add_printable(&line, item->note, strlen(item->note));
        }
        printf("  %-20s %s\n", "not counted", kist_text_get(&line));
    }
    if (count > UNCOUNTED)
        printf("  %-20s and %s more (--json lists all)\n", "", kist_count_show(count - UNCOUNTED).text);
}

struct kind {
    const char *name;
    size_t count;
};

/* The kinds in the source's own order. There are few, unless somebody means to keep the reader busy. */
static void print_others(const struct kist_counts *counts)
{
    struct kind kinds[KINDS] = {{.name = NULL}};
    for (size_t i = 0; i < counts->count; i++) {
        size_t at = 0;
        while (at < KINDS && kinds[at].name && strcmp(kinds[at].name, counts->items[i].kind) != 0)
            at++;
        if (at == KINDS || is_table(&counts->items[i]))
            continue;
        kinds[at].name = counts->items[i].kind;
        kinds[at].count++;
    }
    for (size_t at = 0; at < KINDS && kinds[at].name; at++)
        printf("  %-20s %s\n", kinds[at].name, kist_count_show(kinds[at].count).text);
}

void kist_counts_print(const struct kist_counts *counts)
{
    print_tables(counts);
    print_others(counts);
    print_uncounted(counts);
}
