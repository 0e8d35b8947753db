#include "config_ini.h"
#include "suggest.h"

#include <search.h>
#include <string.h>

/* Sections that are looked at for "did you mean": with very many of them, very many mistakes would take for ever.
 */
#define SUGGESTIONS_FROM 500

static const char *const types[] = {"pipeline", "source", "filter", "destination", "notifier", "kist"};
#define TYPE_COUNT (sizeof types / sizeof *types)

static int compare_sections(const void *a, const void *b)
{
    const struct kist_ini_section *left = a, *right = b;
    int type = strcmp(left->type, right->type);
    return type ? type : strcmp(left->name, right->name);
}

static void keep_node(void *node)
{
    (void)node;
}

void kist_ini_init(struct kist_ini *ini, struct kist_vault *vault)
{
    *ini = (struct kist_ini){.vault = vault};
}

void kist_ini_done(struct kist_ini *ini)
{
    tdestroy(ini->index, keep_node);
    *ini = (struct kist_ini){.vault = NULL};
}

struct kist_config_place kist_ini_place(const struct kist_ini_section *section, const struct kist_ini_entry *entry)
{
    return (struct kist_config_place){.file = section->file,
                                      .line = entry ? entry->line : section->line,
                                      .type = section->type,
                                      .name = section->name,
                                      .key = entry ? entry->key : NULL};
}

struct kist_ini_section *kist_ini_find(const struct kist_ini *ini, const char *type, const char *name)
{
    const struct kist_ini_section wanted = {.type = type, .name = name};
    void *const *node = tfind(&wanted, &ini->index, compare_sections);
    return node ? *node : NULL;
}

struct kist_ini_entry *kist_ini_entry(const struct kist_ini_section *section, const char *key)
{
    struct kist_ini_entry *entry = section->entries;
    while (entry && strcmp(entry->key, key) != 0)
        entry = entry->next;
    return entry;
}

const char *kist_ini_suggest(const struct kist_ini *ini, const char *type, const char *name)
{
    const char *names[SUGGESTIONS_FROM];
    size_t seen = 0, count = 0;
    for (const struct kist_ini_section *section = ini->sections; section && seen < SUGGESTIONS_FROM; seen++) {
        if (strcmp(section->type, type) == 0)
            names[count++] = section->name;
        section = section->next;
    }
    return kist_suggest(name, names, count);
}

int kist_ini_is_name(const char *name, size_t size)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    if (size == 0 || size > KIST_INI_NAME_MAX || name[0] == '\0' || !strchr(letters, name[0]))
        return 0;
    for (size_t i = 1; i < size; i++)
        if (name[i] == '\0' || (!strchr(letters, name[i]) && !strchr("_.-", name[i])))
            return 0;
    return 1;
}

const char *kist_ini_type(const char *text, size_t size)
{
    for (size_t i = 0; i < TYPE_COUNT; i++)
        if (strlen(types[i]) == size && memcmp(types[i], text, size) == 0)
            return types[i];
    return NULL;
}

const char *kist_ini_suggest_type(const char *text, size_t size)
{
    char word[64] = "";
    memcpy(word, text, size < sizeof word ? size : sizeof word - 1);
    return kist_suggest(word, types, TYPE_COUNT);
}

struct kist_ini_section *kist_ini_add(struct kist_ini *ini, const struct kist_ini_section *section,
                                      struct kist_ini_section **ret_first)
{
    struct kist_ini_section *added = kist_vault_alloc(ini->vault, 1, sizeof *added);
    struct kist_ini_section *const *node = NULL;
    if (!added)
        return NULL;
    *added = *section;
    node = tsearch(added, &ini->index, compare_sections);
    if (!node) {
        ini->vault->failed = 1;
        return NULL;
    }
    if (ini->last)
        ini->last->next = added;
    else
        ini->sections = added;
    ini->last = added;
    *ret_first = *node == added ? NULL : *node;
    return added;
}
