/* restore_parts_test.c - some tables or schemas, definitions or data, and under other owners. */
#include "restore_test.h"

/* ---- parts ---- */

static void test_tables_beside(void **state)
{
    NEED_SERVER();
    static const char *const orders[] = {"app.orders", NULL},
                             *const both[] = {"orders", "customers", "part", NULL},
                             *const typo[] = {"app.orders", "app.ordres", NULL};
    struct pgd_config config = restore_shop();
    restore_take_dump(&config);
    struct restore_run run = {.wanted = {.flags = KIST_RESTORE_BESIDE, .tables = orders}};
    assert_int_equal(restore_run(&config, &run), 0);
    assert_int_equal(restore_count(run.fresh, "app.orders"), 20000);
    assert_int_equal(restore_count(run.fresh, "pg_class WHERE relname IN ('customers', 'busy', 'part')"), 0);
    assert_int_equal(restore_count(run.fresh, "pg_constraint WHERE contype = 'f'"), 0);
    assert_non_null(strstr(test.log ? test.log : "", "foreign key 'orders orders_customer_fkey'"));
    assert_int_equal(cluster_sql(run.fresh, "INSERT INTO app.orders (body) VALUES ('next') RETURNING id"), 20001);
    assert_int_equal(restore_count(run.fresh, "pg_description WHERE description = 'of customers'"), 1);
    assert_int_equal(restore_count(run.fresh, "pg_largeobject_metadata"), 0);
    restore_drop(run.fresh);
    run.wanted.tables = both;
    assert_int_equal(restore_run(&config, &run), 0);
    assert_int_equal(restore_count(run.fresh, "pg_constraint WHERE contype = 'f'"), 1);
    assert_int_equal(restore_count(run.fresh, "part"), 2);
    assert_int_equal(restore_count(run.fresh, "pg_trigger WHERE NOT tgisinternal"), 1);
    assert_int_equal(cluster_sql(run.fresh, "INSERT INTO app.customers DEFAULT VALUES RETURNING id"), 101);
    restore_drop(run.fresh);
    run.wanted.tables = typo;
    assert_int_equal(restore_run(&config, &run), KIST_ERR_CONFIG);
    assert_string_equal(test.err.message, "the backup has no table 'app.ordres'");
    assert_int_equal(restore_databases_like("shop\\_restore%"), 0);
}

static void test_schemas_beside(void **state)
{
    NEED_SERVER();
    static const char *const app[] = {"app", NULL}, *const typo[] = {"ap", NULL};
    struct pgd_config config = restore_shop();
    restore_take_dump(&config);
    struct restore_run run = {.wanted = {.flags = KIST_RESTORE_BESIDE, .schemas = app}};
    assert_int_equal(restore_run(&config, &run), 0);
    assert_int_equal(restore_count(run.fresh, "app.orders"), 20000);
    assert_int_equal(restore_count(run.fresh, "app.busy"), 100);
    assert_int_equal(restore_count(run.fresh, "pg_class WHERE relname = 'part'"), 0);
    restore_drop(run.fresh);
    run.wanted.schemas = typo;
    assert_int_equal(restore_run(&config, &run), KIST_ERR_CONFIG);
}

static void test_table_into_the_living_database(void **state)
{
    NEED_SERVER();
    static const char *const customers[] = {"app.customers", NULL}, *const part[] = {"part", NULL},
                             *const low[] = {"part_low", NULL};
    struct pgd_config config = restore_shop();
    restore_take_dump(&config);
    cluster_sql(
        "shop",
        "UPDATE app.customers SET n = 7; CREATE TABLE part_high PARTITION OF part FOR VALUES FROM (10) TO (20); "
        "CREATE VIEW app.wild AS SELECT * FROM app.customers");
    struct restore_run run = {.wanted = {.flags = KIST_RESTORE_CLEAN, .tables = customers}};
    assert_int_equal(restore_run(&config, &run), 0);
    assert_int_equal(restore_count("shop", "app.customers WHERE n = 1"), 100);
    assert_int_equal(restore_count("shop", "pg_constraint WHERE conname = 'orders_customer_fkey' AND confrelid = "
                                           "'app.customers'::regclass AND convalidated"),
                     1);
    assert_int_equal(restore_count("shop",
                                   "pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname LIKE "
                                   "'app\\_before\\_20%' AND relkind IN ('r', 'S')"),
                     2);
    assert_non_null(strstr(test.log ? test.log : "", "view app.wild go on with the old app.customers"));
    assert_non_null(strstr(test.log ? test.log : "", "CASCADE removes it"));
    assert_int_equal(cluster_sql("shop", "INSERT INTO app.customers DEFAULT VALUES RETURNING id"), 101);
    /* A part of a partitioned table is refused, the whole goes with the parts that the backup does not know. */
    run.wanted.tables = low;
    assert_int_equal(restore_run(&config, &run), KIST_ERR_FAILED);
    assert_non_null(strstr(test.err.message, "restore that as a whole"));
    run.wanted.tables = part;
    assert_int_equal(restore_run(&config, &run), 0);
    assert_int_equal(restore_count("shop", "part"), 2);
    assert_int_equal(
        restore_count("shop",
                      "pg_inherits WHERE inhparent = 'part'::regclass AND inhrelid <> 'part_pkey'::regclass"),
        1);
    restore_make_shop();
}

/* An order that came later points to a customer that the backup does not have. */
static void test_foreign_keys_hold_in_the_living_database(void **state)
{
    NEED_SERVER();
    static const char *const customers[] = {"app.customers", NULL};
    struct pgd_config config = restore_shop();
    restore_take_dump(&config);
    cluster_sql("shop",
                "INSERT INTO app.customers (id) VALUES (1000); INSERT INTO app.orders (customer) VALUES (1000)");
    struct restore_run run = {.wanted = {.flags = KIST_RESTORE_CLEAN, .tables = customers}};
    assert_int_equal(restore_run(&config, &run), KIST_ERR_FAILED);
    assert_non_null(strstr(test.err.message, "orders_customer_fkey"));
    assert_non_null(strstr(test.err.hint, "nothing was changed"));
    assert_int_equal(restore_count("shop", "app.customers"), 101);
    assert_int_equal(restore_count("shop", "pg_namespace WHERE nspname LIKE '%before%'"), 0);
    restore_make_shop();
}

static void test_definitions_and_data_apart(void **state)
{
    NEED_SERVER();
    struct pgd_config config = restore_shop();
    restore_take_dump(&config);
    struct restore_run run = {
        .wanted = {.flags = KIST_RESTORE_CREATE | KIST_RESTORE_SCHEMA_ONLY, .target = "apart"}};
    assert_int_equal(restore_run(&config, &run), 0);
    assert_int_equal(restore_count("apart", "app.orders"), 0);
    cluster_sql("apart", "ALTER TABLE app.orders DROP CONSTRAINT orders_customer_fkey");
    run.wanted.flags = KIST_RESTORE_DATA_ONLY;
    assert_int_equal(restore_run(&config, &run), 0);
    assert_int_equal(restore_count("apart", "app.orders"), 20000);
    assert_int_equal(restore_run(&config, &run), KIST_ERR_REFUSED);
    assert_non_null(strstr(test.err.message, "holds rows already"));
    /* One table alone need only be empty itself. */
    static const char *const part[] = {"part", "part_low", NULL};
    cluster_sql("apart", "DELETE FROM part");
    run.wanted.tables = part;
    assert_int_equal(restore_run(&config, &run), 0);
    assert_int_equal(restore_count("apart", "part"), 2);
    assert_int_equal(restore_run(&config, &run), KIST_ERR_REFUSED);
    restore_drop("apart");
}

static void test_owners(void **state)
{
    NEED_SERVER();
    struct pgd_config config = restore_shop();
    cluster_sql("postgres", "CREATE ROLE passing");
    cluster_sql("shop", "ALTER TABLE part OWNER TO passing");
    restore_take_dump(&config);
    cluster_sql("shop", "ALTER TABLE part OWNER TO postgres; DROP ROLE passing");
    struct restore_run run = {.wanted.flags = KIST_RESTORE_BESIDE};
    assert_int_equal(restore_run(&config, &run), KIST_ERR_FAILED);
    assert_non_null(strstr(test.err.hint, "--no-owner"));
    assert_int_equal(restore_databases_like("shop\\_restore%"), 0);
    run.wanted.flags |= KIST_RESTORE_NO_OWNER;
    run.wanted.role = "keeper";
    assert_int_equal(restore_run(&config, &run), 0);
    assert_int_equal(
        restore_count(run.fresh, "pg_class WHERE relname IN ('part', 'orders') AND relowner = 'keeper'::regrole"),
        2);
    restore_drop(run.fresh);
}

/* A long table of contents, and a table after which pg_restore reads no further. */
static void test_the_first_of_many_tables(void **state)
{
    NEED_SERVER();
    static const char *const first[] = {"many.\"a \"\"b\\c\"", NULL}, *const five[] = {"many.t123?", NULL};
    struct pgd_config config = restore_shop();
    assert_int_equal(
        cluster_sql("shop", "CREATE SCHEMA many; CREATE TABLE many.\"a \"\"b\\c\" AS SELECT 1 AS a; "
                            "DO $$ BEGIN FOR i IN 1000..1400 LOOP EXECUTE format('CREATE TABLE many.t%s (a int, "
                            "b text)', i); END LOOP; END $$; INSERT INTO many.t1400 SELECT g, "
                            "md5(g::text) FROM generate_series(1, 200000) g"),
        0);
    restore_take_dump(&config);
    assert_true(restore_dump.size > 4000000);
    struct restore_run run = {.wanted = {.flags = KIST_RESTORE_BESIDE, .tables = first}};
    assert_int_equal(restore_run(&config, &run), 0);
    assert_int_equal(restore_count(run.fresh, "many.\"a \"\"b\\c\""), 1);
    assert_int_equal(restore_count(run.fresh, "pg_class WHERE relnamespace = 'many'::regnamespace"), 1);
    restore_drop(run.fresh);
    run.wanted.tables = five;
    assert_int_equal(restore_run(&config, &run), 0);
    assert_int_equal(restore_count(run.fresh, "pg_class WHERE relnamespace = 'many'::regnamespace"), 10);
    restore_drop(run.fresh);
    run.wanted.tables = first;
    run.wanted.flags = KIST_RESTORE_CLEAN;
    cluster_sql("shop", "DELETE FROM many.\"a \"\"b\\c\"");
    assert_int_equal(restore_run(&config, &run), 0);
    assert_int_equal(restore_count("shop", "many.\"a \"\"b\\c\""), 1);
    restore_make_shop();
}

int restore_parts_tests(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_tables_beside),
        TEST(test_schemas_beside),
        TEST(test_the_first_of_many_tables),
        TEST(test_table_into_the_living_database),
        TEST(test_foreign_keys_hold_in_the_living_database),
        TEST(test_definitions_and_data_apart),
        TEST(test_owners),
    };
    return cmocka_run_group_tests_name("restore parts", tests, restore_start, restore_stop);
}
