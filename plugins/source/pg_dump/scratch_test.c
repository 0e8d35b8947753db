/* scratch_test.c - where drills take place: never in the source, and nothing stays behind. Skipped without a server. */
#include "swap_tools.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

static char drill_url[512], source_url[256], work_dir[64];

static struct pgd_config config_with(const char *drill)
{
    snprintf(source_url, sizeof source_url, "postgresql://postgres@/shop?host=%s", folder);
    struct pgd_config config = test_config(source_url);
    snprintf(drill_url, sizeof drill_url, "%s", drill ? drill : "");
    config.drill_url.reveal = drill ? drill_url : NULL;
    config.drill_user = "postgres";
    return config;
}

static int begin(const struct pgd_config *config, void **ret_self, void **ret_scratch, const char **ret_target)
{
    kist_test_host_clear(&test);
    *ret_scratch = NULL;
    assert_int_equal(kist_plugin.open(&test.host, config, ret_self, &test.err), 0);
    return kist_plugin.scratch_begin(*ret_self, work_dir, ret_scratch, ret_target, &test.err);
}

/* The name of the database in a target; it is one that only a drill makes. */
static const char *database_of(const char *target)
{
    static char name[128];
    PQconninfoOption *options = PQconninfoParse(target, NULL);
    assert_non_null(options);
    snprintf(name, sizeof name, "%s", kist_pg_param(options, "dbname"));
    PQconninfoFree(options);
    assert_true(strncmp(name, "kist_drill_20", 13) == 0);
    assert_int_equal(strlen(name), strlen("kist_drill_20261121_020000_a1b2c3"));
    return name;
}

/* Makes a table in the target as a restore would, by its text alone. */
static int use(const char *target, int create)
{
    char sql[256], name[128];
    snprintf(name, sizeof name, "%s", database_of(target));
    PQconninfoOption *options = PQconninfoParse(target, NULL);
    assert_int_equal(kist_pg_param_set(options, "dbname", "postgres"), 0);
    char *maintenance = pgd_conninfo_given(options);
    PGconn *conn = PQconnectdb(create ? maintenance : target);
    snprintf(sql, sizeof sql, create ? "CREATE DATABASE %s TEMPLATE template0" : "SELECT '%s'::text", name);
    PGresult *result = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(result);
    int ok = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
    PQclear(result);
    PQfinish(conn);
    conn = ok ? PQconnectdb(target) : NULL;
    result = conn ? PQexec(conn, "CREATE TABLE restored AS SELECT 1 AS n") : NULL;
    ok = ok && PQresultStatus(result) == PGRES_COMMAND_OK;
    PQclear(result);
    PQfinish(conn);
    free(maintenance);
    PQconninfoFree(options);
    return ok ? 0 : -1;
}

/* Forwards from a free port of 127.0.0.1 to the server's socket, until it is killed. */
static void forward(int listener)
{
    for (;;) {
        int client = accept(listener, NULL, NULL), server = socket(AF_UNIX, SOCK_STREAM, 0);
        if (fork() != 0) {
            close(client);
            close(server);
            while (waitpid(-1, NULL, WNOHANG) > 0)
                ;
            continue;
        }
        struct sockaddr_un path = {.sun_family = AF_UNIX};
        struct pollfd ends[] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
        char data[8192];
        snprintf(path.sun_path, sizeof path.sun_path, "%.90s/.s.PGSQL.5432", folder);
        for (int open = connect(server, (struct sockaddr *)&path, sizeof path) == 0;
             open && poll(ends, 2, -1) > 0;)
            for (int i = 0; i < 2; i++)
                if (ends[i].revents) {
                    ssize_t got = read(ends[i].fd, data, sizeof data);
                    open = open && got > 0 && write(ends[1 - i].fd, data, (size_t)got) == got;
                }
        _exit(0);
    }
}

static pid_t forwarder;

static int start_forwarder(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 16), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    if ((forwarder = fork()) == 0)
        forward(listener);
    close(listener);
    return ntohs(address.sin_port);
}

static int count_drills(void)
{
    return cluster_sql("postgres", "SELECT count(*) FROM pg_database WHERE datname LIKE 'kist\\_drill%'");
}

/* ---- never the source ---- */

/* What would change if somebody as much as connected to it. */
static int64_t trace_of_source(void)
{
    static const char sql[] =
        "SELECT hashtext(concat(d.oid, ' ', xact_commit, ' ', xact_rollback, ' ', tup_inserted, ' ', "
        "shobj_description(d.oid, 'pg_database'), datacl)) FROM pg_stat_database s JOIN pg_database d ON d.oid = "
        "s.datid WHERE d.datname = 'shop'";
    PGconn *conn = connect_to("postgres", "postgres");
    PGresult *result = PQexec(conn, sql);
    assert_int_equal(PQntuples(result), 1);
    int64_t trace = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    PQfinish(conn);
    return trace;
}

/* One attempt to point a drill at the source. `refused`: it has to be; else it must take place in a database of its own. */
static void attempt(const char *drill, int refused)
{
    struct pgd_config config = config_with(drill);
    void *self = NULL, *scratch = NULL;
    const char *target = NULL;
    int code = begin(&config, &self, &scratch, &target);
    if (refused ? code != KIST_ERR_REFUSED : code != 0)
        fail_msg("%s: %d %s", drill, code, code ? test.err.message : "");
    if (code) {
        assert_non_null(strstr(test.err.message, "drill_url names the database that is backed up"));
        assert_null(scratch);
    } else {
        assert_int_equal(use(target, 1), 0);
        assert_int_equal(count_drills(), 1);
        kist_plugin.scratch_end(scratch);
    }
    kist_plugin.close(self);
    assert_int_equal(count_drills(), 0);
}

static void write_service(const char *path)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "[prod]\nhost=%s\nuser=postgres\ndbname=shop\n", folder);
    fclose(file);
}

static void test_never_aims_at_the_source(void **state)
{
    NEED_SERVER();
    make_both();
    char text[512], service[96];
    int port = start_forwarder();
    cluster_sql("postgres", "DROP ROLE other");
    run_sql("postgres", "CREATE ROLE other LOGIN CREATEDB");
    snprintf(service, sizeof service, "%s/service.conf", work_dir);
    write_service(service);
    usleep(1200000); /* the statistics of earlier sessions arrive late */
    int64_t before = trace_of_source();

    snprintf(text, sizeof text, "postgresql://postgres@/shop?host=%s", folder);
    attempt(text, 1); /* the same URL */
    snprintf(text, sizeof text, "postgresql://postgres@127.0.0.1:%d/shop?sslmode=disable", port);
    attempt(text, 1); /* not by the socket */
    snprintf(text, sizeof text, "postgresql://postgres@localhost:%d/shop", port);
    attempt(text, 1); /* another name of it */
    snprintf(text, sizeof text,
             "host=elsewhere hostaddr=127.0.0.1 port=%d user=postgres dbname=shop sslmode=disable", port);
    attempt(text, 1); /* a name that means nothing */
    snprintf(text, sizeof text, "postgresql://other@/shop?host=%s", folder);
    attempt(text, 1); /* another role, which may not read the system identifier or may */
    snprintf(text, sizeof text, "postgresql://postgres@/%%73h%%6Fp?host=%s&application_name=x", folder);
    attempt(text, 1); /* another spelling, further options */
    snprintf(text, sizeof text, "dbname = 'sh\\op' host='%s' user=postgres", folder);
    attempt(text, 1);   /* another quoting */
    attempt("shop", 1); /* nothing but the name */
    setenv("PGSERVICEFILE", service, 1);
    attempt("postgresql://?service=prod", 1); /* by a service */
    unsetenv("PGSERVICEFILE");
    setenv("PGDATABASE", "shop", 1); /* not heeded, so it is the one named like the role */
    snprintf(text, sizeof text, "postgresql://postgres@/?host=%s", folder);
    attempt(text, 0);
    unsetenv("PGDATABASE");
    snprintf(text, sizeof text, "postgresql://postgres@/shop_restore_20261121_020000?host=%s", folder);
    attempt(text, 0); /* the same server is allowed, in a database of the drill's own */
    snprintf(text, sizeof text, "postgresql://other@/SHOP?host=%s", folder);
    attempt(text, 0); /* a database that is not even there */

    usleep(1200000);
    assert_int_equal(trace_of_source(), before);
    assert_int_equal(generation_of("shop"), 1);
    assert_int_equal(generation_of("shop_restore_20261121_020000"), 2);
    unlink(service);
    kill(forwarder, SIGKILL);
    assert_int_equal(waitpid(forwarder, NULL, 0), forwarder);
}

static void test_needs_createdb(void **state)
{
    NEED_SERVER();
    make_both();
    char text[256];
    cluster_sql("postgres", "DROP ROLE small");
    run_sql("postgres", "CREATE ROLE small LOGIN");
    snprintf(text, sizeof text, "postgresql://small@/postgres?host=%s", folder);
    struct pgd_config config = config_with(text);
    void *self = NULL, *scratch = NULL;
    const char *target = NULL;
    assert_int_equal(begin(&config, &self, &scratch, &target), KIST_ERR_AUTH);
    assert_non_null(strstr(test.err.message, "role 'small' may not create a database"));
    kist_plugin.close(self);
}

/* A password travels in the target, and nowhere else. */
static void test_keeps_the_password(void **state)
{
    NEED_SERVER();
    char text[256];
    snprintf(text, sizeof text, "postgresql://postgres:s3cr%%20et@/postgres?host=%s", folder);
    struct pgd_config config = config_with(text);
    void *self = NULL, *scratch = NULL;
    const char *target = NULL;
    assert_int_equal(begin(&config, &self, &scratch, &target), 0);
    assert_non_null(strstr(target, "password='s3cr et'"));
    kist_plugin.scratch_end(scratch);
    kist_plugin.close(self);
    assert_true(!test.log || !strstr(test.log, "s3cr"));
}

static void mark(const char *database)
{
    struct pgd_config config = config_with(NULL);
    struct pgd_params params = {0};
    struct pgd_link link = {.host = &test.host};
    assert_int_equal(pgd_params_from_config(&test.host, &config, &params, &test.err), 0);
    assert_int_equal(pgd_connect(&link, &params, 10000, &test.err), 0);
    assert_int_equal(pgd_scratch_mark(&link, database, &test.err), 0);
    pgd_disconnect(&link);
    pgd_params_done(&params);
}

/* Fault 103: what a killed drill left goes; what only looks like it, is young or in use, stays. */
static void test_sweeps_what_was_left(void **state)
{
    NEED_SERVER();
    make_both();
    static const char old[] = "kist_drill_20200101_000000_aaaaaa", bare[] = "kist_drill_20200101_000000_bbbbbb",
                      used[] = "kist_drill_20200101_000000_cccccc", young[] = "kist_drill_29990101_000000_dddddd",
                      *names[] = {old, bare, used, young};
    char sql[128];
    for (size_t i = 0; i < 4; i++) {
        snprintf(sql, sizeof sql, "CREATE DATABASE %s", names[i]);
        run_sql("postgres", sql);
        if (names[i] != bare)
            mark(names[i]);
    }
    PGconn *user = connect_to(used, "postgres");
    char text[256];
    snprintf(text, sizeof text, "postgresql://postgres@/postgres?host=%s", folder);
    struct pgd_config config = config_with(text);
    void *self = NULL, *scratch = NULL;
    const char *target = NULL;
    assert_int_equal(begin(&config, &self, &scratch, &target), 0);
    kist_plugin.scratch_end(scratch);
    kist_plugin.close(self);
    assert_int_equal(count_drills(), 3);
    assert_int_equal(cluster_sql("postgres", "SELECT count(*) FROM pg_database WHERE datname LIKE '%aaaaaa'"), 0);
    PQfinish(user);
    for (size_t i = 1; i < 4; i++) {
        snprintf(sql, sizeof sql, "DROP DATABASE %s WITH (FORCE)", names[i]);
        run_sql("postgres", sql);
    }
}

int scratch_tests(void)
{
    const struct CMUnitTest tests[] = {TEST(test_never_aims_at_the_source), TEST(test_needs_createdb),
                                       TEST(test_keeps_the_password), TEST(test_sweeps_what_was_left)};
    strcpy(work_dir, "/tmp/kist-scratch-test-XXXXXX");
    folder = mkdtemp(work_dir) ? cluster_start() : NULL;
    int failed = cmocka_run_group_tests_name("scratch", tests, NULL, NULL) + scratch_cluster_tests();
    if (folder)
        cluster_stop();
    rmdir(work_dir);
    return failed;
}
