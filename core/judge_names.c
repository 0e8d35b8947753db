#include "judge_names.h"
#include "text.h"

#include <string.h>

/* Copies one part of a name, up to a dot outside of quotes, without its quotes. Returns where it ended. */
static const char *take_part(const char *name, struct kist_text *part)
{
    int quoted = 0;
    for (; *name && (quoted || *name != '.'); name++) {
        if (*name != '"')
            kist_text_add_char(part, *name);
        else if (quoted && name[1] == '"')
            kist_text_add_char(part, *name++);
        else
            quoted = !quoted;
    }
    return name;
}

/* The schema and the table of a name. */
static void split(const char *name, struct kist_text *schema, struct kist_text *table)
{
    const char *rest = take_part(name, schema);
    if (*rest == '.') {
        take_part(rest + 1, table);
        return;
    }
    take_part(name, table);
    kist_text_truncate(schema, 0);
    kist_text_add(schema, "public");
}

/* -1 without memory. */
static int same_table(const char *name, const struct kist_text *schema, const struct kist_text *table)
{
    KIST_CLEANUP_TEXT struct kist_text own_schema = KIST_TEXT_INIT, own_table = KIST_TEXT_INIT;
    split(name, &own_schema, &own_table);
    if (kist_text_failed(&own_schema) || kist_text_failed(&own_table))
        return -1;
    return strcmp(kist_text_get(&own_schema), kist_text_get(schema)) == 0 &&
           strcmp(kist_text_get(&own_table), kist_text_get(table)) == 0;
}

int kist_judge_table(const struct kist_counts *counts, const char *name, const struct kist_count **ret_table)
{
    KIST_CLEANUP_TEXT struct kist_text schema = KIST_TEXT_INIT, table = KIST_TEXT_INIT;
    int same = 0;
    *ret_table = NULL;
    split(name, &schema, &table);
    if (kist_text_failed(&schema) || kist_text_failed(&table))
        return KIST_ERR_FAILED;
    for (size_t i = 0; i < counts->count && !same; i++) {
        if (strcmp(counts->items[i].kind, "table") != 0 &&
            strcmp(counts->items[i].kind, KIST_KIND_PARTITIONED) != 0)
            continue;
        same = same_table(counts->items[i].name, &schema, &table);
        if (same > 0)
            *ret_table = &counts->items[i];
    }
    return same < 0 ? KIST_ERR_FAILED : 0;
}
