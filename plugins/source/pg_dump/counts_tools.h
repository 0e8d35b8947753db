/* counts_tools.h - what the tests of counts share: a server, a second session, programs in pg_dump's place. */
#ifndef KIST_PG_DUMP_COUNTS_TOOLS_H
#define KIST_PG_DUMP_COUNTS_TOOLS_H

#include "pg_dump_test.h"

#define COUNTED_MOST 200

/* The last counts that were given, and the source that gave them. */
struct counted {
    char kind[32], name[200], note[200], hash[80];
    uint32_t flags;
    long long number;
};
extern struct counted counted[COUNTED_MOST];
extern size_t counted_count;
extern struct pgd_source *counts_source;
/* The socket's directory of the server, NULL without one. */
extern const char *counts_folder;

#define assert_good(code)                                                                                         \
    do {                                                                                                          \
        if (code)                                                                                                 \
            fail_msg("%s", test.err.message);                                                                     \
    } while (0)
#define NEED_SERVER()                                                                                             \
    (void)state;                                                                                                  \
    if (!counts_folder)                                                                                           \
    skip()

int counts_begin(struct pgd_config *config, void **ret_reader);
struct pgd_config counts_config(const char *user);
struct pgd_config counts_config_with(const char *script);
struct pgd_config counts_config_with_once(const char *what);
int counts_drain(void *reader, const char *path);
int counts_dump(struct pgd_config *config);
int counts_dump_to(struct pgd_config *config, const char *path);
int counts_dump_while(const char *sql_before, const char *path);
size_t counts_find(const char *kind, const char *name);
int counts_keep(void *arg, const struct kist_count *count);
const char *counts_note_of(const char *kind, const char *name);
long long counts_number_of(const char *kind, const char *name);
void counts_say(PGconn *conn, const char *statement);
PGconn *counts_session(void);
int counts_sql(const char *text);
int counts_start_server(void **state);
int counts_stop_server(void **state);

int counts_faults_tests(void); /* with the server of counts_tests */
int recount_tests(void);       /* likewise */

#endif
