/* module_elf.h - what can be told of a shared library from the bytes of its file, before any of its code runs. */
#ifndef KIST_CORE_MODULE_ELF_H
#define KIST_CORE_MODULE_ELF_H

#include "error.h"

/* The descriptor of a plugin as it lies in the file. */
struct kist_module_peek {
    int found;                    /* 0: the file has no section headers to find it by; look after loading */
    uint64_t size;                /* of the symbol */
    struct kist_plugin_head head; /* plain numbers, so that relocation does not change it */
};

/* Refuses what the dynamic loader would crash on (a file that is cut off maps to pages that are not there: SIGBUS) or
 * name badly: no ELF file, another machine's, not a shared library, no data symbol `symbol`. KIST_ERR_CONFIG; messages
 * do not repeat the path. */
int kist_module_elf_check(int fd, const char *symbol, struct kist_module_peek *ret_peek,
                          struct kist_error *err) KIST_CHECKED;

#endif
