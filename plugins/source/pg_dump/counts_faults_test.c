/* counts_faults_test.c - sessions that are killed, that come in between and that are stopped. */
#include "counts_tools.h"

#include <signal.h>

#define KILL_HOLDER                                                                                               \
    "say \"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'shop' AND pid <> "             \
    "pg_backend_pid()\""

/* FAULTS 11: the dump begins anew with a new snapshot, or not at all. */
static void test_holder_killed_before_import(void **state)
{
    NEED_SERVER();
    struct pgd_config config = counts_config_with_once("sleep 0.1; " KILL_HOLDER);
    assert_good(counts_dump(&config));
    assert_int_equal(counts_number_of("table", "public.t"), 100);
    assert_non_null(strstr(test.log, "beginning anew"));
    config = counts_config_with(KILL_HOLDER);
    assert_int_equal(counts_dump(&config), KIST_ERR_UNAVAILABLE);
    assert_int_equal(test.err.retryable, 1);
    assert_int_equal(counted_count, 0);
}

#define COUNTING                                                                                                  \
    "FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%sha256(%' AND pid <> pg_backend_pid()"

static int is_counting(void)
{
    return counts_sql("SELECT count(*) " COUNTING) > 0;
}

/* FAULTS 12 */
static void test_holder_killed_after_import(void **state)
{
    NEED_SERVER();
    struct pgd_config config = counts_config("postgres");
    void *reader = NULL;
    config.checksums.on = 1;
    assert_good(counts_begin(&config, &reader));
    for (int i = 0; i < 200 && counts_sql("SELECT count(pg_terminate_backend(pid)) " COUNTING) < 1; i++)
        usleep(2000);
    assert_good(counts_drain(reader, NULL));
    assert_int_equal(kist_plugin.counts(counts_source, counts_keep, NULL, &test.err), KIST_ERR_UNAVAILABLE);
    assert_non_null(strstr(test.err.message, "cannot count"));
    kist_plugin.close(counts_source);
}

/* Locks are not held for a dump that was given up. */
static void test_given_up_dump_counts_no_more(void **state)
{
    NEED_SERVER();
    struct pgd_config config = counts_config("postgres");
    void *reader = NULL;
    config.checksums.on = 1;
    assert_good(counts_begin(&config, &reader));
    assert_non_null(counts_source->holder);
    kist_plugin.read_end(reader);
    assert_null(counts_source->holder);
    assert_int_equal(kist_plugin.counts(counts_source, counts_keep, NULL, &test.err), KIST_ERR_FAILED);
    kist_plugin.close(counts_source);
}

/* The server ends what the role's settings would end: not the holder. */
static void test_time_limits_of_the_role(void **state)
{
    NEED_SERVER();
    struct pgd_config config = counts_config_with("sleep 1.2");
    char own[200];
    counts_sql("CREATE ROLE hurried SUPERUSER LOGIN; ALTER ROLE hurried SET statement_timeout = '100ms'; "
               "ALTER ROLE hurried SET idle_in_transaction_session_timeout = '10ms'; "
               "ALTER ROLE hurried SET lock_timeout = '10ms'; "
               "ALTER ROLE hurried SET default_transaction_isolation = 'serializable'; "
               "ALTER ROLE hurried SET search_path = app");
    snprintf(own, sizeof own, "postgresql://hurried@/shop?host=%s", counts_folder);
    config.url.reveal = own;
    config.checksums.on = 1;
    assert_good(counts_dump(&config));
    assert_int_equal(counts_number_of("table", "public.wide"), 300000);
}

/* Somebody who wants a table for himself comes after our lock and before pg_dump's, which then waits behind him: he gets
 * his turn, and the dump begins anew. */
static void test_queue_between_the_locks(void **state)
{
    NEED_SERVER();
    counts_sql("CREATE TABLE queue AS SELECT generate_series(1, 20)");
    struct pgd_config config = counts_config_with_once("(say 'TRUNCATE queue') & sleep 0.3");
    assert_good(counts_dump(&config));
    assert_non_null(strstr(test.log, "beginning anew: another session wants a table for itself"));
    assert_int_equal(counts_number_of("table", "public.queue"), 0);
    counts_sql("DROP TABLE queue");
}

static void test_cancel_ends_counting(void **state)
{
    NEED_SERVER();
    for (int cancelled = 0; cancelled < 2; cancelled++) {
        struct pgd_config config = counts_config("postgres");
        void *reader = NULL;
        config.checksums.on = 1;
        assert_good(counts_begin(&config, &reader));
        for (int i = 0; i < 200 && !is_counting(); i++)
            usleep(2000);
        assert_true(is_counting());
        if (cancelled)
            kist_test_host_cancel(&test);
        kist_plugin.read_end(reader);
        if (cancelled)
            assert_int_equal(kist_plugin.counts(counts_source, counts_keep, NULL, &test.err), KIST_ERR_CANCELLED);
        int64_t began = test.host.monotonic_ms(&test.host);
        kist_plugin.close(counts_source);
        assert_true(test.host.monotonic_ms(&test.host) - began < 1000);
        usleep(100000);
        assert_false(is_counting());
    }
}

/* The option timeout is of the dump and its counts. */
static void test_count_that_hangs_ends(void **state)
{
    NEED_SERVER();
    struct pgd_config config = counts_config("postgres");
    void *reader = NULL;
    int pid = 0;
    config.checksums.on = 1;
    config.timeout.ms = 8000;
    assert_good(counts_begin(&config, &reader));
    for (int i = 0; i < 200 && (pid = counts_sql("SELECT pid " COUNTING)) <= 0; i++)
        usleep(2000);
    assert_true(pid > 0);
    assert_int_equal(kill(pid, SIGSTOP), 0);
    int drained = counts_drain(reader, NULL);
    int code = kist_plugin.counts(counts_source, counts_keep, NULL, &test.err);
    kill(pid, SIGCONT);
    assert_good(drained);
    assert_int_equal(code, KIST_ERR_TIMEOUT);
    assert_non_null(strstr(test.err.message, "the server gave no answer for 8 s"));
    kist_plugin.close(counts_source);
}

int counts_faults_tests(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_holder_killed_before_import),  TEST(test_holder_killed_after_import),
        TEST(test_given_up_dump_counts_no_more), TEST(test_count_that_hangs_ends),
        TEST(test_time_limits_of_the_role),      TEST(test_queue_between_the_locks),
        TEST(test_cancel_ends_counting),
    };
    return cmocka_run_group_tests_name("counts, faults", tests, NULL, NULL);
}
