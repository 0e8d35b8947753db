#include "file_store.h"
#include "key.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The instance is the struct kist_file_store itself. */
struct reader {
    struct kist_file_store *file;
    off_t offset;
};

static int open_self(const struct kist_host *host, const void *config, void **ret_self, struct kist_error *err)
{
    (void)host;
    (void)err;
    *ret_self = *(struct kist_file_store *const *)config;
    return 0;
}

static void close_self(void *self)
{
    (void)self; /* kist_file_store_done ends it */
}

static int is_the_same(const struct stat *a, const struct stat *b)
{
    return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Nobody may have written to it since it was opened: what was proved of it would be worth nothing. */
static int check_unchanged(const struct kist_file_store *file, struct kist_error *err)
{
    struct stat now;
    if (fstat(file->fd, &now) != 0)
        return kist_fail_errno(err, errno, "cannot look at '%s'", file->key);
    return is_the_same(&now, &file->opened)
               ? 0
               : kist_fail(err, KIST_ERR_CORRUPT, "'%s' changed while it was read", file->key);
}

static int get_begin(void *self, const char *key, uint64_t offset, void **ret_reader, struct kist_error *err)
{
    struct kist_file_store *file = self;
    if (strcmp(key, file->key) != 0)
        return kist_fail(err, KIST_ERR_NOT_FOUND, "there is no '%s'", key);
    if (offset > (uint64_t)file->opened.st_size)
        return kist_fail(err, KIST_ERR_CORRUPT, "'%s' ends before byte %" PRIu64, key, offset);
    struct reader *reader = malloc(sizeof *reader);
    if (!reader)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    *reader = (struct reader){.file = file, .offset = (off_t)offset};
    *ret_reader = reader;
    return 0;
}

static int get_read(void *self, void *data, size_t capacity, size_t *ret_size, struct kist_error *err)
{
    struct reader *reader = self;
    ssize_t got = 0;
    do
        got = pread(reader->file->fd, data, capacity, reader->offset);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return kist_fail_errno(err, errno, "cannot read '%s'", reader->file->key);
    int code = check_unchanged(reader->file, err);
    if (code)
        return code;
    reader->offset += got;
    *ret_size = (size_t)got;
    return 0;
}

static int give_about(const struct kist_file_store *file, kist_object_fn give, void *arg)
{
    const struct stat *opened = &file->opened;
    struct kist_object object = {.struct_size = sizeof object,
                                 .key = file->key,
                                 .size = opened->st_size,
                                 .modified_ms =
                                     (int64_t)opened->st_mtim.tv_sec * 1000 + opened->st_mtim.tv_nsec / 1000000,
                                 .etag = "opened"}; /* the same all the while: see check_unchanged */
    return give(arg, &object);
}

static int get_about(void *self, kist_object_fn give, void *arg, struct kist_error *err)
{
    (void)err;
    return give_about(((struct reader *)self)->file, give, arg);
}

static int stat_self(void *self, const char *key, kist_object_fn give, void *arg, struct kist_error *err)
{
    struct kist_file_store *file = self;
    if (strcmp(key, file->key) != 0)
        return kist_fail(err, KIST_ERR_NOT_FOUND, "there is no '%s'", key);
    return give_about(file, give, arg);
}

static int list_self(void *self, const char *prefix, kist_object_fn give, void *arg, struct kist_error *err)
{
    (void)err;
    return *prefix ? 0 : give_about(self, give, arg);
}

static int refuse_put(void *self, const struct kist_put *put, void **ret_writer, struct kist_error *err)
{
    (void)self;
    (void)ret_writer;
    return kist_fail(err, KIST_ERR_UNSUPPORTED, "'%s' cannot be written: this is one file to read", put->key);
}

static int refuse_remove(void *self, const char *key, struct kist_error *err)
{
    (void)self;
    return kist_fail(err, KIST_ERR_UNSUPPORTED, "'%s' is not removed: this is one file to read", key);
}

/* No module: the core itself is what reads files. There are no writers, and so none of their callbacks. */
static const struct kist_plugin plugin = {.kind = KIST_KIND_DESTINATION,
                                          .name = "file",
                                          .as.destination = {.open = open_self,
                                                             .close = close_self,
                                                             .put_begin = refuse_put,
                                                             .get_begin = get_begin,
                                                             .get_read = get_read,
                                                             .get_end = free,
                                                             .get_about = get_about,
                                                             .list = list_self,
                                                             .stat = stat_self,
                                                             .remove = refuse_remove}};

/* Regular files only: of others nobody knows the size, and what was read once may not come again. */
static int open_file(const char *path, struct kist_file_store *file, struct kist_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return kist_fail_errno(err, errno, "cannot open '%s'", path);
    if (fstat(fd, &file->opened) != 0) {
        int code = kist_fail_errno(err, errno, "cannot look at '%s'", path);
        close(fd);
        return code;
    }
    if (!S_ISREG(file->opened.st_mode)) {
        kist_fail(err, KIST_ERR_CONFIG, "'%s' is %s, not a file", path,
                  S_ISDIR(file->opened.st_mode) ? "a directory" : "a pipe or a device");
        close(fd);
        return err->code;
    }
    file->fd = fd;
    return 0;
}

static int name_file(const char *path, struct kist_file_store *file, struct kist_error *err)
{
    KIST_CLEANUP_ERROR struct kist_error unsound = KIST_ERROR_INIT;
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    file->folder = slash == path ? strdup("/") : slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
    char *key = kist_key_check(name, &unsound) ? NULL : strdup(name);
    if (unsound.code)
        key = strdup("dump"); /* the name is no text that a key may be */
    if (!file->folder || !key) {
        free(key);
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    }
    file->key = key;
    return 0;
}

int kist_file_store_open(const char *path, const char *pipeline, struct kist_cancel *cancel,
                         struct kist_file_store *ret_file, struct kist_store **ret_store, struct kist_error *err)
{
    int code = open_file(path, ret_file, err);
    if (code)
        return code;
    code = name_file(path, ret_file, err);
    if (code) {
        close(ret_file->fd);
        return code;
    }
    ret_file->self = ret_file;
    ret_file->section = (struct kist_config_section){.kind = KIST_KIND_DESTINATION,
                                                     .name = ret_file->folder,
                                                     .plugin = &plugin,
                                                     .config = &ret_file->self,
                                                     .prefix = ""};
    return kist_store_open(&ret_file->section, pipeline, cancel, ret_store, err);
}

void kist_file_store_done(struct kist_file_store *file)
{
    if (file->key)
        close(file->fd);
    free(file->key);
    free(file->folder);
    *file = (struct kist_file_store){.key = NULL};
}
