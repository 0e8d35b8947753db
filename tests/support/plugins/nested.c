/*
 * nested.c - source `nested`, for tests alone: gives what another source gives, of the plugin `held`, which it opens through the
 * host.
 */
#include <kist/plugin.h>

#include <stdlib.h>

struct config {
    kist_source_ref inner;
    kist_switch twice;
};

static const struct kist_option options[] = {
    KIST_OPTION(struct config, inner, .choices = "held", .help = "the source that is read"),
    KIST_OPTION(struct config, twice, .def = "no", .help = "open it a second time, and leave that one unused"),
    KIST_OPTION_END};

struct nested {
    const struct kist_host *host;
    const struct kist_source *calls;
    void *inner, *reader;
};

static void nested_close(void *self)
{
    struct nested *nested = self;
    if (nested->inner)
        nested->calls->close(nested->inner);
    free(nested);
}

static int nested_open(const struct kist_host *host, const void *configuration, void **ret_self,
                       struct kist_error *err)
{
    const struct config *config = configuration;
    struct nested *nested = calloc(1, sizeof *nested);
    if (!nested)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    nested->host = host;
    int code = host->open_source(host, "held", config->inner.name, &nested->calls, &nested->inner, err);
    if (!code && config->twice.on) {
        nested->calls->close(nested->inner);
        nested->inner = NULL;
        code = host->open_source(host, "held", config->inner.name, &nested->calls, &nested->inner, err);
    }
    if (code)
        nested_close(nested);
    else
        *ret_self = nested;
    return code;
}

static int check(void *self, const struct kist_facts *facts, struct kist_error *err)
{
    const struct nested *nested = self;
    return nested->calls->check(nested->inner, facts, err);
}

static int known_as(void *self, int (*give)(void *arg, const char *name), void *arg, struct kist_error *err)
{
    const struct nested *nested = self;
    return nested->calls->known_as(nested->inner, give, arg, err);
}

static int items(void *self, kist_item_fn give, void *arg, struct kist_error *err)
{
    const struct nested *nested = self;
    return nested->calls->items(nested->inner, give, arg, err);
}

static int read_begin(void *self, const struct kist_item *item, void **ret_reader, struct kist_error *err)
{
    struct nested *nested = self;
    int code = nested->calls->read_begin(nested->inner, item, &nested->reader, err);
    if (!code)
        *ret_reader = nested;
    return code;
}

static int read_some(void *reader, void *data, size_t capacity, size_t *ret_size, struct kist_error *err)
{
    const struct nested *nested = reader;
    return nested->calls->read(nested->reader, data, capacity, ret_size, err);
}

static void read_end(void *reader)
{
    const struct nested *nested = reader;
    nested->calls->read_end(nested->reader);
}

KIST_SOURCE(.about = {.name = "nested",
                      .version = "1",
                      .summary = "what another source gives, for tests",
                      .options = options,
                      .config_size = sizeof(struct config)},
            .open = nested_open, .close = nested_close, .check = check, .items = items, .read_begin = read_begin,
            .read = read_some, .read_end = read_end, .known_as = known_as);
