/* restore_guard_test.c - what others left in a database neither runs in our name nor stays with what is restored. */
#include "restore_test.h"

/* The last backup knows nothing of them, so they must not be given to what it brings back. */
static void test_in_place_leaves_no_default_privileges(void **state)
{
    NEED_SERVER();
    struct pgd_config config = restore_shop();
    cluster_sql("shop", "ALTER DEFAULT PRIVILEGES FOR ROLE keeper IN SCHEMA app GRANT SELECT ON TABLES TO maker");
    for (int format = PGD_CUSTOM; format <= PGD_PLAIN; format++) {
        config.format.index = format;
        restore_take_dump(&config);
        assert_int_equal(cluster_sql("shop",
                                     "ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO modest WITH GRANT OPTION; "
                                     "ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO modest; "
                                     "ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO PUBLIC; "
                                     "ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC; "
                                     "ALTER DEFAULT PRIVILEGES FOR ROLE keeper REVOKE ALL ON TABLES FROM keeper; "
                                     "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO PUBLIC"),
                         0);
        struct restore_run run = {.wanted.flags = KIST_RESTORE_CLEAN};
        assert_int_equal(restore_run(&config, &run), 0);
        restore_assert_whole("shop");
        assert_int_equal(restore_count("shop", "pg_default_acl"), 1);
        assert_int_equal(restore_count("shop", "pg_default_acl WHERE defaclnamespace = 'app'::regnamespace"), 1);
        assert_int_equal(restore_count("shop", "pg_class WHERE relacl IS NOT NULL AND oid >= 16384"), 0);
        assert_int_equal(restore_count("shop", "pg_proc WHERE proacl IS NOT NULL AND oid >= 16384"), 0);
    }
    restore_make_shop();
}

/* Whoever may create in public could make an operator that fits our statements better than PostgreSQL's own. */
static void test_operators_of_others_are_not_ours(void **state)
{
    NEED_SERVER();
    static const char *const customers[] = {"app.customers", NULL};
    struct pgd_config config = restore_shop();
    restore_take_dump(&config);
    assert_int_equal(
        cluster_sql("shop",
                    "CREATE FUNCTION trap(oid, regclass) RETURNS bool LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION "
                    "$t$trapped$t$; END'; "
                    "CREATE FUNCTION trap(text, float8) RETURNS text LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION "
                    "$t$trapped$t$; END'; "
                    "CREATE OPERATOR = (LEFTARG = oid, RIGHTARG = regclass, FUNCTION = trap); "
                    "CREATE OPERATOR || (LEFTARG = text, RIGHTARG = float8, FUNCTION = trap); "
                    "UPDATE app.customers SET n = 7"),
        0);
    struct restore_run run = {.wanted = {.flags = KIST_RESTORE_CLEAN, .tables = customers}};
    if (restore_run(&config, &run))
        fail_msg("%s", test.err.message);
    assert_int_equal(restore_count("shop", "app.customers WHERE n = 1"), 100);
    assert_null(strstr(test.log ? test.log : "", "trapped"));
    run.wanted = (struct kist_restore){.flags = KIST_RESTORE_CLEAN, .target = config.url.reveal};
    if (restore_run(&config, &run))
        fail_msg("%s", test.err.message);
    assert_int_equal(run.place_flags, KIST_PLACE_SOURCE);
    restore_assert_whole("shop");
    restore_make_shop();
}

/* Until it is swapped in, too, and from its first moment on. */
static void test_beside_lets_nobody_else_in(void **state)
{
    NEED_SERVER();
    struct pgd_config config = restore_shop();
    restore_take_dump(&config);
    for (int closed = 0; closed < 2; closed++) {
        if (closed)
            assert_int_equal(cluster_sql("postgres", "REVOKE CONNECT ON DATABASE shop FROM PUBLIC; GRANT CONNECT "
                                                     "ON DATABASE shop TO maker"),
                             0);
        struct restore_run run = {.wanted.flags = KIST_RESTORE_BESIDE};
        assert_int_equal(restore_run(&config, &run), 0);
        restore_assert_whole(run.fresh);
        assert_int_equal(restore_count("postgres", "pg_database d WHERE datname LIKE 'shop\\_restore%' AND "
                                                   "datallowconn AND has_database_privilege('maker', d.oid, "
                                                   "'CONNECT')"),
                         1);
        assert_int_equal(restore_count("postgres", "pg_database d WHERE datname LIKE 'shop\\_restore%' AND "
                                                   "has_database_privilege('modest', d.oid, 'CONNECT')"),
                         !closed);
        restore_drop(run.fresh);
    }
    restore_make_shop();
}

/* A kill before the mark leaves one that takes no connections: it is told, and never swapped in. */
static void test_half_made_is_told(void **state)
{
    NEED_SERVER();
    struct pgd_config config = restore_shop();
    restore_take_dump(&config);
    assert_int_equal(
        cluster_sql("postgres", "CREATE DATABASE shop_restore_20261121_020000 ALLOW_CONNECTIONS false"), 0);
    struct restore_run run = {.wanted = {.mode = KIST_RESTORE_LOOK, .flags = KIST_RESTORE_BESIDE}};
    assert_int_equal(restore_run(&config, &run), 0);
    assert_non_null(strstr(test.log ? test.log : "", "DROP DATABASE shop_restore_20261121_020000 removes it"));
    restore_drop("shop_restore_20261121_020000");
}

int restore_guard_tests(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_in_place_leaves_no_default_privileges),
        TEST(test_operators_of_others_are_not_ours),
        TEST(test_beside_lets_nobody_else_in),
        TEST(test_half_made_is_told),
    };
    return cmocka_run_group_tests_name("restore_guard", tests, restore_start, restore_stop);
}
