/* words_test.c - what the plugin makes of words: options, URLs, patterns, arguments. No connection, no child. */
#include "pg_dump_test.h"

#include <sys/stat.h>

/* The parameters that a url leads to. */
static struct pgd_params params_of(const char *url)
{
    struct pgd_config config = test_config(url);
    struct pgd_params params = {0};
    assert_int_equal(pgd_params_from_config(&test.host, &config, &params, &test.err), 0);
    return params;
}

static int open_code(const struct pgd_config *config)
{
    void *self = NULL;
    int code = kist_plugin.open(&test.host, config, &self, &test.err);
    if (!code)
        kist_plugin.close(self);
    return code;
}

static void test_url_or_single_options(void **state)
{
    (void)state;
    struct pgd_config config = test_config("postgresql://u@db/x");
    assert_int_equal(open_code(&config), 0);
    config.host = "db";
    assert_int_equal(open_code(&config), KIST_ERR_CONFIG);
    assert_string_equal(test.err.message, "'url' and 'host' are both given");
    config.url.reveal = NULL;
    assert_int_equal(open_code(&config), 0);
}

static int refuse_item(void *arg, const struct kist_item *item)
{
    (void)arg, (void)item;
    return KIST_ERR_BUG;
}

/* It may be opened, for somebody who aims it at a server, but reads none that nobody named. */
static void test_no_server(void **state)
{
    (void)state;
    struct pgd_config config = test_config(NULL);
    void *self = NULL;
    assert_int_equal(kist_plugin.open(&test.host, &config, &self, &test.err), 0);
    assert_int_equal(kist_plugin.items(self, refuse_item, NULL, &test.err), KIST_ERR_CONFIG);
    assert_string_equal(test.err.message, "no server is named");
    assert_int_equal(kist_plugin.aim(self, "other_database", &test.err), KIST_ERR_CONFIG);
    assert_int_equal(kist_plugin.aim(self, "postgresql://u@db/x", &test.err), 0);
    kist_plugin.close(self);
}

static int add_name(void *arg, const char *name)
{
    strcat(strcat(arg, name), " ");
    return strstr(name, "stop") ? KIST_ERR_CANCELLED : 0;
}

static void check_known_as(const char *url, const char *names)
{
    struct pgd_config config = test_config(url);
    char seen[200] = "";
    void *self = NULL;
    assert_int_equal(kist_plugin.open(&test.host, &config, &self, &test.err), 0);
    assert_int_equal(kist_plugin.known_as(self, add_name, seen, &test.err),
                     strstr(names, "stop") ? KIST_ERR_CANCELLED : 0);
    assert_string_equal(seen, names);
    kist_plugin.close(self);
}

static void test_known_as(void **state)
{
    (void)state;
    check_known_as("postgresql://u@Db.Example.ORG:5433/x", "host:db.example.org ");
    check_known_as("host=a,/var/run,b user=u", "host:a host:b ");
    check_known_as("host=a hostaddr=10.0.0.7 user=u", "host:a host:10.0.0.7 ");
    check_known_as("host=@abstract user=u", "");
    check_known_as("host=a,stop,b user=u", "host:a host:stop ");
    check_known_as(NULL, "");
}

static void test_bad_url_is_not_repeated(void **state)
{
    (void)state;
    struct pgd_config config = test_config("postgresql://u:canary%zz@db/x");
    assert_int_equal(open_code(&config), KIST_ERR_CONFIG);
    assert_null(strstr(test.err.message, "canary"));
    config.url.reveal = "postgresql://u@db/x?no_such_option=canary";
    assert_int_equal(open_code(&config), KIST_ERR_CONFIG);
    assert_null(strstr(test.err.message, "canary"));
}

static void check_tls(const char *url, const char *mode, int by_default)
{
    struct pgd_params params = params_of(url);
    const char *found = kist_pg_param(params.options, "sslmode");
    if (mode)
        assert_string_equal(found, mode);
    else
        assert_null(found);
    assert_int_equal(params.tls_by_default, by_default);
    pgd_params_done(&params);
}

static void test_tls_rules(void **state)
{
    (void)state;
    check_tls("postgresql://u@db.example.org/x", "verify-full", 1);
    check_tls("postgresql://u@db.example.org/x?sslmode=require", "require", 0);
    check_tls("postgresql://u@192.0.2.7/x", "verify-full", 1);
    check_tls("postgresql://u@127.evil.example/x", "verify-full", 1);
    check_tls("postgresql://u@localhost,db.example.org/x", "verify-full", 1);
    check_tls("postgresql://u@localhost/x?hostaddr=192.0.2.7", "verify-full", 1);
    check_tls("postgresql://u@db.example.org/x?hostaddr=127.0.0.1", NULL, 0);
    check_tls("postgresql://u@localhost/x", NULL, 0);
    check_tls("postgresql://u@127.8.9.1/x", NULL, 0);
    check_tls("postgresql://u@[::1]/x", NULL, 0);
    check_tls("postgresql:///x?host=/run/postgresql", NULL, 0);
    check_tls("postgresql:///x", NULL, 0);
}

static void test_environment_does_not_weaken(void **state)
{
    (void)state;
    setenv("PGSSLMODE", "disable", 1);
    setenv("PGOPTIONS", "-c row_security=on", 1);
    setenv("PGHOST", "elsewhere", 1);
    setenv("PGPASSFILE", "/etc/passwd", 1);
    struct pgd_params params = params_of("postgresql://u@db.example.org/x");
    char *conninfo = kist_pg_conninfo(params.options);
    unsetenv("PGSSLMODE");
    unsetenv("PGOPTIONS");
    unsetenv("PGHOST");
    unsetenv("PGPASSFILE");
    assert_non_null(strstr(conninfo, "sslmode='verify-full'"));
    assert_non_null(strstr(conninfo, "options=''"));
    assert_non_null(strstr(conninfo, "host='db.example.org'"));
    assert_non_null(strstr(conninfo, "passfile=''"));
    assert_non_null(strstr(conninfo, "channel_binding='prefer'"));
    free(conninfo);
    pgd_params_done(&params);
}

static void test_conninfo_quotes(void **state)
{
    (void)state;
    struct pgd_config config = test_config(NULL);
    config.host = "localhost";
    config.database = "x host=evil 'q' \\";
    struct pgd_params params = {0};
    assert_int_equal(pgd_params_from_config(&test.host, &config, &params, &test.err), 0);
    char *conninfo = kist_pg_conninfo(params.options);
    PQconninfoOption *back = PQconninfoParse(conninfo, NULL);
    assert_string_equal(kist_pg_param(back, "dbname"), config.database);
    assert_string_equal(kist_pg_param(back, "host"), "localhost");
    PQconninfoFree(back);
    free(conninfo);
    pgd_params_done(&params);
}

static void test_neon_pooler(void **state)
{
    (void)state;
    struct pgd_config config =
        test_config("postgresql://u@ep-cool-dawn-123456-pooler.eu-central-1.aws.neon.tech/x");
    assert_int_equal(open_code(&config), KIST_ERR_CONFIG);
    assert_string_equal(test.err.hint, "use the direct host 'ep-cool-dawn-123456.eu-central-1.aws.neon.tech'");
    config.url.reveal = "postgresql://u@ep-cool-dawn-123456.eu-central-1.aws.neon.tech/x";
    assert_int_equal(open_code(&config), 0);
}

static void check_target(const char *url, const char *target, const char *host, const char *database,
                         const char *password)
{
    struct pgd_params source = params_of(url), params = {0};
    assert_int_equal(pgd_params_from_target(&test.host, &source, target, &params, &test.err), 0);
    const char *found = kist_pg_param(params.options, "password");
    assert_string_equal(kist_pg_param(params.options, "host"), host);
    assert_string_equal(kist_pg_param(params.options, "dbname"), database);
    if (password)
        assert_string_equal(found, password);
    else
        assert_null(found);
    pgd_params_done(&params);
    pgd_params_done(&source);
}

static void test_targets(void **state)
{
    (void)state;
    const char *url = "postgresql://u:pw@localhost/shop";
    check_target(url, NULL, "localhost", "shop", "pw");
    check_target(url, "shop_new", "localhost", "shop_new", "pw");
    check_target(url, "postgresql://u@localhost/other", "localhost", "other", "pw");
    check_target(url, "postgresql://u@localhost:5432/other", "localhost", "other", "pw");
    check_target(url, "postgresql://v@localhost/other", "localhost", "other", NULL);
    check_target(url, "postgresql://u@elsewhere/other", "elsewhere", "other", NULL);
    check_target(url, "postgresql://u@localhost:5433/other", "localhost", "other", NULL);
    check_target(url, "host=elsewhere dbname=other password=own user=u", "elsewhere", "other", "own");
}

static void test_service_file(void **state)
{
    (void)state;
    char path[] = "/tmp/kist-pg-service-XXXXXX";
    int fd = mkstemp(path);
    const char text[] =
        "# services\n[other]\nhost=wrong\n[shop]\nhost=db.example.org\nuser = spaced\nport=6543\n[end]\nport=1\n";
    assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
    close(fd);
    setenv("PGSERVICEFILE", path, 1);
    struct pgd_config config = test_config(NULL);
    struct pgd_params params = {0};
    config.service = "shop";
    assert_int_equal(open_code(&config), KIST_ERR_CONFIG); /* "user " is no key, for libpq neither */
    config.service = "end";
    config.host = "localhost";
    assert_int_equal(pgd_params_from_config(&test.host, &config, &params, &test.err), 0);
    assert_string_equal(kist_pg_param(params.options, "port"), "1");
    assert_null(kist_pg_param(params.options, "service"));
    pgd_params_done(&params);
    config.service = "missing";
    assert_int_equal(open_code(&config), KIST_ERR_CONFIG);
    unsetenv("PGSERVICEFILE");
    unlink(path);
}

static void check_pattern(const char *pattern, const char *schema, const char *name)
{
    char *found_schema = NULL, *found_name = NULL;
    assert_int_equal(pgd_pattern_regex(pattern, 0, &found_schema, &found_name), 0);
    assert_string_equal(found_name, name);
    if (schema)
        assert_string_equal(found_schema, schema);
    else
        assert_null(found_schema);
    free(found_schema);
    free(found_name);
}

static void test_patterns(void **state)
{
    (void)state;
    char *schema = NULL, *name = NULL;
    check_pattern("Orders", NULL, "^(orders)$");
    check_pattern("app.Ord*_?", "^(app)$", "^(ord.*_.)$");
    check_pattern("\"App\".\"a.b\"\"c*\"", "^(App)$", "^(a\\.b\"c\\*)$");
    check_pattern("tmp_(a|b)$x[]", NULL, "^(tmp_(a|b)\\$x\\[])$");
    check_pattern("[0-9]+", NULL, "^([0-9]+)$");
    assert_int_equal(pgd_pattern_regex("a.b.c", 0, &schema, &name), -1);
    assert_int_equal(pgd_pattern_regex("\"open", 0, &schema, &name), -1);
    assert_int_equal(pgd_pattern_regex("a.b", 1, &schema, &name), -1);
}

static int extra(size_t count, const char *const *items)
{
    kist_list list = {.items = items, .count = count};
    return pgd_extra_args_check(&test.host, &list, &test.err);
}

/* Fault 15 and others: each in full, abbreviated as getopt takes it, and hidden in a cluster of short options. */
/* clang-format off */
static const char *const bad_args[] = {
    "--file=x", "--file", "--fil=x", "--f", "-f", "-fx", "-Of", "-xvf", "--format=p", "--forma=t", "-Fp",
    "-vFc", "--snapshot=1", "--snap=1", "--no-sync", "--no-sy", "--enable-row-security", "--enable-row",
    "--e", "-Z9", "--compress=9", "--comp", "-j4", "--jobs=2", "-d", "-dx", "--dbname=host=evil", "--db=x",
    "--host=evil", "-hevil", "--hos=evil", "--port=1", "-p1", "--username=x", "-Ux", "-w", "--no-password",
    "-W", "--password", "otherdb", "host=evil", "--", "-", "", "-C", "--create", "--crea", "-T", "-Nx",
    "--exclude-table=x", "-tx", "-a", "-s", "--help", "-V", "--version", "-?", "--lock-wait-timeout=1",
    "-Q", "-|", "-e"};
/* clang-format on */

static void test_extra_args_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_args / sizeof *bad_args; i++)
        if (extra(1, &bad_args[i]) != KIST_ERR_CONFIG)
            fail_msg("'%s' was not refused", bad_args[i]);
}

static void test_extra_args_taken(void **state)
{
    (void)state;
    static const char *const good[] = {"--no-owner",
                                       "--role=backup",
                                       "-Ox",
                                       "-e",
                                       "pgcrypto",
                                       "-epgcrypto",
                                       "--no-comments",
                                       "--exclude-table-data=logs",
                                       "--serializable-deferrable",
                                       "--extension=x",
                                       "-v"};
    assert_int_equal(extra(sizeof good / sizeof *good, good), 0);
}

static void test_item_names(void **state)
{
    (void)state;
    static const char *const names[][2] = {{"shop", "shop.dump"},     {"../etc/x", "_._etc_x.dump"},
                                           {"-rf", "_rf.dump"},       {".hidden", "_hidden.dump"},
                                           {"a\nb\x1b", "a_b_.dump"}, {"Bücher 1", "Bücher 1.dump"},
                                           {"bad\xff", "bad_.dump"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *name = pgd_item_name(names[i][0], PGD_CUSTOM);
        assert_string_equal(name, names[i][1]);
        free(name);
    }
}

static void test_passfile(void **state)
{
    (void)state;
    int fd = -1;
    struct stat info;
    char text[64] = "";
    assert_int_equal(pgd_passfile(&test.host, "a:b\\c'", &fd, &test.err), 0);
    assert_int_equal(fstat(fd, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_true(pread(fd, text, sizeof text - 1, 0) > 0);
    assert_string_equal(text, "*:*:*:*:a\\:b\\\\c'\n");
    close(fd);
    assert_int_equal(pgd_passfile(&test.host, "line\nbreak", &fd, &test.err), KIST_ERR_CONFIG);
}

int words_tests(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_url_or_single_options),
        TEST(test_no_server),
        TEST(test_known_as),
        TEST(test_bad_url_is_not_repeated),
        TEST(test_tls_rules),
        TEST(test_environment_does_not_weaken),
        TEST(test_conninfo_quotes),
        TEST(test_neon_pooler),
        TEST(test_targets),
        TEST(test_service_file),
        TEST(test_patterns),
        TEST(test_extra_args_refused),
        TEST(test_extra_args_taken),
        TEST(test_item_names),
        TEST(test_passfile),
    };
    return cmocka_run_group_tests_name("words", tests, NULL, NULL);
}
