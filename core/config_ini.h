/* config_ini.h - the sections and entries of all files, each with its place. Nothing is interpreted yet. */
#ifndef KIST_CORE_CONFIG_INI_H
#define KIST_CORE_CONFIG_INI_H

#include "config_problem.h"
#include "vault.h"

#define KIST_INI_NAME_MAX 48

struct kist_ini_entry {
    struct kist_ini_entry *next;
    const char *key;
    const char *value;
    int line;
    int commented; /* a comment was cut off from the value */
    int used;      /* for the binder */
};

struct kist_ini_section {
    struct kist_ini_section *next;
    const struct kist_config_file *file;
    int line;
    const char *type;               /* "pipeline", "source", "filter", "destination", "notifier", "kist" */
    const char *name;               /* "" for [kist] */
    struct kist_ini_entry *entries; /* in order; no key twice */
    void *bound;                    /* for the binder: what became of it */
};

struct kist_ini {
    struct kist_vault *vault;          /* borrowed; owns everything */
    struct kist_ini_section *sections; /* in order, also those that are named twice */
    struct kist_ini_section *last;
    void *index;
};

void kist_ini_init(struct kist_ini *ini, struct kist_vault *vault);
void kist_ini_done(struct kist_ini *ini);

/* Adds a section at the end. Returns NULL without memory. `ret_first` is the section of the same type and name
 * that is already there, or NULL; both are kept, and kist_ini_find gives the first. */
struct kist_ini_section *kist_ini_add(struct kist_ini *ini, const struct kist_ini_section *section,
                                      struct kist_ini_section **ret_first);

/* The type as a constant, or NULL when there is no such type of section; and the one that was probably meant. */
const char *kist_ini_type(const char *text, size_t size);
const char *kist_ini_suggest_type(const char *text, size_t size);

/* The (first) section, or NULL. */
struct kist_ini_section *kist_ini_find(const struct kist_ini *ini, const char *type, const char *name);
struct kist_ini_entry *kist_ini_entry(const struct kist_ini_section *section, const char *key);
/* "did you mean 'x'?" for a section that is not there, or NULL. */
const char *kist_ini_suggest(const struct kist_ini *ini, const char *type, const char *name);

/* The place of a section, or of one of its entries. */
struct kist_config_place kist_ini_place(const struct kist_ini_section *section,
                                        const struct kist_ini_entry *entry);

/* 1 for what may name a section. */
int kist_ini_is_name(const char *name, size_t size);

#endif
