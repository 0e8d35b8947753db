/* The source alone, on a store in memory: what it gives, what it refuses to believe, and what it writes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "mirror_test_store.h"

extern const struct kist_source kist_plugin;

struct scene {
    struct kist_test_host test;
    struct shelf shelves[2];
    struct mirror_config config;
    void *self;
    char seen[1024]; /* names and versions of the items */
};

static struct scene scene;

static int setup(void **state)
{
    (void)state;
    memset(&scene, 0, sizeof scene);
    assert_int_equal(kist_test_host_init(&scene.test), 0);
    scene.test.open_store = shelf_open;
    scene.test.stores = scene.shelves;
    scene.shelves[0].test = scene.shelves[1].test = &scene.test;
    scene.config.from.name = "here";
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (scene.self)
        kist_plugin.close(scene.self);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(scene.shelves[i].opened, scene.shelves[i].closed);
        while (scene.shelves[i].count)
            shelf_drop(&scene.shelves[i], scene.shelves[i].objects);
    }
    kist_test_host_done(&scene.test);
    return 0;
}

static struct shelf *here(void)
{
    return &scene.shelves[0];
}

static struct shelf *there(void)
{
    return &scene.shelves[1];
}

static void open_it(void)
{
    assert_int_equal(kist_plugin.open(&scene.test.host, &scene.config, &scene.self, &scene.test.err), 0);
    assert_int_equal(here()->opened, 0);
}

static int note(void *arg, const struct kist_item *item)
{
    (void)arg;
    size_t size = strlen(scene.seen);
    snprintf(scene.seen + size, sizeof scene.seen - size, "%s=%s ", item->name,
             item->version ? item->version : "-");
    return 0;
}

static int items(void)
{
    kist_test_host_clear(&scene.test);
    scene.seen[0] = '\0';
    if (!scene.self)
        open_it();
    return kist_plugin.items(scene.self, note, NULL, &scene.test.err);
}

static void every_object_is_an_item(void **state)
{
    (void)state;
    shelf_add(here(), "a", "123");
    shelf_add(here(), "photos/", "");
    shelf_add(here(), "photos/b.jpg", "12");
    assert_int_equal(items(), 0);
    assert_string_equal(scene.seen, "a=e1:3:1 photos/b.jpg=e1:2:1 ");
    assert_int_equal(((struct mirror *)scene.self)->folders, 1);
    assert_int_equal(((struct mirror *)scene.self)->bytes, 5);
}

static void only_what_is_wanted(void **state)
{
    (void)state;
    const char *include[] = {"**.jpg", "x/**", "none/*"}, *exclude[] = {"**/thumbs/**"};
    shelf_add(here(), "pub/a.txt", "1");
    shelf_add(here(), "pub/b.jpg", "1");
    shelf_add(here(), "pub/thumbs/b.jpg", "1");
    shelf_add(here(), "c.jpg", "1");
    scene.config.include = (kist_list){.items = include, .count = 3};
    scene.config.exclude = (kist_list){.items = exclude, .count = 1};
    scene.config.prefix = "/pub/";
    assert_int_equal(items(), 0);
    assert_string_equal(scene.seen, "pub/b.jpg=e1:1:1 ");
    assert_int_equal(((struct mirror *)scene.self)->skipped, 2);
    assert_non_null(strstr(scene.test.log, "none/*"));
    assert_null(strstr(scene.test.log, ".jpg'"));
}

static void nothing_is_an_error(void **state)
{
    (void)state;
    const char *include[] = {"*.gif"};
    assert_int_equal(items(), KIST_ERR_FAILED);
    assert_non_null(strstr(scene.test.err.message, "no object"));
    assert_non_null(strstr(scene.test.err.hint, "allow_empty"));
    shelf_add(here(), "c.jpg", "1");
    scene.config.include = (kist_list){.items = include, .count = 1};
    assert_int_equal(items(), KIST_ERR_FAILED);
    assert_non_null(strstr(scene.test.err.message, "fits"));
    scene.config.allow_empty.on = 1;
    assert_int_equal(items(), 0);
    here()->fail_list = KIST_ERR_UNAVAILABLE;
    assert_int_equal(items(), KIST_ERR_UNAVAILABLE);
}

/* Reads an object to its end: the result, with the bytes in `data`. */
static int read_it(const char *key, char *data, size_t capacity)
{
    const struct kist_item item = {.struct_size = sizeof item, .name = key};
    void *reader = NULL;
    size_t size = 1, sum = 0;
    kist_test_host_clear(&scene.test);
    if (!scene.self)
        open_it();
    int code = kist_plugin.read_begin(scene.self, &item, &reader, &scene.test.err);
    if (code)
        return code;
    while (!code && size > 0) {
        code = kist_plugin.read(reader, data + sum, 2, &size, &scene.test.err);
        sum += code ? 0 : size;
        assert_true(sum < capacity - 2);
    }
    data[sum] = '\0';
    kist_plugin.read_end(reader);
    return code;
}

static void an_object_is_read_as_its_store_vouches_for_it(void **state)
{
    (void)state;
    char data[64];
    struct shelved *object = shelf_add(here(), "a", "hello");
    assert_int_equal(read_it("a", data, sizeof data), 0);
    assert_string_equal(data, "hello");
    object->checksum = "md5:5d41402abc4b2a76b9719d911017c592";
    assert_int_equal(read_it("a", data, sizeof data), 0);
    object->checksum = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    assert_int_equal(read_it("a", data, sizeof data), 0);
    object->checksum = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9825";
    assert_int_equal(read_it("a", data, sizeof data), KIST_ERR_CORRUPT);
    assert_int_equal(scene.test.err.retryable, 0);
    object->checksum = "crc9000:00";
    assert_int_equal(read_it("a", data, sizeof data), 0);
    object->told_size = 6;
    assert_int_equal(read_it("a", data, sizeof data), KIST_ERR_CORRUPT);
    assert_int_equal(scene.test.err.retryable, 1);
    assert_int_equal(read_it("b", data, sizeof data), KIST_ERR_NOT_FOUND);
}

static void an_object_that_changes_is_read_again(void **state)
{
    (void)state;
    char data[64];
    shelf_add(here(), "a", "hello");
    here()->change_on_read = "a";
    assert_int_equal(read_it("a", data, sizeof data), KIST_ERR_CORRUPT);
    assert_int_equal(scene.test.err.retryable, 1);
    assert_non_null(strstr(scene.test.err.message, "changed"));
    here()->change_on_read = NULL;
    assert_int_equal(read_it("a", data, sizeof data), 0);
}

static int note_about(void *arg, const struct kist_item *item)
{
    snprintf(arg, 64, "%s %s %s=%s", item->version, item->content_type, item->metadata[0], item->metadata[1]);
    return 0;
}

static void it_tells_of_what_it_reads(void **state)
{
    (void)state;
    static const char *const metadata[] = {"owner", "shop", NULL};
    const struct kist_item item = {.struct_size = sizeof item, .name = "a"};
    struct shelved *object = shelf_add(here(), "a", "hello");
    char about[64] = "";
    void *reader = NULL;
    object->content_type = "text/plain";
    object->metadata = metadata;
    open_it();
    assert_int_equal(kist_plugin.read_begin(scene.self, &item, &reader, &scene.test.err), 0);
    assert_int_equal(kist_plugin.read_about(reader, note_about, about, &scene.test.err), 0);
    kist_plugin.read_end(reader);
    assert_string_equal(about, "e1:5:1 text/plain owner=shop");
}

/* ---- restore ---- */

#define SHA_HELLO "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

static const struct kist_item hello = {.struct_size = sizeof hello,
                                       .name = "a",
                                       .size_estimate = 5,
                                       .content_type = "text/plain",
                                       .sha256 = SHA_HELLO};

static int begin_restore(uint32_t mode, uint32_t flags, const char *target, void **ret_restore)
{
    const struct kist_restore request = {.struct_size = sizeof request,
                                         .mode = mode,
                                         .flags = flags,
                                         .target = target,
                                         .items = &hello,
                                         .item_count = 1};
    kist_test_host_clear(&scene.test);
    if (!scene.self)
        open_it();
    return kist_plugin.restore_begin(scene.self, &request, ret_restore, &scene.test.err);
}

static int write_hello(void *restore)
{
    void *writer = NULL;
    int code = kist_plugin.write_begin(restore, &hello, &writer, &scene.test.err);
    if (!code)
        code = kist_plugin.write(writer, "hello", 5, &scene.test.err);
    return code ? code : kist_plugin.write_commit(writer, &scene.test.err);
}

static void written_to_another_store(void **state)
{
    (void)state;
    void *restore = NULL;
    assert_int_equal(begin_restore(KIST_RESTORE_APPLY, 0, "there", &restore), 0);
    assert_int_equal(write_hello(restore), 0);
    kist_plugin.restore_end(restore);
    assert_string_equal(shelf_find(there(), "a")->content_type, "text/plain");
    assert_int_equal(shelf_find(there(), "a")->size, 5);
    assert_int_equal(there()->closed, 1);
    assert_int_equal(begin_restore(KIST_RESTORE_LOOK, 0, "nowhere", &restore), KIST_ERR_CONFIG);
    assert_int_equal(begin_restore(KIST_RESTORE_LOOK, KIST_RESTORE_CREATE, "there", &restore), KIST_ERR_CONFIG);
}

static void what_is_there_is_refused(void **state)
{
    (void)state;
    void *restore = NULL;
    shelf_add(here(), "other", "x");
    assert_int_equal(begin_restore(KIST_RESTORE_LOOK, 0, NULL, &restore), 0);
    shelf_add(here(), "a", "other");
    assert_int_equal(write_hello(restore), KIST_ERR_REFUSED);
    kist_plugin.restore_end(restore);
    assert_int_equal(begin_restore(KIST_RESTORE_LOOK, 0, "here", &restore), KIST_ERR_REFUSED);
    assert_non_null(strstr(scene.test.err.hint, "--clean"));
    assert_int_equal(here()->removed, 0);
}

static void clean_replaces_only_what_differs(void **state)
{
    (void)state;
    for (int early = 0; early < 2; early++) {
        void *restore = NULL;
        here()->refuse_early = early;
        here()->removed = here()->put = 0;
        struct shelved *object = shelf_add(here(), "a", "other");
        object->content_type = "text/plain";
        assert_int_equal(begin_restore(KIST_RESTORE_APPLY, KIST_RESTORE_CLEAN, NULL, &restore), 0);
        assert_int_equal(write_hello(restore), 0);
        assert_int_equal(here()->put, 1);
        assert_memory_equal(shelf_find(here(), "a")->data, "hello", 5);
        assert_int_equal(write_hello(restore), 0);
        assert_int_equal(here()->put, 1);
        shelf_find(here(), "a")->content_type = "text/html";
        assert_int_equal(write_hello(restore), 0);
        assert_int_equal(here()->put, 2);
        assert_int_equal(here()->removed, 2);
        kist_plugin.restore_end(restore);
        shelf_drop(here(), shelf_find(here(), "a"));
    }
}

static void an_abort_leaves_the_old_object(void **state)
{
    (void)state;
    void *restore = NULL, *writer = NULL;
    shelf_add(here(), "a", "other");
    assert_int_equal(begin_restore(KIST_RESTORE_APPLY, KIST_RESTORE_CLEAN, NULL, &restore), 0);
    assert_int_equal(kist_plugin.write_begin(restore, &hello, &writer, &scene.test.err), 0);
    assert_int_equal(kist_plugin.write(writer, "hel", 3, &scene.test.err), 0);
    kist_plugin.write_abort(writer);
    kist_plugin.restore_end(restore);
    assert_memory_equal(shelf_find(here(), "a")->data, "other", 5);
}

/* Many objects cost a listing, not a question each. */
static void many_are_looked_for_at_once(void **state)
{
    (void)state;
    struct kist_item given[100];
    char names[100][8];
    for (int i = 0; i < 100; i++) {
        snprintf(names[i], sizeof names[i], "k%02d", i);
        given[i] = (struct kist_item){.struct_size = sizeof given[i], .name = names[i]};
        if (i % 2)
            shelf_add(there(), names[i], "x");
    }
    const struct kist_restore request = {.struct_size = sizeof request,
                                         .mode = KIST_RESTORE_LOOK,
                                         .target = "there",
                                         .items = given,
                                         .item_count = 100};
    void *restore = NULL;
    open_it();
    assert_int_equal(kist_plugin.restore_begin(scene.self, &request, &restore, &scene.test.err), KIST_ERR_REFUSED);
    assert_non_null(strstr(scene.test.err.message, "'k01' and 49 more"));
    assert_int_equal(there()->stats, 0);
    assert_int_equal(there()->lists, 1);
    while (there()->count)
        shelf_drop(there(), there()->objects);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(every_object_is_an_item),
        CASE(only_what_is_wanted),
        CASE(nothing_is_an_error),
        CASE(an_object_is_read_as_its_store_vouches_for_it),
        CASE(an_object_that_changes_is_read_again),
        CASE(it_tells_of_what_it_reads),
        CASE(written_to_another_store),
        CASE(what_is_there_is_refused),
        CASE(clean_replaces_only_what_differs),
        CASE(an_abort_leaves_the_old_object),
        CASE(many_are_looked_for_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
