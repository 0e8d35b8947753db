/* config_dir.h - finds the files of a configuration, checks who controls them, and reads them all. */
#ifndef KIST_CORE_CONFIG_DIR_H
#define KIST_CORE_CONFIG_DIR_H

#include "config_ini.h"

#define KIST_CONFIG_FILE_LIMIT ((size_t)16 << 20)

/*
 * `path` is one file, or a directory of which all *.ini are read in the order of their names (bytewise). Anything
 * else there is ignored, and said so at debug level: backups of editors and package managers are none of ours.
 * Directory and files must belong to root or to the user that runs kist, and nobody else may be able to write to
 * them. Everything is kept in ini's vault. Fails for want of memory only; mistakes go to `problems`.
 */
int kist_config_dir_read(const char *path, struct kist_ini *ini, struct kist_problem_list *problems,
                         struct kist_error *err) KIST_CHECKED;

#endif
