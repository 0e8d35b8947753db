/* memory_test.c - the plugin against the contract, and what is its own. */
#include "destination.h"
#include "test_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
/* cmocka.h wants the headers above in front of it. */
#include <cmocka.h>

extern const struct kist_destination kist_plugin;

/* The layout that the option table of memory.c fills. */
struct config {
    kist_size limit;
};

static void cancel(void *arg, int on)
{
    ((struct kist_test_host *)arg)->cancelled = on;
}

static void report(void *arg, const char *name, const char *clause, int outcome, const char *detail)
{
    (void)arg;
    kist_conformance_print("memory", name, clause, outcome, detail);
}

static void conforms(void **state)
{
    const struct config config = {.limit = {UINT64_C(64) << 20}};
    struct kist_test_host test;
    (void)state;
    assert_int_equal(kist_test_host_init(&test), 0);
    const struct kist_conformance suite = {.plugin = &kist_plugin,
                                           .host = &test.host,
                                           .config = &config,
                                           .prefix = "",
                                           .cancel = cancel,
                                           .report = report,
                                           .arg = &test};
    assert_int_equal(kist_conformance_destination(&suite), 0);
    kist_test_host_done(&test);
}

static void refuses_more_than_the_limit(void **state)
{
    const struct config config = {.limit = {10}};
    const struct kist_put put = {.struct_size = sizeof put, .key = "big", .size = -1};
    struct kist_test_host test;
    void *self = NULL, *writer = NULL;
    (void)state;
    assert_int_equal(kist_test_host_init(&test), 0);
    assert_int_equal(kist_plugin.open(&test.host, &config, &self, &test.err), 0);
    assert_int_equal(kist_plugin.put_begin(self, &put, &writer, &test.err), 0);
    assert_int_equal(kist_plugin.put_write(writer, "0123456789", 10, &test.err), 0);
    assert_int_equal(kist_plugin.put_write(writer, "0", 1, &test.err), KIST_ERR_NO_SPACE);
    assert_non_null(test.err.hint);
    kist_plugin.put_abort(writer);
    kist_plugin.close(self);
    kist_test_host_done(&test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(conforms), cmocka_unit_test(refuses_more_than_the_limit)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
