/* Which objects go with a backup: those that nothing else names, and nothing that is not its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "prune_keys.h"

#define OLD "2020-01-01T00-00-00Z"
#define MIDDLE "2020-01-02T00-00-00Z"
#define NEW "2020-01-03T00-00-00Z"

static struct kist_error err = KIST_ERROR_INIT;

/* A manifest of these keys; ends with NULL. */
static struct kist_manifest naming(const char *id, const char *const *keys)
{
    struct kist_manifest manifest = {.pipeline = strdup("p")};
    snprintf(manifest.id, sizeof manifest.id, "%s", id);
    for (size_t i = 0; keys[i]; i++) {
        struct kist_manifest_item *item = NULL;
        assert_int_equal(kist_manifest_add_item(&manifest, &item, &err), 0);
        item->key = strdup(keys[i]);
        item->stored.size = 1;
    }
    return manifest;
}

static void add(struct kist_doomed *doomed, size_t owner, const char *id, const char *const *keys)
{
    struct kist_manifest manifest = naming(id, keys);
    assert_int_equal(kist_doomed_add(doomed, &manifest, owner, &err), 0);
    kist_manifest_done(&manifest);
}

static void spare(struct kist_doomed *doomed, const char *id, const char *const *keys)
{
    struct kist_manifest manifest = naming(id, keys);
    kist_doomed_spare(doomed, &manifest);
    kist_manifest_done(&manifest);
}

static void only_what_is_its_own(void **state)
{
    (void)state;
    struct kist_doomed doomed = {0};
    static const char *const keys[] = {"p/" MIDDLE "/mine",
                                       "p/" OLD "/reused",
                                       "p/" MIDDLE "/deep/mine",
                                       "p/" NEW "/of a newer one",
                                       "q/" MIDDLE "/of another pipeline",
                                       "pp/" MIDDLE "/x",
                                       "p/notes.txt",
                                       "p/" MIDDLE,
                                       "p/" MIDDLE "/",
                                       "p/" MIDDLE "/../" NEW "/x",
                                       "p/" MIDDLE "x/y",
                                       "../p/" MIDDLE "/x",
                                       "/p/" MIDDLE "/x",
                                       "p//" MIDDLE "/x",
                                       "_kist/p/" MIDDLE ".json",
                                       "",
                                       NULL};
    add(&doomed, 0, MIDDLE, keys);
    kist_doomed_sort(&doomed);
    assert_int_equal(doomed.count, 3);
    assert_int_equal(doomed.foreign, 13);
    assert_string_equal(doomed.items[0].key, "p/" OLD "/reused");
    assert_string_equal(doomed.items[1].key, "p/" MIDDLE "/deep/mine");
    assert_string_equal(doomed.items[2].key, "p/" MIDDLE "/mine");
    kist_doomed_done(&doomed);
}

/* It is named by no key, in what goes and in what stays. */
static void what_a_provider_holds_has_no_key(void **state)
{
    struct kist_doomed doomed = {0};
    struct kist_manifest manifest = naming(OLD, (const char *const[]){"p/" OLD "/notes", "p/" OLD "/held", NULL});
    (void)state;
    free(manifest.items[1].key);
    manifest.items[1].key = NULL;
    assert_int_equal(kist_doomed_add(&doomed, &manifest, 0, &err), 0);
    assert_int_equal(doomed.count, 1);
    assert_int_equal(doomed.foreign, 0);
    kist_doomed_sort(&doomed);
    kist_doomed_spare(&doomed, &manifest);
    assert_int_equal(doomed.items[0].spared, 1);
    kist_doomed_done(&doomed);
    kist_manifest_done(&manifest);
}

static void what_others_name_stays(void **state)
{
    (void)state;
    struct kist_doomed doomed = {0};
    add(&doomed, 0, OLD, (const char *const[]){"p/" OLD "/a", "p/" OLD "/b", "p/" OLD "/c", NULL});
    add(&doomed, 1, MIDDLE, (const char *const[]){"p/" OLD "/b", "p/" OLD "/c", "p/" MIDDLE "/d", NULL});
    kist_doomed_sort(&doomed);
    assert_int_equal(doomed.count, 4);
    spare(&doomed, NEW, (const char *const[]){"p/" OLD "/c", "p/" NEW "/e", NULL});
    for (size_t i = 0; i < doomed.count; i++)
        assert_int_equal(doomed.items[i].spared, strcmp(doomed.items[i].key, "p/" OLD "/c") == 0);
    kist_doomed_done(&doomed);
}

static void what_an_unreadable_one_may_name_stays(void **state)
{
    (void)state;
    struct kist_doomed doomed = {0};
    add(&doomed, 0, NEW, (const char *const[]){"p/" OLD "/a", "p/" MIDDLE "/b", "p/" NEW "/c", NULL});
    kist_doomed_sort(&doomed);
    kist_doomed_spare_older(&doomed, "p", MIDDLE);
    assert_true(doomed.items[0].unsure && doomed.items[1].unsure && !doomed.items[2].unsure);
    kist_doomed_done(&doomed);
}

#define BACKUPS 6
#define KEYS 12

/* Backups that reuse what older ones have, some of which go: what goes is what no other names, each key once. */
static void at_random(void **state)
{
    (void)state;
    unsigned seed = 4711;
    for (int round = 0; round < 2000; round++) {
        struct kist_doomed doomed = {0};
        char text[BACKUPS][KEYS][64];
        int named[BACKUPS][BACKUPS][KEYS] = {0}, goes[BACKUPS];
        size_t expected = 0;
        for (int b = 0; b < BACKUPS; b++) {
            char id[KIST_ID_LENGTH + 1];
            kist_id_of_time(86400 * (b + 1), id);
            for (int k = 0; k < KEYS; k++)
                snprintf(text[b][k], sizeof text[b][k], "p/%s/%d", id, k);
            goes[b] = rand_r(&seed) % 2;
        }
        for (int pass = 0; pass < 2; pass++) {
            for (int b = 0; b < BACKUPS; b++) {
                const char *keys[BACKUPS * KEYS + 1];
                size_t count = 0;
                char id[KIST_ID_LENGTH + 1];
                kist_id_of_time(86400 * (b + 1), id);
                for (int from = 0; from <= b; from++)
                    for (int k = 0; k < KEYS; k++) {
                        if (pass == 0)
                            named[b][from][k] = rand_r(&seed) % 3 == 0;
                        if (named[b][from][k])
                            keys[count++] = text[from][k];
                    }
                keys[count] = NULL;
                if (pass == 0 && goes[b])
                    add(&doomed, (size_t)b, id, keys);
                else if (pass == 1 && !goes[b])
                    spare(&doomed, id, keys);
            }
            if (pass == 0)
                kist_doomed_sort(&doomed);
        }
        for (int from = 0; from < BACKUPS; from++)
            for (int k = 0; k < KEYS; k++) {
                int by_gone = 0, by_others = 0;
                for (int b = 0; b < BACKUPS; b++)
                    *(goes[b] ? &by_gone : &by_others) |= named[b][from][k];
                expected += by_gone && !by_others;
            }
        kist_doomed_group(&doomed);
        for (size_t i = 0; i < doomed.count; i++) {
            assert_true(i == 0 || doomed.items[i].owner >= doomed.items[i - 1].owner);
            expected -= !doomed.items[i].spared;
        }
        assert_int_equal(expected, 0);
        kist_doomed_done(&doomed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_is_its_own),
        cmocka_unit_test(what_a_provider_holds_has_no_key),
        cmocka_unit_test(what_others_name_stays),
        cmocka_unit_test(what_an_unreadable_one_may_name_stays),
        cmocka_unit_test(at_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
