#include "holder.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* How often a table may be gone when it is to be locked. */
#define TRIES 20

const char *pgd_holder_unfit(const struct pgd_source *source)
{
    if (source->server.version_num < 100000)
        return "a server older than PostgreSQL 10";
    return pgd_choice_unknown(source->config);
}

static int no_memory(const struct kist_host *host, struct kist_error *err)
{
    return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
}

/* The one value of a statement; new. */
static int ask(struct pgd_holder *holder, const char *sql, char **ret_text, struct kist_error *err)
{
    PGresult *result = NULL;
    int code = pgd_query(&holder->link, sql, 0, NULL, &result, err);
    char *text = code ? NULL : strdup(PQgetvalue(result, 0, 0));
    PQclear(result);
    if (!code && !text)
        return no_memory(holder->host, err);
    if (!code) {
        free(*ret_text);
        *ret_text = text;
    }
    return code;
}

static int list(struct pgd_holder *holder, struct pgd_census *ret_census, struct kist_error *err)
{
    pgd_choice_done(&holder->choice);
    int code = pgd_choice_make(&holder->link, holder->config, holder->standby, &holder->choice, err);
    return code ? code : pgd_choice_list(&holder->link, &holder->choice, ret_census, err);
}

static const struct pgd_entry *next_locked(const struct pgd_census *census, size_t *at)
{
    while (*at < census->count) {
        const struct pgd_entry *entry = &census->items[(*at)++];
        if (entry->todo == PGD_ROWS || entry->todo == PGD_LOCK)
            return entry;
    }
    return NULL;
}

/* The same tables, under the same names? Both lists are sorted. */
static int same_tables(const struct pgd_census *left, const struct pgd_census *right)
{
    for (size_t i = 0, j = 0;;) {
        const struct pgd_entry *one = next_locked(left, &i), *other = next_locked(right, &j);
        if (!one || !other)
            return !one && !other;
        if (strcmp(one->oid, other->oid) != 0 || strcmp(one->name, other->name) != 0)
            return 0;
    }
}

/* A TRUNCATE that is committed between a snapshot and a lock leaves a table that is empty for the snapshot, too. So the locks
 * come first. Neither BEGIN nor LOCK TABLE takes the transaction's snapshot: the first query after them does, which exports
 * it. A sequence goes on counting whatever the snapshot, so its value is one from before. */
static int attempt(struct pgd_holder *holder, int *ret_changed, struct kist_error *err)
{
    pgd_census_done(&holder->census);
    int code = list(holder, &holder->census, err);
    if (!code)
        code = pgd_tally(&holder->link, &holder->census, PGD_VALUE, 0, 0, err);
    if (!code)
        code = pgd_execute(&holder->link, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", err);
    if (!code)
        code = pgd_locks_take(holder, &holder->census, ret_changed, err);
    if (!code && *ret_changed)
        return pgd_execute(&holder->link, "ROLLBACK", err);
    return code ? code : ask(holder, "SELECT pg_export_snapshot()", &holder->snapshot, err);
}

static int unsettled(const struct kist_host *host, struct kist_error *err)
{
    int code = host->fail(host, err, KIST_ERR_UNAVAILABLE,
                          "tables were made or dropped while those to be dumped were being locked");
    host->hint(host, err,
               "dump at a quieter time, or without what changes so often (exclude_tables, exclude_schemas)");
    return code;
}

static int take_locks(struct pgd_holder *holder, struct kist_error *err)
{
    int changed = 1, code = 0;
    for (int tries = 0; !code && changed && tries < TRIES; tries++)
        code = attempt(holder, &changed, err);
    return !code && changed ? unsettled(holder->host, err) : code;
}

static int add_large_objects(struct pgd_holder *holder, struct kist_error *err)
{
    char name[] = "large_objects";
    struct pgd_entry entry = {.kind = "large_objects", .name = name};
    if (!holder->choice.large_objects)
        return 0;
    int code = pgd_tally_large_objects(&holder->link, &entry.number, err);
    if (!code && pgd_census_add(&holder->census, &entry) != 0)
        code = no_memory(holder->host, err);
    return code;
}

/* The values that were read before, which are found in the same order; one of a sequence that is new has none. */
static void move_values(struct pgd_census *from, struct pgd_census *to)
{
    for (size_t i = 0, j = 0; i < to->count; i++) {
        struct pgd_entry *entry = &to->items[i];
        if (entry->todo != PGD_VALUE)
            continue;
        entry->todo = PGD_NOTHING;
        while (j < from->count && !(from->items[j].flags == KIST_COUNT_AT_LEAST && from->items[j].oid &&
                                    strcmp(from->items[j].oid, entry->oid) == 0))
            j++;
        if (j == from->count) {
            entry->flags = KIST_COUNT_PRESENT;
            j = 0;
            continue;
        }
        /* Below zero is no count: then only that it is there is compared. */
        if (from->items[j].number < 0) {
            entry->flags = KIST_COUNT_PRESENT;
            continue;
        }
        entry->number = from->items[j].number;
        free(entry->note);
        entry->note = NULL;
    }
}

int pgd_holder_settle(struct pgd_holder *holder, struct kist_error *err)
{
    struct pgd_census seen = {0};
    if (!holder->snapshot)
        return 0;
    int code = list(holder, &seen, err);
    if (!code && !same_tables(&holder->census, &seen))
        code = unsettled(holder->host, err);
    if (!code) {
        struct pgd_census before = holder->census;
        move_values(&before, &seen);
        holder->census = seen;
        seen = before;
        code = add_large_objects(holder, err);
    }
    pgd_census_done(&seen);
    return code;
}

/* Without a snapshot of the dump nothing can be compared with it. */
static int estimate(struct pgd_holder *holder)
{
    int failed = 0;
    for (size_t i = 0; i < holder->census.count; i++) {
        struct pgd_entry *entry = &holder->census.items[i];
        if (entry->todo == PGD_ROWS && entry->number < 0)
            failed |= !(entry->note = strdup("never analyzed"));
        entry->flags = KIST_COUNT_ESTIMATE;
        entry->todo = PGD_NOTHING;
    }
    return failed;
}

static int begin_estimate(struct pgd_holder *holder, struct kist_error *err)
{
    int code = list(holder, &holder->census, err);
    if (!code)
        code = pgd_tally(&holder->link, &holder->census, PGD_VALUE, 0, 0, err);
    if (!code)
        code = add_large_objects(holder, err);
    pgd_disconnect(&holder->link);
    return !code && estimate(holder) ? no_memory(holder->host, err) : code;
}

static int begin(struct pgd_holder *holder, const struct pgd_source *source, struct kist_error *err)
{
    const struct pgd_config *config = holder->config;
    int code = pgd_tally_connect(&holder->link, &source->params, config->connect_timeout.ms,
                                 config->lock_timeout.ms, pgd_choice_role(config), err);
    if (config->timeout.ms > 0)
        holder->link.query_ms = config->timeout.ms; /* of the dump as a whole; a count is a part of it */
    if (!code && !(holder->conninfo = pgd_conninfo_pinned(holder->link.conn, NULL, 0)))
        code = no_memory(holder->host, err);
    if (!code)
        code = ask(holder, "SELECT clock_timestamp()::text", &holder->began, err);
    if (code)
        return code;
    return config->counts.index == PGD_COUNTS_EXACT ? take_locks(holder, err) : begin_estimate(holder, err);
}

int pgd_holder_begin(const struct pgd_source *source, struct pgd_holder **ret_holder, struct kist_error *err)
{
    const struct kist_host *host = source->host;
    struct pgd_holder *holder = calloc(1, sizeof *holder);
    if (!holder)
        return no_memory(host, err);
    holder->host = host;
    holder->config = source->config;
    holder->standby = source->server.standby;
    holder->stop = -1;
    holder->err.struct_size = sizeof holder->err;
    holder->link = (struct pgd_link){.host = host, .stop = &holder->stop};
    int code = begin(holder, source, err);
    if (code)
        pgd_holder_free(holder);
    else
        *ret_holder = holder;
    return code;
}

const char *pgd_holder_snapshot(const struct pgd_holder *holder)
{
    return holder->snapshot;
}

const char *pgd_holder_conninfo(const struct pgd_holder *holder)
{
    return holder->conninfo;
}

/* ---- while pg_dump begins ---- */

/* Who wants a table for itself waits for our lock, and pg_dump, which wants the lock that we have, waits behind him; the
 * server knows nothing of what ties pg_dump to us, and so sees no deadlock. */
static const char blocked_sql[] =
    "SELECT count(*) FROM pg_stat_activity a WHERE a.datname = current_database() AND a.usename = session_user "
    "AND a.pid <> pg_backend_pid() AND a.backend_start >= $1::timestamptz AND a.wait_event_type = 'Lock' "
    "AND a.query LIKE 'LOCK TABLE %' AND a.query NOT LIKE 'LOCK TABLE ONLY %' "
    "AND EXISTS (SELECT FROM unnest(pg_blocking_pids(a.pid)) AS b (pid) "
    "WHERE pg_backend_pid() = ANY (pg_blocking_pids(b.pid)))";

int pgd_holder_watch(struct pgd_holder *holder, struct kist_error *err)
{
    const struct kist_host *host = holder->host;
    const char *values[] = {holder->began};
    PGresult *result = NULL;
    if (!holder->snapshot)
        return 0;
    /* Within a transaction the server would show the same picture again and again. */
    int code = pgd_execute(&holder->link, "SELECT pg_stat_clear_snapshot()", err);
    if (!code)
        code = pgd_query(&holder->link, blocked_sql, 1, values, &result, err);
    if (!code && *PQgetvalue(result, 0, 0) != '0') {
        code = host->fail(host, err, KIST_ERR_UNAVAILABLE,
                          "another session wants a table for itself, and pg_dump waits behind it for a lock");
        host->hint(host, err, "dump when no table is truncated, altered or dropped, or set counts = off");
    }
    PQclear(result);
    return code;
}

void pgd_holder_free(struct pgd_holder *holder)
{
    if (!holder)
        return;
    if (holder->running) {
        /* The thread waits for the server or ends by itself. */
        if (eventfd_write(holder->stop, 1) != 0)
            holder->host->log(holder->host, KIST_LOG_DEBUG, "waiting until the rows are counted");
        pthread_join(holder->thread, NULL);
    }
    if (holder->stop >= 0)
        close(holder->stop);
    pgd_disconnect(&holder->link);
    pgd_census_done(&holder->census);
    pgd_choice_done(&holder->choice);
    free(holder->conninfo);
    free(holder->snapshot);
    free(holder->began);
    free(holder->err.message);
    free(holder->err.hint);
    free(holder);
}
