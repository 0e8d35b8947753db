/*
 * kist/glob.h - patterns for the keys of objects, the same wherever a person writes one.
 *
 *     *     any run of characters without '/'
 *     **    any run of characters; as a whole part of the path, any number of folders, also none
 *     ?     one character, but not '/'
 *     \x    the character x itself
 *
 * Every other character stands for itself, brackets too: names such as "[id].html" are common. A pattern is held
 * against the whole key.
 */
#ifndef KIST_GLOB_H
#define KIST_GLOB_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Where to go on when what follows a '*' or '**' did not fit: that wildcard then takes one character more. */
struct kist_glob_retry {
    const char *pattern; /* what follows the wildcard; NULL: there was none */
    const char *text;    /* up to where it reaches */
};

/* The character of UTF-8 behind the one at `text`. */
static inline const char *kist_glob_next(const char *text)
{
    text++;
    while (((unsigned char)*text & 0xc0) == 0x80)
        text++;
    return text;
}

/* Lets the wildcard take more: of a folder pattern up to behind the next '/'. NULL when it cannot. */
static inline const char *kist_glob_extend(const struct kist_glob_retry *retry, int crosses, int folders)
{
    const char *text = retry->text;
    if (!retry->pattern || !*text || (!crosses && *text == '/'))
        return NULL;
    if (!folders)
        return kist_glob_next(text);
    while (*text && *text != '/')
        text++;
    return *text ? text + 1 : NULL;
}

/* 1 when `pattern` fits the whole of `text`. Takes time in proportion to the lengths multiplied, at most. */
static inline int kist_glob_match(const char *pattern, const char *text)
{
    struct kist_glob_retry one = {NULL, NULL}, many = {NULL, NULL};
    const char *start = pattern;
    int folders = 0;
    while (*pattern || *text) {
        if (pattern[0] == '*' && pattern[1] == '*') {
            folders = pattern[2] == '/' && (pattern == start || pattern[-1] == '/');
            pattern += 2;
            pattern += folders;
            many.pattern = pattern;
            many.text = text;
            one.pattern = NULL;
        } else if (pattern[0] == '*') {
            one.pattern = ++pattern;
            one.text = text;
        } else if (pattern[0] == '?' && *text && *text != '/') {
            pattern++;
            text = kist_glob_next(text);
        } else if (*text && (pattern[0] == '\\' && pattern[1] ? pattern[1] : pattern[0]) == *text &&
                   pattern[0] != '?') {
            pattern += pattern[0] == '\\' && pattern[1] ? 2 : 1;
            text++;
        } else if ((text = kist_glob_extend(&one, 0, 0))) {
            pattern = one.pattern;
            one.text = text;
        } else if ((text = kist_glob_extend(&many, 1, folders))) {
            pattern = many.pattern;
            many.text = text;
            one.pattern = NULL;
        } else {
            return 0;
        }
    }
    return 1;
}

#ifdef __cplusplus
}
#endif
#endif
