#include "outbox.h"
#include "backup_id.h"
#include "log.h"
#include "replace_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FOLDER "outbox"
#define SUFFIX ".json"
#define FORMAT 1
#define LARGEST (1024L * 1024) /* bytes of a file */
#define LOCK "/lock"
#define SOONEST 60           /* seconds between two tries of those who have nothing else to do */
#define LATEST 3600          /* at most */
#define RECENT 3600          /* seconds for which what failed says something of what comes */
#define RECENT_LOOKS 32      /* entries that are read for that */
#define TEMPORARY SUFFIX "." /* and something: of a file that is being written */
#define TEMPORARY_LIFE 3600  /* seconds after which it belongs to nobody */

static char *folder_of(const char *state_dir, const char *more)
{
    char *path = NULL;
    return asprintf(&path, "%s/" FOLDER "%s", state_dir, more) < 0 ? NULL : path;
}

static int ends_with(const char *name, const char *end)
{
    size_t size = strlen(name), tail = strlen(end);
    return size > tail && strcmp(name + size - tail, end) == 0;
}

static int is_entry(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && ends_with(entry->d_name, SUFFIX);
}

/* The names of all entries, oldest first; 0 when there is no folder. Each is freed, and the list. */
static int list_names(const char *folder, struct dirent ***ret_names, size_t *ret_count, struct kist_error *err)
{
    *ret_names = NULL;
    *ret_count = 0;
    int count = scandir(folder, ret_names, is_entry, alphasort);
    if (count < 0 && errno == ENOENT)
        return 0;
    if (count < 0)
        return kist_fail_errno(err, errno, "cannot read the outbox '%s'", folder);
    *ret_count = (size_t)count;
    return 0;
}

static void free_names(struct dirent **names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    free(names);
}

/* Makes room for one more. */
static void drop_oldest(const char *folder)
{
    KIST_CLEANUP_ERROR struct kist_error ignored = KIST_ERROR_INIT;
    struct dirent **names = NULL;
    size_t count = 0;
    if (list_names(folder, &names, &count, &ignored))
        return;
    for (size_t i = 0; i + KIST_OUTBOX_MOST <= count; i++) {
        char *path = NULL;
        if (asprintf(&path, "%s/%s", folder, names[i]->d_name) < 0)
            continue;
        if (unlink(path) == 0)
            kist_log(KIST_LOG_WARNING, NULL, "dropped '%s', the oldest of %d messages that could not be told",
                     path, KIST_OUTBOX_MOST);
        free(path);
    }
    free_names(names, count);
}

/* 2026-11-21T02-00-00Z-123-0123456789abcdef: in the order of time. */
static void make_name(char *name, size_t size)
{
    struct timespec now = {0};
    char id[KIST_ID_LENGTH + 1];
    uint64_t random = 0;
    clock_gettime(CLOCK_REALTIME, &now);
    kist_id_of_time(now.tv_sec, id);
    /* Without a random number, two processes still have different names. */
    if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
        random = (uint64_t)getpid();
    snprintf(name, size, "%s-%03u-%016llx", id, (unsigned)(now.tv_nsec / 1000000) % 1000,
             (unsigned long long)random);
}

static int sync_folder(const char *folder, struct kist_error *err)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int errnum = fd < 0 || fsync(fd) != 0 ? errno : 0;
    if (fd >= 0)
        close(fd);
    return errnum ? kist_fail_errno(err, errnum, "cannot write the outbox '%s'", folder) : 0;
}

static int put_text(const char *folder, const char *text, struct kist_error *err)
{
    char name[80];
    char *path = NULL;
    make_name(name, sizeof name);
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return kist_fail_errno(err, errno, "cannot make the outbox '%s'", folder);
    if (asprintf(&path, "%s/%s" SUFFIX, folder, name) < 0)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory for the outbox");
    drop_oldest(folder);
    int code = kist_file_replace(path, text, strlen(text), err);
    free(path);
    return code ? code : sync_folder(folder, err);
}

int kist_outbox_put(const char *state_dir, const char *notifier, json_t *document, struct kist_error *err)
{
    char *folder = folder_of(state_dir, "");
    json_t *entry = json_pack("{s:i, s:s, s:I, s:O}", "kist_outbox", FORMAT, "notifier", notifier, "written",
                              (json_int_t)kist_time_now(), "document", document);
    char *text = entry ? json_dumps(entry, JSON_COMPACT) : NULL;
    int code = text && folder ? put_text(folder, text, err)
                              : kist_fail(err, KIST_ERR_FAILED, "out of memory for the outbox");
    free(folder);
    free(text);
    json_decref(entry);
    return code;
}

/* One file. New reference; NULL when it is damaged, or gone (`ret_gone`). */
static json_t *load(const char *path, int *ret_gone)
{
    struct stat status;
    json_t *entry = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    *ret_gone = fd < 0 && errno == ENOENT;
    if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size <= LARGEST)
        entry = json_loadfd(fd, JSON_REJECT_DUPLICATES, NULL);
    if (fd >= 0)
        close(fd);
    if (entry && json_integer_value(json_object_get(entry, "kist_outbox")) == FORMAT &&
        json_is_string(json_object_get(entry, "notifier")) && json_is_integer(json_object_get(entry, "written")) &&
        json_is_object(json_object_get(json_object_get(entry, "document"), "event")))
        return entry;
    json_decref(entry);
    return NULL;
}

static void drop(const char *path, const char *why)
{
    if (unlink(path) == 0)
        kist_log(KIST_LOG_WARNING, NULL, "dropped '%s' from the outbox: %s", path, why);
    else if (errno != ENOENT)
        kist_log(KIST_LOG_WARNING, NULL, "cannot remove '%s', which is to be dropped: %s", path,
                 strerrordesc_np(errno));
}

/* Takes up one name, or drops it. -1 without memory. */
static int take_up(struct kist_outbox *outbox, char *path, int64_t now)
{
    int gone = 0;
    json_t *file = load(path, &gone);
    int64_t written = json_integer_value(json_object_get(file, "written"));
    const char *pipeline = json_string_value(
        json_object_get(json_object_get(json_object_get(file, "document"), "event"), "pipeline"));
    struct kist_outbox_entry entry = {.path = path, .written = written};
    if (!file || now - written > KIST_OUTBOX_DAYS * INT64_C(86400)) {
        if (!gone)
            drop(path, file ? "it could not be told for days" : "it is damaged");
        json_decref(file);
        free(path);
        return 0;
    }
    entry.notifier = strdup(json_string_value(json_object_get(file, "notifier")));
    entry.pipeline = strdup(pipeline ? pipeline : "");
    json_decref(file);
    outbox->entries[outbox->count++] = entry;
    return entry.notifier && entry.pipeline ? 0 : -1;
}

/* What processes left that were killed while they wrote. */
static void sweep(const char *folder, int64_t now)
{
    DIR *dir = opendir(folder);
    struct stat status;
    if (!dir)
        return;
    for (const struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
        if (strstr(entry->d_name, TEMPORARY) &&
            fstatat(dirfd(dir), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            now - status.st_mtime > TEMPORARY_LIFE)
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
    closedir(dir);
}

static int lock_folder(const char *folder, struct kist_error *err)
{
    char *path = NULL;
    if (asprintf(&path, "%s" LOCK, folder) < 0)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory for the outbox");
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    int code = fd < 0 ? kist_fail_errno(err, errno, "cannot open '%s'", path) : 0;
    if (!code && flock(fd, LOCK_EX | LOCK_NB) != 0) {
        code = errno == EWOULDBLOCK ? KIST_ERR_EXISTS : kist_fail_errno(err, errno, "cannot lock '%s'", path);
        close(fd);
    }
    /* Says when it was tried last; without, it is tried too often. */
    const struct timespec now[] = {{.tv_sec = kist_time_now()}, {.tv_sec = kist_time_now()}};
    if (!code)
        (void)!futimens(fd, now);
    free(path);
    return code ? code : fd;
}

static int read_all(const char *folder, struct kist_outbox *outbox, struct kist_error *err)
{
    struct dirent **names = NULL;
    size_t count = 0;
    int code = list_names(folder, &names, &count, err);
    outbox->entries = code ? NULL : calloc(count + 1, sizeof *outbox->entries);
    if (!code && !outbox->entries)
        code = kist_fail(err, KIST_ERR_FAILED, "out of memory for the outbox");
    for (size_t i = 0; i < count && !code; i++) {
        char *path = NULL;
        if (asprintf(&path, "%s/%s", folder, names[i]->d_name) < 0 || take_up(outbox, path, kist_time_now()) != 0)
            code = kist_fail(err, KIST_ERR_FAILED, "out of memory for the outbox");
    }
    free_names(names, count);
    return code;
}

int kist_outbox_open(const char *state_dir, struct kist_outbox *ret_outbox, struct kist_error *err)
{
    struct kist_outbox outbox = KIST_OUTBOX_INIT;
    char *folder = folder_of(state_dir, "");
    *ret_outbox = outbox;
    if (!folder)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory for the outbox");
    int code = 0;
    if (access(folder, F_OK) == 0) {
        outbox.lock = lock_folder(folder, err);
        if (outbox.lock >= 0) {
            sweep(folder, kist_time_now());
            code = read_all(folder, &outbox, err);
        } else if (outbox.lock != KIST_ERR_EXISTS)
            code = outbox.lock;
    }
    free(folder);
    if (code)
        kist_outbox_close(&outbox);
    else if (outbox.lock >= 0)
        *ret_outbox = outbox;
    return code;
}

void kist_outbox_close(struct kist_outbox *outbox)
{
    for (size_t i = 0; i < outbox->count; i++) {
        free(outbox->entries[i].path);
        free(outbox->entries[i].notifier);
        free(outbox->entries[i].pipeline);
    }
    free(outbox->entries);
    if (outbox->lock >= 0)
        close(outbox->lock);
    *outbox = (struct kist_outbox)KIST_OUTBOX_INIT;
}

json_t *kist_outbox_read(const struct kist_outbox_entry *entry)
{
    int gone = 0;
    json_t *file = load(entry->path, &gone);
    json_t *document = json_incref(json_object_get(file, "document"));
    json_decref(file);
    return document;
}

int kist_outbox_remove(const struct kist_outbox_entry *entry, struct kist_error *err)
{
    if (unlink(entry->path) != 0 && errno != ENOENT)
        return kist_fail_errno(err, errno, "cannot remove '%s'", entry->path);
    return 0;
}

/* ---- for those who only ask ---- */

/* When it was written, as its name says; -1 for a name that was not made here. */
static int64_t time_of(const char *name)
{
    char id[KIST_ID_LENGTH + 1];
    int64_t written = -1;
    snprintf(id, sizeof id, "%s", name);
    return kist_id_parse(id, &written) ? written : -1;
}

int kist_outbox_is_due(const char *state_dir, int64_t now)
{
    KIST_CLEANUP_ERROR struct kist_error ignored = KIST_ERROR_INIT;
    struct dirent **names = NULL;
    struct stat status;
    size_t count = 0;
    char *folder = folder_of(state_dir, ""), *lock = folder_of(state_dir, LOCK);
    int code = folder && lock ? list_names(folder, &names, &count, &ignored) : -1;
    int due = !code && count > 0;
    if (due && stat(lock, &status) == 0) {
        int64_t tried = status.st_mtime, wait = (tried - time_of(names[count - 1]->d_name)) / 4;
        wait = wait < SOONEST ? SOONEST : wait > LATEST ? LATEST : wait;
        due = now < tried || now - tried >= wait;
    }
    free_names(names, count);
    free(folder);
    free(lock);
    return due;
}

int kist_outbox_has_recent(const char *state_dir, const char *notifier, int64_t now)
{
    KIST_CLEANUP_ERROR struct kist_error ignored = KIST_ERROR_INIT;
    struct dirent **names = NULL;
    size_t count = 0;
    char *folder = folder_of(state_dir, "");
    int code = folder ? list_names(folder, &names, &count, &ignored) : -1;
    int found = 0;
    for (size_t i = count, looks = RECENT_LOOKS; i > 0 && looks > 0 && !code && !found; i--, looks--) {
        int gone = 0;
        char *path = NULL;
        if (now - time_of(names[i - 1]->d_name) > RECENT ||
            asprintf(&path, "%s/%s", folder, names[i - 1]->d_name) < 0)
            break;
        json_t *entry = load(path, &gone);
        const char *name = json_string_value(json_object_get(entry, "notifier"));
        found = name && strcmp(name, notifier) == 0;
        json_decref(entry);
        free(path);
    }
    free_names(names, count);
    free(folder);
    return found;
}
