/* case_tools.h - what the cases of every kind are written with. */
#ifndef KIST_CONFORMANCE_CASE_TOOLS_H
#define KIST_CONFORMANCE_CASE_TOOLS_H

#include <kist/abi.h>

/* Leaves the case with a sentence unless `condition` holds; the plugin's last error is added. */
#define EXPECT(trial, condition, ...)                                                                             \
    do {                                                                                                          \
        if (!(condition))                                                                                         \
            return case_broken(&(trial)->detail, &(trial)->err, __VA_ARGS__);                                     \
    } while (0)

/* Replaces `*detail` with the sentence and the message of `err`; returns -1. */
int case_broken(char **detail, const struct kist_error *err, const char *format, ...) KIST_PRINTF(3, 4);
/* Empties the error between two calls. */
void case_clear(struct kist_error *err);

#endif
