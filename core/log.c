#include "log.h"
#include "error.h"
#include "redact.h"
#include "text.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LONGEST 4096         /* bytes of a line: what a pipe takes in one piece */
#define LONGEST_MESSAGE 3500 /* leaves room for what stands around it */
#define PATIENCE_MS 1000     /* for a reader that does not read */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static atomic_int shown_level = KIST_LOG_INFO;
static enum kist_log_format shown_format = KIST_LOG_PLAIN;
static int colored;
static atomic_int write_failed;

/* systemd tells the device and inode of the stream that it connected to the journal. */
static int stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat status;
    unsigned long long device = 0, inode = 0;
    char rest = '\0';
    if (!stream || sscanf(stream, "%llu:%llu%c", &device, &inode, &rest) != 2)
        return 0;
    return fstat(STDERR_FILENO, &status) == 0 && status.st_dev == device && status.st_ino == inode;
}

void kist_log_setup(int level, enum kist_log_format format, int color)
{
    atomic_store(&shown_level, level);
    shown_format = format == KIST_LOG_PLAIN && stderr_is_journal() ? KIST_LOG_JOURNALD : format;
    colored = color && shown_format == KIST_LOG_PLAIN;
}

int kist_log_level(void)
{
    return atomic_load(&shown_level);
}

int kist_log_failed(void)
{
    return atomic_load(&write_failed);
}

/* What was logged last: `tail_end` counts all bytes that ever went in. */
static char tail[8192];
static size_t tail_end;

static void tail_add(const char *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        /* Colours and priorities are for who reads the log itself; nothing else of a line begins like them. */
        if (data[i] == '\033') {
            while (i + 1 < size && data[i] != 'm')
                i++;
            continue;
        }
        if (shown_format == KIST_LOG_JOURNALD && data[i] == '<' && (i == 0 || data[i - 1] == '\n') &&
            i + 2 < size) {
            i += 2;
            continue;
        }
        tail[tail_end++ % sizeof tail] = data[i];
    }
}

char *kist_log_tail(size_t limit)
{
    char *copy = malloc(sizeof tail + 1);
    if (!copy)
        return NULL;
    pthread_mutex_lock(&mutex);
    size_t size = tail_end < sizeof tail ? tail_end : sizeof tail, start = tail_end - size;
    for (size_t i = 0; i < size; i++)
        copy[i] = tail[(start + i) % sizeof tail];
    int whole = tail_end <= sizeof tail;
    pthread_mutex_unlock(&mutex);
    copy[size] = '\0';
    size_t cut = size > limit ? size - limit : 0;
    /* From the beginning of a line. */
    if (cut > 0 || !whole) {
        size_t from = cut > 0 ? cut - 1 : 0;
        const char *line = memchr(copy + from, '\n', size - from);
        cut = line ? (size_t)(line + 1 - copy) : size;
    }
    memmove(copy, copy + cut, size - cut + 1);
    return copy;
}

static int write_all(const char *data, size_t size)
{
    while (size > 0) {
        ssize_t written = write(STDERR_FILENO, data, size);
        if (written > 0) {
            data += written;
            size -= (size_t)written;
        } else if (written < 0 && errno == EAGAIN) {
            struct pollfd wait = {.fd = STDERR_FILENO, .events = POLLOUT};
            if (poll(&wait, 1, PATIENCE_MS) == 0)
                return -1;
        } else if (written == 0 || errno != EINTR) {
            return -1;
        }
    }
    return 0;
}

/* The lines of one event go out together, so that threads and processes do not mix theirs in. */
static void emit(struct kist_text *lines)
{
    static const char lost[] = "kist: error: a line of the log was lost: out of memory\n";
    int saved = errno;
    int lost_it = kist_text_failed(lines);
    const char *data = lost_it ? lost : kist_text_get(lines);
    size_t size = lost_it ? sizeof lost - 1 : lines->size;
    pthread_mutex_lock(&mutex);
    tail_add(data, size);
    if (write_all(data, size) || lost_it)
        atomic_store(&write_failed, 1);
    pthread_mutex_unlock(&mutex);
    kist_text_done(lines);
    errno = saved;
}

/* Secrets go first: escaping would change what they look like. */
static void add_clean(struct kist_text *text, const char *raw, size_t limit)
{
    struct kist_text clean = KIST_TEXT_INIT;
    char *redacted = kist_redact(raw);
    if (redacted)
        kist_text_add_printable(&clean, redacted, strlen(redacted));
    if (clean.size > limit) {
        kist_text_truncate(&clean, limit);
        kist_text_add(&clean, "...");
    }
    kist_text_add(text, kist_text_get(&clean));
    if (!redacted || kist_text_failed(&clean))
        text->failed = 1;
    kist_text_done(&clean);
    free(redacted);
}

static const char *level_name(int level)
{
    switch (level) {
    case KIST_LOG_ERROR: return "error";
    case KIST_LOG_WARNING: return "warning";
    case KIST_LOG_DEBUG: return "debug";
    default: return "info";
    }
}

/* What stands before the first line ("kist: error: ") in the chosen format; an info line says no level. */
static void add_head(struct kist_text *lines, int level)
{
    static const char priority[] = {'6', '3', '4', '6', '7'};
    const char *color = level == KIST_LOG_ERROR ? "\033[1;31m" : level == KIST_LOG_WARNING ? "\033[1;33m" : "";
    if (shown_format == KIST_LOG_JOURNALD)
        kist_text_printf(lines, "<%c>", priority[level >= KIST_LOG_ERROR && level <= KIST_LOG_DEBUG ? level : 0]);
    kist_text_add(lines, "kist: ");
    if (level == KIST_LOG_INFO)
        return;
    if (colored && *color)
        kist_text_printf(lines, "%s%s:\033[0m ", color, level_name(level));
    else
        kist_text_printf(lines, "%s: ", level_name(level));
}

static void emit_plain(int level, const char *where, const char *message, const char *hint)
{
    struct kist_text lines = KIST_TEXT_INIT;
    add_head(&lines, level);
    if (where) {
        add_clean(&lines, where, LONGEST - LONGEST_MESSAGE - 64);
        kist_text_add(&lines, ": ");
    }
    add_clean(&lines, message, LONGEST_MESSAGE);
    kist_text_add_char(&lines, '\n');
    if (hint) {
        if (shown_format == KIST_LOG_JOURNALD)
            kist_text_add(&lines, level == KIST_LOG_ERROR ? "<3>" : level == KIST_LOG_WARNING ? "<4>" : "<6>");
        kist_text_add(&lines, "  hint: ");
        add_clean(&lines, hint, LONGEST_MESSAGE);
        kist_text_add_char(&lines, '\n');
    }
    emit(&lines);
}

static void time_now(char *text, size_t size)
{
    struct timespec now = {0};
    struct tm utc = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    size_t length = strftime(text, size, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text + length, size - length, ".%03uZ", (unsigned)(now.tv_nsec / 1000000) % 1000);
}

static int set_clean(json_t *event, const char *key, const char *raw, size_t limit)
{
    struct kist_text clean = KIST_TEXT_INIT;
    if (!raw)
        return 0;
    add_clean(&clean, raw, limit);
    int failed = kist_text_failed(&clean) || json_object_set_new(event, key, json_string(kist_text_get(&clean)));
    kist_text_done(&clean);
    return failed ? -1 : 0;
}

/* The event as one line, or NULL without memory. */
static char *json_line(int level, const char *where, const char *message, const char *hint, size_t limit)
{
    char now[40];
    json_t *event = json_object();
    char *line = NULL;
    time_now(now, sizeof now);
    int failed = !event || json_object_set_new(event, "time", json_string(now)) ||
                 json_object_set_new(event, "level", json_string(level_name(level))) ||
                 set_clean(event, "where", where, limit) || set_clean(event, "message", message, limit) ||
                 set_clean(event, "hint", hint, limit);
    if (!failed)
        line = json_dumps(event, JSON_COMPACT);
    json_decref(event);
    return line;
}

static void emit_json(int level, const char *where, const char *message, const char *hint)
{
    struct kist_text lines = KIST_TEXT_INIT;
    /* Quoting makes texts longer, so the room for each of them shrinks until the line is short enough. */
    for (size_t limit = LONGEST_MESSAGE;; limit /= 2) {
        char *line = json_line(level, where, message, hint, limit);
        int fits = line && (strlen(line) < LONGEST || limit < 64);
        if (fits) {
            kist_text_add(&lines, line);
            kist_text_add_char(&lines, '\n');
        }
        lines.failed |= !line;
        free(line);
        if (fits || lines.failed)
            break;
    }
    emit(&lines);
}

static void emit_event(int level, const char *where, const char *message, const char *hint)
{
    if (shown_format == KIST_LOG_JSON)
        emit_json(level, where, message, hint);
    else
        emit_plain(level, where, message, hint);
}

void kist_log_v(int level, const char *where, const char *format, va_list args)
{
    struct kist_text message = KIST_TEXT_INIT;
    if (level > kist_log_level())
        return;
    int saved = errno;
    kist_text_vprintf(&message, format, args);
    if (kist_text_failed(&message))
        emit(&message);
    else
        emit_event(level, where, kist_text_get(&message), NULL);
    kist_text_done(&message);
    errno = saved;
}

void kist_log(int level, const char *where, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    kist_log_v(level, where, format, args);
    va_end(args);
}

void kist_log_at(int level, const char *where, const struct kist_error *err)
{
    if (level <= kist_log_level())
        emit_event(level, where, kist_error_text(err), err->hint);
}

void kist_log_error(const char *where, const struct kist_error *err)
{
    kist_log_at(KIST_LOG_ERROR, where, err);
}
