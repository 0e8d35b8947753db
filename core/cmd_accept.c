#include "commands.h"
#include "judge.h"
#include "listing.h"
#include "log.h"
#include "mark_everywhere.h"
#include "marks.h"

#include <stdio.h>
#include <stdlib.h>

static int accept_on(const struct kist_saying *saying, struct kist_store *store,
                     const struct kist_catalog *catalog, struct kist_error *err)
{
    if (kist_judge_accepted(store, saying->pipeline, catalog, saying->id))
        return 0;
    return kist_mark_put(store, saying->pipeline, catalog, saying->id, KIST_MARK_ACCEPTED, saying->body, err);
}

static enum kist_exit accept_suspect(struct kist_saying *saying, const struct kist_cli *cli, const char *state)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    if (kist_say_everywhere(saying, cli->cancel, &err))
        return kist_cli_fail(&err);
    int told = kist_say_history(saying, "accept", "suspect", state);
    if (saying->marked && kist_log_level() >= KIST_LOG_INFO)
        printf("%s/%s: accepted\n", saying->pipeline->name, saying->id);
    return kist_say_exit(saying, told);
}

static enum kist_exit accept_found(const struct kist_manifest *manifest, const struct kist_backup_name *name,
                                   const struct kist_cli *cli, const char *state)
{
    if (!manifest->suspect) {
        printf("%s/%s is not suspect\n", manifest->pipeline, manifest->id);
        return KIST_EXIT_OK;
    }
    struct kist_saying saying = {.pipeline = name->pipeline,
                                 .id = manifest->id,
                                 .say = accept_on,
                                 .body = json_pack("{s:O}", "reasons", manifest->suspect)};
    enum kist_exit status = KIST_EXIT_FAILED;
    if (saying.body)
        status = accept_suspect(&saying, cli, state);
    else
        kist_log(KIST_LOG_ERROR, name->pipeline->name, "out of memory");
    json_decref(saying.body);
    kist_saying_done(&saying);
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
