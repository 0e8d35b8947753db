/* The callbacks of a source, and what stands in for those that it lacks. */
#include "error.h"
#include "plugin_members.h"

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

static int no_read_about(void *reader, kist_item_fn give, void *arg, struct kist_error *err)
{
    (void)reader;
    (void)give;
    (void)arg;
    (void)err;
    return 0;
}

static void nothing_to_end(void *object)
{
    (void)object;
}

#define DESCRIPTOR struct kist_source
const struct kist_member kist_source_members[] = {
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
