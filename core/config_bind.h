/* config_bind.h - option tables and the entries of a section -> the struct that the table describes. */
#ifndef KIST_CORE_CONFIG_BIND_H
#define KIST_CORE_CONFIG_BIND_H

#include "config_ini.h"

/* The rows of a table in the core's own layout, and the size of the struct that they fill. */
struct kist_option_table {
    const struct kist_option *rows;
    size_t count;
    uint64_t size;
};

/* Of a plugin, from its descriptor, kept in `vault`. Without memory it is empty and the vault says so. */
struct kist_option_table kist_option_table_of(const struct kist_plugin *plugin, struct kist_vault *vault);

/* What a struct is filled from. Without a section (a filter that is used without one) it gets its defaults, and
 * mistakes are reported at `place`. */
struct kist_bind_scope {
    struct kist_vault *vault; /* strings and lists of the struct live there */
    struct kist_problem_list *problems;
    const struct kist_ini_section *section;
    struct kist_config_place place;
    const struct kist_ini *ini; /* where the sections that an option may name stand; NULL: none can be named */
};

/*
 * Fills `config` (zeroed, of the table's size): defaults, values, ranges, choices, required ones. Entries that
 * belong to a row are marked as used. All mistakes are reported; the struct is of no use then.
 */
void kist_bind(const struct kist_bind_scope *scope, const struct kist_option_table *table, void *config);

/* Reports every entry that no table wanted, with a suggestion from all of them. */
void kist_bind_report_unknown(const struct kist_bind_scope *scope, const struct kist_option_table *tables,
                              size_t count);

/* 1 when two structs that the table filled say the same. */
int kist_bind_equal(const struct kist_option_table *table, const void *a, const void *b);

/* The place of the row's entry (KEY or KEY_file), or of the section when it has none. */
struct kist_config_place kist_bind_place(const struct kist_bind_scope *scope, const char *key);

#endif
