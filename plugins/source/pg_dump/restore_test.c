/* restore_test.c - beside, and in place: on a real server. Skipped without one. */
#include "restore_test.h"

#include <signal.h>
#include <sys/wait.h>

/* ---- beside ---- */

static void test_beside_leaves_the_living_one(void **state)
{
    NEED_SERVER();
    struct pgd_config config = restore_shop();
    restore_take_dump(&config);
    cluster_sql("shop", "DELETE FROM app.orders WHERE id <= 5000");
    struct restore_run run = {.wanted.flags = KIST_RESTORE_BESIDE};
    assert_int_equal(restore_run(&config, &run), 0);
    assert_int_equal(run.place_flags, KIST_PLACE_SOURCE);
    assert_string_equal(run.name, "shop");
    assert_int_equal(strncmp(run.fresh, "shop_restore_20", 15), 0);
    assert_int_equal(strlen(run.fresh), strlen("shop_restore_20261121_020000"));
    assert_non_null(strstr(run.holds, "4 tables") ? run.holds : strstr(run.holds, "3 tables"));
    assert_non_null(strstr(run.holds, "15,"));
    assert_non_null(strstr(run.look, run.fresh));
    restore_assert_whole(run.fresh);
    assert_int_equal(restore_count("shop", "app.orders"), 15000);
    /* As the living one, down to its owner; and no mark of an unfinished restore. */
    assert_int_equal(
        restore_count("postgres",
                      "pg_database a JOIN pg_database b USING (encoding, datcollate, datctype, datdba) "
                      "WHERE a.datname = 'shop' AND b.datname LIKE 'shop\\_restore%'"),
        1);
    assert_int_equal(restore_count("postgres", "pg_shdescription WHERE description LIKE 'kist%'"), 0);
    restore_drop(run.fresh);
    restore_make_shop();
}

static void test_beside_with_an_empty_or_missing_target(void **state)
{
    NEED_SERVER();
    struct pgd_config config = restore_shop();
    restore_take_dump(&config);
    cluster_sql("postgres", "CREATE DATABASE bare");
    struct restore_run run = {.wanted = {.flags = KIST_RESTORE_BESIDE, .target = "bare"}};
    assert_int_equal(restore_run(&config, &run), 0);
    assert_string_equal(run.fresh, "");
    assert_string_equal(run.holds, "");
    assert_int_equal(run.place_flags, 0);
    restore_assert_whole("bare");
    run.wanted.target = "no_such";
    assert_int_equal(restore_run(&config, &run), KIST_ERR_NOT_FOUND);
    run.wanted.flags |= KIST_RESTORE_CREATE;
    run.wanted.mode = KIST_RESTORE_LOOK;
    assert_int_equal(restore_run(&config, &run), 0);
    assert_int_equal(run.place_flags, KIST_PLACE_MISSING);
    assert_int_equal(restore_databases_like("no_such"), 0);
    restore_drop("bare");
}

static void test_beside_goes_when_it_is_not_whole(void **state)
{
    NEED_SERVER();
    struct pgd_config config = restore_shop();
    restore_take_dump(&config);
    struct restore_run run = {.wanted.flags = KIST_RESTORE_BESIDE, .size = restore_dump.size / 2};
    assert_int_equal(restore_run(&config, &run), KIST_ERR_CORRUPT);
    assert_int_equal(restore_databases_like("shop\\_restore%"), 0);
    run = (struct restore_run){.wanted.flags = KIST_RESTORE_BESIDE, .judged = KIST_ERR_CORRUPT};
    assert_int_equal(restore_run(&config, &run), 0);
    assert_int_equal(restore_databases_like("shop\\_restore%"), 0);
    restore_assert_whole("shop");
}

static void test_beside_needs_the_right(void **state)
{
    NEED_SERVER();
    struct pgd_config config = restore_shop();
    restore_take_dump(&config);
    config = restore_config_as("modest", "shop");
    struct restore_run run = {.wanted.flags = KIST_RESTORE_BESIDE};
    assert_int_equal(restore_run(&config, &run), KIST_ERR_REFUSED);
    assert_non_null(strstr(test.err.hint, "--in-place"));
    assert_non_null(strstr(test.err.hint, "CREATEDB"));
}

static void test_names_fit(void **state)
{
    NEED_SERVER();
    static const char target[] =
        "ein_sehr_langer_name_mit_Umlaut_\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4";
    struct pgd_config config = restore_shop();
    char sql[200];
    restore_take_dump(&config);
    snprintf(sql, sizeof sql, "CREATE DATABASE \"%s\"", target);
    assert_int_equal(cluster_sql("postgres", sql), 0);
    assert_int_equal(cluster_sql(target, "CREATE TABLE t (a int)"), 0);
    struct restore_run run = {.wanted = {.flags = KIST_RESTORE_BESIDE, .target = target}};
    struct restore_run again = run;
    assert_int_equal(restore_run(&config, &run), 0);
    assert_int_equal(restore_run(&config, &again), 0);
    assert_true(strlen(run.fresh) <= 63 && strlen(run.fresh) > 50);
    assert_string_not_equal(run.fresh, again.fresh);
    restore_assert_whole(run.fresh);
    restore_drop(run.fresh);
    restore_drop(again.fresh);
    restore_drop(target);
}

/* ---- in place ---- */

/* What the backup does not have must be gone, too. */
static void put_more(const char *database)
{
    assert_int_equal(
        cluster_sql(database, "CREATE SCHEMA later; CREATE TABLE later.more (a int); CREATE TABLE extra (a int); "
                              "CREATE PUBLICATION news FOR TABLE extra; SELECT lo_from_bytea(4712, 'more'); "
                              "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; "
                              "CREATE CAST (bigint AS point) WITH INOUT; DROP VIEW app.busy; "
                              "CREATE FUNCTION ev() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; "
                              "CREATE EVENT TRIGGER ev ON ddl_command_end EXECUTE FUNCTION ev(); "
                              "UPDATE app.customers SET n = 7"),
        0);
}

static int more_of(const char *database)
{
    return restore_count(database, "pg_namespace WHERE nspname = 'later'") +
           restore_count(database, "pg_publication") +
           restore_count(database, "pg_class WHERE relname IN ('extra', 'more')") +
           restore_count(database, "pg_largeobject_metadata WHERE oid = 4712") +
           restore_count(database, "pg_foreign_data_wrapper") + restore_count(database, "pg_foreign_server") +
           restore_count(database, "pg_event_trigger") + restore_count(database, "pg_cast WHERE oid >= 16384");
}

static void test_in_place_replaces_everything(void **state)
{
    NEED_SERVER();
    struct pgd_config config = restore_shop();
    for (int format = PGD_CUSTOM; format <= PGD_PLAIN; format++) {
        config.format.index = format;
        restore_take_dump(&config);
        put_more("shop");
        assert_int_equal(more_of("shop"), 9);
        struct restore_run run = {.wanted.flags = KIST_RESTORE_CLEAN};
        assert_int_equal(restore_run(&config, &run), 0);
        assert_string_equal(run.fresh, "");
        restore_assert_whole("shop");
        assert_int_equal(more_of("shop"), 0);
        assert_int_equal(restore_count("shop", "app.customers WHERE n = 7"), 0);
        assert_int_equal(restore_count("shop", "pg_namespace n WHERE nspname = 'public' AND "
                                               "nspowner = 'pg_database_owner'::regrole AND "
                                               "has_schema_privilege('modest', 'public', 'USAGE')"),
                         1);
    }
}

/* Fault 97 */
static void test_in_place_fails_without_a_trace(void **state)
{
    NEED_SERVER();
    struct pgd_config config = restore_shop();
    for (int format = PGD_CUSTOM; format <= PGD_PLAIN; format++) {
        config.format.index = format;
        restore_take_dump(&config);
        put_more("shop");
        struct restore_run run = {.wanted.flags = KIST_RESTORE_CLEAN, .size = restore_dump.size / 2};
        assert_int_equal(restore_run(&config, &run), KIST_ERR_CORRUPT);
        run.size = restore_dump.size - 2;
        assert_int_equal(restore_run(&config, &run), KIST_ERR_CORRUPT);
        assert_int_equal(more_of("shop"), 9);
        assert_int_equal(restore_count("shop", "app.customers WHERE n = 7"), 100);
        restore_make_shop();
    }
}

/* The large objects come before the last statement, and a plain dump commits them by itself. */
static void test_in_place_plain_with_a_late_failure(void **state)
{
    NEED_SERVER();
    struct pgd_config config = restore_shop();
    config.format.index = PGD_PLAIN;
    cluster_sql("postgres", "CREATE ROLE passing");
    cluster_sql("shop", "GRANT SELECT ON part TO passing");
    restore_take_dump(&config);
    cluster_sql("shop", "REVOKE ALL ON part FROM passing");
    cluster_sql("postgres", "DROP ROLE passing");
    put_more("shop");
    struct restore_run run = {.wanted.flags = KIST_RESTORE_CLEAN};
    assert_int_equal(restore_run(&config, &run), KIST_ERR_FAILED);
    assert_non_null(strstr(test.err.message, "role \"passing\" does not exist"));
    assert_int_equal(more_of("shop"), 9);
    assert_int_equal(restore_count("shop", "app.customers WHERE n = 7"), 100);
    restore_make_shop();
}

/* Killed like the whole of kist would be: the child gets no word. */
static void test_in_place_killed(void **state)
{
    NEED_SERVER();
    struct pgd_config config = restore_shop();
    restore_take_dump(&config);
    put_more("shop");
    for (size_t part = 1; part < 4; part++) {
        pid_t pid = fork();
        if (pid == 0) {
            struct kist_restore wanted = {
                .struct_size = sizeof wanted, .mode = KIST_RESTORE_APPLY, .flags = KIST_RESTORE_CLEAN};
            struct kist_item item = {.struct_size = sizeof item, .name = "x", .format = "custom"};
            void *self = NULL, *work = NULL, *writer = NULL;
            if (kist_plugin.open(&test.host, &config, &self, &test.err) == 0 &&
                kist_plugin.restore_begin(self, &wanted, &work, &test.err) == 0 &&
                kist_plugin.write_begin(work, &item, &writer, &test.err) == 0 &&
                kist_plugin.write(writer, restore_dump.data, restore_dump.size * part / 4, &test.err) == 0)
                raise(SIGKILL);
            _exit(1);
        }
        int status = 0;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        for (int i = 0; i < 500 && cluster_sql("postgres",
                                               "SELECT count(*) FROM pg_stat_activity WHERE datname = 'shop'") > 0;
             i++)
            usleep(10000);
        assert_int_equal(more_of("shop"), 9);
        assert_int_equal(restore_count("shop", "app.customers WHERE n = 7"), 100);
    }
    restore_make_shop();
}

static void test_in_place_refuses_subscriptions(void **state)
{
    NEED_SERVER();
    struct pgd_config config = restore_shop();
    restore_take_dump(&config);
    cluster_sql("shop", "CREATE SUBSCRIPTION s CONNECTION 'dbname=none' PUBLICATION p WITH (connect = false)");
    struct restore_run run = {.wanted.flags = KIST_RESTORE_CLEAN};
    assert_int_equal(restore_run(&config, &run), KIST_ERR_REFUSED);
    cluster_sql("shop", "ALTER SUBSCRIPTION s SET (slot_name = NONE)");
    assert_int_equal(cluster_sql("shop", "DROP SUBSCRIPTION s"), 0);
    restore_assert_whole("shop");
}

/* Not a superuser, but the owner: with the schema public of his own, and with one that belongs to the server's
 * owner. */
static void test_in_place_as_the_owner(void **state)
{
    NEED_SERVER();
    static const char *const publics[] = {"pg_database_owner", "postgres"};
    for (size_t i = 0; i < 2; i++) {
        char sql[200];
        assert_int_equal(cluster_sql("postgres", "CREATE DATABASE small OWNER maker"), 0);
        struct pgd_config config = restore_config_as("maker", "small");
        snprintf(sql, sizeof sql, "ALTER SCHEMA public OWNER TO %s; GRANT ALL ON SCHEMA public TO maker",
                 publics[i]);
        assert_int_equal(cluster_sql("small", sql), 0);
        assert_int_equal(cluster_sql("small",
                                     "SET ROLE maker; CREATE TABLE t AS SELECT 1 AS a; CREATE SCHEMA own; "
                                     "CREATE TABLE own.t AS SELECT 2 AS a"),
                         0);
        restore_take_dump(&config);
        assert_int_equal(
            cluster_sql("small", "SET ROLE maker; DELETE FROM t; CREATE TABLE extra (a int); CREATE TYPE e AS "
                                 "ENUM ('a'); CREATE DOMAIN d AS int; CREATE FUNCTION f(int, OUT int) LANGUAGE "
                                 "sql AS 'SELECT 1'; CREATE COLLATION c FROM \"C\"; CREATE VIEW v AS SELECT * "
                                 "FROM extra; CREATE AGGREGATE agg (int) (SFUNC = int4pl, STYPE = int); "
                                 "CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq)"),
            0);
        struct restore_run run = {.wanted.flags = KIST_RESTORE_CLEAN};
        assert_int_equal(restore_run(&config, &run), 0);
        assert_int_equal(restore_count("small", "t") + restore_count("small", "own.t"), 2);
        assert_int_equal(restore_count("small", "pg_class WHERE relname IN ('extra', 'v')"), 0);
        assert_int_equal(restore_count("small", "pg_type t WHERE typnamespace = 'public'::regnamespace"), 2);
        assert_int_equal(restore_count("small", "pg_proc WHERE pronamespace = 'public'::regnamespace"), 0);
        assert_int_equal(restore_count("small", "pg_operator WHERE oprnamespace = 'public'::regnamespace"), 0);
        restore_drop("small");
    }
}

static void write_half_and_die(const struct pgd_config *config)
{
    struct kist_restore wanted = {
        .struct_size = sizeof wanted, .mode = KIST_RESTORE_APPLY, .flags = KIST_RESTORE_BESIDE};
    struct kist_item item = {.struct_size = sizeof item, .name = "x", .format = "custom"};
    void *self = NULL, *work = NULL, *writer = NULL;
    if (kist_plugin.open(&test.host, config, &self, &test.err) == 0 &&
        kist_plugin.restore_begin(self, &wanted, &work, &test.err) == 0 &&
        kist_plugin.write_begin(work, &item, &writer, &test.err) == 0 &&
        kist_plugin.write(writer, restore_dump.data, restore_dump.size / 2, &test.err) == 0)
        raise(SIGKILL);
    _exit(1);
}

/* Killed for good: the next restore names what was left behind. */
static void test_beside_killed(void **state)
{
    NEED_SERVER();
    struct pgd_config config = restore_shop();
    int status = 0;
    restore_take_dump(&config);
    pid_t pid = fork();
    if (pid == 0)
        write_half_and_die(&config);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    restore_assert_whole("shop");
    assert_int_equal(restore_databases_like("shop\\_restore%"), 1);
    for (int i = 0; i < 500 && restore_count("postgres", "pg_stat_activity WHERE datname LIKE 'shop%'") > 0; i++)
        usleep(10000);
    struct restore_run run = {.wanted = {.mode = KIST_RESTORE_LOOK, .flags = KIST_RESTORE_BESIDE}};
    assert_int_equal(restore_run(&config, &run), 0);
    const char *named = strstr(test.log ? test.log : "", "DROP DATABASE shop_restore_");
    assert_non_null(named);
    char sql[100];
    snprintf(sql, sizeof sql, "%.*s", (int)strcspn(named + 14, " "), named + 14);
    restore_drop(sql);
}

int restore_tests(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_beside_leaves_the_living_one),
        TEST(test_beside_with_an_empty_or_missing_target),
        TEST(test_beside_goes_when_it_is_not_whole),
        TEST(test_beside_needs_the_right),
        TEST(test_names_fit),
        TEST(test_in_place_replaces_everything),
        TEST(test_in_place_fails_without_a_trace),
        TEST(test_in_place_plain_with_a_late_failure),
        TEST(test_in_place_killed),
        TEST(test_in_place_as_the_owner),
        TEST(test_beside_killed),
        TEST(test_in_place_refuses_subscriptions),
    };
    return cmocka_run_group_tests_name("restore", tests, restore_start, restore_stop);
}
