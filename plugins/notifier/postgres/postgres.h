/* postgres.h - what the files of this plugin share. The callbacks of the ABI are in postgres.c. */
#ifndef KIST_POSTGRES_H
#define KIST_POSTGRES_H

#include <kist/plugin.h>

#include "pg.h"

enum pgn_format { PGN_ISO8601 = 0, PGN_EPOCH = 1, PGN_EPOCH_MS = 2 };

struct pgn_config {
    kist_secret url;
    const char *table, *key_column, *value_column;
    const char *success_key, *full_key, *status_key, *error_key, *size_key, *id_key;
    kist_list time_columns;
    kist_choice value_format;
};

struct pgn_notifier {
    const struct kist_host *host;
    const struct pgn_config *config;
    PQconninfoOption *options;
    int tls_by_default;
    char *schema; /* NULL: the one in which the server finds the table */
    char *table;
    char *where; /* HOST:PORT/DATABASE, for messages */
};

/* ---- values.c: what is written for an event ---- */

#define PGN_ENTRIES 6

struct pgn_entry {
    const char *key;
    char *value;
    int only_newer; /* an older value of the table gives way, a newer one stays */
};

struct pgn_entries {
    struct pgn_entry items[PGN_ENTRIES];
    size_t count;
};

/* -1: no memory. */
int pgn_entries_make(const struct pgn_config *config, const struct kist_event *event,
                     struct pgn_entries *ret_entries) KIST_CHECKED;
void pgn_entries_done(struct pgn_entries *entries);

/* Seconds since 1970 of a backup's id, 2026-11-21T02-00-00Z; -1: it is none. */
int64_t pgn_id_time(const char *id);

/* ---- names.c ---- */

/* Takes `schema.table` apart. A part with a dot or a double quote in it stands in double quotes, and is else taken as it is,
 * capital letters included. -1: it is none, or there is no memory. */
int pgn_table_read(const char *text, char **ret_schema, char **ret_table) KIST_CHECKED;

/* ---- link.c: one connection, with a deadline for all that is done over it ---- */

struct pgn_link {
    const struct pgn_notifier *notifier;
    PGconn *conn;
    int64_t until; /* monotonic */
    char state[6]; /* SQLSTATE of the last statement that failed; may be empty */
    char *schema;  /* that the table is really in, once it is known; names are quoted by the connection */
    char oid[16];
    char *name; /* "schema"."table" */
    char *key, *value;
};

int pgn_connect(struct pgn_link *link, struct kist_error *err) KIST_CHECKED;
void pgn_disconnect(struct pgn_link *link);
/* Runs one statement with text parameters. The result is the caller's (PQclear). */
int pgn_query(struct pgn_link *link, const char *sql, int count, const char *const *values, PGresult **ret_result,
              struct kist_error *err) KIST_CHECKED;

/* ---- explain.c ---- */

int pgn_connect_failed(const struct pgn_link *link, struct kist_error *err);
/* `result` NULL: it is the connection that failed. */
int pgn_query_failed(struct pgn_link *link, const PGresult *result, struct kist_error *err);
int pgn_no_table(const struct pgn_link *link, struct kist_error *err);

/* ---- write.c ---- */

/* All entries or none. `keep` 0: everything is done, and then undone, so that it is known whether it can be done. */
int pgn_write(struct pgn_link *link, const struct pgn_entries *entries, int keep,
              struct kist_error *err) KIST_CHECKED;

#endif
