#include "prune.h"
#include "backup_id.h"
#include "history.h"
#include "log.h"
#include "prune_place.h"
#include "signals.h"
#include "state.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Retention on all destinations of a pipeline, side by side. */
struct prune {
    const struct kist_config_pipeline *pipeline; /* with the destinations that are asked */
    const struct kist_prune_options *options;
    struct kist_prune_result *result;
    const char *owner;
    char *freeze;                /* why nothing goes anywhere; or NULL */
    struct kist_discard discard; /* through the source, whichever destinations are asked */
    struct kist_targets targets;
    struct kist_prune_place *places; /* one for each target */
};

static int is_dry(const struct kist_prune_options *options)
{
    return options->dry_run || !options->state_dir;
}

/* Whether a person has accepted what a run of this host made, and nothing but its being suspect spoke against it. */
static int is_accepted(const json_t *entries, size_t run, const json_t *last)
{
    const char *id = json_string_value(json_object_get(last, "id")), *place = NULL;
    json_t *complete = NULL;
    int accepted = 0;
    json_object_foreach(json_object_get(last, "destinations"), place, complete)
        if (!json_is_true(complete))
            return 0;
    for (size_t i = run + 1; id && i < json_array_size(entries); i++) {
        const json_t *entry = json_array_get(entries, i);
        const char *event = json_string_value(json_object_get(entry, "event"));
        const char *said = json_string_value(json_object_get(entry, "id"));
        accepted |= event && said && strcmp(event, "accept") == 0 && strcmp(said, id) == 0;
    }
    return accepted && !json_object_get(last, "omission");
}

/* What the last run of this host came to, where it was not good; or NULL. Borrowed. Retention's own trouble is no reason
 * against retention. */
static const char *last_outcome(json_t *entries)
{
    for (size_t i = json_array_size(entries); i-- > 0;) {
        json_t *entry = json_array_get(entries, i);
        const char *event = json_string_value(json_object_get(entry, "event"));
        const char *outcome = json_string_value(json_object_get(entry, "outcome"));
        if (!event || strcmp(event, "run") != 0)
            continue;
        int fine = kist_history_lets_prune(entry);
        if (!fine && strcmp(outcome, "degraded") == 0)
            fine = is_accepted(entries, i, entry);
        return fine ? NULL : outcome;
    }
    return NULL;
}

static int ask_history(struct prune *prune, struct kist_error *err)
{
    const struct kist_prune_options *options = prune->options;
    json_t *entries = NULL;
    KIST_CLEANUP_ERROR struct kist_error ignored = KIST_ERROR_INIT;
    if (options->freeze)
        return (prune->freeze = strdup(options->freeze)) ? 0 : kist_fail(err, KIST_ERR_FAILED, "out of memory");
    /* It is this host's alone, and may be lost: then the backups speak for themselves. */
    if (options->fresh || !options->state_dir ||
        kist_history_read(options->state_dir, prune->pipeline->name, 0, 0, &entries, NULL, &ignored))
        return 0;
    const char *outcome = last_outcome(entries);
    int code = 0;
    if (outcome && asprintf(&prune->freeze, "the last run was not good (%s)", outcome) < 0) {
        prune->freeze = NULL;
        code = kist_fail(err, KIST_ERR_FAILED, "out of memory");
    }
    json_decref(entries);
    return code;
}

static int prune_one(struct kist_target *target, void *arg, struct kist_error *err)
{
    struct prune *prune = arg;
    struct kist_prune_place *place = &prune->places[target - prune->targets.items];
    place->store = target->store;
    int code = kist_prune_look(place, err);
    if (!code && !is_dry(prune->options))
        code = kist_prune_delete(place, err);
    return code;
}

static int lapse_one(struct kist_target *target, void *arg, struct kist_error *err)
{
    struct prune *prune = arg;
    struct kist_prune_place *place = &prune->places[target - prune->targets.items];
    return kist_prune_lapse(place, prune->places, prune->targets.count, err);
}

/* On each, and after that what needs to know of all. */
static int prune_each(struct prune *prune, struct kist_error *err)
{
    int code = kist_targets_step(&prune->targets, prune_one, prune, err);
    for (size_t i = 0; i < prune->targets.count && is_dry(prune->options) && !code; i++)
        kist_prune_foresee(prune->places, prune->targets.count, i);
    return code ? code : kist_targets_step(&prune->targets, lapse_one, prune, err);
}

static int prune_places(struct prune *prune, struct kist_error *err)
{
    struct kist_config_pipeline any = *prune->pipeline;
    any.require = 0;
    int code = ask_history(prune, err);
    if (!code)
        code = kist_targets_open(&any, prune->owner, prune->options->cancel, &prune->targets, err);
    if (code)
        return code;
    prune->places = calloc(prune->targets.count + 1, sizeof *prune->places);
    if (!prune->places)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    for (size_t i = 0; i < prune->targets.count; i++)
        prune->places[i] = (struct kist_prune_place){.pipeline = prune->pipeline,
                                                     .options = prune->options,
                                                     .section = prune->targets.items[i].section,
                                                     .owner = prune->owner,
                                                     .freeze = prune->freeze,
                                                     .discard = &prune->discard};
    return prune_each(prune, err);
}

/* ---- what it came to ---- */

static void note_trouble(struct prune *prune, const char *destination, const char *what)
{
    if (!prune->result->trouble &&
        asprintf(&prune->result->trouble, "retention on '%s': %s", destination, what) < 0)
        prune->result->trouble = NULL;
}

/* For the log: why nothing went. */
static void tell_frozen(struct prune *prune, const struct kist_prune_place *place, const char *why)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    kist_fail(&err, KIST_ERR_REFUSED, "nothing is deleted on '%s': %s", place->section->name, why);
    if (place->plan.hint && why == place->plan.frozen)
        kist_hint(&err, "%s", place->plan.hint);
    kist_log_at(prune->options->quiet ? KIST_LOG_WARNING : KIST_LOG_ERROR, prune->pipeline->name, &err);
    note_trouble(prune, place->section->name, why);
    prune->result->frozen++;
}

static void add_up(struct prune *prune, size_t index)
{
    const struct kist_prune_place *place = &prune->places[index];
    const struct kist_error *err = &prune->targets.items[index].err;
    struct kist_prune_result *result = prune->result;
    const char *name = place->section->name, *frozen = kist_prune_frozen(place);
    result->removed += kist_prune_count(place, KIST_PRUNE_GONE);
    result->locked += kist_prune_count(place, KIST_PRUNE_LOCKED);
    result->failed += kist_prune_count(place, KIST_PRUNE_FAILED) + (err->code ? 1 : 0);
    result->freed += place->freed;
    if (err->code) {
        kist_log_at(prune->options->quiet ? KIST_LOG_WARNING : KIST_LOG_ERROR, NULL, err);
        note_trouble(prune, name, kist_error_text(err));
    }
    for (size_t i = 0; i < place->row_count; i++)
        if (place->rows[i].outcome == KIST_PRUNE_LOCKED || place->rows[i].outcome == KIST_PRUNE_FAILED)
            note_trouble(prune, name,
                         place->rows[i].cause ? place->rows[i].cause : "a backup could not be deleted");
    if (frozen)
        tell_frozen(prune, place, frozen);
    if (prune->options->quiet && kist_prune_count(place, KIST_PRUNE_GONE))
        kist_log(KIST_LOG_INFO, prune->pipeline->name, "retention deleted %zu backup%s on '%s', %s freed",
                 kist_prune_count(place, KIST_PRUNE_GONE),
                 kist_prune_count(place, KIST_PRUNE_GONE) == 1 ? "" : "s", name,
                 kist_size_show(place->freed).text);
    if (prune->options->json)
        json_array_append_new(prune->options->json, kist_prune_json(place, err));
    else if (!prune->options->quiet)
        kist_prune_print(place, err);
}

/* {destination: [texts]} of what was discarded at the provider; NULL: nothing. */
static json_t *references_json(const struct prune *prune)
{
    json_t *all = json_object();
    for (size_t i = 0; prune->places && i < prune->targets.count; i++) {
        const struct kist_prune_place *place = &prune->places[i];
        json_t *texts = json_array();
        for (size_t k = 0; k < place->row_count; k++)
            if (place->rows[k].references)
                json_array_extend(texts, place->rows[k].references);
        if (json_array_size(texts))
            json_object_set(all, place->section->name, texts);
        json_decref(texts);
    }
    if (json_object_size(all))
        return all;
    json_decref(all);
    return NULL;
}

/* {destination: [ids]} of those with an outcome. */
static json_t *ids_json(const struct prune *prune, enum kist_prune_outcome outcome)
{
    json_t *all = json_object();
    for (size_t i = 0; prune->places && i < prune->targets.count; i++) {
        const struct kist_prune_place *place = &prune->places[i];
        json_t *ids = json_array();
        for (size_t k = 0; k < place->row_count; k++)
            if (place->rows[k].outcome == outcome)
                json_array_append_new(ids, json_string(place->rows[k].id));
        if (json_array_size(ids))
            json_object_set(all, place->section->name, ids);
        json_decref(ids);
    }
    return all;
}

/* What has changed something, or should have. */
static void tell_history(const struct prune *prune, enum kist_exit status)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    const struct kist_prune_result *result = prune->result;
    if (is_dry(prune->options))
        return;
    json_t *references = references_json(prune);
    if (status == KIST_EXIT_OK && !result->removed && !references)
        return;
    json_t *entry = json_pack("{s:s, s:s, s:o, s:o, s:o, s:i, s:I, s:i, s:s*, s:o*}", "event", "prune", "pipeline",
                              prune->pipeline->name, "removed", ids_json(prune, KIST_PRUNE_GONE), "locked",
                              ids_json(prune, KIST_PRUNE_LOCKED), "failed", ids_json(prune, KIST_PRUNE_FAILED),
                              "frozen", (int)result->frozen, "freed", (json_int_t)result->freed, "exit",
                              (int)status, "cause", result->trouble, "references", references);
    if (!entry || kist_history_add(prune->options->state_dir, entry, &err))
        kist_log_at(KIST_LOG_WARNING, prune->pipeline->name, &err);
    json_decref(entry);
}

static void prune_done(struct prune *prune)
{
    for (size_t i = 0; prune->places && i < prune->targets.count; i++)
        kist_prune_place_done(&prune->places[i]);
    free(prune->places);
    free(prune->freeze);
    kist_discard_done(&prune->discard);
    if (prune->targets.items)
        kist_targets_close(&prune->targets);
}

static enum kist_exit exit_of(const struct kist_prune_result *result, int code)
{
    if (kist_signals_seen())
        return KIST_EXIT_SIGNAL + (unsigned)kist_signals_seen();
    if (code)
        return code == KIST_ERR_EXISTS ? KIST_EXIT_LOCKED : KIST_EXIT_FAILED;
    return result->locked + result->failed + result->frozen ? KIST_EXIT_DEGRADED : KIST_EXIT_OK;
}

/* With the destinations chosen; `whole`: with all of them. */
static enum kist_exit run(struct prune *prune, const struct kist_config_pipeline *whole)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    const struct kist_prune_options *options = prune->options;
    struct kist_lock lock = KIST_LOCK_INIT;
    int code = is_dry(options) ? 0 : kist_lock_take(options->state_dir, prune->pipeline->name, &lock, &err);
    enum kist_exit locked = code == KIST_ERR_EXISTS ? KIST_EXIT_LOCKED : KIST_EXIT_OK;
    prune->owner = lock.owner;
    kist_discard_init(&prune->discard, whole, lock.owner, options->cancel);
    if (!code && (code = prune_places(prune, &err)) == KIST_ERR_EXISTS)
        code = KIST_ERR_FAILED;
    for (size_t i = 0; prune->places && i < prune->targets.count; i++)
        add_up(prune, i);
    if (code) {
        kist_log_at(options->quiet ? KIST_LOG_WARNING : KIST_LOG_ERROR, prune->pipeline->name, &err);
        if (!prune->result->trouble)
            prune->result->trouble = strdup(kist_error_text(&err));
    }
    enum kist_exit status = exit_of(prune->result, code);
    if (!locked)
        tell_history(prune, status);
    prune_done(prune);
    kist_lock_release(&lock);
    return status;
}

enum kist_exit kist_prune_run(const struct kist_config_pipeline *pipeline,
                              const struct kist_prune_options *options, struct kist_prune_result *ret_result)
{
    struct kist_config_pipeline chosen = *pipeline;
    const struct kist_config_section **sections = calloc(pipeline->destination_count + 1, sizeof *sections);
    *ret_result = (struct kist_prune_result){0};
    if (!sections) {
        kist_log(KIST_LOG_ERROR, pipeline->name, "out of memory");
        return KIST_EXIT_FAILED;
    }
    chosen.destinations = sections;
    chosen.destination_count = 0;
    for (size_t i = 0; i < pipeline->destination_count; i++) {
        const struct kist_config_section *section = pipeline->destinations[i];
        int keeps = !(section->plugin->features & KIST_DESTINATION_DISCARDS);
        if (keeps && (!options->destination || strcmp(options->destination, section->name) == 0))
            sections[chosen.destination_count++] = section;
    }
    struct prune prune = {.pipeline = &chosen, .options = options, .result = ret_result};
    enum kist_exit status = chosen.destination_count ? run(&prune, pipeline) : KIST_EXIT_OK;
    free(sections);
    return status;
}
