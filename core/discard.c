#include "discard.h"

#include <stdlib.h>
#include <string.h>

void kist_discard_init(struct kist_discard *discard, const struct kist_config_pipeline *pipeline,
                       const char *owner, struct kist_cancel *cancel)
{
    *discard = (struct kist_discard){.pipeline = pipeline, .cancel = cancel};
    pthread_mutex_init(&discard->lock, NULL);
    kist_provider_init(&discard->provider, pipeline, owner, cancel);
}

void kist_discard_done(struct kist_discard *discard)
{
    if (!discard->pipeline)
        return;
    kist_provider_done(&discard->provider);
    if (discard->others.items)
        kist_targets_close(&discard->others);
    for (size_t i = 0; i < discard->down_count; i++) {
        free(discard->downs[i].region);
        kist_error_done(&discard->downs[i].err);
    }
    free(discard->downs);
    json_decref(discard->told);
    pthread_mutex_destroy(&discard->lock);
    *discard = (struct kist_discard){.pipeline = NULL};
}

static int is_stopped(const struct kist_discard *discard)
{
    return discard->cancel && kist_cancel_is_set(discard->cancel);
}

static int stopped(struct kist_error *err)
{
    return kist_fail(err, KIST_ERR_CANCELLED, "told to stop: the next prune goes on");
}

/* ---- the other destinations ---- */

static int is_among(const struct kist_discard_places *places, const struct kist_config_section *section)
{
    for (size_t i = 0; i < places->count; i++)
        if (places->sections[i] == section)
            return 1;
    return 0;
}

/* With stores of its own, since those of a prune belong to their threads. */
static int open_others(struct kist_discard *discard, struct kist_error *err)
{
    const struct kist_config_pipeline *pipeline = discard->pipeline;
    struct kist_config_pipeline keeping = *pipeline;
    if (discard->opened)
        return 0;
    const struct kist_config_section **sections = calloc(pipeline->destination_count + 1, sizeof *sections);
    if (!sections)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    keeping.require = 0;
    keeping.destinations = sections;
    keeping.destination_count = 0;
    for (size_t i = 0; i < pipeline->destination_count; i++)
        if (!(pipeline->destinations[i]->plugin->features & KIST_DESTINATION_DISCARDS))
            sections[keeping.destination_count++] = pipeline->destinations[i];
    int code = kist_targets_open(&keeping, discard->provider.owner, discard->cancel, &discard->others, err);
    discard->others.pipeline = pipeline;
    discard->opened = !code;
    free(sections);
    return code;
}

struct question {
    const struct kist_discard_places *except;
    const struct kist_targets *targets;
    const char *id;
    unsigned char *comes; /* a run or a repair may be bringing it just now; one for each target */
    int *there;           /* likewise */
};

/* A disk that is not mounted has no backup either: what knows of none at all is not believed. */
static int check_kept(struct kist_target *target, const char *pipeline, struct kist_error *err)
{
    int code = kist_catalog_read(target->store, pipeline, &target->catalog, err);
    if (code || target->catalog.backup_count)
        return code;
    return kist_fail(err, KIST_ERR_CORRUPT, "it has no backup of '%s' at all", pipeline);
}

static int ask(struct kist_target *target, void *arg, struct kist_error *err)
{
    const struct question *question = arg;
    const char *pipeline = question->targets->pipeline->name;
    if (is_among(question->except, target->section))
        return 0;
    int code = target->catalog.backup_count ? 0 : check_kept(target, pipeline, err), comes = 0;
    /* The note first: a copy that is over by the time that it is asked for has left the manifest. */
    if (!code)
        code =
            kist_catalog_is_at_work(target->store, pipeline, question->id, question->targets->owner, &comes, err);
    if (!code)
        code = kist_catalog_exists(target->store, pipeline, question->id,
                                   &question->there[target - question->targets->items], err);
    if (!code && comes && !question->there[target - question->targets->items])
        question->comes[target - question->targets->items] = 1;
    return code;
}

/* What the answers come to. One that has it settles it, whatever the others would say. */
static int add_up(const struct question *question, int *ret_there, struct kist_error *err)
{
    const struct kist_target *silent = NULL, *comes = NULL;
    int there = 0;
    for (size_t i = 0; i < question->targets->count; i++) {
        const struct kist_target *target = &question->targets->items[i];
        if (is_among(question->except, target->section))
            continue;
        there |= question->there[i];
        silent = target->err.code && !silent ? target : silent;
        comes = question->comes[i] && !comes ? target : comes;
    }
    *ret_there = there;
    if (there || !(silent || comes))
        return 0;
    if (!silent)
        return kist_fail(err, KIST_ERR_UNAVAILABLE, "another host may be copying it to destination '%s' just now",
                         comes->section->name);
    kist_fail(err, KIST_ERR_UNAVAILABLE, "destination '%s', which may still have it, cannot be asked: %s",
              silent->section->name, kist_error_text(&silent->err));
    kist_hint(err, "it goes with the next prune that can ask all destinations, each with one backup at least");
    return KIST_ERR_UNAVAILABLE;
}

/* With the lock held. A destination that failed once is not asked again. */
static int ask_others(struct kist_discard *discard, const struct kist_discard_places *except, const char *id,
                      int *ret_there, struct kist_error *err)
{
    struct question question = {.except = except, .targets = &discard->others, .id = id};
    int code = open_others(discard, err);
    if (code)
        return code;
    question.there = calloc(discard->others.count + 1, sizeof *question.there);
    question.comes = calloc(discard->others.count + 1, sizeof *question.comes);
    code = question.there && question.comes ? kist_targets_step(&discard->others, ask, &question, err)
                                            : kist_fail(err, KIST_ERR_FAILED, "out of memory");
    if (is_stopped(discard))
        code = stopped(err);
    if (!code)
        code = add_up(&question, ret_there, err);
    free(question.there);
    free(question.comes);
    return code;
}

/* Nobody is asked where there is nobody else. */
static int has_others(const struct kist_discard *discard, const struct kist_discard_places *except)
{
    const struct kist_config_pipeline *pipeline = discard->pipeline;
    int found = 0;
    for (size_t i = 0; i < pipeline->destination_count; i++)
        found |= !(pipeline->destinations[i]->plugin->features & KIST_DESTINATION_DISCARDS) &&
                 !is_among(except, pipeline->destinations[i]);
    return found;
}

int kist_discard_elsewhere(struct kist_discard *discard, const struct kist_discard_places *except, const char *id,
                           int *ret_there, struct kist_error *err)
{
    *ret_there = 0;
    if (!has_others(discard, except))
        return 0;
    pthread_mutex_lock(&discard->lock);
    int code = ask_others(discard, except, id, ret_there, err);
    pthread_mutex_unlock(&discard->lock);
    return code;
}

/* ---- the provider ---- */

/* Whatever else is asked of it would fail in the same way, and take its time for it. */
static int is_down(int code)
{
    return code == KIST_ERR_UNAVAILABLE || code == KIST_ERR_TIMEOUT || code == KIST_ERR_AUTH;
}

static const struct kist_error *find_down(const struct kist_discard *discard,
                                          const struct kist_reference *reference)
{
    for (size_t i = 0; i < discard->down_count; i++) {
        const char *region = discard->downs[i].region;
        if (region && reference->region ? strcmp(region, reference->region) == 0 : region == reference->region)
            return &discard->downs[i].err;
    }
    return NULL;
}

/* What cannot be noted is asked once more. */
static void note_down(struct kist_discard *discard, const struct kist_reference *reference,
                      const struct kist_error *err)
{
    struct kist_discard_down down = {.region = reference->region ? strdup(reference->region) : NULL,
                                     .err = KIST_ERROR_INIT};
    struct kist_discard_down *more = reference->region && !down.region
                                         ? NULL
                                         : realloc(discard->downs, (discard->down_count + 1) * sizeof *more);
    if (!more) {
        free(down.region);
        return;
    }
    kist_error_copy(&down.err, err);
    discard->downs = more;
    discard->downs[discard->down_count++] = down;
}

/* `text` says what is discarded; or NULL. What is not the fault of this one alone does not name it. */
static int discard_one(struct kist_discard *discard, const struct kist_manifest *manifest,
                       const struct kist_manifest_item *item, const char *text, struct kist_error *err)
{
    const struct kist_error *down = find_down(discard, &item->reference->as);
    if (is_stopped(discard))
        return stopped(err);
    if (down)
        return kist_error_copy(err, down);
    int code = kist_provider_discard(&discard->provider, manifest, item, err);
    if (!code || code == KIST_ERR_CANCELLED)
        return code;
    if (is_down(code)) {
        note_down(discard, &item->reference->as, err);
        return code;
    }
    return code == KIST_ERR_CONFIG ? code
                                   : kist_error_prefix(err, "the %s stays", text ? text : item->reference->as.id);
}

static int discard_all(struct kist_discard *discard, const struct kist_manifest *manifest, kist_discard_fn wants,
                       const void *arg, json_t *done, struct kist_error *err)
{
    int first = 0;
    for (size_t i = 0; i < manifest->item_count && first != KIST_ERR_CANCELLED; i++) {
        KIST_CLEANUP_ERROR struct kist_error why = KIST_ERROR_INIT;
        const struct kist_manifest_item *item = &manifest->items[i];
        if (!item->reference || (wants && !wants(arg, i)))
            continue;
        char *text = kist_reference_text(&item->reference->as);
        int code = discard_one(discard, manifest, item, text, &why);
        if (!code)
            json_array_append_new(done, json_string(text ? text : item->reference->as.id));
        if (code && (!first || code == KIST_ERR_CANCELLED))
            first = kist_error_move(err, &why);
        free(text);
    }
    return first;
}

int kist_discard_items(struct kist_discard *discard, const struct kist_manifest *manifest, kist_discard_fn wants,
                       const void *arg, json_t *done, struct kist_error *err)
{
    pthread_mutex_lock(&discard->lock);
    int code = discard_all(discard, manifest, wants, arg, done, err);
    pthread_mutex_unlock(&discard->lock);
    return code;
}

int kist_discard_is_news(struct kist_discard *discard, const struct kist_error *err)
{
    const char *text = kist_error_text(err);
    pthread_mutex_lock(&discard->lock);
    if (!discard->told)
        discard->told = json_object();
    int known = json_object_get(discard->told, text) != NULL;
    if (!known)
        (void)!json_object_set_new(discard->told, text, json_true());
    pthread_mutex_unlock(&discard->lock);
    return !known;
}
