/* store_call.h - one call to a store's plugin with all its tries; shared by the files of store.h, nobody else. */
#ifndef KIST_CORE_STORE_CALL_H
#define KIST_CORE_STORE_CALL_H

#include "store.h"

/*
 *     struct kist_store_call call = kist_store_call_begin(store, "did not answer");
 *     do
 *         code = store->plugin->check(store->instance->self, err);
 *     while (kist_store_call_again(&call, code, err));
 *     return err->code;
 */
struct kist_store_call {
    struct kist_store *store;
    struct kist_retry retry;
    const char *silence; /* how to say that nothing comes from it */
};

struct kist_store_call kist_store_call_begin(struct kist_store *store, const char *silence);
/* 1 when the call is to be made again. Else it is over: `err` is empty after a success, and whole after a failure. */
int kist_store_call_again(struct kist_store_call *call, int code, struct kist_error *err) KIST_CHECKED;
/* The same for a call that is made once: its result. */
int kist_store_call_end(struct kist_store_call *call, int code, struct kist_error *err) KIST_CHECKED;

/* The call that is under way has shown a sign of life; and none is under way any more. */
void kist_store_moves(struct kist_store *store);
void kist_store_rests(struct kist_store *store);

/* The store's own key of a key of ours: checked, with the prefix in front. Fails for a store that was given up. New. */
int kist_store_full_key(const struct kist_store *store, const char *key, char **ret_key,
                        struct kist_error *err) KIST_CHECKED;
/* The same of a folder, "" for all that is below the prefix; it ends in '/', or is empty. New. */
int kist_store_full_folder(const struct kist_store *store, const char *folder, char **ret_prefix,
                           struct kist_error *err) KIST_CHECKED;

#endif
