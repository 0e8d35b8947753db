#include "pg_dump.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"

static int write_all(int fd, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, text, size);
        if (written < 0 && errno != EINTR)
            return -1;
        text += written > 0 ? written : 0;
        size -= written > 0 ? (size_t)written : 0;
    }
    return 0;
}

/* One line that fits every server: the program is pinned to the one that was reached. */
static int write_password(int fd, const char *password)
{
    if (write_all(fd, "*:*:*:*:", 8) != 0)
        return -1;
    for (; *password; password++)
        if (((*password == ':' || *password == '\\') && write_all(fd, "\\", 1) != 0) ||
            write_all(fd, password, 1) != 0)
            return -1;
    return write_all(fd, "\n", 1);
}

static int memory_descriptor(void)
{
    int fd = memfd_create("kist", MFD_CLOEXEC);
    if (fd >= 0 && fd < 3) {
        int above = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        close(fd);
        fd = above;
    }
    return fd;
}

int pgd_memory_file(const struct kist_host *host, const char *text, int *ret_fd, struct kist_error *err)
{
    int fd = memory_descriptor();
    if (fd < 0 || fchmod(fd, 0600) != 0 || write_all(fd, text, strlen(text)) != 0) {
        int error = errno;
        if (fd >= 0)
            close(fd);
        return host->fail(host, err, KIST_ERR_FAILED, "cannot make a file in memory: %s", strerror(error));
    }
    *ret_fd = fd;
    return 0;
}

int pgd_passfile(const struct kist_host *host, const char *password, int *ret_fd, struct kist_error *err)
{
    if (password && strpbrk(password, "\r\n"))
        return host->fail(host, err, KIST_ERR_CONFIG, "a password with a line break cannot be handed to pg_dump");
    int fd = memory_descriptor();
    /* libpq does not look into a password file that others may read; a memfd begins as 0777. */
    if (fd < 0 || fchmod(fd, 0600) != 0 || (password && write_password(fd, password) != 0)) {
        int error = errno;
        if (fd >= 0)
            close(fd);
        return host->fail(host, err, KIST_ERR_FAILED, "cannot make a password file in memory: %s",
                          strerror(error));
    }
    *ret_fd = fd;
    return 0;
}

static void environment(struct pgd_strings *strings, int passfile)
{
    const char *home = getenv("HOME"); /* libpq looks there for client certificates */
    pgd_strings_add(strings, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    pgd_strings_add(strings, "LC_ALL=C");
    pgd_strings_add(strings, "TZ=UTC");
    pgd_strings_add(strings, "PGAPPNAME=kist");
    pgd_strings_add(strings, "PGPASSFILE=/proc/self/fd/%d", passfile);
    if (home)
        pgd_strings_add(strings, "HOME=%s", home);
}

int pgd_launch(const struct kist_host *host, const struct pgd_strings *arguments, const struct pgd_launch *launch,
               struct kist_child **ret_child, struct kist_error *err)
{
    struct pgd_strings variables = {0};
    int passfile = -1, code = pgd_passfile(host, launch->password, &passfile, err);
    if (code)
        return code;
    environment(&variables, passfile);
    int keep[1 + sizeof launch->keep / sizeof *launch->keep] = {passfile};
    size_t kept = 1;
    for (size_t i = 0; i < sizeof launch->keep / sizeof *launch->keep; i++)
        if (launch->keep[i] > 0)
            keep[kept++] = launch->keep[i];
    struct kist_child_setup setup = {.argv = (const char *const *)arguments->items,
                                     .envp = (const char *const *)variables.items,
                                     .keep_fds = keep,
                                     .keep_count = kept,
                                     .write_stdin = launch->feed,
                                     .read_stdout = launch->listen,
                                     .idle_ms = launch->idle_ms,
                                     .total_ms = launch->total_ms};
    if (variables.failed || arguments->failed)
        code = host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    else
        code = kist_child_start(host, &setup, ret_child, err);
    close(passfile);
    pgd_strings_done(&variables);
    return code;
}

struct saying {
    const char *words;
    int code;
    const char *hint;
};

/* The programs run with LC_ALL=C, so their own words are known; the server's may be of another language. */
static const struct saying sayings[] = {
    {"row-level security", KIST_ERR_AUTH,
     "the role sees only some rows of a table: dump as a role with BYPASSRLS, or as the owner"},
    {"invalid snapshot identifier", KIST_ERR_UNAVAILABLE,
     "the session that held the snapshot was ended before pg_dump took it over"},
    {"max_locks_per_transaction", KIST_ERR_FAILED, "raise max_locks_per_transaction of the server"},
    {"due to lock timeout", KIST_ERR_TIMEOUT,
     "a table is locked by another session; lock_timeout is how long to wait"},
    {"permission denied for large object", KIST_ERR_AUTH,
     "pg_read_all_data does not cover large objects: GRANT SELECT ON LARGE OBJECT ... TO the role, or dump as a "
     "superuser"},
    {"permission denied", KIST_ERR_AUTH,
     "the role may not read everything: GRANT pg_read_all_data TO the role (PostgreSQL 14 and newer)"},
    {"due to conflict with recovery", KIST_ERR_UNAVAILABLE,
     "the standby cancelled the dump: raise max_standby_streaming_delay or set hot_standby_feedback there"},
    {"terminating connection", KIST_ERR_UNAVAILABLE, NULL},
    {"server closed the connection", KIST_ERR_UNAVAILABLE, NULL},
    {"connection to server at", KIST_ERR_UNAVAILABLE, NULL},
    {"could not receive data from server", KIST_ERR_UNAVAILABLE, NULL},
    {"SSL SYSCALL error", KIST_ERR_UNAVAILABLE, NULL},
    {"unsupported version", KIST_ERR_UNSUPPORTED,
     "install the newest postgresql-client: this dump was made by a newer one"},
    {"invalid command \\restrict", KIST_ERR_UNSUPPORTED,
     "install the current minor release of postgresql-client: this one is older than August 2025"},
    {"No space left on device", KIST_ERR_NO_SPACE, NULL},
    {"role \"", KIST_ERR_FAILED,
     "roles are not part of a dump: CREATE ROLE on the target (pg_dumpall --roles-only on the source lists them); "
     "where only owners lack, --no-owner does without them"},
};

int pgd_explain(const struct kist_host *host, struct kist_child *child, int code, struct kist_error *err)
{
    const char *said = code == KIST_ERR_FAILED && child ? kist_child_said(child) : "";
    for (size_t i = 0; i < sizeof sayings / sizeof *sayings; i++) {
        if (!strstr(said, sayings[i].words) ||
            (strcmp(sayings[i].words, "role \"") == 0 && !strstr(said, "does not exist")))
            continue;
        char *message = strdup(err->message ? err->message : "failed");
        code = host->fail(host, err, sayings[i].code, "%s", message ? message : "out of memory");
        free(message);
        if (sayings[i].hint)
            host->hint(host, err, "%s", sayings[i].hint);
        return code;
    }
    return code;
}
