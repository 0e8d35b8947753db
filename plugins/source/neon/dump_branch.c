/* dump_branch.c - the branch that is dumped, and deleted again whatever happens. */
#include "dump.h"

#include <string.h>

#define HOUR_MS INT64_C(3600000)
#define LIFE_MS (24 * HOUR_MS) /* Neon deletes it then, should nobody else */
#define REMOVE_MS 30000
#define LEFT_MS 10000 /* for all that killed runs left, and no more than a part of the time that there is */
#define LEFT_PART 4
#define LEFT_MAX 16 /* more than that are for the run after */

struct left {
    const char *prefix;
    struct neon_branch *branches;
    size_t count;
};

static int note_left(void *arg, const struct neon_branch *branch, struct kist_error *err)
{
    struct left *left = arg;
    (void)err;
    if (left->count < LEFT_MAX && neon_dump_is_ours(branch->name, left->prefix))
        left->branches[left->count++] = *branch;
    return 0;
}

/* The lock is held: no run is under way that these could belong to. One that cannot be deleted is no reason not to dump, nor
 * is it waited for any longer than that. */
static int remove_left(struct neon_source *source, const char *prefix, struct kist_error *err)
{
    const struct kist_host *host = source->host;
    struct neon_branch branches[LEFT_MAX];
    struct left left = {.prefix = prefix, .branches = branches};
    int code = neon_branches(&source->api, prefix, note_left, &left, err);
    const int64_t part = source->api.limit_ms / LEFT_PART, most = part < LEFT_MS ? part : LEFT_MS;
    const int64_t limit = neon_api_limit(&source->api, most);
    for (size_t i = 0; code == 0 && i < left.count; i++) {
        struct kist_error own = KIST_FAULT_INIT;
        code = neon_branch_remove(&source->api, &branches[i], &own);
        if (code == 0)
            host->log(host, KIST_LOG_INFO, "deleted branch '%s', which a run that was killed left",
                      branches[i].name);
        else if (code == KIST_ERR_CANCELLED || code == KIST_ERR_AUTH)
            kist_fault_repeat(host, &own, err);
        else
            host->log(host, KIST_LOG_WARNING, "branch '%s', which a run that was killed left, is still there: %s",
                      branches[i].name, own.message ? own.message : "it cannot be deleted");
        if (code != KIST_ERR_CANCELLED && code != KIST_ERR_AUTH)
            code = 0;
        kist_fault_clear(&own);
    }
    source->api.limit_ms = limit;
    return code;
}

int neon_dump_branch_make(struct neon_source *source, struct kist_error *err)
{
    const struct kist_host *host = source->host;
    struct neon_dump *dump = source->dump;
    char prefix[NEON_NAME_SIZE], name[2 * NEON_NAME_SIZE];
    if (!neon_dump_prefix(&source->backup, prefix))
        return host->fail(host, err, KIST_ERR_CONFIG, "the name of pipeline '%s' is too long for a branch",
                          source->backup.pipeline);
    int code = neon_need_branch(source, err);
    if (code == 0)
        code = remove_left(source, prefix, err);
    neon_api_start(&source->api);
    snprintf(name, sizeof name, "%s%s", prefix, source->backup.id);
    const struct neon_wanted wanted = {
        .name = name, .parent_id = source->branch.id, .expires_ms = host->now_ms(host) + LIFE_MS, .compute = 1};
    if (code == 0)
        code = neon_branch_make(&source->api, &wanted, &dump->branch, err);
    if (code == 0) {
        dump->has_branch = 1;
        host->log(host, KIST_LOG_DEBUG, "branch '%s' is there to be dumped", name);
    }
    return code;
}

void neon_dump_branch_remove(struct neon_source *source)
{
    const struct kist_host *host = source->host;
    struct neon_dump *dump = source->dump;
    struct kist_error own = KIST_FAULT_INIT;
    if (!dump->has_branch)
        return;
    dump->has_branch = 0;
    int code = neon_branch_clear(source, dump->branch.id, dump->branch.name, REMOVE_MS, &own);
    if (code == 0)
        host->log(host, KIST_LOG_DEBUG, "branch '%s' is deleted", dump->branch.name);
    else
        host->log(host, KIST_LOG_WARNING,
                  "branch '%s' is still there, the next run deletes it, and Neon does within a day: %s",
                  dump->branch.name, own.message ? own.message : "it cannot be deleted");
    kist_fault_clear(&own);
}
