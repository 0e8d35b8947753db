#include "mark_everywhere.h"
#include "listing.h"
#include "log.h"
#include "state.h"

static void say_on(struct kist_saying *saying, struct kist_store *store, const struct kist_catalog *catalog)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    int code = saying->say(saying, store, catalog, &err);
    if (code)
        kist_log_error(store->where, &err);
    saying->marked += code ? 0 : 1;
    saying->failed += code ? 1 : 0;
    json_object_set_new(saying->places, kist_store_name(store), json_boolean(!code));
}

static int not_found(const struct kist_saying *saying, struct kist_error *err)
{
    kist_fail(err, KIST_ERR_NOT_FOUND, "there is no backup '%s/%s'", saying->pipeline->name, saying->id);
    kist_hint(err, "`kist list %s` shows the backups", saying->pipeline->name);
    return KIST_ERR_NOT_FOUND;
}

int kist_say_everywhere(struct kist_saying *saying, struct kist_cancel *cancel, struct kist_error *err)
{
    const struct kist_config_pipeline *pipeline = saying->pipeline;
    struct kist_listing listing = {0};
    saying->places = json_object();
    if (!saying->places)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    int code = kist_listing_read(pipeline, NULL, KIST_LISTING_IDS, cancel, &listing, err);
    if (code)
        return code;
    for (size_t i = 0; i < pipeline->destination_count; i++) {
        if (listing.stores[i] && kist_catalog_has(&listing.catalogs[i], saying->id))
            say_on(saying, listing.stores[i], &listing.catalogs[i]);
        /* What is wrong with one that does not answer stands in the log already. */
        else if (!listing.stores[i])
            saying->failed++;
    }
    kist_listing_done(&listing);
    return saying->marked + saying->failed ? 0 : not_found(saying, err);
}

int kist_say_history(const struct kist_saying *saying, const char *event, const char *member,
                     const char *state_dir)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    json_t *entry = json_pack("{s:s, s:s, s:s, s:O}", "event", event, "pipeline", saying->pipeline->name, "id",
                              saying->id, "destinations", saying->places);
    int bad = !entry || (member ? json_object_set(entry, member, saying->body)
                                : json_object_update_missing(entry, saying->body)) != 0;
    int code = !bad ? kist_history_add(state_dir, entry, &err) : kist_fail(&err, KIST_ERR_FAILED, "out of memory");
    json_decref(entry);
    if (code)
        kist_log_at(KIST_LOG_WARNING, saying->pipeline->name, &err);
    return !code;
}

enum kist_exit kist_say_exit(const struct kist_saying *saying, int told)
{
    if (saying->marked == 0)
        return KIST_EXIT_FAILED;
    return saying->failed || !told ? KIST_EXIT_DEGRADED : KIST_EXIT_OK;
}

void kist_saying_done(struct kist_saying *saying)
{
    json_decref(saying->places);
    saying->places = NULL;
}
