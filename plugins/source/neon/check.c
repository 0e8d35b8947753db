/* check.c - what would fail at night, and what else a branch is known as. */
#include "dump.h"

#include <stdlib.h>
#include <string.h>

int neon_check_root(const struct neon_source *source, struct kist_error *err)
{
    const struct kist_host *host = source->host;
    if (!*source->branch.parent_id)
        return 0;
    host->fail(host, err, KIST_ERR_CONFIG,
               "branch '%s' was made from another one: only root branches have snapshots", source->branch.name);
    host->hint(host, err, "set 'mode = branch' or 'mode = dump', or 'branch' to a root branch");
    return KIST_ERR_CONFIG;
}

static int check_parent(const struct neon_source *source, struct kist_error *err)
{
    const struct kist_host *host = source->host;
    char until[NEON_TIME_SIZE];
    if (source->branch.expires_ms == 0)
        return 0;
    neon_time_text(source->branch.expires_ms, until);
    host->fail(host, err, KIST_ERR_CONFIG, "branch '%s' expires at %s, and Neon makes no branch from such a one",
               source->branch.name, until);
    host->hint(host, err, "take its expiration away: neonctl branches set-expiration --project-id %s %s",
               source->config->project, source->branch.id);
    return KIST_ERR_CONFIG;
}

static int check_snapshots(struct neon_source *source, struct kist_error *err)
{
    struct neon_snapshot snapshot;
    int rc = neon_check_root(source, err);
    if (rc == 0)
        rc = neon_snapshot_find(&source->api, "snap-none", NULL, &snapshot, err);
    return rc == KIST_ERR_NOT_FOUND ? 0 : rc;
}

int neon_check(void *self, const struct kist_facts *facts, struct kist_error *err)
{
    struct neon_source *source = self;
    neon_api_start(&source->api);
    int rc = neon_need_project(source, err);
    if (rc == 0)
        rc = neon_need_branch(source, err);
    if (rc == 0)
        rc =
            source->config->mode.index == NEON_SNAPSHOT ? check_snapshots(source, err) : check_parent(source, err);
    if (rc == 0)
        rc = neon_tell_facts(source, facts, err);
    return rc == 0 && source->config->mode.index == NEON_DUMP ? neon_dump_check(source, facts, err) : rc;
}

/* ---- names ---- */

struct names {
    int (*give)(void *arg, const char *name);
    void *arg;
};

static void lower(char *text)
{
    for (; *text; text++)
        if (*text >= 'A' && *text <= 'Z')
            *text = (char)(*text + 32);
}

/* The host of the direct connection, and that of the pooler before it: "ep-x.region..." and "ep-x-pooler.region...". */
static int give_hosts(void *arg, const struct neon_endpoint *endpoint)
{
    const struct names *names = arg;
    char text[sizeof "host:" + sizeof endpoint->host + sizeof "-pooler"];
    const size_t label = strcspn(endpoint->host, ".");
    snprintf(text, sizeof text, "host:%s", endpoint->host);
    lower(text);
    int rc = names->give(names->arg, text);
    if (rc != 0 || (label > 7 && strncmp(endpoint->host + label - 7, "-pooler", 7) == 0))
        return rc;
    snprintf(text, sizeof text, "host:%.*s-pooler%s", (int)label, endpoint->host, endpoint->host + label);
    lower(text);
    return names->give(names->arg, text);
}

int neon_known_as(void *self, int (*give)(void *arg, const char *name), void *arg, struct kist_error *err)
{
    struct neon_source *source = self;
    struct names names = {give, arg};
    char text[2 * NEON_ID_SIZE + 16];
    neon_api_start(&source->api);
    int rc = neon_need_branch(source, err);
    if (rc != 0)
        return rc;
    snprintf(text, sizeof text, "neon:%s/%s", source->config->project, source->branch.id);
    rc = give(arg, text);
    return rc == 0 ? neon_endpoints(&source->api, source->branch.id, give_hosts, &names, err) : rc;
}
