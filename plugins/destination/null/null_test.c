/* null_test.c - the plugin against the contract: what it takes is gone, and it says so. */
#include "destination.h"
#include "test_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
/* cmocka.h wants the headers above in front of it. */
#include <cmocka.h>

extern const struct kist_destination kist_plugin;

static int refuse(void *arg, const struct kist_object *object)
{
    (void)arg;
    fail_msg("there is an object '%s'", object->key);
    return -1;
}

static void conforms(void **state)
{
    struct kist_test_host test;
    (void)state;
    assert_int_equal(kist_test_host_init(&test), 0);
    const struct kist_conformance suite = {
        .plugin = &kist_plugin, .host = &test.host, .prefix = "", .report = kist_conformance_print, .arg = "null"};
    assert_int_equal(kist_conformance_destination(&suite), 0);
    kist_test_host_done(&test);
}

static void keeps_nothing(void **state)
{
    const struct kist_put put = {.struct_size = sizeof put, .key = "a/b", .size = -1};
    struct kist_test_host test;
    void *self = NULL, *writer = NULL, *reader = NULL;
    (void)state;
    assert_true(kist_plugin.features & KIST_DESTINATION_DISCARDS);
    assert_int_equal(kist_test_host_init(&test), 0);
    assert_int_equal(kist_plugin.open(&test.host, NULL, &self, &test.err), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(kist_plugin.put_begin(self, &put, &writer, &test.err), 0);
        assert_int_equal(kist_plugin.put_write(writer, "12345", 5, &test.err), 0);
        assert_int_equal(kist_plugin.put_commit(writer, 5, &test.err), 0);
    }
    assert_int_equal(kist_plugin.get_begin(self, "a/b", 0, &reader, &test.err), KIST_ERR_NOT_FOUND);
    assert_int_equal(kist_plugin.stat(self, "a/b", refuse, NULL, &test.err), KIST_ERR_NOT_FOUND);
    assert_int_equal(kist_plugin.list(self, "", refuse, NULL, &test.err), 0);
    assert_int_equal(kist_plugin.remove(self, "a/b", &test.err), 0);
    kist_plugin.close(self);
    kist_test_host_done(&test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(conforms), cmocka_unit_test(keeps_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
