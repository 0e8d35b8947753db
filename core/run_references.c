#include "key.h"
#include "log.h"
#include "run_items.h"
#include "text.h"
#include "units.h"

#include <stdlib.h>
#include <string.h>

/* What a source gives while it makes one reference. */
struct taking {
    struct kist_manifest_reference *reference;
    size_t count;
    struct kist_error err;
};

int kist_run_item_is_held(const struct kist_run_item *item)
{
    return (item->given.item.flags & KIST_ITEM_REFERENCE) != 0;
}

int kist_run_reference_check(const struct kist_run_items *items, const struct kist_run_item *item,
                             struct kist_error *err)
{
    const char *name = item->given.item.name;
    if (!(kist_source_features(items->pipeline->source) & KIST_SOURCE_REFERENCES))
        return kist_fail(err, KIST_ERR_BUG, "%s: '%.200s' is a reference, and the source says that it has none",
                         items->source->where, name);
    int code = kist_key_check(name, err);
    if (code)
        kist_error_prefix(err, "%s: the name of what is held", items->source->where);
    return code;
}

static int take(void *arg, const struct kist_reference *given)
{
    struct taking *taking = arg;
    if (taking->count++ > 0)
        return kist_fail(&taking->err, KIST_ERR_BUG, "it gave more than one reference for one item");
    return kist_reference_copy(given, &taking->reference, &taking->err);
}

/* For people: whatever the provider calls things, it stays one line. */
static void tell(const struct kist_run_items *items, const struct kist_reference *reference)
{
    KIST_CLEANUP_TEXT struct kist_text text = KIST_TEXT_INIT;
    const char *const words[] = {"held by ", reference->provider, ": ", reference->kind, " ", reference->id};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        kist_text_add_printable(&text, words[i], strlen(words[i]));
    if (reference->size >= 0)
        kist_text_printf(&text, ", %s", kist_size_show((uint64_t)reference->size).text);
    kist_log(KIST_LOG_INFO, items->source->where, "%s", kist_text_get(&text));
}

static int enter(struct kist_run_item *item, struct kist_manifest_reference *reference, struct kist_error *err)
{
    struct kist_manifest_item *entry = &item->entry;
    entry->reference = reference;
    entry->name = strdup(item->given.item.name);
    if (reference->as.size > 0)
        entry->raw.size = (uint64_t)reference->as.size;
    return entry->name ? 0 : kist_fail(err, KIST_ERR_FAILED, "out of memory for the manifest");
}

static int make_one(struct kist_run_items *items, struct kist_run_item *item, struct kist_error *err)
{
    const struct kist_source *source = &items->source->plugin->as.source;
    struct taking taking = {.err = KIST_ERROR_INIT};
    int code = kist_instance_result(
        items->source, source->reference_make(items->source->self, &item->given.item, take, &taking, err), err);
    /* What was odd about the reference says more than the source that was stopped for it. */
    if (taking.err.code)
        code = kist_error_move(err, &taking.err);
    else if (!code && taking.count == 0)
        code = kist_fail(err, KIST_ERR_BUG, "it made a reference and did not give it");
    if (code == KIST_ERR_BUG)
        kist_error_prefix(err, "%s: '%.200s'", items->source->where, item->given.item.name);
    if (code) {
        kist_reference_free(taking.reference);
        kist_error_done(&taking.err);
        return code;
    }
    tell(items, &taking.reference->as);
    return enter(item, taking.reference, err);
}

int kist_run_items_make(struct kist_run_items *items, struct kist_cancel *cancel, struct kist_error *err)
{
    int code = 0;
    for (size_t i = 0; i < items->count && !code; i++) {
        if (!kist_run_item_is_held(&items->items[i]))
            continue;
        if (kist_cancel_is_set(cancel))
            return kist_fail(err, KIST_ERR_CANCELLED, "stopped by a signal");
        int first = !items->making;
        items->making = 1;
        code = make_one(items, &items->items[i], err);
        /* What another run made goes by the very names that this one's would have: it is not to be swept. */
        if (first && code == KIST_ERR_EXISTS)
            items->making = 0;
    }
    return code;
}
