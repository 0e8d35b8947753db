/* counts_test.c - the rows that are counted are those that are dumped, whatever else goes on. Skipped without a server. */
#include "counts_tools.h"

#define WEIRD "\"Weird \"\"name\"\";\n--\""

static void test_counts_of_everything(void **state)
{
    NEED_SERVER();
    struct pgd_config config = counts_config("postgres");
    assert_good(counts_dump(&config));
    assert_int_equal(counts_number_of("table", "public.t"), 100); /* and not those of its heir */
    assert_int_equal(counts_number_of("table", "public.heir"), 2);
    assert_int_equal(counts_number_of("table", "public." WEIRD), 7);
    assert_int_equal(counts_number_of("table", "public.child_1"), 1);
    assert_int_equal(counts_number_of("table", "public.child_2"), 2);
    assert_int_equal(counts_number_of("table", "public.parent"), -2);
    assert_int_equal(counts_number_of("table", "public.v"), -2);
    assert_int_equal(counts_number_of("table", "public.nothing"), 2);
    assert_int_equal(counts_number_of("table", "public.loose"), 5);
    assert_int_equal(counts_number_of("table", "public.mat"), -1);
    assert_non_null(strstr(counts_note_of("table", "public.mat"), "materialized view"));
    assert_true(counts_number_of("partitioned", "public.parent") > 0);
    assert_int_equal(counts_number_of("sequence", "public.\"Weird \"\"name\"\";\n--_a_seq\""), 7);
    assert_int_equal(counted[counts_find("sequence", "public.\"Weird \"\"name\"\";\n--_a_seq\"")].flags,
                     KIST_COUNT_AT_LEAST);
    assert_int_equal(counted[counts_find("sequence", "public.down")].flags, KIST_COUNT_PRESENT);
    assert_int_equal(counted[counts_find("sequence", "public.round")].flags, KIST_COUNT_PRESENT);
    assert_int_equal(counts_number_of("large_objects", "large_objects"), 2);
    assert_int_equal(counted[counts_find("unvalidated", "public.t.late")].flags, KIST_COUNT_PRESENT);
    assert_int_equal(counts_number_of("extension", "plpgsql"), -2);
    assert_string_equal(counted[counts_find("table", "public.t")].hash, "");
}

static void test_counts_follow_the_choice(void **state)
{
    NEED_SERVER();
    static const char *const tables[] = {"t", "parent"}, *const schemas[] = {"app"}, *const all[] = {"*"};
    static const char *const arguments[] = {"--exclude-table-data=t", "-B", "--no-unlogged-table-data"};
    struct pgd_config config = counts_config("postgres");
    config.tables = (kist_list){tables, 2};
    assert_good(counts_dump(&config));
    assert_int_equal(counts_number_of("table", "public.t"), 100);
    assert_int_equal(counts_number_of("partitioned", "public.parent"), 0); /* its partitions were not asked for */
    assert_int_equal(counted_count, 4); /* its constraint, and that constraints are told */
    config.tables.count = 0;
    config.schemas = (kist_list){schemas, 1};
    assert_good(counts_dump(&config));
    assert_int_equal(counts_number_of("table", "app.logs"), 9);
    assert_int_equal(counted_count, 2);
    config.schemas.count = 0;
    config.exclude_schemas = (kist_list){schemas, 1};
    config.extra_args = (kist_list){arguments, 3};
    assert_good(counts_dump(&config));
    assert_int_equal(counts_number_of("table", "app.logs"), -2);
    assert_int_equal(counts_number_of("table", "public.t"), -1);
    assert_non_null(strstr(counts_note_of("table", "public.t"), "left out"));
    assert_int_equal(counts_number_of("table", "public.loose"), -1);
    assert_int_equal(counts_number_of("large_objects", "large_objects"), -2);
    config.exclude_schemas.count = 0;
    config.exclude_tables = (kist_list){all, 1};
    assert_good(counts_dump(&config));
    assert_int_equal(counts_number_of("table", "public.t"), -2);
    config = counts_config("postgres");
    config.sections.index = PGD_SCHEMA;
    assert_good(counts_dump(&config));
    assert_int_equal(counted_count, 0);
}

static void test_estimates_and_none(void **state)
{
    NEED_SERVER();
    struct pgd_config config = counts_config("postgres");
    counts_sql("ANALYZE t");
    config.counts.index = PGD_COUNTS_ESTIMATE;
    assert_good(counts_dump(&config));
    assert_int_equal(counts_number_of("table", "public.t"), 100);
    assert_int_equal(counted[counts_find("table", "public.t")].flags, KIST_COUNT_ESTIMATE);
    config.counts.index = PGD_COUNTS_OFF;
    assert_good(counts_dump(&config));
    assert_int_equal(counted_count, 0);
    config.checksums.on = 1;
    assert_int_equal(pgd_counts_check(&test.host, &config, &test.err), KIST_ERR_CONFIG);
}

/* FAULTS 13: the snapshot is taken when the locks are, so that a TRUNCATE is seen whole or not at all. */
static void test_truncate_between_list_and_snapshot(void **state)
{
    NEED_SERVER();
    assert_good(counts_dump_while("TRUNCATE app.logs; INSERT INTO app.logs VALUES (1), (2)", NULL));
    assert_int_equal(counts_number_of("table", "app.logs"), 2);
}

/* FAULTS 13: neither is a table missed that was made meanwhile, nor one counted that was dropped. */
static void test_tables_come_and_go_between_list_and_snapshot(void **state)
{
    NEED_SERVER();
    counts_sql("CREATE TABLE going AS SELECT 1");
    assert_good(counts_dump_while(
        "LOCK TABLE t; CREATE TABLE coming AS SELECT generate_series(1, 11); DROP TABLE going", NULL));
    assert_int_equal(counts_number_of("table", "public.coming"), 11);
    assert_int_equal(counts_number_of("table", "public.going"), -2);
    assert_good(counts_dump_while(
        "LOCK TABLE t; ALTER TABLE coming RENAME TO \"Gone\"; CREATE TABLE coming (a int)", NULL));
    assert_non_null(strstr(test.log, "tables were made or dropped"));
    assert_int_equal(counts_number_of("table", "public.coming"), 0);
    assert_int_equal(counts_number_of("table", "public.\"Gone\""), 11);
    counts_sql("DROP TABLE coming, \"Gone\"");
}

/* FAULTS 14 */
static void test_locked_table_is_named(void **state)
{
    NEED_SERVER();
    struct pgd_config config = counts_config("postgres");
    PGconn *other = counts_session();
    char pid[32];
    snprintf(pid, sizeof pid, "server process %d", PQbackendPID(other));
    counts_say(other, "BEGIN; LOCK TABLE app.logs");
    config.lock_timeout.ms = 300;
    assert_int_equal(counts_dump(&config), KIST_ERR_TIMEOUT);
    assert_non_null(strstr(test.err.message, "table app.logs is locked by"));
    assert_non_null(strstr(test.err.message, pid));
    assert_non_null(strstr(test.err.hint, "lock_timeout"));
    PQfinish(other);
}

/* FAULTS 15 */
static void test_hidden_rows_are_an_error(void **state)
{
    NEED_SERVER();
    struct pgd_config config = counts_config("half_blind");
    counts_sql(
        "CREATE ROLE half_blind LOGIN IN ROLE pg_read_all_data; CREATE TABLE secrets AS SELECT generate_series(1, "
        "9) a; "
        "ALTER TABLE secrets ENABLE ROW LEVEL SECURITY; CREATE POLICY few ON secrets USING (a < 3)");
    assert_int_equal(counts_dump(&config), KIST_ERR_AUTH);
    assert_non_null(strstr(test.err.message, "public.secrets"));
    assert_non_null(strstr(test.err.hint, "BYPASSRLS"));
    config = counts_config("postgres");
    assert_good(counts_dump(&config));
    assert_int_equal(counts_number_of("table", "public.secrets"), 9);
    counts_sql("DROP TABLE secrets");
}

static void test_unreadable_table_is_named(void **state)
{
    NEED_SERVER();
    struct pgd_config config = counts_config("stranger");
    counts_sql("CREATE ROLE stranger LOGIN");
    assert_int_equal(counts_dump(&config), KIST_ERR_AUTH);
    assert_non_null(strstr(test.err.message, "permission denied for"));
    assert_non_null(strstr(test.err.hint, "pg_read_all_data"));
}

/* FAULTS 16, for what extra_args leaves out. */
static void test_excluded_data_must_match(void **state)
{
    NEED_SERVER();
    static const char *const typo[] = {"--exclude-table-data=log"}, *const begun[] = {
                                                                        "--exclude-table-d=app.logs"};
    struct pgd_config config = counts_config("postgres");
    config.extra_args = (kist_list){typo, 1};
    assert_int_equal(counts_dump(&config), KIST_ERR_CONFIG);
    assert_non_null(strstr(test.err.message, "'log' matches nothing"));
    config.extra_args = (kist_list){begun, 1};
    assert_good(counts_dump(&config));
    assert_int_equal(counts_number_of("table", "app.logs"), -1);
}

static void test_unknown_arguments_are_told(void **state)
{
    NEED_SERVER();
    static const char *const arguments[] = {"--section=data"};
    struct pgd_config config = counts_config("postgres");
    config.extra_args = (kist_list){arguments, 1};
    assert_good(counts_dump(&config));
    assert_int_equal(counted_count, 0);
    assert_non_null(strstr(test.log, "no rows are counted because of --section=data"));
}

int counts_tests(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_counts_of_everything),
        TEST(test_counts_follow_the_choice),
        TEST(test_estimates_and_none),
        TEST(test_truncate_between_list_and_snapshot),
        TEST(test_tables_come_and_go_between_list_and_snapshot),
        TEST(test_locked_table_is_named),
        TEST(test_hidden_rows_are_an_error),
        TEST(test_unreadable_table_is_named),
        TEST(test_excluded_data_must_match),
        TEST(test_unknown_arguments_are_told),
    };
    int failed = counts_start_server(NULL);
    if (failed)
        return failed;
    failed = cmocka_run_group_tests_name("counts", tests, NULL, NULL) + counts_faults_tests() + recount_tests();
    return counts_stop_server(NULL) ? 1 : failed;
}
