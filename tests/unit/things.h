/* things.h - a source of many objects that change, vanish, and tell of versions; to be included by one file of a test. */
#ifndef THINGS_H
#define THINGS_H

#include <kist/source.h>

#include <stdlib.h>
#include <string.h>

#define MOST 40

struct thing {
    const char *name, *version;
    size_t size;
    int failures; /* how often a reading of it fails before it works */
    int code;     /* with what */
    int retryable;
    _Atomic int begun;
};

struct things {
    struct thing items[MOST];
    size_t count;
    _Atomic int instances, opened;
};

struct open_things {
    const struct kist_host *host;
    struct things *things;
};

struct thing_reader {
    struct open_things *open;
    struct thing *thing;
    size_t given;
    int try;
};

static int things_open(const struct kist_host *host, const void *config, void **ret_self, struct kist_error *err)
{
    (void)err;
    struct open_things *open = calloc(1, sizeof *open);
    *open = (struct open_things){.host = host, .things = (struct things *)(uintptr_t)config};
    open->things->instances++;
    open->things->opened++;
    *ret_self = open;
    return 0;
}

static void things_close(void *self)
{
    struct open_things *open = self;
    open->things->instances--;
    free(open);
}

static const struct kist_backup *things_backup(const char *id)
{
    static struct kist_backup backup = {.struct_size = sizeof backup, .pipeline = "shop", .owner = "me"};
    backup.id = id;
    return &backup;
}

static int things_begin(void *self, const struct kist_backup *backup, struct kist_error *err)
{
    (void)self;
    (void)err;
    if (strcmp(backup->pipeline, "shop") != 0)
        abort();
    return 0;
}

static int things_items(void *self, kist_item_fn give, void *arg, struct kist_error *err)
{
    const struct things *things = ((struct open_things *)self)->things;
    (void)err;
    for (size_t i = 0; i < things->count; i++) {
        const struct kist_item item = {.struct_size = sizeof item,
                                       .name = things->items[i].name,
                                       .size_estimate = (int64_t)things->items[i].size,
                                       .version = things->items[i].version};
        int code = give(arg, &item);
        if (code)
            return code;
    }
    return 0;
}

static int things_read_begin(void *self, const struct kist_item *item, void **ret_reader, struct kist_error *err)
{
    struct open_things *open = self;
    for (size_t i = 0; i < open->things->count; i++) {
        struct thing *thing = &open->things->items[i];
        if (strcmp(thing->name, item->name) != 0)
            continue;
        int try = ++thing->begun;
        if (thing->code == KIST_ERR_NOT_FOUND && try <= thing->failures)
            return (open->host->fail)(open->host, err, KIST_ERR_NOT_FOUND, "it is gone");
        struct thing_reader *reader = calloc(1, sizeof *reader);
        *reader = (struct thing_reader){.open = open, .thing = thing, .try = try};
        *ret_reader = reader;
        return 0;
    }
    return (open->host->fail)(open->host, err, KIST_ERR_BUG, "unknown item");
}

static int things_read(void *arg, void *data, size_t capacity, size_t *ret_size, struct kist_error *err)
{
    struct thing_reader *reader = arg;
    const struct kist_host *host = reader->open->host;
    size_t left = reader->thing->size - reader->given, size = left < capacity ? left : capacity;
    if (reader->try <= reader->thing->failures && reader->given * 2 >= reader->thing->size) {
        (host->fail)(host, err, reader->thing->code, "'%s' changed", reader->thing->name);
        host->retry(host, err, (uint32_t)reader->thing->retryable, 0);
        return reader->thing->code;
    }
    if (size > 1 && size * 2 > reader->thing->size)
        size /= 2;
    memset(data, reader->thing->name[0], size);
    reader->given += size;
    *ret_size = size;
    return 0;
}

static int things_about(void *arg, kist_item_fn give, void *give_arg, struct kist_error *err)
{
    static const char *const metadata[] = {"owner", "shop", "bad", "\xff", NULL};
    const struct thing_reader *reader = arg;
    (void)err;
    const struct kist_item item = {.struct_size = sizeof item,
                                   .name = reader->thing->name,
                                   .content_type = "text/x",
                                   .version = reader->thing->version,
                                   .metadata = metadata};
    return give(give_arg, &item);
}

static int things_facts(void *self, const struct kist_facts *facts, struct kist_error *err)
{
    (void)self;
    (void)err;
    facts->text(facts, "kind", "things");
    return 0;
}

static const struct kist_plugin things_plugin = {
    .kind = KIST_KIND_SOURCE,
    .name = "things",
    .about = {.name = "things", .version = "1"},
    .features = KIST_SOURCE_OBJECTS,
    .as.source = {.open = things_open,
                  .close = things_close,
                  .backup_begin = things_begin,
                  .items = things_items,
                  .read_begin = things_read_begin,
                  .read = things_read,
                  .read_end = free,
                  .read_about = things_about,
                  .facts = things_facts},
};

#endif
