/* A destination that takes no data, or little at a time: how long the others wait for it, and what becomes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backup_id.h"
#include "fakes.h"
#include "transfer.h"

#define DISKS 3
#define SIZE ((size_t)24 << 20) /* more than all queues hold */
#define DEADLINE_MS 500

struct scene {
    struct fake_source source;
    struct fake_disk disks[DISKS];
    struct kist_config_section sections[DISKS];
    struct kist_transfer_target targets[DISKS];
    struct fake_filter filter;
    int64_t filter_patience_ms; /* 0: there is no filter */
    struct kist_cancel *cancel;
    struct kist_transfer transfer;
    struct kist_error err;
    int64_t took_ms;
    int code;
};

static void init(struct scene *scene, const unsigned char *data)
{
    static const char *const names[DISKS] = {"near", "far", "off"};
    memset(scene, 0, sizeof *scene);
    scene->err = (struct kist_error)KIST_ERROR_INIT;
    scene->source = (struct fake_source){.data = data, .size = SIZE};
    for (size_t i = 0; i < DISKS; i++) {
        fake_disk_init(&scene->disks[i]);
        scene->sections[i] = fake_section(&fake_disk_plugin, names[i], &scene->disks[i]);
        scene->sections[i].retry.deadline_ms = DEADLINE_MS;
        scene->targets[i] = (struct kist_transfer_target){.key = "shop/item", .err = KIST_ERROR_INIT};
    }
    assert_int_equal(kist_cancel_new(NULL, &scene->cancel, &scene->err), 0);
}

static int run(struct scene *scene, size_t need)
{
    struct kist_instance *source = fake_open(&fake_source_plugin, "src", &scene->source, scene->cancel);
    struct kist_item item = {.struct_size = sizeof item, .name = "item", .size_estimate = -1};
    struct kist_instance *filter = fake_open(&fake_filter_plugin, "squeeze", &scene->filter, scene->cancel);
    for (size_t i = 0; i < DISKS; i++)
        assert_int_equal(
            kist_store_open(&scene->sections[i], "shop", scene->cancel, &scene->targets[i].store, &scene->err), 0);
    scene->transfer = (struct kist_transfer){.source = source,
                                             .item = &item,
                                             .filters = &filter,
                                             .filter_count = scene->filter_patience_ms > 0,
                                             .filter_patience_ms = scene->filter_patience_ms,
                                             .targets = scene->targets,
                                             .target_count = DISKS,
                                             .need = need,
                                             .cancel = scene->cancel};
    int64_t begun = kist_time_monotonic_ms();
    scene->code = kist_transfer_run(&scene->transfer, &scene->err);
    scene->took_ms = kist_time_monotonic_ms() - begun;
    for (size_t i = 0; i < DISKS; i++) {
        assert_int_equal(scene->disks[i].begun, scene->disks[i].aborted + scene->disks[i].committed);
        kist_store_close(scene->targets[i].store);
    }
    kist_instance_close(filter);
    kist_instance_close(source);
    return scene->code;
}

static void assert_stored(const struct scene *scene, size_t disk)
{
    assert_int_equal(scene->targets[disk].err.code, 0);
    assert_int_equal(scene->disks[disk].count, 1);
    assert_int_equal(scene->disks[disk].objects[0].size, SIZE);
    assert_memory_equal(scene->disks[disk].objects[0].data, scene->source.data, SIZE);
    assert_string_equal(scene->transfer.stored_sha256, scene->transfer.raw_sha256);
}

static void assert_given_up(const struct scene *scene, size_t disk)
{
    const struct kist_error *err = &scene->targets[disk].err;
    assert_int_equal(err->code, KIST_ERR_TIMEOUT);
    assert_int_equal(err->retryable, 0);
    assert_non_null(strstr(err->message, "(fakedisk): took no data for "));
    assert_int_equal(scene->disks[disk].count, 0);
    assert_int_equal(scene->disks[disk].aborted, 1);
}

static void done(struct scene *scene)
{
    for (size_t i = 0; i < DISKS; i++) {
        fake_disk_done(&scene->disks[i]);
        kist_error_done(&scene->targets[i].err);
    }
    kist_cancel_free(scene->cancel);
    kist_error_done(&scene->err);
}

static unsigned char *data;

static void one_that_stalls(void **state)
{
    (void)state;
    for (size_t stuck = 0; stuck < DISKS; stuck++) {
        struct scene scene;
        init(&scene, data);
        scene.disks[stuck].stuck = 1;
        assert_int_equal(run(&scene, 1), 0);
        assert_true(scene.took_ms >= DEADLINE_MS && scene.took_ms < 20 * DEADLINE_MS);
        for (size_t i = 0; i < DISKS; i++)
            if (i == stuck)
                assert_given_up(&scene, i);
            else
                assert_stored(&scene, i);
        assert_int_equal(kist_cancel_is_set(scene.cancel), 0);
        done(&scene);
    }
}

/* They are waited for at the same time. */
static void two_that_stall(void **state)
{
    (void)state;
    struct scene scene;
    init(&scene, data);
    scene.sections[0].retry.deadline_ms = scene.sections[2].retry.deadline_ms = 4000;
    scene.disks[0].stuck = scene.disks[2].stuck = 1;
    assert_int_equal(run(&scene, 1), 0);
    assert_true(scene.took_ms >= 4000 && scene.took_ms < 7900);
    assert_given_up(&scene, 0);
    assert_stored(&scene, 1);
    assert_given_up(&scene, 2);
    done(&scene);
}

/* A stall at the very end, with all data taken off the queue. */
static void a_stall_of_the_last_write(void **state)
{
    (void)state;
    struct scene scene;
    init(&scene, data);
    scene.source.size = 1000;
    scene.disks[1].stuck = 1;
    assert_int_equal(run(&scene, 1), 0);
    assert_given_up(&scene, 1);
    assert_int_equal(scene.disks[0].objects[0].size, 1000);
    done(&scene);
}

static void all_that_are_needed_stall(void **state)
{
    (void)state;
    struct scene scene;
    init(&scene, data);
    scene.disks[1].stuck = 1;
    assert_int_equal(run(&scene, 3), KIST_ERR_TIMEOUT);
    assert_given_up(&scene, 1);
    done(&scene);
}

/* Each write is within the deadline, all of them together are far behind it. */
static void one_that_is_slow(void **state)
{
    (void)state;
    struct scene scene;
    init(&scene, data);
    scene.disks[1].delay_us = 60000;
    assert_int_equal(run(&scene, 3), 0);
    assert_true(scene.took_ms > 2 * DEADLINE_MS);
    for (size_t i = 0; i < DISKS; i++)
        assert_stored(&scene, i);
    done(&scene);
}

/* Each for its own reason. */
static void one_that_fails_beside_one_that_stalls(void **state)
{
    (void)state;
    struct scene scene;
    init(&scene, data);
    scene.disks[0].fail_write = KIST_ERR_NO_SPACE;
    scene.disks[0].fail_at = SIZE / 2;
    scene.disks[2].stuck = 1;
    assert_int_equal(run(&scene, 1), 0);
    assert_int_equal(scene.targets[0].err.code, KIST_ERR_NO_SPACE);
    assert_stored(&scene, 1);
    assert_given_up(&scene, 2);
    done(&scene);
}

/* Fault 26: a filter that does not come back has failed; one that is only slow has not. */
static void a_filter_that_hangs(void **state)
{
    (void)state;
    for (uint64_t block = 0; block < 24; block += 23) {
        struct scene scene;
        init(&scene, data);
        scene.filter = (struct fake_filter){.block_size = 1 << 20, .hang = 1, .fail_at = block};
        scene.filter_patience_ms = DEADLINE_MS;
        assert_int_equal(run(&scene, 1), KIST_ERR_TIMEOUT);
        assert_non_null(strstr(scene.err.message, "(fakefilter): made nothing of a block for "));
        assert_in_range(scene.took_ms, DEADLINE_MS, 20 * DEADLINE_MS);
        for (size_t i = 0; i < DISKS; i++)
            assert_int_equal(scene.disks[i].count, 0);
        done(&scene);
        init(&scene, data);
        scene.filter = (struct fake_filter){.block_size = 1 << 20, .delay_us = 100000};
        scene.filter_patience_ms = 2 * DEADLINE_MS;
        assert_int_equal(run(&scene, DISKS), 0);
        done(&scene);
    }
}

int main(void)
{
    data = fake_noise(SIZE, 11);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_that_stalls),           cmocka_unit_test(two_that_stall),
        cmocka_unit_test(a_stall_of_the_last_write), cmocka_unit_test(all_that_are_needed_stall),
        cmocka_unit_test(one_that_is_slow),          cmocka_unit_test(one_that_fails_beside_one_that_stalls),
        cmocka_unit_test(a_filter_that_hangs),
    };
    int failed = cmocka_run_group_tests_name("transfer_stall", tests, NULL, NULL);
    free(data);
    return failed;
}
