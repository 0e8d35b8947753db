/* aws_fetch_test.c - credentials of containers, instances and processes, and when they are fetched again. */
#include "aws_chain_tools.h"

/* ---- container and instance ---- */

static void test_container(void **state)
{
    (void)state;
    set_env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/creds");
    EXPECT({"GET", "http://169.254.170.2/v2/creds", 200, JSON_REPLY("ecs", "2027-01-01T00:00:00Z")});
    make(NULL, NULL);
    check_key("ecs");
    assert_non_null(strstr(asked[0], "no proxy\n"));
    assert_null(strstr(asked[0], "authorization"));
    set_env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", NULL);
    set_env("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1");
    set_env("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Bearer abc");
    EXPECT({"GET", "http://169.254.170.23/v1", 200, JSON_REPLY("eks", "2027-01-01T00:00:00Z")});
    make(NULL, NULL);
    check_key("eks");
    assert_non_null(strstr(asked[0], "authorization: Bearer abc\n"));
    write_file("token", "fresh\n");
    set_env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", path_of("token"));
    EXPECT({"GET", "http://169.254.170.23/v1", 200, JSON_REPLY("eks", "2027-01-01T00:00:00Z")});
    make(NULL, NULL);
    check_key("eks");
    assert_non_null(strstr(asked[0], "authorization: fresh\n"));
    EXPECT({"GET", "http://169.254.170.23/v1", 404, "no such role"});
    make(NULL, NULL);
    check_fails(KIST_ERR_AUTH, "cannot get AWS credentials from the container's service: status 404");
}

static void test_container_hosts(void **state)
{
    (void)state;
    static const char *const good[] = {"http://localhost:81/c", "http://127.9.9.9/c",      "http://[::1]:81/c",
                                       "https://example.com/c", "http://[fd00:ec2::23]/c", NULL};
    static const char *const bad[] = {"http://example.com/c",    "http://169.254.170.2.example.com/c",
                                      "http://127.0.0.1.evil/c", "http://127.0.0.1@evil/c",
                                      "ftp://127.0.0.1/c",       "/c",
                                      "http://128.0.0.1/c",      NULL};
    for (const char *const *url = good; *url; url++) {
        const struct exchange each = {"GET", *url, 200, JSON_REPLY("c", "2027-01-01T00:00:00Z")};
        set_env("AWS_CONTAINER_CREDENTIALS_FULL_URI", *url);
        expect_exchanges(&each, 1);
        make(NULL, NULL);
        check_key("c");
    }
    expect_exchanges(NULL, 0);
    for (const char *const *url = bad; *url; url++) {
        set_env("AWS_CONTAINER_CREDENTIALS_FULL_URI", *url);
        make(NULL, NULL);
        check_fails(KIST_ERR_AUTH, "$AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor");
    }
}

#define IMDS "http://169.254.169.254/latest/"
#define IMDS_ROLES IMDS "meta-data/iam/security-credentials/"

static void test_instance(void **state)
{
    (void)state;
    set_env("AWS_EC2_METADATA_DISABLED", "false");
    EXPECT({"PUT", IMDS "api/token", 200, "TOKEN"}, {"GET", IMDS_ROLES, 200, "my/role"},
           {"GET", IMDS_ROLES "my%2Frole", 200, JSON_REPLY("ec2", "2027-01-01T00:00:00Z")});
    make(NULL, NULL);
    check_key("ec2");
    assert_non_null(strstr(asked[0], "no proxy\n"));
    assert_non_null(strstr(asked[0], "x-aws-ec2-metadata-token-ttl-seconds: 21600\n"));
    assert_non_null(strstr(asked[2], "x-aws-ec2-metadata-token: TOKEN\n"));
    check_key("ec2");
    set_env("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:9/");
    EXPECT({"PUT", "http://127.0.0.1:9/latest/api/token", .code = KIST_ERR_TIMEOUT});
    make(NULL, NULL);
    check_fails(KIST_ERR_AUTH, "no answer from the instance metadata service at 'http://127.0.0.1:9/'");
    set_env("AWS_EC2_METADATA_SERVICE_ENDPOINT", NULL);
    EXPECT({"PUT", IMDS "api/token", .code = KIST_ERR_CANCELLED});
    make(NULL, NULL);
    check_fails(KIST_ERR_CANCELLED, "no answer");
    EXPECT({"PUT", IMDS "api/token", 403, "off"});
    make(NULL, NULL);
    check_fails(KIST_ERR_AUTH, "(status 403)");
    EXPECT({"PUT", IMDS "api/token", 200, "TOKEN"}, {"GET", IMDS_ROLES, 404, "none"});
    make(NULL, NULL);
    check_fails(KIST_ERR_AUTH, "no role on this instance");
    EXPECT({"PUT", IMDS "api/token", 200, "TOKEN"}, {"GET", IMDS_ROLES, 500, "busy"});
    make(NULL, NULL);
    check_fails(KIST_ERR_UNAVAILABLE, "cannot get AWS credentials from the instance metadata service");
}

static void test_wrong_json(void **state)
{
    (void)state;
    char deep[300] = "";
    memset(deep, '[', 200);
    const struct {
        const char *body, *words;
    } cases[] = {
        {"", "not a JSON object"},
        {"<html>", "not a JSON object"},
        {"[]", "not a JSON object"},
        {deep, "more than 64 levels"},
        {"{\"AccessKeyId\": \"a\"}", "no \"AccessKeyId\" and"},
        {"{\"AccessKeyId\": 1, \"SecretAccessKey\": \"s\"}", "no \"AccessKeyId\" and"},
        {"{\"AccessKeyId\": \"a\", \"AccessKeyId\": \"b\", \"SecretAccessKey\": \"s\"}", "not a JSON object"},
        {"{\"Code\": \"Failed\", \"AccessKeyId\": \"a\", \"SecretAccessKey\": \"s\"}", "\"Code\""},
        {JSON_REPLY("a", "soon"), "a time that is none"},
        {"{\"AccessKeyId\": \"a\", \"SecretAccessKey\": \"s\", \"Expiration\": 5}", "\"Expiration\""},
        {"{\"AccessKeyId\": \"a/\\r\\nX: y\", \"SecretAccessKey\": \"s\"}", "characters that no key has"},
        {"{\"AccessKeyId\": \"\", \"SecretAccessKey\": \"s\"}", "empty"},
        {JSON_REPLY("a", "2026-11-21T07:18:00Z"), "have expired already"}};
    set_env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/");
    make(NULL, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct exchange each = {"GET", "http://169.254.170.2/", 200, cases[i].body};
        expect_exchanges(&each, 1);
        check_fails(KIST_ERR_AUTH, cases[i].words);
    }
}

/* ---- again ---- */

#define CONTAINER "http://169.254.170.2/"

static void test_refresh(void **state)
{
    (void)state;
    set_env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/");
    make(NULL, NULL);
    EXPECT({"GET", CONTAINER, 200, JSON_REPLY("one", "2026-11-21T08:18:34Z")},
           {"GET", CONTAINER, .code = KIST_ERR_UNAVAILABLE},
           {"GET", CONTAINER, 200, JSON_REPLY("two", "2026-11-21T09:18:34Z")});
    assert_string_equal(key_used(), "one");
    /* An hour long: still good after 44 minutes; after 46 new ones are wanted, and the old ones do while there are none. */
    now += 44 * MINUTE;
    monotonic += 44 * MINUTE;
    assert_string_equal(key_used(), "one");
    assert_int_equal(exchange_next, 1);
    now += 2 * MINUTE;
    monotonic += 2 * MINUTE;
    assert_string_equal(key_used(), "one");
    assert_int_equal(exchange_next, 2);
    assert_non_null(strstr(test.log, "could not be renewed and are good for 14 more minutes: cannot get"));
    /* Not with every request. */
    assert_string_equal(key_used(), "one");
    assert_int_equal(exchange_next, 2);
    monotonic += MINUTE;
    assert_string_equal(key_used(), "two");
    assert_int_equal(exchange_next, 3);
}

static void test_refresh_fails(void **state)
{
    (void)state;
    set_env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/");
    make(NULL, NULL);
    EXPECT({"GET", CONTAINER, 200, JSON_REPLY("one", "2026-11-21T08:18:34Z")},
           {"GET", CONTAINER, .code = KIST_ERR_UNAVAILABLE});
    assert_string_equal(key_used(), "one");
    now += 51 * MINUTE;
    monotonic += 51 * MINUTE;
    check_fails(KIST_ERR_UNAVAILABLE, "no answer");
    assert_int_equal(test.err.retryable, 1);
}

static void test_expired(void **state)
{
    (void)state;
    const struct kist_http_reply reply = {.status = 400};
    set_env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/");
    make(NULL, NULL);
    EXPECT({"GET", CONTAINER, 200, JSON_REPLY("one", "2027-01-01T00:00:00Z")},
           {"GET", CONTAINER, 200, JSON_REPLY("two", "2027-01-01T00:00:00Z")});
    assert_string_equal(key_used(), "one");
    assert_int_equal(kist_aws_learn(aws, &reply, "ExpiredToken"), 1);
    check_key("two");
    /* Files may have been written anew by whoever renews them. */
    set_env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", NULL);
    expect_exchanges(NULL, 0);
    write_file("credentials",
               "[default]\naws_access_key_id = old\naws_secret_access_key = s\naws_session_token = t\n");
    make(NULL, NULL);
    check_key("old");
    write_file("credentials",
               "[default]\naws_access_key_id = new\naws_secret_access_key = s\naws_session_token = t\n");
    check_key("old");
    assert_int_equal(kist_aws_learn(aws, &reply, "ExpiredTokenException"), 1);
    check_key("new");
}

static void sign_with(char *ret_authorization, size_t size)
{
    const struct kist_aws_sign request = {.method = "GET", .url = "https://b.example/"};
    struct kist_aws_headers headers;
    assert_int_equal(kist_aws_sign(aws, &request, &headers, &test.err), 0);
    snprintf(ret_authorization, size, "%s", headers.items[headers.count - 1].value);
    kist_aws_headers_done(&headers);
}

/* A new secret under the same name on the same day: the kept signing key must not be used. */
static void test_new_secret(void **state)
{
    (void)state;
    char one[400], two[400];
    const struct kist_http_reply reply = {.status = 400};
    write_file("credentials", "[default]\naws_access_key_id = k\naws_secret_access_key = one\n");
    make(NULL, NULL);
    sign_with(one, sizeof one);
    write_file("credentials", "[default]\naws_access_key_id = k\naws_secret_access_key = two\n");
    assert_int_equal(kist_aws_learn(aws, &reply, "ExpiredToken"), 1);
    sign_with(two, sizeof two);
    assert_string_not_equal(one, two);
    make(NULL, NULL);
    sign_with(one, sizeof one);
    assert_string_equal(one, two);
}

/* ---- processes ---- */

static void use_process(const char *command, const char *script)
{
    char config[512];
    snprintf(config, sizeof config, "[profile p]\ncredential_process = %s\n", command);
    write_file("config", config);
    write_file("process", script);
    assert_int_equal(chmod(path_of("process"), 0700), 0);
    make("p", NULL);
}

static void test_process(void **state)
{
    (void)state;
    char command[256];
    set_env("PATH", "relative:/usr/bin:/bin");
    snprintf(command, sizeof command, "sh \"%s\" 'a  b' $HOME", path_of("process"));
    use_process(command,
                "test \"$1\" = 'a  b' && test \"$2\" = '$HOME' && test -n \"$HOME\" || exit 9\n"
                "echo '{\"Version\": 1, \"AccessKeyId\": \"proc\", \"SecretAccessKey\": \"s\", \"SessionToken\": "
                "\"t\", \"Expiration\": \"2026-11-21T09:18:34+00:00\"}'\n");
    check_key("proc");
    assert_string_equal(secrets, "s;t;");
}

static void test_process_fails(void **state)
{
    (void)state;
    char command[256];
    snprintf(command, sizeof command, "/bin/sh %s", path_of("process"));
    use_process(command, "echo 'not logged in' >&2; exit 3");
    check_fails(KIST_ERR_AUTH, "sh exited with status 3: not logged in");
    assert_string_equal(test.err.hint, "that is the credential_process of the AWS profile 'p'");
    use_process(command, "echo '{\"Version\": 2, \"AccessKeyId\": \"a\", \"SecretAccessKey\": \"s\"}'");
    check_fails(KIST_ERR_AUTH, "no \"Version\": 1");
    use_process(command, "echo hidden-secret");
    check_fails(KIST_ERR_AUTH, "the credential_process gave no AWS credentials: it is not a JSON object");
    assert_null(strstr(test.err.message, "hidden-secret"));
    use_process(command, "exec cat /dev/zero");
    check_fails(KIST_ERR_AUTH, "wrote more than 65536 bytes");
    use_process("kist-no-such-program x", "");
    check_fails(KIST_ERR_AUTH, "the credential_process 'kist-no-such-program' is not in $PATH");
    use_process("'unfinished", "");
    check_fails(KIST_ERR_AUTH, "a quote that does not end");
    use_process(home, "");
    check_fails(KIST_ERR_AUTH, "cannot run '");
}

static void test_process_cancelled(void **state)
{
    (void)state;
    use_process("sleep 60", "");
    kist_test_host_cancel(&test);
    assert_null(key_used());
    assert_int_equal(test.err.code, KIST_ERR_CANCELLED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_container), TEST(test_container_hosts), TEST(test_instance),          TEST(test_wrong_json),
        TEST(test_refresh),   TEST(test_refresh_fails),   TEST(test_expired),           TEST(test_new_secret),
        TEST(test_process),   TEST(test_process_fails),   TEST(test_process_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
