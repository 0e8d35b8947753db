#include "history.h"
#include "backup_id.h"
#include "history_lines.h"
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TIME_KEY "\"time\":\""

/* What is wanted, and what was found of it: newest first. */
struct search {
    const char *event; /* NULL: of any kind */
    size_t limit;
    char *pipeline;                   /* in quotes; NULL: of any */
    char since[KIST_TIME_LENGTH + 1]; /* times of this form are in the order of their letters */
    json_t *found;
    size_t damaged;
};

static int no_memory(struct kist_error *err)
{
    return kist_fail(err, KIST_ERR_FAILED, "out of memory for the history");
}

static int contains(const char *line, size_t size, const char *word)
{
    return memmem(line, size, word, strlen(word)) != NULL;
}

/* 1 when no time that the line names is as late as is wanted. Within a text a quote has a backslash before it, so that these
 * words only stand where a key does. */
static int is_too_old(const struct search *search, const char *line, size_t size)
{
    const char *end = line + size, *at = line;
    while ((at = memmem(at, (size_t)(end - at), TIME_KEY, strlen(TIME_KEY)))) {
        at += strlen(TIME_KEY);
        if (end - at < KIST_TIME_LENGTH || memcmp(at, search->since, KIST_TIME_LENGTH) >= 0)
            return 0;
    }
    return 1;
}

/* Passes over what cannot be wanted without reading it as JSON, which takes twenty times as long. */
static int is_skipped(const struct search *search, const char *line, size_t size)
{
    if (line[0] != '{' || line[size - 1] != '}')
        return 0;
    return (search->pipeline && !contains(line, size, search->pipeline)) ||
           (contains(line, size, TIME_KEY) && is_too_old(search, line, size));
}

static const char *text_of(json_t *entry, const char *name)
{
    return json_string_value(json_object_get(entry, name));
}

/* The pipeline was found as text: it has to be the value of that very key. */
static int is_wanted(const struct search *search, json_t *entry, const char *pipeline)
{
    const char *name = text_of(entry, "pipeline");
    return strcmp(text_of(entry, "time"), search->since) >= 0 &&
           (!search->event || strcmp(text_of(entry, "event"), search->event) == 0) &&
           (!pipeline || (name && strcmp(name, pipeline) == 0));
}

static int look_at(struct search *search, const char *pipeline, const char *line, size_t size,
                   struct kist_error *err)
{
    if (size > 0 && is_skipped(search, line, size))
        return 0;
    json_t *entry = size > 0 ? json_loadb(line, size, JSON_REJECT_DUPLICATES, NULL) : NULL;
    int code = 0;
    int64_t time = 0;
    const char *time_text = text_of(entry, "time");
    if (!text_of(entry, "event") || !time_text || !kist_time_parse(time_text, &time))
        search->damaged++;
    else if (is_wanted(search, entry, pipeline) && json_array_append(search->found, entry) != 0)
        code = no_memory(err);
    json_decref(entry);
    return code;
}

static int is_full(const struct search *search)
{
    return search->limit && json_array_size(search->found) >= search->limit;
}

static int search_file(struct search *search, const char *pipeline, int fd, struct kist_error *err)
{
    struct kist_history_lines lines = {.fd = -1};
    int code = kist_history_lines_open(fd, &lines, err);
    while (!code && !is_full(search)) {
        const char *line = NULL;
        size_t size = 0;
        code = kist_history_lines_next(&lines, &line, &size, err);
        if (code || !line)
            break;
        code = look_at(search, pipeline, line, size, err);
    }
    kist_history_lines_close(&lines);
    return code;
}

/* -1 when there is none. */
static int open_file(const char *state_dir, const char *name, int *ret_fd, struct kist_error *err)
{
    char *path = NULL;
    if (asprintf(&path, "%s/%s", state_dir, name) < 0)
        return no_memory(err);
    int code = 0, fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat status;
    if (fd < 0 && errno != ENOENT)
        code = kist_fail_errno(err, errno, "cannot open '%s'", path);
    else if (fd >= 0 && fstat(fd, &status) != 0)
        code = kist_fail_errno(err, errno, "cannot look at '%s'", path);
    else if (fd >= 0 && !S_ISREG(status.st_mode))
        code = kist_fail(err, KIST_ERR_FAILED, "cannot read '%s': it is not a regular file", path);
    if (code && fd >= 0)
        close(fd);
    else if (!code)
        *ret_fd = fd;
    free(path);
    return code;
}

static int is_same(int a, int b)
{
    struct stat left, right;
    return a >= 0 && b >= 0 && fstat(a, &left) == 0 && fstat(b, &right) == 0 && left.st_dev == right.st_dev &&
           left.st_ino == right.st_ino;
}

static void close_both(int fds[2])
{
    for (int i = 0; i < 2; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    fds[0] = fds[1] = -1;
}

/* The present one and the older one. Between the two calls the present one may become the older one: then once more. */
static int open_both(const char *state_dir, int ret_fds[2], struct kist_error *err)
{
    int code = 0;
    do {
        close_both(ret_fds);
        code = open_file(state_dir, KIST_HISTORY_FILE, &ret_fds[0], err);
        if (!code)
            code = open_file(state_dir, KIST_HISTORY_OLDER, &ret_fds[1], err);
    } while (!code && is_same(ret_fds[0], ret_fds[1]));
    return code;
}

static int prepare(struct search *search, const char *pipeline, int64_t since, struct kist_error *err)
{
    kist_time_text(since > 0 ? since : 0, search->since);
    if (pipeline && asprintf(&search->pipeline, "\"%s\"", pipeline) < 0)
        search->pipeline = NULL;
    search->found = json_array();
    return search->found && (!pipeline || search->pipeline) ? 0 : no_memory(err);
}

static int search_all(struct search *search, const char *state_dir, const char *pipeline, int64_t since,
                      struct kist_error *err)
{
    int fds[2] = {-1, -1};
    int code = prepare(search, pipeline, since, err);
    if (!code)
        code = open_both(state_dir, fds, err);
    for (int i = 0; i < 2 && !code; i++)
        if (fds[i] >= 0)
            code = search_file(search, pipeline, fds[i], err);
    close_both(fds);
    free(search->pipeline);
    return code;
}

static json_t *reversed(json_t *array)
{
    json_t *result = json_array();
    for (size_t i = json_array_size(array); result && i > 0; i--)
        if (json_array_append(result, json_array_get(array, i - 1)) != 0) {
            json_decref(result);
            return NULL;
        }
    return result;
}

int kist_history_read(const char *state_dir, const char *pipeline, int64_t since, size_t limit,
                      json_t **ret_entries, size_t *ret_damaged, struct kist_error *err)
{
    struct search search = {.limit = limit};
    int code = search_all(&search, state_dir, pipeline, since, err);
    json_t *entries = code ? NULL : reversed(search.found);
    json_decref(search.found);
    if (code)
        return code;
    if (!entries)
        return no_memory(err);
    if (ret_damaged)
        *ret_damaged = search.damaged;
    *ret_entries = entries;
    return 0;
}

int kist_history_last(const char *state_dir, const char *pipeline, const char *event, json_t **ret_entry,
                      struct kist_error *err)
{
    struct search search = {.limit = 1, .event = event};
    int code = search_all(&search, state_dir, pipeline, 0, err);
    if (!code)
        *ret_entry = json_incref(json_array_get(search.found, 0));
    json_decref(search.found);
    return code;
}

int kist_history_lets_prune(json_t *run)
{
    const char *outcome = text_of(run, "outcome");
    return !outcome || strcmp(outcome, "ok") == 0 || json_object_get(run, "retention") != NULL;
}
