/* module_loader.h - from the path of a plugin's file to its descriptor. The only file that knows libltdl. */
#ifndef KIST_CORE_MODULE_LOADER_H
#define KIST_CORE_MODULE_LOADER_H

#include "error.h"

/* Every init is matched by an exit. What was loaded stays in memory in any case. */
int kist_module_loader_init(struct kist_error *err) KIST_CHECKED;
void kist_module_loader_exit(void);

/* Loads the file at the absolute `path`, with all its symbols bound and none of them visible to others, and gives the
 * head of its descriptor, which is never unloaded. Before any code of it runs, the file has been checked for who can
 * write it (module_file.h), for being whole and of this machine (module_elf.h), and its head for magic, interface
 * version and kind (plugin_check.h). Constructors of the file and of its dependencies do run before the rest of
 * the descriptor is looked at: a plugin is code with our rights, and only trust in the file protects from it.
 *
 * KIST_ERR_NOT_FOUND without a file, else KIST_ERR_CONFIG with the real reason, the dynamic linker's own words among
 * them. The message starts with "cannot use 'PATH': ". */
int kist_module_load(const char *path, uint32_t kind, const struct kist_plugin_head **ret_head,
                     struct kist_error *err) KIST_CHECKED;

#endif
