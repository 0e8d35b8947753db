/* plugin_files.h - for tests: a directory of one's own with copies of the plugins of bad_plugins/, whole or
 * damaged. */
#ifndef KIST_TEST_PLUGIN_FILES_H
#define KIST_TEST_PLUGIN_FILES_H

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct plugin_files {
    char dir[64];
    char path[256]; /* of the file made last */
};

static inline void plugin_files_init(struct plugin_files *files)
{
    strcpy(files->dir, "/tmp/kist-test-XXXXXX");
    assert_non_null(mkdtemp(files->dir));
}

static inline int remove_entry(const char *path, const struct stat *st, int type, struct FTW *walk)
{
    (void)st;
    (void)type;
    (void)walk;
    return remove(path);
}

static inline void plugin_files_done(struct plugin_files *files)
{
    assert_int_equal(nftw(files->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* A new buffer with the plugin as it was built. */
static inline char *plugin_bytes(const char *built, size_t *ret_size)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s.so", KIST_BAD_PLUGIN_DIR, built);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    *ret_size = (size_t)st.st_size;
    char *bytes = malloc(*ret_size);
    assert_non_null(bytes);
    assert_int_equal(read(fd, bytes, *ret_size), st.st_size);
    close(fd);
    return bytes;
}

/* Writes the file `name` (with its ending) into the directory and returns its path. */
static inline const char *plugin_file_write(struct plugin_files *files, const char *name, const void *bytes,
                                            size_t size)
{
    snprintf(files->path, sizeof files->path, "%s/%s", files->dir, name);
    int fd = open(files->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), (ssize_t)size);
    assert_int_equal(fchmod(fd, 0644), 0);
    close(fd);
    return files->path;
}

/* Copies the plugin `built` to `name`.so in the directory. */
static inline const char *plugin_file_copy(struct plugin_files *files, const char *built, const char *name)
{
    char file[128];
    size_t size = 0;
    char *bytes = plugin_bytes(built, &size);
    snprintf(file, sizeof file, "%s.so", name);
    plugin_file_write(files, file, bytes, size);
    free(bytes);
    return files->path;
}

#endif
