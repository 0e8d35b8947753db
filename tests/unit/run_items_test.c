/* The items of a run: read by several workers, read again when they change, left out when they are gone, and not read at
 * all when the last backup has them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fakes.h"
#include "key.h"
#include "run_items.h"
#include "things.h"

#define FIRST "2026-11-21T02-00-00Z"
#define SECOND "2026-11-22T02-00-00Z"

struct scene {
    struct things things;
    struct fake_filter filter;
    struct fake_disk disks[2];
    struct kist_config_section source, filters[1], destinations[2];
    const struct kist_config_section *filter_list[1], *destination_list[2];
    struct kist_config_pipeline pipeline;
    struct kist_manifest manifest;
    struct kist_run_items items;
    struct kist_error err;
    json_t *facts;
};

static int begin(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    scene->err = (struct kist_error)KIST_ERROR_INIT;
    scene->filter = (struct fake_filter){.block_size = 1000, .key = 7, .header = 1};
    scene->source = fake_section(&things_plugin, "src", &scene->things);
    scene->filters[0] = fake_section(&fake_filter_plugin, "squeeze", &scene->filter);
    scene->filter_list[0] = &scene->filters[0];
    for (size_t i = 0; i < 2; i++) {
        fake_disk_init(&scene->disks[i]);
        scene->destinations[i] = fake_section(&fake_disk_plugin, i ? "far" : "near", &scene->disks[i]);
        scene->destination_list[i] = &scene->destinations[i];
    }
    scene->pipeline = (struct kist_config_pipeline){.name = "shop",
                                                    .source = &scene->source,
                                                    .filters = scene->filter_list,
                                                    .destinations = scene->destination_list,
                                                    .destination_count = 2,
                                                    .require = KIST_REQUIRE_ALL,
                                                    .parallel = 3,
                                                    .reuse = 1};
    *state = scene;
    return 0;
}

static void forget(struct scene *scene)
{
    kist_manifest_done(&scene->manifest);
    json_decref(scene->facts);
    scene->facts = NULL;
    kist_error_clear(&scene->err);
    scene->things.opened = 0;
    for (size_t i = 0; i < MOST; i++)
        scene->things.items[i].begun = 0;
}

static int end(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(scene->things.instances, 0);
    forget(scene);
    for (size_t i = 0; i < 2; i++)
        fake_disk_done(&scene->disks[i]);
    kist_error_done(&scene->err);
    free(scene);
    return 0;
}

static void add(struct scene *scene, const char *name, size_t size)
{
    scene->things.items[scene->things.count++] = (struct thing){.name = name, .version = "v1", .size = size};
}

static int save(struct scene *scene, const char *id, struct kist_targets *targets, struct kist_cancel *cancel)
{
    int code = kist_run_items_open(&scene->pipeline, things_backup(id), NULL, cancel, &scene->items, &scene->err);
    for (size_t i = 0; i < targets->count && !code; i++)
        if (!targets->items[i].err.code)
            code = kist_catalog_read(targets->items[i].store, "shop", &targets->items[i].catalog, &scene->err);
    if (!code)
        code = kist_run_items_reuse(&scene->items, targets, &scene->err);
    if (!code)
        code = kist_run_items_save(&scene->items, targets, &scene->manifest, cancel, 1, &scene->err);
    return code ? code : kist_run_items_facts(&scene->items, &scene->facts, &scene->err);
}

/* As a run does it, with a manifest at the end. */
static int run(struct scene *scene, const char *id)
{
    struct kist_targets targets = {0};
    struct kist_cancel *cancel = NULL;
    char *text = NULL;
    size_t size = 0;
    forget(scene);
    assert_int_equal(kist_cancel_new(NULL, &cancel, &scene->err), 0);
    assert_int_equal(kist_targets_open(&scene->pipeline, "me", cancel, &targets, &scene->err), 0);
    scene->manifest = (struct kist_manifest){.pipeline = strdup("shop"),
                                             .kist_version = strdup("1"),
                                             .source_plugin = strdup("things"),
                                             .source_version = strdup("1"),
                                             .labels = json_object()};
    strcpy(scene->manifest.id, id);
    int code = save(scene, id, &targets, cancel);
    if (!code) {
        scene->manifest.facts = json_incref(scene->facts);
        assert_int_equal(kist_manifest_format(&scene->manifest, NULL, &text, &size, &scene->err), 0);
    }
    for (size_t i = 0; i < targets.count && !code; i++)
        if (!targets.items[i].err.code)
            assert_int_equal(kist_catalog_commit(targets.items[i].store, "shop", id, text, size, &scene->err), 0);
    free(text);
    kist_run_items_close(&scene->items);
    kist_targets_close(&targets);
    kist_cancel_free(cancel);
    return code;
}

static json_int_t fact(const struct scene *scene, const char *name)
{
    return json_integer_value(json_object_get(scene->facts, name));
}

static int begun(const struct scene *scene)
{
    int sum = 0;
    for (size_t i = 0; i < scene->things.count; i++)
        sum += scene->things.items[i].begun;
    return sum;
}

static void by_several_workers_in_order(void **state)
{
    struct scene *scene = *state;
    static char names[30][8];
    for (int i = 0; i < 30; i++) {
        snprintf(names[i], sizeof names[i], "%c%02d", 'a' + i % 7, i);
        add(scene, names[i], (size_t)i * 100);
    }
    scene->things.items[4].size = (3 << 20) + 5;
    assert_int_equal(run(scene, FIRST), 0);
    /* The one that was asked for the items, and one per worker. */
    assert_int_equal(scene->things.opened, 4);
    assert_int_equal(scene->manifest.item_count, 30);
    for (size_t i = 0; i < 30; i++) {
        const struct kist_manifest_item *item = &scene->manifest.items[i];
        assert_string_equal(item->name, names[i]);
        assert_int_equal(item->raw.size, scene->things.items[i].size);
        assert_string_equal(item->content_type, "text/x");
        assert_string_equal(item->version, "v1");
        assert_int_equal(json_object_size(item->metadata), 1);
        for (size_t d = 0; d < 2; d++)
            assert_int_equal(fake_disk_find(&scene->disks[d], item->key)->size, item->stored.size);
    }
}

/* The bytes are the same, whether an item was small enough for memory or not. */
static void through_a_filter(void **state)
{
    struct scene *scene = *state;
    const size_t sizes[] = {0, 1, 999, 1000, 1001, 54321, (1 << 20) + 1};
    static char names[7][8];
    scene->pipeline.filter_count = 1;
    for (size_t i = 0; i < 7; i++) {
        snprintf(names[i], sizeof names[i], "x%zu", i);
        add(scene, names[i], sizes[i]);
    }
    assert_int_equal(run(scene, FIRST), 0);
    for (size_t i = 0; i < 7; i++) {
        unsigned char *raw = malloc(sizes[i] + 1);
        char sha256[KIST_SHA256_HEX + 1];
        size_t size = 0;
        memset(raw, 'x', sizes[i]);
        unsigned char *encoded = fake_encode(&scene->filter, raw, sizes[i], &size);
        const struct kist_manifest_item *item = &scene->manifest.items[i];
        const struct fake_object *object = fake_disk_find(&scene->disks[1], item->key);
        assert_int_equal(object->size, size);
        assert_memory_equal(object->data, encoded, size);
        assert_int_equal(kist_hash_bytes(encoded, size, sha256, &scene->err), 0);
        assert_string_equal(item->stored.sha256, sha256);
        assert_int_equal(kist_hash_bytes(raw, sizes[i], sha256, &scene->err), 0);
        assert_string_equal(item->raw.sha256, sha256);
        assert_string_equal(item->filters[0].plugin, fake_filter_plugin.name);
        free(encoded);
        free(raw);
    }
    assert_int_equal(scene->filter.broken, 0);
}

static void what_changes_is_read_again(void **state)
{
    struct scene *scene = *state;
    const size_t sizes[] = {10, (2 << 20)};
    for (size_t i = 0; i < 2; i++) {
        add(scene, i ? "large" : "small", sizes[i]);
        scene->things.items[i].failures = 3;
        scene->things.items[i].code = KIST_ERR_CORRUPT;
        scene->things.items[i].retryable = 1;
    }
    assert_int_equal(run(scene, FIRST), 0);
    assert_int_equal(begun(scene), 8);
    assert_int_equal(scene->manifest.item_count, 2);
    assert_int_equal(scene->manifest.items[1].raw.size, 2 << 20);
}

static void what_never_stands_still_fails_the_run(void **state)
{
    struct scene *scene = *state;
    add(scene, "a", 10);
    add(scene, "b", 10);
    scene->things.items[1] =
        (struct thing){.name = "b", .size = 10, .failures = 99, .code = KIST_ERR_CORRUPT, .retryable = 1};
    assert_int_equal(run(scene, FIRST), KIST_ERR_CORRUPT);
    assert_int_equal(scene->things.items[1].begun, 6);
    scene->things.items[1].retryable = 0;
    assert_int_equal(run(scene, SECOND), KIST_ERR_CORRUPT);
    assert_int_equal(scene->things.items[1].begun, 1);
}

static void what_is_gone_is_left_out(void **state)
{
    struct scene *scene = *state;
    add(scene, "a", 10);
    add(scene, "gone", 10);
    add(scene, "gone-large", 2 << 20);
    add(scene, "z", 10);
    for (size_t i = 1; i < 3; i++) {
        scene->things.items[i].failures = 9;
        scene->things.items[i].code = KIST_ERR_NOT_FOUND;
    }
    scene->pipeline.parallel = 1;
    assert_int_equal(run(scene, FIRST), 0);
    assert_int_equal(scene->manifest.item_count, 2);
    assert_string_equal(scene->manifest.items[1].name, "z");
    assert_int_equal(fact(scene, "vanished"), 2);
}

static void keys_that_cannot_be_kept(void **state)
{
    struct scene *scene = *state;
    static char longer[KIST_KEY_MAX];
    memset(longer, 'k', sizeof longer - 1);
    add(scene, "../up", 1);
    add(scene, "/abs", 1);
    add(scene, "a//b", 1);
    add(scene, "bell\x07", 1);
    add(scene, "\xff", 1);
    add(scene, longer, 1);
    assert_int_equal(run(scene, FIRST), KIST_ERR_FAILED);
    add(scene, "good", 1);
    assert_int_equal(run(scene, FIRST), 0);
    assert_int_equal(scene->manifest.item_count, 1);
    assert_int_equal(fact(scene, "left_out"), 6);
}

static void a_store_that_cannot_hold_a_key(void **state)
{
    struct scene *scene = *state;
    add(scene, "good", 10);
    add(scene, "odd", 10);
    add(scene, "odd-large", 2 << 20);
    scene->disks[1].only = "/odd";
    scene->disks[1].fail_begin = KIST_ERR_UNSUPPORTED;
    assert_int_equal(run(scene, FIRST), 0);
    assert_int_equal(scene->manifest.item_count, 1);
    assert_int_equal(fact(scene, "left_out"), 2);
    /* The other one could, but a backup is the same everywhere. */
    assert_null(fake_disk_find(&scene->disks[0], "shop/" FIRST "/odd"));
    assert_null(fake_disk_find(&scene->disks[0], "shop/" FIRST "/odd-large"));
}

static void a_destination_that_fails_is_out(void **state)
{
    struct scene *scene = *state;
    static char names[20][8];
    for (int i = 0; i < 20; i++) {
        snprintf(names[i], sizeof names[i], "o%02d", i);
        add(scene, names[i], i == 10 ? 3 << 20 : 100);
    }
    scene->disks[1].only = "/o05";
    scene->disks[1].fail_commit = KIST_ERR_NO_SPACE;
    assert_int_equal(run(scene, FIRST), KIST_ERR_NO_SPACE);
    fake_disk_done(&scene->disks[0]);
    fake_disk_init(&scene->disks[0]);
    fake_disk_done(&scene->disks[1]);
    fake_disk_init(&scene->disks[1]);
    scene->disks[1].only = "/o05";
    scene->disks[1].fail_commit = KIST_ERR_NO_SPACE;
    scene->pipeline.require = 1;
    assert_int_equal(run(scene, FIRST), 0);
    assert_int_equal(scene->manifest.item_count, 20);
    assert_int_equal(fake_disk_count(&scene->disks[0], "shop/"), 20);
    assert_true(fake_disk_count(&scene->disks[1], "shop/") < 20);
}

/* ---- reuse ---- */

static const char *key_of(const struct scene *scene, size_t item)
{
    return scene->manifest.items[item].key;
}

static void what_has_its_old_version_is_not_read(void **state)
{
    struct scene *scene = *state;
    add(scene, "a", 10);
    add(scene, "b", 10);
    add(scene, "c", 10);
    scene->things.items[2].version = NULL;
    assert_int_equal(run(scene, FIRST), 0);
    scene->things.items[1].version = "v2";
    add(scene, "new", 10);
    assert_int_equal(run(scene, SECOND), 0);
    assert_int_equal(begun(scene), 3);
    assert_int_equal(fact(scene, "reused"), 1);
    assert_string_equal(key_of(scene, 0), "shop/" FIRST "/a");
    assert_string_equal(key_of(scene, 1), "shop/" SECOND "/b");
    assert_string_equal(key_of(scene, 2), "shop/" SECOND "/c");
    assert_string_equal(scene->manifest.items[0].content_type, "text/x");
    assert_int_equal(json_object_size(scene->manifest.items[0].metadata), 1);
    /* Of the third, what lies in the folder of the first stays there. */
    assert_int_equal(run(scene, "2026-11-23T02-00-00Z"), 0);
    assert_int_equal(fact(scene, "reused"), 3);
    assert_string_equal(key_of(scene, 0), "shop/" FIRST "/a");
    assert_string_equal(key_of(scene, 1), "shop/" SECOND "/b");
    scene->pipeline.reuse = 0;
    assert_int_equal(run(scene, "2026-11-24T02-00-00Z"), 0);
    assert_int_equal(begun(scene), 4);
}

static void only_what_every_destination_has(void **state)
{
    struct scene *scene = *state;
    add(scene, "a", 10);
    add(scene, "b", 10);
    add(scene, "c", 10);
    assert_int_equal(run(scene, FIRST), 0);
    fake_disk_drop(&scene->disks[1], "shop/" FIRST "/a");
    fake_disk_put(&scene->disks[0], "shop/" FIRST "/b", "short", 5);
    assert_int_equal(run(scene, SECOND), 0);
    assert_int_equal(fact(scene, "reused"), 1);
    assert_string_equal(key_of(scene, 2), "shop/" FIRST "/c");
    /* Without the second on one of them, the first is the newest that both have, and no longer has it all. */
    fake_disk_drop(&scene->disks[1], "_kist/shop/" SECOND ".json");
    assert_int_equal(run(scene, "2026-11-23T02-00-00Z"), 0);
    assert_int_equal(fact(scene, "reused"), 1);
    fake_disk_drop(&scene->disks[1], "_kist/shop/" FIRST ".json");
    fake_disk_drop(&scene->disks[1], "_kist/shop/2026-11-23T02-00-00Z.json");
    assert_int_equal(run(scene, "2026-11-24T02-00-00Z"), 0);
    assert_int_equal(fact(scene, "reused"), 0);
}

static void other_filters_or_a_damaged_manifest(void **state)
{
    struct scene *scene = *state;
    add(scene, "a", 10);
    assert_int_equal(run(scene, FIRST), 0);
    scene->pipeline.filter_count = 1;
    assert_int_equal(run(scene, SECOND), 0);
    assert_int_equal(fact(scene, "reused"), 0);
    fake_disk_put(&scene->disks[0], "_kist/shop/" SECOND ".json", "{}", 2);
    assert_int_equal(run(scene, "2026-11-23T02-00-00Z"), 0);
    assert_int_equal(fact(scene, "reused"), 1);
    for (size_t i = 0; i < 2; i++)
        fake_disk_put(&scene->disks[i], "_kist/shop/2026-11-23T02-00-00Z.json", "{}", 2);
    assert_int_equal(run(scene, "2026-11-24T02-00-00Z"), 0);
    assert_int_equal(fact(scene, "reused"), 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        CASE(by_several_workers_in_order),
        CASE(through_a_filter),
        CASE(what_changes_is_read_again),
        CASE(what_never_stands_still_fails_the_run),
        CASE(what_is_gone_is_left_out),
        CASE(keys_that_cannot_be_kept),
        CASE(a_store_that_cannot_hold_a_key),
        CASE(a_destination_that_fails_is_out),
        CASE(what_has_its_old_version_is_not_read),
        CASE(only_what_every_destination_has),
        CASE(other_filters_or_a_damaged_manifest),
    };
    return cmocka_run_group_tests_name("run_items", tests, NULL, NULL);
}
