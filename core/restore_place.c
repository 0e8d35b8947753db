#include "restore_job.h"

#include <stdlib.h>
#include <string.h>

void kist_restore_place_done(struct kist_restore_place *place)
{
    char *texts[] = {place->name, place->server, place->fresh, place->holds,
                     place->look, place->kept,   place->kind};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        free(texts[i]);
    *place = (struct kist_restore_place){0};
}

static int copy(const char *text, char **ret_copy)
{
    *ret_copy = text ? strdup(text) : NULL;
    return !text || *ret_copy ? 0 : KIST_ERR_FAILED;
}

/* A kist_place_fn. Asked again, a source may say something else: the newest answer counts. */
static int keep_place(void *arg, const struct kist_place *given)
{
    struct kist_restore_place *place = arg;
    struct kist_place whole = {0}; /* an older plugin does not know all of it */
    memcpy(&whole, given, given->struct_size < sizeof whole ? given->struct_size : sizeof whole);
    kist_restore_place_done(place);
    place->flags = whole.flags;
    return copy(whole.name, &place->name) || copy(whole.server, &place->server) ||
                   copy(whole.fresh, &place->fresh) || copy(whole.holds, &place->holds) ||
                   copy(whole.look, &place->look) || copy(whole.kept, &place->kept) ||
                   copy(whole.kind, &place->kind)
               ? KIST_ERR_FAILED
               : 0;
}

int kist_restore_place_ask(struct kist_instance *source, void *restore, struct kist_restore_place *ret_place,
                           struct kist_error *err)
{
    if (!(kist_source_features(source->section) & (KIST_SOURCE_SWAPS | KIST_SOURCE_REPLACES)))
        return 0;
    int code = kist_instance_result(
        source, source->plugin->as.source.restore_place(restore, keep_place, ret_place, err), err);
    if (!code && !ret_place->name)
        code = kist_fail(err, KIST_ERR_BUG, "%s: the plugin did not say where it restores to", source->where);
    return code;
}
