#include "flaky.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct kist_host *host;
static struct flaky *flaky;

static int fails(int call, struct kist_error *err)
{
    flaky->calls[call]++;
    if (flaky->fail[call] == 0)
        return 0;
    flaky->fail[call]--;
    return host->fail(host, err, flaky->code ? flaky->code : KIST_ERR_UNAVAILABLE, "no luck");
}

static int loses(int call, struct kist_error *err)
{
    if (flaky->lost[call] == 0)
        return 0;
    flaky->lost[call]--;
    return host->fail(host, err, KIST_ERR_UNAVAILABLE, "the reply was lost");
}

static const struct kist_destination *disk(void)
{
    return &fake_disk_plugin.as.destination;
}

static int flaky_open(const struct kist_host *given, const void *config, void **ret_self, struct kist_error *err)
{
    host = given;
    flaky = (struct flaky *)(uintptr_t)config;
    int code = fails(OPEN, err);
    return code ? code : disk()->open(given, config, ret_self, err);
}

static int flaky_check(void *self, struct kist_error *err)
{
    (void)self;
    return fails(CHECK, err);
}

static int flaky_sweep(void *self, uint64_t *ret_count, struct kist_error *err)
{
    (void)self;
    *ret_count = 3;
    return fails(SWEEP, err);
}

static int flaky_below(void *self, const char *prefix, uint64_t *ret_count, struct kist_error *err)
{
    (void)self;
    snprintf(flaky->asked, sizeof flaky->asked, "%s", prefix);
    *ret_count = 4;
    return fails(BELOW, err);
}

static int flaky_begin(void *self, const struct kist_put *put, void **ret_writer, struct kist_error *err)
{
    int code = fails(BEGIN, err);
    snprintf(flaky->told, sizeof flaky->told, "%lld %s %s", (long long)put->size,
             put->content_type ? put->content_type : "-", put->metadata ? put->metadata[1] : "-");
    return code ? code : disk()->put_begin(self, put, ret_writer, err);
}

static int flaky_write(void *writer, const void *data, size_t size, struct kist_error *err)
{
    int code = fails(WRITE, err);
    return code ? code : disk()->put_write(writer, data, size, err);
}

static int flaky_commit(void *writer, uint64_t size, struct kist_error *err)
{
    int code = fails(COMMIT, err);
    return code ? code : disk()->put_commit(writer, size, err);
}

/* As a plugin without KIST_DESTINATION_RESUMES: the writer is gone after a failure. */
static int flaky_commit_once(void *writer, uint64_t size, struct kist_error *err)
{
    int code = fails(COMMIT, err);
    if (code) {
        disk()->put_abort(writer);
        return code;
    }
    code = disk()->put_commit(writer, size, err);
    return code ? code : loses(COMMIT, err);
}

static int flaky_get(void *self, const char *key, uint64_t offset, void **ret_reader, struct kist_error *err)
{
    int code = fails(GET, err);
    flaky->offset = offset;
    return code ? code : disk()->get_begin(self, key, offset, ret_reader, err);
}

static int flaky_read(void *reader, void *data, size_t capacity, size_t *ret_size, struct kist_error *err)
{
    int code = fails(READ, err);
    if (!code)
        return disk()->get_read(reader, data, capacity, ret_size, err);
    flaky->etag += flaky->changes;
    return code;
}

static int flaky_about(void *reader, kist_object_fn give, void *arg, struct kist_error *err)
{
    char etag[20];
    (void)reader;
    if (!flaky->etags)
        return host->fail(host, err, KIST_ERR_UNSUPPORTED, "it does not tell");
    snprintf(etag, sizeof etag, "e%d", flaky->etag);
    return give(arg, &(struct kist_object){
                         .struct_size = sizeof(struct kist_object), .key = "p/a", .size = 1, .etag = etag});
}

static int flaky_list(void *self, const char *prefix, kist_object_fn give, void *arg, struct kist_error *err)
{
    (void)self;
    int code = fails(LIST, err), down = flaky->descending && flaky->calls[LIST] > 1;
    for (int i = 0; i < 10 && (!code || i < flaky->fail_after); i++) {
        char key[40];
        snprintf(key, sizeof key, "%sk%d", prefix, down ? 9 - i : i);
        int ended =
            give(arg, &(struct kist_object){.struct_size = sizeof(struct kist_object), .key = key, .size = 1});
        if (ended)
            return ended;
    }
    return code;
}

static int flaky_stat(void *self, const char *key, kist_object_fn give, void *arg, struct kist_error *err)
{
    int code = fails(STAT, err);
    return code ? code : disk()->stat(self, key, give, arg, err);
}

static int flaky_remove(void *self, const char *key, struct kist_error *err)
{
    int code = fails(REMOVE, err);
    if (!code && flaky->many && strstr(key, "stuck"))
        return host->fail(host, err, KIST_ERR_REFUSED, "it is locked");
    return code ? code : disk()->remove(self, key, err);
}

static int flaky_many(void *self, const char *const *keys, uint64_t count, kist_unremoved_fn tell, void *arg,
                      struct kist_error *err)
{
    if (!flaky->many)
        return host->fail(host, err, KIST_ERR_UNSUPPORTED, "one at a time");
    int code = fails(MANY, err);
    if (count == 0 || count > 1000)
        abort();
    for (uint64_t i = 0; i < count && !code; i++)
        if (strstr(keys[i], "stuck"))
            tell(arg, keys[i], err);
        else
            code = disk()->remove(self, keys[i], err);
    return code;
}

static int flaky_copy(void *self, const char *from, const char *etag, const struct kist_put *put,
                      struct kist_error *err)
{
    (void)self;
    snprintf(flaky->asked, sizeof flaky->asked, "%s %s %s", from, etag, put->key);
    return fails(COPY, err);
}

struct kist_plugin flaky_plugin(uint64_t features)
{
    struct kist_plugin plugin = fake_disk_plugin;
    struct kist_destination *calls = &plugin.as.destination;
    plugin.name = "flaky";
    plugin.features = features;
    calls->open = flaky_open;
    calls->check = flaky_check;
    calls->sweep = flaky_sweep;
    calls->sweep_below = flaky_below;
    calls->put_begin = flaky_begin;
    calls->put_write = flaky_write;
    calls->put_commit = features & KIST_DESTINATION_RESUMES ? flaky_commit : flaky_commit_once;
    calls->get_begin = flaky_get;
    calls->get_read = flaky_read;
    calls->get_about = flaky_about;
    calls->list = flaky_list;
    calls->stat = flaky_stat;
    calls->remove = flaky_remove;
    calls->remove_many = flaky_many;
    calls->copy = flaky_copy;
    return plugin;
}
