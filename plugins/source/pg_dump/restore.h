/* restore.h - what the files that restore share. */
#ifndef KIST_PG_DUMP_RESTORE_H
#define KIST_PG_DUMP_RESTORE_H

#include "pg_dump.h"
#include "recognize.h"
#include "toc.h"
#include "unwrap.h"

/* ---- target.c: the database that a restore writes to ---- */

struct pgd_target {
    const struct kist_host *host;
    struct pgd_params params;      /* of the target as it was asked for */
    struct pgd_params maintenance; /* of the database that makes and drops others; empty when none is to be made */
    struct pgd_params result;      /* of the database that is written to */
    struct pgd_server server;      /* `conninfo_restore` leads to `result` */
    char *database;                /* as it was asked for */
    char *fresh;                   /* the one that is made beside it; or NULL */
    char *make_sql;                /* makes `fresh` like the living one; or NULL */
    char *holds, *look;            /* of struct kist_place */
    int64_t timeout_ms;
    uint32_t place_flags; /* KIST_PLACE_* */
    int replace;          /* what it holds makes way in the same transaction */
    int is_new;           /* nothing but us has ever used it: it is made for this restore */
    int missing;          /* it is to be made before the first byte */
    int made;             /* by us: dropped again unless the restore succeeds */
};

int pgd_target_prepare(const struct pgd_source *source, const struct kist_restore *restore,
                       struct pgd_target *ret_target, struct kist_error *err) KIST_CHECKED;
void pgd_target_done(struct pgd_target *target);
/* The name of the database that is written to. */
const char *pgd_target_name(const struct pgd_target *target);

/* ---- contents.c: what a database holds ---- */

/* Sets `holds` when there is anything; `ret_examples` (new) names some of it. */
int pgd_contents_look(struct pgd_target *target, struct pgd_link *link, char **ret_examples,
                      struct kist_error *err) KIST_CHECKED;
/* For a restore of data alone: refuses tables (of these patterns; NULL: all) that hold rows. */
int pgd_contents_no_rows(struct pgd_target *target, struct pgd_link *link, const struct kist_restore *restore,
                         struct kist_error *err) KIST_CHECKED;

/* ---- place.c ---- */

/* Sets KIST_PLACE_SOURCE if the database is what `source` backs up. `link` is a connection to it. */
int pgd_place_recognize(const struct pgd_source *source, const char *asked, struct pgd_target *target,
                        struct pgd_link *link, struct kist_error *err) KIST_CHECKED;
/* Fills `look`. */
int pgd_place_describe(struct pgd_target *target, const PGconn *conn, struct kist_error *err) KIST_CHECKED;

/* ---- beside.c ---- */

/* "<name>_<word>_<time>" of at most 63 bytes, and "_<number>" behind it from 2 on. */
void pgd_derived_name(const struct kist_host *host, const char *name, const char *word, int number,
                      char ret_name[64]);
/* Chooses the new database beside the target and how it is made; refuses a role that may not. */
int pgd_beside_prepare(struct pgd_target *target, struct pgd_link *link, struct kist_error *err) KIST_CHECKED;

/* ---- make.c ---- */

/* Makes a missing database; `encoding` NULL: the server's own choice. */
int pgd_target_make(struct pgd_target *target, const char *encoding, struct kist_error *err) KIST_CHECKED;
void pgd_target_drop(struct pgd_target *target); /* if it was made by us */
void pgd_target_keep(struct pgd_target *target); /* it is whole */
/* The comment of a database that is being restored into. */
#define PGD_UNFINISHED "kist: a restore into this database has not finished"

/* ---- replace.c: statements around a restore that replaces what is there; new, NULL without memory ---- */

struct pgd_replace {
    const char *encoding; /* of the dump, so of the names; or NULL */
    int64_t lock_ms;
    int keep_public_out;       /* the dump makes the schema public itself */
    const struct pgd_toc *toc; /* with the chosen tables; NULL: everything is replaced */
    const char *stamp;         /* "_before_<time>" of the schemas that keep the old tables */
};

char *pgd_replace_before(const struct pgd_replace *replace) KIST_CHECKED;
char *pgd_replace_after(const struct pgd_replace *replace) KIST_CHECKED;
/* Says in the log where the old tables are going to be and what keeps pointing to them. */
int pgd_replace_tell(const struct pgd_replace *replace, struct pgd_link *link,
                     struct kist_error *err) KIST_CHECKED;

/* ---- spool.c ---- */

struct pgd_spool {
    char *path;
    int fd;
};

int pgd_spool_open(const struct kist_host *host, const char *folder, struct pgd_spool *ret_spool,
                   struct kist_error *err) KIST_CHECKED;
int pgd_spool_write(const struct kist_host *host, struct pgd_spool *spool, const void *data, size_t size,
                    struct kist_error *err) KIST_CHECKED;
void pgd_spool_done(struct pgd_spool *spool); /* removes the file */

/* ---- restore.c ---- */

struct pgd_restore {
    const struct pgd_source *source;
    const struct kist_host *host;
    int check_only;
    uint32_t flags;
    int64_t jobs;
    char *role, *work_dir;
    struct pgd_strings tables, schemas; /* `items` NULL: everything */
    struct pgd_target target;
    struct pgd_strings missing_extensions;
    int begun, committed, judged_bad;
};

/* ---- programs.c: the programs that one item goes through ---- */

enum pgd_way {
    PGD_WAY_NONE,   /* a plain dump that is only looked at */
    PGD_WAY_CHECK,  /* pg_restore reads it to its end */
    PGD_WAY_DIRECT, /* pg_restore or psql take it */
    PGD_WAY_SCRIPT, /* pg_restore makes a script of it, and psql runs that between statements of ours */
    PGD_WAY_SPOOL   /* it goes to a file, from which pg_restore takes it with several sessions */
};

struct pgd_programs {
    const struct pgd_restore *restore;
    const struct kist_host *host;
    enum pgd_way way;
    enum pgd_kind kind;
    int makes_public;          /* the dump creates the schema public, which every new database has */
    int lenient;               /* what fails is told and passed over */
    char *list;                /* of the archive's entries to restore; NULL: all; owned */
    char *before, *after;      /* statements around it, in one transaction; or NULL; owned */
    struct kist_child *taker;  /* of the bytes; or NULL */
    struct kist_child *runner; /* of the script */
    struct pgd_spool spool;
    struct pgd_unwrap unwrap; /* of a plain dump */
    int satisfied;            /* it has all that it was to restore and reads no further */
};

/* program_arguments.c. Descriptors that the program is given are named by number; 0: none. */
void pgd_restore_arguments(const struct pgd_programs *programs, const char *path, int list, int output,
                           struct pgd_strings *ret_arguments);
void pgd_psql_arguments(const struct pgd_programs *programs, const char *path, int before, int script,
                        struct pgd_strings *ret_arguments);

int pgd_programs_start(struct pgd_programs *programs, struct kist_error *err) KIST_CHECKED;
int pgd_programs_feed(struct pgd_programs *programs, const void *data, size_t size,
                      struct kist_error *err) KIST_CHECKED;
/* After the last byte, which made the dump whole: 0 only if the target holds it. */
int pgd_programs_finish(struct pgd_programs *programs, struct kist_error *err) KIST_CHECKED;
void pgd_programs_done(struct pgd_programs *programs);

#endif
