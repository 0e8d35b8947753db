/* aws_profile_test.c - the shared configuration files: every form they come in, and what is refused. */
#include "aws_tools.h"

static struct aws_profiles profiles;

static void read_config(const char *text)
{
    write_file("config", text);
    aws_profiles_done(&profiles);
    assert_int_equal(aws_profiles_read(&test.host, &profiles, &test.err), 0);
}

static void check_value(const char *profile, const char *key, const char *expected)
{
    const char *value = aws_profile_value(&profiles, profile, key);
    if (!expected)
        assert_null(value);
    else
        assert_string_equal(value, expected);
}

static int end(void **state)
{
    aws_profiles_done(&profiles);
    return teardown(state);
}

static void test_missing(void **state)
{
    (void)state;
    assert_int_equal(aws_profiles_read(&test.host, &profiles, &test.err), 0);
    assert_int_equal(aws_profile_exists(&profiles, "default"), 0);
    aws_profiles_done(&profiles);
    /* Nor need there be a home. */
    set_env("HOME", NULL);
    set_env("AWS_CONFIG_FILE", NULL);
    set_env("AWS_SHARED_CREDENTIALS_FILE", "~/none");
    assert_int_equal(aws_profiles_read(&test.host, &profiles, &test.err), 0);
    assert_null(profiles.config_path);
}

static void test_forms(void **state)
{
    (void)state;
    read_config("\xef\xbb\xbf# a comment\r\n; another\r\n\r\n[default]\r\n  \r\nregion=eu-west-1\r\n"
                "[profile  one ]\r\nRegion = eu-west-2  \r\n   # inside\r\nrole_arn=arn:aws:iam::1:role/r=x\r\n"
                "[profile \"with space\"] ; behind\nregion=eu-west-3\n[two]\nregion = ignored\nnonsense\n"
                "[sso-session one]\nregion = ignored\n[profile empty]\nregion =\n[profile one]\nlast = here");
    check_value("default", "region", "eu-west-1");
    check_value("one", "region", "eu-west-2");
    check_value("one", "role_arn", "arn:aws:iam::1:role/r=x");
    check_value("with space", "region", "eu-west-3");
    check_value("two", "region", NULL);
    check_value("empty", "region", NULL);
    check_value("one", "last", "here");
    assert_int_equal(aws_profile_exists(&profiles, "empty"), 1);
    assert_int_equal(aws_profile_exists(&profiles, "two"), 0);
    assert_int_equal(aws_profile_exists(&profiles, "sso-session one"), 0);
}

static void test_nested(void **state)
{
    (void)state;
    read_config("[profile x]\ns3 =\n  region = nested\n\tendpoint_url = http://n = m\nregion = own\n"
                "[services y]\ns3 =\n endpoint_url = http://s\n");
    check_value("x", "region", "own");
    check_value("x", "endpoint_url", NULL);
    char *nested = aws_profile_nested(&profiles, AWS_IN_CONFIG, "x", "s3", "endpoint_url");
    assert_string_equal(nested, "http://n = m");
    free(nested);
    assert_null(aws_profile_nested(&profiles, AWS_IN_CONFIG, "x", "s3", "none"));
    assert_null(aws_profile_nested(&profiles, AWS_IN_SERVICES, "x", "s3", "endpoint_url"));
    nested = aws_profile_nested(&profiles, AWS_IN_SERVICES, "y", "s3", "endpoint_url");
    assert_string_equal(nested, "http://s");
    free(nested);
}

static void test_precedence(void **state)
{
    (void)state;
    write_file("credentials", "[x]\nregion = credentials\n[profile z]\nregion = odd\n");
    read_config("[profile x]\nregion = first\nregion = config\n");
    check_value("x", "region", "credentials");
    assert_string_equal(aws_profile_get(&profiles, AWS_IN_CONFIG, "x", "region"), "config");
    /* In this file the word is part of the name. */
    check_value("z", "region", NULL);
    check_value("profile z", "region", "odd");
}

static void test_home(void **state)
{
    (void)state;
    set_env("AWS_CONFIG_FILE", "~/config");
    read_config("[default]\nregion = home\n");
    check_value("default", "region", "home");
}

static void refused(const char *text, size_t size, const char *expected)
{
    struct aws_profiles none = {.values = NULL};
    write_bytes("config", text, size);
    assert_int_equal(aws_profiles_read(&test.host, &none, &test.err), KIST_ERR_CONFIG);
    assert_non_null(strstr(test.err.message, expected));
    assert_non_null(strstr(test.err.message, path_of("config")));
    assert_null(none.values);
}

static void test_refused_lines(void **state)
{
    (void)state;
#define REFUSED(text, expected) refused(text, sizeof(text) - 1, expected)
    REFUSED("region = x\n", ":1: a setting before");
    REFUSED("[default]\n\nSECRETWORD\n", ":3: neither");
    assert_null(strstr(test.err.message, "SECRETWORD"));
    REFUSED("[default]\n= x\n", ":2: neither");
    REFUSED("[default\nregion = x\n", ":1: a section without ']'");
    REFUSED("[]\n", ":1: a section without a name");
    REFUSED("[profile \"\"]\n", ":1: a section without a name");
    REFUSED("[default]\nregion = a\0b\n", "zero byte");
}

static void test_refused_sizes(void **state)
{
    (void)state;
    size_t size = (size_t)5 << 20;
    char *text = malloc(size);
    assert_non_null(text);
    memset(text, 'x', size);
    memcpy(text, "[default]\nregion = ", 19);
    refused(text, (size_t)1 << 20, ":2: a line of more than 64 KiB");
    refused(text, size, "is larger than");
    free(text);
}

static void test_refused_files(void **state)
{
    (void)state;
    struct aws_profiles none = {.values = NULL};
    refused("\xff\xfe[\0d\0", 6, "not text");
    write_file("config", "[default]\n");
    assert_int_equal(chmod(path_of("config"), 0666), 0);
    assert_int_equal(aws_profiles_read(&test.host, &none, &test.err), KIST_ERR_CONFIG);
    assert_non_null(strstr(test.err.message, "can be written by other users"));
    assert_non_null(test.err.hint);
    assert_int_equal(unlink(path_of("config")), 0);
    assert_int_equal(mkdir(path_of("config"), 0700), 0);
    assert_int_equal(aws_profiles_read(&test.host, &none, &test.err), KIST_ERR_CONFIG);
    assert_non_null(strstr(test.err.message, "not a regular file"));
    assert_int_equal(rmdir(path_of("config")), 0);
    /* A pipe that nobody writes to does not hold us up. */
    assert_int_equal(mkfifo(path_of("config"), 0600), 0);
    assert_int_equal(aws_profiles_read(&test.host, &none, &test.err), KIST_ERR_CONFIG);
}

static void test_times(void **state)
{
    (void)state;
    assert_int_equal(aws_time("2027-01-01T00:00:00Z"), INT64_C(1798761600000));
    assert_int_equal(aws_time("2027-01-01T00:00:00.123456+00:00"), INT64_C(1798761600000));
    assert_int_equal(aws_time("2027-01-01T01:30:00+0130"), INT64_C(1798761600000));
    assert_int_equal(aws_time("2026-12-31T23:00:00-01:00"), INT64_C(1798761600000));
    static const char *const bad[] = {"",
                                      "2027-01-01",
                                      "2027-01-01T00:00:00",
                                      "2027-01-01T00:00:00Zx",
                                      "2027-13-01T00:00:00Z",
                                      "2027-01-01T00:00:00+1",
                                      "1969-01-01T00:00:00Z",
                                      "soon",
                                      NULL};
    for (const char *const *text = bad; *text; text++)
        assert_int_equal(aws_time(*text), -1);
}

static void check_words(const char *text, const char *const *expected)
{
    char **words = NULL;
    assert_int_equal(aws_split_words(text, &words), 1);
    size_t i = 0;
    for (; expected[i]; i++)
        assert_string_equal(words[i], expected[i]);
    assert_null(words[i]);
    free(words);
}

static void test_words(void **state)
{
    (void)state;
    check_words("", (const char *const[]){NULL});
    check_words("  a\tb ", (const char *const[]){"a", "b", NULL});
    check_words("a b c d e", (const char *const[]){"a", "b", "c", "d", "e", NULL});
    check_words("/a\\ b 'c \"d' \"e \\\"f \\\\ \\g\" ''",
                (const char *const[]){"/a b", "c \"d", "e \"f \\ \\g", "", NULL});
    check_words("$HOME `x` ;|&", (const char *const[]){"$HOME", "`x`", ";|&", NULL});
    check_words("end\\", (const char *const[]){"end\\", NULL});
    char **words = NULL;
    assert_int_equal(aws_split_words("a 'b", &words), 0);
    assert_int_equal(aws_split_words("\"\\\"", &words), 0);
}

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_missing), TEST(test_forms),         TEST(test_nested),        TEST(test_precedence),
        TEST(test_home),    TEST(test_refused_lines), TEST(test_refused_sizes), TEST(test_refused_files),
        TEST(test_times),   TEST(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
