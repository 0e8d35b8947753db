/* Marks beside a backup: what is written can be read, its name says enough, and the newest word counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fakes.h"
#include "marks.h"

#define OLD "2020-01-01T00-00-00Z"
#define NEW "2020-01-02T00-00-00Z"

static struct kist_error err = KIST_ERROR_INIT;
static struct fake_disk disk;
static struct kist_config_section section;
static struct kist_store *store;
static struct kist_config_pipeline shop;

static int setup(void **state)
{
    (void)state;
    fake_disk_init(&disk);
    section = fake_section(&fake_disk_plugin, "disk", &disk);
    section.prefix = "deep";
    store = fake_store_open(&section);
    shop = (struct kist_config_pipeline){.name = "shop"};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    kist_store_close(store);
    fake_disk_done(&disk);
    kist_error_clear(&err);
    return 0;
}

static void put(const char *id, const char *word, json_t *body)
{
    assert_int_equal(kist_mark_put(store, &shop, NULL, id, word, body, &err), 0);
    assert_int_equal(err.code, 0);
    json_decref(body);
}

static struct kist_catalog read_catalog(void)
{
    struct kist_catalog catalog = {0};
    assert_int_equal(kist_catalog_read(store, "shop", &catalog, &err), 0);
    return catalog;
}

/* The object of a mark. */
static struct fake_object *object_of(const struct kist_catalog_mark *mark)
{
    char key[200];
    snprintf(key, sizeof key, "deep/_kist/shop/%s.%s.%s", mark->id, mark->word, mark->time);
    struct fake_object *object = fake_disk_find(&disk, key);
    assert_non_null(object);
    return object;
}

static void what_was_put_is_found_and_read(void **state)
{
    (void)state;
    json_t *body = NULL;
    put(OLD, KIST_MARK_DRILL, json_pack("{s:i, s:s}", "rows", 1005, "level", "drill"));
    struct kist_catalog catalog = read_catalog();
    const struct kist_catalog_mark *mark = kist_mark_find(&catalog, OLD, KIST_MARK_DRILL);
    assert_non_null(mark);
    assert_ptr_equal(mark, kist_mark_find(&catalog, OLD, NULL));
    assert_null(kist_mark_find(&catalog, OLD, KIST_MARK_BAD_DRILL));
    assert_null(kist_mark_find(&catalog, NEW, NULL));
    assert_int_equal(kist_mark_load(store, &shop, mark, &body, &err), 0);
    assert_int_equal(json_integer_value(json_object_get(body, "rows")), 1005);
    static const char *const fields[] = {"pipeline", "id", "mark", "time", "host", "user", "level"};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        assert_true(json_is_string(json_object_get(body, fields[i])));
    assert_string_equal(json_string_value(json_object_get(body, "time")), mark->time);
    json_decref(body);
    kist_catalog_done(&catalog);
}

static void a_body_cannot_pretend_to_be_another_mark(void **state)
{
    (void)state;
    json_t *body = NULL;
    put(OLD, KIST_MARK_BAD_DRILL, json_pack("{s:s, s:s}", "mark", "hash", "id", NEW));
    struct kist_catalog catalog = read_catalog();
    assert_int_equal(kist_mark_load(store, &shop, &catalog.marks[0], &body, &err), 0);
    assert_string_equal(json_string_value(json_object_get(body, "mark")), "baddrill");
    json_decref(body);
    kist_catalog_done(&catalog);
}

static void each_mark_has_a_second_of_its_own(void **state)
{
    (void)state;
    static const char *const words[] = {"hash", "baddrill", "decode", "accepted", "badhash", "elsewhere"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        put(OLD, words[i], NULL);
    struct kist_catalog catalog = read_catalog();
    assert_int_equal(catalog.mark_count, sizeof words / sizeof *words);
    for (size_t i = 0; i < catalog.mark_count; i++) {
        assert_string_equal(catalog.marks[i].word, words[i]);
        if (i)
            assert_true(strcmp(catalog.marks[i - 1].time, catalog.marks[i].time) < 0);
    }
    kist_catalog_done(&catalog);
}

/* The marks of a backup, oldest first, as "hash baddrill". */
static void expect_marks(const char *id, const char *expected)
{
    struct kist_catalog catalog = read_catalog();
    char text[200] = "";
    for (size_t i = 0; i < catalog.mark_count; i++) {
        size_t used = strlen(text);
        if (strcmp(catalog.marks[i].id, id) == 0)
            snprintf(text + used, sizeof text - used, "%s%s", used ? " " : "", catalog.marks[i].word);
    }
    assert_string_equal(text, expected);
    kist_catalog_done(&catalog);
}

/* What is proved every day must not fill a store with the marks of it. */
static void one_that_says_more_replaces_others(void **state)
{
    (void)state;
    static const struct {
        const char *word, *marks;
    } steps[] = {{"hash", "hash"},
                 {"hash", "hash"},
                 {"badhash", "hash badhash"},
                 {"badhash", "hash badhash"},
                 {"baddrill", "hash badhash baddrill"},
                 {"accepted", "hash badhash baddrill accepted"},
                 {"decode", "hash baddrill accepted decode"},
                 {"hash", "baddrill accepted decode hash"},
                 {"drill", "accepted decode hash drill"},
                 {"accepted", "decode hash drill accepted"}};
    put(NEW, KIST_MARK_BAD_HASH, NULL);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        put(OLD, steps[i].word, NULL);
        expect_marks(OLD, steps[i].marks);
    }
    expect_marks(NEW, "badhash");
}

/* A store that keeps what is removed must not keep a mark from being written, nor from being heeded. */
static void nothing_is_lost_where_nothing_is_removed(void **state)
{
    (void)state;
    put(OLD, KIST_MARK_BAD_HASH, NULL);
    disk.fail_remove = KIST_ERR_AUTH;
    put(OLD, KIST_MARK_DECODE, NULL);
    disk.fail_remove = 0;
    expect_marks(OLD, "badhash decode");
    struct kist_catalog catalog = read_catalog();
    assert_string_equal(kist_mark_verdict(&catalog, OLD)->word, "decode");
    kist_catalog_done(&catalog);
}

/* A drill that failed is not made good by reading the same bytes again. */
static void only_an_as_strong_proof_makes_up_for_a_failed_one(void **state)
{
    (void)state;
    static const struct {
        const char *word, *verdict;
    } steps[] = {{"accepted", NULL},         {"hash", "hash"},       {"badhash", "badhash"},
                 {"accepted", "badhash"},    {"decode", "decode"},   {"baddrill", "baddrill"},
                 {"hash", "baddrill"},       {"decode", "baddrill"}, {"badhash", "badhash"},
                 {"decode", "baddrill"},     {"drill", "drill"},     {"hash", "hash"},
                 {"baddecode", "baddecode"}, {"hash", "baddecode"},  {"drill", "drill"}};
    put(NEW, KIST_MARK_BAD_DRILL, NULL);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        put(OLD, steps[i].word, NULL);
        struct kist_catalog catalog = read_catalog();
        const struct kist_catalog_mark *verdict = kist_mark_verdict(&catalog, OLD);
        if (steps[i].verdict)
            assert_string_equal(verdict->word, steps[i].verdict);
        else
            assert_null(verdict);
        assert_int_equal(kist_mark_is_bad(verdict), verdict && strncmp(verdict->word, "bad", 3) == 0);
        assert_string_equal(kist_mark_verdict(&catalog, NEW)->word, "baddrill");
        assert_null(kist_mark_verdict(&catalog, "2020-01-01T12-00-00Z"));
        assert_null(kist_mark_verdict(&catalog, "2019-01-01T00-00-00Z"));
        assert_null(kist_mark_verdict(&catalog, "2021-01-01T00-00-00Z"));
        kist_catalog_done(&catalog);
    }
}

static void no_changed_byte_goes_unseen(void **state)
{
    (void)state;
    put(OLD, KIST_MARK_HASH, json_pack("{s:s}", "level", "hash"));
    struct kist_catalog catalog = read_catalog();
    struct fake_object *object = object_of(&catalog.marks[0]);
    for (size_t i = 0; i < object->size; i++) {
        json_t *body = NULL;
        object->data[i] ^= 4;
        assert_int_equal(kist_mark_load(store, &shop, &catalog.marks[0], &body, &err), KIST_ERR_CORRUPT);
        assert_null(body);
        kist_error_clear(&err);
        object->data[i] ^= 4;
    }
    kist_catalog_done(&catalog);
}

static void one_under_another_name_is_refused(void **state)
{
    (void)state;
    json_t *body = NULL;
    put(OLD, KIST_MARK_HASH, NULL);
    struct kist_catalog catalog = read_catalog();
    struct kist_catalog_mark other = catalog.marks[0];
    const struct fake_object *object = object_of(&catalog.marks[0]);
    char key[200];
    memcpy(other.id, NEW, sizeof other.id);
    snprintf(key, sizeof key, "deep/_kist/shop/%s.%s.%s", other.id, other.word, other.time);
    fake_disk_put(&disk, key, object->data, object->size);
    assert_int_equal(kist_mark_load(store, &shop, &other, &body, &err), KIST_ERR_CORRUPT);
    memcpy(other.id, OLD, sizeof other.id);
    memcpy(other.word, "drill", 6);
    assert_int_equal(kist_mark_load(store, &shop, &other, &body, &err), KIST_ERR_NOT_FOUND);
    kist_catalog_done(&catalog);
}

static void a_key_signs_it(void **state)
{
    (void)state;
    json_t *body = NULL;
    put(OLD, KIST_MARK_HASH, NULL);
    shop.sign_key = "secret one";
    put(OLD, KIST_MARK_DRILL, NULL);
    struct kist_catalog catalog = read_catalog();
    const struct kist_catalog_mark *signed_one = kist_mark_find(&catalog, OLD, "drill");
    assert_int_equal(kist_mark_load(store, &shop, signed_one, &body, &err), 0);
    json_decref(body);
    assert_int_equal(kist_mark_load(store, &shop, kist_mark_find(&catalog, OLD, "hash"), &body, &err),
                     KIST_ERR_CORRUPT);
    shop.sign_key = "another key";
    assert_int_equal(kist_mark_load(store, &shop, signed_one, &body, &err), KIST_ERR_CORRUPT);
    kist_catalog_done(&catalog);
}

static void a_store_that_takes_nothing_fails_it(void **state)
{
    (void)state;
    disk.fail_begin = KIST_ERR_AUTH;
    assert_int_equal(kist_mark_put(store, &shop, NULL, OLD, KIST_MARK_HASH, NULL, &err), KIST_ERR_AUTH);
    struct kist_catalog catalog = read_catalog();
    assert_int_equal(catalog.mark_count, 0);
    kist_catalog_done(&catalog);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_put_is_found_and_read, setup, teardown),
        cmocka_unit_test_setup_teardown(a_body_cannot_pretend_to_be_another_mark, setup, teardown),
        cmocka_unit_test_setup_teardown(each_mark_has_a_second_of_its_own, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_says_more_replaces_others, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_is_lost_where_nothing_is_removed, setup, teardown),
        cmocka_unit_test_setup_teardown(only_an_as_strong_proof_makes_up_for_a_failed_one, setup, teardown),
        cmocka_unit_test_setup_teardown(no_changed_byte_goes_unseen, setup, teardown),
        cmocka_unit_test_setup_teardown(one_under_another_name_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_key_signs_it, setup, teardown),
        cmocka_unit_test_setup_teardown(a_store_that_takes_nothing_fails_it, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
