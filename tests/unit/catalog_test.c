/* The catalog on a destination: what counts as a backup, and what is swept after a run that was killed. */
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
static const struct kist_config_pipeline shop = {.name = "shop"};

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

static void have(const char *key)
{
    fake_disk_put(&disk, key, "x", 1);
}

static struct kist_catalog read_catalog(void)
{
    struct kist_catalog catalog = {0};
    assert_int_equal(kist_catalog_read(store, "shop", &catalog, &err), 0);
    return catalog;
}

/* Sweeps; returns how many objects went. */
static uint64_t sweep(void)
{
    uint64_t count = 99;
    struct kist_catalog catalog = read_catalog();
    assert_int_equal(kist_catalog_sweep(store, "shop", OWNER, &catalog, &count, &err), 0);
    assert_int_equal(err.code, 0);
    kist_catalog_done(&catalog);
    return count;
}

static void an_empty_store(void **state)
{
    (void)state;
    struct kist_catalog catalog = read_catalog();
    assert_int_equal(catalog.backup_count, 0);
    assert_int_equal(catalog.pending_count, 0);
    assert_int_equal(kist_catalog_has(&catalog, OLD), 0);
    kist_catalog_done(&catalog);
    struct kist_manifest manifest;
    assert_int_equal(kist_catalog_load(store, &shop, OLD, &manifest, &err), KIST_ERR_NOT_FOUND);
}

static void backups_are_sorted_and_junk_is_ignored(void **state)
{
    (void)state;
    have("deep/down/_kist/shop/" NEW ".json");
    have("deep/down/_kist/shop/" OLD ".json");
    have("deep/down/_kist/shop/" MID ".json");
    have("deep/down/_kist/shop/" MID ".pending");
    static const char *const junk[] = {
        "README",
        ".json",
        ".pending",
        OLD,
        OLD ".jso",
        OLD ".json.tmp",
        OLD ".JSON",
        "x" OLD ".json",
        OLD "x.json",
        "2020-13-01T00-00-00Z.json",
        "2020-02-30T00-00-00Z.json",
        "2020-01-01T00:00:00Z.json",
        "kept/2019-01-01T00-00-00Z.json",
        "kept/2019-01-01T00-00-00Z.pending",
        "lost+found/x",
        "\xf0\x9f\x98\x80",
    };
    char key[200];
    for (size_t i = 0; i < sizeof junk / sizeof *junk; i++) {
        snprintf(key, sizeof key, "deep/down/_kist/shop/%s", junk[i]);
        have(key);
    }
    have("deep/down/_kist/shop2/2019-01-01T00-00-00Z.json");
    have("_kist/shop/2019-01-01T00-00-00Z.json");
    struct kist_catalog catalog = read_catalog();
    assert_int_equal(catalog.backup_count, 3);
    assert_string_equal(catalog.backups[0].id, OLD);
    assert_string_equal(catalog.backups[1].id, MID);
    assert_string_equal(catalog.backups[2].id, NEW);
    assert_int_equal(catalog.pending_count, 1);
    assert_string_equal(catalog.pending[0].id, MID);
    assert_int_equal(kist_catalog_has(&catalog, MID), 1);
    assert_int_equal(kist_catalog_has(&catalog, "2019-01-01T00-00-00Z"), 0);
    kist_catalog_done(&catalog);
    /* The manifest is there, so the run is not one that was killed. */
    assert_int_equal(sweep(), 0);
    assert_null(fake_disk_find(&disk, "deep/down/_kist/shop/" MID ".pending"));
    assert_non_null(fake_disk_find(&disk, "deep/down/_kist/shop/" MID ".json"));
    assert_non_null(fake_disk_find(&disk, "deep/down/_kist/shop/kept/2019-01-01T00-00-00Z.pending"));
}

/* A backup that a listing names twice is one. */
static void named_twice(void **state)
{
    (void)state;
    have("deep/down/_kist/shop/" OLD ".json");
    have("deep/down/_kist/shop/" NEW ".json");
    have("deep/down/_kist/shop/" OLD ".tombstone");
    disk.strange = "deep/down/_kist/shop/" OLD ".json";
    disk.vanishing = "deep/down/_kist/shop/" OLD ".tombstone";
    struct kist_catalog catalog = read_catalog();
    assert_int_equal(catalog.backup_count, 2);
    assert_string_equal(catalog.backups[0].id, OLD);
    assert_string_equal(catalog.backups[1].id, NEW);
    assert_int_equal(catalog.tombstone_count, 1);
    assert_int_equal(kist_catalog_is_buried(&catalog, OLD), 1);
    assert_int_equal(kist_catalog_is_buried(&catalog, NEW), 0);
    assert_int_equal(kist_catalog_has_remains(&catalog), 0);
    kist_catalog_done(&catalog);
}

static void begin(const char *id, char *const *keys, size_t count)
{
    assert_int_equal(kist_catalog_begin(store, "shop", id, OWNER, keys, count, NULL, &err), 0);
}

static void a_killed_run_is_swept(void **state)
{
    (void)state;
    char *keys[] = {"shop/" MID "/shop.dump", "shop/" MID "/RESTORE.txt"};
    have("deep/down/shop/" OLD "/shop.dump");
    begin(MID, keys, 2);
    have("deep/down/shop/" MID "/shop.dump");
    have("deep/down/shop/" MID "/not-ours");
    /* A key that was never written is no trouble. */
    assert_int_equal(sweep(), 2);
    assert_null(fake_disk_find(&disk, "deep/down/shop/" MID "/shop.dump"));
    assert_non_null(fake_disk_find(&disk, "deep/down/shop/" MID "/not-ours"));
    assert_non_null(fake_disk_find(&disk, "deep/down/shop/" OLD "/shop.dump"));
    assert_int_equal(fake_disk_count(&disk, "deep/down/_kist/"), 0);
    assert_int_equal(sweep(), 0);
}

static void write_note(const char *id, const char *owner, const char *keys)
{
    char key[100], note[1000];
    snprintf(key, sizeof key, "deep/down/_kist/shop/%s.pending", id);
    snprintf(note, sizeof note, "{\"kist_pending\": 1, \"owner\": \"%s\", \"keys\": [%s]}", owner, keys);
    fake_disk_put(&disk, key, note, strlen(note));
}

/* Whatever a note says, it reaches no further than the folder of its own run, and it does not stop the next one. */
static void a_note_reaches_no_further(void **state)
{
    (void)state;
    have("deep/down/shop/" OLD "/shop.dump");
    have("deep/down/_kist/shop/" OLD ".json");
    have("deep/down/shop/" MID "/mine");
    write_note(MID, OWNER,
               "\"shop/" OLD "/shop.dump\", \"_kist/shop/" OLD ".json\", \"shop/" MID "/../" OLD "/shop.dump\", "
               "\"/etc/passwd\", \"\", 7, null, {}, \"shop/" MID "\", \"shop/" MID "x/y\", \"shop/" MID "/mine\"");
    assert_int_equal(sweep(), 1);
    assert_non_null(fake_disk_find(&disk, "deep/down/shop/" OLD "/shop.dump"));
    assert_non_null(fake_disk_find(&disk, "deep/down/_kist/shop/" OLD ".json"));
    assert_null(fake_disk_find(&disk, "deep/down/shop/" MID "/mine"));
    assert_int_equal(fake_disk_count(&disk, "deep/down/_kist/shop/" MID), 0);
}

static void other_owners_get_a_day(void **state)
{
    (void)state;
    char fresh[KIST_ID_LENGTH + 1], stale[KIST_ID_LENGTH + 1], key[100], quoted[110];
    kist_id_of_time(kist_time_now() - 3600, fresh);
    kist_id_of_time(kist_time_now() - 25 * 3600, stale);
    const char *const ids[] = {fresh, stale};
    for (size_t i = 0; i < 2; i++) {
        snprintf(key, sizeof key, "deep/down/shop/%s/data", ids[i]);
        have(key);
        snprintf(quoted, sizeof quoted, "\"shop/%s/data\"", ids[i]);
        write_note(ids[i], "some.other.machine:1:2", quoted);
    }
    assert_int_equal(sweep(), 1);
    snprintf(key, sizeof key, "deep/down/shop/%s/data", fresh);
    assert_non_null(fake_disk_find(&disk, key));
    snprintf(key, sizeof key, "deep/down/_kist/shop/%s.pending", fresh);
    assert_non_null(fake_disk_find(&disk, key));
    assert_int_equal(fake_disk_count(&disk, "deep/down/"), 2);
}

/* A repair of another host brings a backup of long ago: its note is as young as the repair. */
static void a_repair_gets_a_day_too(void **state)
{
    (void)state;
    char *keys[] = {"shop/" MID "/shop.dump"}, busy[KIST_ID_LENGTH + 1];
    assert_int_equal(kist_catalog_begin(store, "shop", MID, "some.other.machine:1:2", keys, 1, NULL, &err), 0);
    have("deep/down/shop/" MID "/shop.dump");
    assert_int_equal(sweep(), 0);
    assert_non_null(fake_disk_find(&disk, "deep/down/shop/" MID "/shop.dump"));
    assert_non_null(fake_disk_find(&disk, "deep/down/_kist/shop/" MID ".pending"));
    struct kist_catalog catalog = read_catalog();
    assert_int_equal(kist_catalog_busy(store, "shop", OWNER, &catalog, busy, &err), 0);
    assert_string_equal(busy, MID);
    kist_catalog_done(&catalog);
}

/* Notes of which nothing can be learnt: not swept while their run may be at work, dropped after a day. */
static void damaged_notes(void **state)
{
    (void)state;
    static const char *const notes[] = {
        "", "{", "[]", "null", "{\"owner\": 1}", "{\"owner\": \"a\", \"keys\": 3}", "\xff"};
    char fresh[KIST_ID_LENGTH + 1], key[100];
    kist_id_of_time(kist_time_now(), fresh);
    snprintf(key, sizeof key, "deep/down/_kist/shop/%s.pending", fresh);
    for (size_t i = 0; i < sizeof notes / sizeof *notes; i++) {
        fake_disk_put(&disk, "deep/down/_kist/shop/" OLD ".pending", notes[i], strlen(notes[i]));
        fake_disk_put(&disk, key, notes[i], strlen(notes[i]));
        assert_int_equal(sweep(), 0);
        assert_int_equal(disk.count, 1);
        assert_non_null(fake_disk_find(&disk, key));
    }
}

/* Another machine's run ends between the listing and the look at its note. */
static void a_note_that_vanishes(void **state)
{
    (void)state;
    disk.vanishing = "deep/down/_kist/shop/" MID ".pending";
    assert_int_equal(sweep(), 0);
}

static void what_fails(void **state)
{
    (void)state;
    struct kist_catalog catalog = {0};
    uint64_t count = 0;
    char *keys[] = {"shop/" MID "/a"}, *bad[] = {"shop/\xff"};
    disk.fail_list = KIST_ERR_TIMEOUT;
    assert_int_equal(kist_catalog_read(store, "shop", &catalog, &err), KIST_ERR_TIMEOUT);
    assert_null(catalog.backups);
    disk.fail_list = 0;
    disk.strange = "somewhere/else";
    assert_int_equal(kist_catalog_read(store, "shop", &catalog, &err), KIST_ERR_CORRUPT);
    disk.strange = "deep/down/_kist/shopping/x";
    assert_int_equal(kist_catalog_read(store, "shop", &catalog, &err), KIST_ERR_CORRUPT);
    disk.strange = NULL;
    assert_int_not_equal(kist_catalog_begin(store, "shop", MID, OWNER, bad, 1, NULL, &err), 0);
    assert_int_equal(disk.count, 0);
    begin(MID, keys, 1);
    /* Two runs of one second: the second one sees that the name is taken. */
    assert_int_equal(kist_catalog_begin(store, "shop", MID, OWNER, keys, 1, NULL, &err), KIST_ERR_EXISTS);
    disk.fail_remove = KIST_ERR_AUTH;
    disk.only = "/a";
    kist_error_clear(&err);
    catalog = read_catalog();
    assert_int_equal(kist_catalog_sweep(store, "shop", OWNER, &catalog, &count, &err), KIST_ERR_AUTH);
    kist_catalog_done(&catalog);
    /* The note stays as long as what it names may be there. */
    assert_non_null(fake_disk_find(&disk, "deep/down/_kist/shop/" MID ".pending"));
}

static void commit_load_remove(void **state)
{
    (void)state;
    struct kist_manifest manifest = {0};
    assert_int_equal(kist_catalog_commit(store, "shop", NEW, "{}", 2, &err), 0);
    assert_int_equal(kist_catalog_commit(store, "shop", NEW, "{}", 2, &err), KIST_ERR_EXISTS);
    kist_error_clear(&err);
    assert_int_equal(kist_catalog_load(store, &shop, NEW, &manifest, &err), KIST_ERR_CORRUPT);
    assert_non_null(
        strstr(err.message, "disk: '_kist/shop/" NEW ".json': manifest of 'shop/" NEW "': it is cut off"));
    assert_int_equal(kist_catalog_remove(store, "shop", NEW, &err), 0);
    assert_int_equal(disk.count, 0);
    assert_int_equal(kist_catalog_remove(store, "shop", NEW, &err), 0);
    char *key = kist_catalog_key("shop", "", "");
    assert_string_equal(key, "_kist/shop");
    free(key);
}

static void thousands(void **state)
{
    (void)state;
    char key[100], id[KIST_ID_LENGTH + 1];
    for (int i = 0; i < 3000; i++) {
        kist_id_of_time((int64_t)i * 7919 % 3000 * 86400, id);
        snprintf(key, sizeof key, "deep/down/_kist/shop/%s.json", id);
        disk.objects = realloc(disk.objects, (disk.count + 1) * sizeof *disk.objects);
        disk.objects[disk.count++] = (struct fake_object){.key = strdup(key), .data = calloc(1, 1), .size = 1};
    }
    struct kist_catalog catalog = read_catalog();
    assert_int_equal(catalog.backup_count, 3000);
    for (size_t i = 0; i < 3000; i++) {
        kist_id_of_time((int64_t)i * 86400, id);
        assert_string_equal(catalog.backups[i].id, id);
        assert_int_equal(kist_catalog_has(&catalog, id), 1);
    }
    kist_catalog_done(&catalog);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_empty_store),
        TEST(backups_are_sorted_and_junk_is_ignored),
        TEST(a_killed_run_is_swept),
        TEST(a_note_reaches_no_further),
        TEST(other_owners_get_a_day),
        TEST(a_repair_gets_a_day_too),
        TEST(named_twice),
        TEST(damaged_notes),
        TEST(a_note_that_vanishes),
        TEST(what_fails),
        TEST(commit_load_remove),
        TEST(thousands),
    };
    return cmocka_run_group_tests_name("catalog", tests, NULL, NULL);
}
