#include "store.h"
#include "backup_id.h"
#include "key.h"
#include "store_call.h"
#include "units.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int kist_store_new(const struct kist_config_section *section, const char *pipeline, struct kist_cancel *cancel,
                   struct kist_store **ret_store, struct kist_error *err)
{
    struct kist_store *store = calloc(1, sizeof *store);
    if (!store)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    store->section = section;
    store->plugin = &section->plugin->as.destination;
    store->policy = section->retry;
    store->pipeline = pipeline;
    if (asprintf(&store->where, "%s%s%s(%s)", pipeline ? pipeline : "", pipeline ? "/" : "", section->name,
                 section->plugin->name) < 0)
        store->where = NULL;
    int code = store->where ? kist_cancel_new(cancel, &store->cancel, err)
                            : kist_fail(err, KIST_ERR_FAILED, "out of memory");
    if (code)
        kist_store_close(store);
    else
        *ret_store = store;
    return code;
}

/* Why a call of a store that was given up has failed, in place of whatever it said itself. */
static int say_given_up(const struct kist_store *store, const char *silence, struct kist_error *err)
{
    int64_t silent = atomic_load(&store->given_up);
    kist_fail(err, KIST_ERR_TIMEOUT, "%s: %s for %s", store->where, silence, kist_duration_show(silent).text);
    kist_hint(err, "`deadline` of [destination %s] says how long is too long", store->section->name);
    err->retryable = 0;
    return err->code;
}

int kist_store_connect(struct kist_store *store, struct kist_error *err)
{
    const struct kist_config_section *section = store->section;
    struct kist_retry retry = kist_retry_begin(&store->policy, store->where, store->cancel);
    int code = 0;
    kist_store_moves(store);
    do
        code = kist_instance_open(section, store->pipeline, store->cancel, &store->instance, err);
    while (code && kist_retry_again(&retry, err));
    kist_store_rests(store);
    if (err->code && atomic_load(&store->given_up))
        return say_given_up(store, "did not answer", err);
    return err->code;
}

int kist_store_open(const struct kist_config_section *section, const char *pipeline, struct kist_cancel *cancel,
                    struct kist_store **ret_store, struct kist_error *err)
{
    struct kist_store *store = NULL;
    int code = kist_store_new(section, pipeline, cancel, &store, err);
    if (!code)
        code = kist_store_connect(store, err);
    if (code)
        kist_store_close(store);
    else
        *ret_store = store;
    return code;
}

void kist_store_close(struct kist_store *store)
{
    if (!store)
        return;
    kist_instance_close(store->instance);
    kist_cancel_free(store->cancel);
    free(store->where);
    free(store);
}

const char *kist_store_name(const struct kist_store *store)
{
    return store->section->name;
}

int kist_store_discards(const struct kist_store *store)
{
    return (store->section->plugin->features & KIST_DESTINATION_DISCARDS) != 0;
}

/* ---- one call and its tries ---- */

void kist_store_moves(struct kist_store *store)
{
    /* 0 would say that no call is under way. */
    int64_t now = kist_time_monotonic_ms();
    atomic_store(&store->busy_since, now > 0 ? now : 1);
}

void kist_store_rests(struct kist_store *store)
{
    atomic_store(&store->busy_since, 0);
}

int64_t kist_store_silent_ms(const struct kist_store *store)
{
    int64_t since = atomic_load(&store->busy_since);
    return since ? kist_time_monotonic_ms() - since : 0;
}

int kist_store_is_overdue(const struct kist_store *store)
{
    return store->policy.deadline_ms > 0 && kist_store_silent_ms(store) >= store->policy.deadline_ms;
}

void kist_store_give_up(struct kist_store *store)
{
    int64_t silent = kist_store_silent_ms(store), never = 0;
    atomic_compare_exchange_strong(&store->given_up, &never, silent > 0 ? silent : 1);
    kist_cancel_set(store->cancel);
}

void kist_store_explain(const struct kist_store *store, struct kist_error *err)
{
    if (atomic_load(&store->given_up) && err->code != KIST_ERR_TIMEOUT)
        (void)!say_given_up(store, "took no data", err);
}

struct kist_store_call kist_store_call_begin(struct kist_store *store, const char *silence)
{
    kist_store_moves(store);
    return (struct kist_store_call){.store = store,
                                    .retry = kist_retry_begin(&store->policy, store->where, store->cancel),
                                    .silence = silence};
}

int kist_store_call_end(struct kist_store_call *call, int code, struct kist_error *err)
{
    struct kist_store *store = call->store;
    code = kist_instance_result(store->instance, code, err);
    kist_store_rests(store);
    return code && atomic_load(&store->given_up) ? say_given_up(store, call->silence, err) : code;
}

int kist_store_call_again(struct kist_store_call *call, int code, struct kist_error *err)
{
    code = kist_instance_result(call->store->instance, code, err);
    if (code && kist_retry_again(&call->retry, err))
        return 1;
    (void)!kist_store_call_end(call, err->code, err);
    return 0;
}

int kist_store_full_key(const struct kist_store *store, const char *key, char **ret_key, struct kist_error *err)
{
    if (atomic_load(&store->given_up))
        return say_given_up(store, "did not answer", err);
    int code = kist_key_check(key, err);
    if (code)
        return code;
    char *full = kist_key_join(store->section->prefix, key, NULL);
    if (!full)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    *ret_key = full;
    return 0;
}

int kist_store_full_folder(const struct kist_store *store, const char *folder, char **ret_prefix,
                           struct kist_error *err)
{
    char *full = NULL, *prefix = NULL;
    int code = *folder ? kist_store_full_key(store, folder, &full, err) : 0;
    if (code)
        return code;
    const char *below = full ? full : store->section->prefix;
    if (asprintf(&prefix, "%s%s", below, *below ? "/" : "") < 0)
        prefix = NULL;
    free(full);
    if (!prefix)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    *ret_prefix = prefix;
    return 0;
}

/* ---- calls without an object ---- */

int kist_store_check(struct kist_store *store, struct kist_error *err)
{
    struct kist_store_call call = kist_store_call_begin(store, "did not answer");
    int code = 0;
    do
        code = store->plugin->check(store->instance->self, err);
    while (kist_store_call_again(&call, code, err));
    return err->code;
}

int kist_store_sweep(struct kist_store *store, uint64_t *ret_count, struct kist_error *err)
{
    struct kist_store_call call = kist_store_call_begin(store, "did not answer");
    int code = 0;
    do
        code = store->plugin->sweep(store->instance->self, ret_count, err);
    while (kist_store_call_again(&call, code, err));
    return err->code;
}

int kist_store_sweep_below(struct kist_store *store, const char *folder, uint64_t *ret_count,
                           struct kist_error *err)
{
    char *prefix = NULL;
    int code = kist_store_full_folder(store, folder, &prefix, err);
    if (code)
        return code;
    struct kist_store_call call = kist_store_call_begin(store, "did not answer");
    do
        code = store->plugin->sweep_below(store->instance->self, prefix, ret_count, err);
    while (kist_store_call_again(&call, code, err));
    free(prefix);
    return err->code;
}
