/* scratch_cluster.c - a server for one drill: reached only through a socket in a private directory, killed with this
 * process, and careless of its files because nobody will want them. */
#include "scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"

#define INITDB_MS (5 * 60 * 1000)
#define START_MS (60 * 1000)
#define START_PAUSE_MS 100
#define CONNECT_MS 2000
#define STOP_MS 20000
#define LOG_TAIL 1000

struct pgd_cluster {
    const struct kist_host *host;
    struct pgd_folder folder;
    struct kist_child *server;
    char *programs; /* the directory of initdb and postgres */
    char *data;
    uid_t uid;
    gid_t gid;
};

const char *pgd_cluster_socket(const struct pgd_cluster *cluster)
{
    return cluster->folder.socket;
}

static int no_memory(const struct kist_host *host, struct kist_error *err)
{
    return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
}

/* ---- who runs it, and what ---- */

static int find_user(struct pgd_cluster *cluster, const char *name, struct kist_error *err)
{
    const struct kist_host *host = cluster->host;
    struct passwd entry, *found = NULL;
    char buffer[4096];
    if (geteuid() != 0)
        return 0;
    int error = getpwnam_r(name, &entry, buffer, sizeof buffer, &found);
    if (!error && found && found->pw_uid != 0) {
        cluster->uid = found->pw_uid;
        cluster->gid = found->pw_gid;
        return 0;
    }
    int code = host->fail(
        host, err, KIST_ERR_CONFIG,
        found ? "drill_user '%s' is root, and PostgreSQL does not run as root"
              : "there is no user '%s' to run the drill's server as, and PostgreSQL does not run as root",
        name);
    host->hint(host, err, "set drill_user to a user without privileges, or drill_url to another server");
    return code;
}

/* How old the programs may be. A source that is gone is no reason not to prove its backups. */
static int major_of_source(const struct pgd_source *source, int *ret_major, struct kist_error *err)
{
    const struct kist_host *host = source->host;
    const char *avoid[] = {kist_pg_param(source->params.options, "dbname"), NULL};
    struct pgd_maintenance work = {0};
    *ret_major = 0;
    if (source->looked) {
        *ret_major = source->server.version_num / 10000;
        return 0;
    }
    int code = pgd_maintenance_reach(host, &source->params, avoid, source->config->connect_timeout.ms, &work, err);
    if (!code)
        *ret_major = work.server.version_num / 10000;
    else
        host->log(host, KIST_LOG_DEBUG, "the source does not tell its version, the newest programs are taken: %s",
                  err->message ? err->message : "");
    pgd_maintenance_done(&work);
    return code == KIST_ERR_CANCELLED ? code : 0;
}

static int find_programs(struct pgd_cluster *cluster, const struct pgd_source *source, struct kist_error *err)
{
    const struct kist_host *host = cluster->host;
    struct pgd_tool tool = {0};
    int major = 0, code = major_of_source(source, &major, err);
    if (!code) {
        code = pgd_tool_find(host, "initdb", NULL, major, &tool, err);
        if (code == KIST_ERR_CONFIG)
            host->hint(
                host, err,
                "install a PostgreSQL server of version %d or newer (it need not run), or set drill_url to a "
                "server for drills",
                major ? major : 10);
    }
    if (!code) {
        cluster->programs = strndup(tool.path, (size_t)(strrchr(tool.path, '/') - tool.path));
        code = cluster->programs ? 0 : no_memory(host, err);
        host->log(host, KIST_LOG_DEBUG, "the drill's server is PostgreSQL %s", tool.version);
    }
    pgd_tool_done(&tool);
    return code;
}

/* ---- starting ---- */

static int launch(struct pgd_cluster *cluster, const struct pgd_strings *arguments, int is_server,
                  struct kist_child **ret_child, struct kist_error *err)
{
    static const char *const environment[] = {"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C", "TZ=UTC", NULL};
    struct kist_child_setup setup = {.argv = (const char *const *)arguments->items,
                                     .envp = environment,
                                     .read_stdout = is_server,
                                     .idle_ms = is_server ? START_PAUSE_MS : 0,
                                     .total_ms = is_server ? 0 : INITDB_MS,
                                     .grace_ms = is_server ? STOP_MS : 0,
                                     .stop_signal = is_server ? SIGQUIT : 0, /* at once, its files do not matter */
                                     .uid = cluster->uid,
                                     .gid = cluster->gid};
    return arguments->failed ? no_memory(cluster->host, err)
                             : kist_child_start(cluster->host, &setup, ret_child, err);
}

/* Checks of a dump may depend on what is a letter, so C alone will not do where there is something better. */
static const char *best_locale(void)
{
    locale_t found = newlocale(LC_ALL_MASK, "C.UTF-8", (locale_t)0);
    if (!found)
        return "C";
    freelocale(found);
    return "C.UTF-8";
}

static int make_data(struct pgd_cluster *cluster, struct kist_error *err)
{
    struct pgd_strings arguments = {0};
    struct kist_child *child = NULL;
    pgd_strings_add(&arguments, "%s/initdb", cluster->programs);
    pgd_strings_add(&arguments, "--pgdata=%s", cluster->data);
    pgd_strings_add(&arguments, "--username=postgres");
    pgd_strings_add(&arguments, "--encoding=UTF8");
    pgd_strings_add(&arguments, "--locale=%s", best_locale());
    pgd_strings_add(&arguments, "--auth=trust"); /* whoever can reach the socket is the one user, or root */
    pgd_strings_add(&arguments, "--no-sync");
    int code = launch(cluster, &arguments, 0, &child, err);
    if (!code)
        code = kist_child_finish(child, err);
    kist_child_free(child);
    pgd_strings_done(&arguments);
    return code;
}

static int start_server(struct pgd_cluster *cluster, struct kist_error *err)
{
    static const char *const settings[] = {
        "listen_addresses=", "port=5432", "unix_socket_permissions=0700", "fsync=off", "full_page_writes=off",
        "synchronous_commit=off", "wal_level=minimal", "max_wal_senders=0", "max_wal_size=1GB", "autovacuum=off",
        "restart_after_crash=off", "max_connections=50",
        /* A restore in one transaction locks all it makes. */
        "max_locks_per_transaction=1024",
        /* /dev/shm is tiny in many a container. */
        "dynamic_shared_memory_type=mmap",
        /* Nobody reads its stderr while the drill runs: a full pipe would stop it. */
        "logging_collector=on", "log_directory=log", "log_filename=server.log", "log_rotation_age=0",
        "log_rotation_size=0"};
    struct pgd_strings arguments = {0};
    pgd_strings_add(&arguments, "%s/postgres", cluster->programs);
    pgd_strings_add(&arguments, "-D");
    pgd_strings_add(&arguments, "%s", cluster->data);
    pgd_strings_add(&arguments, "-c");
    pgd_strings_add(&arguments, "unix_socket_directories=%s", cluster->folder.socket);
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        pgd_strings_add(&arguments, "-c");
        pgd_strings_add(&arguments, "%s", settings[i]);
    }
    int code = launch(cluster, &arguments, 1, &cluster->server, err);
    pgd_strings_done(&arguments);
    return code;
}

/* The end of the server's log as one line; "" without one. */
static void read_log(const struct pgd_cluster *cluster, char tail[LOG_TAIL + 1])
{
    char *path = NULL;
    ssize_t got = -1;
    if (asprintf(&path, "%s/log/server.log", cluster->data) >= 0) {
        int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd >= 0) {
            off_t end = lseek(fd, 0, SEEK_END);
            got = pread(fd, tail, LOG_TAIL, end > LOG_TAIL ? end - LOG_TAIL : 0);
            close(fd);
        }
        free(path);
    }
    tail[got > 0 ? got : 0] = '\0';
    for (char *at = tail; (at = strchr(at, '\n')) != NULL;)
        *at = at[1] ? ';' : '\0';
    kist_child_clean_text(tail);
}

static int did_not_start(struct pgd_cluster *cluster, const char *why, struct kist_error *err)
{
    const struct kist_host *host = cluster->host;
    char tail[LOG_TAIL + 1];
    read_log(cluster, tail);
    const char *said = *tail ? tail : kist_child_said(cluster->server);
    return host->fail(host, err, KIST_ERR_FAILED, "the drill's server does not start: %s%s%s", why,
                      *said ? ": " : "", said);
}

/* 1 once it takes connections; the error of a try that failed is of no interest while there is time. */
static int is_up(struct pgd_cluster *cluster, const struct pgd_params *params, struct kist_error *err)
{
    struct pgd_link link = {.host = cluster->host};
    int code = pgd_connect(&link, params, CONNECT_MS, err);
    pgd_disconnect(&link);
    return code == 0;
}

static int await_server(struct pgd_cluster *cluster, const struct pgd_params *source, struct kist_error *err)
{
    const struct kist_host *host = cluster->host;
    struct pgd_params params = {0};
    char waste[256], target[200];
    int64_t until = host->monotonic_ms(host) + START_MS;
    size_t got = 0;
    snprintf(target, sizeof target, "host='%s' port='5432' user='postgres' dbname='postgres'",
             cluster->folder.socket);
    int code = pgd_params_from_target(host, source, target, &params, err), up = 0;
    while (!code && !(up = is_up(cluster, &params, err))) {
        code = kist_child_read(cluster->server, waste, sizeof waste, &got, err);
        if (code == 0 && got == 0)
            code = did_not_start(cluster, "it ended", err);
        else if (code == KIST_ERR_TIMEOUT && host->monotonic_ms(host) > until)
            code = did_not_start(cluster, "it takes no connections", err);
        else if (code == KIST_ERR_TIMEOUT)
            code = 0;
    }
    pgd_params_done(&params);
    return code;
}

int pgd_cluster_begin(const struct pgd_source *source, const char *work_dir, struct pgd_cluster **ret_cluster,
                      struct kist_error *err)
{
    const struct kist_host *host = source->host;
    const char *user = source->config->drill_user;
    struct pgd_cluster *cluster = calloc(1, sizeof *cluster);
    if (!cluster)
        return no_memory(host, err);
    cluster->host = host;
    cluster->folder = (struct pgd_folder){.host = host, .lock = -1};
    int code = find_user(cluster, user && *user ? user : "postgres", err);
    if (!code)
        code = find_programs(cluster, source, err);
    if (!code)
        code = pgd_folder_make(host, work_dir, cluster->uid, cluster->gid, &cluster->folder, err);
    if (!code && asprintf(&cluster->data, "%s/data", cluster->folder.path) < 0) {
        cluster->data = NULL;
        code = no_memory(host, err);
    }
    if (!code)
        code = make_data(cluster, err);
    if (!code)
        code = start_server(cluster, err);
    if (!code)
        code = await_server(cluster, &source->params, err);
    if (code)
        pgd_cluster_end(cluster);
    else
        *ret_cluster = cluster;
    return code;
}

void pgd_cluster_end(struct pgd_cluster *cluster)
{
    if (!cluster)
        return;
    kist_child_free(cluster->server);
    pgd_folder_remove(&cluster->folder);
    free(cluster->programs);
    free(cluster->data);
    free(cluster);
}
