#include "counts.h"

#include <stdlib.h>
#include <string.h>

static void entry_done(struct pgd_entry *entry)
{
    free(entry->name);
    free(entry->oid);
    free(entry->hash);
    free(entry->note);
    free(entry->parents);
}

void pgd_census_done(struct pgd_census *census)
{
    for (size_t i = 0; i < census->count; i++)
        entry_done(&census->items[i]);
    free(census->items);
    *census = (struct pgd_census){0};
}

/* -1: no memory. */
static int copy(const char *text, char **ret_copy)
{
    *ret_copy = text ? strdup(text) : NULL;
    return text && !*ret_copy ? -1 : 0;
}

int pgd_census_add(struct pgd_census *census, const struct pgd_entry *entry)
{
    if (census->count == census->room) {
        size_t room = census->room ? 2 * census->room : 64;
        struct pgd_entry *items = reallocarray(census->items, room, sizeof *items);
        if (!items)
            return -1;
        census->items = items;
        census->room = room;
    }
    struct pgd_entry *own = &census->items[census->count];
    *own = *entry;
    int failed = copy(entry->name, &own->name);
    failed |= copy(entry->oid, &own->oid);
    failed |= copy(entry->hash, &own->hash);
    failed |= copy(entry->note, &own->note);
    failed |= copy(entry->parents, &own->parents);
    if (failed)
        entry_done(own);
    else
        census->count++;
    return failed;
}

int pgd_census_give(const struct pgd_census *census, kist_count_fn give, void *arg)
{
    for (size_t i = 0; i < census->count; i++) {
        const struct pgd_entry *entry = &census->items[i];
        struct kist_count count = {.struct_size = sizeof count,
                                   .flags = entry->flags,
                                   .kind = entry->kind,
                                   .name = entry->name,
                                   .number = entry->number,
                                   .hash = entry->hash,
                                   .note = entry->note};
        int code = entry->kind ? give(arg, &count) : 0;
        if (code)
            return code;
    }
    return 0;
}
