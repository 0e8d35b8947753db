#include "commands.h"
#include "listing.h"
#include "log.h"
#include "mark_everywhere.h"
#include "marks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A prune writes its tombstones, and then looks for pins: whoever has pinned first and sees no tombstone then, nor misses the
 * manifest after that, was in time. */
static int check_in_time(const struct kist_saying *saying, struct kist_store *store, struct kist_error *err)
{
    const char *pipeline = saying->pipeline->name;
    int buried = 0, exists = 0;
    int code = kist_catalog_tombstone_exists(store, pipeline, saying->id, &buried, err);
    if (!code)
        code = kist_catalog_exists(store, pipeline, saying->id, &exists, err);
    if (code || (exists && !buried))
        return code;
    if (!exists)
        return kist_fail(err, KIST_ERR_NOT_FOUND, "%s/%s has been deleted by a prune just now", pipeline,
                         saying->id);
    kist_fail(err, KIST_ERR_UNAVAILABLE, "a prune has begun to delete %s/%s: this may have come too late",
              pipeline, saying->id);
    kist_hint(err, "`kist list %s` tells, when the prune is over; one that is still there is held", pipeline);
    return KIST_ERR_UNAVAILABLE;
}

/* One that is pinned already stays as it is, unless there is a new reason. */
static int hold_on(const struct kist_saying *saying, struct kist_store *store, const struct kist_catalog *catalog,
                   struct kist_error *err)
{
    int held = kist_mark_find(catalog, saying->id, KIST_MARK_HELD) && !json_object_get(saying->body, "reason");
    int code =
        held ? 0 : kist_mark_put(store, saying->pipeline, catalog, saying->id, KIST_MARK_HELD, saying->body, err);
    return code ? code : check_in_time(saying, store, err);
}

static int release_on(const struct kist_saying *saying, struct kist_store *store,
                      const struct kist_catalog *catalog, struct kist_error *err)
{
    return kist_marks_remove(store, saying->pipeline->name, catalog, saying->id, KIST_MARK_HELD, err);
}

struct wish {
    const char *event, *done; /* "hold", "held" */
    kist_saying_fn say;
    int warns; /* of what a provider lets expire */
};

/* The id that a person means: as it is named, or the latest. A backup whose manifest is damaged can be held, too. */
static int find_id(const struct kist_cli *cli, struct kist_backup_name *name, struct kist_error *err)
{
    struct kist_found found = {0};
    if (name->id[0])
        return 0;
    int code = kist_backup_find(name, NULL, cli->cancel, &found, err);
    if (code)
        return code;
    memcpy(name->id, found.manifest.id, sizeof name->id);
    kist_found_done(&found);
    return 0;
}

/* The reference that is the first to go, or that is past its time; NULL: all stay. */
static const struct kist_reference *first_to_go(const struct kist_manifest *manifest)
{
    const struct kist_reference *first = NULL;
    for (size_t i = 0; i < manifest->item_count; i++) {
        const struct kist_reference *one = manifest->items[i].reference ? &manifest->items[i].reference->as : NULL;
        if (one && one->until_ms && (!first || one->until_ms < first->until_ms))
            first = one;
    }
    return first;
}

/* A hold binds retention, and nobody else. What is wrong with the backup is told by other commands. */
static void warn_of_end(const struct kist_cli *cli, const struct kist_backup_name *name)
{
    KIST_CLEANUP_ERROR struct kist_error ignored = KIST_ERROR_INIT;
    struct kist_found found = {0};
    char until[KIST_TIME_LENGTH + 1];
    if (kist_backup_find(name, NULL, cli->cancel, &found, &ignored))
        return;
    const struct kist_reference *first = first_to_go(&found.manifest);
    char *text = first ? kist_reference_text(first) : NULL;
    if (text) {
        kist_time_text(first->until_ms / 1000, until);
        kist_log(KIST_LOG_WARNING, name->pipeline->name,
                 "the %s may be gone from %s on: a hold keeps `kist prune` from deleting it, not the provider",
                 text, until);
    }
    free(text);
    kist_found_done(&found);
}

static enum kist_exit say(const struct kist_cli *cli, const struct kist_config *config, const char *state,
                          const struct wish *wish, json_t *body)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct kist_backup_name name = {0};
    int code = kist_backup_name_parse(config, cli->args[0], &name, &err);
    if (!code)
        code = find_id(cli, &name, &err);
    struct kist_saying saying = {.pipeline = name.pipeline, .id = name.id, .say = wish->say, .body = body};
    if (!code)
        code = kist_say_everywhere(&saying, cli->cancel, &err);
    enum kist_exit status = KIST_EXIT_OK;
    if (code) {
        status = kist_cli_fail(&err);
        status = code == KIST_ERR_NOT_FOUND ? KIST_EXIT_NO_BACKUP : status;
    } else {
        status = kist_say_exit(&saying, kist_say_history(&saying, wish->event, NULL, state));
        if (saying.marked && kist_log_level() >= KIST_LOG_INFO)
            printf("%s/%s: %s\n", name.pipeline->name, name.id, wish->done);
        if (saying.marked && wish->warns)
            warn_of_end(cli, &name);
    }
    kist_saying_done(&saying);
    return status;
}

static enum kist_exit run(struct kist_cli *cli, const struct wish *wish)
{
    enum kist_exit status = KIST_EXIT_OK;
    const char *reason = kist_cli_has(cli, "reason") ? kist_cli_value(cli, "reason") : NULL;
    json_t *body = json_object();
    if (reason && json_object_set_new(body, "reason", json_string(reason)) != 0) {
        json_decref(body);
        return kist_cli_usage(cli, "the reason is no UTF-8");
    }
    struct kist_config *config = kist_cli_config(cli, &status);
    char *state = config ? kist_cli_state(cli, config, &status) : NULL;
    if (state)
        status = say(cli, config, state, wish, body);
    free(state);
    kist_config_free(config);
    json_decref(body);
    return status;
}

enum kist_exit kist_cmd_hold(struct kist_cli *cli)
{
    return run(cli, &(const struct wish){"hold", "held", hold_on, 1});
}

enum kist_exit kist_cmd_release(struct kist_cli *cli)
{
    return run(cli, &(const struct wish){"release", "released", release_on, 0});
}
