/* destination_cancel.c - what is cancelled ends soon, and leaves things as they were or finished. */
#include "destination_cases.h"

#define SOON_MS 2000

static void cancel(struct trial *t, int on)
{
    t->suite->cancel(t->suite->arg, on);
}

static int is_fine(int rc)
{
    return rc == 0 || rc == KIST_ERR_CANCELLED;
}

static int write_and_abort(struct trial *t)
{
    const char *key = trial_key(t, "cancelled"), *old = trial_key(t, "old");
    EXPECT(t, trial_put(t, old, 1, 3) == 0, "put failed");
    EXPECT(t, trial_put_begin(t, key, -1) == 0 && trial_write(t, 1, 0, 1000, 0) == 0, "put_begin or write failed");
    int64_t began = trial_now_ms();
    cancel(t, 1);
    int rc = trial_write(t, 1, 1000, BIG_PIECES, 0);
    trial_abort(t);
    cancel(t, 0);
    int64_t took = trial_now_ms() - began;
    EXPECT(t, is_fine(rc), "a write after cancelling gave %d, not KIST_ERR_CANCELLED", rc);
    EXPECT(t, took < SOON_MS, "a cancelled write and its abort took %lld ms", (long long)took);
    EXPECT(t, trial_absent(t, key), "something is visible after cancelling");
    EXPECT(t, trial_holds(t, old, 1, 3), "cancelling changed another object");
    return 0;
}

static int commit(struct trial *t)
{
    const char *key = trial_key(t, "cancelled");
    EXPECT(t, trial_put_begin(t, key, -1) == 0 && trial_write(t, 1, 0, BIG_PIECES, 0) == 0,
           "put_begin or write failed");
    int64_t began = trial_now_ms();
    cancel(t, 1);
    int rc = trial_commit(t, BIG_PIECES);
    cancel(t, 0);
    int64_t took = trial_now_ms() - began;
    EXPECT(t, is_fine(rc), "a commit after cancelling gave %d, not KIST_ERR_CANCELLED", rc);
    EXPECT(t, took < SOON_MS, "a cancelled commit took %lld ms", (long long)took);
    EXPECT(t, rc == 0 ? trial_holds(t, key, 1, BIG_PIECES) : trial_absent(t, key),
           "a cancelled commit gave %d, which is not what is there", rc);
    return 0;
}

static int begin(struct trial *t)
{
    const char *key = trial_key(t, "cancelled");
    cancel(t, 1);
    int rc = trial_put(t, key, 1, 10);
    cancel(t, 0);
    EXPECT(t, is_fine(rc), "a put after cancelling gave %d, not KIST_ERR_CANCELLED", rc);
    EXPECT(t, rc == 0 ? trial_holds(t, key, 1, 10) : trial_absent(t, key),
           "a cancelled put gave %d, which is not what is there", rc);
    if (rc != 0)
        EXPECT(t, trial_put(t, key, 2, 20) == 0, "the instance cannot be used after a cancelled call");
    return 0;
}

static int read_on(struct trial *t)
{
    const char *key = trial_key(t, "read");
    size_t n = 1;
    uint64_t done = 0;
    EXPECT(t, trial_put(t, key, 1, BIG_PIECES) == 0, "put failed");
    EXPECT(t, trial_get_begin(t, key, 0) == 0 && trial_get_read(t, 1000, &n) == 0, "get failed");
    done = n;
    int64_t began = trial_now_ms();
    cancel(t, 1);
    int rc = 0;
    while (rc == 0 && n > 0) {
        rc = trial_get_read(t, MIB, &n);
        done += n;
    }
    trial_get_end(t);
    cancel(t, 0);
    int64_t took = trial_now_ms() - began;
    EXPECT(t, is_fine(rc), "a read after cancelling gave %d, not KIST_ERR_CANCELLED", rc);
    EXPECT(t, rc != 0 || done == BIG_PIECES, "a cancelled read said 'end' after %llu bytes of %llu",
           (unsigned long long)done, (unsigned long long)BIG_PIECES);
    EXPECT(t, took < SOON_MS, "a cancelled read took %lld ms", (long long)took);
    EXPECT(t, trial_holds(t, key, 1, BIG_PIECES), "the object cannot be read after a cancelled read");
    return 0;
}

static int list(struct trial *t)
{
    for (unsigned i = 0; i < 10; i++)
        EXPECT(t, trial_put(t, trial_key(t, "l/%u", i), i, 1) == 0, "put failed");
    int64_t began = trial_now_ms();
    cancel(t, 1);
    int rc = trial_list(t, trial_key(t, "l/"));
    cancel(t, 0);
    int64_t took = trial_now_ms() - began;
    EXPECT(t, is_fine(rc), "a list after cancelling gave %d, not KIST_ERR_CANCELLED", rc);
    EXPECT(t, rc != 0 || t->found.count == 10, "a cancelled list gave %zu of 10 objects and called it all",
           t->found.count);
    EXPECT(t, took < SOON_MS, "a cancelled list took %lld ms", (long long)took);
    EXPECT(t, trial_lists(t, trial_key(t, "l/"), 10), "the next list gave %zu of 10 objects", t->found.count);
    return 0;
}

static int remove_one(struct trial *t)
{
    const char *key = trial_key(t, "removed");
    EXPECT(t, trial_put(t, key, 1, 10) == 0, "put failed");
    cancel(t, 1);
    int rc = trial_remove(t, key);
    cancel(t, 0);
    EXPECT(t, is_fine(rc), "a remove after cancelling gave %d, not KIST_ERR_CANCELLED", rc);
    EXPECT(t, rc == 0 ? trial_absent(t, key) : trial_holds(t, key, 1, 10),
           "a cancelled remove gave %d, which is not what is there", rc);
    return 0;
}

const struct destination_case destination_cancel_cases[] = {
    {"cancel-write", "a cancelled write ends soon, and its abort leaves nothing", write_and_abort,
     CANCELS | KEEPS},
    {"cancel-commit", "a cancelled commit ends soon: the object is whole, or not there", commit, CANCELS | KEEPS},
    {"cancel-put", "a put that begins cancelled is done, or not there", begin, CANCELS | KEEPS},
    {"cancel-read", "a cancelled read ends soon, and never as if it were complete", read_on, CANCELS | KEEPS},
    {"cancel-list", "a cancelled list ends soon, and never as if it were complete", list, CANCELS | KEEPS},
    {"cancel-remove", "a cancelled remove has removed the object, or not", remove_one, CANCELS | KEEPS},
    {.name = NULL},
};
