/* branch.c - looking at branches, and changing one. */
#include "neon.h"

#include <stdlib.h>
#include <string.h>

#define PAGE "1000"
#define PAGES_MAX 1000
#define CURSOR_MAX 1000 /* bytes: it goes into a URL */

int neon_branch_get(struct neon_api *api, const char *id, struct neon_branch *ret_branch, struct kist_error *err)
{
    json_t *json = NULL;
    struct neon_branch branch;
    int rc =
        neon_call(api,
                  (struct neon_request){
                      .what = "look at a branch", .method = "GET", .path = neon_path("/branches/", id, "", NULL)},
                  &json, NULL, err);
    if (rc == 0)
        rc = neon_read_branch(api->host, json_object_get(json, "branch"), &branch, err);
    json_decref(json);
    if (rc == 0 && strcmp(branch.id, id) != 0)
        rc = api->host->fail(api->host, err, KIST_ERR_CORRUPT, "Neon tells of branch %s, and was asked for %s",
                             branch.id, id);
    if (rc == 0)
        *ret_branch = branch;
    return rc;
}

static int give_page(struct neon_api *api, const json_t *page, neon_branch_fn give, void *arg,
                     struct kist_error *err)
{
    const json_t *list = neon_read_list(api->host, page, "branches", err);
    int rc = list ? 0 : KIST_ERR_CORRUPT;
    struct neon_branch branch;
    for (size_t i = 0; rc == 0 && i < json_array_size(list); i++) {
        rc = neon_read_branch(api->host, json_array_get(list, i), &branch, err);
        if (rc == 0)
            rc = give(arg, &branch, err);
    }
    return rc;
}

int neon_branches(struct neon_api *api, const char *search, neon_branch_fn give, void *arg, struct kist_error *err)
{
    char *cursor = NULL;
    int rc = 0;
    for (int pages = 0; rc == 0; pages++) {
        json_t *page = NULL;
        rc = neon_call(api,
                       (struct neon_request){.what = "list branches",
                                             .method = "GET",
                                             .path = neon_path("/branches", NULL, "", "search", search, "limit",
                                                               PAGE, "cursor", cursor, NULL)},
                       &page, NULL, err);
        if (rc == 0)
            rc = give_page(api, page, give, arg, err);
        else if (rc == KIST_ERR_NOT_FOUND)
            rc = neon_fail_unlisted(api, "branches", err);
        const char *next = rc == 0 ? neon_read_cursor(page) : NULL;
        int is_same = next && cursor && strcmp(next, cursor) == 0;
        free(cursor);
        cursor = next ? strdup(next) : NULL;
        if (next && !cursor)
            rc = neon_fail_memory(api->host, err);
        if (rc == 0 && next &&
            (is_same || pages >= PAGES_MAX || strlen(next) > CURSOR_MAX || neon_api_left(api) <= 1))
            rc = api->host->fail(api->host, err, KIST_ERR_CORRUPT, "Neon's list of branches has no end");
        json_decref(page);
        if (!cursor)
            break;
    }
    free(cursor);
    return rc;
}

/* What is looked for, and what was found. */
struct wish {
    const char *name; /* NULL: the default branch */
    struct neon_branch found;
};

static int is_it(void *arg, const struct neon_branch *branch, struct kist_error *err)
{
    struct wish *wish = arg;
    (void)err;
    if (wish->name ? strcmp(branch->name, wish->name) != 0 : !branch->is_default)
        return 0;
    wish->found = *branch;
    return 1;
}

static int find(struct neon_api *api, const char *name, struct neon_branch *ret_branch, struct kist_error *err)
{
    struct wish wish = {.name = name};
    int rc = neon_branches(api, name, is_it, &wish, err);
    if (rc < 0)
        return rc;
    if (rc == 0)
        return api->host->fail(api->host, err, KIST_ERR_NOT_FOUND, "there is no branch '%s' in project '%s'",
                               name ? name : "(default)", api->config->project);
    *ret_branch = wish.found;
    return 0;
}

int neon_branch_find(struct neon_api *api, const char *name, struct neon_branch *ret_branch,
                     struct kist_error *err)
{
    return find(api, name, ret_branch, err);
}

int neon_branch_resolve(struct neon_api *api, const char *text, struct neon_branch *ret_branch,
                        struct kist_error *err)
{
    const struct kist_host *host = api->host;
    const char *name = text ? text : api->config->branch;
    int rc = KIST_ERR_NOT_FOUND;
    if (name && strncmp(name, "br-", 3) == 0 && neon_id_is_sound(name))
        rc = neon_branch_get(api, name, ret_branch, err);
    if (rc == KIST_ERR_NOT_FOUND)
        rc = find(api, name, ret_branch, err);
    if (rc != KIST_ERR_NOT_FOUND)
        return rc;
    if (name)
        host->fail(host, err, KIST_ERR_NOT_FOUND, "there is no branch '%s' in project '%s'", name,
                   api->config->project);
    else
        host->fail(host, err, KIST_ERR_NOT_FOUND, "project '%s' has no default branch", api->config->project);
    if (!text)
        host->hint(host, err, "check 'branch': it is a name or an id as in the Neon console, tab 'Branches'");
    return KIST_ERR_NOT_FOUND;
}

int neon_branch_ready(struct neon_api *api, const char *id, struct neon_branch *ret_branch, struct kist_error *err)
{
    struct neon_branch branch;
    char waited_for[2 * NEON_WORD_SIZE], what[NEON_NAME_SIZE + 32];
    for (;;) {
        int rc = neon_branch_get(api, id, &branch, err);
        if (rc == KIST_ERR_NOT_FOUND)
            return api->host->fail(api->host, err, KIST_ERR_FAILED,
                                   "branch %s has vanished while it was being made", id);
        if (rc != 0)
            return rc;
        if (neon_branch_is_whole(&branch))
            break;
        snprintf(waited_for, sizeof waited_for, "it is still '%s'", branch.state);
        snprintf(what, sizeof what, "use branch '%s'", branch.name);
        rc = neon_poll_wait(api, waited_for, what, err);
        if (rc != 0)
            return rc;
    }
    *ret_branch = branch;
    return 0;
}

int neon_branch_is_whole(const struct neon_branch *branch)
{
    return strcmp(branch->state, "ready") == 0 || strcmp(branch->state, "archived") == 0;
}

int neon_branch_patch(struct neon_api *api, const struct neon_branch *branch, const char *property, json_t *value,
                      struct kist_error *err)
{
    char what[NEON_NAME_SIZE + 32];
    json_t *reply = NULL;
    snprintf(what, sizeof what, "change branch '%s'", branch->name);
    int rc = neon_call(api,
                       (struct neon_request){.what = what,
                                             .method = "PATCH",
                                             .path = neon_path("/branches/", branch->id, "", NULL),
                                             .body = json_pack("{s:{s:o}}", "branch", property, value),
                                             .repeatable = 1},
                       &reply, NULL, err);
    if (rc == 0)
        rc = neon_operations_wait(api, reply, what, err);
    json_decref(reply);
    return rc;
}
