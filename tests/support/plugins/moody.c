/*
 * moody.c - notifier `moody`, for tests alone: takes an event, refuses it, crashes or hangs, as the configuration says. What it
 * takes is appended to a file: the JSON of the event, or the text.
 */
#include <kist/plugin.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum mood { TAKES, CRASHES, HANGS, EXITS, SAYS_LATER, SAYS_NO, SAYS_SOME, TALKS, FORKS };

struct config {
    const char *path;
    kist_choice mood;
    int64_t times; /* that it says "later" */
    kist_duration retry_after;
    kist_secret secret; /* that it quotes when it fails */
    kist_switch text;   /* writes the text, not the JSON */
    kist_switch remember;
};

static const struct kist_option options[] = {
    KIST_OPTION(struct config, path, .flags = KIST_OPTION_REQUIRED, .help = "file that gets what was told"),
    KIST_OPTION(struct config, mood, .def = "takes",
                .choices = "takes|crashes|hangs|exits|later|no|some|talks|forks",
                .help = "what it does with an event"),
    KIST_OPTION(struct config, times, .def = "1000", .help = "how often it says 'later' before it takes one"),
    KIST_OPTION(struct config, retry_after, .def = "0s", .help = "what it asks to wait then"),
    KIST_OPTION(struct config, secret, .help = "what it quotes when it fails"),
    KIST_OPTION(struct config, text, .def = "no", .help = "writes the text of an event instead of its JSON"),
    KIST_OPTION(struct config, remember, .def = "no", .help = "asks at a start to have the run remembered"),
    KIST_OPTION_END,
};

struct moody {
    const struct kist_host *host;
    const struct config *config;
    int64_t calls;
};

static int moody_open(const struct kist_host *host, const void *config, void **ret_self, struct kist_error *err)
{
    struct moody *self = calloc(1, sizeof *self);
    if (!self)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    *self = (struct moody){.host = host, .config = config};
    *ret_self = self;
    return 0;
}

static void moody_close(void *self)
{
    free(self);
}

static int append(const struct moody *self, const char *text, struct kist_error *err)
{
    int fd = open(self->config->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    char *line = NULL;
    int size = asprintf(&line, "%s\n", text);
    int failed = fd < 0 || size < 0 || write(fd, line, (size_t)size) != size;
    if (fd >= 0)
        close(fd);
    free(line);
    return failed ? self->host->fail(self->host, err, KIST_ERR_FAILED, "cannot write '%s': %s", self->config->path,
                                     strerror(errno))
                  : 0;
}

static void hang(void)
{
    signal(SIGTERM, SIG_IGN);
    for (;;)
        pause();
}

/* A megabyte of what a server might say. */
static int talk(const struct moody *self, struct kist_error *err)
{
    static const char phrase[] = "\r\n<!channel> \x1b[31m\xff\xfe no ";
    size_t size = 1024 * 1024;
    char *text = malloc(size + 1);
    if (!text)
        return self->host->fail(self->host, err, KIST_ERR_FAILED, "out of memory");
    for (size_t i = 0; i < size; i++)
        text[i] = phrase[i % (sizeof phrase - 1)];
    text[size] = '\0';
    int code = self->host->fail(self->host, err, KIST_ERR_FAILED, "it said: %s", text);
    free(text);
    return code;
}

static int notify(void *arg, const struct kist_event *event, int64_t deadline_ms, struct kist_error *err)
{
    struct moody *self = arg;
    const struct kist_host *host = self->host;
    const struct config *config = self->config;
    (void)deadline_ms;
    switch ((enum mood)config->mood.index) {
    case CRASHES:
        signal(SIGSEGV, SIG_DFL); /* a sanitizer would catch it */
        raise(SIGSEGV);
        break;
    case HANGS: hang(); break;
    case EXITS: exit(0);
    case SAYS_NO: return host->fail(host, err, KIST_ERR_AUTH, "no, said with %s", config->secret.reveal);
    case SAYS_SOME: return host->fail(host, err, KIST_ERR_REFUSED, "one of two was told");
    case TALKS: return talk(self, err);
    case FORKS:
        if (fork() == 0)
            hang();
        hang();
        break;
    case SAYS_LATER:
        if (self->calls++ < config->times) {
            host->fail(host, err, KIST_ERR_UNAVAILABLE, "later");
            host->retry(host, err, 1, config->retry_after.ms);
            return KIST_ERR_UNAVAILABLE;
        }
        break;
    case TAKES: break;
    }
    if (config->remember.on && event->kind == KIST_EVENT_START)
        event->remember(event, event->run);
    if (config->remember.on && event->kind != KIST_EVENT_START &&
        append(self, event->memory ? event->memory : "nothing", err))
        return err->code;
    return append(self, config->text.on ? event->text : event->json, err);
}

KIST_NOTIFIER(.about = {.name = "moody",
                        .version = "1",
                        .summary = "a notifier for tests of those that tell",
                        .options = options,
                        .config_size = sizeof(struct config)},
              .features = KIST_NOTIFIER_STARTS, .open = moody_open, .close = moody_close, .notify = notify);
