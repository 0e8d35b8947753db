/* postgres.c - the postgres notifier: leaves the outcome in a table, where an application looks for it. */
#include "postgres.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct kist_option options[] = {
    KIST_OPTION(struct pgn_config, url, .flags = KIST_OPTION_REQUIRED,
                .help = "postgresql://USER:PASSWORD@HOST:PORT/DATABASE of the application's database"),
    KIST_OPTION(struct pgn_config, table, .def = "Setting",
                .help = "table of keys and values, as TABLE or SCHEMA.TABLE, capital letters as they are"),
    KIST_OPTION(struct pgn_config, key_column, .def = "key", .help = "column of the keys"),
    KIST_OPTION(struct pgn_config, value_column, .def = "value", .help = "column of the values"),
    KIST_OPTION(struct pgn_config, success_key, .def = "lastBackupDate",
                .help = "key that gets the time of a good backup; empty: none"),
    KIST_OPTION(struct pgn_config, full_key, .def = "lastFullBackupDate",
                .help = "the same, for applications that look for full backups: all are; empty: none"),
    KIST_OPTION(struct pgn_config, status_key, .help = "key that gets success, degraded, failure and so on"),
    KIST_OPTION(struct pgn_config, error_key,
                .help = "key that gets the cause of a failure; empty after a good run"),
    KIST_OPTION(struct pgn_config, size_key,
                .help = "key that gets the size of a good backup, in bytes as stored"),
    KIST_OPTION(struct pgn_config, id_key, .help = "key that gets the id of a good backup"),
    KIST_OPTION(struct pgn_config, time_columns,
                .help = "columns that get the current time whenever a row is written: updatedAt"),
    KIST_OPTION(struct pgn_config, value_format, .def = "iso8601", .choices = "iso8601|epoch|epoch_ms",
                .help = "how times are written: 2026-11-21T02:00:00.000Z, seconds or milliseconds since 1970"),
    KIST_OPTION_END,
};

static void pgn_close(void *self)
{
    struct pgn_notifier *notifier = self;
    if (!notifier)
        return;
    kist_pg_options_free(notifier->options);
    free(notifier->schema);
    free(notifier->table);
    free(notifier->where);
    free(notifier);
}

static int check_names(struct pgn_notifier *notifier, struct kist_error *err)
{
    const struct kist_host *host = notifier->host;
    const struct pgn_config *config = notifier->config;
    if (!config->key_column || !*config->key_column || !config->value_column || !*config->value_column)
        return host->fail(host, err, KIST_ERR_CONFIG, "key_column and value_column must name columns");
    if (strcmp(config->key_column, config->value_column) == 0)
        return host->fail(host, err, KIST_ERR_CONFIG, "key_column and value_column are the same");
    if (pgn_table_read(config->table ? config->table : "", &notifier->schema, &notifier->table) == 0)
        return 0;
    int code = host->fail(host, err, KIST_ERR_CONFIG, "table is neither TABLE nor SCHEMA.TABLE");
    host->hint(host, err, "a name with a dot or a double quote in it stands in double quotes: \"my.table\"");
    return code;
}

/* What keeps a connection honest: nothing of the environment, and TLS that verifies. */
static int read_url(struct pgn_notifier *notifier, struct kist_error *err)
{
    const struct kist_host *host = notifier->host;
    int code = kist_pg_parse(host, notifier->config->url.reveal, "the url", &notifier->options, err);
    if (code)
        return code;
    PQconninfoOption *list = notifier->options;
    if (getenv("PGSERVICE") || kist_pg_param(list, "service"))
        return host->fail(host, err, KIST_ERR_CONFIG,
                          "services of libpq are not read here: say everything in the url");
    if (!kist_pg_param(list, "dbname") || !kist_pg_param(list, "user"))
        return host->fail(host, err, KIST_ERR_CONFIG, "the url names no %s",
                          kist_pg_param(list, "user") ? "database" : "user");
    const char *password = kist_pg_param(list, "password"), *name = kist_pg_param(list, "host");
    const char *port = kist_pg_param(list, "port");
    int failed = (password && host->add_secret(host, password) != 0) ||
                 kist_pg_tls_defaults(list, &notifier->tls_by_default) != 0 ||
                 kist_pg_param_set(list, "port", port ? port : "5432") != 0 ||
                 kist_pg_param_set(list, "application_name", "kist") != 0 ||
                 asprintf(&notifier->where, "%s:%s/%s", name ? name : "localhost", kist_pg_param(list, "port"),
                          kist_pg_param(list, "dbname")) < 0;
    return failed ? host->fail(host, err, KIST_ERR_FAILED, "out of memory") : 0;
}

static int pgn_open(const struct kist_host *host, const void *config, void **ret_self, struct kist_error *err)
{
    struct pgn_notifier *notifier = calloc(1, sizeof *notifier);
    if (!notifier)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    *notifier = (struct pgn_notifier){.host = host, .config = config};
    int code = check_names(notifier, err);
    if (!code)
        code = read_url(notifier, err);
    if (code)
        pgn_close(notifier);
    else
        *ret_self = notifier;
    return code;
}

static int pgn_notify(void *self, const struct kist_event *told, int64_t deadline_ms, struct kist_error *err)
{
    const struct kist_event known = kist_event_known(told), *event = &known;
    const struct pgn_notifier *notifier = self;
    const struct kist_host *host = notifier->host;
    struct pgn_link link = {.notifier = notifier, .until = host->monotonic_ms(host) + deadline_ms};
    struct pgn_entries entries;
    if (pgn_entries_make(notifier->config, event, &entries) != 0)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    int code = 0;
    if (entries.count > 0) {
        code = pgn_connect(&link, err);
        if (!code)
            code = pgn_write(&link, &entries, event->kind != KIST_EVENT_TEST, err);
        pgn_disconnect(&link);
    }
    pgn_entries_done(&entries);
    return code;
}

KIST_NOTIFIER(.about = {.name = "postgres",
                        .version = KIST_VERSION,
                        .summary = "writes the time of the last good backup into a table of an application",
                        .details =
                            "Rows of keys and values, changed where they are there and added where they are "
                            "not, all in one transaction; the table needs no unique constraint for it. After "
                            "a good or degraded run the dates are written, after any other only status and "
                            "error. A test does it all, and takes it back.",
                        .options = options,
                        .config_size = sizeof(struct pgn_config)},
              .open = pgn_open, .close = pgn_close, .notify = pgn_notify);
