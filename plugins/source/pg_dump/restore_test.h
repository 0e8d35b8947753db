/* restore_test.h - what the tests of restoring share. */
#ifndef KIST_PG_DUMP_RESTORE_TEST_H
#define KIST_PG_DUMP_RESTORE_TEST_H

#include "pg_dump_test.h"

extern struct restore_dump {
    char *data;
    size_t size;
    char format[16]; /* "": not told */
} restore_dump;

void restore_take_dump(const struct pgd_config *config);
void restore_take_file(const char *path, const char *format);

/* One restore of the dump at hand: what is wanted, and what was told of its place. */
struct restore_run {
    struct kist_restore wanted;
    size_t size;                 /* so many bytes of it; 0: all */
    int judged;                  /* what restored_counts is to have answered */
    void (*on_write)(size_t at); /* after each chunk */
    uint32_t place_flags;
    char name[64], fresh[64], holds[128], look[256];
};

/* The group's fixture: a server with a database "shop" and some roles; where there is none to start,
 * `restore_folder` is NULL and the tests are skipped. */
extern const char *restore_folder;
extern char restore_work_dir[64];
int restore_start(void **state);
int restore_stop(void **state);
#define NEED_SERVER()                                                                                             \
    (void)state;                                                                                                  \
    if (!restore_folder)                                                                                          \
    skip()

struct pgd_config restore_config_as(const char *user, const char *database);
struct pgd_config restore_shop(void);
void restore_make_shop(void);                    /* anew */
void restore_assert_whole(const char *database); /* it holds what the shop held */
int restore_count(const char *database, const char *what);
int restore_databases_like(const char *pattern);
void restore_drop(const char *database);

int restore_run(const struct pgd_config *config, struct restore_run *run);

#endif
