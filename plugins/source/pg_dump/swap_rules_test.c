/* swap_rules_test.c - what a swap carries over, refuses and gives up on, and how it names things. */
#include "swap_tools.h"

#include <signal.h>
#include <sys/wait.h>

/* ---- dress ---- */

/* All that is said of a database outside of it, as one number. */
static int dress_of(const char *database)
{
    char sql[1200];
    snprintf(
        sql, sizeof sql,
        "SELECT hashtext(concat(datdba, '|', datconnlimit, '|', (SELECT string_agg(concat(grantee, "
        "privilege_type, "
        "is_grantable), ',' ORDER BY grantee, privilege_type) FROM aclexplode(coalesce(datacl, acldefault('d', "
        "datdba)))), '|', datacl IS NULL, '|', shobj_description(oid, 'pg_database'), '|', (SELECT "
        "string_agg(concat(setrole, setconfig), ',' ORDER BY setrole) FROM pg_db_role_setting WHERE "
        "setdatabase = d.oid))) / 2 + 1073741824 FROM pg_database d WHERE datname = '%s'",
        database);
    int dress = cluster_sql("postgres", sql);
    assert_true(dress > 0);
    return dress;
}

static void test_dresses_like_the_live_one(void **state)
{
    static const char *const sql[] = {
        "DROP ROLE IF EXISTS keeper",
        "DROP ROLE IF EXISTS \"Odd \"\"Role\"",
        "CREATE ROLE keeper LOGIN CREATEDB",
        "CREATE ROLE \"Odd \"\"Role\" LOGIN",
        "ALTER DATABASE shop OWNER TO keeper",
        "ALTER DATABASE shop CONNECTION LIMIT 77",
        "REVOKE CONNECT ON DATABASE shop FROM PUBLIC",
        "GRANT CONNECT ON DATABASE shop TO \"Odd \"\"Role\" WITH GRANT OPTION",
        "REVOKE TEMP ON DATABASE shop FROM PUBLIC",
        "ALTER DATABASE shop SET search_path = \"$user\", \"Mixed, Case\", public, \"with \"\"quote\"",
        "ALTER DATABASE shop SET temp_tablespaces = ''",
        "ALTER DATABASE shop SET app.tenant = 'it''s \\ \"7\"'",
        "ALTER DATABASE shop SET \"TimeZone\" = 'Europe/Berlin'",
        "ALTER DATABASE shop SET DateStyle = 'ISO, DMY'",
        "ALTER ROLE \"Odd \"\"Role\" IN DATABASE shop SET work_mem = '7MB'",
        "ALTER DATABASE shop_restore_20261121_020000 SET enable_sort = off",
        "COMMENT ON DATABASE shop IS 'the shop''s \\ \"database\"'"};
    NEED_SERVER();
    make_both();
    assert_int_equal(dress_of("shop"),
                     dress_of("shop_restore_20261121_020000")); /* plain ones, NULL grants and all */
    int plain = dress_of("shop_restore_20261121_020000");
    for (size_t i = 0; i < sizeof sql / sizeof *sql; i++)
        run_sql("postgres", sql[i]);
    int dressed = dress_of("shop");
    assert_int_not_equal(dressed, plain);
    int before = dress_of("shop_restore_20261121_020000");
    assert_int_equal(swap_as("postgres", "shop_restore_20261121_020000", KIST_SWAP_LOOK), 0);
    assert_int_equal(dress_of("shop_restore_20261121_020000"), before); /* a look takes it back */
    if (swap_as("postgres", "shop_restore_20261121_020000", 0))
        fail_msg("%s", test.err.message);
    assert_int_equal(dress_of("shop"), dressed);
    assert_int_equal(dress_of(given_kept), dressed);
    assert_int_equal(generation_of("shop"), 2);
}

/* An owner who is no superuser, and a setting that only a superuser may give. */
static void test_swaps_as_owner(void **state)
{
    NEED_SERVER();
    make_both();
    run_sql("postgres", "DROP ROLE IF EXISTS keeper");
    run_sql("postgres", "CREATE ROLE keeper LOGIN");
    run_sql("postgres", "CREATE ROLE other_client LOGIN");
    run_sql("postgres", "ALTER DATABASE shop OWNER TO keeper");
    assert_int_equal(swap_as("keeper", "shop_restore_20261121_020000", KIST_SWAP_LOOK), KIST_ERR_REFUSED);
    assert_non_null(strstr(test.err.hint, "CREATEDB"));
    run_sql("postgres", "ALTER ROLE keeper CREATEDB");
    assert_int_equal(swap_as("keeper", "shop_restore_20261121_020000", 0),
                     KIST_ERR_REFUSED); /* not its database */
    run_sql("postgres", "ALTER DATABASE shop_restore_20261121_020000 OWNER TO keeper");
    PGconn *client = connect_to("shop", "other_client");
    assert_int_equal(swap_as("keeper", "shop_restore_20261121_020000", 0), KIST_ERR_REFUSED);
    assert_non_null(strstr(test.err.hint, "pg_signal_backend"));
    run_sql("postgres", "GRANT pg_signal_backend TO keeper");
    run_sql("postgres", "ALTER DATABASE shop SET log_statement = 'none'");
    assert_int_equal(swap_as("keeper", "shop_restore_20261121_020000", KIST_SWAP_LOOK), KIST_ERR_REFUSED);
    assert_non_null(strstr(test.err.message, "log_statement"));
    assert_untouched();
    run_sql("postgres", "ALTER DATABASE shop RESET log_statement");
    PGconn *mighty = connect_to("shop", "postgres");
    assert_int_equal(swap_as("keeper", "shop_restore_20261121_020000", 0), KIST_ERR_REFUSED);
    PQfinish(mighty);
    for (int i = 0;
         i < 100 && cluster_sql("postgres", "SELECT count(*) FROM pg_stat_activity WHERE datname = 'shop'") > 1;
         i++)
        usleep(10000);
    if (swap_as("keeper", "shop_restore_20261121_020000", 0))
        fail_msg("%s", test.err.message);
    assert_int_equal(given_ended, 1);
    assert_int_equal(generation_of("shop"), 2);
    PQfinish(client);
    run_sql("postgres", "DROP ROLE other_client");
}

/* ---- refusals ---- */

static void refused(const char *make, const char *in, const char *words, const char *unmake)
{
    run_sql(in, make);
    assert_int_equal(swap_as("postgres", "shop_restore_20261121_020000", KIST_SWAP_LOOK), KIST_ERR_REFUSED);
    assert_int_equal(swap_as("postgres", "shop_restore_20261121_020000", 0), KIST_ERR_REFUSED);
    if (!strstr(test.err.message, words))
        fail_msg("%s", test.err.message);
    assert_non_null(test.err.hint);
    run_sql(in, unmake);
    assert_untouched();
}

static void test_refuses_what_would_lose(void **state)
{
    NEED_SERVER();
    make_both();
    refused("ALTER DATABASE shop IS_TEMPLATE true", "postgres", "is a template",
            "ALTER DATABASE shop IS_TEMPLATE false");
    refused("ALTER DATABASE shop ALLOW_CONNECTIONS false", "postgres", "takes no connections",
            "ALTER DATABASE shop ALLOW_CONNECTIONS true");
    refused("ALTER DATABASE shop_restore_20261121_020000 ALLOW_CONNECTIONS false", "postgres",
            "as a restore leaves it that was killed",
            "ALTER DATABASE shop_restore_20261121_020000 ALLOW_CONNECTIONS true");
    refused("BEGIN; CREATE TABLE t (); PREPARE TRANSACTION 'half'", "shop", "prepared transaction 'half'",
            "ROLLBACK PREPARED 'half'");
    refused("SELECT pg_create_logical_replication_slot('reader', 'pgoutput')", "shop",
            "logical replication slot 'reader'", "SELECT pg_drop_replication_slot('reader')");
    refused("CREATE SUBSCRIPTION follows CONNECTION 'dbname=nowhere' PUBLICATION p WITH (connect = false)", "shop",
            "subscription 'follows'",
            "ALTER SUBSCRIPTION follows SET (slot_name = NONE); DROP SUBSCRIPTION follows");
    refused("COMMENT ON DATABASE shop_restore_20261121_020000 IS 'kist: a restore into this database has not "
            "finished'",
            "postgres", "database 'shop_restore_20261121_020000' holds a restore that has not finished",
            "COMMENT ON DATABASE shop_restore_20261121_020000 IS NULL");
    assert_int_equal(swap_as("postgres", "shop", 0), KIST_ERR_REFUSED);
    assert_int_equal(swap_as("postgres", "shop_restore_20200101_000000", 0), KIST_ERR_NOT_FOUND);
    assert_int_equal(swap_as("postgres", "shop_restore_20200101_000000", KIST_SWAP_LOOK),
                     0); /* still to be made */
    static const char *const names[] = {"postgres",
                                        "shop_restore_2020",
                                        "shops_restore_20200101_000000",
                                        "sho_restore_20200101_000000",
                                        "shop_restore_20200101_000000_",
                                        "shop_restore_20200101_000000_x",
                                        "_restore_20200101_000000"};
    run_sql("postgres", "CREATE DATABASE shops_restore_20200101_000000");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) /* what no restore of it made */
        if (swap_as("postgres", names[i], 0) == 0)
            fail_msg("%s", names[i]);
    run_sql("postgres", "DROP DATABASE shops_restore_20200101_000000");
    assert_untouched();
}

/* A session that cannot be ended (its process is stopped) is waited for, and then nothing has changed. */
static void test_gives_up_on_a_session_that_stays(void **state)
{
    NEED_SERVER();
    make_both();
    PGconn *client = connect_to("shop", "postgres");
    pid_t pid = PQbackendPID(client);
    assert_int_equal(kill(pid, SIGSTOP), 0);
    long began = now_us();
    int code = swap_as("postgres", "shop_restore_20261121_020000", 0);
    long took = (now_us() - began) / 1000;
    kill(pid, SIGCONT);
    PQfinish(client);
    assert_int_not_equal(code, 0);
    assert_non_null(strstr(test.err.message, "being accessed by other users"));
    assert_non_null(strstr(test.err.hint, "'shop' is as it was, and 'shop_restore_20261121_020000' is kept"));
    assert_true(took < 9000);
    await_quiet();
    assert_untouched();
    assert_int_equal(swap_as("postgres", "shop_restore_20261121_020000", 0), 0); /* and later it works */
    assert_int_equal(generation_of("shop"), 2);
}

/* The session that renames is ended, or its process killed, which makes the whole server start anew: the outcome is told
 * as it is. */
static void lose_the_renaming_session(int by_signal)
{
    PGconn *client = connect_to("shop", "postgres");
    kill(PQbackendPID(client), SIGSTOP); /* so that the renames wait */
    int told[2];
    assert_int_equal(pipe(told), 0);
    pid_t pid = fork();
    if (pid == 0) {
        int code = swap_as("postgres", "shop_restore_20261121_020000", 0);
        char words[512] = "";
        snprintf(words, sizeof words, "%d %s %s", code, code ? test.err.message : "",
                 test.err.hint ? test.err.hint : "");
        _exit(write(told[1], words, sizeof words) == sizeof words ? 0 : 1);
    }
    int backend = 0;
    for (int i = 0; i < 500 && backend <= 0; i++) {
        backend = cluster_sql("postgres",
                              "SELECT pid FROM pg_stat_activity WHERE query LIKE 'BEGIN; ALTER DATABASE%' AND "
                              "state = 'active' AND application_name = 'kist'");
        usleep(2000);
    }
    assert_true(backend > 0);
    char sql[100];
    snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%d)", backend);
    if (by_signal)
        kill(backend, SIGKILL);
    else
        run_sql("postgres", sql);
    kill(PQbackendPID(client), SIGCONT);
    char words[512] = "";
    assert_int_equal(read(told[0], words, sizeof words), sizeof words);
    close(told[0]);
    close(told[1]);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    PQfinish(client);
    if (!strstr(words, "'shop' is as it was"))
        fail_msg("%s", words);
    assert_untouched();
}

static void test_tells_the_outcome_when_the_session_is_lost(void **state)
{
    NEED_SERVER();
    make_both();
    lose_the_renaming_session(0);
    lose_the_renaming_session(1);
}

/* ---- names ---- */

static void test_long_names(void **state)
{
    NEED_SERVER();
    make_both();
    /* 63 bytes, with a character across the place where it is cut. */
    static const char name[] =
        "shop_abcdefghijklmnopqrstuvwxyz_012\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4_0123456789_abcdefgh";
    char sql[256];
    assert_int_equal(strlen(name), 63);
    snprintf(sql, sizeof sql, "ALTER DATABASE shop RENAME TO \"%s\"", name);
    run_sql("postgres", sql);
    struct pgd_config config = config_as("postgres", "postgres");
    /* As a restore names it: cut, but not in the midst of a character. */
    static const char made[] = "shop_abcdefghijklmnopqrstuvwxyz_012\xc3\xa4_restore_20261121_020000";
    snprintf(sql, sizeof sql, "ALTER DATABASE shop_restore_20261121_020000 RENAME TO \"%s\"", made);
    run_sql("postgres", sql);
    if (swap_with(&config, name, made, 0))
        fail_msg("%s", test.err.message);
    assert_true(strlen(given_kept) <= 63);
    assert_int_equal(generation_of(name), 2);
    assert_int_equal(generation_of(given_kept), 1);
    assert_int_equal(swap_with(&config, name, NULL, KIST_SWAP_UNDO), 0);
    assert_int_equal(generation_of(name), 1);
}

/* Of several that were put aside, the newest comes back; what only looks like one does not. */
static void test_brings_back_the_newest(void **state)
{
    NEED_SERVER();
    make_both();
    run_sql("postgres", "CREATE DATABASE shop_before_20200101_000000 TEMPLATE shop_restore_20261121_020000");
    run_sql("postgres", "CREATE DATABASE shop_before_20200102_000000");
    run_sql("postgres", "CREATE DATABASE shop_before_20200102_000000_2");
    run_sql("postgres", "CREATE DATABASE shop_before_99999999_999999_x");
    run_sql("postgres", "CREATE DATABASE shop_beforeX20250101_000000");
    assert_int_equal(swap_as("postgres", NULL, KIST_SWAP_UNDO | KIST_SWAP_LOOK), 0);
    assert_string_equal(given_from, "shop_before_20200102_000000_2");
    run_sql("postgres", "DROP DATABASE shop_before_20200102_000000_2");
    run_sql("postgres", "DROP DATABASE shop_before_20200102_000000");
    assert_int_equal(swap_as("postgres", NULL, KIST_SWAP_UNDO), 0);
    assert_int_equal(generation_of("shop"), 2);
}

/* What a swap back put aside may come again: a person is told so. */
static void test_undone_can_be_swapped_in(void **state)
{
    char undone[128];
    NEED_SERVER();
    make_both();
    assert_int_equal(swap_as("postgres", "shop_restore_20261121_020000", 0), 0);
    assert_int_equal(swap_as("postgres", NULL, KIST_SWAP_UNDO), 0);
    assert_int_equal(generation_of("shop"), 1);
    snprintf(undone, sizeof undone, "%s", given_kept);
    if (swap_as("postgres", undone, 0))
        fail_msg("%s", test.err.message);
    assert_int_equal(generation_of("shop"), 2);
}

/* Only sessions of the two are ended, whatever operators somebody made in the database that we work from. */
static void test_ends_nobody_else(void **state)
{
    NEED_SERVER();
    make_both();
    run_sql("postgres", "CREATE FUNCTION trap(oid, int) RETURNS bool LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION "
                        "$t$trapped$t$; END'");
    run_sql("postgres", "CREATE OPERATOR <> (LEFTARG = oid, RIGHTARG = int, FUNCTION = trap)");
    PGconn *client = connect_to("shop", "postgres"), *other = connect_to("template1", "postgres");
    int code = swap_as("postgres", "shop_restore_20261121_020000", 0);
    run_sql("postgres", "DROP FUNCTION trap CASCADE");
    if (code)
        fail_msg("%s", test.err.message);
    assert_int_equal(given_ended, 1);
    PGresult *result = PQexec(other, "SELECT 1");
    assert_int_equal(PQresultStatus(result), PGRES_TUPLES_OK);
    PQclear(result);
    PQfinish(client);
    PQfinish(other);
    assert_int_equal(generation_of("shop"), 2);
}

int swap_rules_tests(void)
{
    const struct CMUnitTest tests[] = {TEST(test_dresses_like_the_live_one),
                                       TEST(test_swaps_as_owner),
                                       TEST(test_refuses_what_would_lose),
                                       TEST(test_gives_up_on_a_session_that_stays),
                                       TEST(test_tells_the_outcome_when_the_session_is_lost),
                                       TEST(test_long_names),
                                       TEST(test_brings_back_the_newest),
                                       TEST(test_undone_can_be_swapped_in),
                                       TEST(test_ends_nobody_else)};
    return cmocka_run_group_tests_name("swap_rules", tests, NULL, NULL);
}
