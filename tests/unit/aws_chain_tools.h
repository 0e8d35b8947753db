/* aws_chain_tools.h - a client whose credentials come from somewhere, and the key that it signed with. */
#ifndef KIST_TEST_AWS_CHAIN_TOOLS_H
#define KIST_TEST_AWS_CHAIN_TOOLS_H

#include "aws_fake_http.h"

#define STS "https://sts.eu-west-1.amazonaws.com/"
#define ROLE_REPLY(name, key)                                                                                     \
    "<" name "Response xmlns='https://sts.amazonaws.com/doc/2011-06-15/'><" name "Result><Credentials>"           \
    "<AccessKeyId>" key "</AccessKeyId><SecretAccessKey>" key "-secret</SecretAccessKey><SessionToken>" key       \
    "-token</SessionToken><Expiration>2026-11-21T08:18:34Z</Expiration></Credentials></" name "Result></" name    \
    "Response>"
#define JSON_REPLY(key, expires)                                                                                  \
    "{\"Code\": \"Success\", \"AccessKeyId\": \"" key "\", \"SecretAccessKey\": \"" key                           \
    "-secret\", \"Token\": \"" key "-token\", \"Expiration\": \"" expires "\"}"
#define EXPECT(...)                                                                                               \
    do {                                                                                                          \
        static const struct exchange list[] = {__VA_ARGS__};                                                      \
        expect_exchanges(list, sizeof list / sizeof *list);                                                       \
    } while (0)
#define MINUTE INT64_C(60000)

static struct kist_aws *aws;

static inline void make(const char *profile, const char *access)
{
    const struct kist_aws_setup with = {.access_key = access,
                                        .secret_key = access ? "option-secret" : NULL,
                                        .profile = profile,
                                        .region = "eu-west-1",
                                        .service = "s3"};
    kist_aws_free(aws);
    aws = NULL;
    kist_test_host_clear(&test);
    assert_int_equal(kist_aws_new(&test.host, &with, &aws, &test.err), 0);
}

/* Signs, and tells the access key that was used; NULL when it failed. */
static inline const char *key_used(void)
{
    static char key[64];
    const struct kist_aws_sign request = {.method = "GET", .url = "https://b.example/"};
    struct kist_aws_headers headers;
    kist_test_host_clear(&test);
    if (kist_aws_sign(aws, &request, &headers, &test.err))
        return NULL;
    const char *authorization = headers.items[headers.count - 1].value;
    assert_int_equal(sscanf(authorization, "AWS4-HMAC-SHA256 Credential=%63[^/]", key), 1);
    /* Temporary ones are told from others by their token, which must go with them. */
    int has_token = headers.count == 4;
    assert_int_equal(has_token, strstr(authorization, "x-amz-security-token") != NULL);
    kist_aws_headers_done(&headers);
    assert_int_equal(open_https, 0);
    return key;
}

static inline void check_key(const char *expected)
{
    const char *key = key_used();
    if (!key)
        print_message("%s\n", test.err.message);
    assert_non_null(key);
    assert_string_equal(key, expected);
    assert_int_equal(exchange_next, exchange_count);
}

static inline void check_fails(int code, const char *words)
{
    assert_null(key_used());
    if (!strstr(test.err.message, words))
        fail_msg("%s", test.err.message);
    assert_int_equal(test.err.code, code);
    assert_int_equal(exchange_next, exchange_count);
}

static inline int begin(void **state)
{
    expect_exchanges(NULL, 0);
    return setup(state);
}

static inline int end(void **state)
{
    kist_aws_free(aws);
    aws = NULL;
    assert_int_equal(open_https, 0);
    return teardown(state);
}

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

#endif
