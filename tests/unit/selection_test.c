/* Which items of a backup are meant by the patterns of --include. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "selection.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char *const names[] = {"a.jpg", "b.txt", "photos/a.jpg", "photos/2026/a.jpg", "photos/[id].html"};

static struct kist_error err = KIST_ERROR_INIT;
static struct kist_manifest manifest;
static struct kist_selection selection;

static int setup(void **state)
{
    (void)state;
    manifest = (struct kist_manifest){.pipeline = strdup("p"), .id = "2026-11-21T02-00-00Z"};
    uint64_t size = 1;
    for (size_t i = 0; i < COUNT(names); i++, size *= 10) {
        struct kist_manifest_item *item = NULL;
        if (kist_manifest_add_item(&manifest, &item, &err))
            return 1;
        item->name = strdup(names[i]);
        item->raw.size = size;
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    kist_selection_done(&selection);
    kist_manifest_done(&manifest);
    kist_error_clear(&err);
    return 0;
}

static int choose(const char *first, const char *second)
{
    const char *patterns[] = {first, second};
    return kist_selection_make(&manifest, patterns, (size_t)(first != NULL) + (second != NULL), &selection, &err);
}

/* `sum` has a 1 at the place of each item that is meant. */
static void assert_chosen(uint64_t sum)
{
    size_t count = 0;
    uint64_t place = 1;
    for (size_t i = 0; i < COUNT(names); i++, place *= 10) {
        int meant = sum / place % 10 == 1;
        assert_int_equal(kist_selection_has(&selection, &manifest.items[i]), meant);
        if (meant)
            assert_ptr_equal(selection.items[count++], &manifest.items[i]);
    }
    assert_int_equal(selection.count, count);
    assert_int_equal(selection.raw_size, sum);
}

static void without_a_pattern_all(void **state)
{
    (void)state;
    assert_int_equal(choose(NULL, NULL), 0);
    assert_chosen(11111);
}

static void one_pattern(void **state)
{
    (void)state;
    assert_int_equal(choose("*.jpg", NULL), 0);
    assert_chosen(1);
}

static void folders_need_two_stars(void **state)
{
    (void)state;
    assert_int_equal(choose("**.jpg", NULL), 0);
    assert_chosen(1101);
}

static void patterns_add_up(void **state)
{
    (void)state;
    assert_int_equal(choose("photos/*", "b.txt"), 0);
    assert_chosen(10110);
}

static void an_item_counts_once(void **state)
{
    (void)state;
    assert_int_equal(choose("a.jpg", "*.jpg"), 0);
    assert_chosen(1);
}

static void brackets_are_plain(void **state)
{
    (void)state;
    assert_int_equal(choose("photos/[id].html", NULL), 0);
    assert_chosen(10000);
}

static void a_pattern_that_fits_nothing(void **state)
{
    (void)state;
    /* Also beside one that does. */
    assert_int_equal(choose("b.txt", "c*.txt"), KIST_ERR_CONFIG);
    assert_non_null(strstr(err.message, "'c*.txt'"));
    assert_null(strstr(err.message, "b.txt"));
    assert_non_null(strstr(err.hint, "kist show p/2026-11-21T02-00-00Z"));
    assert_null(selection.items);
    kist_error_clear(&err);
    assert_int_equal(choose("", NULL), KIST_ERR_CONFIG);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(without_a_pattern_all),       TEST(one_pattern),
        TEST(folders_need_two_stars),      TEST(patterns_add_up),
        TEST(an_item_counts_once),         TEST(brackets_are_plain),
        TEST(a_pattern_that_fits_nothing),
    };
    return cmocka_run_group_tests_name("selection", tests, NULL, NULL);
}
