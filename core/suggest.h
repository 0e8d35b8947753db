/* suggest.h - "did you mean ...?": the name that a misspelt one was probably meant to be. */
#ifndef KIST_CORE_SUGGEST_H
#define KIST_CORE_SUGGEST_H

#include <kist/abi.h>

/* The changes (insert, drop, replace, swap neighbours) from `a` to `b`, whatever the case of ASCII letters. Longer
 * names than 63 bytes are as far apart as can be. */
size_t kist_edit_distance(const char *a, const char *b) KIST_CHECKED;

/* The nearest of `names` that is near enough to be worth a question, or NULL. The first wins a tie. NULLs among
 * the names are skipped. */
const char *kist_suggest(const char *word, const char *const *names, size_t count) KIST_CHECKED;

#endif
