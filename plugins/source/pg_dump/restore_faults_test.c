/* restore_faults_test.c - several jobs, drills, dumps of others, and what goes wrong. */
#include "restore_test.h"

#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>

/* ---- jobs ---- */

static int files_left(void)
{
    DIR *folder = opendir(restore_work_dir);
    int found = 0;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        found += entry->d_name[0] != '.';
    closedir(folder);
    return found;
}

static void test_several_jobs(void **state)
{
    NEED_SERVER();
    struct pgd_config config = restore_shop();
    restore_take_dump(&config);
    struct restore_run run = {.wanted = {.flags = KIST_RESTORE_BESIDE, .jobs = 3, .work_dir = restore_work_dir}};
    assert_int_equal(restore_run(&config, &run), 0);
    restore_assert_whole(run.fresh);
    assert_int_equal(files_left(), 0);
    restore_drop(run.fresh);
    run.wanted.flags = KIST_RESTORE_CLEAN;
    assert_int_equal(restore_run(&config, &run), KIST_ERR_REFUSED);
    assert_non_null(strstr(test.err.hint, "--jobs"));
}

/* Fault 99: the disk that the archive waits on is full. */
static void test_full_disk_of_the_spool(void **state)
{
    NEED_SERVER();
    struct pgd_config config = restore_shop();
    struct rlimit old, small;
    restore_take_dump(&config);
    getrlimit(RLIMIT_FSIZE, &old);
    small = (struct rlimit){restore_dump.size / 2, old.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    struct restore_run run = {.wanted = {.flags = KIST_RESTORE_BESIDE, .jobs = 2, .work_dir = restore_work_dir}};
    int code = restore_run(&config, &run);
    setrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(code, KIST_ERR_NO_SPACE);
    assert_int_equal(files_left(), 0);
    assert_int_equal(restore_databases_like("shop\\_restore%"), 0);
    assert_int_equal(restore_run(&config, &run), 0);
    restore_drop(run.fresh);
}

/* ---- drills ---- */

static void test_drill_goes_without_what_is_missing(void **state)
{
    NEED_SERVER();
    struct pgd_config config = restore_shop();
    cluster_sql("postgres", "CREATE ROLE passing");
    /* An extension under a name that no server has. */
    assert_int_equal(cluster_sql("shop", "CREATE EXTENSION citext; CREATE TABLE needy (a citext); "
                                         "UPDATE pg_extension SET extname = 'far_away' WHERE extname = 'citext'"),
                     0);
    cluster_sql(
        "shop",
        "CREATE TABLE guarded (a int); INSERT INTO guarded VALUES (1); ALTER TABLE guarded OWNER TO passing; "
        "ALTER TABLE guarded ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; "
        "CREATE POLICY p ON guarded TO passing USING (false)");
    restore_take_dump(&config);
    cluster_sql("shop", "DROP TABLE guarded");
    cluster_sql("postgres", "DROP ROLE passing");
    struct restore_run run = {.wanted = {.flags = KIST_RESTORE_CREATE | KIST_RESTORE_DRILL, .target = "drill"}};
    assert_int_equal(restore_run(&config, &run), 0);
    restore_assert_whole("drill");
    assert_int_equal(restore_count("drill", "guarded"), 1);
    assert_int_equal(restore_count("drill", "pg_class WHERE relname = 'needy'"), 0);
    assert_non_null(strstr(test.log ? test.log : "", "does not have the extension 'far_away'"));
    restore_drop("drill");
    restore_make_shop();
}

static void test_drill_of_a_plain_dump(void **state)
{
    NEED_SERVER();
    struct pgd_config config = restore_shop();
    cluster_sql("postgres", "CREATE ROLE passing");
    cluster_sql("shop", "ALTER TABLE part OWNER TO passing");
    config.format.index = PGD_PLAIN;
    restore_take_dump(&config);
    cluster_sql("shop", "ALTER TABLE part OWNER TO postgres");
    cluster_sql("postgres", "DROP ROLE passing");
    struct restore_run run = {.wanted = {.flags = KIST_RESTORE_CREATE | KIST_RESTORE_DRILL, .target = "drill"}};
    assert_int_equal(restore_run(&config, &run), 0);
    restore_assert_whole("drill");
    restore_drop("drill");
    run.size = restore_dump.size / 2;
    assert_int_equal(restore_run(&config, &run), KIST_ERR_CORRUPT);
    assert_int_equal(restore_databases_like("drill"), 0);
}

static void test_drill_never_goes_to_the_source(void **state)
{
    NEED_SERVER();
    struct pgd_config config = restore_shop();
    restore_take_dump(&config);
    char by_address[300];
    snprintf(by_address, sizeof by_address, "host=%s dbname=shop user=postgres", restore_folder);
    const char *const targets[] = {NULL, "shop", by_address};
    for (size_t i = 0; i < 3; i++) {
        struct restore_run run = {
            .wanted = {.flags = KIST_RESTORE_DRILL | KIST_RESTORE_CLEAN | KIST_RESTORE_BESIDE,
                       .target = targets[i]}};
        assert_int_equal(restore_run(&config, &run), KIST_ERR_REFUSED);
        assert_non_null(strstr(test.err.message, "is the one that is backed up"));
    }
    restore_assert_whole("shop");
}

/* ---- faults ---- */

/* Fault 96: nothing is written into what holds something, least of all into the source, unless that is asked
 * for. */
static void test_source_is_refused(void **state)
{
    NEED_SERVER();
    struct pgd_config config = restore_shop();
    restore_take_dump(&config);
    struct restore_run run = {.wanted.mode = KIST_RESTORE_LOOK};
    assert_int_equal(restore_run(&config, &run), KIST_ERR_REFUSED);
    run.wanted.mode = KIST_RESTORE_APPLY;
    assert_int_equal(restore_run(&config, &run), KIST_ERR_REFUSED);
    restore_assert_whole("shop");
}

static int killed;

static void kill_backend(size_t at)
{
    if (at < restore_dump.size / 3 || killed)
        return;
    for (int i = 0; i < 500 && killed < 1; i++) {
        killed = cluster_sql("postgres",
                             "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname LIKE "
                             "'shop%' AND backend_xid IS NOT NULL AND backend_type = 'client backend'");
        usleep(2000);
    }
}

/* Fault 98: the server process dies in the middle; what was there is as it was, and the next attempt works. */
static void test_backend_dies(void **state)
{
    NEED_SERVER();
    static const uint32_t ways[] = {KIST_RESTORE_BESIDE, KIST_RESTORE_CLEAN};
    struct pgd_config config = restore_shop();
    restore_take_dump(&config);
    cluster_sql("shop", "UPDATE app.customers SET n = 7");
    for (size_t i = 0; i < 2; i++) {
        struct restore_run run = {.wanted.flags = ways[i], .on_write = kill_backend};
        killed = 0;
        assert_int_equal(restore_run(&config, &run), KIST_ERR_UNAVAILABLE);
        assert_int_equal(test.err.retryable, 1);
        assert_true(killed > 0);
        assert_int_equal(restore_databases_like("shop\\_restore%"), 0);
        assert_int_equal(restore_count("shop", "app.customers WHERE n = 7"), 100);
        run.on_write = NULL;
        assert_int_equal(restore_run(&config, &run), 0);
        restore_assert_whole(*run.fresh ? run.fresh : "shop");
        if (*run.fresh)
            restore_drop(run.fresh);
    }
}

/* ---- dumps that others made ---- */

static void dump_as(const char *options)
{
    char command[600], path[128];
    snprintf(path, sizeof path, "%s/foreign", restore_work_dir);
    snprintf(command, sizeof command, "pg_dump -U postgres -h %s %s -f %s shop", restore_folder, options, path);
    assert_int_equal(system(command), 0);
    restore_take_file(path, NULL);
    unlink(path);
}

static void test_foreign_dumps(void **state)
{
    NEED_SERVER();
    static const char *const options[] = {"-Fc", "-Ft", "-Fp"};
    static const uint32_t ways[] = {KIST_RESTORE_BESIDE, KIST_RESTORE_CLEAN};
    struct pgd_config config = restore_shop();
    for (size_t i = 0; i < 3; i++) {
        dump_as(options[i]);
        struct restore_run check = {.wanted.mode = KIST_RESTORE_CHECK};
        assert_int_equal(restore_run(&config, &check), 0);
        check.size = restore_dump.size / 2;
        assert_int_equal(restore_run(&config, &check), KIST_ERR_CORRUPT);
        for (size_t k = 0; k < 2; k++) {
            struct restore_run run = {.wanted.flags = ways[k]};
            assert_int_equal(restore_run(&config, &run), 0);
            restore_assert_whole(*run.fresh ? run.fresh : "shop");
            if (*run.fresh)
                restore_drop(run.fresh);
            run.size = restore_dump.size / 2;
            assert_int_not_equal(restore_run(&config, &run), 0);
            assert_int_equal(restore_databases_like("shop\\_restore%"), 0);
            restore_assert_whole("shop");
        }
    }
    dump_as("-Fp --create");
    struct restore_run run = {.wanted.flags = KIST_RESTORE_BESIDE};
    assert_int_equal(restore_run(&config, &run), KIST_ERR_UNSUPPORTED);
    assert_int_equal(restore_databases_like("shop\\_restore%"), 0);
}

int restore_faults_tests(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_several_jobs),
        TEST(test_full_disk_of_the_spool),
        TEST(test_drill_goes_without_what_is_missing),
        TEST(test_drill_of_a_plain_dump),
        TEST(test_drill_never_goes_to_the_source),
        TEST(test_source_is_refused),
        TEST(test_backend_dies),
        TEST(test_foreign_dumps),
    };
    return cmocka_run_group_tests_name("restore faults", tests, restore_start, restore_stop);
}
