/* Reading, listing and removing where the plugin fails now and then: what goes on where it stopped. */
#include "flaky_scene.h"

/* ---- reading ---- */

static int read_whole(struct scene *scene)
{
    char *data = NULL;
    size_t size = 0;
    int code = kist_store_get_bytes(scene->store, "a", 100, &data, &size, &scene->err);
    if (!code) {
        assert_int_equal(size, 10);
        assert_string_equal(data, "0123456789");
        free(data);
    }
    return code;
}

static void a_reader_goes_on_where_it_stopped(void **state)
{
    (void)state;
    for (int piece = 1; piece <= 11; piece += 3) {
        struct scene scene;
        init(&scene, 0);
        fake_disk_put(&scene.flaky.disk, "p/a", "0123456789", 10);
        scene.flaky.disk.piece = (size_t)piece;
        scene.flaky.etags = 1;
        scene.flaky.fail[READ] = 3;
        assert_int_equal(read_whole(&scene), 0);
        assert_int_equal(scene.flaky.offset, 0);
        scene.flaky.fail[READ] = 4;
        assert_int_equal(read_whole(&scene), KIST_ERR_UNAVAILABLE);
        done(&scene);
    }
}

/* Reads 4 bytes, then lets the reader break. */
static int read_broken(struct scene *scene, int failures)
{
    struct kist_reader *reader = NULL;
    char data[20] = "";
    size_t size = 0, more = 0;
    fake_disk_put(&scene->flaky.disk, "p/a", "0123456789", 10);
    scene->flaky.disk.piece = 4;
    assert_int_equal(kist_store_get_begin(scene->store, "a", 0, &reader, &scene->err), 0);
    assert_int_equal(kist_store_get_read(reader, data, 10, &size, &scene->err), 0);
    assert_int_equal(size, 4);
    scene->flaky.fail[READ] = failures;
    int code = kist_store_get_read(reader, data + 4, 10, &more, &scene->err);
    if (!code)
        assert_string_equal(data, "01234567");
    kist_store_get_end(reader);
    return code;
}

static void a_broken_read_is_resumed_or_not(void **state)
{
    (void)state;
    struct scene scene;
    init(&scene, 0);
    scene.flaky.etags = 1;
    assert_int_equal(read_broken(&scene, 2), 0);
    assert_int_equal(scene.flaky.offset, 4);
    assert_int_equal(scene.flaky.calls[GET], 3);
    /* Another object by now. */
    scene.flaky.changes = 1;
    assert_int_equal(read_broken(&scene, 1), KIST_ERR_CORRUPT);
    assert_int_equal(scene.err.retryable, 1);
    assert_string_equal(scene.err.message, "shop/far(flaky): 'p/a' changed while it was read");
    done(&scene);
    /* Without an etag nobody knows, so it is not gone on with. */
    init(&scene, 0);
    assert_int_equal(read_broken(&scene, 1), KIST_ERR_UNAVAILABLE);
    assert_int_equal(scene.flaky.calls[GET], 1);
    done(&scene);
}

static void what_is_read_is_told(void **state)
{
    (void)state;
    for (int etags = 0; etags <= 1; etags++) {
        struct scene scene;
        struct kist_reader *reader = NULL;
        char key[40] = "";
        init(&scene, 0);
        fake_disk_put(&scene.flaky.disk, "p/a", "0123456789", 10);
        scene.flaky.etags = etags;
        assert_int_equal(kist_store_get_begin(scene.store, "a", 3, &reader, &scene.err), 0);
        assert_int_equal(scene.flaky.offset, 3);
        assert_int_equal(kist_store_get_about(reader, note, key, &scene.err), 0);
        assert_string_equal(key, "a ");
        assert_int_equal(scene.flaky.calls[STAT], etags ? 0 : 1);
        kist_store_get_end(reader);
        done(&scene);
    }
}

/* ---- listing ---- */

static void a_listing_gives_each_object_once(void **state)
{
    (void)state;
    for (int after = 0; after < 10; after++) {
        struct scene scene;
        char all[200] = "";
        init(&scene, 0);
        scene.flaky.fail[LIST] = 3;
        scene.flaky.fail_after = after;
        assert_int_equal(kist_store_list(scene.store, "x", note, all, &scene.err), 0);
        assert_string_equal(all, "x/k0 x/k1 x/k2 x/k3 x/k4 x/k5 x/k6 x/k7 x/k8 x/k9 ");
        assert_int_equal(scene.flaky.calls[LIST], 4);
        done(&scene);
    }
}

/* Where the second listing comes in another order, what was passed over might be lost. */
static void a_listing_in_another_order(void **state)
{
    (void)state;
    struct scene scene;
    char all[200] = "";
    init(&scene, 0);
    scene.flaky.fail[LIST] = 1;
    scene.flaky.fail_after = 4;
    scene.flaky.descending = 1;
    assert_int_equal(kist_store_list(scene.store, "", note, all, &scene.err), KIST_ERR_UNAVAILABLE);
    assert_non_null(strstr(scene.err.message, "came in another order"));
    /* Without a failure every order is fine. */
    all[0] = '\0';
    assert_int_equal(kist_store_list(scene.store, "", note, all, &scene.err), 0);
    assert_string_equal(all, "k9 k8 k7 k6 k5 k4 k3 k2 k1 k0 ");
    /* And one that is in no order is not begun again once it has given something. */
    scene.flaky.fail[LIST] = 1;
    scene.flaky.calls[LIST] = 1;
    assert_int_equal(kist_store_list(scene.store, "", note, all, &scene.err), KIST_ERR_UNAVAILABLE);
    assert_int_equal(scene.flaky.calls[LIST], 2);
    done(&scene);
}

/* ---- removing ---- */

static void count_unremoved(void *arg, const char *key, const struct kist_error *err)
{
    assert_string_equal(key, "stuck");
    assert_int_equal(err->code, KIST_ERR_REFUSED);
    ++*(int *)arg;
}

static void many_are_removed_with_few_calls(void **state)
{
    (void)state;
    enum { COUNT = 2500 };
    for (int many = 0; many <= 1; many++) {
        struct scene scene;
        static char names[COUNT][16];
        const char *keys[COUNT + 1];
        int kept = 0;
        init(&scene, 0);
        scene.flaky.many = many;
        for (int i = 0; i < COUNT; i++) {
            char full[24];
            snprintf(names[i], sizeof names[i], "k%04d", i);
            snprintf(full, sizeof full, "p/%s", names[i]);
            keys[i] = names[i];
            fake_disk_put(&scene.flaky.disk, full, "x", 1);
        }
        scene.flaky.fail[many ? MANY : REMOVE] = 3;
        keys[COUNT] = "stuck";
        assert_int_equal(kist_store_remove_many(scene.store, keys, many ? COUNT + 1 : COUNT, count_unremoved,
                                                &kept, &scene.err),
                         0);
        assert_int_equal(scene.flaky.disk.count, 0);
        assert_int_equal(kept, many);
        assert_int_equal(scene.flaky.calls[MANY], many ? 6 : 0);
        assert_int_equal(scene.flaky.calls[REMOVE], many ? 1 : COUNT + 3);
        done(&scene);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_goes_on_where_it_stopped),
        cmocka_unit_test(a_broken_read_is_resumed_or_not),
        cmocka_unit_test(what_is_read_is_told),
        cmocka_unit_test(a_listing_gives_each_object_once),
        cmocka_unit_test(a_listing_in_another_order),
        cmocka_unit_test(many_are_removed_with_few_calls),
    };
    return cmocka_run_group_tests_name("store_read", tests, NULL, NULL);
}
