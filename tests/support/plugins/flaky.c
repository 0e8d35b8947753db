/*
 * flaky.c - destination `flaky`, for tests alone: objects are files of one directory, and calls fail, hang or take their
 * time as the configuration says. A key's '/' is a '=' in the file's name.
 */
#include <kist/plugin.h>

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* The calls that may hang, as in the choices of `stall`. */
enum call {
    STALL_NONE,
    STALL_OPEN,
    STALL_CHECK,
    STALL_LIST,
    STALL_BEGIN,
    STALL_WRITE,
    STALL_COMMIT,
    STALL_REMOVE
};

struct config {
    const char *path;
    const char *only; /* faults hit keys that contain this */
    int64_t fail_open, fail_check, fail_list, fail_begin, fail_write, fail_commit, fail_get, fail_read;
    int64_t lose_commit;
    int64_t flip;
    kist_duration retry_after;
    kist_choice stall;
    kist_size stall_after;
    kist_duration slow;
    const char *meanwhile;
    kist_choice meanwhile_at;
};

#define COUNT(field) KIST_OPTION(struct config, field, .def = "0", .help = "how many of the first calls fail")

static const struct kist_option options[] = {
    KIST_OPTION(struct config, path, .flags = KIST_OPTION_REQUIRED, .help = "directory of the objects"),
    KIST_OPTION(struct config, only, .def = "", .help = "faults hit keys that contain this"),
    COUNT(fail_open),
    COUNT(fail_check),
    COUNT(fail_list),
    COUNT(fail_begin),
    COUNT(fail_write),
    COUNT(fail_commit),
    COUNT(fail_get),
    COUNT(fail_read),
    KIST_OPTION(struct config, lose_commit, .def = "0", .help = "how many of the first commits work and say no"),
    KIST_OPTION(struct config, flip, .def = "0",
                .help = "which byte is stored with a bit changed, the first is 1"),
    KIST_OPTION(struct config, retry_after, .def = "0s", .help = "what a failure asks to wait"),
    KIST_OPTION(struct config, stall, .def = "none", .choices = "none|open|check|list|begin|write|commit|remove",
                .help = "the call that does not return until it is cancelled"),
    KIST_OPTION(struct config, stall_after, .def = "0", .help = "bytes that an object takes before it stalls"),
    KIST_OPTION(struct config, slow, .def = "0s", .help = "what each write takes"),
    KIST_OPTION(struct config, meanwhile, .def = "", .help = "a program that does what somebody else would, once"),
    KIST_OPTION(struct config, meanwhile_at, .def = "commit", .choices = "commit|get|remove",
                .help = "after which call"),
    KIST_OPTION_END};

struct store {
    const struct kist_host *host;
    const struct config *config;
};

struct writer {
    struct store *store;
    FILE *file;
    uint64_t size;
    int faulty;
    char from[4096], to[4096];
};

struct reader {
    struct store *store;
    FILE *file;
    int faulty;
};

/* How often each call was made in this process: a fault is not begun anew with the next instance. */
static _Atomic int64_t calls[8];

static int fails(const struct store *store, int which, int64_t times, struct kist_error *err)
{
    if (times == 0 || atomic_fetch_add(&calls[which], 1) >= times)
        return 0;
    store->host->fail(store->host, err, KIST_ERR_UNAVAILABLE, "the store has no luck");
    store->host->retry(store->host, err, 1, store->config->retry_after.ms);
    return KIST_ERR_UNAVAILABLE;
}

/* Does not come back until it is told to stop. */
static int stalls(const struct store *store, enum call call, struct kist_error *err)
{
    if (store->config->stall.index != (int32_t)call)
        return 0;
    struct pollfd wait = {.fd = store->host->cancel_fd(store->host), .events = POLLIN};
    while (!store->host->cancelled(store->host))
        poll(&wait, 1, -1);
    return store->host->fail(store->host, err, KIST_ERR_CANCELLED, "told to stop");
}

/* The calls that others may come in between, as in the choices of `meanwhile_at`. */
enum moment { AFTER_COMMIT, AFTER_GET, AFTER_REMOVE };

/* What another host does between two calls of ours. */
static int meanwhile(const struct store *store, enum moment moment, struct kist_error *err)
{
    static _Atomic int done;
    extern char **environ;
    char *words[] = {(char *)(uintptr_t)store->config->meanwhile, NULL};
    pid_t pid = 0;
    int status = 0;
    if (!*words[0] || store->config->meanwhile_at.index != (int32_t)moment || atomic_exchange(&done, 1))
        return 0;
    if (posix_spawn(&pid, words[0], NULL, NULL, words, environ) || waitpid(pid, &status, 0) != pid || status)
        return store->host->fail(store->host, err, KIST_ERR_FAILED, "nothing happened meanwhile");
    return 0;
}

static void path_of(const struct store *store, const char *key, char path[4096])
{
    int start = snprintf(path, 4096, "%s/", store->config->path);
    snprintf(path + start, 4096 - (size_t)start, "%s", key);
    for (char *at = path + start; *at; at++)
        *at = *at == '/' ? '=' : *at;
}

static int flaky_open(const struct kist_host *host, const void *config, void **ret_self, struct kist_error *err)
{
    struct store *store = calloc(1, sizeof *store);
    if (!store)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    *store = (struct store){.host = host, .config = config};
    int code = fails(store, 0, store->config->fail_open, err);
    if (!code)
        code = stalls(store, STALL_OPEN, err);
    if (code)
        free(store);
    else
        *ret_self = store;
    return code;
}

static int check(void *self, struct kist_error *err)
{
    const struct store *store = self;
    int code = fails(store, 1, store->config->fail_check, err);
    return code ? code : stalls(store, STALL_CHECK, err);
}

static int put_begin(void *self, const struct kist_put *put, void **ret_writer, struct kist_error *err)
{
    struct store *store = self;
    int faulty = strstr(put->key, store->config->only) != NULL;
    int code = faulty ? fails(store, 2, store->config->fail_begin, err) : 0;
    if (!code && faulty)
        code = stalls(store, STALL_BEGIN, err);
    if (code)
        return code;
    struct writer *writer = calloc(1, sizeof *writer);
    if (!writer)
        return store->host->fail(store->host, err, KIST_ERR_FAILED, "out of memory");
    writer->store = store;
    writer->faulty = faulty;
    path_of(store, put->key, writer->to);
    snprintf(writer->from, sizeof writer->from, "%s/.XXXXXX", store->config->path);
    int fd = mkstemp(writer->from);
    writer->file = fd < 0 ? NULL : fdopen(fd, "w+b");
    if (!writer->file) {
        free(writer);
        return store->host->fail(store->host, err, KIST_ERR_FAILED, "no file: %s", strerror(errno));
    }
    *ret_writer = writer;
    return 0;
}

static int put_write(void *self, const void *data, size_t size, struct kist_error *err)
{
    struct writer *writer = self;
    const struct store *store = writer->store;
    int code = writer->faulty ? fails(store, 3, store->config->fail_write, err) : 0;
    writer->size += size;
    if (!code && writer->faulty && writer->size > store->config->stall_after.bytes)
        code = stalls(store, STALL_WRITE, err);
    if (!code && writer->faulty && store->config->slow.ms)
        usleep((useconds_t)store->config->slow.ms * 1000);
    if (!code && fwrite(data, 1, size, writer->file) != size)
        code = store->host->fail(store->host, err, KIST_ERR_FAILED, "cannot write");
    return code;
}

/* As memory or a disk may do, after all that was hashed. */
static int flip(const struct writer *writer, struct kist_error *err)
{
    const struct kist_host *host = writer->store->host;
    int64_t at = writer->store->config->flip;
    if (!writer->faulty || at < 1 || (uint64_t)at > writer->size)
        return 0;
    int byte = fseek(writer->file, (long)at - 1, SEEK_SET) == 0 ? getc(writer->file) : EOF;
    if (byte == EOF || fseek(writer->file, (long)at - 1, SEEK_SET) != 0 || putc(byte ^ 1, writer->file) == EOF)
        return host->fail(host, err, KIST_ERR_FAILED, "cannot change a byte");
    return 0;
}

static void put_abort(void *self)
{
    struct writer *writer = self;
    fclose(writer->file);
    unlink(writer->from);
    free(writer);
}

static int put_commit(void *self, uint64_t size, struct kist_error *err)
{
    struct writer *writer = self;
    const struct store *store = writer->store;
    int code = writer->faulty ? fails(store, 4, store->config->fail_commit, err) : 0;
    if (!code && writer->faulty)
        code = stalls(store, STALL_COMMIT, err);
    if (!code)
        code = flip(writer, err);
    if (!code && (writer->size != size || fflush(writer->file)))
        code = store->host->fail(store->host, err, KIST_ERR_FAILED, "it was cut short");
    if (!code && link(writer->from, writer->to) != 0)
        code = store->host->fail(store->host, err, errno == EEXIST ? KIST_ERR_EXISTS : KIST_ERR_FAILED,
                                 "cannot name it: %s", strerror(errno));
    if (!code && writer->faulty)
        code = fails(store, 5, store->config->lose_commit, err);
    if (!code && writer->faulty)
        code = meanwhile(store, AFTER_COMMIT, err);
    put_abort(writer);
    return code;
}

static int get_begin(void *self, const char *key, uint64_t offset, void **ret_reader, struct kist_error *err)
{
    struct store *store = self;
    char path[4096];
    int faulty = strstr(key, store->config->only) != NULL;
    int code = faulty ? fails(store, 6, store->config->fail_get, err) : 0;
    if (code)
        return code;
    path_of(store, key, path);
    struct reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return store->host->fail(store->host, err, KIST_ERR_FAILED, "out of memory");
    *reader = (struct reader){.store = store, .file = fopen(path, "rb"), .faulty = faulty};
    if (!reader->file || fseek(reader->file, (long)offset, SEEK_SET)) {
        free(reader);
        return store->host->fail(store->host, err, KIST_ERR_NOT_FOUND, "there is no '%s'", key);
    }
    if (faulty && (code = meanwhile(store, AFTER_GET, err))) {
        fclose(reader->file);
        free(reader);
        return code;
    }
    *ret_reader = reader;
    return 0;
}

static int get_read(void *self, void *data, size_t capacity, size_t *ret_size, struct kist_error *err)
{
    struct reader *reader = self;
    int code = reader->faulty ? fails(reader->store, 7, reader->store->config->fail_read, err) : 0;
    if (!code)
        *ret_size = fread(data, 1, capacity, reader->file);
    return code;
}

static void get_end(void *self)
{
    struct reader *reader = self;
    fclose(reader->file);
    free(reader);
}

/* An etag, so that a read that broke can go on. */
static int give_file(const struct store *store, const char *key, kist_object_fn give, void *arg)
{
    char path[4096], etag[64];
    struct stat status;
    path_of(store, key, path);
    if (stat(path, &status) != 0)
        return KIST_ERR_NOT_FOUND;
    snprintf(etag, sizeof etag, "%lu-%ld", (unsigned long)status.st_ino, (long)status.st_mtime);
    return give(arg, &(struct kist_object){.struct_size = sizeof(struct kist_object),
                                           .key = key,
                                           .size = (int64_t)status.st_size,
                                           .modified_ms = (int64_t)status.st_mtime * 1000,
                                           .etag = etag});
}

static int list(void *self, const char *prefix, kist_object_fn give, void *arg, struct kist_error *err)
{
    static _Atomic int64_t listed;
    const struct store *store = self;
    int code = stalls(store, STALL_LIST, err);
    if (!code && store->config->fail_list && atomic_fetch_add(&listed, 1) < store->config->fail_list)
        code = store->host->fail(store->host, err, KIST_ERR_UNAVAILABLE, "the store has no luck");
    DIR *dir = code ? NULL : opendir(store->config->path);
    if (!code && !dir)
        return store->host->fail(store->host, err, KIST_ERR_FAILED, "no directory");
    for (struct dirent *entry = NULL; !code && (entry = readdir(dir));) {
        char key[256];
        snprintf(key, sizeof key, "%s", entry->d_name);
        for (char *at = key; *at; at++)
            *at = *at == '=' ? '/' : *at;
        if (*key != '.' && strncmp(key, prefix, strlen(prefix)) == 0)
            code = give_file(store, key, give, arg);
    }
    if (dir)
        closedir(dir);
    return code;
}

static int stat_object(void *self, const char *key, kist_object_fn give, void *arg, struct kist_error *err)
{
    const struct store *store = self;
    int code = give_file(store, key, give, arg);
    return code == KIST_ERR_NOT_FOUND ? store->host->fail(store->host, err, code, "there is no '%s'", key) : code;
}

static int remove_object(void *self, const char *key, struct kist_error *err)
{
    const struct store *store = self;
    char path[4096];
    int code = stalls(store, STALL_REMOVE, err);
    path_of(store, key, path);
    if (!code && unlink(path) != 0 && errno != ENOENT)
        code = store->host->fail(store->host, err, KIST_ERR_FAILED, "cannot remove: %s", strerror(errno));
    if (!code && strstr(key, store->config->only))
        code = meanwhile(store, AFTER_REMOVE, err);
    return code;
}

/* What a killed writer has left. */
static int sweep(void *self, uint64_t *ret_count, struct kist_error *err)
{
    const struct store *store = self;
    DIR *dir = opendir(store->config->path);
    if (!dir)
        return store->host->fail(store->host, err, KIST_ERR_FAILED, "no directory");
    *ret_count = 0;
    for (struct dirent *entry = NULL; (entry = readdir(dir));)
        if (entry->d_name[0] == '.' && strlen(entry->d_name) == 7 && unlinkat(dirfd(dir), entry->d_name, 0) == 0)
            ++*ret_count;
    closedir(dir);
    return 0;
}

KIST_DESTINATION(.about = {.name = "flaky",
                           .version = "1",
                           .summary = "fails, hangs and takes its time as it is told, for tests",
                           .options = options,
                           .config_size = sizeof(struct config)},
                 .open = flaky_open, .close = free, .check = check, .put_begin = put_begin, .put_write = put_write,
                 .put_commit = put_commit, .put_abort = put_abort, .get_begin = get_begin, .get_read = get_read,
                 .get_end = get_end, .list = list, .stat = stat_object, .remove = remove_object, .sweep = sweep);
