#include "key.h"
#include "store_call.h"

#include <stdlib.h>
#include <string.h>

#define BATCH 1000 /* keys that are removed with one call */
#define SILENCE "did not answer"

/* ---- list ---- */

/*
 * A listing that breaks is begun again. What was given is not given twice: where the keys came in ascending order, all up
 * to the last one are passed over. Other stores get another try only as long as nothing was given.
 */
struct listing {
    struct kist_store *store;
    const char *folder;
    kist_object_fn give;
    void *arg;
    char *last;     /* the key given last; NULL before the first */
    char *try_last; /* the key that came last in this try, given or not */
    int disordered; /* not every key came behind the one before it */
    int again;      /* this is not the first try */
    int moved;      /* this try has given something */
    int foreign;    /* the store named a key that does not lie there */
    int ended;      /* what `give` answered, when it ended the listing */
};

static int keep_key(char **kept, const char *key)
{
    size_t size = strlen(key) + 1;
    char *larger = realloc(*kept, size);
    if (!larger)
        return KIST_ERR_FAILED;
    *kept = memcpy(larger, key, size);
    return 0;
}

/* Our key of the store's, or NULL for one that does not lie in the folder. */
static const char *relative_key(const struct listing *listing, const char *key)
{
    const char *prefix = listing->store->section->prefix;
    if (!key || (*prefix && !kist_key_is_below(key, prefix)))
        return NULL;
    key += *prefix ? strlen(prefix) + 1 : 0;
    return !*listing->folder || kist_key_is_below(key, listing->folder) ? key : NULL;
}

/* 1 for an object that an earlier try has given. */
static int is_given(const struct listing *listing, const char *key)
{
    return listing->again && listing->last && strcmp(key, listing->last) <= 0;
}

static int give_relative(void *arg, const struct kist_object *object)
{
    struct listing *listing = arg;
    const char *key = relative_key(listing, object->key);
    if (!key) {
        listing->foreign = 1;
        return KIST_ERR_CORRUPT;
    }
    kist_store_moves(listing->store);
    listing->disordered |= listing->try_last && strcmp(key, listing->try_last) <= 0;
    /* In another order than before, passing over would lose some. */
    if (listing->again && listing->disordered)
        return KIST_ERR_UNAVAILABLE;
    if (keep_key(&listing->try_last, key))
        return KIST_ERR_FAILED;
    if (is_given(listing, key))
        return 0;
    struct kist_object copy = {.struct_size = sizeof copy};
    memcpy(&copy, object, object->struct_size < sizeof copy ? object->struct_size : sizeof copy);
    copy.struct_size = sizeof copy;
    copy.key = key;
    listing->moved = 1;
    listing->ended = listing->give(listing->arg, &copy);
    if (!listing->ended && !listing->disordered && keep_key(&listing->last, key))
        return KIST_ERR_FAILED;
    return listing->ended;
}

/* Whether another try could be sound. */
static int can_begin_again(const struct listing *listing)
{
    return !listing->foreign && !listing->ended && !listing->disordered;
}

static int list_all(struct listing *listing, const char *prefix, struct kist_error *err)
{
    struct kist_store *store = listing->store;
    struct kist_store_call call = kist_store_call_begin(store, SILENCE);
    for (;;) {
        int code = store->plugin->list(store->instance->self, prefix, give_relative, listing, err);
        if (!can_begin_again(listing))
            return kist_store_call_end(&call, code, err);
        /* The tries are counted from the last object that came. */
        if (listing->moved)
            call = kist_store_call_begin(store, SILENCE);
        if (!kist_store_call_again(&call, code, err))
            return err->code;
        listing->again = 1;
        listing->moved = 0;
        free(listing->try_last);
        listing->try_last = NULL;
    }
}

int kist_store_list(struct kist_store *store, const char *folder, kist_object_fn give, void *arg,
                    struct kist_error *err)
{
    char *prefix = NULL;
    int code = kist_store_full_folder(store, folder, &prefix, err);
    if (code)
        return code;
    struct listing listing = {.store = store, .folder = folder, .give = give, .arg = arg};
    code = list_all(&listing, prefix, err);
    free(prefix);
    free(listing.last);
    free(listing.try_last);
    if (listing.foreign)
        return kist_fail(err, KIST_ERR_CORRUPT, "%s: the listing of '%s' names an object outside of it",
                         store->where, folder);
    if (listing.again && listing.disordered)
        return kist_fail(err, KIST_ERR_UNAVAILABLE,
                         "%s: the listing of '%s' broke, and came in another order when it was begun again",
                         store->where, folder);
    return code;
}

/* ---- remove ---- */

int kist_store_remove(struct kist_store *store, const char *key, struct kist_error *err)
{
    char *full = NULL;
    int code = kist_store_full_key(store, key, &full, err);
    if (code)
        return code;
    struct kist_store_call call = kist_store_call_begin(store, SILENCE);
    do
        code = store->plugin->remove(store->instance->self, full, err);
    while (kist_store_call_again(&call, code, err));
    free(full);
    return err->code;
}

/* Some keys that go with one call. */
struct removal {
    struct kist_store *store;
    const char *const *keys; /* ours */
    char *full[BATCH];       /* the store's own */
    unsigned char left[BATCH];
    size_t count;
    kist_unremoved_fn tell;
    void *arg;
};

/* Notes a key that is still there: it is tried once more, alone, and that tells why. */
static void note_left(void *arg, const char *key, const struct kist_error *err)
{
    struct removal *removal = arg;
    (void)err;
    for (size_t i = 0; i < removal->count; i++)
        if (strcmp(removal->full[i], key) == 0)
            removal->left[i] = 1;
}

/* All with one call; those that it cannot tell about are left too. */
static int remove_together(struct removal *removal, struct kist_error *err)
{
    struct kist_store *store = removal->store;
    struct kist_store_call call = kist_store_call_begin(store, SILENCE);
    int code = 0;
    do {
        memset(removal->left, 0, sizeof removal->left);
        code = store->plugin->remove_many(store->instance->self, (const char *const *)removal->full,
                                          removal->count, note_left, removal, err);
        if (code == KIST_ERR_UNSUPPORTED) {
            memset(removal->left, 1, sizeof removal->left);
            code = 0;
        }
    } while (kist_store_call_again(&call, code, err));
    return err->code;
}

static int remove_batch(struct removal *removal, struct kist_error *err)
{
    size_t made = 0;
    int code = 0;
    while (made < removal->count && !code) {
        code = kist_store_full_key(removal->store, removal->keys[made], &removal->full[made], err);
        made += code ? 0 : 1;
    }
    if (!code)
        code = remove_together(removal, err);
    for (size_t i = 0; i < removal->count && !code; i++) {
        KIST_CLEANUP_ERROR struct kist_error next = KIST_ERROR_INIT;
        if (!removal->left[i] || !kist_store_remove(removal->store, removal->keys[i], &next))
            continue;
        if (next.code == KIST_ERR_CANCELLED)
            code = kist_error_move(err, &next);
        else
            removal->tell(removal->arg, removal->keys[i], &next);
    }
    for (size_t i = 0; i < made; i++)
        free(removal->full[i]);
    return code;
}

int kist_store_remove_many(struct kist_store *store, const char *const *keys, size_t count, kist_unremoved_fn tell,
                           void *arg, struct kist_error *err)
{
    struct removal *removal = malloc(sizeof *removal);
    int code = removal ? 0 : kist_fail(err, KIST_ERR_FAILED, "out of memory");
    for (size_t done = 0; done < count && !code; done += BATCH) {
        *removal = (struct removal){.store = store,
                                    .keys = keys + done,
                                    .count = count - done < BATCH ? count - done : BATCH,
                                    .tell = tell,
                                    .arg = arg};
        code = remove_batch(removal, err);
    }
    free(removal);
    return code;
}
