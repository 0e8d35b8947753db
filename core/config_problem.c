#include "config_problem.h"
#include "redact.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

struct kist_problem {
    int rank;
    int line;
    size_t order; /* of being noticed, for those of one line */
    char *message;
    char *hint;
};

static struct kist_problem *last_of(struct kist_problem_list *list)
{
    return list->count > 0 ? &list->items[list->count - 1] : NULL;
}

static struct kist_problem *append(struct kist_problem_list *list)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 16;
        struct kist_problem *items = reallocarray(list->items, capacity, sizeof *items);
        if (!items) {
            list->failed = 1;
            return NULL;
        }
        list->items = items;
        list->capacity = capacity;
    }
    struct kist_problem *problem = &list->items[list->count];
    *problem = (struct kist_problem){.order = list->count};
    list->count++;
    return problem;
}

static void add_place(struct kist_text *text, const struct kist_config_place *place)
{
    if (place->file) {
        kist_text_add_printable(text, place->file->path, strlen(place->file->path));
        if (place->line > 0)
            kist_text_printf(text, ":%d", place->line);
        kist_text_add(text, ": ");
    }
    if (place->type && place->name && *place->name)
        kist_text_printf(text, "[%s %s] ", place->type, place->name);
    else if (place->type)
        kist_text_printf(text, "[%s] ", place->type);
    if (place->key)
        kist_text_printf(text, "%s: ", place->key);
}

void kist_problem_add(struct kist_problem_list *list, const struct kist_config_place *place, const char *format,
                      ...)
{
    struct kist_text text = KIST_TEXT_INIT;
    struct kist_problem *problem = append(list);
    va_list args;
    if (!problem)
        return;
    problem->rank = place->file ? place->file->rank : -1;
    problem->line = place->line;
    add_place(&text, place);
    va_start(args, format);
    kist_text_vprintf(&text, format, args);
    va_end(args);
    problem->message = kist_text_take(&text);
    list->failed |= !problem->message;
}

void kist_problem_hint(struct kist_problem_list *list, const char *format, ...)
{
    struct kist_text text = KIST_TEXT_INIT;
    struct kist_problem *problem = last_of(list);
    va_list args;
    if (!problem)
        return;
    va_start(args, format);
    kist_text_vprintf(&text, format, args);
    va_end(args);
    free(problem->hint);
    problem->hint = kist_text_take(&text);
    list->failed |= !problem->hint;
}

void kist_problem_add_error(struct kist_problem_list *list, const struct kist_config_place *place,
                            struct kist_error *err)
{
    /* Missing memory is no mistake of the configuration. */
    if (err->code == KIST_ERR_FAILED && strstr(kist_error_text(err), "out of memory"))
        list->failed = 1;
    kist_problem_add(list, place, "%s", kist_error_text(err));
    if (err->hint)
        kist_problem_hint(list, "%s", err->hint);
    kist_error_clear(err);
}

static int compare(const void *a, const void *b)
{
    const struct kist_problem *left = a, *right = b;
    if (left->rank != right->rank)
        return left->rank < right->rank ? -1 : 1;
    if (left->line != right->line)
        return left->line < right->line ? -1 : 1;
    return left->order < right->order ? -1 : left->order > right->order;
}

int kist_problem_list_give(struct kist_problem_list *list, struct kist_config_problems *ret_problems,
                           struct kist_error *err)
{
    struct kist_config_problems problems = {.items = calloc(list->count + 1, sizeof *problems.items)};
    int failed = list->failed || !problems.items;
    if (!failed) {
        if (list->count > 0)
            qsort(list->items, list->count, sizeof *list->items, compare);
        problems.count = list->count;
        for (size_t i = 0; i < list->count; i++) {
            const struct kist_problem *from = &list->items[i];
            struct kist_config_problem *to = &problems.items[i];
            to->message = kist_redact(from->message);
            to->hint = from->hint ? kist_redact(from->hint) : NULL;
            failed |= !to->message || (from->hint && !to->hint);
        }
    }
    kist_problem_list_done(list);
    if (failed) {
        kist_config_problems_done(&problems);
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    }
    *ret_problems = problems;
    return 0;
}

void kist_problem_list_done(struct kist_problem_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        kist_secret_free(list->items[i].message);
        free(list->items[i].hint);
    }
    free(list->items);
    *list = (struct kist_problem_list){.items = NULL};
}

void kist_config_problems_done(struct kist_config_problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        free(problems->items[i].message);
        free(problems->items[i].hint);
    }
    free(problems->items);
    *problems = (struct kist_config_problems){.items = NULL};
}
