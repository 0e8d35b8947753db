/*
 * held.c - source `held`, for tests alone: the provider is a directory, and what it holds of a backup is a file there, named by
 * its id, with the lines name=, pipeline=, backup=, item=, size=, state=. The file `calls` gets a line for each call that
 * reaches the provider ("make NAME", "look ID", "discard ID", "sweep PIPELINE/BACKUP", "restore ID"), also for one that fails.
 *
 * A file of state=failed is corrupt; one whose pipeline= or backup= was changed belongs to somebody else.
 * What lives is a file `live-NAME`; a restore writes one of these.
 */
#include "held.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct kist_option options[] = {
    KIST_OPTION(struct held_config, place, .flags = KIST_OPTION_REQUIRED, .help = "directory of the provider"),
    KIST_OPTION(struct held_config, name, .def = "main", .help = "what is backed up there: live-NAME"),
    KIST_OPTION(struct held_config, host, .help = "address by which the database is known"),
    KIST_OPTION(struct held_config, items, .def = "db.branch", .help = "references of a backup"),
    KIST_OPTION(struct held_config, stored, .help = "items of a backup whose bytes are read"),
    KIST_OPTION(struct held_config, until_items, .help = "references that `until` is of; none: all"),
    KIST_OPTION(struct held_config, far, .help = "references that lie in the region `far`"),
    KIST_OPTION(struct held_config, size, .def = "1000", .help = "bytes that a reference is said to have"),
    KIST_OPTION(struct held_config, until, .def = "0s", .help = "how long a reference stays; 0s: for ever"),
    KIST_OPTION(struct held_config, delay, .def = "0s", .help = "what making one takes"),
    KIST_OPTION(struct held_config, history, .def = "7d", .help = "how far back a moment can be restored"),
    KIST_OPTION(struct held_config, fail, .def = "none",
                .choices = "none|make|look|discard|sweep|restore|half|hang|hang_discard|down|auth|taken|far",
                .help = "what goes wrong; half: it is made, and then said to have failed; taken: by another run"),
    KIST_OPTION(struct held_config, can, .def = "all", .choices = "all|plain",
                .help = "plain: no references, all items are stored"),
    KIST_OPTION_END};

/* ---- the provider ---- */

void held_path(const struct held *held, const char *name, char *path)
{
    snprintf(path, HELD_PATH, "%s/%s", held->config->place, name);
}

int held_broken(const struct held *held, const char *path, struct kist_error *err)
{
    int code = errno == ENOENT ? KIST_ERR_NOT_FOUND : KIST_ERR_FAILED;
    return held->host->fail(held->host, err, code, "%s: %s", path, strerror(errno));
}

int held_wait(const struct held *held, int64_t ms, struct kist_error *err)
{
    const struct kist_host *host = held->host;
    struct pollfd cancel = {.fd = host->cancel_fd(host), .events = POLLIN};
    if (ms > 0 && !host->cancelled(host))
        (void)poll(&cancel, 1, ms < INT_MAX ? (int)ms : INT_MAX);
    return host->cancelled(host) ? host->fail(host, err, KIST_ERR_CANCELLED, "stopped while it waited") : 0;
}

int held_call(const struct held *held, const char *verb, const char *what, int32_t fault, struct kist_error *err)
{
    const struct kist_host *host = held->host;
    char path[HELD_PATH], line[HELD_PATH];
    held_path(held, "calls", path);
    int size = snprintf(line, sizeof line, "%s %s\n", verb, what);
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    int failed = fd < 0 || write(fd, line, (size_t)size) != size;
    if (fd >= 0)
        close(fd);
    if (failed)
        return held_broken(held, path, err);
    const int32_t chosen = held->config->fail.index;
    if (chosen == HELD_DOWN)
        return host->fail(host, err, KIST_ERR_UNAVAILABLE, "the provider does not answer");
    if (chosen == HELD_AUTH)
        return host->fail(host, err, KIST_ERR_AUTH, "the provider refuses the key");
    if (chosen == fault && fault != HELD_NONE)
        return host->fail(host, err, KIST_ERR_FAILED, "the provider failed: %s", verb);
    return 0;
}

int held_read(const struct held *held, const char *path, char **ret_text, struct kist_error *err)
{
    char *text = calloc(1, HELD_PATH);
    FILE *file = text ? fopen(path, "rbe") : NULL;
    if (!file) {
        int code = held_broken(held, path, err);
        free(text);
        return code;
    }
    size_t size = fread(text, 1, HELD_PATH - 1, file);
    text[size] = '\0';
    fclose(file);
    *ret_text = text;
    return 0;
}

/* 1 when the text has the line "KEY=VALUE". */
static int has(const char *text, const char *key, const char *value)
{
    char line[HELD_PATH];
    snprintf(line, sizeof line, "%s=%s\n", key, value);
    const char *at = strstr(text, line);
    return at && (at == text || at[-1] == '\n');
}

static int is_of(const char *text, const struct kist_backup *backup)
{
    return has(text, "pipeline", backup->pipeline) && has(text, "backup", backup->id);
}

/* ---- an instance ---- */

static int held_open(const struct kist_host *host, const void *config, void **ret_self, struct kist_error *err)
{
    struct held *held = calloc(1, sizeof *held);
    if (!held)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    *held = (struct held){.host = host, .config = config};
    *ret_self = held;
    return 0;
}

static uint64_t features_of(const void *config)
{
    const struct held_config *held = config;
    return held->can.index == 0 ? UINT64_MAX : KIST_SOURCE_RESTORES;
}

static int check(void *self, const struct kist_facts *facts, struct kist_error *err)
{
    const struct held *held = self;
    (void)facts;
    return access(held->config->place, R_OK | W_OK | X_OK) == 0 ? 0 : held_broken(held, held->config->place, err);
}

static int known_as(void *self, int (*give)(void *arg, const char *name), void *arg, struct kist_error *err)
{
    const struct held *held = self;
    char name[HELD_PATH];
    (void)err;
    if (!held->config->host)
        return 0;
    snprintf(name, sizeof name, "host:%s", held->config->host);
    return give(arg, name);
}

static int backup_begin(void *self, const struct kist_backup *backup, struct kist_error *err)
{
    struct held *held = self;
    (void)err;
    held->pipeline = backup->pipeline;
    held->backup = backup->id;
    return 0;
}

static int give_items(const kist_list *names, uint32_t flags, kist_item_fn give, void *arg)
{
    int code = 0;
    for (uint64_t i = 0; i < names->count && !code; i++) {
        const struct kist_item item = {
            .struct_size = sizeof item, .flags = flags, .name = names->items[i], .size_estimate = -1};
        code = give(arg, &item);
    }
    return code;
}

static int items(void *self, kist_item_fn give, void *arg, struct kist_error *err)
{
    const struct held *held = self;
    const struct held_config *config = held->config;
    (void)err;
    int code = give_items(&config->items, config->can.index == 0 ? KIST_ITEM_REFERENCE : 0, give, arg);
    return code ? code : give_items(&config->stored, 0, give, arg);
}

static int read_begin(void *self, const struct kist_item *item, void **ret_reader, struct kist_error *err)
{
    struct held *held = self;
    held->told = 0;
    held->reading = held->host->keep_string(held->host, item->name);
    *ret_reader = held;
    return held->reading ? 0 : held->host->fail(held->host, err, KIST_ERR_FAILED, "out of memory");
}

static int read_some(void *reader, void *data, size_t capacity, size_t *ret_size, struct kist_error *err)
{
    struct held *held = reader;
    size_t left = strlen(held->reading) - held->told;
    (void)err;
    *ret_size = left < capacity ? left : capacity;
    memcpy(data, held->reading + held->told, *ret_size);
    held->told += *ret_size;
    return 0;
}

static void nothing(void *object)
{
    (void)object;
}

/* ---- references ---- */

static int is_in(const kist_list *items, const char *item)
{
    int found = 0;
    for (uint64_t i = 0; i < items->count; i++)
        found |= strcmp(items->items[i], item) == 0;
    return found;
}

static int expires(const struct held_config *config, const char *item)
{
    return (config->until_items.count == 0 || is_in(&config->until_items, item)) && config->until.ms > 0;
}

static int write_new(const struct held *held, const char *id, const char *name, const char *item,
                     struct kist_error *err)
{
    char path[HELD_PATH];
    held_path(held, id, path);
    FILE *file = fopen(path, "wxe");
    if (!file && errno == EEXIST)
        return held->host->fail(held->host, err, KIST_ERR_EXISTS, "branch '%s' is there already", id);
    if (!file)
        return held_broken(held, path, err);
    fprintf(file, "name=%s\npipeline=%s\nbackup=%s\nitem=%s\nsize=%llu\nstate=ready\n", name, held->pipeline,
            held->backup, item, (unsigned long long)held->config->size.bytes);
    return fclose(file) == 0 ? 0 : held_broken(held, path, err);
}

static int reference_make(void *self, const struct kist_item *item, kist_reference_fn give, void *arg,
                          struct kist_error *err)
{
    const struct held *held = self;
    const struct kist_host *host = held->host;
    const int32_t fail = held->config->fail.index;
    char id[512], name[512];
    snprintf(id, sizeof id, "br-%s-%s-%s", held->pipeline, held->backup, item->name);
    snprintf(name, sizeof name, "kist-%s-%s-%s", held->pipeline, held->backup, item->name);
    int code = held_call(held, "make", name, HELD_MAKE, err);
    if (!code)
        code = held_wait(held, held->config->delay.ms, err);
    /* Another host was faster with the last one. */
    const kist_list *all = &held->config->items;
    if (!code && fail == HELD_TAKEN && strcmp(all->items[all->count - 1], item->name) == 0)
        code = write_new(held, id, name, item->name, err);
    if (!code)
        code = write_new(held, id, name, item->name, err);
    if (!code && fail == HELD_HANG)
        code = held_wait(held, INT_MAX, err);
    if (!code && fail == HELD_HALF)
        code = host->fail(host, err, KIST_ERR_FAILED, "the provider failed halfway");
    const int64_t now = host->now_ms(host);
    const struct kist_reference reference = {
        .struct_size = sizeof reference,
        .provider = "held",
        .kind = "branch",
        .id = id,
        .name = name,
        .account = "project one",
        .region = is_in(&held->config->far, item->name) ? "far" : NULL,
        .state = "ready",
        .time_ms = now,
        .size = (int64_t)held->config->size.bytes,
        .until_ms = expires(held->config, item->name) ? now + held->config->until.ms : 0,
        .stock_restore = "cp from the provider",
    };
    return code ? code : give(arg, &reference);
}

static int reference_look(void *self, const struct kist_reference *reference, const struct kist_backup *backup,
                          kist_reference_fn give, void *arg, struct kist_error *err)
{
    const struct held *held = self;
    char path[HELD_PATH], *text = NULL;
    held_path(held, reference->id, path);
    int code = held_call(held, "look", reference->id, HELD_LOOK, err);
    if (!code)
        code = held_read(held, path, &text, err);
    if (!code && has(text, "state", "failed"))
        code = held->host->fail(held->host, err, KIST_ERR_CORRUPT, "branch '%s' failed", reference->id);
    if (!code && !is_of(text, backup))
        code =
            held->host->fail(held->host, err, KIST_ERR_CORRUPT, "branch '%s' is of another backup", reference->id);
    free(text);
    return code ? code : give(arg, reference);
}

static int reference_discard(void *self, const struct kist_reference *reference, const struct kist_backup *backup,
                             struct kist_error *err)
{
    const struct held *held = self;
    const struct kist_host *host = held->host;
    char path[HELD_PATH], *text = NULL;
    held_path(held, reference->id, path);
    int code = held_call(held, "discard", reference->id, HELD_DISCARD, err);
    if (!code && held->config->fail.index == HELD_FAR && reference->region)
        return host->fail(host, err, KIST_ERR_AUTH, "the key is refused in %s", reference->region);
    if (!code && held->config->fail.index == HELD_HANG_DISCARD)
        code = held_wait(held, INT_MAX, err);
    if (!code && access(path, F_OK) != 0)
        return 0;
    if (!code)
        code = held_read(held, path, &text, err);
    if (!code && !is_of(text, backup)) {
        code = host->fail(host, err, KIST_ERR_REFUSED, "branch '%s' is not of this backup", reference->id);
        host->hint(host, err,
                   "somebody else made it, or changed it: delete it at the provider if it is not needed");
    } else if (!code && unlink(path) != 0) {
        code = held_broken(held, path, err);
    }
    free(text);
    return code;
}

static int sweep_one(const struct held *held, const char *id, const struct kist_backup *backup,
                     struct kist_error *err)
{
    char path[HELD_PATH], *text = NULL;
    held_path(held, id, path);
    int code = held_read(held, path, &text, err);
    if (!code && is_of(text, backup) && unlink(path) != 0)
        code = held_broken(held, path, err);
    free(text);
    return code;
}

static int backup_sweep(void *self, const struct kist_backup *backup, struct kist_error *err)
{
    const struct held *held = self;
    char what[512];
    snprintf(what, sizeof what, "%s/%s", backup->pipeline, backup->id);
    int code = held_call(held, "sweep", what, HELD_SWEEP, err);
    DIR *dir = code ? NULL : opendir(held->config->place);
    if (!code && !dir)
        code = held_broken(held, held->config->place, err);
    for (const struct dirent *entry = dir ? readdir(dir) : NULL; entry && !code; entry = readdir(dir))
        if (strncmp(entry->d_name, "br-", 3) == 0)
            code = sweep_one(held, entry->d_name, backup, err);
    if (dir)
        closedir(dir);
    return code;
}

KIST_SOURCE(.about = {.name = "held",
                      .version = "1",
                      .summary = "a provider that is a directory, for tests",
                      .options = options,
                      .config_size = sizeof(struct held_config)},
            .features = KIST_SOURCE_RESTORES | KIST_SOURCE_REFERENCES | KIST_SOURCE_REPLACES | KIST_SOURCE_HISTORY,
            .open = held_open, .close = free, .check = check, .items = items, .read_begin = read_begin,
            .read = read_some, .read_end = nothing, .restore_begin = held_restore_begin,
            .write_begin = held_write_begin, .write = held_write, .write_commit = held_write_commit,
            .write_abort = held_write_abort, .restore_end = held_restore_end, .restore_place = held_restore_place,
            .restore_reject = held_restore_reject, .features_of = features_of, .backup_begin = backup_begin,
            .backup_sweep = backup_sweep, .reference_make = reference_make, .reference_look = reference_look,
            .reference_discard = reference_discard, .reference_restore = held_restore_reference,
            .known_as = known_as);
