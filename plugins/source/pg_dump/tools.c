#include "pg_dump.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"

#define VERSION_WAIT_MS 10000

void pgd_tool_done(struct pgd_tool *tool)
{
    free(tool->path);
    *tool = (struct pgd_tool){0};
}

/* "pg_dump (PostgreSQL) 15.18 (Debian ...)" -> 150018, "15.18"; "17beta1" -> 170000; "9.6.24" -> 90624. */
static int parse_version(const char *said, struct pgd_tool *tool)
{
    const char *at = strstr(said, "(PostgreSQL) ");
    int parts[3] = {0};
    if (!at)
        return -1;
    at += strlen("(PostgreSQL) ");
    snprintf(tool->version, sizeof tool->version, "%.*s", (int)strcspn(at, " \r\n"), at);
    int count = sscanf(at, "%4d.%4d.%4d", &parts[0], &parts[1], &parts[2]);
    if (count < 1 || parts[0] < 1)
        return -1;
    tool->version_num =
        parts[0] >= 10 ? parts[0] * 10000 + parts[1] : parts[0] * 10000 + parts[1] * 100 + parts[2];
    return 0;
}

static int read_version(const struct kist_host *host, struct kist_child *child, char *said, size_t size,
                        struct kist_error *err)
{
    char data[65536];
    size_t have = 0, got = 1;
    int code = 0;
    while (!code && got > 0) {
        code = kist_child_read(child, data, sizeof data, &got, err);
        size_t take = code ? 0 : got < size - 1 - have ? got : size - 1 - have;
        memcpy(said + have, data, take);
        have += take;
    }
    said[have] = '\0';
    (void)host;
    return code ? code : kist_child_finish(child, err);
}

/* Asks the program at `path` for its version. */
static int ask(const struct kist_host *host, const char *path, struct pgd_tool *ret_tool, struct kist_error *err)
{
    struct pgd_strings arguments = {0};
    struct kist_child *child = NULL;
    struct pgd_launch launch = {.listen = 1, .idle_ms = VERSION_WAIT_MS, .total_ms = VERSION_WAIT_MS};
    struct pgd_tool tool = {0};
    char said[256] = "";
    pgd_strings_add(&arguments, "%s", path);
    pgd_strings_add(&arguments, "--version");
    int code = pgd_launch(host, &arguments, &launch, &child, err);
    pgd_strings_done(&arguments);
    if (!code)
        code = read_version(host, child, said, sizeof said, err);
    kist_child_free(child);
    if (!code && parse_version(said, &tool) != 0)
        code = host->fail(host, err, KIST_ERR_CONFIG, "'%s' does not say a version of PostgreSQL", path);
    if (!code && !(tool.path = strdup(path)))
        code = host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    if (!code)
        *ret_tool = tool;
    return code;
}

struct search {
    const struct kist_host *host;
    const char *name;
    struct pgd_tool best;
    struct kist_error *err; /* of a candidate that is passed over; of no meaning in the end */
};

/* Debian's /usr/bin/pg_dump is a script that chooses a version by rules of its own; the programs themselves stand
 * in the version folders. */
static int is_wrapper(const char *path)
{
    char *real = realpath(path, NULL);
    const char *slash = real ? strrchr(real, '/') : NULL;
    int wrapper = slash && strcmp(slash, "/pg_wrapper") == 0;
    free(real);
    return wrapper;
}

static void consider(struct search *search, const char *folder, size_t length)
{
    struct pgd_tool tool = {0};
    char path[PATH_MAX];
    if (length == 0 || folder[0] != '/' ||
        snprintf(path, sizeof path, "%.*s/%s", (int)length, folder, search->name) >= (int)sizeof path ||
        access(path, X_OK) != 0 || is_wrapper(path))
        return;
    if (ask(search->host, path, &tool, search->err) != 0) {
        const char *why = search->err->message ? search->err->message : "";
        search->host->log(search->host, KIST_LOG_DEBUG, "'%s' is passed over: %s", path, why);
    } else if (tool.version_num > search->best.version_num) {
        pgd_tool_done(&search->best);
        search->best = tool;
    } else {
        pgd_tool_done(&tool);
    }
}

static void search_system(struct search *search)
{
    static const char *const patterns[] = {"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin",
                                           "/opt/homebrew/opt/postgresql@*/bin"};
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        glob_t found = {0};
        if (glob(patterns[i], GLOB_NOSORT, NULL, &found) == 0)
            for (size_t k = 0; k < found.gl_pathc; k++)
                consider(search, found.gl_pathv[k], strlen(found.gl_pathv[k]));
        globfree(&found);
    }
    for (const char *at = getenv("PATH"); at && *at; at += *at == ':') {
        size_t length = strcspn(at, ":");
        consider(search, at, length);
        at += length;
    }
}

static int lacking(const struct kist_host *host, const char *name, int least_major, const struct pgd_tool *best,
                   struct kist_error *err)
{
    char wanted[32] = "", package[64] = "postgresql-client";
    if (least_major > 0) {
        snprintf(wanted, sizeof wanted, " %d or newer", least_major);
        snprintf(package, sizeof package, "postgresql-client-%d", least_major);
    }
    int code = best->path ? host->fail(host, err, KIST_ERR_CONFIG, "no %s%s is installed: the newest is '%s' (%s)",
                                       name, wanted, best->path, best->version)
                          : host->fail(host, err, KIST_ERR_CONFIG, "no %s%s is installed", name, wanted);
    host->hint(host, err,
               "install the package %s (the PostgreSQL project keeps all versions at "
               "https://www.postgresql.org/download/), "
               "or name the program with pg_dump = PATH",
               package);
    return code;
}

/* The program `name` in the folder of the configured pg_dump, which may also be named as a folder. New. */
static char *beside(const char *configured, const char *name)
{
    struct stat info;
    const char *slash = strrchr(configured, '/');
    size_t length = stat(configured, &info) == 0 && S_ISDIR(info.st_mode) ? strlen(configured)
                    : slash                                               ? (size_t)(slash - configured)
                                                                          : 0;
    char *path = NULL;
    if (strcmp(name, "pg_dump") == 0 && !(stat(configured, &info) == 0 && S_ISDIR(info.st_mode)))
        return strdup(configured);
    return asprintf(&path, "%.*s/%s", (int)length, configured, name) < 0 ? NULL : path;
}

static int find_configured(const struct kist_host *host, const char *name, const char *configured, int least_major,
                           struct pgd_tool *ret_tool, struct kist_error *err)
{
    struct pgd_tool tool = {0};
    char *path = beside(configured, name);
    int code = path ? ask(host, path, &tool, err) : host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    if (!code && tool.version_num / 10000 < least_major) {
        code = host->fail(host, err, KIST_ERR_CONFIG,
                          "'%s' is version %s, and the server is %d: pg_dump must not be older", path,
                          tool.version, least_major);
        host->hint(host, err, "install the package postgresql-client-%d, or leave the option pg_dump out",
                   least_major);
        pgd_tool_done(&tool);
    } else if (code == KIST_ERR_FAILED || code == KIST_ERR_TIMEOUT) {
        /* It does not even tell its version: that is a wrong program, not a passing trouble. */
        char *message = strdup(err->message ? err->message : "");
        code = host->fail(host, err, KIST_ERR_CONFIG, "'%s' cannot be used: %s", path ? path : "",
                          message ? message : "");
        host->hint(host, err, "leave the option pg_dump out to take the newest one that is installed");
        free(message);
    }
    free(path);
    if (!code)
        *ret_tool = tool;
    return code;
}

int pgd_tool_find(const struct kist_host *host, const char *name, const char *configured, int least_major,
                  struct pgd_tool *ret_tool, struct kist_error *err)
{
    struct search search = {.host = host, .name = name, .err = err};
    int is_dump = strcmp(name, "pg_dump") == 0;
    if (configured && *configured) {
        char *path = beside(configured, name);
        int there = is_dump || (path && access(path, X_OK) == 0);
        free(path);
        if (there)
            return find_configured(host, name, configured, least_major, ret_tool, err);
    }
    search_system(&search);
    if (host->cancelled(host)) {
        pgd_tool_done(&search.best);
        return host->fail(host, err, KIST_ERR_CANCELLED, "stopped on request");
    }
    if (!search.best.path || search.best.version_num / 10000 < least_major) {
        int code = lacking(host, name, least_major, &search.best, err);
        pgd_tool_done(&search.best);
        return code;
    }
    *ret_tool = search.best;
    return 0;
}
