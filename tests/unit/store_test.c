/* A store whose plugin fails now and then: what is tried again, and what is never done twice. */
#include "flaky_scene.h"

static int ignore(void *arg, const struct kist_object *object)
{
    (void)arg;
    (void)object;
    return 0;
}

/* ---- calls that are made again as a whole ---- */

static int make(struct scene *scene, int call)
{
    struct kist_store *store = scene->store;
    struct kist_error *err = &scene->err;
    struct kist_reader *reader = NULL;
    char all[200] = "";
    void *writer = NULL;
    uint64_t count = 0;
    int code = 0;
    switch (call) {
    case OPEN: {
        struct kist_store *another = NULL;
        code = kist_store_open(&scene->section, "shop", NULL, &another, err);
        kist_store_close(another);
        return code;
    }
    case CHECK: return kist_store_check(store, err);
    case SWEEP: return kist_store_sweep(store, &count, err);
    case BELOW:
        code = kist_store_sweep_below(store, "shop/x", &count, err);
        assert_string_equal(scene->flaky.asked, "p/shop/x/");
        return code;
    case BEGIN:
        code = kist_store_put_begin(store, &(struct kist_put){.key = "new", .size = -1}, &writer, err);
        if (!code)
            kist_store_put_abort(store, writer);
        return code;
    case GET:
        code = kist_store_get_begin(store, "a", 0, &reader, err);
        kist_store_get_end(reader);
        return code;
    case LIST: return kist_store_list(store, "x", note, all, err);
    case STAT: return kist_store_stat(store, "a", ignore, NULL, err);
    case REMOVE: return kist_store_remove(store, "gone", err);
    default:
        code = kist_store_copy(store, "a", "e1", &(struct kist_put){.key = "b", .size = 1}, err);
        assert_string_equal(scene->flaky.asked, "p/a e1 p/b");
        return code;
    }
}

static void calls_are_made_again(void **state)
{
    (void)state;
    static const int calls[] = {OPEN, CHECK, SWEEP, BELOW, BEGIN, GET, LIST, STAT, REMOVE, COPY};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        for (int failures = 0; failures <= 4; failures++) {
            struct scene scene;
            init(&scene, 0);
            fake_disk_put(&scene.flaky.disk, "p/a", "abc", 3);
            int call = calls[i], before = scene.flaky.calls[call];
            scene.flaky.fail[call] = failures;
            assert_int_equal(make(&scene, call), failures > 3 ? KIST_ERR_UNAVAILABLE : 0);
            assert_int_equal(scene.flaky.calls[call] - before, failures > 3 ? 4 : failures + 1);
            if (failures > 3)
                assert_non_null(strstr(scene.err.message, "no luck (tried 4 times in "));
            /* What no try can mend is tried once. */
            kist_error_clear(&scene.err);
            scene.flaky.fail[call] = 1;
            scene.flaky.code = KIST_ERR_AUTH;
            before = scene.flaky.calls[call];
            assert_int_equal(make(&scene, call), KIST_ERR_AUTH);
            assert_int_equal(scene.flaky.calls[call] - before, 1);
            done(&scene);
        }
}

/* ---- writing ---- */

static int put_stream(struct scene *scene)
{
    void *writer = NULL;
    const char *const metadata[] = {"color", "blue", NULL};
    const struct kist_put put = {
        .key = "new", .size = -1, .content_type = "text/plain", .metadata = metadata, .size_estimate = -1};
    int code = kist_store_put_begin(scene->store, &put, &writer, &scene->err);
    assert_int_equal(code, 0);
    code = kist_store_put_write(scene->store, writer, "abc", 3, &scene->err);
    if (!code)
        return kist_store_put_commit(scene->store, writer, 3, &scene->err);
    kist_store_put_abort(scene->store, writer);
    return code;
}

static void a_writer_that_keeps_its_place(void **state)
{
    (void)state;
    for (int failures = 0; failures <= 4; failures++)
        for (int call = WRITE; call <= COMMIT; call++) {
            struct scene scene;
            init(&scene, KIST_DESTINATION_RESUMES);
            scene.flaky.fail[call] = failures;
            assert_int_equal(put_stream(&scene), failures > 3 ? KIST_ERR_UNAVAILABLE : 0);
            assert_int_equal(scene.flaky.calls[BEGIN], 1);
            assert_string_equal(scene.flaky.told, "-1 text/plain blue");
            if (failures <= 3)
                assert_memory_equal(fake_disk_find(&scene.flaky.disk, "p/new")->data, "abc", 3);
            assert_int_equal(scene.flaky.disk.begun, scene.flaky.disk.aborted + scene.flaky.disk.committed);
            done(&scene);
        }
}

static void a_writer_that_does_not(void **state)
{
    (void)state;
    for (int call = WRITE; call <= COMMIT; call++) {
        struct scene scene;
        init(&scene, 0);
        scene.flaky.fail[call] = 1;
        assert_int_equal(put_stream(&scene), KIST_ERR_UNAVAILABLE);
        assert_int_equal(scene.flaky.calls[call], 1);
        assert_int_equal(scene.flaky.disk.begun, scene.flaky.disk.aborted + scene.flaky.disk.committed);
        assert_int_equal(scene.flaky.disk.count, 0);
        done(&scene);
    }
}

static void documents_are_written_again_whole(void **state)
{
    (void)state;
    for (int resumes = 0; resumes <= 1; resumes++)
        for (int call = BEGIN; call <= COMMIT; call++) {
            struct scene scene;
            init(&scene, resumes ? KIST_DESTINATION_RESUMES : 0);
            scene.flaky.fail[call] = 3;
            assert_int_equal(kist_store_put_bytes(scene.store, "new", "abc", 3, "text/plain", &scene.err), 0);
            assert_int_equal(scene.flaky.calls[BEGIN], 4);
            assert_string_equal(scene.flaky.told, "3 text/plain -");
            assert_memory_equal(fake_disk_find(&scene.flaky.disk, "p/new")->data, "abc", 3);
            assert_int_equal(scene.flaky.disk.begun, scene.flaky.disk.aborted + scene.flaky.disk.committed);
            scene.flaky.fail[call] = 4;
            assert_int_equal(kist_store_put_bytes(scene.store, "more", "abc", 3, NULL, &scene.err),
                             KIST_ERR_UNAVAILABLE);
            assert_null(fake_disk_find(&scene.flaky.disk, "p/more"));
            done(&scene);
        }
}

/* The object is there, and nobody was told: the second try meets it, and looks whose it is. */
static void a_reply_that_is_lost(void **state)
{
    (void)state;
    struct scene scene;
    init(&scene, 0);
    scene.flaky.lost[COMMIT] = 1;
    assert_int_equal(kist_store_put_bytes(scene.store, "new", "abc", 3, NULL, &scene.err), 0);
    assert_int_equal(scene.flaky.calls[COMMIT], 2);
    assert_int_equal(scene.flaky.disk.count, 1);
    /* Somebody else's is never taken for ours, with as many bytes or with more. */
    for (int i = 0; i < 3; i++) {
        static const char *const theirs[] = {"xyz", "abcd", "ab"};
        fake_disk_put(&scene.flaky.disk, "p/other", theirs[i], strlen(theirs[i]));
        scene.flaky.fail[COMMIT] = 1;
        assert_int_equal(kist_store_put_bytes(scene.store, "other", "abc", 3, NULL, &scene.err), KIST_ERR_EXISTS);
    }
    /* Nor is what was there before the first try, even with the same bytes. */
    fake_disk_put(&scene.flaky.disk, "p/same", "abc", 3);
    assert_int_equal(kist_store_put_bytes(scene.store, "same", "abc", 3, NULL, &scene.err), KIST_ERR_EXISTS);
    done(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_are_made_again),   cmocka_unit_test(a_writer_that_keeps_its_place),
        cmocka_unit_test(a_writer_that_does_not), cmocka_unit_test(documents_are_written_again_whole),
        cmocka_unit_test(a_reply_that_is_lost),
    };
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
