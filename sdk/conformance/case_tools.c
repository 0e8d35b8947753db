#include "case_tools.h"

#include "conformance.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

int case_broken(char **detail, const struct kist_error *err, const char *format, ...)
{
    char *what = NULL;
    va_list args;
    va_start(args, format);
    if (vasprintf(&what, format, args) < 0)
        what = NULL;
    va_end(args);
    free(*detail);
    if (asprintf(detail, "%s%s%s", what ? what : "out of memory", err->message ? "; last error: " : "",
                 err->message ? err->message : "") < 0)
        *detail = NULL;
    free(what);
    return -1;
}

void case_clear(struct kist_error *err)
{
    free(err->message);
    free(err->hint);
    *err = (struct kist_error){.struct_size = sizeof *err};
}

void kist_conformance_print(void *arg, const char *name, const char *clause, int outcome, const char *detail)
{
    if (outcome != KIST_CONFORMANCE_PASSED)
        printf("  %s: %s %s: %s: %s\n", (const char *)arg,
               outcome == KIST_CONFORMANCE_SKIPPED ? "skipped" : "FAILED", name, clause, detail ? detail : "");
    fflush(stdout);
}
