/* config_problem.h - collects every mistake of a configuration, wherever it is noticed, and sorts them by place.
 */
#ifndef KIST_CORE_CONFIG_PROBLEM_H
#define KIST_CORE_CONFIG_PROBLEM_H

#include "config.h"

/* A file that was read. Files are numbered in the order of their names. */
struct kist_config_file {
    const char *path;
    int rank;
    unsigned mode; /* st_mode */
};

/* Where a mistake is. What is not known stays NULL or 0. */
struct kist_config_place {
    const struct kist_config_file *file;
    int line;
    const char *type; /* "destination" */
    const char *name; /* "disk" */
    const char *key;
};

struct kist_problem_list {
    struct kist_problem *items;
    size_t count;
    size_t capacity;
    int failed; /* without memory for one of them */
};

/* Adds "file:line: [type name] key: ..." (as far as the place is known); secrets are removed when the list is
 * given away. A hint belongs to the problem that was added last. */
void kist_problem_add(struct kist_problem_list *list, const struct kist_config_place *place, const char *format,
                      ...) KIST_PRINTF(3, 4);
void kist_problem_hint(struct kist_problem_list *list, const char *format, ...) KIST_PRINTF(2, 3);
/* A mistake that a function reported, with its hint. `err` is empty afterwards. */
void kist_problem_add_error(struct kist_problem_list *list, const struct kist_config_place *place,
                            struct kist_error *err);

/* Moves them to `ret_problems`, in file order, and empties the list. */
int kist_problem_list_give(struct kist_problem_list *list, struct kist_config_problems *ret_problems,
                           struct kist_error *err) KIST_CHECKED;
void kist_problem_list_done(struct kist_problem_list *list);

#endif
