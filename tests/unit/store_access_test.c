/* What a source gets from host->open_store: the stores of the configuration, each below its prefix. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fakes.h"
#include "source_access.h"

struct scene {
    struct fake_source source;
    struct fake_disk disk;
    struct kist_config_section sections[3]; /* the source, "media", "archive" */
    const struct kist_config_section *items[2];
    struct kist_config_stores stores;
    struct kist_instance *instance;
    const struct kist_destination *calls;
    void *self;
    struct kist_error err;
};

static int begin(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    scene->err = (struct kist_error)KIST_ERROR_INIT;
    fake_disk_init(&scene->disk);
    scene->sections[0] = fake_section(&fake_source_plugin, "src", &scene->source);
    scene->sections[1] = fake_section(&fake_disk_plugin, "media", &scene->disk);
    scene->sections[1].prefix = "a/b";
    scene->sections[2] = fake_section(&fake_disk_plugin, "archive", &scene->disk);
    scene->items[0] = &scene->sections[1];
    scene->items[1] = &scene->sections[2];
    scene->stores = (struct kist_config_stores){.items = scene->items, .count = 2};
    scene->sections[0].stores = &scene->stores;
    assert_int_equal(kist_source_open(&scene->sections[0], "shop", NULL, &scene->instance, &scene->err), 0);
    *state = scene;
    return 0;
}

static int end(void **state)
{
    struct scene *scene = *state;
    if (scene->calls)
        scene->calls->close(scene->self);
    kist_instance_close(scene->instance);
    fake_disk_done(&scene->disk);
    kist_error_done(&scene->err);
    free(scene);
    return 0;
}

static int open_store(struct scene *scene, const char *name)
{
    const struct kist_host *host = &scene->instance->host;
    kist_error_clear(&scene->err);
    return host->open_store(host, name, &scene->calls, &scene->self, &scene->err);
}

static int note_key(void *arg, const struct kist_object *object)
{
    strcat(strcat((char *)arg, object->key), " ");
    return 0;
}

static void keys_are_below_the_prefix(void **state)
{
    struct scene *scene = *state;
    char seen[200] = "", data[16];
    void *handle = NULL;
    size_t size = 0;
    fake_disk_put(&scene->disk, "a/b/one", "1", 1);
    fake_disk_put(&scene->disk, "a/b/c/two", "22", 2);
    fake_disk_put(&scene->disk, "a/bee", "3", 1);
    /* What no file system would take, an object store does; the one who asks is told all of it. */
    fake_disk_put(&scene->disk, "a/b/../x", "4", 1);
    assert_int_equal(open_store(scene, "media"), 0);
    assert_int_equal(scene->calls->list(scene->self, "", note_key, seen, &scene->err), 0);
    assert_string_equal(seen, "one c/two ../x ");
    seen[0] = '\0';
    assert_int_equal(scene->calls->list(scene->self, "c/", note_key, seen, &scene->err), 0);
    assert_string_equal(seen, "c/two ");
    assert_int_equal(scene->calls->get_begin(scene->self, "c/two", 0, &handle, &scene->err), 0);
    seen[0] = '\0';
    assert_int_equal(scene->calls->get_about(handle, note_key, seen, &scene->err), 0);
    assert_string_equal(seen, "c/two ");
    assert_int_equal(scene->calls->get_read(handle, data, sizeof data, &size, &scene->err), 0);
    assert_int_equal(size, 2);
    scene->calls->get_end(handle);
    assert_int_equal(scene->calls->stat(scene->self, "none", note_key, seen, &scene->err), KIST_ERR_NOT_FOUND);
    assert_int_equal(scene->calls->get_begin(scene->self, "../x", 0, &handle, &scene->err), KIST_ERR_CORRUPT);
}

static void objects_are_written_and_removed(void **state)
{
    struct scene *scene = *state;
    const struct kist_put put = {.struct_size = sizeof put, .key = "new", .size = 3};
    void *writer = NULL;
    assert_int_equal(open_store(scene, "media"), 0);
    assert_int_equal(scene->calls->check(scene->self, &scene->err), 0);
    assert_int_equal(scene->calls->put_begin(scene->self, &put, &writer, &scene->err), 0);
    assert_int_equal(scene->calls->put_write(writer, "abc", 3, &scene->err), 0);
    assert_int_equal(scene->calls->put_commit(writer, 3, &scene->err), 0);
    assert_non_null(fake_disk_find(&scene->disk, "a/b/new"));
    assert_int_equal(scene->calls->put_begin(scene->self, &put, &writer, &scene->err), 0);
    scene->calls->put_abort(writer);
    assert_int_equal(scene->disk.aborted, 1);
    assert_int_equal(scene->calls->remove(scene->self, "new", &scene->err), 0);
    assert_null(fake_disk_find(&scene->disk, "a/b/new"));
}

static void a_listing_that_names_others_is_an_error(void **state)
{
    struct scene *scene = *state;
    char seen[200] = "";
    scene->disk.strange = "somewhere/else";
    assert_int_equal(open_store(scene, "media"), 0);
    assert_int_equal(scene->calls->list(scene->self, "", note_key, seen, &scene->err), KIST_ERR_CORRUPT);
    assert_string_equal(seen, "");
}

static void calls_are_made_again(void **state)
{
    struct scene *scene = *state;
    uint64_t count = 0;
    scene->sections[2].retry = (struct kist_retry_policy){.retries = 2, .delay_ms = 1};
    assert_int_equal(open_store(scene, "archive"), 0);
    scene->disk.fail_list = KIST_ERR_UNAVAILABLE;
    assert_int_equal(scene->calls->list(scene->self, "", note_key, NULL, &scene->err), KIST_ERR_UNAVAILABLE);
    assert_non_null(strstr(scene->err.message, "tried 3 times"));
    assert_int_equal(scene->calls->sweep(scene->self, &count, &scene->err), KIST_ERR_UNSUPPORTED);
}

static void only_stores_that_there_are_and_only_for_sources(void **state)
{
    struct scene *scene = *state;
    struct kist_instance *other = NULL;
    assert_int_equal(open_store(scene, "meida"), KIST_ERR_CONFIG);
    assert_string_equal(scene->err.message, "there is no [destination meida]");
    assert_string_equal(scene->err.hint, "did you mean 'media'?");
    assert_int_equal(open_store(scene, "src"), KIST_ERR_CONFIG);
    assert_int_equal(kist_instance_open(&scene->sections[0], "shop", NULL, &other, &scene->err), 0);
    assert_int_equal(other->host.open_store(&other->host, "media", &scene->calls, &scene->self, &scene->err),
                     KIST_ERR_UNSUPPORTED);
    assert_null(scene->calls);
    kist_instance_close(other);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        CASE(keys_are_below_the_prefix),
        CASE(objects_are_written_and_removed),
        CASE(a_listing_that_names_others_is_an_error),
        CASE(calls_are_made_again),
        CASE(only_stores_that_there_are_and_only_for_sources),
    };
    return cmocka_run_group_tests_name("store_access", tests, NULL, NULL);
}
