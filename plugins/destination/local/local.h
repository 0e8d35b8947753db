/*
 * local.h - what the files of the `local` destination share.
 *
 * A store is a directory, the root. A key is a path below it; everything is reached from the root's descriptor
 * without following a symbolic link, so that nothing outside of the root can be read, written or removed.
 */
#ifndef KIST_LOCAL_H
#define KIST_LOCAL_H

#include <kist/plugin.h>
#include <sys/stat.h>

#define LOCAL_FILE_MODE 0600
#define LOCAL_FOLDER_MODE 0700

struct local_config {
    const char *path;
    kist_switch require_mount;
};

struct local_store {
    const struct kist_host *host;
    char *path; /* absolute, without "/" at its end */
    int root;   /* descriptor of the directory, or -1 while it does not exist */
    uint32_t require_mount;
    uint32_t no_openat2;      /* this kernel does not have it */
    uint32_t warned_no_sync;  /* said once: this file system cannot sync directories */
    uint32_t warned_no_modes; /* said once: it cannot keep modes */
};

/* local_error.c - the one place where an errno becomes a sentence. */

/* Fails with "cannot <doing> '<path>/<key>': <reason>" and the hint that goes with the reason. `key` may be "". */
int local_fail(const struct local_store *store, struct kist_error *err, int errnum, const char *doing,
               const char *key);
int local_fail_memory(const struct local_store *store, struct kist_error *err);
int local_fail_cancelled(const struct local_store *store, struct kist_error *err);

/* local_key.c - which keys can be names of files. */

/* Refuses what is not a plain relative path, what a file system cannot hold, and what a listing would not show. */
int local_key_check(const struct local_store *store, const char *key, struct kist_error *err) KIST_CHECKED;
int local_is_utf8(const char *text);
/* Is `name` one of our temporary files? */
int local_is_temp(const char *name);
/* The folder of a key, "" for one at the top (new), and its name (inside `key`). Returns NULL without memory. */
char *local_key_folder(const char *key, const char **ret_name);

/* local_root.c - the directory itself. */

/* Opens the root when it exists; with `require_mount`, fails unless something is mounted on it. */
int local_root_open(struct local_store *store, struct kist_error *err) KIST_CHECKED;
/* The same, and makes it with its parents when it is missing. */
int local_root_make(struct local_store *store, struct kist_error *err) KIST_CHECKED;
/* Could it be made? Makes nothing. */
int local_root_could_be_made(const struct local_store *store, struct kist_error *err) KIST_CHECKED;

/* local_path.c - the way from the root to a file. `path` is relative; "" means the root itself. */

/* open(2) below the root, following no symbolic link. Returns a descriptor, or -1 and errno (ELOOP: a link). */
int local_open(struct local_store *store, const char *path, int flags);
/* Makes the folder `name` in `dir` unless it exists, and opens it. Returns a descriptor, or -1 and errno. */
int local_make_folder(struct local_store *store, int dir, const char *name, int *ret_made);
/* Opens a folder, making what is missing; `ret_kept` says, also on failure, how many of its components are not of
 * our making (SIZE_MAX: all). */
int local_open_made(struct local_store *store, const char *path, size_t *ret_kept);
/* Removes empty folders from `path` upwards, but for its first `keep` components. */
void local_prune(struct local_store *store, const char *path, size_t keep);
/* Makes a new directory's or file's mode what it should be whatever the umask. Returns 0, or -1 and errno. */
int local_set_mode(struct local_store *store, int fd, mode_t mode);
/* fsync of a directory. A file system that cannot is tolerated with a warning. Returns 0, or -1 and errno. */
int local_sync_folder(struct local_store *store, int fd);
/* Closes `fd` and leaves errno alone. */
void local_close(int fd);

/* local_temp.c - temporary files and what dead writers left of them. */

#define LOCAL_TEMP_NAME_SIZE 48

struct local_temp {
    int dir; /* borrowed */
    int fd;
    char name[LOCAL_TEMP_NAME_SIZE];
};

/* Makes a file of a new name in `dir` (the folder `folder`) and locks it for as long as it is open, which tells
 * others that its writer lives. KIST_ERR_NOT_FOUND: somebody removed the folder just now. */
int local_temp_make(struct local_store *store, int dir, const char *folder, struct local_temp *ret_temp,
                    struct kist_error *err) KIST_CHECKED;
/* Removes the file and closes it; what cannot be removed is said in the log. */
void local_temp_drop(const struct local_store *store, struct local_temp *temp, const char *folder);
int local_sweep(void *self, uint64_t *ret_count, struct kist_error *err);

/* local_walk.c - every entry of a tree. */

struct local_entry {
    const char *folder; /* relative to the root, "" for the root */
    const char *name;
    int dir;     /* descriptor of the folder */
    int is_file; /* a regular file, as against a link, device, socket ... */
};

typedef int (*local_entry_fn)(void *arg, const struct local_entry *entry, struct kist_error *err);

struct local_walk {
    struct local_store *store;
    local_entry_fn give; /* gets everything but folders; a result other than 0 ends the walk */
    void *arg;
    uint32_t skip_unreadable; /* else a folder that cannot be read is an error */
    uint64_t skipped;         /* entries that can be no objects; the first one is in `example` */
    char *example;
};

/* Walks below `folder`. One that does not exist has no entries. */
int local_walk(struct local_walk *walk, const char *folder, struct kist_error *err) KIST_CHECKED;
/* Counts an entry that can be no object. */
void local_walk_skip(struct local_walk *walk, const char *folder, const char *name);

/* The callbacks: local_put.c, local_get.c, local_list.c, local_remove.c. */
int local_put_begin(void *self, const struct kist_put *put, void **ret_writer, struct kist_error *err);
int local_put_write(void *writer, const void *data, size_t size, struct kist_error *err);
int local_put_commit(void *writer, uint64_t size, struct kist_error *err);
void local_put_abort(void *writer);
int local_get_begin(void *self, const char *key, uint64_t offset, void **ret_reader, struct kist_error *err);
int local_get_read(void *reader, void *data, size_t capacity, size_t *ret_size, struct kist_error *err);
void local_get_end(void *reader);
int local_get_about(void *reader, kist_object_fn give, void *arg, struct kist_error *err);
int local_list(void *self, const char *prefix, kist_object_fn give, void *arg, struct kist_error *err);
int local_stat(void *self, const char *key, kist_object_fn give, void *arg, struct kist_error *err);
int local_remove(void *self, const char *key, struct kist_error *err);

/* local_list.c: a file as an object. */
int local_give(const char *key, const struct stat *st, kist_object_fn give, void *arg);

/* local_get.c: why the entry behind `key` is no object, said with the kind of thing that it is. */
int local_fail_not_a_file(const struct local_store *store, struct kist_error *err, mode_t mode, const char *key);

#endif
