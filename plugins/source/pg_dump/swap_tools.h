/* swap_tools.h - what the tests of swaps and drills share. */
#ifndef KIST_PG_DUMP_SWAP_TOOLS_H
#define KIST_PG_DUMP_SWAP_TOOLS_H

#include "pg_dump_test.h"

/* The socket's directory of the server, NULL without one. */
extern const char *folder;
/* What the last swap gave. */
extern char given_name[128], given_from[128], given_kept[128];
extern int64_t given_ms, given_ended;

#define NEED_SERVER()                                                                                             \
    (void)state;                                                                                                  \
    if (!folder)                                                                                                  \
    skip()

struct pgd_config config_as(const char *user, const char *database);
int swap_with(const struct pgd_config *config, const char *target, const char *fresh, uint32_t flags);
int swap_as(const char *user, const char *fresh, uint32_t flags);
void run_sql(const char *database, const char *sql);
PGconn *connect_to(const char *database, const char *user);
void make_both(void);
int generation_of(const char *database);
void assert_untouched(void);
long now_us(void);
void await_quiet(void);

int swap_rules_tests(void);      /* with the server of swap_tests */
int scratch_cluster_tests(void); /* with the server of scratch_tests */

#endif
