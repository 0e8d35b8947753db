/* project.c - the project. */
#include "neon.h"

int neon_project_get(struct neon_api *api, struct neon_project *ret_project, struct kist_error *err)
{
    const struct kist_host *host = api->host;
    json_t *json = NULL;
    int rc = neon_call(api,
                       (struct neon_request){
                           .what = "look at the project", .method = "GET", .path = neon_path("", NULL, "", NULL)},
                       &json, NULL, err);
    if (rc == KIST_ERR_NOT_FOUND) {
        host->fail(host, err, rc = KIST_ERR_CONFIG, "there is no project '%s' for this API key",
                   api->config->project);
        host->hint(host, err, "check 'project' (its id, not its name), and whose key 'api_key' is");
    }
    if (rc == 0)
        rc = neon_read_project(host, json_object_get(json, "project"), ret_project, err);
    json_decref(json);
    return rc;
}

int neon_tell_facts(struct neon_source *source, const struct kist_facts *facts, struct kist_error *err)
{
    const struct neon_config *config = source->config;
    static const char *const modes[] = {"branch", "snapshot", "dump"};
    int rc = neon_need_project(source, err);
    if (rc == 0)
        rc = neon_need_branch(source, err);
    if (rc != 0)
        return rc;
    facts->text(facts, "project", config->project);
    facts->text(facts, "project_name", source->project.name);
    if (*source->project.region)
        facts->text(facts, "region", source->project.region);
    facts->text(facts, "branch", source->branch.name);
    facts->text(facts, "branch_id", source->branch.id);
    facts->text(facts, "mode", modes[config->mode.index]);
    if (source->project.pg_version > 0)
        facts->number(facts, "postgres_version", source->project.pg_version);
    if (source->project.history_ms >= 0)
        facts->number(facts, "history_seconds", source->project.history_ms / 1000);
    if (source->branch.logical_size >= 0)
        facts->number(facts, "logical_size", source->branch.logical_size);
    return 0;
}
