/* config_file.h - from the bytes of an INI file to sections and entries. */
#ifndef KIST_CORE_CONFIG_FILE_H
#define KIST_CORE_CONFIG_FILE_H

#include "config_ini.h"

/*
 * The form of a file:
 *   - UTF-8, with or without a byte order mark, lines ending in LF or CRLF, of at most 199 bytes;
 *   - "[TYPE NAME]" begins a section, "[kist]" has no name; names are [A-Za-z0-9][A-Za-z0-9_.-]*, up to 48
 * characters;
 *   - "key = value" or "key: value"; blanks around both are dropped;
 *   - a line that begins with a blank continues the value above it, after a line break. One that looks like a key
 * or a section itself is an error: indented by accident, it would vanish in that value;
 *   - a line whose first visible character is ';' or '#' is a comment, and so is the rest of a line from a ';'
 * that follows a blank. A '#' within a value is part of it.
 */
#define KIST_INI_LINE_MAX 199

/* Adds what stands in one file. `file` and the vault must live as long as the ini. Mistakes go to `problems`; the
 * vault remembers missing memory. */
void kist_ini_parse(struct kist_ini *ini, const struct kist_config_file *file, const char *data, size_t size,
                    struct kist_problem_list *problems);

#endif
