/* conformance.h - what the suites of all kinds share. */
#ifndef KIST_CONFORMANCE_H
#define KIST_CONFORMANCE_H

#include <kist/abi.h>

#define KIST_CONFORMANCE_PASSED 0
#define KIST_CONFORMANCE_SKIPPED 1 /* the plugin says that it does not do this */
#define KIST_CONFORMANCE_FAILED 2

/* A report that prints what did not pass, behind the string that `arg` is. */
void kist_conformance_print(void *arg, const char *name, const char *clause, int outcome, const char *detail);

#endif
