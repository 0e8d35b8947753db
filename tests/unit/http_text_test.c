/* http_text_test.c - percent-encoding, dates and waits, and what is quoted of a server's words. */
#include "http_tools.h"

static void assert_encoded(const char *text, int keep_slash, const char *expected)
{
    char *encoded = kist_http_encode(text, keep_slash);
    assert_string_equal(encoded, expected);
    free(encoded);
}

static void test_encode(void **state)
{
    (void)state;
    assert_encoded("", 0, "");
    assert_encoded("azAZ09-_.~", 0, "azAZ09-_.~");
    assert_encoded("a/b c+d", 0, "a%2Fb%20c%2Bd");
    assert_encoded("a/b c+d", 1, "a/b%20c%2Bd");
    assert_encoded("\xc3\xa9\x01%", 1, "%C3%A9%01%25");
}

static void test_dates(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "0",
                                      "junk",
                                      "-1",
                                      "20041231",
                                      "Sun, 06 Nov 1994 08:49:37",
                                      "Sun, 06 Nov 1994 08:49:37 +0200",
                                      "Sun, 06 Nov 1994 08:49:37 GMT and more",
                                      "06 Nov 1994 08:49:37 GMT",
                                      "Sun, 99 Nov 1994 08:49:37 GMT",
                                      "Sun, 06 Foo 1994 08:49:37 GMT",
                                      "Sun, 06 Nov 1994 28:49:37 GMT",
                                      "Thu, 01 Jan 1900 00:00:00 GMT",
                                      "Sun, 06 Nov 99999999999 08:49:37 GMT"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (kist_http_date(bad[i]) != -1)
            fail_msg("'%s' is taken for a date", bad[i]);
    assert_int_equal(kist_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), INT64_C(784111777000));
    assert_int_equal(kist_http_date("Sunday, 06-Nov-94 08:49:37 GMT"), INT64_C(784111777000));
    assert_int_equal(kist_http_date("Sun Nov  6 08:49:37 1994"), INT64_C(784111777000));
    assert_int_equal(kist_http_date("Thu, 01 Jan 1970 00:00:00 GMT"), 0);
    assert_int_equal(kist_http_date("Fri, 31 Dec 2100 23:59:59 GMT"), INT64_C(4133980799000));
}

static void test_waits(void **state)
{
    (void)state;
    const int64_t day = INT64_C(86400000), at = INT64_C(784111777000);
    static const char *const bad[] = {"", "-1", "soon", "1.5", "1 ", " 1", "0x10", "1e3", "Sun, 06 Nov", "+5"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(kist_http_retry_after(bad[i], at), 0);
    assert_int_equal(kist_http_retry_after("0", at), 0);
    assert_int_equal(kist_http_retry_after("1", at), 1000);
    assert_int_equal(kist_http_retry_after("0000120", at), 120000);
    assert_int_equal(kist_http_retry_after("86399", at), day - 1000);
    assert_int_equal(kist_http_retry_after("1000000000", at), day);
    assert_int_equal(kist_http_retry_after("99999999999999999999999999999999", at), day);
    assert_int_equal(kist_http_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", at - 5000), 5000);
    assert_int_equal(kist_http_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", at), 0);
    assert_int_equal(kist_http_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", at + 5000), 0);
    assert_int_equal(kist_http_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", 0), day);
    assert_int_equal(kist_http_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", INT64_MIN), 0);
}

static const struct kist_http_header sent[] = {
    {"Authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE1234567/20261121/us-east-1/s3/aws4_request, "
                      "SignedHeaders=host;x-amz-date, Signature=0123456789abcdef0123456789abcdef"},
    {"X-Amz-Security-Token", "TokenOfTheSession//1234567890=="},
    {"authorization", "Bearer sesame"},
    {"X-Other", "harmless-but-rather-long"}};

/* What kist_http_fail makes of a status and a body. */
static int judge(int status, const char *body, size_t size, const char *said)
{
    struct kist_http_setup with = {.idle_ms = 0};
    struct kist_http_request request = {.method = "GET",
                                        .url =
                                            "https://host.example/key?X-Amz-Signature=fedcba9876&prefix=readable",
                                        .headers = sent,
                                        .header_count = sizeof sent / sizeof *sent,
                                        .what = "try it"};
    struct kist_http_reply got = {.status = status, .body = (char *)(uintptr_t)body, .size = size};
    if (!http)
        assert_int_equal(kist_http_new(&test.host, &with, &http, &test.err), 0);
    return kist_http_fail(http, &request, &got, said, &test.err);
}

static void test_codes(void **state)
{
    (void)state;
    static const struct {
        int status, code;
    } each[] = {{401, KIST_ERR_AUTH},        {403, KIST_ERR_AUTH},        {404, KIST_ERR_NOT_FOUND},
                {410, KIST_ERR_NOT_FOUND},   {409, KIST_ERR_EXISTS},      {412, KIST_ERR_EXISTS},
                {408, KIST_ERR_UNAVAILABLE}, {425, KIST_ERR_UNAVAILABLE}, {429, KIST_ERR_UNAVAILABLE},
                {500, KIST_ERR_UNAVAILABLE}, {502, KIST_ERR_UNAVAILABLE}, {503, KIST_ERR_UNAVAILABLE},
                {504, KIST_ERR_UNAVAILABLE}, {413, KIST_ERR_NO_SPACE},    {507, KIST_ERR_NO_SPACE},
                {405, KIST_ERR_UNSUPPORTED}, {501, KIST_ERR_UNSUPPORTED}, {301, KIST_ERR_CONFIG},
                {307, KIST_ERR_CONFIG},      {400, KIST_ERR_FAILED},      {402, KIST_ERR_FAILED},
                {505, KIST_ERR_FAILED},      {200, KIST_ERR_FAILED}};
    for (size_t i = 0; i < sizeof each / sizeof *each; i++) {
        assert_int_equal(judge(each[i].status, "x", 1, NULL), each[i].code);
        assert_int_equal(test.err.retryable, each[i].code == KIST_ERR_UNAVAILABLE);
    }
    assert_int_equal(judge(403, "<x/>", 4, "AccessDenied: no"), KIST_ERR_AUTH);
    assert_string_equal(test.err.message, "cannot try it: host.example answered 403: AccessDenied: no");
    judge(403, NULL, 0, NULL);
    assert_string_equal(test.err.message, "cannot try it: host.example answered 403");
}

static void test_what_was_sent_is_taken_out(void **state)
{
    (void)state;
    static const char echo[] =
        "you sent Bearer sesame and sesame, Signature=0123456789abcdef0123456789abcdef by "
        "AKIDEXAMPLE1234567/20261121/us-east-1/s3/aws4_request, TokenOfTheSession//1234567890== "
        "fedcba9876 readable harmless-but-rather-long";
    static const char *const secrets[] = {"sesame", "0123456789abcdef", "AKIDEXAMPLE", "TokenOf", "fedcba9876"};
    for (int i = 0; i < 2; i++) {
        judge(400, echo, sizeof echo - 1, i ? echo : NULL);
        for (size_t k = 0; k < sizeof secrets / sizeof *secrets; k++)
            assert_unsaid(secrets[k]);
        assert_said("you sent ***");
        assert_said("readable harmless-but-rather-long");
    }
    /* Where it is cut, no half of a secret is left. */
    char longer[700];
    memset(longer, 'x', sizeof longer);
    memcpy(longer + 285, "0123456789abcdef0123456789abcdef", 32);
    judge(400, longer, sizeof longer, NULL);
    assert_unsaid("0123");
}

static void test_it_is_one_printable_line(void **state)
{
    (void)state;
    static const char body[] = " \x1b[31mred\x1b[0m\x1b]0;title\x07 a\r\n\tb\0c\x07 \xff \xc2\x9b"
                               "d \xe2\x80\xaeright \xc3\xa9\n";
    judge(400, body, sizeof body - 1, NULL);
    assert_string_equal(test.err.message,
                        "cannot try it: host.example answered 400: red a b c ? d right \xc3\xa9");
    char *longer = malloc(1 << 20);
    memset(longer, '\xc3', 1 << 20);
    for (size_t i = 1; i < 1 << 20; i += 2)
        longer[i] = '\xa9';
    judge(400, longer, 1 << 20, NULL);
    assert_in_range(strlen(test.err.message), 300, 360);
    assert_string_equal(test.err.message + strlen(test.err.message) - 5, "\xc3\xa9...");
    free(longer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_encode),
        TEST(test_dates),
        TEST(test_waits),
        TEST(test_codes),
        TEST(test_what_was_sent_is_taken_out),
        TEST(test_it_is_one_printable_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
