/* s3_test.c - what needs no server: sizes of parts, URLs, texts, contradictions of the configuration. */
#include "s3_test_tools.h"

/* How many parts `size` bytes make, and the most that is held in memory for them. */
static unsigned count_parts(const struct s3_plan *plan, uint64_t size, uint64_t *ret_held)
{
    unsigned number = 0;
    uint64_t sent = 0;
    *ret_held = 0;
    while (sent < size && number <= S3_PARTS_MAX) {
        uint64_t part = s3_plan_part(plan, ++number);
        uint64_t held = part * s3_plan_buffers(plan, number);
        assert_true(part >= S3_PART_MIN && part <= S3_PART_MAX);
        assert_true(number == 1 || part >= s3_plan_part(plan, number - 1));
        *ret_held = held > *ret_held ? held : *ret_held;
        sent += part;
    }
    return number;
}

static void parts_never_run_out(void **state)
{
    static const uint64_t sizes[] = {200 * S3_GIB, 1024 * S3_GIB, 5 * 1024 * S3_GIB};
    static const uint64_t part_sizes[] = {5 * S3_MIB, 16 * S3_MIB, S3_GIB};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = 0; j < 3; j++) {
            struct s3_plan plan;
            uint64_t held = 0;
            s3_plan_init(&plan, part_sizes[j], 3, -1);
            assert_in_range(count_parts(&plan, sizes[i], &held), 1, S3_PARTS_MAX);
            /* Held: the budget, or one part where that is larger. */
            assert_true(held <= 4 * part_sizes[j] || held <= S3_PART_MAX);
        }
    }
}

static void parts_fit_what_is_expected(void **state)
{
    struct s3_plan plan;
    uint64_t held = 0;
    (void)state;
    s3_plan_init(&plan, 16 * S3_MIB, 3, 1000);
    assert_int_equal(s3_plan_part(&plan, 1), 16 * S3_MIB);
    assert_int_equal(s3_plan_buffers(&plan, 1), 4);
    s3_plan_init(&plan, 16 * S3_MIB, 3, (int64_t)(200 * S3_GIB));
    assert_int_equal(s3_plan_part(&plan, 1), 41 * S3_MIB);
    assert_int_equal(s3_plan_part(&plan, 701), 82 * S3_MIB);
    assert_int_equal(s3_plan_buffers(&plan, 1), 1);
    assert_in_range(count_parts(&plan, 200 * S3_GIB, &held), 1, 5000);
    s3_plan_init(&plan, 16 * S3_MIB, 3, INT64_MAX);
    assert_int_equal(s3_plan_part(&plan, 1), S3_PART_MAX);
    assert_int_equal(s3_plan_part(&plan, S3_PARTS_MAX), S3_PART_MAX);
}

static void url_is(struct bench *bench, const char *key, const char *query, const char *expected)
{
    char *url = s3_url(bench->store, key, query);
    assert_string_equal(url, expected);
    free(url);
}

static void urls_of_aws(void **state)
{
    struct bench *bench = *state;
    unsetenv("AWS_ENDPOINT_URL");
    unsetenv("AWS_ENDPOINT_URL_S3");
    assert_int_equal(bench_open(bench), 0);
    url_is(bench, "a b/c", NULL, "https://kist-test.s3.us-east-1.amazonaws.com/a%20b/c");
    url_is(bench, NULL, "list-type=2", "https://kist-test.s3.us-east-1.amazonaws.com/?list-type=2");
    assert_int_equal(kist_aws_set_region(bench->store->aws, "cn-north-1", &bench->test.err), 0);
    url_is(bench, "k", NULL, "https://kist-test.s3.cn-north-1.amazonaws.com.cn/k");
    bench_close(bench);
    bench->config.bucket = "with.dots";
    assert_int_equal(bench_open(bench), 0);
    url_is(bench, "k", NULL, "https://s3.us-east-1.amazonaws.com/with.dots/k");
}

static void urls_of_others(void **state)
{
    struct bench *bench = *state;
    bench->config.endpoint = "https://s3.example.com:9000/swift/v1/";
    assert_int_equal(bench_open(bench), 0);
    url_is(bench, "a+b/\xc3\xa9~",
           "uploads=", "https://s3.example.com:9000/swift/v1/kist-test/a%2Bb/%C3%A9~?uploads=");
    url_is(bench, NULL, NULL, "https://s3.example.com:9000/swift/v1/kist-test");
    bench_close(bench);
    bench->config.addressing.index = S3_ADDRESSING_VIRTUAL;
    assert_int_equal(bench_open(bench), 0);
    url_is(bench, "k", NULL, "https://kist-test.s3.example.com:9000/swift/v1/k");
    bench_close(bench);
    bench->config = plain_config();
    bench->config.endpoint = "http://[::1]:9000";
    assert_int_equal(bench_open(bench), 0);
    url_is(bench, "k", NULL, "http://[::1]:9000/kist-test/k");
}

static void refused(struct bench *bench, const char *why)
{
    int rc = bench_open(bench);
    if (rc == 0)
        print_error("accepted: %s\n", why);
    assert_int_equal(rc, KIST_ERR_CONFIG);
    assert_non_null(bench->test.err.message);
    bench->config = plain_config();
}

static void contradictions(void **state)
{
    struct bench *bench = *state;
    static const char *const buckets[] = {"",     "ab",         "-abc",    "abc/def",
                                          "a..b", "with space", "bucket?", "b\xc3\xbcx"};
    static const char *const endpoints[] = {"s3.example.com",          "ftp://s3.example.com",     "https://",
                                            "https://u:p@example.com", "https://example.com/?a=b", "https:///x",
                                            "https://example.com/#x",  "http://example.com",       "https://a b"};
    for (size_t i = 0; i < sizeof buckets / sizeof *buckets; i++) {
        bench->config.bucket = buckets[i];
        refused(bench, buckets[i]);
    }
    for (size_t i = 0; i < sizeof endpoints / sizeof *endpoints; i++) {
        bench->config.endpoint = endpoints[i];
        refused(bench, endpoints[i]);
    }
    bench->config.kms_key = "k";
    refused(bench, "kms_key without sse");
    bench->config.object_lock_days = 3;
    refused(bench, "days without a lock");
    bench->config.object_lock_mode.index = 1;
    refused(bench, "a lock without days");
    bench->config.addressing.index = S3_ADDRESSING_VIRTUAL;
    bench->config.endpoint = "https://192.0.2.1";
    refused(bench, "virtual at an address");
    bench->config.addressing.index = S3_ADDRESSING_VIRTUAL;
    bench->config.bucket = "with.dots";
    refused(bench, "virtual with dots over TLS");
    bench->config.secret_key.reveal = NULL;
    refused(bench, "access_key alone");
    bench->config.access_key = NULL;
    refused(bench, "secret_key alone");
    bench->config.acl = "public-read";
    refused(bench, "a public ACL");
    bench->config.storage_class = "DEEP_ARCHIVE";
    refused(bench, "a class that cannot be read");
    bench->config.region = "evil.example/";
    refused(bench, "a region that is none");
    bench->config.tags = (kist_list){(const char *const[]){"novalue"}, 1};
    refused(bench, "a tag without a value");
}

static void headers_of_an_object(void **state)
{
    struct bench *bench = *state;
    struct s3_headers headers = {0};
    const char *const metadata[] = {"note", "caf\xc3\xa9", NULL};
    const struct kist_put put = {.struct_size = sizeof put, .key = "k", .size = -1, .metadata = metadata};
    bench->config.tags = (kist_list){(const char *const[]){"a=b c", "d&e=f=g"}, 2};
    bench->config.sse.index = S3_SSE_KMS;
    bench->config.kms_key = "alias/k";
    bench->config.object_lock_mode.index = 1;
    bench->config.object_lock_days = 1;
    assert_int_equal(bench_open(bench), 0);
    s3_headers_object(&headers, bench->store, &put, "token");
    assert_false(headers.failed);
    int found = 0;
    for (size_t i = 0; i < headers.count; i++) {
        const char *name = headers.items[i].name, *value = headers.items[i].value;
        found += strcmp(name, "x-amz-tagging") == 0 && strcmp(value, "a=b%20c&d%26e=f%3Dg") == 0;
        found += strcmp(name, "x-amz-server-side-encryption-aws-kms-key-id") == 0 && strcmp(value, "alias/k") == 0;
        found += strcmp(name, "x-amz-meta-note") == 0 && strcmp(value, "=?UTF-8?B?Y2Fmw6k=?=") == 0;
        found += strcmp(name, "x-amz-meta-kist-upload") == 0 && strcmp(value, "token") == 0;
        found += strcmp(name, "x-amz-object-lock-mode") == 0 && strcmp(value, "GOVERNANCE") == 0;
    }
    assert_int_equal(found, 5);
    s3_headers_done(&headers);
}

static void metadata_comes_back(void **state)
{
    char longest[600];
    const char *const values[] = {
        "plain", "", " spaces ", "a  b", "=?UTF-8?B?x", "line\nbreak", "\xf0\x9f\x93\xa6", longest};
    (void)state;
    for (size_t i = 0; i + 1 < sizeof longest; i += 3)
        memcpy(longest + i, "\xe6\x97\xa5", 3);
    longest[597] = '\0';
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char *sent = s3_meta_encode(values[i]);
        char *read = s3_meta_decode(sent);
        for (const char *at = sent; *at; at++)
            assert_in_range((unsigned char)*at, 0x20, 0x7e);
        assert_string_equal(read, values[i]);
        free(sent);
        free(read);
    }
}

static void metadata_of_others(void **state)
{
    static const char *const pairs[][2] = {
        {"=?utf-8?q?caf=C3=A9_x?= tail", "caf\xc3\xa9 x tail"},
        {"=?UTF-8?B?@@@?=", "=?UTF-8?B?@@@?="},
        {"=?UTF-8?B?", "=?UTF-8?B?"},
        {"=?UTF-8?Q?=?=", "=?UTF-8?Q?=?="},
        {"=?UTF-8?Q?=00?=", "=?UTF-8?Q?=00?="},
        {"caf\xe9", "caf\xc3\xa9"},
        {"caf\xc3\xa9", "caf\xc3\xa9"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char *read = s3_meta_decode(pairs[i][0]);
        assert_string_equal(read, pairs[i][1]);
        free(read);
    }
}

static void small_texts(void **state)
{
    static const char *const bad[] = {"%", "%4", "%zz", "a%00b", "%0"};
    char good[] = "a%20b+c%C3%A9%2B";
    (void)state;
    assert_int_equal(s3_decode(good, 1), 0);
    assert_string_equal(good, "a b c\xc3\xa9+");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *text = strdup(bad[i]);
        assert_int_equal(s3_decode(text, 1), -1);
        free(text);
    }
    assert_int_equal(s3_number("9223372036854775807"), -1);
    assert_int_equal(s3_number("1099511627776"), INT64_C(1) << 40);
    assert_int_equal(s3_number("-1"), -1);
    assert_int_equal(s3_number("1e3"), -1);
    assert_int_equal(s3_number(""), -1);
    assert_int_equal(kist_stamp_utc("2026-11-21T07:04:27.120Z"), INT64_C(1795244667120));
    assert_int_equal(kist_stamp_utc("1969-01-01T00:00:00Z"), 0);
    assert_int_equal(kist_stamp_utc("yesterday"), 0);
    assert_int_equal(s3_error_code("SlowDown"), KIST_ERR_UNAVAILABLE);
    assert_int_equal(s3_error_code("QuotaExceeded"), KIST_ERR_NO_SPACE);
    assert_int_equal(s3_error_code("NeverHeardOf"), KIST_ERR_FAILED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_never_run_out),
        cmocka_unit_test(parts_fit_what_is_expected),
        cmocka_unit_test_setup_teardown(urls_of_aws, bench_begin, bench_end),
        cmocka_unit_test_setup_teardown(urls_of_others, bench_begin, bench_end),
        cmocka_unit_test_setup_teardown(contradictions, bench_begin, bench_end),
        cmocka_unit_test_setup_teardown(headers_of_an_object, bench_begin, bench_end),
        cmocka_unit_test(metadata_comes_back),
        cmocka_unit_test(metadata_of_others),
        cmocka_unit_test(small_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
