/* A stored item on its way back: chains of filters, damage at every stage, and filters that do not behave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fakes.h"
#include "pull.h"

#define KEY "shop/id/item"
#define CHAIN 3

static struct kist_error err = KIST_ERROR_INIT;

struct scene {
    struct fake_disk disk;
    struct kist_config_section section;
    struct kist_store *store;
    struct fake_filter filters[CHAIN];
    struct kist_instance *instances[CHAIN];
    struct kist_manifest_item item;
    unsigned char *raw, *stored;
};

static void digest(const unsigned char *data, size_t size, struct kist_digest *ret_digest)
{
    ret_digest->size = size;
    assert_int_equal(kist_hash_bytes(data, size, ret_digest->sha256, &err), 0);
}

static struct scene *new_scene(size_t size, size_t filter_count)
{
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    fake_disk_init(&scene->disk);
    scene->section = fake_section(&fake_disk_plugin, "disk", &scene->disk);
    scene->store = fake_store_open(&scene->section);
    scene->raw = fake_noise(size, 1);
    scene->stored = fake_noise(size, 1);
    size_t stored_size = size;
    for (size_t i = 0; i < filter_count; i++) {
        scene->filters[i] =
            (struct fake_filter){.block_size = 5000 + 313 * i, .key = (unsigned char)(i + 3), .header = i != 1};
        scene->instances[i] = fake_open(&fake_filter_plugin, "filter", &scene->filters[i], NULL);
        unsigned char *encoded = fake_encode(&scene->filters[i], scene->stored, stored_size, &stored_size);
        free(scene->stored);
        scene->stored = encoded;
    }
    scene->item = (struct kist_manifest_item){.name = "item", .key = KEY, .filter_count = filter_count};
    digest(scene->raw, size, &scene->item.raw);
    digest(scene->stored, stored_size, &scene->item.stored);
    fake_disk_put(&scene->disk, KEY, scene->stored, stored_size);
    return scene;
}

static void free_scene(struct scene *scene)
{
    for (size_t i = 0; i < scene->item.filter_count; i++) {
        assert_int_equal(scene->filters[i].decoders, 0);
        kist_instance_close(scene->instances[i]);
    }
    assert_int_equal(scene->disk.readers, 0);
    kist_store_close(scene->store);
    fake_disk_done(&scene->disk);
    free(scene->raw);
    free(scene->stored);
    free(scene);
    kist_error_clear(&err);
}

/* Reads all in pieces of `piece`; `expected` are the bytes, as far as they come. */
static int read_all(struct scene *scene, int decode, size_t piece, size_t *ret_size)
{
    struct kist_pull *pull = NULL;
    unsigned char *memory = malloc(piece);
    const unsigned char *expected = decode ? scene->raw : scene->stored;
    size_t limit = decode ? scene->item.raw.size : scene->item.stored.size, size = 1, total = 0;
    assert_non_null(memory);
    int code = kist_pull_open(scene->store, &scene->item, scene->instances, decode, &pull, &err);
    while (!code && size > 0) {
        code = kist_pull_read(pull, memory, piece, &size, &err);
        if (code)
            break;
        assert_true(size <= piece);
        assert_true(total + size <= limit);
        if (!scene->disk.only) /* a test that damages the data names it there */
            assert_memory_equal(memory, expected + total, size);
        total += size;
    }
    /* The end stays the end. */
    if (!code && decode && scene->item.filter_count > 0)
        assert_int_equal(kist_pull_read(pull, memory, piece, &size, &err) || size, 0);
    kist_pull_close(pull);
    free(memory);
    *ret_size = total;
    return code;
}

static void chains_and_short_reads(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 4999, 5000, 5001, 100000, 700001};
    static const size_t pieces[] = {1, 7, 4096, 1 << 20};
    for (size_t filters = 0; filters <= CHAIN; filters++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
            for (size_t p = 0; p < sizeof pieces / sizeof *pieces; p++) {
                /* Single bytes of a large item only take time. */
                if (pieces[p] < 4096 && sizes[i] > 10000)
                    continue;
                struct scene *scene = new_scene(sizes[i], filters);
                size_t size = 0;
                scene->disk.piece = p == 2 ? 1000 : p == 1 ? 3 : 0;
                assert_int_equal(read_all(scene, 1, pieces[p], &size), 0);
                assert_int_equal(size, sizes[i]);
                assert_int_equal(read_all(scene, 0, pieces[p], &size), 0);
                assert_int_equal(size, scene->item.stored.size);
                assert_int_equal(err.code, 0);
                free_scene(scene);
            }
}

static void every_flipped_byte_is_seen(void **state)
{
    (void)state;
    for (size_t filters = 0; filters <= CHAIN; filters++) {
        struct scene *scene = new_scene(600, filters);
        struct fake_object *object = fake_disk_find(&scene->disk, KEY);
        size_t size = 0;
        scene->disk.only = KEY;
        for (size_t i = 0; i < object->size; i++) {
            object->data[i] ^= (unsigned char)(1 << i % 8);
            assert_int_equal(read_all(scene, 1, 100, &size), KIST_ERR_CORRUPT);
            assert_non_null(strstr(err.message, "'" KEY "'"));
            assert_int_equal(read_all(scene, 0, 100, &size), KIST_ERR_CORRUPT);
            object->data[i] ^= (unsigned char)(1 << i % 8);
        }
        /* Every cut, and one byte more. */
        size_t whole = object->size;
        while (object->size-- > 0)
            assert_int_equal(read_all(scene, object->size % 2, 100, &size), KIST_ERR_CORRUPT);
        object->size = whole + 1;
        object->data[whole] = 0;
        assert_int_equal(read_all(scene, 1, 100, &size), KIST_ERR_CORRUPT);
        assert_int_equal(read_all(scene, 0, 100, &size), KIST_ERR_CORRUPT);
        free_scene(scene);
    }
}

/* The stored bytes are right, so the fault was made before they were hashed: the raw hash tells. */
static void wrong_raw_bytes(void **state)
{
    (void)state;
    struct scene *scene = new_scene(20000, 2);
    size_t size = 0;
    scene->item.raw.sha256[0] = scene->item.raw.sha256[0] == '0' ? '1' : '0';
    assert_int_equal(read_all(scene, 1, 4096, &size), KIST_ERR_CORRUPT);
    assert_non_null(strstr(err.message, "does not hold the raw bytes that were saved"));
    assert_int_equal(read_all(scene, 0, 4096, &size), 0);
    free_scene(scene);
    scene = new_scene(20000, 2);
    scene->item.raw.size = 20001;
    scene->disk.only = KEY;
    assert_int_equal(read_all(scene, 1, 4096, &size), KIST_ERR_CORRUPT);
    assert_non_null(strstr(err.message, "has 20000 raw bytes, its manifest says 20001"));
    scene->item.raw.size = 19999;
    assert_int_equal(read_all(scene, 1, 4096, &size), KIST_ERR_CORRUPT);
    assert_non_null(strstr(err.message, "decodes to more bytes than its manifest says"));
    assert_true(size <= 19999);
    free_scene(scene);
}

/* Fault 101 */
static void a_bomb_stops_at_the_size_of_the_manifest(void **state)
{
    (void)state;
    struct scene *scene = new_scene(100000, 1);
    size_t size = 0;
    scene->disk.only = KEY;
    scene->filters[0].bomb = 1;
    assert_int_equal(read_all(scene, 1, 4096, &size), KIST_ERR_CORRUPT);
    assert_non_null(strstr(err.message, "decodes to more bytes than its manifest says"));
    assert_in_range(size, 100000 - 4096, 100000);
    free_scene(scene);
}

/* Fault 26 */
static void a_filter_without_progress(void **state)
{
    (void)state;
    static const size_t sizes[] = {1000, 2000000};
    for (size_t i = 0; i < 2; i++)
        for (size_t which = 0; which < 2; which++) {
            struct scene *scene = new_scene(sizes[i], 2);
            size_t size = 0;
            scene->filters[which].stall = 1;
            int code = read_all(scene, 1, 4096, &size);
            /* With more input than fits it is the filter's fault; without, the data may be at fault. */
            assert_true(code == KIST_ERR_BUG || code == KIST_ERR_CORRUPT);
            assert_int_equal(size, 0);
            if (sizes[i] > 1000000)
                assert_int_equal(code, KIST_ERR_BUG);
            free_scene(scene);
        }
}

static void a_store_that_fails(void **state)
{
    (void)state;
    struct scene *scene = new_scene(1000, 1);
    size_t size = 0;
    scene->disk.fail_get = KIST_ERR_TIMEOUT;
    assert_int_equal(read_all(scene, 1, 4096, &size), KIST_ERR_TIMEOUT);
    scene->disk.fail_get = 0;
    fake_disk_drop(&scene->disk, KEY);
    assert_int_equal(read_all(scene, 1, 4096, &size), KIST_ERR_CORRUPT);
    assert_string_equal(err.message, "disk: '" KEY "' is missing");
    kist_pull_close(NULL);
    free_scene(scene);
}

static void measures_what_nobody_knows(void **state)
{
    (void)state;
    for (size_t filters = 0; filters <= CHAIN; filters++) {
        struct scene *scene = new_scene(70000, filters);
        struct kist_digest raw = scene->item.raw, stored = scene->item.stored, found_raw, found_stored;
        struct kist_pull *pull = NULL;
        char memory[4096];
        size_t size = 1, total = 0;
        memset(&scene->item.raw, 0, sizeof raw);
        memset(&scene->item.stored, 0, sizeof stored);
        assert_int_equal(kist_pull_measure(scene->store, &scene->item, scene->instances, &pull, &err), 0);
        assert_int_equal(kist_pull_piece(pull, sizeof memory), sizeof memory);
        for (; size > 0; total += size)
            assert_int_equal(kist_pull_read(pull, memory, sizeof memory, &size, &err), 0);
        kist_pull_measured(pull, &found_stored, &found_raw);
        assert_int_equal(total, 70000);
        assert_memory_equal(&found_raw, &raw, sizeof raw);
        assert_memory_equal(&found_stored, &stored, sizeof stored);
        kist_pull_close(pull);
        /* There is no manifest whose promise is broken. */
        fake_disk_drop(&scene->disk, KEY);
        assert_int_equal(kist_pull_measure(scene->store, &scene->item, scene->instances, &pull, &err),
                         KIST_ERR_NOT_FOUND);
        free_scene(scene);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chains_and_short_reads),
        cmocka_unit_test(every_flipped_byte_is_seen),
        cmocka_unit_test(wrong_raw_bytes),
        cmocka_unit_test(a_bomb_stops_at_the_size_of_the_manifest),
        cmocka_unit_test(a_filter_without_progress),
        cmocka_unit_test(a_store_that_fails),
        cmocka_unit_test(measures_what_nobody_knows),
    };
    return cmocka_run_group_tests_name("pull", tests, NULL, NULL);
}
