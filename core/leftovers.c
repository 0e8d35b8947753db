#include "leftovers.h"
#include "log.h"

#include <stdlib.h>
#include <string.h>

struct work {
    struct kist_targets *targets;
    struct kist_provider *provider;
    json_t **held; /* one for each target: ids of runs that are over, with what their notes say of the provider */
    int *unread;   /* likewise: some note could not be read */
};

static int exists_on(const struct kist_target *target, const char *id)
{
    return kist_catalog_has(&target->catalog, id) || kist_catalog_is_buried(&target->catalog, id);
}

static int is_asked(const struct kist_target *target)
{
    return target->store && !kist_store_discards(target->store);
}

/* ---- what the notes say ---- */

/* A note that cannot be read, or that nobody with the key has written, costs no backup: it is told. */
static int read_note(struct work *work, struct kist_target *target, const char *id, struct kist_error *err)
{
    size_t index = (size_t)(target - work->targets->items);
    json_t *held = NULL;
    int code = kist_catalog_held_by(target->store, work->targets->pipeline, id, work->targets->owner, &held, err);
    if (held && json_object_set_new(work->held[index], id, held))
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    if (!code || code == KIST_ERR_CANCELLED || code == KIST_ERR_TIMEOUT)
        return code;
    work->unread[index] |= code != KIST_ERR_CORRUPT;
    kist_log_at(KIST_LOG_WARNING, target->store->where, err);
    kist_error_clear(err);
    return 0;
}

static int read_notes(struct kist_target *target, void *arg, struct kist_error *err)
{
    struct work *work = arg;
    int code = 0;
    if (!is_asked(target))
        return 0;
    for (size_t i = 0; i < target->catalog.pending_count && !code; i++)
        if (!exists_on(target, target->catalog.pending[i].id))
            code = read_note(work, target, target->catalog.pending[i].id, err);
    return code;
}

/* ---- what becomes of one run ---- */

static int is_known(const struct kist_targets *targets, const char *name)
{
    for (size_t i = 0; name && i < targets->count; i++)
        if (strcmp(targets->items[i].section->name, name) == 0)
            return 1;
    return 0;
}

/* Why nobody can tell, now or ever, that there is no such backup; or NULL. */
static const char *lost_place(const struct work *work, const json_t *held)
{
    const json_t *names = json_object_get(held, "destinations"), *name = NULL;
    size_t index = 0;
    if (!json_is_array(names))
        return "it does not say where its backup may be";
    json_array_foreach(names, index, name)
        if (!is_known(work->targets, json_string_value(name)))
            return "its backup may be on a destination that the pipeline has no more";
    return NULL;
}

/* A disk that is not mounted, or another one in its place, has no backup either: a destination where the run may have
 * written, and that knows nothing of the pipeline at all, is not believed. */
static int is_blank(const struct kist_target *target, const json_t *held)
{
    const struct kist_catalog *catalog = &target->catalog;
    const json_t *name = NULL;
    size_t index = 0;
    if (!is_asked(target) || catalog->backup_count + catalog->pending_count + catalog->tombstone_count > 0)
        return 0;
    json_array_foreach(json_object_get(held, "destinations"), index, name)
        if (strcmp(json_string_value(name), target->section->name) == 0)
            return 1;
    return 0;
}

/* One run, of which every destination is asked. */
struct question {
    const struct work *work;
    const char *id;
    unsigned char *there, *silent; /* one for each target */
};

/* A listing may be behind: what a provider holds is deleted only where the objects themselves are not there. */
static int ask_one(struct kist_target *target, void *arg, struct kist_error *err)
{
    struct question *question = arg;
    const char *pipeline = question->work->targets->pipeline->name;
    size_t index = (size_t)(target - question->work->targets->items);
    int manifest = 0, tombstone = 0;
    if (!is_asked(target))
        return 0;
    int code = kist_catalog_exists(target->store, pipeline, question->id, &manifest, err);
    if (!code && !manifest)
        code = kist_catalog_tombstone_exists(target->store, pipeline, question->id, &tombstone, err);
    question->there[index] = manifest || tombstone;
    if (!code || code == KIST_ERR_CANCELLED || code == KIST_ERR_TIMEOUT)
        return code;
    question->silent[index] = 1;
    kist_log_at(KIST_LOG_DEBUG, target->store->where, err);
    kist_error_clear(err);
    return 0;
}

/* `ret_there`: the backup is somewhere; `ret_silent`: some destination did not say. */
static int ask_all(struct work *work, const char *id, int *ret_there, int *ret_silent, struct kist_error *err)
{
    const struct kist_targets *targets = work->targets;
    struct question question = {.work = work, .id = id};
    *ret_there = *ret_silent = 0;
    question.there = calloc(targets->count + 1, 1);
    question.silent = calloc(targets->count + 1, 1);
    int code = question.there && question.silent ? kist_targets_step(work->targets, ask_one, &question, err)
                                                 : kist_fail(err, KIST_ERR_FAILED, "out of memory");
    for (size_t i = 0; i < targets->count && !code; i++) {
        *ret_there |= question.there[i];
        *ret_silent |= question.silent[i] || targets->items[i].err.code;
    }
    free(question.there);
    free(question.silent);
    return code;
}

/* Why the source of the pipeline cannot be asked; or NULL. */
static const char *other_source(const struct work *work, const json_t *held)
{
    const struct kist_plugin *plugin = work->targets->pipeline->source->plugin;
    const char *maker = json_string_value(json_object_get(held, "plugin"));
    return maker && strcmp(maker, plugin->name) == 0 && (plugin->features & KIST_SOURCE_REFERENCES)
               ? NULL
               : "the pipeline has another source now";
}

static int tell_unsure(const struct work *work, const char *id, const char *why)
{
    kist_log(KIST_LOG_WARNING, work->targets->pipeline->name,
             "what the provider may hold of the run %s, which was cut off, stays for now: a destination %s, and "
             "may have that backup (the next run tries again)",
             id, why);
    return 0;
}

/* 1 when it is settled: the note may go. 0: it has to wait. -1: the run was stopped. */
static int sweep(struct work *work, const char *id, const json_t *held, struct kist_error *err)
{
    const char *owner = json_string_value(json_object_get(held, "owner"));
    int code = kist_provider_sweep(work->provider, id, owner, err);
    if (!code) {
        kist_log(KIST_LOG_INFO, work->targets->pipeline->name,
                 "the provider holds nothing of the run %s, which was cut off", id);
        return 1;
    }
    if (code == KIST_ERR_CANCELLED)
        return -1;
    kist_error_prefix(
        err, "what the provider may hold of the run %s, which was cut off, stays (the next run tries again)", id);
    kist_log_at(KIST_LOG_WARNING, NULL, err);
    kist_error_clear(err);
    return 0;
}

/* As above. */
static int settle(struct work *work, const char *id, const json_t *held, int unsure, struct kist_error *err)
{
    const char *why = lost_place(work, held);
    int there = 0, silent = 0;
    if (!why)
        why = other_source(work, held);
    if (why) {
        kist_log(KIST_LOG_WARNING, work->targets->pipeline->name,
                 "what the provider may hold of the run %s, which was cut off, stays there: %s; look for it there",
                 id, why);
        return 1;
    }
    if (unsure)
        return tell_unsure(work, id, "does not answer");
    for (size_t i = 0; i < work->targets->count; i++)
        if (is_blank(&work->targets->items[i], held))
            return tell_unsure(work, id, "is empty");
    if (ask_all(work, id, &there, &silent, err))
        return -1;
    /* A listing that lacks it is not one to remove anything by. */
    if (there)
        return 0;
    return silent ? tell_unsure(work, id, "does not answer") : sweep(work, id, held, err);
}

static int exists_anywhere(const struct kist_targets *targets, const char *id)
{
    for (size_t i = 0; i < targets->count; i++)
        if (exists_on(&targets->items[i], id))
            return 1;
    return 0;
}

/* It may be the one that speaks of the provider. */
static int some_note_is_unread(const struct work *work)
{
    int unread = 0;
    for (size_t i = 0; i < work->targets->count; i++)
        unread |= work->unread[i];
    return unread;
}

/* One destination that does not answer may have any backup. */
static int are_unsure(const struct work *work)
{
    int unsure = some_note_is_unread(work);
    for (size_t i = 0; i < work->targets->count; i++)
        unsure |= work->targets->items[i].err.code != 0;
    return unsure;
}

/* All runs that any destination has a note of, once each. */
static int settle_all(struct work *work, struct kist_error *err)
{
    int unsure = are_unsure(work), settled = 1, code = 0;
    json_t *all = json_object();
    for (size_t i = 0; all && i < work->targets->count && !code; i++)
        if (json_object_update(all, work->held[i]))
            code = kist_fail(err, KIST_ERR_FAILED, "out of memory");
    const char *id = NULL;
    json_t *held = NULL;
    json_object_foreach(all, id, held) {
        if (code || settled < 0 || exists_anywhere(work->targets, id))
            continue;
        int result = settle(work, id, held, unsure, err);
        settled = result < settled ? result : settled;
    }
    json_decref(all);
    work->targets->notes_stay = settled < 1 || some_note_is_unread(work);
    if (!all)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    return settled < 0 ? err->code : code;
}

static int ask_provider(struct work *work, struct kist_error *err)
{
    struct kist_targets *targets = work->targets;
    int code = 0;
    work->held = calloc(targets->count + 1, sizeof *work->held);
    work->unread = calloc(targets->count + 1, sizeof *work->unread);
    for (size_t i = 0; work->held && i < targets->count && !code; i++)
        if (!(work->held[i] = json_object()))
            code = KIST_ERR_FAILED;
    if (!work->held || !work->unread || code)
        code = kist_fail(err, KIST_ERR_FAILED, "out of memory");
    if (!code)
        code = kist_targets_step(targets, read_notes, work, err);
    if (!code)
        code = settle_all(work, err);
    for (size_t i = 0; work->held && i < targets->count; i++)
        json_decref(work->held[i]);
    free(work->held);
    free(work->unread);
    return code;
}

int kist_leftovers_sweep(struct kist_targets *targets, struct kist_provider *provider, struct kist_error *err)
{
    struct work work = {.targets = targets, .provider = provider};
    int code = kist_targets_step(targets, kist_target_look, targets, err);
    if (!code)
        code = ask_provider(&work, err);
    return code ? code : kist_targets_step(targets, kist_target_sweep, targets, err);
}
