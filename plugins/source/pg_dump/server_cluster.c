/* server_cluster.c - a PostgreSQL of the test's own: on a socket in a directory of its own, gone afterwards. */
#include "pg_dump_test.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char root[64], bin[256], data[128], options[256];
static int alive = -1; /* as long as this end of a pipe is open, the test lives */
static int gone = -1;  /* its other end is closed when all is removed */

/* PostgreSQL refuses to run as root: then it runs as the user of that name. */
static int become_postgres(void)
{
    struct passwd *user = getuid() == 0 ? getpwnam("postgres") : NULL;
    if (getuid() != 0)
        return 0;
    return user && setgid(user->pw_gid) == 0 && setuid(user->pw_uid) == 0 ? 0 : -1;
}

static int run(const char *program, const char *const *arguments)
{
    pid_t pid = fork();
    if (pid == 0) {
        char path[512];
        int null = open("/dev/null", O_RDWR);
        snprintf(path, sizeof path, "%s/%s", bin, program);
        for (int fd = 0; fd < 3; fd++)
            dup2(null, fd);
        if (become_postgres() == 0 && chdir("/") == 0)
            execv(path, (char *const *)arguments);
        _exit(127);
    }
    int status = -1;
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 ? 0 : -1;
}

static int find_programs(void)
{
    glob_t found = {0};
    const char *named = getenv("PG_BIN");
    if (named)
        snprintf(bin, sizeof bin, "%s", named);
    else if (glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &found) == 0)
        snprintf(bin, sizeof bin, "%.*s", (int)(strlen(found.gl_pathv[found.gl_pathc - 1]) - strlen("/initdb")),
                 found.gl_pathv[found.gl_pathc - 1]);
    globfree(&found);
    return bin[0] ? 0 : -1;
}

static void remove_all(void)
{
    const char *const stop[] = {"pg_ctl", "-D", data, "-w", "-m", "immediate", "stop", NULL};
    (void)!run("pg_ctl", stop);
    pid_t pid = fork();
    if (pid == 0)
        execl("/bin/rm", "rm", "-rf", root, (char *)NULL);
    waitpid(pid, NULL, 0);
}

static void wait_for_end(int fd)
{
    char byte;
    while (read(fd, &byte, 1) < 0 && errno == EINTR)
        ;
    close(fd);
}

/* A process that ends the server when the test is gone, however that went: killed by a time limit, say. It is no child
 * of the test, which checks that it has none. */
static int guard(void)
{
    int life[2] = {-1, -1}, end[2] = {-1, -1}, status = -1;
    if (pipe2(life, O_CLOEXEC) != 0 || pipe2(end, O_CLOEXEC) != 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        if (setsid() < 0 || fork() != 0)
            _exit(0);
        close(life[1]);
        close(end[0]);
        wait_for_end(life[0]);
        remove_all();
        _exit(0);
    }
    close(life[0]);
    close(end[1]);
    alive = life[1];
    gone = end[0];
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 ? 0 : -1;
}

const char *cluster_start(void)
{
    struct passwd *user = getpwnam("postgres");
    strcpy(root, "/tmp/kist-pg-test-XXXXXX");
    if (find_programs() != 0 || (getuid() == 0 && !user) || !mkdtemp(root))
        return NULL;
    if (getuid() == 0 && (chown(root, user->pw_uid, user->pw_gid) != 0 || chmod(root, 0755) != 0))
        return NULL;
    snprintf(data, sizeof data, "%s/data", root);
    snprintf(options, sizeof options,
             "-k %s -c listen_addresses= -c fsync=off -c max_prepared_transactions=5 -c wal_level=logical", root);
    const char *const init[] = {"initdb", "-D",         data, "-U",    "postgres", "-E",
                                "UTF8",   "--locale=C", "-A", "trust", "-N",       NULL};
    const char *const start[] = {"pg_ctl", "-D",    data, "-w",        "-t",    "60",
                                 "-o",     options, "-l", "/dev/null", "start", NULL};
    if (guard() == 0 && run("initdb", init) == 0 && run("pg_ctl", start) == 0)
        return root;
    cluster_stop();
    return NULL;
}

void cluster_stop(void)
{
    if (alive < 0) {
        remove_all();
        return;
    }
    close(alive);
    wait_for_end(gone);
    alive = gone = -1;
}

int cluster_sql(const char *database, const char *sql)
{
    char conninfo[256];
    snprintf(conninfo, sizeof conninfo, "host='%s' user=postgres dbname='%s'", root, database);
    PGconn *conn = PQconnectdb(conninfo);
    PGresult *result = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(result);
    int ok = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
    int value = ok && status == PGRES_TUPLES_OK && PQntuples(result) > 0 ? atoi(PQgetvalue(result, 0, 0)) : 0;
    if (!ok)
        print_message("%s", PQerrorMessage(conn));
    PQclear(result);
    PQfinish(conn);
    return ok ? value : -1;
}
