/* swap_tools.c - a server with two databases, and swaps of them. */
#include "swap_tools.h"

#include <time.h>

const char *folder;
static char url[256];
char given_name[128], given_from[128], given_kept[128];
int64_t given_ms, given_ended;

struct pgd_config config_as(const char *user, const char *database)
{
    snprintf(url, sizeof url, "postgresql://%s@/%s?host=%s", user, database, folder);
    return test_config(url);
}

static int keep_swapped(void *arg, const struct kist_swapped *swapped)
{
    (void)arg;
    snprintf(given_name, sizeof given_name, "%s", swapped->name);
    snprintf(given_from, sizeof given_from, "%s", swapped->from ? swapped->from : "");
    snprintf(given_kept, sizeof given_kept, "%s", swapped->kept);
    given_ms = swapped->interrupted_ms;
    given_ended = swapped->ended_sessions;
    return 0;
}

int swap_with(const struct pgd_config *config, const char *target, const char *fresh, uint32_t flags)
{
    void *self = NULL;
    kist_test_host_clear(&test);
    assert_int_equal(kist_plugin.open(&test.host, config, &self, &test.err), 0);
    struct kist_swap swap = {.struct_size = sizeof swap, .flags = flags, .target = target, .fresh = fresh};
    int code = kist_plugin.swap(self, &swap, keep_swapped, NULL, &test.err);
    kist_plugin.close(self);
    return code;
}

int swap_as(const char *user, const char *fresh, uint32_t flags)
{
    struct pgd_config config = config_as(user, "shop");
    return swap_with(&config, NULL, fresh, flags);
}

void run_sql(const char *database, const char *sql)
{
    if (cluster_sql(database, sql) < 0)
        fail_msg("%s", sql);
}

PGconn *connect_to(const char *database, const char *user)
{
    char conninfo[200];
    snprintf(conninfo, sizeof conninfo, "host='%s' user=%s dbname='%s'", folder, user, database);
    return PQconnectdb(conninfo);
}

/* Databases of the last test are dropped; `shop` holds generation 1, `shop_restore_20261121_020000` generation 2. */
void make_both(void)
{
    char sql[256];
    while (cluster_sql("postgres", "SELECT count(*) FROM pg_database WHERE datname LIKE 'shop%'") > 0) {
        PGconn *conn = connect_to("postgres", "postgres");
        PGresult *found = PQexec(conn, "SELECT quote_ident(datname) FROM pg_database WHERE datname LIKE 'shop%'");
        for (int row = 0; row < PQntuples(found); row++) {
            snprintf(sql, sizeof sql, "ALTER DATABASE %s IS_TEMPLATE false", PQgetvalue(found, row, 0));
            run_sql("postgres", sql);
            snprintf(sql, sizeof sql, "DROP DATABASE %s WITH (FORCE)", PQgetvalue(found, row, 0));
            run_sql("postgres", sql);
        }
        PQclear(found);
        PQfinish(conn);
    }
    run_sql("postgres", "CREATE DATABASE shop TEMPLATE template0");
    run_sql("postgres", "CREATE DATABASE shop_restore_20261121_020000 TEMPLATE template0");
    run_sql("shop", "CREATE TABLE generation AS SELECT 1 AS n, g FROM generate_series(1, 1000) g");
    run_sql("shop_restore_20261121_020000",
            "CREATE TABLE generation AS SELECT 2 AS n, g FROM generate_series(1, 1000) g");
}

/* Which whole database has the name now. */
int generation_of(const char *database)
{
    assert_int_equal(cluster_sql(database, "SELECT count(*) FROM generation"), 1000);
    return cluster_sql(database, "SELECT max(n) FROM generation");
}

void assert_untouched(void)
{
    assert_int_equal(generation_of("shop"), 1);
    assert_int_equal(generation_of("shop_restore_20261121_020000"), 2);
    assert_int_equal(cluster_sql("postgres", "SELECT count(*) FROM pg_database WHERE datname LIKE 'shop%'"), 2);
}

long now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000L + now.tv_nsec / 1000;
}

void await_quiet(void)
{
    for (int i = 0; i < 1500; i++) {
        if (cluster_sql("postgres", "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'kist'") == 0)
            return;
        usleep(10000);
    }
    fail_msg("sessions of the killed swap stay");
}
