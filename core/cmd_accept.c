#include "commands.h"
#include "judge.h"
#include "listing.h"
#include "log.h"
#include "marks.h"
#include "state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct acceptance {
    const struct kist_config_pipeline *pipeline;
    const char *id;
    json_t *body;   /* of every mark: what it was suspect for */
    json_t *places; /* object: whether each destination knows of it */
    size_t marked, failed;
};

/* Errors are logged: one destination does not keep the others from knowing. */
static void accept_on(struct acceptance *acceptance, struct kist_store *store, const struct kist_catalog *catalog)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    int code = kist_judge_accepted(store, acceptance->pipeline, catalog, acceptance->id)
                   ? 0
                   : kist_mark_put(store, acceptance->pipeline, catalog, acceptance->id, KIST_MARK_ACCEPTED,
                                   acceptance->body, &err);
    if (code)
        kist_log_error(store->where, &err);
    acceptance->marked += code ? 0 : 1;
    acceptance->failed += code ? 1 : 0;
    json_object_set_new(acceptance->places, kist_store_name(store), json_boolean(!code));
}

/* On every destination that has it. */
static int accept_all(struct acceptance *acceptance, struct kist_cancel *cancel, struct kist_error *err)
{
    const struct kist_config_pipeline *pipeline = acceptance->pipeline;
    struct kist_listing listing = {0};
    int code = kist_listing_read(pipeline, NULL, KIST_LISTING_IDS, cancel, &listing, err);
    if (code)
        return code;
    for (size_t i = 0; i < pipeline->destination_count; i++) {
        if (listing.stores[i] && kist_catalog_has(&listing.catalogs[i], acceptance->id))
            accept_on(acceptance, listing.stores[i], &listing.catalogs[i]);
        /* What is wrong with one that does not answer stands in the log already. */
        else if (!listing.stores[i])
            acceptance->failed++;
    }
    kist_listing_done(&listing);
    return 0;
}

/* 0 when the history could not be written; that is logged. */
static int tell_history(const struct acceptance *acceptance, const char *state)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    json_t *entry =
        json_pack("{s:s, s:s, s:s, s:O, s:O}", "event", "accept", "pipeline", acceptance->pipeline->name, "id",
                  acceptance->id, "destinations", acceptance->places, "suspect", acceptance->body);
    int code = entry ? kist_history_add(state, entry, &err) : kist_fail(&err, KIST_ERR_FAILED, "out of memory");
    json_decref(entry);
    if (code)
        kist_log_at(KIST_LOG_WARNING, acceptance->pipeline->name, &err);
    return !code;
}

static enum kist_exit accept_suspect(struct acceptance *acceptance, const struct kist_cli *cli, const char *state)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    if (accept_all(acceptance, cli->cancel, &err))
        return kist_cli_fail(&err);
    int told = tell_history(acceptance, state);
    if (acceptance->marked == 0)
        return KIST_EXIT_FAILED;
    if (kist_log_level() >= KIST_LOG_INFO)
        printf("%s/%s: accepted\n", acceptance->pipeline->name, acceptance->id);
    return acceptance->failed || !told ? KIST_EXIT_DEGRADED : KIST_EXIT_OK;
}

static enum kist_exit accept_found(const struct kist_manifest *manifest, const struct kist_backup_name *name,
                                   const struct kist_cli *cli, const char *state)
{
    if (!manifest->suspect) {
        printf("%s/%s is not suspect\n", manifest->pipeline, manifest->id);
        return KIST_EXIT_OK;
    }
    struct acceptance acceptance = {.pipeline = name->pipeline,
                                    .id = manifest->id,
                                    .body = json_pack("{s:O}", "reasons", manifest->suspect),
                                    .places = json_object()};
    enum kist_exit status = KIST_EXIT_FAILED;
    if (acceptance.body && acceptance.places)
        status = accept_suspect(&acceptance, cli, state);
    else
        kist_log(KIST_LOG_ERROR, name->pipeline->name, "out of memory");
    json_decref(acceptance.body);
    json_decref(acceptance.places);
    return status;
}

static enum kist_exit accept(const struct kist_cli *cli, const struct kist_config *config, const char *state)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct kist_backup_name name;
    struct kist_found found = {0};
    int code = kist_backup_name_parse(config, cli->args[0], &name, &err);
    if (!code)
        code = kist_backup_find(&name, NULL, cli->cancel, &found, &err);
    if (code) {
        enum kist_exit status = kist_cli_fail(&err);
        return code == KIST_ERR_NOT_FOUND ? KIST_EXIT_NO_BACKUP : status;
    }
    enum kist_exit status = accept_found(&found.manifest, &name, cli, state);
    kist_found_done(&found);
    return status;
}

enum kist_exit kist_cmd_accept(struct kist_cli *cli)
{
    enum kist_exit status = KIST_EXIT_OK;
    struct kist_config *config = kist_cli_config(cli, &status);
    char *state = config ? kist_cli_state(cli, config, &status) : NULL;
    if (state)
        status = accept(cli, config, state);
    free(state);
    kist_config_free(config);
    return status;
}
