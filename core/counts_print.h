/* counts_print.h - what a source counted, for a person. */
#ifndef KIST_CORE_COUNTS_PRINT_H
#define KIST_CORE_COUNTS_PRINT_H

#include "counts.h"

/* To standard output: how much there is of each kind, the largest tables, and what was not counted. */
void kist_counts_print(const struct kist_counts *counts);

#endif
