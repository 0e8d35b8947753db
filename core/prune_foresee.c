#include "log.h"
#include "prune_place.h"

#include <stdlib.h>
#include <string.h>

/* What a prune would ask the provider to discard: of what goes from every destination that has it, told once, at the last. */

/* Whether another destination that is pruned keeps it, or lets it go later than `index` does. */
static int is_left_to_others(const struct kist_prune_place *all, size_t count, size_t index, const char *id)
{
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; i != index && k < all[i].row_count; k++)
            if (strcmp(all[i].rows[k].id, id) == 0 && (i > index || !kist_prune_goes(&all[i], k)))
                return 1;
    return 0;
}

/* Whether a destination that is not pruned has it, or may have. One whose look failed told nothing. */
static int is_elsewhere(const struct kist_prune_place *all, size_t count, size_t index, const char *id)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    const struct kist_config_section **known = calloc(count + 1, sizeof *known);
    struct kist_discard_places except = {.sections = known};
    int there = 1;
    for (size_t i = 0; known && i < count; i++)
        if (all[i].planned)
            known[except.count++] = all[i].section;
    if (known && kist_discard_elsewhere(all[index].discard, &except, id, &there, &err)) {
        kist_log_at(KIST_LOG_DEBUG, all[index].section->name, &err);
        there = 1;
    }
    free(known);
    return there;
}

void kist_prune_foresee(struct kist_prune_place *all, size_t count, size_t index)
{
    struct kist_prune_place *place = &all[index];
    for (size_t r = 0; r < place->row_count && place->planned; r++) {
        struct kist_prune_row *row = &place->rows[r];
        if (!row->manifest || !kist_prune_goes(place, r) || is_left_to_others(all, count, index, row->id) ||
            is_elsewhere(all, count, index, row->id))
            continue;
        for (size_t i = 0; i < row->manifest->item_count; i++) {
            const struct kist_manifest_reference *reference = row->manifest->items[i].reference;
            char *text = reference ? kist_reference_text(&reference->as) : NULL;
            if (text)
                json_array_append_new(kist_prune_references(row), json_string(text));
            free(text);
        }
    }
}
