#include "plugin_defaults.h"
#include "plugin_members.h"
#include "text.h"

#include <string.h>

static int no_recognizes(const void *data, size_t size)
{
    (void)data;
    (void)size;
    return 0;
}

static const char *no_text(void *self)
{
    (void)self;
    return NULL;
}

static int no_new_key(const struct kist_host *host, kist_key_fn give, void *arg, struct kist_error *err)
{
    (void)host;
    (void)give;
    (void)arg;
    return kist_fail(err, KIST_ERR_UNSUPPORTED, "this filter has no keys");
}

static int can_decode(void *self, struct kist_error *err)
{
    (void)self;
    (void)err;
    return 0;
}

static int encode_begin(void *self, void *out, size_t capacity, size_t *ret_size, void **ret_encoder,
                        struct kist_error *err)
{
    (void)out;
    (void)capacity;
    (void)err;
    *ret_size = 0;
    *ret_encoder = self;
    return 0;
}

static int destination_check(void *self, struct kist_error *err)
{
    (void)self;
    (void)err;
    return 0;
}

static int destination_sweep(void *self, uint64_t *ret_count, struct kist_error *err)
{
    (void)self;
    (void)err;
    *ret_count = 0;
    return 0;
}

/* The core asks stat, or keeps what it knows: these stand in where a plugin has no answer of its own. */
static int no_get_about(void *reader, kist_object_fn give, void *arg, struct kist_error *err)
{
    (void)reader;
    (void)give;
    (void)arg;
    return kist_fail(err, KIST_ERR_UNSUPPORTED, "it does not tell of what it reads");
}

static int no_remove_many(void *self, const char *const *keys, uint64_t count, kist_unremoved_fn tell, void *arg,
                          struct kist_error *err)
{
    (void)self;
    (void)keys;
    (void)count;
    (void)tell;
    (void)arg;
    return kist_fail(err, KIST_ERR_UNSUPPORTED, "it removes one object at a time");
}

static int no_copy(void *self, const char *from, const char *etag, const struct kist_put *put,
                   struct kist_error *err)
{
    (void)self;
    (void)from;
    (void)etag;
    (void)put;
    return kist_fail(err, KIST_ERR_UNSUPPORTED, "it copies nothing by itself");
}

static int no_sweep_below(void *self, const char *prefix, uint64_t *ret_count, struct kist_error *err)
{
    (void)self;
    (void)prefix;
    (void)ret_count;
    return kist_fail(err, KIST_ERR_UNSUPPORTED, "it does not look for unfinished uploads of one folder");
}

static void nothing_to_end(void *object)
{
    (void)object;
}

#define DESCRIPTOR struct kist_filter
static const struct kist_member filter_members[] = {
    REQUIRED_OF_ALL,
    REQUIRED(suffix),
    REQUIRED(stock_decoder),
    REQUIRED(block_size),
    REQUIRED(encoded_bound),
    OPTIONAL(encode_begin, encode_begin),
    OPTIONAL(encode_end, nothing_to_end),
    REQUIRED(worker_open),
    REQUIRED(worker_close),
    REQUIRED(encode),
    REQUIRED(decode_begin),
    REQUIRED(decode),
    REQUIRED(decode_finish),
    REQUIRED(decode_end),
    OPTIONAL(recognizes, no_recognizes),
    OPTIONAL(decoder_command, no_text),
    OPTIONAL(settings, no_text),
    OPTIONAL(new_key, no_new_key),
    OPTIONAL(can_decode, can_decode),
    {0},
};
#undef DESCRIPTOR

#define DESCRIPTOR struct kist_destination
static const struct kist_member destination_members[] = {
    REQUIRED_OF_ALL,
    OPTIONAL(check, destination_check),
    REQUIRED(put_begin),
    REQUIRED(put_write),
    REQUIRED(put_commit),
    REQUIRED(put_abort),
    REQUIRED(get_begin),
    REQUIRED(get_read),
    REQUIRED(get_end),
    REQUIRED(list),
    REQUIRED(stat),
    REQUIRED(remove),
    OPTIONAL(sweep, destination_sweep),
    OPTIONAL(get_about, no_get_about),
    OPTIONAL(remove_many, no_remove_many),
    OPTIONAL(copy, no_copy),
    OPTIONAL(sweep_below, no_sweep_below),
    {0},
};
#undef DESCRIPTOR

#define DESCRIPTOR struct kist_notifier
static const struct kist_member notifier_members[] = {REQUIRED_OF_ALL, REQUIRED(notify), {0}};
#undef DESCRIPTOR

static const struct kist_member *members_of(uint32_t kind)
{
    switch (kind) {
    case KIST_KIND_SOURCE: return kist_source_members;
    case KIST_KIND_FILTER: return filter_members;
    case KIST_KIND_DESTINATION: return destination_members;
    case KIST_KIND_NOTIFIER: return notifier_members;
    default: return NULL;
    }
}

size_t kist_plugin_own_size(uint32_t kind)
{
    switch (kind) {
    case KIST_KIND_SOURCE: return sizeof(struct kist_source);
    case KIST_KIND_FILTER: return sizeof(struct kist_filter);
    case KIST_KIND_DESTINATION: return sizeof(struct kist_destination);
    case KIST_KIND_NOTIFIER: return sizeof(struct kist_notifier);
    default: return 0;
    }
}

size_t kist_plugin_least_size(uint32_t kind)
{
    size_t least = 0;
    for (const struct kist_member *member = members_of(kind); member && member->name; member++)
        if (!member->stand_in && member->offset + sizeof(kist_any_function) > least)
            least = member->offset + sizeof(kist_any_function);
    return least;
}

/* Pointers to data and to functions have one size here (POSIX), and the descriptor is ours to write. */
static kist_any_function get_member(const struct kist_plugin *plugin, const struct kist_member *member)
{
    kist_any_function value;
    memcpy(&value, (const char *)&plugin->as + member->offset, sizeof value);
    return value;
}

static void set_member(struct kist_plugin *plugin, const struct kist_member *member, kist_any_function value)
{
    memcpy((char *)&plugin->as + member->offset, &value, sizeof value);
}

static int is_required(const struct kist_plugin *plugin, const struct kist_member *member)
{
    return !member->stand_in || (member->features & plugin->features) != 0;
}

static int name_missing(const struct kist_plugin *plugin, struct kist_error *err)
{
    KIST_CLEANUP_TEXT struct kist_text names = KIST_TEXT_INIT;
    for (const struct kist_member *member = members_of(plugin->kind); member->name; member++)
        if (is_required(plugin, member) && !get_member(plugin, member))
            kist_text_printf(&names, "%s'%s'", names.size > 0 ? ", " : "", member->name);
    return kist_fail(err, KIST_ERR_CONFIG, "it lacks what a %s must have: %s", kist_kind_name(plugin->kind),
                     kist_text_get(&names));
}

int kist_plugin_complete(struct kist_plugin *plugin, struct kist_error *err)
{
    int missing = 0;
    for (const struct kist_member *member = members_of(plugin->kind); member && member->name; member++) {
        if (get_member(plugin, member))
            continue;
        if (is_required(plugin, member))
            missing = 1;
        else
            set_member(plugin, member, member->stand_in);
    }
    return missing ? name_missing(plugin, err) : 0;
}
