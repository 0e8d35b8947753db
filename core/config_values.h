/* config_values.h - what a value stands for: ${NAME}, ${cred:NAME}, $$ and KEY_file. */
#ifndef KIST_CORE_CONFIG_VALUES_H
#define KIST_CORE_CONFIG_VALUES_H

#include "error.h"

struct kist_value {
    char *text;
    int is_literal; /* all of it stood in the file */
};

/*
 * ${NAME} is the variable NAME of the environment, ${cred:NAME} the first line of the file NAME in the directory
 * $CREDENTIALS_DIRECTORY (systemd's LoadCredential=), $$ a '$'. What comes in is not looked at again. A missing
 * one is an error, never an empty text. Credentials are made known as secrets at once. The messages quote names
 * only.
 */
int kist_value_expand(const char *raw, struct kist_value *ret_value, struct kist_error *err) KIST_CHECKED;

/*
 * The first line of the file that KEY_file names. `raw_path` may hold references; a relative one begins where
 * `config_path` lies. With `secret`, a file that everybody can read is refused.
 */
int kist_value_from_file(const char *raw_path, const char *config_path, int secret, struct kist_value *ret_value,
                         struct kist_error *err) KIST_CHECKED;

void kist_value_done(struct kist_value *value);

#endif
