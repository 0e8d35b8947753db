#include "pull.h"

#include <stdlib.h>
#include <string.h>

#define PIECE ((size_t)256 * 1024) /* read from the store, and held between two filters, at a time */

/* One filter on the way back, with the bytes that wait for it. */
struct step {
    struct kist_instance *instance;
    void *decoder;
    unsigned char *input;
    size_t start, size; /* of what waits in `input` */
    int ended;          /* its input is at its end */
    int finished;       /* and so is it */
};

struct kist_pull {
    struct kist_store *store;
    const struct kist_manifest_item *item;
    struct kist_reader *reader;
    struct kist_hash *stored_hash, *raw_hash;
    uint64_t stored_size, raw_size;
    int stored_checked, raw_checked, decode;
    int measures; /* the manifest does not know it */
    struct kist_digest stored_found, raw_found;
    struct step *steps; /* the first one reads the object */
    size_t step_count;
};

static int corrupt(const struct kist_pull *pull, struct kist_error *err, const char *what)
{
    return kist_fail(err, KIST_ERR_CORRUPT, "%s: '%s' %s", kist_store_name(pull->store), pull->item->key, what);
}

/* Compares what was read with the manifest; once. */
static int check_end(struct kist_pull *pull, struct kist_hash *hash, uint64_t size,
                     const struct kist_digest *expected, struct kist_digest *ret_found, int *checked,
                     const char *form, struct kist_error *err)
{
    if (*checked)
        return 0;
    int code = kist_hash_finish(hash, ret_found->sha256, err);
    if (code)
        return code;
    *checked = 1;
    ret_found->size = size;
    if (pull->measures)
        return 0;
    if (size != expected->size)
        return kist_fail(err, KIST_ERR_CORRUPT, "%s: '%s' has %llu %s bytes, its manifest says %llu",
                         kist_store_name(pull->store), pull->item->key, (unsigned long long)size, form,
                         (unsigned long long)expected->size);
    if (strcmp(ret_found->sha256, expected->sha256) != 0)
        return kist_fail(err, KIST_ERR_CORRUPT,
                         "%s: '%s' does not hold the %s bytes that were saved (SHA-256 differs)",
                         kist_store_name(pull->store), pull->item->key, form);
    return 0;
}

/* Stored bytes, hashed. */
static int read_stored(struct kist_pull *pull, void *data, size_t capacity, size_t *ret_size,
                       struct kist_error *err)
{
    size_t size = 0;
    int code = kist_store_get_read(pull->reader, data, capacity, &size, err);
    if (code)
        return code;
    pull->stored_size += size;
    if (!pull->measures && pull->stored_size > pull->item->stored.size)
        return corrupt(pull, err, "is longer than its manifest says");
    code = size ? kist_hash_update(pull->stored_hash, data, size, err)
                : check_end(pull, pull->stored_hash, pull->stored_size, &pull->item->stored, &pull->stored_found,
                            &pull->stored_checked, "stored", err);
    if (!code)
        *ret_size = size;
    return code;
}

static int read_step(struct kist_pull *pull, size_t index, void *data, size_t capacity, size_t *ret_size,
                     struct kist_error *err);

/* Fetches more input for a step from the one before it. */
static int refill(struct kist_pull *pull, size_t index, struct kist_error *err)
{
    struct step *step = &pull->steps[index];
    size_t size = 0;
    memmove(step->input, step->input + step->start, step->size);
    step->start = 0;
    int code = read_step(pull, index, step->input + step->size, PIECE - step->size, &size, err);
    if (code)
        return code;
    step->size += size;
    step->ended = size == 0;
    return 0;
}

static int decode_some(struct kist_pull *pull, struct step *step, void *data, size_t capacity, size_t *ret_given,
                       struct kist_error *err)
{
    const struct kist_filter *filter = &step->instance->plugin->as.filter;
    size_t taken = 0, given = 0;
    int code = kist_instance_result(
        step->instance,
        filter->decode(step->decoder, step->input + step->start, step->size, &taken, data, capacity, &given, err),
        err);
    if (code)
        return kist_error_prefix(err, "%s: '%s'", kist_store_name(pull->store), pull->item->key);
    if (taken > step->size || given > capacity)
        return kist_fail(err, KIST_ERR_BUG, "%s: decoded more than there was", step->instance->where);
    /* Neither input taken nor output given with a full buffer of input: it would go on for ever. */
    if (taken == 0 && given == 0 && step->size == PIECE)
        return kist_fail(err, KIST_ERR_BUG, "%s: makes no progress", step->instance->where);
    step->start += taken;
    step->size -= taken;
    *ret_given = given;
    return 0;
}

/* Reads what step `index - 1` gives; index 0 reads the object itself. */
static int read_step(struct kist_pull *pull, size_t index, void *data, size_t capacity, size_t *ret_size,
                     struct kist_error *err)
{
    if (index == 0)
        return read_stored(pull, data, capacity, ret_size, err);
    struct step *step = &pull->steps[index - 1];
    size_t given = 0;
    int code = 0;
    while (!code && given == 0 && !step->finished) {
        size_t before = step->size;
        if (step->size > 0 || step->ended)
            code = decode_some(pull, step, data, capacity, &given, err);
        if (code || given > 0)
            break;
        if (!step->ended) {
            if (step->size == before || step->size == 0)
                code = refill(pull, index - 1, err);
        } else if (step->size == before) {
            const struct kist_filter *filter = &step->instance->plugin->as.filter;
            code = step->size
                       ? corrupt(pull, err, "has bytes at its end that belong to nothing")
                       : kist_instance_result(step->instance, filter->decode_finish(step->decoder, err), err);
            if (code && step->size == 0)
                code = kist_error_prefix(err, "%s: '%s'", kist_store_name(pull->store), pull->item->key);
            step->finished = !code;
        }
    }
    if (!code)
        *ret_size = given;
    return code;
}

int kist_pull_read(struct kist_pull *pull, void *data, size_t capacity, size_t *ret_size, struct kist_error *err)
{
    size_t size = 0;
    int code = read_step(pull, pull->decode ? pull->step_count : 0, data, capacity, &size, err);
    if (code)
        return code;
    if (pull->decode) {
        pull->raw_size += size;
        if (!pull->measures && pull->raw_size > pull->item->raw.size)
            return corrupt(pull, err, "decodes to more bytes than its manifest says");
        code = size ? kist_hash_update(pull->raw_hash, data, size, err)
                    : check_end(pull, pull->raw_hash, pull->raw_size, &pull->item->raw, &pull->raw_found,
                                &pull->raw_checked, "raw", err);
    }
    if (!code)
        *ret_size = size;
    return code;
}

static int open_steps(struct kist_pull *pull, struct kist_instance *const *filters, struct kist_error *err)
{
    size_t count = pull->item->filter_count;
    pull->steps = calloc(count + 1, sizeof *pull->steps);
    if (!pull->steps)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    for (size_t i = 0; i < count; i++) {
        struct step *step = &pull->steps[i];
        step->instance = filters[count - 1 - i];
        step->input = malloc(PIECE);
        if (!step->input)
            return kist_fail(err, KIST_ERR_FAILED, "out of memory");
        const struct kist_filter *filter = &step->instance->plugin->as.filter;
        int code = kist_instance_result(step->instance,
                                        filter->decode_begin(step->instance->self, &step->decoder, err), err);
        if (code) {
            free(step->input);
            step->input = NULL;
            return code;
        }
        pull->step_count++;
    }
    return 0;
}

static int open_pull(struct kist_store *store, const struct kist_manifest_item *item,
                     struct kist_instance *const *filters, int decode, int measures, struct kist_pull **ret_pull,
                     struct kist_error *err)
{
    struct kist_pull *pull = calloc(1, sizeof *pull);
    if (!pull)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    *pull = (struct kist_pull){.store = store, .item = item, .decode = decode, .measures = measures};
    int code = kist_hash_new(&pull->stored_hash, err);
    if (!code)
        code = kist_hash_new(&pull->raw_hash, err);
    if (!code && decode)
        code = open_steps(pull, filters, err);
    if (!code)
        code = kist_store_get_begin(store, item->key, 0, &pull->reader, err);
    /* A manifest that names an object vouches for it: one that is gone is damage. */
    if (code == KIST_ERR_NOT_FOUND && !measures)
        code = corrupt(pull, err, "is missing");
    if (code)
        kist_pull_close(pull);
    else
        *ret_pull = pull;
    return code;
}

int kist_pull_open(struct kist_store *store, const struct kist_manifest_item *item,
                   struct kist_instance *const *filters, int decode, struct kist_pull **ret_pull,
                   struct kist_error *err)
{
    return open_pull(store, item, filters, decode, 0, ret_pull, err);
}

int kist_pull_measure(struct kist_store *store, const struct kist_manifest_item *item,
                      struct kist_instance *const *filters, struct kist_pull **ret_pull, struct kist_error *err)
{
    return open_pull(store, item, filters, 1, 1, ret_pull, err);
}

void kist_pull_measured(const struct kist_pull *pull, struct kist_digest *ret_stored, struct kist_digest *ret_raw)
{
    *ret_stored = pull->stored_found;
    *ret_raw = pull->raw_found;
}

size_t kist_pull_piece(const struct kist_pull *pull, size_t most)
{
    uint64_t size = pull->decode ? pull->item->raw.size : pull->item->stored.size;
    return !pull->measures && size < most ? (size_t)size + 1 : most;
}

void kist_pull_close(struct kist_pull *pull)
{
    if (!pull)
        return;
    kist_store_get_end(pull->reader);
    for (size_t i = 0; i < pull->step_count; i++) {
        struct step *step = &pull->steps[i];
        step->instance->plugin->as.filter.decode_end(step->decoder);
        free(step->input);
    }
    free(pull->steps);
    kist_hash_free(pull->stored_hash);
    kist_hash_free(pull->raw_hash);
    free(pull);
}
