/* Any bytes as an INI file: no crash, and what is accepted has the promised form. */
#include "config_file.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int truth)
{
    if (!truth)
        abort();
}

static void check(const struct kist_ini *ini, int is_sound)
{
    for (const struct kist_ini_section *section = ini->sections; section; section = section->next) {
        expect(kist_ini_find(ini, section->type, section->name) != NULL);
        if (is_sound && strcmp(section->type, "kist") != 0)
            expect(kist_ini_is_name(section->name, strlen(section->name)));
        for (const struct kist_ini_entry *entry = section->entries; entry; entry = entry->next) {
            expect(kist_ini_entry(section, entry->key) == entry);
            expect(entry->value && entry->line > section->line);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct kist_config_file file = {.path = "fuzz.ini"};
    struct kist_error err = KIST_ERROR_INIT;
    struct kist_vault vault = {.parts = NULL};
    struct kist_ini ini;
    struct kist_problem_list list = {.items = NULL};
    struct kist_config_problems problems = {.items = NULL};
    kist_ini_init(&ini, &vault);
    kist_ini_parse(&ini, &file, (const char *)data, size, &list);
    check(&ini, list.count == 0);
    if (kist_problem_list_give(&list, &problems, &err))
        abort();
    for (size_t i = 0; i < problems.count; i++)
        expect(strncmp(problems.items[i].message, "fuzz.ini:", 9) == 0);
    kist_config_problems_done(&problems);
    kist_ini_done(&ini);
    kist_vault_done(&vault);
    return 0;
}
