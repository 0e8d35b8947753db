/*
 * logfile - a notifier to copy: appends a line for every event to a file.
 *
 * It shows all that a notifier is: an option table, open, close, and one call that answers 0 only when the event has
 * arrived where it should. Deadlines are not its business, since a local file has none to miss; one that talks to a
 * network keeps to `deadline_ms`, and asks host->cancelled() when it waits.
 */
#include <kist/plugin.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct logfile_config {
    const char *path;
};

static const struct kist_option options[] = {
    KIST_OPTION(struct logfile_config, path, .flags = KIST_OPTION_REQUIRED,
                .help = "file that gets a line for every event"),
    KIST_OPTION_END,
};

struct logfile {
    const struct kist_host *host;
    const struct logfile_config *config;
};

static int open_logfile(const struct kist_host *host, const void *config, void **ret_self, struct kist_error *err)
{
    struct logfile *self = calloc(1, sizeof *self);
    if (!self)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    *self = (struct logfile){.host = host, .config = config};
    *ret_self = self;
    return 0;
}

static void close_logfile(void *self)
{
    free(self);
}

/* One write, so that the lines of several runs do not mix. */
static int append(const struct logfile *self, const char *line, struct kist_error *err)
{
    const struct kist_host *host = self->host;
    const char *path = self->config->path;
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return host->fail(host, err, KIST_ERR_FAILED, "cannot open '%s': %s", path, strerrordesc_np(errno));
    ssize_t written = write(fd, line, strlen(line));
    int errnum = written < 0 ? errno : 0;
    if (close(fd) != 0 && !errnum)
        errnum = errno;
    if (errnum)
        return host->fail(host, err, KIST_ERR_FAILED, "cannot write to '%s': %s", path, strerrordesc_np(errnum));
    if ((size_t)written != strlen(line))
        return host->fail(host, err, KIST_ERR_NO_SPACE, "cannot write a whole line to '%s'", path);
    return 0;
}

static int notify(void *self, const struct kist_event *told, int64_t deadline_ms, struct kist_error *err)
{
    const struct logfile *logfile = self;
    const struct kist_event event = kist_event_known(told); /* the core may be older than this plugin */
    char *line = NULL;
    (void)deadline_ms;
    int length = asprintf(&line, "%s %s/%s: %s%s%s\n", event.word ? event.word : "event", event.pipeline,
                          event.backup ? event.backup : "-", event.summary ? event.summary : "",
                          event.cause ? ": " : "", event.cause ? event.cause : "");
    if (length < 0)
        return logfile->host->fail(logfile->host, err, KIST_ERR_FAILED, "out of memory");
    /* Whatever a cause quotes, an event is one line. */
    for (char *c = line; c < line + length - 1; c++)
        if ((unsigned char)*c < 0x20)
            *c = ' ';
    int code = append(logfile, line, err);
    free(line);
    return code;
}

KIST_NOTIFIER(.about = {.name = "logfile",
                        .version = "1",
                        .summary = "a line in a file for every event: a template and a test double",
                        .options = options,
                        .config_size = sizeof(struct logfile_config)},
              .open = open_logfile, .close = close_logfile, .notify = notify);
