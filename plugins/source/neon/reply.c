/* reply.c - what replies say. Pure; a reply is hostile until it is proved to be one. */
#include "neon.h"

#include <string.h>

static int fail_reply(const struct kist_host *host, const char *what, struct kist_error *err)
{
    host->fail(host, err, KIST_ERR_CORRUPT, "Neon's reply tells of %s", what);
    host->hint(host, err, "check 'api_url', and whether a proxy answers in Neon's place");
    return KIST_ERR_CORRUPT;
}

/* A word that is only shown and compared: what is too long or not printable is cut there. */
static void take_word(const json_t *json, const char *name, char *ret_word, size_t size)
{
    const char *text = kist_json_text(json, name);
    size_t length = 0;
    while (text && length + 1 < size && text[length] > ' ' && text[length] < 0x7f)
        length++;
    if (length > 0)
        memcpy(ret_word, text, length);
    ret_word[length] = '\0';
}

static int take_id(const json_t *json, const char *name, char ret_id[NEON_ID_SIZE])
{
    const char *id = kist_json_text(json, name);
    *ret_id = '\0';
    if (!id)
        return 1;
    if (!neon_id_is_sound(id))
        return 0;
    memcpy(ret_id, id, strlen(id) + 1);
    return 1;
}

static int take_name(const json_t *json, char ret_name[NEON_NAME_SIZE])
{
    const char *name = kist_json_text(json, "name");
    if (!neon_name_is_sound(name))
        return 0;
    memcpy(ret_name, name, strlen(name) + 1);
    return 1;
}

static int is_on(const json_t *json, const char *name)
{
    return json_is_true(json_object_get(json, name));
}

int neon_read_branch(const struct kist_host *host, const json_t *json, struct neon_branch *ret_branch,
                     struct kist_error *err)
{
    struct neon_branch branch = {.logical_size = kist_json_number(json, "logical_size", -1)};
    if (!take_id(json, "id", branch.id) || !*branch.id || !take_id(json, "parent_id", branch.parent_id) ||
        !take_id(json, "restored_from", branch.restored_from))
        return fail_reply(host, "a branch without a sound id", err);
    if (!take_name(json, branch.name))
        return fail_reply(host, "a branch without a sound name", err);
    take_word(json, "current_state", branch.state, sizeof branch.state);
    branch.time_ms = neon_time(kist_json_text(json, "parent_timestamp"));
    branch.created_ms = neon_time(kist_json_text(json, "created_at"));
    branch.expires_ms = neon_time(kist_json_text(json, "expires_at"));
    branch.is_default = (uint32_t)(is_on(json, "default") || is_on(json, "primary"));
    branch.is_protected = (uint32_t)is_on(json, "protected");
    if (branch.logical_size < 0)
        branch.logical_size = -1;
    *ret_branch = branch;
    return 0;
}

int neon_read_snapshot(const struct kist_host *host, const json_t *json, struct neon_snapshot *ret_snapshot,
                       struct kist_error *err)
{
    struct neon_snapshot snapshot = {.size = kist_json_number(json, "full_size", -1)};
    if (!take_id(json, "id", snapshot.id) || !*snapshot.id ||
        !take_id(json, "source_branch_id", snapshot.branch_id))
        return fail_reply(host, "a snapshot without a sound id", err);
    if (!take_name(json, snapshot.name))
        return fail_reply(host, "a snapshot without a sound name", err);
    snapshot.time_ms = neon_time(kist_json_text(json, "timestamp"));
    snapshot.created_ms = neon_time(kist_json_text(json, "created_at"));
    snapshot.expires_ms = neon_time(kist_json_text(json, "expires_at"));
    if (snapshot.size < 0)
        snapshot.size = -1;
    *ret_snapshot = snapshot;
    return 0;
}

int neon_read_project(const struct kist_host *host, const json_t *json, struct neon_project *ret_project,
                      struct kist_error *err)
{
    struct neon_project project = {.history_ms = kist_json_number(json, "history_retention_seconds", -1),
                                   .pg_version = kist_json_number(json, "pg_version", -1)};
    char id[NEON_ID_SIZE];
    if (!take_id(json, "id", id) || !*id)
        return fail_reply(host, "a project without a sound id", err);
    if (!take_name(json, project.name))
        memcpy(project.name, id, sizeof id);
    take_word(json, "region_id", project.region, sizeof project.region);
    if (project.history_ms < 0 || project.history_ms > INT64_MAX / 1000)
        project.history_ms = -1;
    else
        project.history_ms *= 1000;
    *ret_project = project;
    return 0;
}

int neon_read_operation(const struct kist_host *host, const json_t *json, struct neon_operation *ret_operation,
                        struct kist_error *err)
{
    struct neon_operation operation = {.created_ms = neon_time(kist_json_text(json, "created_at"))};
    const char *error = kist_json_text(json, "error");
    if (!take_id(json, "id", operation.id) || !*operation.id || !take_id(json, "branch_id", operation.branch_id))
        return fail_reply(host, "an operation without a sound id", err);
    take_word(json, "action", operation.action, sizeof operation.action);
    take_word(json, "status", operation.status, sizeof operation.status);
    if (!*operation.status)
        return fail_reply(host, "an operation without a status", err);
    snprintf(operation.error, sizeof operation.error, "%s", error ? error : "");
    for (char *at = operation.error; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            *at = ' ';
    *ret_operation = operation;
    return 0;
}

int neon_read_endpoint(const struct kist_host *host, const json_t *json, struct neon_endpoint *ret_endpoint,
                       struct kist_error *err)
{
    struct neon_endpoint endpoint = {.is_writable = 0};
    const char *name = kist_json_text(json, "host"), *type = kist_json_text(json, "type");
    size_t size = name ? strlen(name) : 0;
    if (!take_id(json, "id", endpoint.id) || !*endpoint.id)
        return fail_reply(host, "an endpoint without a sound id", err);
    if (size == 0 || size >= sizeof endpoint.host ||
        name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-")] || *name == '-')
        return fail_reply(host, "an endpoint without a sound host", err);
    memcpy(endpoint.host, name, size + 1);
    endpoint.is_writable = type && strcmp(type, "read_write") == 0;
    *ret_endpoint = endpoint;
    return 0;
}

const char *neon_read_cursor(const json_t *json)
{
    const json_t *pagination = json_object_get(json, "pagination");
    const char *next = kist_json_text(pagination, "next");
    return next && *next ? next : NULL;
}

const json_t *neon_read_list(const struct kist_host *host, const json_t *json, const char *name,
                             struct kist_error *err)
{
    const json_t *list = json_object_get(json, name);
    if (json_is_array(list))
        return list;
    host->fail(host, err, KIST_ERR_CORRUPT, "Neon's reply has no '%s' in it", name);
    host->hint(host, err, "check 'api_url', and whether a proxy answers in Neon's place");
    return NULL;
}
