/* scratch_cluster_test.c - the server of a drill: private, whose files and processes are gone afterwards. Skipped where there is
 * no server to start. */
#include "swap_tools.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

struct drill {
    struct pgd_config config;
    void *self, *scratch;
    const char *target;
};

static int begin(struct drill *drill, const char *dir)
{
    *drill = (struct drill){.config = config_as("postgres", "shop")};
    drill->config.drill_user = "postgres";
    assert_int_equal(kist_plugin.open(&test.host, &drill->config, &drill->self, &test.err), 0);
    return kist_plugin.scratch_begin(drill->self, dir, &drill->scratch, &drill->target, &test.err);
}

static void end(struct drill *drill)
{
    if (drill->scratch)
        kist_plugin.scratch_end(drill->scratch);
    kist_plugin.close(drill->self);
}

/* The answer of the drill's server, from its database postgres. */
static const char *ask(const struct drill *drill, const char *sql)
{
    static char answer[256];
    PQconninfoOption *options = PQconninfoParse(drill->target, NULL);
    assert_int_equal(kist_pg_param_set(options, "dbname", "postgres"), 0);
    char *conninfo = pgd_conninfo_given(options);
    PGconn *conn = PQconnectdb(conninfo);
    PGresult *result = PQexec(conn, sql);
    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        fail_msg("%s", PQerrorMessage(conn));
    snprintf(answer, sizeof answer, "%s", PQgetvalue(result, 0, 0));
    PQclear(result);
    PQfinish(conn);
    free(conninfo);
    PQconninfoFree(options);
    return answer;
}

static int count_entries(const char *path)
{
    DIR *stream = opendir(path);
    int count = 0;
    assert_non_null(stream);
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(stream);
    return count;
}

/* Where a drill goes that cannot be where it should; of this test alone. */
static char elsewhere[64];

static int is_gone(pid_t pid)
{
    for (int i = 0; i < 500; i++) {
        if (kill(pid, 0) != 0 && errno == ESRCH)
            return 1;
        usleep(10000);
    }
    return 0;
}

static pid_t server_of(const struct drill *drill)
{
    return (pid_t)atoi(ask(drill, "SELECT pg_read_file('postmaster.pid', 0, 10)"));
}

static char *make_dir(char path[64])
{
    strcpy(path, "/tmp/kist-work-XXXXXX");
    assert_non_null(mkdtemp(path));
    return path;
}

static void test_lives_and_goes(void **state)
{
    NEED_SERVER();
    struct drill drill;
    struct stat info;
    char path[256], canary[64], dir[64];
    make_dir(dir);
    if (begin(&drill, dir))
        fail_msg("%s", test.err.message);
    snprintf(path, sizeof path, "host='%s' port='5432' user='postgres' dbname='kist_drill_20", dir);
    assert_int_equal(strncmp(drill.target, path, strlen(path)), 0);
    assert_string_equal(ask(&drill, "SELECT current_setting('listen_addresses')"), "");
    assert_string_equal(ask(&drill, "SELECT current_setting('fsync')"), "off");
    assert_string_equal(
        ask(&drill, "SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = 'postgres'"), "UTF8");
    assert_string_equal(ask(&drill, "SELECT lower('\xc3\x84') || ('\xc3\xa9' ~ '^\\w$')"), "\xc3\xa4true");
    pid_t server = server_of(&drill);
    snprintf(path, sizeof path, "/proc/%d", (int)server);
    assert_int_equal(stat(path, &info), 0);
    assert_int_not_equal(info.st_uid, 0);
    assert_int_equal(stat(dir, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    /* Whoever ran in there could leave a way out. */
    make_dir(canary);
    snprintf(path, sizeof path, "%s/keep", canary);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/data/way_out", dir);
    assert_int_equal(symlink(canary, path), 0);
    end(&drill);
    assert_true(is_gone(server));
    assert_int_equal(count_entries(canary), 1);
    assert_int_equal(count_entries(dir), 0);
    assert_int_equal(stat(dir, &info), 0);
    assert_int_equal(info.st_uid, geteuid());
    snprintf(path, sizeof path, "%s/keep", canary);
    assert_int_equal(rmdir(path) | rmdir(canary) | rmdir(dir), 0);
}

/* A path too long for a socket, and one that the server's user cannot come to. */
static void test_goes_elsewhere(void **state)
{
    NEED_SERVER();
    struct drill drill;
    char dir[64], longer[256];
    make_dir(dir);
    snprintf(longer, sizeof longer, "%s/%080d", dir, 0);
    assert_int_equal(mkdir(longer, 0700), 0);
    assert_int_equal(chmod(dir, 0755), 0);
    assert_int_equal(begin(&drill, longer), 0);
    assert_non_null(strstr(drill.target, "host='/tmp/kist-drill-"));
    assert_true(count_entries(longer) > 0);
    char socket[64];
    snprintf(socket, sizeof socket, "%.*s", (int)strcspn(drill.target + 6, "'"), drill.target + 6);
    assert_int_equal(access(socket, F_OK), 0);
    end(&drill);
    assert_int_equal(count_entries(longer), 0);
    assert_int_not_equal(access(socket, F_OK), 0);
    assert_int_equal(count_entries(elsewhere), 0);
    assert_int_equal(chmod(dir, 0700), 0);
    if (geteuid() == 0) {
        assert_int_equal(begin(&drill, longer), 0);
        assert_int_equal(count_entries(longer), 0);
        assert_int_equal(count_entries(elsewhere), 1);
        ask(&drill, "SELECT 1");
        end(&drill);
        assert_int_equal(count_entries(elsewhere), 0);
    }
    assert_int_equal(rmdir(longer) | rmdir(dir), 0);
}

static void test_needs_a_user(void **state)
{
    NEED_SERVER();
    if (geteuid() != 0)
        skip();
    static const char *const names[] = {"no-such-user-here", "root"};
    for (size_t i = 0; i < 2; i++) {
        struct pgd_config config = config_as("postgres", "shop");
        config.drill_user = names[i];
        void *self = NULL, *scratch = NULL;
        const char *target = NULL;
        assert_int_equal(kist_plugin.open(&test.host, &config, &self, &test.err), 0);
        assert_int_equal(kist_plugin.scratch_begin(self, "/tmp", &scratch, &target, &test.err), KIST_ERR_CONFIG);
        assert_non_null(strstr(test.err.message, names[i]));
        assert_non_null(strstr(test.err.hint, "drill_user"));
        kist_plugin.close(self);
    }
}

/* Killed in the midst of a drill: its server dies with it, and the next drill removes the files that lay elsewhere. */
static void test_dies_with_us(void **state)
{
    NEED_SERVER();
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct drill drill;
        pid_t server = begin(&drill, "/not plain") == 0 ? server_of(&drill) : 0;
        if (write(ends[1], &server, sizeof server) == sizeof server)
            kill(getpid(), SIGKILL);
        _exit(1);
    }
    pid_t server = 0;
    assert_int_equal(read(ends[0], &server, sizeof server), sizeof server);
    close(ends[0]);
    close(ends[1]);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_true(server > 0 && is_gone(server));
    assert_int_equal(count_entries(elsewhere), 1);
    /* It is not old enough yet. */
    struct drill drill;
    assert_int_equal(begin(&drill, "/not plain"), 0);
    assert_int_equal(count_entries(elsewhere), 2);
    end(&drill);
    assert_int_equal(count_entries(elsewhere), 1);
    DIR *stream = opendir(elsewhere);
    struct timespec long_ago[2] = {{1000000000, 0}, {1000000000, 0}};
    assert_non_null(stream);
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;)
        if (entry->d_name[0] != '.')
            assert_int_equal(utimensat(dirfd(stream), entry->d_name, long_ago, 0), 0);
    closedir(stream);
    assert_int_equal(begin(&drill, "/not plain"), 0);
    end(&drill);
    assert_int_equal(count_entries(elsewhere), 0);
    assert_non_null(strstr(test.log, "which an earlier drill left"));
}

static void test_stops_on_request(void **state)
{
    NEED_SERVER();
    struct drill drill;
    char dir[64];
    make_dir(dir);
    kist_test_host_cancel(&test);
    assert_int_equal(begin(&drill, dir), KIST_ERR_CANCELLED);
    end(&drill);
    assert_int_equal(rmdir(dir), 0);
}

int scratch_cluster_tests(void)
{
    const struct CMUnitTest tests[] = {TEST(test_lives_and_goes), TEST(test_goes_elsewhere),
                                       TEST(test_needs_a_user), TEST(test_dies_with_us),
                                       TEST(test_stops_on_request)};
    make_dir(elsewhere);
    (void)!chmod(elsewhere, 0711);
    setenv("TMPDIR", elsewhere, 1);
    int failed = cmocka_run_group_tests_name("scratch_cluster", tests, NULL, NULL);
    unsetenv("TMPDIR");
    rmdir(elsewhere);
    return failed;
}
