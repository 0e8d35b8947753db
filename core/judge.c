#include "judge.h"
#include "judge_names.h"
#include "text.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct judging {
    const struct kist_config_pipeline *pipeline;
    const struct kist_manifest *now;
    const struct kist_past *past;
    size_t past_count;
    json_t *reasons;
    int failed;
};

/* What is no UTF-8 cannot get there: sizes and numbers are not, names are made printable. */
static void give_reason(struct judging *judging, struct kist_text *text)
{
    char *reason = kist_text_take(text);
    if (!reason || json_array_append_new(judging->reasons, json_string(reason)))
        judging->failed = 1;
    free(reason);
}

/* ---- size ---- */

static int compare_numbers(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

/* Of an even number: between the two in the middle. */
static uint64_t median_of(uint64_t *numbers, size_t count)
{
    qsort(numbers, count, sizeof *numbers, compare_numbers);
    uint64_t low = numbers[(count - 1) / 2], high = numbers[count / 2];
    return low + (high - low) / 2;
}

/* Rounded down: what is at the limit itself has not shrunk too much. */
static uint64_t part_of(uint64_t number, unsigned percent)
{
    return number / 100 * percent + number % 100 * percent / 100;
}

static const char *past_name(size_t count)
{
    static const char *const names[] = {[3] = "the last three", [4] = "the last four", [5] = "the last five"};
    return count < sizeof names / sizeof *names && names[count] ? names[count] : "those before it";
}

static struct kist_units_text rows_show(uint64_t rows)
{
    struct kist_units_text text;
    snprintf(text.text, sizeof text.text, "%.30s row%s", kist_count_show(rows).text, rows == 1 ? "" : "s");
    return text;
}

static void judge_shrinking(struct judging *judging, uint64_t now, uint64_t *past, size_t count,
                            struct kist_units_text (*show)(uint64_t))
{
    KIST_CLEANUP_TEXT struct kist_text text = KIST_TEXT_INIT;
    int most = judging->pipeline->max_shrink;
    if (count < KIST_PAST_MIN || most <= 0 || most >= 100)
        return;
    uint64_t median = median_of(past, count);
    if (now >= part_of(median, 100U - (unsigned)most))
        return;
    kist_text_printf(&text, "%s, %u %% less than the median of %s (%s)", show(now).text,
                     (unsigned)(100.0 * (double)(median - now) / (double)median), past_name(count),
                     show(median).text);
    give_reason(judging, &text);
}

struct kist_past kist_judge_measure(const struct kist_manifest *manifest)
{
    struct kist_past measure = {.raw_size = kist_manifest_raw_size(manifest),
                                .rows = kist_counts_rows(&manifest->counts)};
    for (size_t i = 0; i < manifest->item_count; i++) {
        const struct kist_manifest_reference *reference = manifest->items[i].reference;
        measure.held |= reference != NULL;
        measure.unsized |= reference && reference->as.size < 0;
    }
    return measure;
}

static void judge_size(struct judging *judging)
{
    const struct kist_past measure = kist_judge_measure(judging->now);
    uint64_t now = measure.raw_size, past[KIST_PAST_MAX];
    size_t count = 0;
    if (measure.unsized)
        return;
    if (now < judging->pipeline->min_size) {
        KIST_CLEANUP_TEXT struct kist_text text = KIST_TEXT_INIT;
        kist_text_printf(&text, "%s, less than min_size (%s)", kist_size_show(now).text,
                         kist_size_show(judging->pipeline->min_size).text);
        give_reason(judging, &text);
    }
    for (size_t i = 0; i < judging->past_count; i++)
        if (judging->past[i].held == measure.held && !judging->past[i].unsized)
            past[count++] = judging->past[i].raw_size;
    judge_shrinking(judging, now, past, count, kist_size_show);
}

static void judge_rows(struct judging *judging)
{
    int64_t now = kist_counts_rows(&judging->now->counts);
    uint64_t past[KIST_PAST_MAX];
    size_t count = 0;
    for (size_t i = 0; i < judging->past_count; i++)
        if (judging->past[i].rows >= 0)
            past[count++] = (uint64_t)judging->past[i].rows;
    if (now >= 0)
        judge_shrinking(judging, (uint64_t)now, past, count, rows_show);
}

/* ---- tables ---- */

static const char *note_of(const struct kist_count *count)
{
    return count->note && *count->note ? count->note : "the source does not say why";
}

static void judge_table(struct judging *judging, const char *name)
{
    KIST_CLEANUP_TEXT struct kist_text text = KIST_TEXT_INIT;
    const struct kist_count *table = NULL;
    int counted = kist_counts_rows(&judging->now->counts) >= 0;
    if (kist_judge_table(&judging->now->counts, name, &table)) {
        judging->failed = 1;
        return;
    }
    if (table && table->number > 0)
        return;
    kist_text_add(&text, "critical table ");
    kist_text_add_printable(&text, name, strlen(name));
    if (table && table->number == 0) {
        /* Those of a partitioned one are only told as an estimate so that they are not compared once more. */
        int guessed = table->flags & KIST_COUNT_ESTIMATE && strcmp(table->kind, KIST_KIND_PARTITIONED) != 0;
        kist_text_add(&text, guessed ? " has no rows, by an estimate" : " has no rows");
    } else if (table) {
        kist_text_add(&text, " was not counted: ");
        kist_text_add_printable(&text, note_of(table), strlen(note_of(table)));
    } else {
        kist_text_add(&text, counted ? " is not in the backup"
                                     : " is not among what was counted: no rows were (counts = off?)");
    }
    give_reason(judging, &text);
}

/* ---- all of it ---- */

int kist_judge(const struct kist_config_pipeline *pipeline, const struct kist_manifest *now,
               const struct kist_past *past, size_t past_count, json_t **ret_reasons, struct kist_error *err)
{
    struct judging judging = {.pipeline = pipeline,
                              .now = now,
                              .past = past,
                              .past_count = past_count < KIST_PAST_MAX ? past_count : KIST_PAST_MAX,
                              .reasons = json_array()};
    *ret_reasons = NULL;
    if (judging.reasons) {
        judge_size(&judging);
        judge_rows(&judging);
        const kist_list *tables = pipeline->critical_tables;
        for (uint64_t i = 0; tables && i < tables->count; i++)
            judge_table(&judging, tables->items[i]);
    }
    if (!judging.reasons || judging.failed) {
        json_decref(judging.reasons);
        return kist_fail(err, KIST_ERR_FAILED, "out of memory for what is odd about the backup");
    }
    if (json_array_size(judging.reasons))
        *ret_reasons = judging.reasons;
    else
        json_decref(judging.reasons);
    return 0;
}
