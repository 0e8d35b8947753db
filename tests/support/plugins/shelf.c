/*
 * shelf.c - source `shelf`, for tests alone: the lines of one file, counted as the rows of a table. A restore writes a file
 * anew, in a drill one in the working directory. It goes wrong as the configuration says.
 */
#include <kist/plugin.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct config {
    const char *path;
    const char *note;
    kist_switch counts, skips, refuses, litters;
    int64_t loses;
    kist_duration slow;
};

static const struct kist_option options[] = {
    KIST_OPTION(struct config, path, .flags = KIST_OPTION_REQUIRED, .help = "the file"),
    KIST_OPTION(struct config, note, .def = "", .help = "file that gets a line for each scratch place"),
    KIST_OPTION(struct config, counts, .def = "yes", .help = "count the lines"),
    KIST_OPTION(struct config, skips, .def = "no", .help = "a scratch place lacks the extension"),
    KIST_OPTION(struct config, refuses, .def = "no", .help = "refuse to make a scratch place"),
    KIST_OPTION(struct config, litters, .def = "no", .help = "leave things in the working directory"),
    KIST_OPTION(struct config, loses, .def = "0", .help = "lines that a restore loses"),
    KIST_OPTION(struct config, slow, .def = "0s", .help = "what counting a restore takes"),
    KIST_OPTION_END};

struct shelf {
    const struct kist_host *host;
    const struct config *config;
    FILE *file;
    int64_t lines;
};

struct restore {
    struct shelf *shelf;
    char path[4096];
    FILE *file;
    uint32_t mode, flags;
};

struct scratch {
    struct shelf *shelf;
    char dir[4096], target[5000];
};

static int broken(const struct shelf *shelf, struct kist_error *err, const char *what)
{
    return shelf->host->fail(shelf->host, err, KIST_ERR_FAILED, "%s: %s", what, strerror(errno));
}

static int shelf_open(const struct kist_host *host, const void *config, void **ret_self, struct kist_error *err)
{
    struct shelf *shelf = calloc(1, sizeof *shelf);
    if (!shelf)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    *shelf = (struct shelf){.host = host, .config = config};
    *ret_self = shelf;
    return 0;
}

static int check(void *self, const struct kist_facts *facts, struct kist_error *err)
{
    (void)facts;
    const struct shelf *shelf = self;
    return access(shelf->config->path, R_OK) == 0 ? 0 : broken(shelf, err, shelf->config->path);
}

static int items(void *self, kist_item_fn give, void *arg, struct kist_error *err)
{
    const struct kist_item item = {.struct_size = sizeof item, .name = "lines.txt", .size_estimate = -1};
    (void)self;
    (void)err;
    return give(arg, &item);
}

static int read_begin(void *self, const struct kist_item *item, void **ret_reader, struct kist_error *err)
{
    struct shelf *shelf = self;
    (void)item;
    shelf->file = fopen(shelf->config->path, "rb");
    if (!shelf->file)
        return broken(shelf, err, shelf->config->path);
    shelf->lines = 0;
    *ret_reader = shelf;
    return 0;
}

static int read_some(void *reader, void *data, size_t capacity, size_t *ret_size, struct kist_error *err)
{
    struct shelf *shelf = reader;
    (void)err;
    *ret_size = fread(data, 1, capacity, shelf->file);
    for (size_t i = 0; i < *ret_size; i++)
        shelf->lines += ((const char *)data)[i] == '\n';
    return 0;
}

static void read_end(void *reader)
{
    fclose(((struct shelf *)reader)->file);
}

static int give_counts(const struct shelf *shelf, int64_t lines, uint32_t flags, kist_count_fn give, void *arg)
{
    const struct kist_count table = {
        .struct_size = sizeof table, .kind = "table", .name = "public.lines", .number = lines};
    const struct kist_count extension = {.struct_size = sizeof extension,
                                         .flags = flags,
                                         .kind = "extension",
                                         .name = "fancy",
                                         .number = -1,
                                         .note = flags & KIST_COUNT_SKIPPED ? "it is not installed here" : NULL};
    if (!shelf->config->counts.on)
        return 0;
    int code = give(arg, &table);
    return code ? code : give(arg, &extension);
}

static int counts(void *self, kist_count_fn give, void *arg, struct kist_error *err)
{
    const struct shelf *shelf = self;
    (void)err;
    return give_counts(shelf, shelf->lines, KIST_COUNT_PRESENT, give, arg);
}

static int restore_begin(void *self, const struct kist_restore *wanted, void **ret_restore, struct kist_error *err)
{
    struct shelf *shelf = self;
    struct restore *restore = calloc(1, sizeof *restore);
    if (!restore)
        return shelf->host->fail(shelf->host, err, KIST_ERR_FAILED, "out of memory");
    restore->shelf = shelf;
    restore->mode = wanted->mode;
    restore->flags = wanted->flags;
    snprintf(restore->path, sizeof restore->path, "%s", wanted->target ? wanted->target : shelf->config->path);
    *ret_restore = restore;
    return 0;
}

static int write_begin(void *self, const struct kist_item *item, void **ret_writer, struct kist_error *err)
{
    struct restore *restore = self;
    (void)item;
    restore->file = fopen(restore->mode == KIST_RESTORE_APPLY ? restore->path : "/dev/null", "wb");
    if (!restore->file)
        return broken(restore->shelf, err, restore->path);
    *ret_writer = restore;
    return 0;
}

static int write_some(void *writer, const void *data, size_t size, struct kist_error *err)
{
    const struct restore *restore = writer;
    return fwrite(data, 1, size, restore->file) == size ? 0 : broken(restore->shelf, err, "cannot write");
}

static int write_commit(void *writer, struct kist_error *err)
{
    struct restore *restore = writer;
    return fclose(restore->file) == 0 ? 0 : broken(restore->shelf, err, "cannot close");
}

static void write_abort(void *writer)
{
    struct restore *restore = writer;
    fclose(restore->file);
    unlink(restore->path);
}

static int restored_counts(void *self, const struct kist_count *wanted, uint64_t count, kist_count_fn give,
                           void *arg, struct kist_error *err)
{
    const struct restore *restore = self;
    const struct shelf *shelf = restore->shelf;
    int64_t lines = -shelf->config->loses;
    (void)wanted;
    (void)count;
    FILE *file = fopen(restore->path, "rb");
    if (!file)
        return broken(shelf, err, restore->path);
    for (int c = getc(file); c != EOF; c = getc(file))
        lines += c == '\n';
    fclose(file);
    for (int64_t waited = 0; waited < shelf->config->slow.ms; waited += 10) {
        if (shelf->host->cancelled(shelf->host))
            return shelf->host->fail(shelf->host, err, KIST_ERR_CANCELLED, "told to stop");
        usleep(10000);
    }
    return give_counts(shelf, lines,
                       shelf->config->skips.on && restore->flags & KIST_RESTORE_DRILL ? KIST_COUNT_SKIPPED
                                                                                      : KIST_COUNT_PRESENT,
                       give, arg);
}

static int scratch_begin(void *self, const char *work_dir, void **ret_scratch, const char **ret_target,
                         struct kist_error *err)
{
    struct shelf *shelf = self;
    if (shelf->config->refuses.on)
        return shelf->host->fail(shelf->host, err, KIST_ERR_REFUSED, "that is the source itself");
    struct scratch *scratch = calloc(1, sizeof *scratch);
    if (!scratch)
        return shelf->host->fail(shelf->host, err, KIST_ERR_FAILED, "out of memory");
    scratch->shelf = shelf;
    snprintf(scratch->dir, sizeof scratch->dir, "%s/place", work_dir);
    snprintf(scratch->target, sizeof scratch->target, "%s/lines", scratch->dir);
    if (mkdir(scratch->dir, 0700) != 0) {
        free(scratch);
        return broken(shelf, err, "cannot make a place");
    }
    FILE *note = *shelf->config->note ? fopen(shelf->config->note, "ab") : NULL;
    if (note) {
        fprintf(note, "%s\n", scratch->target);
        fclose(note);
    }
    *ret_scratch = scratch;
    *ret_target = scratch->target;
    return 0;
}

static void scratch_end(void *self)
{
    struct scratch *scratch = self;
    if (!scratch->shelf->config->litters.on) {
        unlink(scratch->target);
        rmdir(scratch->dir);
    }
    free(scratch);
}

KIST_SOURCE(.about = {.name = "shelf",
                      .version = "1",
                      .summary = "the lines of one file, for tests",
                      .options = options,
                      .config_size = sizeof(struct config)},
            .features = KIST_SOURCE_RESTORES | KIST_SOURCE_DRILLS, .open = shelf_open, .close = free,
            .check = check, .items = items, .read_begin = read_begin, .read = read_some, .read_end = read_end,
            .counts = counts, .restore_begin = restore_begin, .write_begin = write_begin, .write = write_some,
            .write_commit = write_commit, .write_abort = write_abort, .restore_end = free,
            .restored_counts = restored_counts, .scratch_begin = scratch_begin, .scratch_end = scratch_end);
