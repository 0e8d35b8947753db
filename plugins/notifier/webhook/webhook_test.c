#include "test_host.h"
#include "webhook.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

extern const struct kist_notifier kist_plugin;

static struct kist_test_host test;

static int set_up(void **state)
{
    (void)state;
    return kist_test_host_init(&test);
}

static int tear_down(void **state)
{
    (void)state;
    kist_test_host_done(&test);
    return 0;
}

/* As `openssl dgst -sha256 -hmac KEY` computes them. */
static void test_signature(void **state)
{
    (void)state;
    char text[WEBHOOK_SIGNATURE];
    assert_int_equal(webhook_sign("key", "1700000000", "{\"a\":1}", text), 0);
    assert_string_equal(text, "sha256=a438e398bfafc57e4396bb7fc2304422f0f768e965d073ca313cb52e22e6ad03");
    assert_int_equal(webhook_sign("key", "1700000001", "{\"a\":1}", text), 0);
    assert_string_equal(text, "sha256=ac282d739e25be582bf7a9c2166c50870eacc71f9e4260fe2822885f6fcf09f7");
    assert_int_equal(webhook_sign("k\xc3\xa9y", "1700000000", "", text), 0);
    assert_string_equal(text, "sha256=450ced15131d6970ab6dabb445a4548d7bcc856f754cd85204a941edbb9c582d");
}

static int parse(const char *line, char **name, char **value)
{
    kist_test_host_clear(&test);
    return webhook_header_parse(&test.host, "headers", line, 0, name, value, &test.err);
}

static void test_headers(void **state)
{
    (void)state;
    static const struct {
        const char *line, *name, *value;
    } good[] = {{"X-Team: storage", "X-Team", "storage"},
                {"X-Empty:", "X-Empty", ""},
                {"x-a:b:c", "x-a", "b:c"},
                {"X-\t: no", NULL, NULL}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char *name = NULL, *value = NULL;
        assert_int_equal(parse(good[i].line, &name, &value), good[i].name ? 0 : KIST_ERR_CONFIG);
        if (good[i].name) {
            assert_string_equal(name, good[i].name);
            assert_string_equal(value, good[i].value);
        }
        free(name);
        free(value);
    }
}

static void test_headers_that_are_refused(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "",           "no colon",          ": value",           "two words: x",         "X-A: b\r\nX-B: c",
        "X-A: b\x7f", "Host: elsewhere",   "content-length: 1", "Transfer-Encoding: x", "Content-Type: text/plain",
        "Expect: x",  "X-Kist-Anything: 1"};
    char *name = NULL, *value = NULL;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        assert_int_equal(parse(lines[i], &name, &value), KIST_ERR_CONFIG);
    assert_int_equal(parse("Authorization: Bearer c4nary", &name, &value), KIST_ERR_CONFIG);
    assert_null(strstr(test.err.message, "c4nary"));
    assert_non_null(strstr(test.err.hint, "authorization ="));
    assert_int_equal(parse("X-Gitlab-TOKEN: c4nary", &name, &value), KIST_ERR_CONFIG);
    assert_null(strstr(test.err.message, "c4nary"));
    assert_non_null(strstr(test.err.hint, "'secret_header = X-Gitlab-TOKEN: ${VALUE}'"));
    assert_int_equal(parse("c4nary without a name", &name, &value), KIST_ERR_CONFIG);
    assert_null(strstr(test.err.message, "c4nary"));
    assert_null(name);
    assert_null(value);
}

static int open_with(const struct webhook_config *config)
{
    void *self = NULL;
    kist_test_host_clear(&test);
    int code = kist_plugin.open(&test.host, config, &self, &test.err);
    if (!code)
        kist_plugin.close(self);
    return code;
}

static void test_configuration(void **state)
{
    (void)state;
    const char *items[] = {"X-A: 1", "broken"};
    struct webhook_config config = {.url.reveal = "https://example.com/hook?key=c4nary-in-a-url"};
    assert_int_equal(open_with(&config), 0);
    config.headers = (kist_list){.items = items, .count = 1};
    assert_int_equal(open_with(&config), 0);
    config.headers.count = 2;
    assert_int_equal(open_with(&config), KIST_ERR_CONFIG);
    config.headers.count = 0;
    static const char *const urls[] = {"http://example.com/c4nary",
                                       "ftp://example.com/c4nary",
                                       "https://u:c4nary@example.com/",
                                       "https://example.com/c4nary x",
                                       "https://example.com/#c4nary",
                                       "c4nary",
                                       "https://"};
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        config.url.reveal = urls[i];
        assert_int_equal(open_with(&config), KIST_ERR_CONFIG);
        assert_null(strstr(test.err.message, "c4nary"));
        assert_ptr_equal(strstr(test.err.message, "url: "), test.err.message);
    }
    config = (struct webhook_config){.url.reveal = "https://example.com/", .secret.reveal = ""};
    assert_int_equal(open_with(&config), KIST_ERR_CONFIG);
    config = (struct webhook_config){.url.reveal = "https://example.com/", .authorization.reveal = ""};
    assert_int_equal(open_with(&config), KIST_ERR_CONFIG);
    config =
        (struct webhook_config){.url.reveal = "https://example.com/", .secret_header.reveal = "X-Key: c4nary"};
    assert_int_equal(open_with(&config), 0);
    config.secret_header.reveal = "Authorization: c4nary";
    assert_int_equal(open_with(&config), KIST_ERR_CONFIG);
    config = (struct webhook_config){.url.reveal = "http://example.com/"};
    config.allow_plaintext.on = 1;
    assert_int_equal(open_with(&config), 0);
}

static void test_nobody_there(void **state)
{
    (void)state;
    void *self = NULL;
    struct webhook_config config = {.url.reveal = "http://127.0.0.1:1/c4nary-of-a-long-path"};
    struct kist_event event = {.struct_size = sizeof event, .kind = KIST_EVENT_TEST, .json = "{}"};
    assert_int_equal(kist_plugin.open(&test.host, &config, &self, &test.err), 0);
    assert_int_equal(kist_plugin.notify(self, &event, 2000, &test.err), KIST_ERR_UNAVAILABLE);
    assert_true(test.err.retryable);
    assert_null(strstr(test.err.message, "c4nary"));
    assert_non_null(strstr(test.err.message, "127.0.0.1:1"));
    event.json = NULL;
    assert_int_equal(kist_plugin.notify(self, &event, 2000, &test.err), KIST_ERR_UNSUPPORTED);
    kist_plugin.close(self);
}

static void test_an_event_of_the_first_core(void **state)
{
    (void)state;
    void *self = NULL;
    const struct webhook_config config = {.url.reveal = "http://127.0.0.1:1/"};
    struct kist_event event = {.kind = KIST_EVENT_FAILURE, .pipeline = "p"};
    kist_test_first_event(&event);
    assert_int_equal(kist_plugin.open(&test.host, &config, &self, &test.err), 0);
    assert_int_equal(kist_plugin.notify(self, &event, 2000, &test.err), KIST_ERR_UNSUPPORTED);
    kist_plugin.close(self);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_signature),     TEST(test_headers),      TEST(test_headers_that_are_refused),
        TEST(test_configuration), TEST(test_nobody_there), TEST(test_an_event_of_the_first_core)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
