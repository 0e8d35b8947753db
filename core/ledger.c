#include "ledger.h"
#include "log.h"
#include "read_file.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER "ledger"
#define VERSION 1
#define LIMIT (16 * 1024) /* bytes */

/* ---- the document ---- */

static const struct {
    const char *name;
    size_t at;
} ids[] = {{"newest", offsetof(struct kist_ledger, newest)},
           {"good", offsetof(struct kist_ledger, good)},
           {"aside", offsetof(struct kist_ledger, aside)}},
  times[] = {{"first_seen", offsetof(struct kist_ledger, first_seen)},
             {"slot", offsetof(struct kist_ledger, slot)},
             {"busy_until", offsetof(struct kist_ledger, busy_until)},
             {"overdue_told", offsetof(struct kist_ledger, overdue_told)}},
  numbers[] = {{"tries", offsetof(struct kist_ledger, tries)},
               {"ended", offsetof(struct kist_ledger, ended)},
               {"failing", offsetof(struct kist_ledger, failing)}};

#define COUNT(rows) (sizeof(rows) / sizeof *(rows))

/* 0 unless it is what was written here once: half of a document is worth as little as none. */
static int parse(json_t *document, struct kist_ledger *ledger)
{
    char *base = (char *)ledger;
    if (json_integer_value(json_object_get(document, "kist_ledger")) != VERSION)
        return 0;
    for (size_t i = 0; i < COUNT(ids); i++) {
        const char *id = json_string_value(json_object_get(document, ids[i].name));
        if (!id || (*id && !kist_id_parse(id, NULL)))
            return 0;
        memcpy(base + ids[i].at, id, strlen(id) + 1);
    }
    for (size_t i = 0; i < COUNT(times); i++) {
        const json_int_t value = json_integer_value(json_object_get(document, times[i].name));
        if (value < 0)
            return 0;
        memcpy(base + times[i].at, &(int64_t){value}, sizeof(int64_t));
    }
    for (size_t i = 0; i < COUNT(numbers); i++) {
        const json_int_t value = json_integer_value(json_object_get(document, numbers[i].name));
        if (value < 0 || value > 1000)
            return 0;
        memcpy(base + numbers[i].at, &(int){(int)value}, sizeof(int));
    }
    return 1;
}

static json_t *format(const struct kist_ledger *ledger)
{
    const char *base = (const char *)ledger;
    json_t *document = json_pack("{s:i}", "kist_ledger", VERSION);
    int failed = !document;
    for (size_t i = 0; i < COUNT(ids) && !failed; i++)
        failed = json_object_set_new(document, ids[i].name, json_string(base + ids[i].at)) != 0;
    for (size_t i = 0; i < COUNT(times) && !failed; i++) {
        int64_t value = 0;
        memcpy(&value, base + times[i].at, sizeof value);
        failed = json_object_set_new(document, times[i].name, json_integer(value)) != 0;
    }
    for (size_t i = 0; i < COUNT(numbers) && !failed; i++) {
        int value = 0;
        memcpy(&value, base + numbers[i].at, sizeof value);
        failed = json_object_set_new(document, numbers[i].name, json_integer(value)) != 0;
    }
    if (!failed)
        return document;
    json_decref(document);
    return NULL;
}

/* ---- the file ---- */

static char *path_of(const char *state_dir, const char *pipeline, const char *suffix)
{
    char *path = NULL;
    if (asprintf(&path, "%s/" FOLDER "%s%s%s", state_dir, *pipeline ? "/" : "", pipeline, suffix) < 0)
        return NULL;
    return path;
}

static void read_from(int fd, const char *pipeline, struct kist_ledger *ret_ledger)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct kist_ledger ledger = {0};
    char *text = NULL;
    size_t size = 0;
    int code = kist_file_read(fd, LIMIT, &text, &size, &err);
    json_t *document = code ? NULL : json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    if (document && parse(document, &ledger))
        *ret_ledger = ledger;
    else
        kist_log(KIST_LOG_WARNING, pipeline,
                 "what this host remembers of it is damaged%s%s: it is found again on the destinations",
                 code ? ": " : "", code ? kist_error_text(&err) : "");
    json_decref(document);
    free(text);
}

void kist_ledger_read(const char *state_dir, const char *pipeline, struct kist_ledger *ret_ledger)
{
    *ret_ledger = (struct kist_ledger){0};
    char *path = path_of(state_dir, pipeline, ".json");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) : -1;
    if (fd >= 0) {
        read_from(fd, pipeline, ret_ledger);
        close(fd);
    } else if (path && errno != ENOENT) {
        kist_log(KIST_LOG_WARNING, pipeline, "cannot read '%s': %s", path, strerror(errno));
    }
    free(path);
}

static int write_text(int fd, const char *path, const char *text, struct kist_error *err)
{
    size_t size = strlen(text);
    while (size > 0) {
        ssize_t written = write(fd, text, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return kist_fail_errno(err, errno, "cannot write to '%s'", path);
        text += written;
        size -= (size_t)written;
    }
    return fsync(fd) == 0 ? 0 : kist_fail_errno(err, errno, "cannot write to '%s'", path);
}

/* Under another name first, so that a reader finds the old one or the new one. */
static int replace(const char *path, const char *fresh, const char *text, struct kist_error *err)
{
    if (unlink(fresh) != 0 && errno != ENOENT)
        return kist_fail_errno(err, errno, "cannot remove '%s'", fresh);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return kist_fail_errno(err, errno, "cannot make '%s'", fresh);
    int code = write_text(fd, fresh, text, err);
    if (close(fd) != 0 && !code)
        code = kist_fail_errno(err, errno, "cannot close '%s'", fresh);
    if (!code && rename(fresh, path) != 0)
        code = kist_fail_errno(err, errno, "cannot rename '%s'", fresh);
    if (code)
        (void)!unlink(fresh);
    return code;
}

static int write_ledger(const char *state_dir, const char *pipeline, const struct kist_ledger *ledger,
                        struct kist_error *err)
{
    char *path = path_of(state_dir, pipeline, ".json"), *fresh = path_of(state_dir, pipeline, ".new");
    json_t *document = format(ledger);
    char *text = document ? json_dumps(document, JSON_INDENT(2) | JSON_ENSURE_ASCII) : NULL;
    int code = path && fresh && text ? replace(path, fresh, text, err)
                                     : kist_fail(err, KIST_ERR_FAILED, "out of memory for the ledger");
    json_decref(document);
    free(text);
    free(path);
    free(fresh);
    return code;
}

/* ---- changes, one at a time ---- */

/* One lock for all ledgers, held for a moment only. */
static int open_lock(const char *state_dir, int *ret_fd, struct kist_error *err)
{
    char *folder = path_of(state_dir, "", ""), *path = path_of(state_dir, "", "/.lock");
    int code = 0, fd = -1;
    if (!folder || !path)
        code = kist_fail(err, KIST_ERR_FAILED, "out of memory for the ledger");
    else if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        code = kist_fail_errno(err, errno, "cannot make '%s'", folder);
    else if ((fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)) < 0)
        code = kist_fail_errno(err, errno, "cannot open '%s'", path);
    while (!code && flock(fd, LOCK_EX) != 0)
        if (errno != EINTR)
            code = kist_fail_errno(err, errno, "cannot lock '%s'", path);
    free(folder);
    free(path);
    if (!code)
        *ret_fd = fd;
    else if (fd >= 0)
        close(fd);
    return code;
}

int kist_ledger_change(const char *state_dir, const char *pipeline, kist_ledger_fn change, void *arg,
                       struct kist_error *err)
{
    struct kist_ledger before, ledger;
    int lock = -1;
    int code = open_lock(state_dir, &lock, err);
    if (code)
        return code;
    kist_ledger_read(state_dir, pipeline, &before);
    memcpy(&ledger, &before, sizeof ledger);
    change(&ledger, arg);
    if (memcmp(&ledger, &before, sizeof ledger) != 0)
        code = write_ledger(state_dir, pipeline, &ledger, err);
    close(lock);
    return code;
}

void kist_ledger_note(struct kist_ledger *ledger, const char *newest, const char *good)
{
    /* Ids are ordered as their times are; one that is no longer there makes room for an older one. */
    if (newest)
        snprintf(ledger->newest, sizeof ledger->newest, "%s", newest);
    if (good)
        snprintf(ledger->good, sizeof ledger->good, "%s", good);
    if (!ledger->first_seen)
        ledger->first_seen = kist_time_now();
}
