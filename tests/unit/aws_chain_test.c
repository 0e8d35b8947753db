/* aws_chain_test.c - in which order credentials are looked for, and the roles that a profile can name. */
#include "aws_chain_tools.h"

static void test_order(void **state)
{
    (void)state;
    write_file("credentials", "[default]\naws_access_key_id = file\naws_secret_access_key = s\n[p]\n"
                              "aws_access_key_id = named\naws_secret_access_key = s2\naws_session_token = t2\n");
    set_env("AWS_ACCESS_KEY_ID", "env");
    set_env("AWS_SECRET_ACCESS_KEY", "env-secret");
    make(NULL, "option");
    check_key("option");
    make(NULL, NULL);
    check_key("env");
    make("p", NULL);
    check_key("named");
    set_env("AWS_PROFILE", "p");
    make(NULL, NULL);
    check_key("named");
    set_env("AWS_PROFILE", NULL);
    set_env("AWS_ACCESS_KEY_ID", NULL);
    make(NULL, NULL);
    check_key("file");
    assert_string_equal(secrets, "option-secret;option-secret;env-secret;s2;t2;s2;t2;s;");
}

static void test_config_file_keys(void **state)
{
    (void)state;
    write_file("config", "[default]\naws_access_key_id = config\naws_secret_access_key = s\n");
    write_file("credentials", "[default]\nregion = eu-west-3\n");
    make(NULL, NULL);
    check_key("config");
    assert_string_equal(kist_aws_region(aws), "eu-west-1");
    /* Half a key is a mistake, not a reason to look elsewhere. */
    write_file("credentials", "[default]\naws_access_key_id = half\n");
    check_key("config");
    make(NULL, NULL);
    check_fails(KIST_ERR_AUTH, "has an aws_access_key_id, but no aws_secret_access_key");
    set_env("AWS_ACCESS_KEY_ID", "half");
    make(NULL, NULL);
    check_fails(KIST_ERR_AUTH, "$AWS_SECRET_ACCESS_KEY");
}

static void test_none(void **state)
{
    (void)state;
    make(NULL, NULL);
    check_fails(KIST_ERR_AUTH,
                "no AWS credentials: none in the section, none in the environment, none in the profile "
                "'default', no container, and the instance metadata service is switched off");
    assert_non_null(test.err.hint);
    assert_int_equal(test.err.retryable, 0);
    struct kist_aws *none = NULL;
    const struct kist_aws_setup with = {.profile = "absent", .service = "s3"};
    assert_int_equal(kist_aws_new(&test.host, &with, &none, &test.err), KIST_ERR_CONFIG);
    assert_non_null(strstr(test.err.message, "no AWS profile 'absent' in '"));
    /* Left over in the environment it matters only where it is needed. */
    set_env("AWS_PROFILE", "absent");
    make(NULL, "option");
    check_key("option");
}

static void test_sso(void **state)
{
    (void)state;
    write_file("config", "[profile s]\nsso_session = x\n");
    make("s", NULL);
    check_fails(KIST_ERR_AUTH, "the AWS profile 's' uses single sign-on, which is not supported here");
    assert_non_null(strstr(test.err.hint, "aws configure export-credentials --profile s --format process"));
}

/* ---- roles ---- */

static void test_role(void **state)
{
    (void)state;
    write_file("config",
               "[profile r]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = base\nexternal_id = x id\n"
               "role_session_name = me\nduration_seconds = 900\n");
    write_file("credentials", "[base]\naws_access_key_id = base\naws_secret_access_key = s\n");
    EXPECT({"POST", STS, 200, ROLE_REPLY("AssumeRole", "role")});
    make("r", NULL);
    check_key("role");
    assert_non_null(strstr(asked[0], "proxy\nPOST"));
    assert_non_null(strstr(asked[0], "content-type: application/x-www-form-urlencoded; charset=utf-8\n"));
    assert_non_null(strstr(asked[0],
                           "authorization: AWS4-HMAC-SHA256 Credential=base/20261121/eu-west-1/sts/aws4_request, "
                           "SignedHeaders=content-type;host;x-amz-date, Signature="));
    assert_non_null(strstr(asked[0],
                           "\n\nAction=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr&"
                           "RoleSessionName=me&ExternalId=x%20id&DurationSeconds=900"));
    assert_string_equal(secrets, "s;role-secret;role-token;");
}

static void test_role_chain(void **state)
{
    (void)state;
    write_file("config", "[profile a]\nrole_arn = A\nsource_profile = b\n[profile b]\nrole_arn = B\n"
                         "credential_source = Environment\n[profile self]\nrole_arn = S\nsource_profile = self\n"
                         "aws_access_key_id = own\naws_secret_access_key = s\n");
    set_env("AWS_ACCESS_KEY_ID", "env");
    set_env("AWS_SECRET_ACCESS_KEY", "s");
    set_env("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1");
    EXPECT({"POST", "http://127.0.0.1:1/", 200, ROLE_REPLY("AssumeRole", "b")},
           {"POST", "http://127.0.0.1:1/", 200, ROLE_REPLY("AssumeRole", "a")});
    make("a", NULL);
    check_key("a");
    assert_non_null(strstr(asked[0], "Credential=env/"));
    assert_non_null(strstr(asked[0], "RoleArn=B&RoleSessionName=kist-1795245514"));
    assert_non_null(strstr(asked[1], "Credential=b/"));
    assert_non_null(strstr(asked[1], "x-amz-security-token: b-token\n"));
    EXPECT({"POST", "http://127.0.0.1:1/", 200, ROLE_REPLY("AssumeRole", "self-role")});
    make("self", NULL);
    check_key("self-role");
    assert_non_null(strstr(asked[0], "Credential=own/"));
}

static void test_role_mistakes(void **state)
{
    (void)state;
    write_file("config",
               "[profile a]\nrole_arn = A\nsource_profile = b\n[profile b]\nrole_arn = B\nsource_profile = a\n"
               "[profile c]\nrole_arn = C\n[profile d]\nrole_arn = D\nsource_profile = none\n"
               "[profile e]\nrole_arn = E\nsource_profile = empty\n[profile empty]\n"
               "[profile f]\nrole_arn = F\ncredential_source = Moon\n"
               "[profile g]\nrole_arn = G\ncredential_source = Environment\n"
               "[profile h]\nrole_arn = H\ncredential_source = Environment\nmfa_serial = m\n"
               "[profile i]\nrole_arn = I\ncredential_source = Environment\nsource_profile = a\n"
               "[profile j]\nrole_arn = J\ncredential_source = Ec2InstanceMetadata\n"
               "[profile k]\nrole_arn = K\nsource_profile = l\nduration_seconds = 1h\n[profile l]\n"
               "aws_access_key_id = l\naws_secret_access_key = s\n");
    static const struct {
        const char *profile, *words;
    } cases[] = {{"a", "the AWS profile 'a' is its own source_profile in the end"},
                 {"c", "needs either a source_profile or a credential_source"},
                 {"d", "names the source_profile 'none', which does not exist"},
                 {"e", "the AWS profile 'empty' holds no credentials"},
                 {"f", "credential_source that is none of"},
                 {"g", "has credential_source = Environment, where there are no credentials"},
                 {"h", "mfa_serial"},
                 {"i", "needs either"},
                 {"j", "the instance metadata service is switched off"},
                 {"k", "duration_seconds"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        make(cases[i].profile, NULL);
        check_fails(KIST_ERR_AUTH, cases[i].words);
    }
}

static void test_role_refused(void **state)
{
    (void)state;
    write_file("config", "[profile r]\nrole_arn = R\nsource_profile = b\n[profile b]\naws_access_key_id = b\n"
                         "aws_secret_access_key = s\n");
    make("r", NULL);
    EXPECT({"POST", STS, 403, "<E><Error><Code>AccessDenied</Code><Message>not you</Message></Error></E>"});
    check_fails(KIST_ERR_AUTH, "cannot assume the AWS role 'R': status 403: AccessDenied: not you");
    EXPECT({"POST", STS, 400, "<E><Error><Code>ValidationError</Code></Error></E>"});
    check_fails(KIST_ERR_AUTH, "ValidationError");
    EXPECT({"POST", STS, 400, "<E><Error><Code>IDPCommunicationError</Code></Error></E>"});
    check_fails(KIST_ERR_UNAVAILABLE, "IDPCommunicationError");
    EXPECT({"POST", STS, 503, "later"});
    check_fails(KIST_ERR_UNAVAILABLE, "503: later");
    EXPECT({"POST", STS, .code = KIST_ERR_TIMEOUT});
    check_fails(KIST_ERR_TIMEOUT, "no answer");
    EXPECT({"POST", STS, .code = KIST_ERR_CANCELLED});
    check_fails(KIST_ERR_CANCELLED, "no answer");
    EXPECT({"POST", STS, 200, "<html>"});
    assert_null(key_used());
    EXPECT({"POST", STS, 200, "<A><AssumeRoleResult/></A>"});
    check_fails(KIST_ERR_AUTH, "STS gave no credentials for the role 'R'");
    EXPECT({"POST", STS, 200, ROLE_REPLY("AssumeRole", "line\nbreak")});
    check_fails(KIST_ERR_AUTH, "characters that no key has");
}

static void test_role_clock(void **state)
{
    (void)state;
    write_file("config", "[profile r]\nrole_arn = R\nsource_profile = b\n[profile b]\naws_access_key_id = b\n"
                         "aws_secret_access_key = s\n");
    make("r", NULL);
    EXPECT({"POST", STS, 403, "<E><Error><Code>SignatureDoesNotMatch</Code></Error></E>", 0,
            INT64_C(1795245514000) - 30 * MINUTE},
           {"POST", STS, 200, ROLE_REPLY("AssumeRole", "role")});
    check_key("role");
    assert_non_null(strstr(asked[0], "x-amz-date: 20261121T071834Z"));
    assert_non_null(strstr(asked[1], "x-amz-date: 20261121T064834Z"));
    assert_non_null(strstr(test.log, "30 minutes ahead of"));
}

static void test_web_identity(void **state)
{
    (void)state;
    write_file("token", "jwt.tok.en\n");
    set_env("AWS_WEB_IDENTITY_TOKEN_FILE", path_of("token"));
    make(NULL, NULL);
    check_fails(KIST_ERR_AUTH, "$AWS_ROLE_ARN");
    set_env("AWS_ROLE_ARN", "arn:aws:iam::1:role/r");
    set_env("AWS_ROLE_SESSION_NAME", "sess");
    EXPECT({"POST", STS, 200, ROLE_REPLY("AssumeRoleWithWebIdentity", "web")});
    check_key("web");
    assert_null(strstr(asked[0], "authorization"));
    assert_non_null(strstr(asked[0],
                           "\n\nAction=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1"
                           "%3Arole%2Fr&RoleSessionName=sess&WebIdentityToken=jwt.tok.en"));
    /* A profile that is named has its own, or none. */
    char config[256];
    snprintf(config, sizeof config, "[profile w]\nrole_arn = W\nweb_identity_token_file = %s\n[profile n]\n",
             path_of("token"));
    write_file("config", config);
    EXPECT({"POST", STS, 200, ROLE_REPLY("AssumeRoleWithWebIdentity", "web")});
    make("w", NULL);
    check_key("web");
    assert_non_null(strstr(asked[0], "RoleArn=W&RoleSessionName=kist-1795245514&"));
    make("n", NULL);
    expect_exchanges(NULL, 0);
    check_fails(KIST_ERR_AUTH, "no AWS credentials");
    assert_int_equal(unlink(path_of("token")), 0);
    make("w", NULL);
    check_fails(KIST_ERR_AUTH, "cannot read '");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_order),      TEST(test_config_file_keys), TEST(test_none),          TEST(test_sso),
        TEST(test_role),       TEST(test_role_chain),       TEST(test_role_mistakes), TEST(test_role_refused),
        TEST(test_role_clock), TEST(test_web_identity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
