/* history_print.h - entries of the history as a table for people. */
#ifndef KIST_CORE_HISTORY_PRINT_H
#define KIST_CORE_HISTORY_PRINT_H

#include <jansson.h>

void kist_history_print(json_t *entries);

#endif
