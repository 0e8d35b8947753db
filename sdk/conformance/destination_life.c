/* destination_life.c - instances come and go, some by force; what they leave is swept, and what they say is right. */
#include "destination_cases.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int open_descriptors(void)
{
    int count = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (dir && readdir(dir))
        count++;
    if (dir)
        closedir(dir);
    return count;
}

static int open_close(struct trial *t)
{
    int before = 0;
    for (int i = 0; i < 20; i++) {
        trial_close(t);
        EXPECT(t, trial_open(t) == 0, "open number %d failed", i + 1);
        EXPECT(t, trial_absent(t, trial_key(t, "missing")), "a missing object is there");
        before = i == 2 ? open_descriptors() : before;
    }
    int after = open_descriptors();
    EXPECT(t, after <= before, "opening and closing leaves %d descriptors open", after - before);
    return 0;
}

static int reopen(struct trial *t)
{
    static const uint64_t sizes[] = {0, 1000, BIG_PIECES};
    for (unsigned i = 0; i < 3; i++)
        EXPECT(t, trial_put(t, trial_key(t, "kept/%u", i), i, sizes[i]) == 0, "put failed");
    trial_close(t);
    EXPECT(t, trial_open(t) == 0, "the store cannot be opened again");
    for (unsigned i = 0; i < 3; i++)
        EXPECT(t, trial_holds(t, trial_key(t, "kept/%u", i), i, sizes[i]), "an object is gone after open");
    EXPECT(t, trial_lists(t, trial_key(t, "kept/"), 3), "list gives %zu of 3 objects after open", t->found.count);
    return 0;
}

static int abandoned_writer(struct trial *t)
{
    const char *key = trial_key(t, "given-up");
    EXPECT(t, trial_put_begin(t, key, -1) == 0 && trial_write(t, 1, 0, BIG_PIECES, 0) == 0, "writing failed");
    trial_close(t);
    EXPECT(t, trial_open(t) == 0, "the store cannot be opened again");
    EXPECT(t, trial_absent(t, key), "what was given up before close is there after open");
    return 0;
}

static int check(struct trial *t)
{
    if (!t->plugin->check)
        return trial_skip(t, "the plugin checks nothing");
    for (int i = 0; i < 2; i++) {
        case_clear(&t->err);
        int rc = t->plugin->check(t->self, &t->err);
        EXPECT(t, rc == 0, "check gave %d", rc);
        EXPECT(t, trial_lists(t, t->suite->prefix, 0), "check left %zu objects", t->found.count);
    }
    return 0;
}

static int sweep_keeps(struct trial *t)
{
    if (!t->plugin->sweep)
        return trial_skip(t, "the plugin sweeps nothing");
    EXPECT(t, trial_put(t, trial_key(t, "stays/1"), 1, 10) == 0, "put failed");
    EXPECT(t, trial_put(t, trial_key(t, ".hidden"), 2, BIG_PIECES) == 0, "put failed");
    for (int i = 0; i < 2; i++) {
        uint64_t count = 0;
        case_clear(&t->err);
        int rc = t->plugin->sweep(t->self, &count, &t->err);
        if (rc == KIST_ERR_UNSUPPORTED)
            return trial_skip(t, "the plugin sweeps nothing");
        EXPECT(t, rc == 0, "sweep number %d gave %d", i + 1, rc);
        EXPECT(t, i == 0 || count == 0, "a second sweep removed %" PRIu64 " more", count);
    }
    EXPECT(t, trial_lists(t, t->suite->prefix, 2), "sweep left %zu of 2 objects", t->found.count);
    EXPECT(t,
           trial_holds(t, trial_key(t, "stays/1"), 1, 10) &&
               trial_holds(t, trial_key(t, ".hidden"), 2, BIG_PIECES),
           "sweep changed an object");
    return 0;
}

/* A writer that is alive survives the sweep of another instance. */
static int sweep_alive(struct trial *t)
{
    uint64_t count = 0;
    const char *key = trial_key(t, "alive");
    struct trial *other = trial_peer(t, 0);
    if (!other)
        return -1;
    if (!t->plugin->sweep)
        return trial_skip(t, "the plugin sweeps nothing");
    EXPECT(t, trial_put_begin(other, key, -1) == 0 && trial_write(other, 1, 0, BIG_PIECES, 0) == 0,
           "writing failed");
    case_clear(&t->err);
    int rc = t->plugin->sweep(t->self, &count, &t->err);
    EXPECT(t, rc == 0 || rc == KIST_ERR_UNSUPPORTED, "sweep gave %d", rc);
    rc = trial_write(other, 1, BIG_PIECES, BIG_PIECES + 10, 0);
    rc = rc == 0 ? trial_commit(other, BIG_PIECES + 10) : rc;
    EXPECT(t, rc == 0 && trial_holds(t, key, 1, BIG_PIECES + 10), "sweep harmed a writer that is alive (%d)", rc);
    return 0;
}

/* A process that dies in the middle of writing. */
static int die_writing(const struct trial *t, const char *key)
{
    int status = 0;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        struct trial trial;
        int rc = trial_begin(&trial, t->suite);
        rc = rc == 0 ? trial_put_begin(&trial, key, -1) : rc;
        rc = rc == 0 ? trial_write(&trial, 1, 0, 17 * MIB, 0) : rc;
        _exit(rc == 0 ? 0 : 1);
    }
    return child > 0 && waitpid(child, &status, 0) == child && status == 0 ? 0 : -1;
}

static int sweep_below(struct trial *t, const char *prefix, uint64_t *ret_count)
{
    case_clear(&t->err);
    return t->plugin->sweep_below ? t->plugin->sweep_below(t->self, prefix, ret_count, &t->err)
                                  : KIST_ERR_UNSUPPORTED;
}

static int sweep_dead_below(struct trial *t)
{
    const char *dead = trial_key(t, "x/dead"), *stays = trial_key(t, "x/stays"), *alive = trial_key(t, "xy/alive");
    struct trial *other = trial_peer(t, 0);
    uint64_t first = 0, second = 0;
    if (!other)
        return -1;
    EXPECT(t, trial_put(t, stays, 2, 1000) == 0, "put failed");
    if (sweep_below(t, trial_key(t, "nothing/"), &first) == KIST_ERR_UNSUPPORTED)
        return trial_skip(t, "the plugin does not sweep below a folder");
    EXPECT(t, die_writing(t, dead) == 0, "a further process cannot write");
    EXPECT(t, trial_put_begin(other, alive, -1) == 0 && trial_write(other, 3, 0, BIG_PIECES, 0) == 0,
           "writing failed");
    int rc = sweep_below(t, trial_key(t, "x/"), &first);
    EXPECT(t, rc == 0, "sweep_below gave %d", rc);
    rc = sweep_below(t, trial_key(t, "x/"), &second);
    EXPECT(t, rc == 0 && second == 0, "a second sweep_below gave %d and removed %" PRIu64 " more", rc, second);
    EXPECT(t, trial_holds(t, stays, 2, 1000) && trial_absent(t, dead), "sweep_below changed what is visible");
    rc = trial_commit(other, BIG_PIECES);
    EXPECT(t, rc == 0 && trial_holds(t, alive, 3, BIG_PIECES),
           "sweep_below harmed a writer beside the folder (%d)", rc);
    EXPECT(t, trial_put(t, dead, 4, 10) == 0, "the key cannot be used after sweep_below");
    return first > 0 ? 0 : trial_skip(t, "a writer that died left nothing to be swept");
}

/* Says what is wrong with the error of a call that gave `rc`, or NULL. */
static const char *fault_of(const struct trial *t, int rc, int expected)
{
    if (rc != expected)
        return "has another code";
    if (t->err.code != rc)
        return "was not told to host->fail with the code that was returned";
    if (!t->err.message || !*t->err.message)
        return "has no message";
    if (strchr(t->err.message, '\n') || (t->err.hint && strchr(t->err.hint, '\n')))
        return "has more than one line";
    return t->err.retryable ? "is called worth a retry, which cannot help" : NULL;
}

/* 1 when the text has the value of an option that is a secret. */
static int tells_secret(const struct trial *t, const char *text)
{
    const char *row = (const char *)t->plugin->about.options;
    for (; row && text; row += t->plugin->head.option_size) {
        const struct kist_option *option = (const void *)row;
        kist_secret secret = {0};
        if (!option->name)
            return 0;
        if (option->type != KIST_TYPE_SECRET || !t->suite->config)
            continue;
        memcpy(&secret, (const char *)t->suite->config + option->offset, sizeof secret);
        if (secret.reveal && strlen(secret.reveal) >= 4 && strstr(text, secret.reveal))
            return 1;
    }
    return 0;
}

static int fails_well(struct trial *t, const char *what, int rc, int expected)
{
    const char *fault = fault_of(t, rc, expected);
    EXPECT(t, !fault, "the failure of %s (%d, expected %d) %s", what, rc, expected, fault);
    EXPECT(t, !tells_secret(t, t->err.message) && !tells_secret(t, t->err.hint),
           "the failure of %s tells a secret", what);
    return 0;
}

static int errors(struct trial *t)
{
    const char *key = trial_key(t, "here"), *missing = trial_key(t, "missing");
    EXPECT(t, trial_put(t, key, 1, 10) == 0, "put failed");
    if (fails_well(t, "get of a missing key", trial_get_begin(t, missing, 0), KIST_ERR_NOT_FOUND) != 0 ||
        fails_well(t, "stat of a missing key", trial_stat(t, missing), KIST_ERR_NOT_FOUND) != 0 ||
        fails_well(t, "put to a taken key", trial_put(t, key, 2, 20), KIST_ERR_EXISTS) != 0 ||
        fails_well(t, "get from behind the end", trial_read(t, key, 11, 1, 10, 0), KIST_ERR_CORRUPT) != 0)
        return -1;
    EXPECT(t, trial_put_begin(t, missing, -1) == 0 && trial_write(t, 1, 0, 5, 0) == 0, "writing failed");
    int rc = trial_commit(t, 6);
    EXPECT(t, rc < 0, "5 bytes were committed as 6");
    return fails_well(t, "commit of too few bytes", rc, rc);
}

const struct destination_case destination_life_cases[] = {
    {"open-close", "an instance leaves nothing open", open_close, 0},
    {"reopen", "what was committed is there for later instances", reopen, KEEPS | SHARES},
    {"writer-given-up", "what was given up before close is not there after open", abandoned_writer, 0},
    {"check", "check says yes and leaves nothing", check, 0},
    {"sweep", "sweep removes nothing that is visible, and can be repeated", sweep_keeps, KEEPS},
    {"sweep-alive", "sweep harms no writer that is alive", sweep_alive, KEEPS | SHARES},
    {"sweep-below", "sweep_below removes unfinished uploads of the folder, and nothing else", sweep_dead_below,
     KEEPS | SHARES},
    {"errors", "a failure has its code, one line, and no secret", errors, KEEPS},
    {.name = NULL},
};
