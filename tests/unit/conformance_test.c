/* conformance_test.c - the suite for destinations: a sound store passes, and each lie is caught by the case that is for it. */
#include "destination.h"
#include "lying_store.h"
#include "test_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka.h wants the headers above in front of it. */
#include <cmocka.h>

static const struct {
    enum lie lie;
    const char *caught_by;
} lies[] = {
    {LIE_OVERWRITES, "no-overwrite"},
    {LIE_OVERWRITES, "no-overwrite-empty"},
    {LIE_OVERWRITES, "put-race"},
    {LIE_OVERWRITES, "no-overwrite-same"},
    {LIE_OVERWRITES_LARGE, "no-overwrite-large"},
    {LIE_OVERWRITES_LARGE, "commit-race-large"},
    {LIE_LOOKS_ONLY_AT_BEGIN, "commit-race"},
    {LIE_VISIBLE_EARLY, "invisible-before-commit"},
    {LIE_VISIBLE_EARLY, "invisible-large"},
    {LIE_VISIBLE_EARLY, "invisible-to-others"},
    {LIE_ABORT_COMMITS, "abort-at-once"},
    {LIE_ABORT_COMMITS, "abort-byte"},
    {LIE_ABORT_COMMITS, "abort-parts"},
    {LIE_ABORT_COMMITS, "abort-known-size"},
    {LIE_ABORT_COMMITS, "abort-again"},
    {LIE_ABORT_COMMITS, "abort-others"},
    {LIE_ABORT_COMMITS, "writer-given-up"},
    {LIE_ABORT_COMMITS, "cancel-write"},
    {LIE_LOSES_BYTE_AT_PART, "size-5m"},
    {LIE_LOSES_BYTE_AT_PART, "known-size"},
    {LIE_LOSES_BYTE_AT_PART, "stat-size"},
    {LIE_LOSES_TAIL, "big-object"},
    {LIE_REFUSES_EMPTY, "empty-object"},
    {LIE_TAKES_ANY_SIZE, "short-source"},
    {LIE_TAKES_ANY_SIZE, "long-source"},
    {LIE_TAKES_ANY_SIZE, "failed-commit"},
    {LIE_LISTS_ONE_PAGE, "list-pages"},
    {LIE_LISTS_TWICE, "list-nested"},
    {LIE_LISTS_BY_STRING, "list-string-prefix"},
    {LIE_LISTS_BY_STRING, "list-siblings"},
    {LIE_LISTS_BY_STRING, "list-no-folder"},
    {LIE_LISTS_REMOVED, "list-after-remove"},
    {LIE_LISTS_REMOVED, "list-empty"},
    {LIE_LISTS_REMOVED, "remove-twice"},
    {LIE_LIST_GOES_ON, "list-stops"},
    {LIE_LISTS_LATE, "seen-at-once"},
    {LIE_LISTS_LATE, "list-whole"},
    {LIE_LISTS_OTHER_SIZE, "list-agrees"},
    {LIE_LISTS_FOLDERS, "list-nested"},
    {LIE_IGNORES_OFFSET, "offset"},
    {LIE_IGNORES_OFFSET, "offset-large"},
    {LIE_NO_OFFSET_AT_END, "offset-end"},
    {LIE_BEHIND_IS_END, "offset-behind"},
    {LIE_ENDS_EARLY, "round-trip"},
    {LIE_ENDS_EARLY, "size-8m"},
    {LIE_ENDS_EARLY, "room-for-all"},
    {LIE_MISSING_IS_EMPTY, "missing-get"},
    {LIE_MISSING_IS_SIZE_0, "missing-stat"},
    {LIE_REMOVE_WANTS_KEY, "remove-missing"},
    {LIE_REMOVES_NOTHING, "remove"},
    {LIE_REMOVES_NOTHING, "remove-large"},
    {LIE_REMOVES_NOTHING, "put-after-remove"},
    {LIE_REMOVES_NOTHING, "cancel-remove"},
    {LIE_REMOVES_NOTHING, "seen-by-others"},
    {LIE_REMOVES_NOTHING, "remove-many"},
    {LIE_REMOVES_NOTHING, "remove-many-missing"},
    {LIE_REMOVES_BY_STRING, "remove"},
    {LIE_REMOVES_BY_STRING, "key-and-folder"},
    {LIE_KEY_DECODES, "key-percent"},
    {LIE_KEY_PLUS, "key-plus"},
    {LIE_KEY_TRIMS, "key-blank-ends"},
    {LIE_KEY_FOLDS, "key-case"},
    {LIE_KEY_COMPOSES, "key-normal-forms"},
    {LIE_KEY_RESOLVES, "bad-keys"},
    {LIE_KEY_CUTS, "key-255"},
    {LIE_KEY_CUTS, "key-900"},
    {LIE_KEY_CUTS, "key-deep"},
    {LIE_KEY_QUESTION, "key-reserved"},
    {LIE_KEY_QUESTION, "key-wildcards"},
    {LIE_ETAG_STAYS, "etag-changes"},
    {LIE_ETAG_WANDERS, "etag-steady"},
    {LIE_CHECKSUM_WRONG, "checksum"},
    {LIE_TIME_IN_SECONDS, "modified"},
    {LIE_TYPE_OWN, "content-type"},
    {LIE_METADATA_ASCII, "metadata-unicode"},
    {LIE_ABOUT_OTHER, "get-about"},
    {LIE_COPY_OVERWRITES, "copy-taken"},
    {LIE_COPY_ANY_ETAG, "copy-changed"},
    {LIE_COPY_NO_METADATA, "copy-metadata"},
    {LIE_REMOVES_1000, "remove-many-1001"},
    {LIE_REMOVE_MANY_NONE_IS_ALL, "remove-many-none"},
    {LIE_SWEEPS_VISIBLE, "sweep"},
    {LIE_SWEEPS_FOR_EVER, "sweep"},
    {LIE_SWEEPS_ALIVE, "sweep-alive"},
    {LIE_SWEEPS_BELOW_VISIBLE, "sweep-below"},
    {LIE_CHECK_LEAVES, "check"},
    {LIE_CANCEL_IS_END, "cancel-read"},
    {LIE_CANCEL_IS_FAILURE, "cancel-write"},
    {LIE_CANCEL_IS_FAILURE, "cancel-list"},
    {LIE_CANCEL_LISTS_LESS, "cancel-list"},
    {LIE_CANCEL_SLOW, "cancel-read"},
    {LIE_MUTE, "errors"},
    {LIE_RETRY_ALL, "errors"},
    {LIE_LEAKS, "open-close"},
    {LIE_FORGETS_AT_CLOSE, "reopen"},
};

struct seen {
    struct kist_test_host test;
    const char *only;
    int outcomes[3];
    char *detail;
};

static void cancel(void *arg, int on)
{
    ((struct seen *)arg)->test.cancelled = on;
}

static int begin(void *arg, const char *name, const char *clause)
{
    const struct seen *seen = arg;
    (void)clause;
    return !seen->only || strcmp(seen->only, name) == 0;
}

static void report(void *arg, const char *name, const char *clause, int outcome, const char *detail)
{
    struct seen *seen = arg;
    if (!seen->only)
        kist_conformance_print("sound", name, clause, outcome, detail);
    seen->outcomes[outcome]++;
    free(seen->detail);
    seen->detail = detail ? strdup(detail) : NULL;
}

/* Runs the suite, or one case; the outcomes are counted in `seen`. */
static void run(struct seen *seen, enum lie lie, const char *only)
{
    *seen = (struct seen){.only = only};
    assert_int_equal(kist_test_host_init(&seen->test), 0);
    lying_store_reset(lie);
    const struct kist_conformance suite = {.plugin = &lying_store,
                                           .host = &seen->test.host,
                                           .prefix = "p/",
                                           .cancel = cancel,
                                           .begin = begin,
                                           .report = report,
                                           .arg = seen,
                                           .big = (uint64_t)24 << 20};
    int failed = kist_conformance_destination(&suite);
    assert_int_equal(failed, seen->outcomes[KIST_CONFORMANCE_FAILED]);
    lying_store_reset(LIE_NONE);
    kist_test_host_done(&seen->test);
}

static void a_sound_store_passes(void **state)
{
    struct seen seen;
    (void)state;
    run(&seen, LIE_NONE, NULL);
    assert_int_equal(seen.outcomes[KIST_CONFORMANCE_FAILED], 0);
    /* What a process leaves that dies is gone with its memory. */
    assert_int_equal(seen.outcomes[KIST_CONFORMANCE_SKIPPED], 1);
    assert_true(seen.outcomes[KIST_CONFORMANCE_PASSED] >= 100);
    free(seen.detail);
}

static void every_lie_is_caught(void **state)
{
    int missed = 0;
    (void)state;
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        struct seen seen;
        run(&seen, lies[i].lie, lies[i].caught_by);
        if (seen.outcomes[KIST_CONFORMANCE_FAILED] != 1 || !seen.detail) {
            missed++;
            print_message("  lie %d is not caught by %s\n", (int)lies[i].lie, lies[i].caught_by);
        }
        free(seen.detail);
    }
    assert_int_equal(missed, 0);
}

static void cases_have_names_of_their_own(void **state)
{
    const char *name = NULL, *other = NULL;
    size_t count = 0;
    (void)state;
    for (; (name = kist_conformance_destination_name(count)) != NULL; count++)
        for (size_t i = 0; i < count && (other = kist_conformance_destination_name(i)); i++)
            assert_string_not_equal(name, other);
    assert_true(count >= 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_sound_store_passes),
                                       cmocka_unit_test(every_lie_is_caught),
                                       cmocka_unit_test(cases_have_names_of_their_own)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
