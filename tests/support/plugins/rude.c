/*
 * rude.c - source `rude`, for tests alone: one file, or an error whose text is whatever the configuration's file `says` holds.
 * It waits before it gives anything.
 */
#include <kist/plugin.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct config {
    const char *says;
    kist_duration slow;
};

static const struct kist_option options[] = {
    KIST_OPTION(struct config, says, .def = "", .help = "file with the text of the error that a run ends with"),
    KIST_OPTION(struct config, slow, .def = "0s", .help = "what a run takes"), KIST_OPTION_END};

struct rude {
    const struct kist_host *host;
    const struct config *config;
    size_t left;
};

static int rude_open(const struct kist_host *host, const void *config, void **ret_self, struct kist_error *err)
{
    struct rude *rude = calloc(1, sizeof *rude);
    if (!rude)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    *rude = (struct rude){.host = host, .config = config};
    *ret_self = rude;
    return 0;
}

static int items(void *self, kist_item_fn give, void *arg, struct kist_error *err)
{
    const struct kist_item item = {.struct_size = sizeof item, .name = "lines.txt", .size_estimate = -1};
    (void)self;
    (void)err;
    return give(arg, &item);
}

static int fail_with(const struct rude *rude, const char *path, struct kist_error *err)
{
    const struct kist_host *host = rude->host;
    size_t space = (size_t)4 << 20;
    char *text = calloc(1, space);
    FILE *in = fopen(path, "rb");
    if (!text || !in || fread(text, 1, space - 1, in) == 0)
        host->fail(host, err, KIST_ERR_BUG, "nothing to say");
    else
        host->fail(host, err, KIST_ERR_FAILED, "%s", text);
    if (in)
        fclose(in);
    free(text);
    return KIST_ERR_FAILED;
}

static int read_begin(void *self, const struct kist_item *item, void **ret_reader, struct kist_error *err)
{
    struct rude *rude = self;
    (void)item;
    usleep((useconds_t)(rude->config->slow.ms * 1000));
    if (rude->config->says && *rude->config->says)
        return fail_with(rude, rude->config->says, err);
    rude->left = 1000;
    *ret_reader = rude;
    return 0;
}

static int read_some(void *reader, void *data, size_t capacity, size_t *ret_size, struct kist_error *err)
{
    struct rude *rude = reader;
    size_t size = rude->left < capacity ? rude->left : capacity;
    (void)err;
    memset(data, '\n', size);
    rude->left -= size;
    *ret_size = size;
    return 0;
}

static void read_end(void *reader)
{
    (void)reader;
}

KIST_SOURCE(.about = {.name = "rude",
                      .version = "1",
                      .summary = "a file, or an error of any text: a test double",
                      .options = options,
                      .config_size = sizeof(struct config)},
            .open = rude_open, .close = free, .items = items, .read_begin = read_begin, .read = read_some,
            .read_end = read_end);
