/* pg_dump.h - what the files of this plugin share. Callbacks of the ABI are in pg_dump.c (the table), dump.c and
 * restore.c. */
#ifndef KIST_PG_DUMP_H
#define KIST_PG_DUMP_H

#include <kist/plugin.h>

#include "pg.h"
#include "stream_check.h"

enum pgd_format { PGD_CUSTOM = 0, PGD_PLAIN = 1 };
enum pgd_counts { PGD_COUNTS_EXACT = 0, PGD_COUNTS_ESTIMATE = 1, PGD_COUNTS_OFF = 2 };
enum pgd_sections { PGD_ALL = 0, PGD_SCHEMA = 1, PGD_DATA = 2 };

struct pgd_config {
    kist_secret url;
    const char *host;
    int64_t port;
    const char *user;
    const char *database;
    kist_secret password;
    const char *passfile;
    const char *service;
    kist_choice sslmode;
    const char *sslrootcert;
    kist_choice format;
    kist_choice sections;
    kist_list tables, exclude_tables, schemas, exclude_schemas;
    const char *pg_dump;
    kist_duration lock_timeout, connect_timeout, idle_timeout, timeout;
    kist_list extra_args;
    kist_choice counts;
    kist_switch checksums;
    kist_secret drill_url;
    const char *drill_user;
};

/* ---- params.c: where to connect to, and how ---- */

struct pgd_params {
    PQconninfoOption *options; /* every keyword of libpq; val NULL: not given */
    int tls_by_default;        /* sslmode was not given and became verify-full */
    int from_url;              /* so that a hint names the place to change */
    int unnamed;               /* nothing names a server: every use but that of another target is refused */
};

/* `PGD_SSLMODES` are the choices of the option sslmode. */
#define PGD_SSLMODES "disable|allow|prefer|require|verify-ca|verify-full"

/* Settings alone are fine for a source that another one opens and aims. */
int pgd_params_from_config(const struct kist_host *host, const struct pgd_config *config,
                           struct pgd_params *ret_params, struct kist_error *err) KIST_CHECKED;
int pgd_params_fail_unnamed(const struct kist_host *host, struct kist_error *err);
/* `target` as in struct kist_restore; `source` is what the configuration says. */
int pgd_params_from_target(const struct kist_host *host, const struct pgd_params *source, const char *target,
                           struct pgd_params *ret_params, struct kist_error *err) KIST_CHECKED;
int pgd_params_copy(const struct kist_host *host, const struct pgd_params *from, struct pgd_params *ret_params,
                    struct kist_error *err) KIST_CHECKED;
void pgd_params_done(struct pgd_params *params);

/* ---- service.c ---- */

/* Fills what is not given from the connection service file, as libpq would. */
int pgd_service_read(const struct kist_host *host, const char *service, PQconninfoOption *options,
                     struct kist_error *err) KIST_CHECKED;

/* ---- connect.c: own connections, heeding cancel and a deadline ---- */

struct pgd_link {
    const struct kist_host *host;
    PGconn *conn;
    int cleaning_up;  /* not to be interrupted by a cancel */
    int64_t query_ms; /* longest wait for an answer; 0: 5 minutes */
    const int *stop;  /* a descriptor that ends every wait when it becomes readable; or NULL */
    char state[6];    /* SQLSTATE of the last statement that failed; may be empty */
};

int pgd_connect(struct pgd_link *link, const struct pgd_params *params, int64_t timeout_ms,
                struct kist_error *err) KIST_CHECKED;
/* The same, and names and operators mean PostgreSQL's own, whatever others put into a schema that is searched before. For a
 * server that pgd_look found to be none of a pooler's. */
int pgd_connect_own(struct pgd_link *link, const struct pgd_params *params, int64_t timeout_ms,
                    struct kist_error *err) KIST_CHECKED;
void pgd_disconnect(struct pgd_link *link);
/* Runs one statement with text parameters. The result is the caller's (PQclear). */
int pgd_query(struct pgd_link *link, const char *sql, int count, const char *const *values, PGresult **ret_result,
              struct kist_error *err) KIST_CHECKED;
/* Runs a statement whose result does not matter. */
int pgd_execute(struct pgd_link *link, const char *sql, struct kist_error *err) KIST_CHECKED;

/* The error of a statement; `result` NULL: of the connection. Returns its code. */
int pgd_query_failed(struct pgd_link *link, const PGresult *result, struct kist_error *err);

/* ---- conninfo.c ---- */

/* A new connection string of nothing but what is given, to be read again. Holds the password. */
char *pgd_conninfo_given(const PQconninfoOption *options) KIST_CHECKED;
/* A new connection string for a program: the options in use by `conn`, the server that was really reached,
 * `database` (NULL: the same), and no secret. `restoring` leaves out what would end a patient connection. */
char *pgd_conninfo_pinned(PGconn *conn, const char *database, int restoring) KIST_CHECKED;

/* ---- look.c: the server before anything is done ---- */

struct pgd_server {
    char *version, *database, *encoding, *where;
    char *conninfo;         /* pinned, for pg_dump */
    char *conninfo_restore; /* the same for pg_restore and psql */
    char *password;         /* as used, or NULL */
    int version_num, standby;
    int64_t size, size_estimate;
    char **extensions; /* name, version, name, version, ... NULL */
};

/* Connects, refuses a pooler, reads the facts. The link stays open (pgd_disconnect). */
int pgd_look(const struct kist_host *host, const struct pgd_params *params, int64_t timeout_ms,
             struct pgd_link *ret_link, struct pgd_server *ret_server, struct kist_error *err) KIST_CHECKED;
void pgd_server_done(struct pgd_server *server);
/* Refuses the host name of a pooler that is known by its name (Neon), without a connection. */
int pgd_pooler_name(const struct kist_host *host, const char *hosts, struct kist_error *err) KIST_CHECKED;

/* ---- maintenance.c ---- */

/* A session in a database that is always there, to work on others from. */
struct pgd_maintenance {
    struct pgd_params params;
    struct pgd_link link;
    struct pgd_server server;
};

/* To 'postgres' on the server of `params`, else to 'template1', but to none of those that `avoid` (ends with NULL; or NULL)
 * names. */
int pgd_maintenance_reach(const struct kist_host *host, const struct pgd_params *params, const char *const *avoid,
                          int64_t timeout_ms, struct pgd_maintenance *ret_maintenance,
                          struct kist_error *err) KIST_CHECKED;
void pgd_maintenance_done(struct pgd_maintenance *maintenance);

/* ---- patterns.c ---- */

int pgd_patterns_check(struct pgd_link *link, const struct pgd_config *config,
                       struct kist_error *err) KIST_CHECKED;
/* The oids of what the patterns match, as an array for a statement: "{16384,16390}"; new. The link's search path must be that
 * of the role. */
int pgd_patterns_resolve(struct pgd_link *link, const kist_list *list, int is_schema, char **ret_oids,
                         struct kist_error *err) KIST_CHECKED;
/* pg_dump's pattern -> regular expressions of schema (NULL without one) and name. -1: malformed or no memory. */
int pgd_pattern_regex(const char *pattern, int is_schema, char **ret_schema, char **ret_name) KIST_CHECKED;

/* ---- tools.c ---- */

struct pgd_tool {
    char *path;
    int version_num; /* 150018, 170005 */
    char version[32];
};

/* The newest `name` (pg_dump, pg_restore, psql) that is at least of `least_major`. `configured` is the option
 * pg_dump or NULL: then it is the only pg_dump, and the first place to look for the others. */
int pgd_tool_find(const struct kist_host *host, const char *name, const char *configured, int least_major,
                  struct pgd_tool *ret_tool, struct kist_error *err) KIST_CHECKED;
void pgd_tool_done(struct pgd_tool *tool);

/* ---- floor.c ---- */

int pgd_floor_of(int version_num); /* the oldest good release of the same major version; 0: all are good */
int pgd_floor_check(const struct kist_host *host, const char *name, const struct pgd_tool *tool,
                    struct kist_error *err) KIST_CHECKED;
void pgd_floor_warn(const struct kist_host *host, const struct pgd_tool *tool);

/* ---- arguments.c ---- */

struct pgd_strings {
    char **items; /* ends with NULL */
    size_t count;
    int failed; /* there was no memory */
};

void pgd_strings_add(struct pgd_strings *strings, const char *format, ...) KIST_PRINTF(2, 3);
void pgd_strings_done(struct pgd_strings *strings);
int pgd_extra_args_check(const struct kist_host *host, const kist_list *extra_args,
                         struct kist_error *err) KIST_CHECKED;
/* `snapshot` NULL: pg_dump takes its own. */
void pgd_dump_arguments(const struct pgd_config *config, const char *program, const char *conninfo,
                        const char *snapshot, struct pgd_strings *ret_arguments);

/* ---- launch.c: the PostgreSQL programs as children ---- */

struct kist_child;

struct pgd_launch {
    const char *password; /* or NULL */
    int feed, listen;     /* stdin, stdout are pipes */
    int64_t idle_ms, total_ms;
    int keep[4]; /* further descriptors (each > 2) that the program gets under the same numbers; 0: none */
};

int pgd_launch(const struct kist_host *host, const struct pgd_strings *arguments, const struct pgd_launch *launch,
               struct kist_child **ret_child, struct kist_error *err) KIST_CHECKED;
/* A descriptor (>= 3, closed on exec) of a file only in memory that libpq takes as a password file. */
int pgd_passfile(const struct kist_host *host, const char *password, int *ret_fd,
                 struct kist_error *err) KIST_CHECKED;
/* The same with any text in it; "/proc/self/fd/N" is its name for a program that is given it. */
int pgd_memory_file(const struct kist_host *host, const char *text, int *ret_fd,
                    struct kist_error *err) KIST_CHECKED;
/* Gives the error of a program that failed the code and hint that its words ask for. Returns the code. */
int pgd_explain(const struct kist_host *host, struct kist_child *child, int code, struct kist_error *err);

/* ---- holder.c, counts.c, recount.c: rows counted in the snapshot that is dumped ---- */

struct pgd_holder;

/* Refuses checksums without counts. */
int pgd_counts_check(const struct kist_host *host, const struct pgd_config *config,
                     struct kist_error *err) KIST_CHECKED;
int pgd_counts(void *self, kist_count_fn give, void *arg, struct kist_error *err);
int pgd_restored_counts(void *restore, const struct kist_count *wanted, uint64_t count, kist_count_fn give,
                        void *arg, struct kist_error *err);
/* Ends the session and whatever it is counting; NULL is fine. */
void pgd_holder_free(struct pgd_holder *holder);

/* restore.c, for recount.c: of a restore that was begun with _APPLY. */
const struct kist_host *pgd_restore_host(void *restore);
const struct pgd_params *pgd_restore_params(void *restore); /* of the database that was restored into; borrowed */
int pgd_restore_is_drill(void *restore);
/* Names of extensions that were left out because the server lacks them; ends with NULL. Borrowed. */
const char *const *pgd_restore_missing_extensions(void *restore);

/* ---- the plugin ---- */

struct pgd_source {
    const struct kist_host *host;
    const struct pgd_config *config;
    struct pgd_params params;
    int looked; /* server and tool are filled */
    struct pgd_server server;
    struct pgd_tool tool;
    struct pgd_holder *holder; /* of the last read_begin; or NULL */
    int given_up;              /* the last dump was not read to its end, so there are no counts of it */
};

/* dump.c */
int pgd_source_look(struct pgd_source *source,
                    struct kist_error *err) KIST_CHECKED; /* once; later calls do nothing */
int pgd_source_items(void *self, kist_item_fn give, void *arg, struct kist_error *err);
int pgd_read_begin(void *self, const struct kist_item *item, void **ret_reader, struct kist_error *err);
int pgd_read(void *reader, void *data, size_t capacity, size_t *ret_size, struct kist_error *err);
void pgd_read_end(void *reader);
/* "<database>.dump" with nothing in it that a file name or a shell could trip over; new. */
char *pgd_item_name(const char *database, enum pgd_format format) KIST_CHECKED;

/* restore.c */
int pgd_restore_begin(void *self, const struct kist_restore *restore, void **ret_restore, struct kist_error *err);
int pgd_write_begin(void *restore, const struct kist_item *item, void **ret_writer, struct kist_error *err);
int pgd_write(void *writer, const void *data, size_t size, struct kist_error *err);
int pgd_write_commit(void *writer, struct kist_error *err);
void pgd_write_abort(void *writer);
void pgd_restore_end(void *restore);
void pgd_restore_reject(void *restore);
int pgd_restore_place(void *restore, kist_place_fn give, void *arg, struct kist_error *err);
/* What restored_counts is about to answer: a place that was made for the restore stays only after 0. */
void pgd_restore_judged(void *restore, int code);

/* aim.c */
int pgd_aim(void *self, const char *target, struct kist_error *err);
int pgd_known_as(void *self, int (*give)(void *arg, const char *name), void *arg,
                 struct kist_error *err); /* connects to nothing */

/* swap.c */
int pgd_swap(void *self, const struct kist_swap *swap, kist_swapped_fn give, void *arg, struct kist_error *err);

/* scratch.c */
int pgd_scratch_begin(void *self, const char *work_dir, void **ret_scratch, const char **ret_target,
                      struct kist_error *err);
void pgd_scratch_end(void *scratch);
/* Is it the name of a drill's database? */
int pgd_scratch_named(const char *database);
/* Leaves a comment on such a database, so that what a killed drill leaves can be told from what somebody else called so. */
int pgd_scratch_mark(struct pgd_link *link, const char *database, struct kist_error *err) KIST_CHECKED;

#endif
