/* mirror_list.c - which objects there are, and which of them are saved. */
#include "mirror.h"

#include <kist/glob.h>
#include <stdlib.h>
#include <string.h>

struct listing {
    struct mirror *mirror;
    kist_item_fn give;
    void *arg;
    unsigned char *fitted; /* one per pattern of `include`: something fits it */
    int only_look;
    int ended; /* by us: enough was seen */
};

static int is_wanted(struct listing *listing, const char *key)
{
    const struct mirror_config *config = listing->mirror->config;
    int wanted = config->include.count == 0;
    for (uint64_t i = 0; i < config->include.count; i++)
        if (kist_glob_match(config->include.items[i], key))
            wanted = listing->fitted[i] = 1;
    for (uint64_t i = 0; i < config->exclude.count && wanted; i++)
        wanted = !kist_glob_match(config->exclude.items[i], key);
    return wanted;
}

/* Some tools make an empty object "photos/" so that a folder shows up; it holds nothing. */
static int is_folder(const struct kist_object *object)
{
    size_t length = strlen(object->key);
    return length > 0 && object->key[length - 1] == '/' && object->size == 0;
}

static int give_item(struct listing *listing, const struct kist_object *object)
{
    char *version = mirror_version(object->etag, object->size, object->modified_ms);
    if (!version)
        return KIST_ERR_FAILED;
    struct kist_item item = {.struct_size = sizeof item,
                             .name = object->key,
                             .size_estimate = object->size,
                             .content_type = object->content_type,
                             .metadata = object->metadata,
                             .version = *version ? version : NULL};
    int code = listing->give(listing->arg, &item);
    free(version);
    return code;
}

static int take_object(void *arg, const struct kist_object *object)
{
    struct listing *listing = arg;
    struct mirror *mirror = listing->mirror;
    if (mirror->host->cancelled(mirror->host))
        return KIST_ERR_CANCELLED;
    if (is_folder(object)) {
        mirror->folders++;
        return 0;
    }
    if (!is_wanted(listing, object->key)) {
        mirror->skipped++;
        return 0;
    }
    mirror->objects++;
    mirror->bytes += object->size > 0 ? object->size : 0;
    listing->ended = listing->only_look;
    return listing->only_look ? KIST_ERR_CANCELLED : give_item(listing, object);
}

/* Nothing to save is what a wrong key or a typing mistake looks like. */
static int fail_empty(const struct mirror *mirror, struct kist_error *err)
{
    const struct kist_host *host = mirror->host;
    if (mirror->skipped)
        host->fail(host, err, KIST_ERR_FAILED,
                   "none of the %lld objects of [destination %s] fits `include` and `exclude`",
                   (long long)mirror->skipped, mirror->config->from.name);
    else
        host->fail(host, err, KIST_ERR_FAILED, "there is no object in [destination %s]%s%s",
                   mirror->config->from.name, *mirror->folder ? " below " : "", mirror->folder);
    host->hint(host, err, "if that is right, say allow_empty = yes");
    return err->code;
}

static void warn_of_unfitted(const struct listing *listing)
{
    const struct mirror *mirror = listing->mirror;
    for (uint64_t i = 0; i < mirror->config->include.count; i++)
        if (!listing->fitted[i])
            mirror->host->log(mirror->host, KIST_LOG_WARNING, "include: no key fits '%s'",
                              mirror->config->include.items[i]);
}

static int list_objects(struct listing *listing, struct kist_error *err)
{
    struct mirror *mirror = listing->mirror;
    int code = mirror_open_store(mirror, err);
    mirror->objects = mirror->bytes = mirror->skipped = mirror->folders = 0;
    if (!code && !(listing->fitted = calloc(1, (size_t)mirror->config->include.count + 1)))
        code = mirror->host->fail(mirror->host, err, KIST_ERR_FAILED, "out of memory");
    if (!code)
        code = mirror->calls->list(mirror->store, mirror->folder, take_object, listing, err);
    if (code && listing->ended)
        code = 0;
    if (!code && mirror->objects == 0 && !mirror->config->allow_empty.on)
        code = fail_empty(mirror, err);
    if (!code && !listing->only_look)
        warn_of_unfitted(listing);
    free(listing->fitted);
    return code;
}

int mirror_items(void *self, kist_item_fn give, void *arg, struct kist_error *err)
{
    struct listing listing = {.mirror = self, .give = give, .arg = arg};
    return list_objects(&listing, err);
}

int mirror_check(void *self, const struct kist_facts *facts, struct kist_error *err)
{
    struct listing listing = {.mirror = self, .only_look = 1};
    int code = list_objects(&listing, err);
    if (!code)
        facts->text(facts, "store", listing.mirror->config->from.name);
    return code;
}

int mirror_facts(void *self, const struct kist_facts *facts, struct kist_error *err)
{
    const struct mirror *mirror = self;
    (void)err;
    facts->text(facts, "store", mirror->config->from.name);
    if (*mirror->folder)
        facts->text(facts, "prefix", mirror->folder);
    facts->number(facts, "objects", mirror->objects);
    facts->number(facts, "bytes", mirror->bytes);
    facts->number(facts, "skipped", mirror->skipped);
    facts->number(facts, "folders", mirror->folders);
    return 0;
}
