/* counts.h - what is counted, and the sessions that count: shared by the files of counts.c alone. */
#ifndef KIST_PG_DUMP_COUNTS_H
#define KIST_PG_DUMP_COUNTS_H

#include "pg_dump.h"

/* ---- census.c: one thing after the other that a dump holds ---- */

enum pgd_todo { PGD_NOTHING, PGD_LOCK, PGD_ROWS, PGD_VALUE }; /* PGD_ROWS: to be locked, too */

struct pgd_entry {
    const char *kind;   /* as in struct kist_count; NULL: only to be locked */
    char *name;         /* quoted as SQL wants it */
    char *oid;          /* as text; or NULL */
    char *hash, *note;  /* or NULL */
    char *parents;      /* of a table: the oids of those that it is a part of, as an array's text; or NULL */
    uint32_t flags;     /* KIST_COUNT_* */
    enum pgd_todo todo; /* what is yet to be done about it */
    int64_t number;
    uint64_t wanted; /* of a recount: the index of what it answers */
};

struct pgd_census {
    struct pgd_entry *items;
    size_t count, room;
};

void pgd_census_done(struct pgd_census *census);
/* Adds a copy of the strings. -1: no memory. */
int pgd_census_add(struct pgd_census *census, const struct pgd_entry *entry) KIST_CHECKED;
/* Hands on every entry but those that were only locked. Returns what `give` returns. */
int pgd_census_give(const struct pgd_census *census, kist_count_fn give, void *arg);

/* ---- partitions.c ---- */

/* Hands on, for each partitioned table, the sum of what was counted in its partitions: as an estimate, for these are compared
 * one by one. Returns what `give` returns. */
int pgd_partitions_give(const struct pgd_census *census, kist_count_fn give, void *arg);

/* ---- choice.c: which of it pg_dump would take ---- */

struct pgd_choice {
    char *tables, *no_tables, *schemas, *no_schemas, *no_data; /* oids as an array each */
    int everything;                                            /* no list of what to dump was given */
    int large_objects, unlogged, definitions;                  /* are in the dump */
};

/* The name of an argument of pg_dump that makes the choice one that is not known here; NULL: there is none. */
const char *pgd_choice_unknown(const struct pgd_config *config);
/* The role that pg_dump is told to become; or NULL. Borrowed. */
const char *pgd_choice_role(const struct pgd_config *config);
/* The patterns of --exclude-table-data, borrowed, into an array of extra_args.count items. Returns how many they are. */
int pgd_choice_no_data(const struct pgd_config *config, const char **ret_patterns);
/* Asks `link` what the patterns match now. */
int pgd_choice_make(struct pgd_link *link, const struct pgd_config *config, int standby,
                    struct pgd_choice *ret_choice, struct kist_error *err) KIST_CHECKED;
void pgd_choice_done(struct pgd_choice *choice);
/* What of the database is in such a dump, as far as the link's snapshot sees it. */
int pgd_choice_list(struct pgd_link *link, const struct pgd_choice *choice, struct pgd_census *ret_census,
                    struct kist_error *err) KIST_CHECKED;

/* ---- tally.c: the numbers of a census ---- */

/* Connects to `params` for as long as a count may take, with every setting in place that decides over locks, time limits
 * and how a value is written. `role` NULL: the one that logs in. */
int pgd_tally_connect(struct pgd_link *link, const struct pgd_params *params, int64_t timeout_ms, int64_t lock_ms,
                      const char *role, struct kist_error *err) KIST_CHECKED;
/* Fills in the numbers of what is to do; `todo` is PGD_ROWS or PGD_VALUE. `hashes`: those of rows, too. Within a transaction
 * (`held`) the locks that are taken on the way are given back. */
int pgd_tally(struct pgd_link *link, struct pgd_census *census, enum pgd_todo todo, int hashes, int held,
              struct kist_error *err) KIST_CHECKED;
int pgd_tally_large_objects(struct pgd_link *link, int64_t *ret_number, struct kist_error *err) KIST_CHECKED;
/* Asks the server to stop what the link waits for. */
void pgd_tally_stop(struct pgd_link *link);

/* ---- holder.c ---- */

/* Why rows cannot be counted in the snapshot of this dump; NULL: they can. */
const char *pgd_holder_unfit(const struct pgd_source *source);
/* Locks what is going to be dumped, then exports a snapshot. */
int pgd_holder_begin(const struct pgd_source *source, struct pgd_holder **ret_holder,
                     struct kist_error *err) KIST_CHECKED;
const char *pgd_holder_snapshot(const struct pgd_holder *holder);
const char *pgd_holder_conninfo(const struct pgd_holder *holder); /* pinned to the same server */
/* Looks whether the snapshot holds just what was locked. KIST_ERR_UNAVAILABLE: it does not, and only a new beginning helps. By now
 * pg_dump may be on its way: the sooner it has locks of its own, the fewer come in between. */
int pgd_holder_settle(struct pgd_holder *holder, struct kist_error *err) KIST_CHECKED;
/* 0; KIST_ERR_UNAVAILABLE when pg_dump waits for a lock behind somebody who waits for ours, or when the session was lost: in
 * both cases only a new beginning helps. */
int pgd_holder_watch(struct pgd_holder *holder, struct kist_error *err) KIST_CHECKED;
/* From now on a thread counts. */
int pgd_holder_count(struct pgd_holder *holder, struct kist_error *err) KIST_CHECKED;
/* Waits until everything is counted. The census is the holder's. */
int pgd_holder_census(struct pgd_holder *holder, const struct pgd_census **ret_census,
                      struct kist_error *err) KIST_CHECKED;

#endif
