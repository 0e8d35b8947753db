/* neon.c - the descriptor of the plugin: what it can be told, and its callbacks. */
#include "dump.h"

#include <stdlib.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)
#define UNDO_MS 300000
#define CALM_MS 25000 /* of the half minute that a clean-up may take */

static const struct kist_option options[] = {
    KIST_OPTION(struct neon_config, api_key, .flags = KIST_OPTION_REQUIRED,
                .help = "API key of Neon (napi_...), as in ${NEON_API_KEY}"),
    KIST_OPTION(struct neon_config, project, .flags = KIST_OPTION_REQUIRED,
                .help = "id of the project (quiet-sun-12345678), from its settings"),
    KIST_OPTION(struct neon_config, branch,
                .help = "name or id of the branch that is saved; default: the project's default branch"),
    KIST_OPTION(struct neon_config, mode, .def = "branch", .choices = "branch|snapshot|dump",
                .help = "a backup is a branch of it, a snapshot of it, or a dump of a branch that is made for it"),
    KIST_OPTION(struct neon_config, name, .def = "kist-{pipeline}-{id}",
                .help = "what branches and snapshots are called; {pipeline} and {id} have to be in it"),
    KIST_OPTION(struct neon_config, expires, .def = "0s", KIST_RANGE(0, 30 * DAY_MS),
                .help = "let Neon delete branches and snapshots after this time; 0s: never"),
    KIST_OPTION(struct neon_config, protect, .def = "no",
                .help = "protect branches against being deleted by anybody else"),
    KIST_OPTION(struct neon_config, wait, .def = "30m", KIST_RANGE(1000, 7 * DAY_MS),
                .help = "give up when Neon has not done something after this time"),
    KIST_OPTION(struct neon_config, poll, .def = "1s", KIST_RANGE(10, 600000),
                .help = "how often Neon is asked whether it has"),
    KIST_OPTION(struct neon_config, database,
                .help = "database that is dumped, and named after a restore; default: the branch's first"),
    KIST_OPTION(struct neon_config, role, .help = "role that connects to it; default: its owner"),
    KIST_OPTION(struct neon_config, dump, .choices = "pg_dump",
                .help = "name of the [source NAME] of plugin pg_dump whose settings a dump takes"),
    KIST_OPTION(struct neon_config, api_url, .def = "https://console.neon.tech/api/v2", .help = "URL of the API"),
    KIST_OPTION_END,
};

static uint64_t features_of(const void *config)
{
    const struct neon_config *neon = config;
    if (neon->mode.index == NEON_DUMP)
        return KIST_SOURCE_RESTORES | KIST_SOURCE_CHECKS | KIST_SOURCE_SWAPS | KIST_SOURCE_DRILLS |
               KIST_SOURCE_HISTORY;
    return KIST_SOURCE_RESTORES | KIST_SOURCE_REFERENCES | KIST_SOURCE_REPLACES | KIST_SOURCE_HISTORY;
}

static void forget_backup(struct neon_source *source)
{
    free((char *)source->backup.pipeline);
    free((char *)source->backup.id);
    free((char *)source->backup.owner);
    source->backup = (struct kist_backup){.pipeline = NULL};
}

static void close_source(void *self)
{
    struct neon_source *source = self;
    neon_dump_close(source);
    neon_api_done(&source->api);
    neon_api_done(&source->calm_api);
    kist_calm_done(&source->calm);
    forget_backup(source);
    free(source);
}

static int open_source(const struct kist_host *host, const void *config, void **ret_self, struct kist_error *err)
{
    struct neon_source *source = calloc(1, sizeof *source);
    if (!source)
        return neon_fail_memory(host, err);
    source->host = host;
    source->config = config;
    int rc = kist_calm_init(&source->calm, host);
    if (rc != 0)
        rc = host->fail(host, err, KIST_ERR_FAILED, "no file descriptor is to be had");
    if (rc == 0)
        rc = neon_config_check(host, config, err);
    if (rc == 0)
        rc = neon_api_init(&source->api, source, host, source->config->wait.ms, err);
    if (rc == 0)
        *ret_self = source;
    else
        close_source(source);
    return rc;
}

static int begin_backup(void *self, const struct kist_backup *backup, struct kist_error *err)
{
    struct neon_source *source = self;
    forget_backup(source);
    source->backup = (struct kist_backup){.struct_size = sizeof(struct kist_backup),
                                          .pipeline = strdup(backup->pipeline),
                                          .id = strdup(backup->id),
                                          .owner = strdup(backup->owner)};
    if (!source->backup.pipeline || !source->backup.id || !source->backup.owner)
        return neon_fail_memory(source->host, err);
    return neon_name_check(source, backup, err);
}

int neon_calm(struct neon_source *source, struct neon_api **ret_api, struct kist_error *err)
{
    int rc = 0;
    if (!source->host->cancelled(source->host)) {
        neon_api_start(&source->api);
        if (neon_api_left(&source->api) > UNDO_MS)
            source->api.deadline_ms += UNDO_MS - source->api.limit_ms;
        *ret_api = &source->api;
        return 0;
    }
    if (!source->calm_api.http)
        rc = neon_api_init(&source->calm_api, source, &source->calm.host, CALM_MS, err);
    if (rc != 0)
        return rc;
    neon_api_start(&source->calm_api);
    *ret_api = &source->calm_api;
    return 0;
}

int neon_need_branch(struct neon_source *source, struct kist_error *err)
{
    return *source->branch.id ? 0 : neon_branch_resolve(&source->api, NULL, &source->branch, err);
}

int neon_need_project(struct neon_source *source, struct kist_error *err)
{
    if (source->has_project)
        return 0;
    int rc = neon_project_get(&source->api, &source->project, err);
    source->has_project = rc == 0;
    return rc;
}

static int tell_facts(void *self, const struct kist_facts *facts, struct kist_error *err)
{
    struct neon_source *source = self;
    neon_api_start(&source->api);
    int rc = neon_tell_facts(source, facts, err);
    return rc == 0 && source->config->mode.index == NEON_DUMP ? neon_dump_facts(self, facts, err) : rc;
}

KIST_SOURCE(
        .about = {.name = "neon",
                  .version = KIST_VERSION,
                  .summary = "a database of Neon, by its branches, snapshots and history",
                  .details =
                      "A backup is a branch or a snapshot that Neon holds, in the same project, or a dump of a "
                      "branch that is there only meanwhile. It counts when every operation is finished and "
                      "Neon shows it as ready. Restores make a new branch, or replace one whose state before "
                      "is kept. Nothing is ever deleted but what carries the name of that very backup.",
                  .options = options,
                  .config_size = sizeof(struct neon_config)},
        .features = KIST_SOURCE_RESTORES | KIST_SOURCE_CHECKS | KIST_SOURCE_SWAPS | KIST_SOURCE_DRILLS |
                    KIST_SOURCE_REFERENCES | KIST_SOURCE_REPLACES | KIST_SOURCE_HISTORY,
        .open = open_source, .close = close_source, .check = neon_check, .items = neon_items,
        .read_begin = neon_dump_read_begin, .read = neon_dump_read, .read_end = neon_dump_read_end,
        .read_about = neon_dump_read_about, .facts = tell_facts, .counts = neon_counts,
        .restore_begin = neon_restore_begin, .write_begin = neon_write_begin, .write = neon_dump_write,
        .write_commit = neon_dump_write_commit, .write_abort = neon_dump_write_abort,
        .restore_end = neon_restore_end, .restored_counts = neon_restored_counts,
        .restore_place = neon_restore_place, .swap = neon_dump_swap, .aim = neon_dump_aim,
        .scratch_begin = neon_dump_scratch_begin, .scratch_end = neon_dump_scratch_end,
        .restore_reject = neon_restore_reject, .features_of = features_of, .backup_begin = begin_backup,
        .backup_sweep = neon_backup_sweep, .reference_make = neon_reference_make,
        .reference_look = neon_reference_look, .reference_discard = neon_reference_discard,
        .reference_restore = neon_reference_restore, .known_as = neon_known_as);
