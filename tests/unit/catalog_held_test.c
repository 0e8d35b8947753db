/* What a run's note says that a provider holds, and a sweep of one note alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "catalog.h"
#include "fakes.h"

#define OLD "2020-01-01T00-00-00Z"
#define MID "2020-01-02T00-00-00Z"
#define NEW "2020-01-03T00-00-00Z"
#define OWNER "this.machine:1:2"

static struct kist_error err = KIST_ERROR_INIT;
static struct fake_disk disk;
static struct kist_config_section section;
static struct kist_store *store;

static int setup(void **state)
{
    (void)state;
    fake_disk_init(&disk);
    section = fake_section(&fake_disk_plugin, "disk", &disk);
    section.prefix = "deep/down";
    store = fake_store_open(&section);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(disk.readers, 0);
    kist_store_close(store);
    fake_disk_done(&disk);
    kist_error_clear(&err);
    return 0;
}

static void begin(const char *id, char *const *keys, size_t count)
{
    assert_int_equal(kist_catalog_begin(store, "shop", id, OWNER, keys, count, NULL, &err), 0);
}

/* What a note says that a provider holds counts only from those who may say so. */
static void what_a_note_says_of_a_provider(void **state)
{
    (void)state;
    static const char key[] = "0123456789abcdef0123456789abcdef";
    const struct kist_config_section *places[] = {&section};
    struct kist_config_pipeline signer = {.name = "shop", .sign_key = key}, plain = {.name = "shop"};
    const struct kist_catalog_held held = {
        .plugin = "neon", .sign_key = key, .destinations = places, .destination_count = 1};
    char *keys[] = {(char *)(uintptr_t) "shop/" MID "/RESTORE.txt"};
    json_t *said = NULL;
    begin(OLD, keys, 1);
    assert_int_equal(kist_catalog_held_by(store, &signer, OLD, OWNER, &said, &err), 0);
    assert_null(said);
    assert_int_equal(kist_catalog_begin(store, "shop", MID, OWNER, keys, 1, &held, &err), 0);
    assert_int_equal(kist_catalog_held_by(store, &signer, MID, OWNER, &said, &err), 0);
    assert_string_equal(json_string_value(json_object_get(said, "plugin")), "neon");
    assert_string_equal(json_string_value(json_array_get(json_object_get(said, "destinations"), 0)), section.name);
    json_decref(said);
    /* Of a run that may be at work. */
    said = NULL;
    assert_int_equal(kist_catalog_held_by(store, &signer, MID, "some.other.machine:1:2", &said, &err), 0);
    assert_null(said);
    assert_int_equal(kist_catalog_held_by(store, &signer, NEW, OWNER, &said, &err), 0);
    assert_null(said);
    /* Unsigned, changed, and signed with another key. */
    struct fake_object *note = fake_disk_find(&disk, "deep/down/_kist/shop/" MID ".pending");
    assert_non_null(note);
    unsigned char *at = memmem(note->data, note->size, "neon", 4);
    assert_non_null(at);
    *at = 'N';
    assert_int_equal(kist_catalog_held_by(store, &signer, MID, OWNER, &said, &err), KIST_ERR_CORRUPT);
    assert_int_equal(kist_catalog_held_by(store, &plain, MID, OWNER, &said, &err), KIST_ERR_CORRUPT);
    *at = 'n';
    assert_int_equal(kist_catalog_held_by(store, &plain, MID, OWNER, &said, &err), 0);
    json_decref(said);
    said = NULL;
    signer.sign_key = "another key, which is long enough too";
    assert_int_equal(kist_catalog_held_by(store, &signer, MID, OWNER, &said, &err), KIST_ERR_CORRUPT);
    assert_null(said);
}

static void only_one_note_is_swept(void **state)
{
    (void)state;
    struct kist_catalog catalog = {0};
    uint64_t count = 0;
    char *keys[] = {(char *)(uintptr_t) "shop/" MID "/RESTORE.txt"};
    begin(OLD, keys, 0);
    begin(MID, keys, 1);
    assert_int_equal(kist_catalog_read(store, "shop", &catalog, &err), 0);
    kist_catalog_forget_others(&catalog, MID);
    assert_int_equal(kist_catalog_sweep(store, "shop", OWNER, &catalog, &count, &err), 0);
    kist_catalog_done(&catalog);
    assert_int_equal(kist_catalog_read(store, "shop", &catalog, &err), 0);
    assert_int_equal(catalog.pending_count, 1);
    assert_string_equal(catalog.pending[0].id, OLD);
    kist_catalog_done(&catalog);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_a_note_says_of_a_provider),
        TEST(only_one_note_is_swept),
    };
    return cmocka_run_group_tests_name("catalog: held", tests, NULL, NULL);
}
