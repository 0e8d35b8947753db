#include "ping.h"
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

static void check_url(const char *base, const char *path, const char *query, const char *expected)
{
    char *url = kist_post_url(base, path, query);
    assert_string_equal(url, expected);
    free(url);
}

static void test_urls(void **state)
{
    (void)state;
    check_url("https://h/u", "", NULL, "https://h/u");
    check_url("https://h/u", "/fail", NULL, "https://h/u/fail");
    check_url("https://h/u/", "/fail", "rid=1", "https://h/u/fail?rid=1");
    check_url("https://h/u/", "", "rid=1", "https://h/u/?rid=1");
    check_url("https://h/k/s?create=1", "/start", "rid=1", "https://h/k/s/start?create=1&rid=1");
    check_url("https://h/k/s?create=1", "/start", NULL, "https://h/k/s/start?create=1");
    check_url("https://h/k/s//?", "/start", "rid=1", "https://h/k/s/start?rid=1");
    check_url("https://h/u?a=/b/", "/log", "rid=1", "https://h/u/log?a=/b/&rid=1");
}

static const char *signal_of(uint32_t kind, int32_t degraded, uint32_t late)
{
    const struct ping_config config = {.degraded = {degraded}};
    const struct kist_event event = {.struct_size = sizeof event, .kind = kind, .late = late};
    return ping_signal(&config, &event);
}

static void test_signals(void **state)
{
    (void)state;
    assert_string_equal(signal_of(KIST_EVENT_START, 0, 0), "/start");
    assert_string_equal(signal_of(KIST_EVENT_SUCCESS, 0, 0), "");
    assert_string_equal(signal_of(KIST_EVENT_RECOVERY, 0, 0), "");
    assert_string_equal(signal_of(KIST_EVENT_FAILURE, 0, 0), "/fail");
    assert_string_equal(signal_of(KIST_EVENT_SUSPECT, 0, 0), "/fail");
    assert_string_equal(signal_of(KIST_EVENT_DEGRADED, PING_DEGRADED_FAIL, 0), "/fail");
    assert_string_equal(signal_of(KIST_EVENT_DEGRADED, PING_DEGRADED_OK, 0), "");
    assert_string_equal(signal_of(KIST_EVENT_OVERDUE, 0, 0), "/log");
    assert_string_equal(signal_of(KIST_EVENT_TEST, 0, 0), "/log");
    assert_string_equal(signal_of(99, 0, 0), "/log");
    for (uint32_t kind = KIST_EVENT_SUCCESS; kind <= KIST_EVENT_START; kind++)
        assert_string_equal(signal_of(kind, PING_DEGRADED_OK, 1), "/log");
}

/* No character is cut in two. */
static int is_whole_utf8(const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at;) {
        size_t size = *at < 0x80 ? 1 : *at >= 0xf0 ? 4 : *at >= 0xe0 ? 3 : *at >= 0xc2 ? 2 : 0;
        for (size_t i = 1; i < size; i++)
            if ((at[i] & 0xc0) != 0x80)
                return 0;
        if (size == 0)
            return 0;
        at += size;
    }
    return 1;
}

static void test_bodies(void **state)
{
    (void)state;
    struct kist_event event = {
        .struct_size = sizeof event, .title = "backup of p: failed (h)", .cause = "why", .log_tail = "one\ntwo\n"};
    char *body = ping_body(&event);
    assert_string_equal(body, "backup of p: failed (h)\ncause: why\n\none\ntwo\n");
    free(body);
    event = (struct kist_event){.struct_size = sizeof event, .summary = "s"};
    body = ping_body(&event);
    assert_string_equal(body, "s\n");
    free(body);
    event.summary = NULL;
    body = ping_body(&event);
    assert_string_equal(body, "");
    free(body);
    const struct kist_event_row rows[] = {{"pipeline", "p"}, {"cause", "why"}, {"last good backup", "x, 2 d old"}};
    event = (struct kist_event){.title = "t", .cause = "why", .rows = rows, .row_count = 3, .log_tail = "l\n"};
    body = ping_body(&event);
    assert_string_equal(body, "t\npipeline: p\ncause: why\nlast good backup: x, 2 d old\n\nl\n");
    free(body);
}

/* Letters of one, two, three and four bytes, in lines or not, of every length around the limit. */
static void test_huge_bodies(void **state)
{
    (void)state;
    static const char *const letters[] = {"x", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x8d\x8e"};
    static char log[40000], cause[5000];
    for (size_t which = 0; which < 4; which++)
        for (size_t extra = 0; extra < 9; extra++)
            for (size_t line = 0; line < 200; line += 80) {
                size_t size = strlen(letters[which]), at = 0, count = (size_t)9900 / size + extra;
                for (size_t i = 0; i < count; i++, at += size) {
                    memcpy(log + at, letters[which], size + 1);
                    if (line && i % line == line - 1)
                        log[at++ + size] = '\n';
                }
                memcpy(log + at, "the end\n", 9);
                at = extra % 4;
                memset(cause, 'c', at);
                for (; at < 4000; at += size)
                    memcpy(cause + at, letters[which], size + 1);
                struct kist_event event = {.struct_size = sizeof event,
                                           .title = "t",
                                           .cause = cause,
                                           .next_step = cause,
                                           .log_tail = log};
                struct kist_event_row rows[40];
                for (size_t i = 0; i < 40; i++)
                    rows[i] = (struct kist_event_row){i ? cause : "cause", cause};
                event.rows = rows;
                event.row_count = extra % 2 ? 40 : 0;
                char *body = ping_body(&event);
                size_t length = strlen(body);
                assert_true(length <= PING_BODY_MAX && length > PING_BODY_MAX - 1000);
                assert_true(is_whole_utf8(body));
                assert_memory_equal(body, "t\ncause: ", 9);
                assert_string_equal(body + length - 8, "the end\n");
                free(body);
            }
}

static void test_configuration(void **state)
{
    (void)state;
    struct kist_test_host test;
    void *self = NULL;
    assert_int_equal(kist_test_host_init(&test), 0);
    struct ping_config config = {.url.reveal = "http://hc-ping.com/c4nary"};
    assert_int_equal(kist_plugin.open(&test.host, &config, &self, &test.err), KIST_ERR_CONFIG);
    assert_null(strstr(test.err.message, "c4nary"));
    kist_test_host_clear(&test);
    config.url.reveal = "http://127.0.0.1:1/c4nary";
    assert_int_equal(kist_plugin.open(&test.host, &config, &self, &test.err), 0);
    struct kist_event event = {.struct_size = sizeof event, .kind = KIST_EVENT_TEST, .run = "r"};
    assert_int_equal(kist_plugin.notify(self, &event, 2000, &test.err), KIST_ERR_UNAVAILABLE);
    assert_null(strstr(test.err.message, "c4nary"));
    kist_plugin.close(self);
    assert_true(kist_plugin.features & KIST_NOTIFIER_STARTS);
    kist_test_host_done(&test);
}

static void test_an_event_of_the_first_core(void **state)
{
    (void)state;
    struct kist_test_host test;
    struct ping_config config = {.url.reveal = "http://127.0.0.1:1/c4nary"};
    struct kist_event event = {.kind = KIST_EVENT_FAILURE, .pipeline = "p", .summary = "backup of p: failed"};
    void *self = NULL;
    kist_test_first_event(&event);
    assert_int_equal(kist_test_host_init(&test), 0);
    assert_int_equal(kist_plugin.open(&test.host, &config, &self, &test.err), 0);
    assert_int_equal(kist_plugin.notify(self, &event, 2000, &test.err), KIST_ERR_UNAVAILABLE);
    kist_plugin.close(self);
    kist_test_host_done(&test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urls),          cmocka_unit_test(test_signals),
        cmocka_unit_test(test_bodies),        cmocka_unit_test(test_huge_bodies),
        cmocka_unit_test(test_configuration), cmocka_unit_test(test_an_event_of_the_first_core)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
