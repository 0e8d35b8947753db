/* config_parse.h - one option and the text of its value -> one field of a struct. */
#ifndef KIST_CORE_CONFIG_PARSE_H
#define KIST_CORE_CONFIG_PARSE_H

#include "error.h"
#include "text.h"
#include "vault.h"
#include <kist/option.h>

/* 1 when the row describes a field that lies inside a struct of `size` bytes and is of a type that is known here.
 */
int kist_option_is_sound(const struct kist_option *option, uint64_t size);

/* Parses `text` into the option's field of `config`; range and choices are checked. Strings and lists are kept in
 * `vault`. The message of a failure quotes `text`, but never that of a secret. */
int kist_option_parse(const struct kist_option *option, const char *text, struct kist_vault *vault, void *config,
                      struct kist_error *err) KIST_CHECKED;

/* The field as it could stand in a file; a secret as "***". Returns 0 (and adds nothing) when it has no value. */
int kist_option_write(const struct kist_option *option, const void *config, struct kist_text *text);

int kist_option_equal(const struct kist_option *option, const void *a, const void *b);

/* "size", "duration", "list" ...: what a person calls the type; and the bytes of its field (0: no such type). */
const char *kist_option_type_name(uint32_t type);
uint64_t kist_option_type_size(uint32_t type);

#endif
