#include "selection.h"

#include <kist/glob.h>

#include <stdlib.h>

/* Marks in `used` every pattern that fits; 1 when any does. */
static int fits(const char *name, const char *const *patterns, size_t count, unsigned char *used)
{
    int found = count == 0;
    for (size_t i = 0; i < count; i++)
        if (kist_glob_match(patterns[i], name))
            found = used[i] = 1;
    return found;
}

static int check_used(const struct kist_manifest *manifest, const char *const *patterns, size_t count,
                      const unsigned char *used, struct kist_error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (used[i])
            continue;
        kist_fail(err, KIST_ERR_CONFIG, "%s/%s: no item has a name that fits --include '%s'", manifest->pipeline,
                  manifest->id, patterns[i]);
        kist_hint(err, "`kist show %s/%s` lists the names; '*' stays within a folder, '**' does not",
                  manifest->pipeline, manifest->id);
        return KIST_ERR_CONFIG;
    }
    return 0;
}

int kist_selection_make(const struct kist_manifest *manifest, const char *const *patterns, size_t pattern_count,
                        struct kist_selection *ret_selection, struct kist_error *err)
{
    struct kist_selection selection = {.items = calloc(manifest->item_count + 1, sizeof *selection.items)};
    unsigned char *used = calloc(pattern_count + 1, 1);
    int code = selection.items && used ? 0 : kist_fail(err, KIST_ERR_FAILED, "out of memory");
    for (size_t i = 0; i < manifest->item_count && !code; i++) {
        const struct kist_manifest_item *item = &manifest->items[i];
        if (!fits(item->name, patterns, pattern_count, used))
            continue;
        selection.items[selection.count++] = item;
        selection.raw_size += item->raw.size;
    }
    if (!code)
        code = check_used(manifest, patterns, pattern_count, used, err);
    free(used);
    if (code)
        kist_selection_done(&selection);
    else
        *ret_selection = selection;
    return code;
}

static int compare_places(const void *left, const void *right)
{
    const struct kist_manifest_item *a = left, *b = *(const struct kist_manifest_item *const *)right;
    return (a > b) - (a < b);
}

int kist_selection_has(const struct kist_selection *selection, const struct kist_manifest_item *item)
{
    /* They lie in one array, and are chosen in its order. */
    return bsearch(item, selection->items, selection->count, sizeof *selection->items, compare_places) != NULL;
}

void kist_selection_done(struct kist_selection *selection)
{
    free(selection->items);
    *selection = (struct kist_selection){0};
}
