/* swap.h - what the files that swap two databases share. */
#ifndef KIST_PG_DUMP_SWAP_H
#define KIST_PG_DUMP_SWAP_H

#include "pg_dump.h"

/* Longest name of a database, in bytes. */
#define PGD_NAME_MAX 63

/* A swap as it is worked out and done. All statements run from a database that takes no part. */
struct pgd_swap {
    const struct kist_host *host;
    struct pgd_params params; /* of the target */
    struct pgd_maintenance work;
    int64_t timeout_ms;
    int undo, look;
    const char *live; /* the name that clients use; of `params` */
    char *from;       /* what takes that name; NULL: a look before it is there */
    char *kept;       /* the name of the live one afterwards */
    char live_oid[16], from_oid[16];
    int64_t interrupted_ms, ended_sessions;
};

/* swap_names.c */

/* "<live>_<word>_<time>", not longer than a name may be and not taken; new in *ret_name. */
int pgd_swap_name(struct pgd_swap *swap, const char *word, char **ret_name, struct kist_error *err) KIST_CHECKED;
/* Is `name` one that a restore beside the live database gives to what it makes, or a swap to what it puts aside? */
int pgd_swap_is_restore(const struct pgd_swap *swap, const char *name);
/* The newest database that a swap of this name put aside; new in *ret_name, NOT_FOUND without one. */
int pgd_swap_newest(struct pgd_swap *swap, char **ret_name, struct kist_error *err) KIST_CHECKED;

/* swap_checks.c: refuses what would fail in the middle or lose something. Counts the sessions that would end. */
int pgd_swap_check(struct pgd_swap *swap, struct kist_error *err) KIST_CHECKED;

/* The sessions ($1, $2: oids of databases) that this role may end. A row of pg_stat_activity is `a`. */
#define PGD_ENDABLE_SQL                                                                                           \
    "EXISTS (SELECT FROM pg_catalog.pg_roles me WHERE me.rolname = current_user AND (me.rolsuper OR EXISTS ("     \
    "SELECT FROM pg_catalog.pg_roles o WHERE o.oid = a.usesysid AND NOT o.rolsuper AND ("                         \
    "pg_catalog.pg_has_role(o.oid, 'USAGE') OR pg_catalog.pg_has_role('pg_signal_backend', 'USAGE')))))"

/* dress.c: gives `from` the owner, grants, settings, limit and comment of the live one: all or none. A look tries and
 * takes it back. */
int pgd_swap_dress(struct pgd_swap *swap, struct kist_error *err) KIST_CHECKED;

/* exchange.c: both names at once, or none. On failure the live database is as it was, unless the message says that this
 * is not known. */
int pgd_swap_exchange(struct pgd_swap *swap, struct kist_error *err) KIST_CHECKED;

#endif
