/*
 * pg.h - how plugins reach PostgreSQL by libpq: by what the configuration says alone, and verifying whom they talk to.
 */
#ifndef KIST_SDK_PG_H
#define KIST_SDK_PG_H

#include <kist/plugin.h>
#include <libpq-fe.h>
#include <stdio.h>

/* Reads a URL or a connection string; `what` it is, for the error, which quotes nothing of it. The options (every keyword of
 * libpq; val NULL: not given) are the caller's. */
int kist_pg_parse(const struct kist_host *host, const char *text, const char *what, PQconninfoOption **ret_options,
                  struct kist_error *err) KIST_CHECKED;
void kist_pg_options_free(PQconninfoOption *options); /* overwrites what is secret; NULL is fine */

const char *kist_pg_param(const PQconninfoOption *options, const char *keyword); /* NULL: not given or empty */
int kist_pg_param_set(PQconninfoOption *options, const char *keyword,
                      const char *value) KIST_CHECKED; /* -1: no memory */
int kist_pg_host_is_local(const char *host);

/* Makes the connection verify the server where nothing is said and the server is not on this machine. *ret_by_default: 1 when
 * that is why it does. -1: no memory. */
int kist_pg_tls_defaults(PQconninfoOption *options, int *ret_by_default) KIST_CHECKED;

/* A new connection string of every option given, for a connection of our own: says every value that libpq would else take
 * from the environment. Holds the password. NULL without memory. */
char *kist_pg_conninfo(const PQconninfoOption *options) KIST_CHECKED;
/* Adds keyword='value' to a connection string. */
void kist_pg_put(FILE *stream, const char *keyword, const char *value);

/* libpq's message as one line fit for a message, without the "LOCATION:" that its verbose form carries. New. */
char *kist_pg_line(const char *message) KIST_CHECKED;
/* The last SQLSTATE in a verbose message, "" without one: "FATAL:  28P01: ...", whatever the language. */
void kist_pg_sqlstate(const char *message, char ret_state[6]);
int kist_pg_speaks_of_tls(const char *message);

#endif
