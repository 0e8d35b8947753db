/* dump.c - mode = dump: what is read and where it is written to; the source pg_dump does both. */
#include "dump.h"

#include <stdlib.h>
#include <string.h>

#define TRY_MS 20000

int neon_dump_need(struct neon_source *source, struct neon_dump **ret_dump, struct kist_error *err)
{
    const struct kist_host *host = source->host;
    struct neon_dump *dump = source->dump;
    if (!dump && !(dump = calloc(1, sizeof *dump)))
        return neon_fail_memory(host, err);
    source->dump = dump;
    if (!dump->inner) {
        int code = host->open_source(host, "pg_dump", source->config->dump.name, &dump->calls, &dump->inner, err);
        if (code != 0)
            return code;
    }
    *ret_dump = dump;
    return 0;
}

void neon_dump_close(struct neon_source *source)
{
    struct neon_dump *dump = source->dump;
    if (!dump)
        return;
    if (dump->inner)
        dump->calls->close(dump->inner); /* before its server goes */
    neon_dump_branch_remove(source);
    free(dump);
    source->dump = NULL;
}

int neon_dump_is_address(const char *target)
{
    return target && (strstr(target, "://") || strchr(target, '='));
}

/* ---- at what it is aimed ---- */

int neon_dump_aim_at(struct neon_source *source, const struct neon_branch *branch, struct kist_error *err)
{
    struct neon_dump *dump = source->dump;
    char *database = NULL, *role = NULL, *uri = NULL, *address = NULL;
    int code = neon_database_of(&source->api, branch->id, &database, &role, err);
    if (code == 0)
        code = neon_uri(&source->api, branch->id, database, role, &uri, err);
    if (code == 0 && (!(address = neon_dump_address(uri)) || source->host->add_secret(source->host, address) != 0))
        code = neon_fail_memory(source->host, err);
    if (code == 0)
        code = dump->calls->aim(dump->inner, address, err);
    neon_wipe(address);
    neon_wipe(uri);
    free(database);
    free(role);
    return code;
}

int neon_dump_need_live(struct neon_source *source, struct kist_error *err)
{
    struct neon_dump *dump = NULL;
    int code = neon_dump_need(source, &dump, err);
    if (code != 0 || dump->is_live)
        return code;
    code = neon_need_branch(source, err);
    if (code == 0)
        code = neon_dump_aim_at(source, &source->branch, err);
    if (code == KIST_ERR_NOT_FOUND)
        source->host->hint(
            source->host, err,
            "a branch without a compute cannot be reached: give '%s' one in Neon's console, or name "
            "another target",
            source->branch.name);
    dump->is_live = code == 0;
    return code;
}

int neon_dump_try_live(struct neon_source *source, struct kist_error *err)
{
    const struct kist_host *host = source->host;
    struct kist_error own = KIST_FAULT_INIT;
    const int64_t limit = source->api.limit_ms;
    source->api.limit_ms = limit < TRY_MS ? limit : TRY_MS;
    neon_api_start(&source->api);
    int code = neon_dump_need_live(source, &own);
    source->api.limit_ms = limit;
    neon_api_start(&source->api);
    if (code == KIST_ERR_CANCELLED || !source->dump || !source->dump->inner)
        code = kist_fault_repeat(host, &own, err);
    else if (code != 0)
        host->log(host, KIST_LOG_WARNING,
                  "goes on without Neon, which is needed only to tell what is the source: %s",
                  own.message ? own.message : "it cannot be asked");
    kist_fault_clear(&own);
    return code == KIST_ERR_CANCELLED || !source->dump || !source->dump->inner ? code : 0;
}

/* A name is that of a database of the branch that is configured. */
int neon_dump_aim(void *self, const char *target, struct kist_error *err)
{
    struct neon_source *source = self;
    struct neon_dump *dump = NULL;
    neon_api_start(&source->api);
    int code =
        neon_dump_is_address(target) ? neon_dump_need(source, &dump, err) : neon_dump_need_live(source, err);
    if (code == 0 && target && *target)
        code = source->dump->calls->aim(source->dump->inner, target, err);
    if (code == 0)
        source->dump->is_aimed = 1;
    return code;
}

/* ---- what is read ---- */

struct given {
    kist_item_fn give;
    void *arg;
    int count;
};

static int count_item(void *arg, const struct kist_item *item)
{
    struct given *given = arg;
    given->count++;
    return given->give(given->arg, item);
}

/* A compute that has only just been started may take its time to take connections. */
static int ask_items(struct neon_source *source, kist_item_fn give, void *arg, struct kist_error *err)
{
    struct neon_dump *dump = source->dump;
    struct given given = {.give = give, .arg = arg};
    struct kist_again again = kist_again_begin(source->host, neon_api_left(&source->api));
    int code = 0;
    do
        code = dump->calls->items(dump->inner, count_item, &given, err);
    while (code != 0 && given.count == 0 && dump->has_branch && kist_again(&again, err));
    return code;
}

int neon_dump_items(void *self, kist_item_fn give, void *arg, struct kist_error *err)
{
    struct neon_source *source = self;
    struct neon_dump *dump = NULL;
    neon_api_start(&source->api);
    int code = neon_dump_need(source, &dump, err);
    if (code != 0)
        return code;
    if (!dump->is_aimed && source->backup.pipeline) {
        code = neon_dump_branch_make(source, err);
        if (code == 0)
            code = neon_dump_aim_at(source, &dump->branch, err);
    } else if (!dump->is_aimed) {
        code = neon_dump_need_live(source, err);
    }
    if (code == 0 && source->backup.pipeline)
        code = dump->calls->backup_begin(dump->inner, &source->backup, err);
    return code ? code : ask_items(source, give, arg, err);
}

int neon_dump_counts(void *self, kist_count_fn give, void *arg, struct kist_error *err)
{
    struct neon_source *source = self;
    struct neon_dump *dump = NULL;
    int code = neon_dump_need(source, &dump, err);
    return code ? code : dump->calls->counts(dump->inner, give, arg, err);
}

int neon_dump_facts(void *self, const struct kist_facts *facts, struct kist_error *err)
{
    struct neon_source *source = self;
    struct neon_dump *dump = NULL;
    char text[NEON_TIME_SIZE];
    int code = neon_dump_need(source, &dump, err);
    if (code == 0 && dump->has_branch) {
        facts->text(facts, "dumped_branch", dump->branch.name);
        if (dump->branch.time_ms > 0) {
            neon_time_text(dump->branch.time_ms, text);
            facts->text(facts, "dumped_time", text);
        }
    }
    return code ? code : dump->calls->facts(dump->inner, facts, err);
}

/* Nothing is made in a check, so it is the branch itself that is looked at. One without a compute cannot be. */
int neon_dump_check(struct neon_source *source, const struct kist_facts *facts, struct kist_error *err)
{
    const struct kist_host *host = source->host;
    struct neon_dump *dump = NULL;
    struct neon_endpoint endpoint;
    int code = neon_dump_need(source, &dump, err);
    if (code == 0)
        code = neon_need_branch(source, err);
    if (code != 0)
        return code;
    struct kist_error own = KIST_FAULT_INIT;
    code = neon_endpoint_of(&source->api, source->branch.id, &endpoint, &own);
    if (code == KIST_ERR_NOT_FOUND)
        host->log(host, KIST_LOG_INFO, "branch '%s' has no compute: its database is looked at only in a run",
                  source->branch.name);
    else if (code != 0)
        kist_fault_repeat(host, &own, err);
    kist_fault_clear(&own);
    if (code != 0)
        return code == KIST_ERR_NOT_FOUND ? 0 : code;
    code = neon_dump_need_live(source, err);
    return code ? code : dump->calls->check(dump->inner, facts, err);
}
