/* config_line.h - one line of an INI file, before it is taken apart: pure functions on bytes. */
#ifndef KIST_CORE_CONFIG_LINE_H
#define KIST_CORE_CONFIG_LINE_H

#include "error.h"

static inline int kist_line_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* 0 for a line of valid UTF-8 without control characters that is not too long; else KIST_ERR_CONFIG. The message
 * never quotes the line: it may hold a password. */
int kist_line_check(const char *text, size_t size, struct kist_error *err) KIST_CHECKED;

/* Bytes of the line before its comment and the blanks in front of that. */
size_t kist_line_size(const char *text, size_t size, int *ret_commented) KIST_CHECKED;

/* 1 for "key = ...", "key: ..." or "[...]": an indented line like that is most likely not meant to continue a
 * value. */
int kist_line_stands_alone(const char *text, size_t size) KIST_CHECKED;

/* The two words of "[type name]"; `name_size` is 0 without a name. */
struct kist_line_header {
    const char *type, *name;
    size_t type_size, name_size;
    int has_rest; /* something that is no comment follows the ']' */
};

/* Takes a section's line apart, without blanks around it and without comment. -1 when the ']' is missing. */
int kist_line_split_header(const char *text, size_t size, struct kist_line_header *ret_header) KIST_CHECKED;

#endif
