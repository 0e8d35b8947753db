#include "plugin_defaults.h"
#include "text.h"

#include <string.h>

typedef void (*any_function)(void);

/* A member of a descriptor that is a pointer: a callback, or a string that has to be there. */
struct member {
    const char *name;
    size_t offset;
    any_function stand_in; /* NULL: required */
    uint64_t features;     /* required in spite of a stand-in when the plugin has one of these features */
};

#define RESTORING (KIST_SOURCE_RESTORES | KIST_SOURCE_CHECKS)

static int source_check(void *self, const struct kist_facts *facts, struct kist_error *err)
{
    (void)self;
    (void)facts;
    (void)err;
    return 0;
}

static int no_restore_begin(void *self, const struct kist_restore *restore, void **ret_restore,
                            struct kist_error *err)
{
    (void)self;
    (void)restore;
    (void)ret_restore;
    return kist_fail(err, KIST_ERR_UNSUPPORTED, "this source takes nothing back");
}

static int no_write_begin(void *restore, const struct kist_item *item, void **ret_writer, struct kist_error *err)
{
    (void)restore;
    (void)item;
    (void)ret_writer;
    return kist_fail(err, KIST_ERR_UNSUPPORTED, "this source takes nothing back");
}

static int no_write(void *writer, const void *data, size_t size, struct kist_error *err)
{
    (void)writer;
    (void)data;
    (void)size;
    return kist_fail(err, KIST_ERR_UNSUPPORTED, "this source takes nothing back");
}

static int no_write_commit(void *writer, struct kist_error *err)
{
    (void)writer;
    return kist_fail(err, KIST_ERR_UNSUPPORTED, "this source takes nothing back");
}

static int no_counts(void *self, kist_count_fn give, void *arg, struct kist_error *err)
{
    (void)self;
    (void)give;
    (void)arg;
    (void)err;
    return 0;
}

static int no_restored_counts(void *restore, const struct kist_count *wanted, uint64_t count, kist_count_fn give,
                              void *arg, struct kist_error *err)
{
    (void)wanted;
    (void)count;
    return no_counts(restore, give, arg, err);
}

static int no_restore_place(void *restore, kist_place_fn give, void *arg, struct kist_error *err)
{
    (void)restore;
    (void)give;
    (void)arg;
    return kist_fail(err, KIST_ERR_UNSUPPORTED, "this source cannot say where it restores to");
}

static int no_swap(void *self, const struct kist_swap *swap, kist_swapped_fn give, void *arg,
                   struct kist_error *err)
{
    (void)self;
    (void)swap;
    (void)give;
    (void)arg;
    return kist_fail(err, KIST_ERR_UNSUPPORTED, "this source restores nothing beside its target");
}

static int no_aim(void *self, const char *target, struct kist_error *err)
{
    (void)self;
    (void)target;
    return kist_fail(err, KIST_ERR_UNSUPPORTED, "this source reads only what is configured");
}

static int no_scratch_begin(void *self, const char *work_dir, void **ret_scratch, const char **ret_target,
                            struct kist_error *err)
{
    (void)self;
    (void)work_dir;
    (void)ret_scratch;
    (void)ret_target;
    return kist_fail(err, KIST_ERR_UNSUPPORTED, "this source has no scratch place to restore to");
}

static uint64_t all_features(const void *config)
{
    (void)config;
    return UINT64_MAX;
}

static int backup_nothing(void *self, const struct kist_backup *backup, struct kist_error *err)
{
    (void)self;
    (void)backup;
    (void)err;
    return 0;
}

static int no_references(struct kist_error *err)
{
    return kist_fail(err, KIST_ERR_UNSUPPORTED, "this source has nothing that a provider holds");
}

static int no_reference_make(void *self, const struct kist_item *item, kist_reference_fn give, void *arg,
                             struct kist_error *err)
{
    (void)self;
    (void)item;
    (void)give;
    (void)arg;
    return no_references(err);
}

static int no_reference_look(void *self, const struct kist_reference *reference, const struct kist_backup *backup,
                             kist_reference_fn give, void *arg, struct kist_error *err)
{
    (void)self;
    (void)reference;
    (void)backup;
    (void)give;
    (void)arg;
    return no_references(err);
}

static int no_reference_discard(void *self, const struct kist_reference *reference,
                                const struct kist_backup *backup, struct kist_error *err)
{
    (void)self;
    (void)reference;
    (void)backup;
    return no_references(err);
}

static int no_reference_restore(void *restore, const struct kist_item *item, struct kist_error *err)
{
    (void)restore;
    (void)item;
    return no_references(err);
}

static int no_known_as(void *self, int (*give)(void *arg, const char *name), void *arg, struct kist_error *err)
{
    (void)self;
    (void)give;
    (void)arg;
    (void)err;
    return 0;
}

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

static int no_read_about(void *reader, kist_item_fn give, void *arg, struct kist_error *err)
{
    (void)reader;
    (void)give;
    (void)arg;
    (void)err;
    return 0;
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

#define REQUIRED(field)                                                                                           \
    {                                                                                                             \
        .name = #field, .offset = offsetof(DESCRIPTOR, field)                                                     \
    }
#define OPTIONAL(field, function) UNLESS(0, field, function)
/* The sizeof only makes the compiler compare the types of the callback and of what stands in for it. */
#define UNLESS(bits, field, function)                                                                             \
    {                                                                                                             \
        .name = #field,                                                                                           \
        .offset = offsetof(DESCRIPTOR, field) + 0 * sizeof(1 ? (function) : ((DESCRIPTOR *)0)->field),            \
        .stand_in = (any_function)(function), .features = (bits)                                                  \
    }
#define REQUIRED_OF_ALL                                                                                           \
    REQUIRED(about.name), REQUIRED(about.version), REQUIRED(about.summary), REQUIRED(open), REQUIRED(close)

#define DESCRIPTOR struct kist_source
static const struct member source_members[] = {
    REQUIRED_OF_ALL,
    OPTIONAL(check, source_check),
    REQUIRED(items),
    REQUIRED(read_begin),
    REQUIRED(read),
    REQUIRED(read_end),
    OPTIONAL(facts, source_check),
    UNLESS(RESTORING, restore_begin, no_restore_begin),
    UNLESS(RESTORING, write_begin, no_write_begin),
    UNLESS(RESTORING, write, no_write),
    UNLESS(RESTORING, write_commit, no_write_commit),
    UNLESS(RESTORING, write_abort, nothing_to_end),
    UNLESS(RESTORING, restore_end, nothing_to_end),
    OPTIONAL(read_about, no_read_about),
    OPTIONAL(counts, no_counts),
    OPTIONAL(restored_counts, no_restored_counts),
    UNLESS(KIST_SOURCE_SWAPS | KIST_SOURCE_REPLACES, restore_place, no_restore_place),
    UNLESS(KIST_SOURCE_SWAPS, swap, no_swap),
    UNLESS(KIST_SOURCE_SWAPS, aim, no_aim),
    UNLESS(KIST_SOURCE_DRILLS, scratch_begin, no_scratch_begin),
    UNLESS(KIST_SOURCE_DRILLS, scratch_end, nothing_to_end),
    OPTIONAL(restore_reject, nothing_to_end),
    OPTIONAL(features_of, all_features),
    OPTIONAL(backup_begin, backup_nothing),
    UNLESS(KIST_SOURCE_REFERENCES, backup_sweep, backup_nothing),
    UNLESS(KIST_SOURCE_REFERENCES, reference_make, no_reference_make),
    UNLESS(KIST_SOURCE_REFERENCES, reference_look, no_reference_look),
    UNLESS(KIST_SOURCE_REFERENCES, reference_discard, no_reference_discard),
    UNLESS(KIST_SOURCE_REFERENCES | KIST_SOURCE_HISTORY, reference_restore, no_reference_restore),
    OPTIONAL(known_as, no_known_as),
    {0},
};
#undef DESCRIPTOR

#define DESCRIPTOR struct kist_filter
static const struct member filter_members[] = {
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
static const struct member destination_members[] = {
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
static const struct member notifier_members[] = {REQUIRED_OF_ALL, REQUIRED(notify), {0}};
#undef DESCRIPTOR

static const struct member *members_of(uint32_t kind)
{
    switch (kind) {
    case KIST_KIND_SOURCE: return source_members;
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
    for (const struct member *member = members_of(kind); member && member->name; member++)
        if (!member->stand_in && member->offset + sizeof(any_function) > least)
            least = member->offset + sizeof(any_function);
    return least;
}

/* Pointers to data and to functions have one size here (POSIX), and the descriptor is ours to write. */
static any_function get_member(const struct kist_plugin *plugin, const struct member *member)
{
    any_function value;
    memcpy(&value, (const char *)&plugin->as + member->offset, sizeof value);
    return value;
}

static void set_member(struct kist_plugin *plugin, const struct member *member, any_function value)
{
    memcpy((char *)&plugin->as + member->offset, &value, sizeof value);
}

static int is_required(const struct kist_plugin *plugin, const struct member *member)
{
    return !member->stand_in || (member->features & plugin->features) != 0;
}

static int name_missing(const struct kist_plugin *plugin, struct kist_error *err)
{
    KIST_CLEANUP_TEXT struct kist_text names = KIST_TEXT_INIT;
    for (const struct member *member = members_of(plugin->kind); member->name; member++)
        if (is_required(plugin, member) && !get_member(plugin, member))
            kist_text_printf(&names, "%s'%s'", names.size > 0 ? ", " : "", member->name);
    return kist_fail(err, KIST_ERR_CONFIG, "it lacks what a %s must have: %s", kist_kind_name(plugin->kind),
                     kist_text_get(&names));
}

int kist_plugin_complete(struct kist_plugin *plugin, struct kist_error *err)
{
    int missing = 0;
    for (const struct member *member = members_of(plugin->kind); member && member->name; member++) {
        if (get_member(plugin, member))
            continue;
        if (is_required(plugin, member))
            missing = 1;
        else
            set_member(plugin, member, member->stand_in);
    }
    return missing ? name_missing(plugin, err) : 0;
}
