/* operations.c - waiting for what Neon has begun. */
#include "neon.h"

#include <stdlib.h>
#include <string.h>

#define CLOCKS_MS 60000 /* what Neon's clock may be behind ours */
#define TELL_MS 60000   /* how often a long wait is told */

static int is_one_of(const char *word, const char *const *words)
{
    while (*words && strcmp(*words, word) != 0)
        words++;
    return *words != NULL;
}

static int has_succeeded(const struct neon_operation *operation)
{
    return is_one_of(operation->status, (const char *const[]){"finished", "skipped", NULL});
}

static int has_failed(const struct neon_operation *operation)
{
    return is_one_of(operation->status, (const char *const[]){"failed", "error", "cancelled", NULL});
}

static int fail_operation(const struct neon_api *api, const struct neon_operation *operation, const char *what,
                          struct kist_error *err)
{
    const struct kist_host *host = api->host;
    host->fail(host, err, KIST_ERR_FAILED, "cannot %s: Neon's operation '%s' is '%s'%s%s", what, operation->action,
               operation->status, *operation->error ? ": " : "", operation->error);
    host->hint(host, err, "see operation %s in the Neon console", operation->id);
    return KIST_ERR_FAILED;
}

static int fail_deadline(const struct neon_api *api, const char *waited_for, const char *what,
                         struct kist_error *err)
{
    const struct kist_host *host = api->host;
    host->fail(host, err, KIST_ERR_TIMEOUT, "cannot %s: %s after %lld s", what, waited_for,
               (long long)(api->limit_ms / 1000));
    host->retry(host, err, 0, 0);
    host->hint(host, err, "see the project's operations in the Neon console; 'wait' says how long they may take");
    return KIST_ERR_TIMEOUT;
}

int neon_poll_wait(struct neon_api *api, const char *waited_for, const char *what, struct kist_error *err)
{
    const int64_t poll = api->config->poll.ms, left = neon_api_left(api);
    if (left <= 1)
        return fail_deadline(api, waited_for, what, err);
    return kist_again_wait(api->host, poll < left ? poll : left, err);
}

static int ask(struct neon_api *api, const char *id, struct neon_operation *ret_operation, struct kist_error *err)
{
    json_t *json = NULL;
    int rc = neon_call(api,
                       (struct neon_request){.what = "ask for an operation",
                                             .method = "GET",
                                             .path = neon_path("/operations/", id, "", NULL)},
                       &json, NULL, err);
    /* Not "there is none of what was asked for": whoever waits would take it for the branch. */
    if (rc == KIST_ERR_NOT_FOUND)
        rc = api->host->fail(api->host, err, KIST_ERR_FAILED, "Neon does not know its operation %s any more", id);
    if (rc == 0)
        rc = neon_read_operation(api->host, json_object_get(json, "operation"), ret_operation, err);
    json_decref(json);
    if (rc == 0 && strcmp(ret_operation->id, id) != 0)
        rc = api->host->fail(api->host, err, KIST_ERR_CORRUPT, "Neon tells of operation %s, and was asked for %s",
                             ret_operation->id, id);
    return rc;
}

static int wait_for(struct neon_api *api, struct neon_operation *operation, const char *what,
                    struct kist_error *err)
{
    const struct kist_host *host = api->host;
    char waited_for[2 * NEON_WORD_SIZE + 32], id[NEON_ID_SIZE];
    int64_t told = host->monotonic_ms(host);
    memcpy(id, operation->id, sizeof id);
    while (!has_succeeded(operation)) {
        if (has_failed(operation))
            return fail_operation(api, operation, what, err);
        snprintf(waited_for, sizeof waited_for, "operation '%s' is still '%s'", operation->action,
                 operation->status);
        int rc = neon_poll_wait(api, waited_for, what, err);
        if (rc == 0)
            rc = ask(api, id, operation, err);
        if (rc != 0)
            return rc;
        if (host->monotonic_ms(host) - told < TELL_MS)
            continue;
        told = host->monotonic_ms(host);
        host->log(host, KIST_LOG_INFO, "%s: %s", what, waited_for);
    }
    return 0;
}

/* Only those of a branch, where `branch_id` is not NULL, and not those that were over before `since_ms`, by a clock that may
 * not be ours. */
static int wait_for_all(struct neon_api *api, const json_t *list, const char *branch_id, int64_t since_ms,
                        const char *what, struct kist_error *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < json_array_size(list); i++) {
        struct neon_operation operation;
        rc = neon_read_operation(api->host, json_array_get(list, i), &operation, err);
        if (rc == 0 && (!branch_id || strcmp(operation.branch_id, branch_id) == 0) &&
            (operation.created_ms >= since_ms || !(has_succeeded(&operation) || has_failed(&operation))))
            rc = wait_for(api, &operation, what, err);
    }
    return rc;
}

int neon_operations_wait(struct neon_api *api, const json_t *reply, const char *what, struct kist_error *err)
{
    const json_t *list = json_object_get(reply, "operations");
    if (!list || json_is_null(list))
        return 0;
    list = neon_read_list(api->host, reply, "operations", err);
    return list ? wait_for_all(api, list, NULL, 0, what, err) : KIST_ERR_CORRUPT;
}

int neon_operations_of(struct neon_api *api, const char *branch_id, int is_new, const char *what,
                       struct kist_error *err)
{
    const int64_t since_ms = is_new ? 0 : api->started_ms - CLOCKS_MS;
    json_t *json = NULL;
    int rc = neon_call(api,
                       (struct neon_request){.what = "list operations",
                                             .method = "GET",
                                             .path = neon_path("/operations", NULL, "", "limit", "1000", NULL)},
                       &json, NULL, err);
    const json_t *list = rc == 0 ? neon_read_list(api->host, json, "operations", err) : NULL;
    if (rc == KIST_ERR_NOT_FOUND)
        rc = neon_fail_unlisted(api, "operations", err);
    if (rc == 0)
        rc = list ? wait_for_all(api, list, branch_id, since_ms, what, err) : KIST_ERR_CORRUPT;
    json_decref(json);
    return rc;
}
