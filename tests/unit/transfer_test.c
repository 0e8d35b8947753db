/* One item through all stages: what arrives, in which order, and what happens when any stage fails. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fakes.h"
#include "transfer.h"

#define PARTS 3
#define BLOCK ((size_t)64 * 1024)

static size_t workers; /* of every filter; 0: as many as the transfer likes */

struct scene {
    struct fake_source source;
    struct fake_filter filters[PARTS];
    size_t filter_count;
    struct fake_disk disks[PARTS];
    size_t disk_count, need;
    struct kist_cancel *cancel;
    /* out: */
    struct kist_transfer transfer;
    struct kist_transfer_target targets[PARTS];
    struct kist_error err;
    int code;
};

static void init(struct scene *scene, size_t filter_count, size_t disk_count)
{
    memset(scene, 0, sizeof *scene);
    scene->filter_count = filter_count;
    scene->need = scene->disk_count = disk_count;
    scene->err = (struct kist_error)KIST_ERROR_INIT;
    for (size_t i = 0; i < PARTS; i++) {
        scene->filters[i] =
            (struct fake_filter){.block_size = BLOCK + i * 4099, .key = (unsigned char)(17 + i), .header = i != 1};
        fake_disk_init(&scene->disks[i]);
        scene->targets[i] = (struct kist_transfer_target){.key = "shop/item", .err = KIST_ERROR_INIT};
    }
    assert_int_equal(kist_cancel_new(NULL, &scene->cancel, &scene->err), 0);
}

static void done(struct scene *scene)
{
    for (size_t i = 0; i < PARTS; i++) {
        fake_disk_done(&scene->disks[i]);
        kist_error_done(&scene->targets[i].err);
    }
    kist_cancel_free(scene->cancel);
    kist_error_done(&scene->err);
}

/* Runs it, and checks what holds whatever happens. */
static int run(struct scene *scene)
{
    struct kist_instance *source = fake_open(&fake_source_plugin, "src", &scene->source, scene->cancel);
    struct kist_instance *filters[PARTS];
    struct kist_config_section sections[PARTS];
    struct kist_item item = {.struct_size = sizeof item, .name = "item"};
    for (size_t i = 0; i < scene->filter_count; i++)
        filters[i] = fake_open(&fake_filter_plugin, "squeeze", &scene->filters[i], scene->cancel);
    for (size_t i = 0; i < scene->disk_count; i++) {
        sections[i] = fake_section(&fake_disk_plugin, i == 0 ? "near" : "far", &scene->disks[i]);
        assert_int_equal(
            kist_store_open(&sections[i], "shop", scene->cancel, &scene->targets[i].store, &scene->err), 0);
    }
    scene->transfer = (struct kist_transfer){.source = source,
                                             .item = &item,
                                             .filters = filters,
                                             .filter_count = scene->filter_count,
                                             .targets = scene->targets,
                                             .target_count = scene->disk_count,
                                             .need = scene->need,
                                             .workers = workers,
                                             .cancel = scene->cancel};
    scene->code = kist_transfer_run(&scene->transfer, &scene->err);
    assert_int_equal(scene->code, scene->err.code);
    assert_int_equal(scene->source.begun, scene->source.ended);
    for (size_t i = 0; i < scene->filter_count; i++) {
        assert_int_equal(scene->filters[i].broken, 0);
        assert_int_equal(scene->filters[i].encoders, 0);
        assert_int_equal(scene->filters[i].workers, 0);
        kist_instance_close(filters[i]);
    }
    for (size_t i = 0; i < scene->disk_count; i++) {
        const struct fake_disk *disk = &scene->disks[i];
        assert_int_equal(disk->count, scene->targets[i].committed);
        if (!disk->fail_commit)
            assert_int_equal(disk->begun, disk->aborted + disk->committed);
        kist_store_close(scene->targets[i].store);
    }
    kist_instance_close(source);
    return scene->code;
}

/* The object is what the filters make of the source, and both hashes are right. */
static void assert_stored(const struct scene *scene, size_t disk)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    char raw[KIST_SHA256_HEX + 1], stored[KIST_SHA256_HEX + 1];
    size_t size = scene->source.size;
    unsigned char *bytes = malloc(size + 1);
    assert_non_null(bytes);
    memcpy(bytes, scene->source.data, size);
    assert_int_equal(kist_hash_bytes(bytes, size, raw, &err), 0);
    for (size_t i = 0; i < scene->filter_count; i++) {
        unsigned char *encoded = fake_encode(&scene->filters[i], bytes, size, &size);
        free(bytes);
        bytes = encoded;
    }
    assert_int_equal(kist_hash_bytes(bytes, size, stored, &err), 0);
    assert_int_equal(scene->disks[disk].count, 1);
    const struct fake_object *object = &scene->disks[disk].objects[0];
    assert_string_equal(object->key, "shop/item");
    assert_int_equal(object->size, size);
    if (size > 0)
        assert_memory_equal(object->data, bytes, size);
    free(bytes);
    assert_int_equal(scene->transfer.raw_size, scene->source.size);
    assert_int_equal(scene->transfer.stored_size, size);
    assert_string_equal(scene->transfer.raw_sha256, raw);
    assert_string_equal(scene->transfer.stored_sha256, stored);
    assert_int_equal(scene->targets[disk].err.code, 0);
}

static void sizes_and_block_borders(void **state)
{
    (void)state;
    static const size_t sizes[] = {
        0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 7 * BLOCK + 13, 16 * BLOCK, 32 * BLOCK, 33 * BLOCK - 1};
    unsigned char *data = fake_noise(33 * BLOCK, 1);
    for (workers = 1; workers <= 8; workers *= 2)
        for (size_t filters = 0; filters <= PARTS; filters++)
            for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
                struct scene scene;
                init(&scene, filters, 1 + i % 2);
                scene.source = (struct fake_source){.data = data, .size = sizes[i], .piece = i % 3 ? 0 : 4097};
                assert_int_equal(run(&scene), 0);
                for (size_t d = 0; d < scene.disk_count; d++)
                    assert_stored(&scene, d);
                if (filters > 0)
                    assert_int_equal(scene.filters[0].blocks, sizes[i] ? (sizes[i] + BLOCK - 1) / BLOCK : 1);
                done(&scene);
            }
    workers = 0;
    free(data);
}

static void blocks_stay_in_order(void **state)
{
    (void)state;
    unsigned char *data = fake_noise(60 * BLOCK + 5, 2);
    workers = 8;
    for (size_t filters = 1; filters <= PARTS; filters++) {
        struct scene scene;
        init(&scene, filters, 2);
        scene.source = (struct fake_source){.data = data, .size = 60 * BLOCK + 5, .piece = 30000};
        for (size_t i = 0; i < filters; i++)
            scene.filters[i].delay_us = 3000;
        scene.disks[1].delay_us = 1500;
        assert_int_equal(run(&scene), 0);
        assert_stored(&scene, 0);
        assert_stored(&scene, 1);
        done(&scene);
    }
    workers = 0;
    free(data);
}

static void assert_nothing_stored(const struct scene *scene, int code)
{
    assert_int_equal(scene->code, code);
    for (size_t i = 0; i < scene->disk_count; i++)
        assert_int_equal(scene->disks[i].count, 0);
}

static void a_source_that_fails(void **state)
{
    (void)state;
    static const size_t places[] = {0, 1, BLOCK, 5 * BLOCK + 7, 20 * BLOCK - 1, 20 * BLOCK};
    unsigned char *data = fake_noise(20 * BLOCK, 3);
    for (size_t filters = 0; filters <= 2; filters++)
        for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
            struct scene scene;
            init(&scene, filters, 2);
            scene.source = (struct fake_source){
                .data = data, .size = 20 * BLOCK, .fail = KIST_ERR_AUTH, .fail_at = places[i]};
            run(&scene);
            assert_nothing_stored(&scene, KIST_ERR_AUTH);
            assert_string_equal(scene.err.message, "shop/src(fakesource): the dump was cut off");
            assert_true(kist_cancel_is_set(scene.cancel));
            done(&scene);
        }
    struct scene scene;
    init(&scene, 1, 1);
    scene.source.fail_begin = KIST_ERR_UNAVAILABLE;
    run(&scene);
    assert_nothing_stored(&scene, KIST_ERR_UNAVAILABLE);
    assert_int_equal(scene.source.begun, 0);
    done(&scene);
    init(&scene, 1, 1);
    scene.source = (struct fake_source){.data = data, .size = 20 * BLOCK, .too_many = 1};
    run(&scene);
    assert_nothing_stored(&scene, KIST_ERR_BUG);
    done(&scene);
    free(data);
}

/* Fault 26 */
static void a_filter_that_fails(void **state)
{
    (void)state;
    unsigned char *data = fake_noise(20 * BLOCK, 4);
    for (size_t filters = 1; filters <= PARTS; filters++)
        for (size_t broken = 0; broken < filters; broken++)
            for (int how = 0; how < 8; how++) {
                struct scene scene;
                init(&scene, filters, 2);
                scene.source = (struct fake_source){.data = data, .size = 20 * BLOCK};
                struct fake_filter *filter = &scene.filters[broken];
                int code = KIST_ERR_NO_SPACE;
                switch (how) {
                case 0: filter->fail_header = code; break;
                case 1: filter->fail_worker = code; break;
                case 2: filter->fail = code; break;
                case 3: filter->fail = code, filter->fail_at = 7; break;
                case 4: filter->fail = code, filter->fail_at = 15; break;
                case 5: filter->swallow = 1, code = KIST_ERR_BUG; break;
                case 6: filter->huge = 1, code = KIST_ERR_BUG; break;
                default: filter->bound = UINT64_MAX, code = KIST_ERR_BUG; break;
                }
                run(&scene);
                assert_nothing_stored(&scene, code);
                done(&scene);
            }
    free(data);
}

/* The first filter has failed before the queues of the stages behind it are made: they have to learn of it. */
static void a_failure_while_stages_are_made(void **state)
{
    (void)state;
    unsigned char *data = fake_noise(20 * BLOCK, 5);
    struct scene scene;
    init(&scene, 2, 2);
    scene.source = (struct fake_source){.data = data, .size = 20 * BLOCK};
    scene.filters[0].fail_worker = KIST_ERR_AUTH;
    scene.filters[1].delay_begin_us = 100000;
    run(&scene);
    assert_nothing_stored(&scene, KIST_ERR_AUTH);
    done(&scene);
    free(data);
}

static void break_disk(struct fake_disk *disk, int how)
{
    switch (how) {
    case 0: disk->fail_begin = KIST_ERR_NO_SPACE; break;
    case 1: disk->fail_write = KIST_ERR_NO_SPACE; break;
    case 2: disk->fail_write = KIST_ERR_NO_SPACE, disk->fail_at = 9 * BLOCK; break;
    default: disk->fail_commit = KIST_ERR_NO_SPACE; break;
    }
}

static void a_destination_that_fails(void **state)
{
    (void)state;
    unsigned char *data = fake_noise(40 * BLOCK, 6);
    for (size_t filters = 0; filters <= 1; filters++)
        for (size_t need = 1; need <= 2; need++)
            for (size_t broken = 0; broken < 2; broken++)
                for (int how = 0; how < 4; how++) {
                    struct scene scene;
                    init(&scene, filters, 2);
                    scene.need = need;
                    scene.source = (struct fake_source){.data = data, .size = 40 * BLOCK};
                    break_disk(&scene.disks[broken], how);
                    int code = run(&scene);
                    assert_int_equal(scene.targets[broken].committed, 0);
                    assert_int_equal(scene.targets[broken].err.code, KIST_ERR_NO_SPACE);
                    assert_int_equal(code, need == 2 ? KIST_ERR_NO_SPACE : 0);
                    if (need == 1)
                        assert_stored(&scene, 1 - broken);
                    else
                        assert_non_null(strstr(scene.err.message, "the disk fails to "));
                    done(&scene);
                }
    free(data);
}

static void all_destinations_fail(void **state)
{
    (void)state;
    struct scene scene;
    init(&scene, 1, 2);
    scene.need = 1;
    scene.source.endless = 1;
    break_disk(&scene.disks[0], 2);
    break_disk(&scene.disks[1], 2);
    run(&scene);
    assert_nothing_stored(&scene, KIST_ERR_NO_SPACE);
    done(&scene);
}

static void *cancel_soon(void *arg)
{
    usleep(50000);
    kist_cancel_set(arg);
    return NULL;
}

static void cancelled_at_work(void **state)
{
    (void)state;
    for (int stuck = 0; stuck < 2; stuck++) {
        struct scene scene;
        pthread_t thread;
        init(&scene, 2, 2);
        scene.source.endless = 1;
        scene.disks[1].stuck = stuck;
        assert_int_equal(pthread_create(&thread, NULL, cancel_soon, scene.cancel), 0);
        run(&scene);
        pthread_join(thread, NULL);
        assert_nothing_stored(&scene, KIST_ERR_CANCELLED);
        done(&scene);
    }
}

/* The source is at its end, and a writer holds on to the rest. */
static void cancelled_at_the_end(void **state)
{
    (void)state;
    unsigned char *data = fake_noise(BLOCK, 7);
    struct scene scene;
    pthread_t thread;
    init(&scene, 1, 2);
    scene.source = (struct fake_source){.data = data, .size = BLOCK};
    scene.disks[0].stuck = 1;
    assert_int_equal(pthread_create(&thread, NULL, cancel_soon, scene.cancel), 0);
    assert_int_equal(run(&scene), KIST_ERR_CANCELLED);
    pthread_join(thread, NULL);
    assert_int_equal(scene.targets[0].committed, 0);
    done(&scene);
    free(data);
}

static void writes_are_not_too_large(void **state)
{
    (void)state;
    size_t block = (size_t)4 << 20;
    unsigned char *data = fake_noise(2 * block, 8);
    struct scene scene;
    init(&scene, 1, 1);
    scene.filters[0].block_size = block;
    scene.source = (struct fake_source){.data = data, .size = 2 * block};
    assert_int_equal(run(&scene), 0);
    assert_stored(&scene, 0);
    assert_true(scene.disks[0].most <= block);
    done(&scene);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_and_block_borders),
        cmocka_unit_test(blocks_stay_in_order),
        cmocka_unit_test(a_source_that_fails),
        cmocka_unit_test(a_filter_that_fails),
        cmocka_unit_test(a_failure_while_stages_are_made),
        cmocka_unit_test(a_destination_that_fails),
        cmocka_unit_test(all_destinations_fail),
        cmocka_unit_test(cancelled_at_work),
        cmocka_unit_test(cancelled_at_the_end),
        cmocka_unit_test(writes_are_not_too_large),
    };
    return cmocka_run_group_tests_name("transfer", tests, NULL, NULL);
}
