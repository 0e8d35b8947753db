/* Whole calls without a Slack, also without memory: at every allocation in turn. */
#include "slack.h"
#include "test_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

extern const struct kist_notifier kist_plugin;

/* Allocations fail once this many succeeded; -1: none does. */
static int allocations_left = -1;
static int blocks_in_use; /* of jansson */
void *__real_calloc(size_t count, size_t size);
void *__real_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);

static int may_allocate(void)
{
    if (allocations_left == 0)
        return 0;
    allocations_left -= allocations_left > 0;
    return 1;
}

void *__wrap_calloc(size_t count, size_t size)
{
    return may_allocate() ? __real_calloc(count, size) : NULL;
}

void *__wrap_malloc(size_t size)
{
    return may_allocate() ? __real_malloc(size) : NULL;
}

static void *json_malloc(size_t size)
{
    void *block = __wrap_malloc(size);
    blocks_in_use += block != NULL;
    return block;
}

static void json_free(void *block)
{
    blocks_in_use -= block != NULL;
    free(block);
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    const char *people[] = {"U1", "here"};
    const struct kist_event_row rows[] = {{"pipeline", "shop"}, {"last good backup", "yesterday"}};
    const struct slack_config config = {.mention = {.items = people, .count = 2}};
    const struct kist_event event = {.struct_size = sizeof event,
                                     .kind = KIST_EVENT_FAILURE,
                                     .title = "[kist] shop failed on db1",
                                     .host = "db1",
                                     .cause = "disk <full>",
                                     .next_step = "make room",
                                     .rows = rows,
                                     .row_count = 2};
    int failures = 0;
    json_set_alloc_funcs(json_malloc, json_free);
    for (int limit = 0;; limit++) {
        allocations_left = limit;
        json_t *message = slack_message(&config, &event);
        int ran_out = allocations_left == 0;
        allocations_left = -1;
        if (message) {
            assert_int_equal(json_array_size(json_object_get(message, "blocks")), 6);
            assert_int_equal(
                json_array_size(json_object_get(json_array_get(json_object_get(message, "blocks"), 4), "fields")),
                2);
            assert_int_equal(json_object_size(message), 4);
        }
        json_decref(message);
        assert_int_equal(blocks_in_use, 0);
        failures += !message;
        if (!ran_out)
            break;
    }
    assert_true(failures > 50);
}

/* What cannot be built is an error, and no call. */
static void test_notify_says_so(void **state)
{
    (void)state;
    struct kist_test_host test;
    const struct slack_config config = {.token = {"xoxb-1"}, .channel = "C1", .api_url = "http://127.0.0.1:1"};
    const struct kist_event event = {.struct_size = sizeof event, .kind = KIST_EVENT_FAILURE, .title = "t"};
    assert_int_equal(kist_test_host_init(&test), 0);
    for (int limit = 0; limit < 40; limit++) {
        void *self = NULL;
        kist_test_host_clear(&test);
        allocations_left = limit;
        int code = kist_plugin.open(&test.host, &config, &self, &test.err);
        if (!code) {
            code = kist_plugin.notify(self, &event, 2000, &test.err);
            kist_plugin.close(self);
        }
        allocations_left = -1;
        assert_true(code == KIST_ERR_FAILED || code == KIST_ERR_UNAVAILABLE);
        assert_int_equal(blocks_in_use, 0);
    }
    kist_test_host_done(&test);
}

static void test_a_webhook_hears_of_no_start(void **state)
{
    (void)state;
    const struct slack_config config = {.webhook_url = {"http://127.0.0.1:1/"},
                                        .api_url = "https://slack.com/api"};
    const struct kist_event event = {.struct_size = sizeof event, .kind = KIST_EVENT_START, .title = "t"};
    struct kist_test_host test;
    void *self = NULL;
    assert_int_equal(kist_test_host_init(&test), 0);
    assert_int_equal(kist_plugin.open(&test.host, &config, &self, &test.err), 0);
    assert_int_equal(kist_plugin.notify(self, &event, 1000, &test.err), 0);
    kist_plugin.close(self);
    assert_true(kist_plugin.features & KIST_NOTIFIER_STARTS);
    kist_test_host_done(&test);
}

static void test_an_event_of_the_first_core(void **state)
{
    (void)state;
    struct kist_event event = {.kind = KIST_EVENT_FAILURE, .pipeline = "p", .summary = "backup of p: failed"};
    const struct slack_config configs[] = {
        {.webhook_url = {"http://127.0.0.1:1/"}},
        {.token = {"xoxb-1"}, .channel = "C1", .api_url = "http://127.0.0.1:1"}};
    struct kist_test_host test;
    assert_int_equal(kist_test_host_init(&test), 0);
    kist_test_first_event(&event);
    for (size_t i = 0; i < 2; i++) {
        void *self = NULL;
        kist_test_host_clear(&test);
        assert_int_equal(kist_plugin.open(&test.host, &configs[i], &self, &test.err), 0);
        assert_int_equal(kist_plugin.notify(self, &event, 2000, &test.err), KIST_ERR_UNAVAILABLE);
        kist_plugin.close(self);
    }
    kist_test_host_done(&test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_allocation_may_fail), cmocka_unit_test(test_notify_says_so),
        cmocka_unit_test(test_a_webhook_hears_of_no_start), cmocka_unit_test(test_an_event_of_the_first_core)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
