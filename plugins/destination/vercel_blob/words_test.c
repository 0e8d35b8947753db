/* words_test.c - what needs no store: tokens, keys, times, parts, and what replies say. */
#include "test_host.h"
#include "vercel_blob.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka.h wants the headers above in front of it. */
#include <cmocka.h>

extern const struct kist_destination kist_plugin;

static int setup(void **state)
{
    *state = calloc(1, sizeof(struct kist_test_host));
    return *state ? kist_test_host_init(*state) : -1;
}

static int teardown(void **state)
{
    kist_test_host_done(*state);
    free(*state);
    return 0;
}

static void tokens(void **state)
{
    static const char *const bad[] = {"",
                                      "nope",
                                      "vercel_blob_rw_",
                                      "vercel_blob_rw_abc",
                                      "vercel_blob_rw_abc_",
                                      "vercel_blob_rw__secret",
                                      "vercel_blob_client_abc_secret",
                                      "vercel_blob_rw_a.evil.example/_secret",
                                      "vercel_blob_rw_abc_sec ret",
                                      "vercel_blob_rw_abc_secret\r\nx-y: z",
                                      " vercel_blob_rw_abc_secret"};
    const char *id = NULL;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(blob_token_id(bad[i], &id), 0);
    assert_null(id);
    assert_int_equal(blob_token_id("vercel_blob_rw_aBc12_s3_c-r", &id), 5);
    assert_memory_equal(id, "aBc12_", 6);
}

static void times_and_numbers(void **state)
{
    static const char *const bad[] = {"",
                                      "now",
                                      "2026-11-21",
                                      "2026-11-21T06:47:48",
                                      "2026-11-21T06:47:48.976+01:00",
                                      "2026-13-40T06:47:48Z",
                                      "2026-11-21T06:47:48.Z"};
    (void)state;
    assert_true(kist_stamp_utc("2026-11-21T06:47:48.976Z") == INT64_C(1795243668976));
    assert_true(kist_stamp_utc("2026-11-21T06:47:48Z") == INT64_C(1795243668000));
    assert_true(kist_stamp_utc("2026-11-21T06:47:48.9Z") == INT64_C(1795243668900));
    assert_true(kist_stamp_utc(NULL) == 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_true(kist_stamp_utc(bad[i]) == 0);
    assert_true(kist_stamp_number("12x", 2) == 12);
    assert_true(kist_stamp_number("", 0) == -1);
    assert_true(kist_stamp_number("-1", 2) == -1);
    assert_true(kist_stamp_number("99999999999999999999", 20) == -1);
}

static void etags(void **state)
{
    static const char *const pairs[][2] = {{"\"a\"", "a"}, {"W/\"a\"", "a"}, {"a", "a"}, {"\"", "\""}, {"", ""}};
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char *etag = kist_http_etag(pairs[i][0]);
        assert_string_equal(etag, pairs[i][1]);
        free(etag);
    }
    assert_null(kist_http_etag(NULL));
}

static void keys(void **state)
{
    struct kist_test_host *test = *state;
    const struct blob_store store = {.host = &test->host};
    static const char *const bad[] = {"", "/a", "a/", "a//b", ".", "..", "a/../b", "a/..", "./a"};
    char key[2900];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(blob_key_check(&store, bad[i], &test->err), KIST_ERR_UNSUPPORTED);
    assert_int_equal(blob_key_check(&store, "a/.b/c..d/...", &test->err), 0);
    memset(key, 'k', 951);
    key[951] = '\0';
    assert_int_equal(blob_key_check(&store, key, &test->err), KIST_ERR_UNSUPPORTED);
    assert_non_null(strstr(test->err.message, "950"));
    key[950] = '\0';
    assert_int_equal(blob_key_check(&store, key, &test->err), 0);
    /* Characters count, not bytes; one outside of the first plane counts twice. */
    for (size_t i = 0; i < 950; i++)
        memcpy(key + 2 * i, "\xc3\xa9", 3);
    assert_int_equal(blob_key_check(&store, key, &test->err), 0);
    for (size_t i = 0; i < 476; i++)
        memcpy(key + 4 * i, "\xf0\x9f\x93\xa6", 5);
    assert_int_equal(blob_key_check(&store, key, &test->err), KIST_ERR_UNSUPPORTED);
    key[4 * 475] = '\0';
    assert_int_equal(blob_key_check(&store, key, &test->err), 0);
}

static void parts(void **state)
{
    const uint64_t part = 8 * BLOB_MIB;
    (void)state;
    assert_true(blob_plan_part(part, -1, -1) == part);
    assert_true(blob_plan_part(part, 0, -1) == part);
    assert_true(blob_plan_part(part, (int64_t)(part * BLOB_PARTS_MAX), -1) == part);
    assert_true(blob_plan_part(part, (int64_t)(part * BLOB_PARTS_MAX + 1), -1) == part + BLOB_MIB);
    assert_true(blob_plan_part(part, -1, (int64_t)(part * BLOB_PARTS_MAX)) == 2 * part);
    assert_true(blob_plan_part(part, INT64_MAX, -1) == BLOB_PART_MAX);
    assert_true(blob_plan_part(part, INT64_C(5) << 40, -1) * BLOB_PARTS_MAX >= UINT64_C(5) << 40);
}

static void urls(void **state)
{
    char *target = blob_target("/", "pathname", "a b/\xc3\xa9&=+%", "cursor", NULL, "x", "", NULL);
    (void)state;
    assert_string_equal(target, "/?pathname=a%20b%2F%C3%A9%26%3D%2B%25&x=");
    free(target);
    target = blob_target("/delete", NULL);
    assert_string_equal(target, "/delete");
    free(target);
}

static void content_urls(void **state)
{
    const struct blob_config config = {.access = {BLOB_PRIVATE}}, open = {.access = {BLOB_PUBLIC}};
    struct blob_store store = {.config = &config, .content = (char *)"https://s.private.blob.vercel-storage.com"};
    (void)state;
    char *url = blob_content_url(&store, "a b/?#%");
    assert_string_equal(url, "https://s.private.blob.vercel-storage.com/a%20b/%3F%23%25?cache=0");
    free(url);
    store.config = &open;
    url = blob_content_url(&store, "a");
    assert_string_equal(url, "https://s.private.blob.vercel-storage.com/a");
    free(url);
}

struct page {
    struct kist_test_host *test;
    size_t given, count;
    char *cursor;
    char names[256];
};

static int give(void *arg, const struct kist_object *object)
{
    struct page *page = arg;
    size_t used = strlen(page->names);
    page->given++;
    snprintf(page->names + used, sizeof page->names - used, "%s=%d,", object->key, (int)object->size);
    return 0;
}

static int read_page(struct page *page, const char *text)
{
    struct kist_test_host *test = page->test;
    json_t *json = NULL;
    free(page->cursor);
    *page = (struct page){.test = test};
    kist_test_host_clear(test);
    int rc = kist_json_load(&test->host, text, strlen(text), &json, &test->err);
    if (rc == 0)
        rc = blob_page_read(&test->host, json, give, page, &page->count, &page->cursor, &test->err);
    json_decref(json);
    return rc;
}

#define BLOB(name, size)                                                                                          \
    "{\"pathname\":\"" name "\",\"size\":" size ",\"uploadedAt\":\"2026-11-21T06:47:48.976Z\"}"

static void pages(void **state)
{
    struct page page = {.test = *state};
    assert_int_equal(read_page(&page, "{\"blobs\":[],\"hasMore\":false}"), 0);
    assert_true(page.given == 0 && page.count == 0 && !page.cursor);
    assert_int_equal(read_page(&page, "{\"blobs\":[" BLOB("a", "1") "," BLOB("d/", "0") "," BLOB(
                                          "e/", "2") "],\"hasMore\":true,\"cursor\":\"c\",\"folders\":[]}"),
                     0);
    assert_string_equal(page.names, "a=1,e/=2,");
    assert_true(page.count == 3);
    assert_string_equal(page.cursor, "c");
    free(page.cursor);
}

static void hostile_pages(void **state)
{
    static const char *const bad[] = {"{}",
                                      "[]",
                                      "{\"hasMore\":false}",
                                      "{\"blobs\":{},\"hasMore\":false}",
                                      "{\"blobs\":[]}",
                                      "{\"blobs\":[],\"hasMore\":1}",
                                      "{\"blobs\":[],\"hasMore\":true}",
                                      "{\"blobs\":[],\"hasMore\":true,\"cursor\":\"\"}",
                                      "{\"blobs\":[],\"hasMore\":true,\"cursor\":7}",
                                      "{\"blobs\":[1],\"hasMore\":false}",
                                      "{\"blobs\":[null],\"hasMore\":false}",
                                      "{\"blobs\":[{}],\"hasMore\":false}",
                                      "{\"blobs\":[" BLOB("a", "1") "," BLOB("b", "-1") "],\"hasMore\":false}",
                                      "{\"blobs\":[" BLOB("a", "\"1\"") "],\"hasMore\":false}",
                                      "{\"blobs\":[" BLOB("a", "1.5") "],\"hasMore\":false}",
                                      "{\"blobs\":[" BLOB("a", "18446744073709551616") "],\"hasMore\":false}",
                                      "{\"blobs\":[" BLOB("", "1") "],\"hasMore\":false}",
                                      "{\"blobs\":[" BLOB("a\\u0000b", "1") "],\"hasMore\":false}",
                                      "{\"blobs\":[],\"blobs\":[],\"hasMore\":false}"};
    struct page page = {.test = *state};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(read_page(&page, bad[i]), KIST_ERR_CORRUPT);
        /* A page that is not sound gives nothing at all. */
        assert_true(page.given == 0 && !page.cursor && page.test->err.message);
    }
}

static int open_with(struct kist_test_host *test, const struct blob_config *config)
{
    void *self = NULL;
    kist_test_host_clear(test);
    int rc = kist_plugin.open(&test->host, config, &self, &test->err);
    if (rc == 0)
        kist_plugin.close(self);
    return rc;
}

static void configurations(void **state)
{
    struct kist_test_host *test = *state;
    const struct blob_config good = {.token = {"vercel_blob_rw_store_secret"},
                                     .access = {BLOB_PRIVATE},
                                     .part_size = {8 * BLOB_MIB},
                                     .cache_max_age = {60000},
                                     .api_url = "https://vercel.com/api/blob"};
    static const char *const urls_[] = {
        "http://example.com/x",    "ftp://example.com",      "https://",          "example.com",
        "https://u:p@example.com", "https://example.com/?x", "file:///etc/passwd"};
    assert_int_equal(open_with(test, &good), 0);
    struct blob_config config = good;
    for (size_t i = 0; i < sizeof urls_ / sizeof *urls_; i++) {
        config = good;
        config.api_url = urls_[i];
        assert_int_equal(open_with(test, &config), KIST_ERR_CONFIG);
        config = good;
        config.content_base_url = urls_[i];
        assert_int_equal(open_with(test, &config), KIST_ERR_CONFIG);
    }
    config = good;
    config.token.reveal = "secret-in-a-wrong-place";
    assert_int_equal(open_with(test, &config), KIST_ERR_CONFIG);
    assert_null(strstr(test->err.message, "secret-in"));
    config = good;
    config.access.index = BLOB_PUBLIC;
    assert_int_equal(open_with(test, &config), KIST_ERR_CONFIG);
    assert_non_null(strstr(test->err.hint, "allow_public"));
    config.allow_public.on = 1;
    assert_int_equal(open_with(test, &config), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tokens), TEST(times_and_numbers), TEST(etags), TEST(keys),          TEST(parts),
        TEST(urls),   TEST(content_urls),      TEST(pages), TEST(hostile_pages), TEST(configurations)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
