/* aws_sign_test.c - Signature Version 4: the published vectors, hard urls and headers, and what a wrong clock teaches. */
#include "aws_tools.h"

#define EMPTY_HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define SUITE "https://example.amazonaws.com"
#define BUCKET "https://examplebucket.s3.amazonaws.com"
#define SUITE_TIME INT64_C(1440938160000)  /* 20150830T123600Z */
#define BUCKET_TIME INT64_C(1369353600000) /* 20130524T000000Z */
#define SUITE_TOKEN                                                                                               \
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD"  \
    "8YUuwthAx7mSEI/qkPpKPi/"                                                                                     \
    "kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6"                       \
    "fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQ" \
    "wj2ICCR/oLxBA=="

static struct kist_aws *new_aws(const char *service, const char *access, const char *secret, const char *token)
{
    const struct kist_aws_setup setup = {.access_key = access,
                                         .secret_key = secret,
                                         .session_token = token,
                                         .region = "us-east-1",
                                         .service = service};
    struct kist_aws *aws = NULL;
    assert_int_equal(kist_aws_new(&test.host, &setup, &aws, &test.err), 0);
    return aws;
}

static const char *added(const struct kist_aws_headers *headers, const char *name)
{
    for (size_t i = 0; i < headers->count; i++)
        if (strcmp(headers->items[i].name, name) == 0)
            return headers->items[i].value;
    return NULL;
}

struct vector {
    const char *url, *names, *signature;
    const char *method, *payload, *token;
    struct kist_http_header headers[3];
};

static void check(const char *service, const struct vector *vector)
{
    int is_s3 = strcmp(service, "s3") == 0;
    struct kist_aws *aws =
        new_aws(service, is_s3 ? "AKIAIOSFODNN7EXAMPLE" : "AKIDEXAMPLE",
                is_s3 ? "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" : "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                vector->token);
    size_t count = 0;
    while (count < 3 && vector->headers[count].name)
        count++;
    const struct kist_aws_sign request = {.method = vector->method ? vector->method : "GET",
                                          .url = vector->url,
                                          .headers = vector->headers,
                                          .header_count = count,
                                          .payload_sha256 = vector->payload};
    struct kist_aws_headers headers;
    /* The second time the signing key is there already. */
    for (int i = 0; i < 2; i++) {
        char expected[600];
        assert_int_equal(kist_aws_sign(aws, &request, &headers, &test.err), 0);
        assert_int_equal(headers.count, count + 2 + (size_t)is_s3 + (vector->token != NULL));
        snprintf(expected, sizeof expected,
                 "AWS4-HMAC-SHA256 Credential=%s/us-east-1/%s/aws4_request, SignedHeaders=%s, Signature=%s",
                 is_s3 ? "AKIAIOSFODNN7EXAMPLE/20130524" : "AKIDEXAMPLE/20150830", service, vector->names,
                 vector->signature);
        assert_string_equal(added(&headers, "authorization"), expected);
        kist_aws_headers_done(&headers);
    }
    kist_aws_free(aws);
}

/* The cases of the same names in the suite that AWS publishes. */
static void test_suite(void **state)
{
    (void)state;
    static const struct vector vectors[] = {
        {SUITE "/", "host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
        {SUITE, "host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
        {SUITE "/example1/example2/../..", "host;x-amz-date",
         "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
        {SUITE "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", "host;x-amz-date",
         "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
        {SUITE "/\xe1\x88\xb4", "host;x-amz-date",
         "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
        {SUITE "/example space/", "host;x-amz-date",
         "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"},
        {SUITE "//example//", "host;x-amz-date",
         "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84"},
        {SUITE "/./example", "host;x-amz-date",
         "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5"},
        {SUITE "/?Param2=value2&Param1=value1", "host;x-amz-date",
         "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
        {SUITE "/?Param1=value2&Param1=Value1", "host;x-amz-date",
         "eedbc4e291e521cf13422ffca22be7d2eb8146eecf653089df300a15b2382bd1"},
        {SUITE "/", "host;my-header1;x-amz-date",
         "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
         .headers = {{"My-Header1", "value2"}, {"My-Header1", "value2"}, {"My-Header1", "value1"}}},
        {SUITE "/", "host;my-header1;my-header2;x-amz-date",
         "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
         .headers = {{"My-Header1", " value1"}, {"My-Header2", " \"a   b   c\""}}},
        {SUITE "/", "host;x-amz-date", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
         .method = "POST"},
        {SUITE "/", "content-type;host;x-amz-date",
         "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a", .method = "POST",
         .payload = "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e",
         .headers = {{"Content-Type", "application/x-www-form-urlencoded"}}},
        {SUITE "/", "host;x-amz-date;x-amz-security-token",
         "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead", .method = "POST",
         .token = SUITE_TOKEN},
        /* Not of the suite: encoded twice, names of which one begins like another, names without a value. */
        {SUITE "/a%20b", "host;x-amz-date", "08c33fd523b5dc18699a2c38863929f12203a282c033d442d45b59a096458aa6"},
        {SUITE "/?a-b=1&a=2&a=10&ab", "host;x-amz-date",
         "379b9aa45ddb80b235776d751c2f5c5eaabbf1c64b93585734f1dd3490bb893b"},
        {SUITE "/?Param1=", "host;x-amz-date", "506693d22b79f51760ff2217fe207bb63f86e8f316bf6c217a3c65d33d15410a"},
        {SUITE ":443/?&Param1&#x", "host;x-amz-date",
         "506693d22b79f51760ff2217fe207bb63f86e8f316bf6c217a3c65d33d15410a"},
    };
    now = SUITE_TIME;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
        check("service", &vectors[i]);
}

/* The first four are the examples of the S3 documentation; the others were checked with the official client. */
static void test_s3(void **state)
{
    (void)state;
    static const struct vector vectors[] = {
        {BUCKET "/test.txt", "host;range;x-amz-content-sha256;x-amz-date",
         "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41", .headers = {{"Range", "bytes=0-9"}}},
        {BUCKET "/test%24file.text", "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
         "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd", .method = "PUT",
         .payload = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
         .headers = {{"Date", "Fri, 24 May 2013 00:00:00 GMT"}, {"x-amz-storage-class", "REDUCED_REDUNDANCY"}}},
        {BUCKET "/?lifecycle", "host;x-amz-content-sha256;x-amz-date",
         "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
        {BUCKET "/?max-keys=2&prefix=J", "host;x-amz-content-sha256;x-amz-date",
         "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
        {"http://127.0.0.1:9000/bucket/a//b/../c%20d%2Be~%E2%82%AC?uploads",
         "host;x-amz-content-sha256;x-amz-date",
         "e9b0e1ecc521fe0901063bd648c9e18b265137b44f5ca7c7e6da170565971820"},
        {"https://h.example:443/k",
         "host;x-amz-content-sha256;x-amz-date;x-amz-security-token;x-amz-server-side-encryption;"
         "x-amz-server-side-encryption-aws-kms-key-id",
         "994007dee0b6a5359ac1042abde93cee6eea4f51dffb1f1a8b5f49366a8c26c8", .method = "PUT",
         .payload = KIST_AWS_UNSIGNED_PAYLOAD, .token = "tok",
         .headers = {{"x-amz-server-side-encryption-aws-kms-key-id", "id"},
                     {"x-amz-server-side-encryption", "aws:kms"}}},
        {"http://[::1]:80/k?list-type=2&prefix=a%2Fb&continuation-token=1%2B%3D",
         "host;x-amz-content-sha256;x-amz-date",
         "d0ffd6056996e7b5951b85fee7d804aea2807c5efb6914c0129367c6254e9339"},
    };
    now = BUCKET_TIME;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
        check("s3", &vectors[i]);
}

/* A key of yesterday, of another region or of other credentials must not be used. */
static void test_kept_key(void **state)
{
    (void)state;
    const struct kist_aws_sign request = {.method = "GET", .url = SUITE "/"};
    struct kist_aws *aws = new_aws("service", "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", NULL);
    struct kist_aws_headers headers;
    now = SUITE_TIME + INT64_C(86400000);
    assert_int_equal(kist_aws_sign(aws, &request, &headers, &test.err), 0);
    assert_string_equal(added(&headers, "x-amz-date"), "20150831T123600Z");
    kist_aws_headers_done(&headers);
    assert_int_equal(kist_aws_set_region(aws, "eu-west-1", &test.err), 0);
    assert_string_equal(kist_aws_region(aws), "eu-west-1");
    assert_int_equal(kist_aws_sign(aws, &request, &headers, &test.err), 0);
    assert_non_null(strstr(added(&headers, "authorization"), "/20150831/eu-west-1/service/"));
    kist_aws_headers_done(&headers);
    assert_int_equal(kist_aws_set_region(aws, "us-east-1", &test.err), 0);
    now = SUITE_TIME;
    assert_int_equal(kist_aws_sign(aws, &request, &headers, &test.err), 0);
    assert_non_null(strstr(added(&headers, "authorization"),
                           "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"));
    kist_aws_headers_done(&headers);
    kist_aws_free(aws);
}

static void test_bad_urls(void **state)
{
    (void)state;
    static const char *const urls[] = {"ftp://h/",       "h/",           "",  "https://", "https:///k",
                                       "https://u:p@h/", "http://h:x1/", NULL};
    struct kist_aws *aws = new_aws("s3", "a", "b", NULL);
    for (const char *const *url = urls; *url; url++) {
        const struct kist_aws_sign request = {.method = "GET", .url = *url};
        struct kist_aws_headers headers;
        assert_int_equal(kist_aws_sign(aws, &request, &headers, &test.err), KIST_ERR_CONFIG);
        assert_null(strstr(test.err.message, "u:p"));
    }
    kist_aws_free(aws);
}

static void test_settings(void **state)
{
    (void)state;
    struct kist_aws *aws = NULL;
    struct kist_aws_setup setup = {.access_key = "a", .service = "s3", .region = "us-east-1"};
    assert_int_equal(kist_aws_new(&test.host, &setup, &aws, &test.err), KIST_ERR_CONFIG);
    assert_string_equal(test.err.message,
                        "the access key and the secret key go together: the secret key is missing");
    setup.secret_key = "b\nc";
    assert_int_equal(kist_aws_new(&test.host, &setup, &aws, &test.err), KIST_ERR_CONFIG);
    assert_null(strstr(test.err.message, "b\nc"));
    setup.secret_key = "b";
    setup.region = "evil.example/";
    assert_int_equal(kist_aws_new(&test.host, &setup, &aws, &test.err), KIST_ERR_CONFIG);
    setup.region = NULL;
    assert_int_equal(kist_aws_new(&test.host, &setup, &aws, &test.err), 0);
    assert_null(kist_aws_region(aws));
    const struct kist_aws_sign request = {.method = "GET", .url = SUITE "/"};
    struct kist_aws_headers headers;
    assert_int_equal(kist_aws_sign(aws, &request, &headers, &test.err), KIST_ERR_CONFIG);
    kist_aws_free(aws);
    setenv("AWS_DEFAULT_REGION", "eu-north-1", 1);
    assert_int_equal(kist_aws_new(&test.host, &setup, &aws, &test.err), 0);
    assert_string_equal(kist_aws_region(aws), "eu-north-1");
    kist_aws_free(aws);
}

static void test_endpoints(void **state)
{
    (void)state;
    write_file("config", "[default]\nendpoint_url = http://profile\nservices = mine\n"
                         "[services mine]\ns3 =\n  addressing_style = path\n  endpoint_url = http://nested\n");
    const struct {
        const char *service, *general, *own, *ignore, *expected;
    } cases[] = {
        {"s3", NULL, NULL, NULL, "http://nested"},
        {"rds", NULL, NULL, NULL, "http://profile"},
        {"s3", "http://all", NULL, NULL, "http://all"},
        {"s3", "http://all", "http://own", NULL, "http://own"},
        {"rds", "http://all", "http://own", NULL, "http://all"},
        {"s3", "http://all", NULL, "true", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        set_env("AWS_ENDPOINT_URL", cases[i].general);
        set_env("AWS_ENDPOINT_URL_S3", cases[i].own);
        set_env("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", cases[i].ignore);
        struct kist_aws *aws = new_aws(cases[i].service, "a", "b", NULL);
        if (cases[i].expected)
            assert_string_equal(kist_aws_endpoint(aws), cases[i].expected);
        else
            assert_null(kist_aws_endpoint(aws));
        kist_aws_free(aws);
    }
}

static void test_clock(void **state)
{
    (void)state;
    struct kist_aws *aws = new_aws("s3", "a", "b", NULL);
    struct kist_http_reply reply = {.status = 403, .date_ms = BUCKET_TIME + 20 * INT64_C(60000)};
    const struct kist_aws_sign request = {.method = "GET", .url = BUCKET "/"};
    struct kist_aws_headers headers;
    now = BUCKET_TIME;
    assert_int_equal(kist_aws_learn(aws, &reply, "NoSuchKey"), 0);
    assert_int_equal(kist_aws_learn(aws, &reply, "InvalidAccessKeyId"), 0);
    assert_null(test.log);
    assert_int_equal(kist_aws_learn(aws, &reply, "RequestTimeTooSkewed"), 1);
    assert_non_null(strstr(test.log, "the clock of this machine is 20 minutes behind the server's"));
    assert_int_equal(kist_aws_sign(aws, &request, &headers, &test.err), 0);
    assert_string_equal(added(&headers, "x-amz-date"), "20130524T002000Z");
    kist_aws_headers_done(&headers);
    /* Told once, learned again: also from a HEAD, which has no code. */
    size_t told = test.log_size;
    reply.date_ms = BUCKET_TIME - 10 * INT64_C(60000);
    assert_int_equal(kist_aws_learn(aws, &reply, ""), 1);
    assert_int_equal(test.log_size, told);
    assert_int_equal(kist_aws_sign(aws, &request, &headers, &test.err), 0);
    assert_string_equal(added(&headers, "x-amz-date"), "20130523T235000Z");
    kist_aws_headers_done(&headers);
    kist_aws_free(aws);
}

/* A wrong secret is not a wrong clock, and a reply without a date teaches nothing. */
static void test_clock_is_right(void **state)
{
    (void)state;
    struct kist_aws *aws = new_aws("s3", "a", "b", NULL);
    struct kist_http_reply reply = {.status = 403, .date_ms = BUCKET_TIME + INT64_C(240000)};
    now = BUCKET_TIME;
    assert_int_equal(kist_aws_learn(aws, &reply, "SignatureDoesNotMatch"), 0);
    assert_int_equal(kist_aws_learn(aws, &reply, "AccessDenied"), 0);
    assert_int_equal(kist_aws_learn(aws, &reply, ""), 0);
    reply.date_ms = 0;
    assert_int_equal(kist_aws_learn(aws, &reply, "RequestTimeTooSkewed"), 0);
    reply.date_ms = BUCKET_TIME + INT64_C(86400000);
    reply.status = 404;
    assert_int_equal(kist_aws_learn(aws, &reply, ""), 0);
    reply.status = 403;
    /* Keys of the section cannot be fetched anew. */
    assert_int_equal(kist_aws_learn(aws, &reply, "ExpiredToken"), 0);
    assert_int_equal(kist_aws_learn(aws, &reply, "SignatureDoesNotMatch"), 1);
    kist_aws_free(aws);
}

static void *sign_many(void *data)
{
    struct kist_aws *aws = data;
    const struct kist_aws_sign request = {.method = "GET", .url = BUCKET "/"};
    for (int i = 0; i < 200; i++) {
        struct kist_aws_headers headers;
        struct kist_error err = {.struct_size = sizeof err};
        const struct kist_http_reply reply = {.status = 403, .date_ms = BUCKET_TIME};
        if (kist_aws_sign(aws, &request, &headers, &err))
            return "failed";
        kist_aws_headers_done(&headers);
        (void)kist_aws_learn(aws, &reply, "AccessDenied");
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    now = BUCKET_TIME;
    struct kist_aws *aws = new_aws("s3", "a", "b", NULL);
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, sign_many, aws), 0);
    for (size_t i = 0; i < 4; i++) {
        void *failed = NULL;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    kist_aws_free(aws);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_suite),    TEST(test_s3),        TEST(test_kept_key), TEST(test_bad_urls),
        TEST(test_settings), TEST(test_endpoints), TEST(test_clock),    TEST(test_clock_is_right),
        TEST(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
