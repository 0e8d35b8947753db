#include "counts.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "child.h"

int pgd_source_look(struct pgd_source *source, struct kist_error *err)
{
    const struct kist_host *host = source->host;
    const struct pgd_config *config = source->config;
    struct pgd_link link = {.host = host};
    if (source->looked)
        return 0;
    int code = pgd_look(host, &source->params, config->connect_timeout.ms, &link, &source->server, err);
    if (code)
        return code;
    code = pgd_patterns_check(&link, config, err);
    pgd_disconnect(&link);
    if (!code)
        code = pgd_tool_find(host, "pg_dump", config->pg_dump, source->server.version_num / 10000, &source->tool,
                             err);
    if (code)
        pgd_server_done(&source->server);
    else
        pgd_floor_warn(host, &source->tool);
    source->looked = !code;
    return code;
}

char *pgd_item_name(const char *database, enum pgd_format format)
{
    char *name = NULL;
    if (asprintf(&name, "%s.%s", database, format == PGD_PLAIN ? "sql" : "dump") < 0)
        return NULL;
    kist_child_clean_text(name);
    for (char *at = name; *at; at++)
        if (strchr("/\\?", *at) || (at == name && (*at == '.' || *at == '-')))
            *at = '_';
    return name;
}

/* A dump of chosen schemas creates public too, which every new database has already. */
static const char *stock_restore(const struct pgd_config *config, int plain)
{
    int chosen = 0;
    for (uint64_t i = 0; i < config->schemas.count; i++)
        chosen |= strcmp(config->schemas.items[i], "public") == 0;
    if (plain)
        return chosen ? "psql -X -1 -v ON_ERROR_STOP=1 -c 'DROP SCHEMA IF EXISTS public' -f - -d TARGET"
                      : "psql -X -1 -v ON_ERROR_STOP=1 -f - -d TARGET";
    return config->schemas.count > 0
               ? "pg_restore --clean --if-exists --exit-on-error --single-transaction --dbname=TARGET"
               : "pg_restore --exit-on-error --single-transaction --dbname=TARGET";
}

int pgd_source_items(void *self, kist_item_fn give, void *arg, struct kist_error *err)
{
    struct pgd_source *source = self;
    const struct pgd_config *config = source->config;
    int code = pgd_source_look(source, err);
    if (code)
        return code;
    int plain = config->format.index == PGD_PLAIN;
    int whole = config->sections.index != PGD_SCHEMA && config->tables.count + config->exclude_tables.count +
                                                                config->schemas.count +
                                                                config->exclude_schemas.count ==
                                                            0;
    char *name = pgd_item_name(source->server.database, plain ? PGD_PLAIN : PGD_CUSTOM);
    if (!name)
        return source->host->fail(source->host, err, KIST_ERR_FAILED, "out of memory");
    struct kist_item item = {
        .struct_size = sizeof item,
        .name = name,
        .format = plain ? "plain" : "custom",
        .content_type = plain ? "application/sql" : "application/octet-stream",
        .database = source->server.database,
        .size_estimate = whole ? source->server.size_estimate : -1,
        .stock_restore = stock_restore(config, plain),
    };
    code = give(arg, &item);
    free(name);
    return code;
}

/* ---- reading ---- */

/* How often a dump is begun before others who want tables for themselves; how often is looked whether it must be. */
#define TRIES 40
#define WATCH_MS 10
#define WATCH_MOST_MS 250

struct reader {
    struct pgd_source *source;
    const struct kist_host *host;
    struct kist_child *child;
    struct pgd_stream_check check;
    int ended;
};

static int start_program(const struct pgd_source *source, const char *conninfo, const char *snapshot,
                         struct kist_child **ret_child, struct kist_error *err)
{
    const struct pgd_config *config = source->config;
    struct pgd_strings arguments = {0};
    struct pgd_launch launch = {.password = source->server.password,
                                .listen = 1,
                                .idle_ms = config->idle_timeout.ms,
                                .total_ms = config->timeout.ms};
    pgd_dump_arguments(config, source->tool.path, conninfo, snapshot, &arguments);
    int code = pgd_launch(source->host, &arguments, &launch, ret_child, err);
    pgd_strings_done(&arguments);
    return code;
}

/* Until the first byte of the dump, before which pg_dump has taken all its locks, or its end. */
static int watch(struct pgd_source *source, struct kist_child *child, struct kist_error *err)
{
    const struct kist_host *host = source->host;
    int64_t patience = source->config->idle_timeout.ms, began = host->monotonic_ms(host);
    for (int ready = 0;;) {
        /* Most often it is soon that others come in between. */
        int64_t passed = host->monotonic_ms(host) - began, nap = WATCH_MS + passed / 20;
        int code = kist_child_await(child, nap < WATCH_MOST_MS ? nap : WATCH_MOST_MS, &ready, err);
        if (!code)
            code = pgd_holder_watch(source->holder, err);
        if (code || ready)
            return code;
        if (patience > 0 && passed > patience)
            return host->fail(host, err, KIST_ERR_TIMEOUT, "pg_dump gave nothing for %lld s",
                              (long long)(patience + 999) / 1000);
    }
}

static void give_way(const struct kist_host *host, int64_t wait_ms)
{
    struct pollfd cancel = {host->cancel_fd(host), POLLIN, 0};
    if (poll(&cancel, 1, (int)wait_ms) < 0)
        host->log(host, KIST_LOG_DEBUG, "a signal cut a wait short");
}

/* Begins anew for as long as nothing was handed on yet: whoever waits for our locks gets his turn in between. */
static int start_held(struct pgd_source *source, struct reader *reader, struct kist_error *err)
{
    const struct kist_host *host = source->host;
    for (int tries = 1;; tries++) {
        int code = pgd_holder_begin(source, &source->holder, err);
        if (code)
            return code;
        code = start_program(source, pgd_holder_conninfo(source->holder), pgd_holder_snapshot(source->holder),
                             &reader->child, err);
        if (!code)
            code = pgd_holder_settle(source->holder, err);
        if (!code)
            code = watch(source, reader->child, err);
        if (!code)
            return pgd_holder_count(source->holder, err);
        kist_child_free(reader->child);
        reader->child = NULL;
        pgd_holder_free(source->holder);
        source->holder = NULL;
        if (code != KIST_ERR_UNAVAILABLE || tries == TRIES)
            return code;
        host->log(host, KIST_LOG_INFO, "beginning anew: %s", err->message ? err->message : "");
        give_way(host, 10 * tries);
    }
}

static int start(struct pgd_source *source, struct reader *reader, struct kist_error *err)
{
    const struct kist_host *host = source->host;
    const struct pgd_config *config = source->config;
    pgd_holder_free(source->holder); /* of an earlier dump */
    source->holder = NULL;
    source->given_up = 0;
    if (config->counts.index == PGD_COUNTS_OFF || config->sections.index == PGD_SCHEMA)
        return start_program(source, source->server.conninfo, NULL, &reader->child, err);
    const char *unfit = pgd_holder_unfit(source);
    if (!unfit)
        return start_held(source, reader, err);
    host->log(host, KIST_LOG_WARNING, "no rows are counted because of %s; counts = off says that this is meant",
              unfit);
    return start_program(source, source->server.conninfo, NULL, &reader->child, err);
}

int pgd_read_begin(void *self, const struct kist_item *item, void **ret_reader, struct kist_error *err)
{
    struct pgd_source *source = self;
    const struct kist_host *host = source->host;
    (void)item; /* there is but one */
    int code = pgd_source_look(source, err);
    if (code)
        return code;
    struct reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    reader->source = source;
    reader->host = host;
    pgd_stream_check_init(&reader->check, source->config->format.index == PGD_PLAIN);
    code = start(source, reader, err);
    if (code)
        pgd_read_end(reader);
    else
        *ret_reader = reader;
    return code;
}

/* The pipe has ended: what counts is how the program did, and then whether the dump is whole by its own words. */
static int end(struct reader *reader, struct kist_error *err)
{
    int code = kist_child_finish(reader->child, err);
    if (code)
        return pgd_explain(reader->host, reader->child, code, err);
    if (pgd_stream_check_end(&reader->check) != 0)
        return reader->host->fail(reader->host, err, KIST_ERR_CORRUPT,
                                  "pg_dump exited with status 0, but its dump of %llu bytes is not whole: %s",
                                  (unsigned long long)reader->check.bytes, reader->check.fault);
    reader->ended = 1;
    return 0;
}

int pgd_read(void *self, void *data, size_t capacity, size_t *ret_size, struct kist_error *err)
{
    struct reader *reader = self;
    size_t size = 0;
    int code = reader->ended ? 0 : kist_child_read(reader->child, data, capacity, &size, err);
    if (!code && size == 0 && !reader->ended)
        code = end(reader, err);
    if (code)
        return code;
    if (size > 0 && pgd_stream_check_feed(&reader->check, data, size) != 0) {
        /* A program that fails says why in better words than ours. */
        code = kist_child_finish(reader->child, err);
        if (code == KIST_ERR_FAILED)
            return pgd_explain(reader->host, reader->child, code, err);
        return reader->host->fail(reader->host, err, KIST_ERR_CORRUPT, "the output of pg_dump is not a dump: %s",
                                  reader->check.fault);
    }
    *ret_size = size;
    return 0;
}

void pgd_read_end(void *self)
{
    struct reader *reader = self;
    kist_child_free(reader->child);
    if (!reader->ended) { /* a dump that was given up needs no locks, and no counts */
        pgd_holder_free(reader->source->holder);
        reader->source->holder = NULL;
        reader->source->given_up = 1;
    }
    free(reader);
}
