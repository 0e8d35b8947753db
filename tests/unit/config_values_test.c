#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bind_fixture.h"

static void references_are_expanded(void **state)
{
    struct bound *bound = *state;
    setenv("KIST_TEST_HOST", "${HOME}$$", 1);
    bind_source(bound, "[source db]\nhost = a$b$$c${KIST_TEST_HOST}$$${KIST_TEST_HOST}$\n");
    assert_int_equal(bound->problems.count, 0);
    assert_string_equal(bound->source.host, "a$b$c${HOME}$$$${HOME}$$$");
    unsetenv("KIST_TEST_HOST");
}

static void bad_references_are_refused(void **state)
{
    static const struct {
        const char *value, *message;
    } cases[] = {
        {"${KIST_TEST_UNSET}", "the environment variable 'KIST_TEST_UNSET' is not set"},
        {"x${", "'${' without '}'"},
        {"${KIST", "'${' without '}'"},
        {"${}", "what stands between '${' and '}' is not a name"},
        {"${1A}", "what stands between '${' and '}' is not a name"},
        {"${A B}", "what stands between '${' and '}' is not a name"},
        {"${cred:../x}", "what stands between '${' and '}' is not a name"},
        {"${cred:}", "what stands between '${' and '}' is not a name"},
        {"${cred:db}", "the credential 'db' is wanted, but CREDENTIALS_DIRECTORY is not set"},
    };
    struct bound *bound = *state;
    unsetenv("CREDENTIALS_DIRECTORY");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[256], message[256];
        snprintf(text, sizeof text, "[source db%zu]\nhost = %s\n", i, cases[i].value);
        snprintf(message, sizeof message, "a.ini:2: [source db%zu] host: %s", i, cases[i].message);
        bind_source(bound, text);
        expect_problem(bound, message, NULL);
    }
}

static void write_secret(const struct bound *bound, const char *text, mode_t mode)
{
    char path[64];
    snprintf(path, sizeof path, "%s/secret", bound->folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(chmod(path, mode), 0);
}

static void expect_redacted(const char *secret)
{
    char *clean = kist_redact(secret);
    assert_string_equal(clean, "***");
    free(clean);
}

static void credentials_are_read(void **state)
{
    struct bound *bound = *state;
    setenv("CREDENTIALS_DIRECTORY", bound->folder, 1);
    write_secret(bound, "canary-1\r\nsecond line\n", 0400);
    bind_source(bound, "[source db]\nhost = ${cred:secret}\n[source db2]\n");
    bind_source(bound, "[source db3]\nhost = <${cred:secret}>\n");
    assert_int_equal(bound->problems.count, 0);
    assert_string_equal(bound->source.host, "<canary-1>");
    expect_redacted("canary-1");
    bind_source(bound, "[source db4]\nhost = ${cred:missing}\n");
    assert_int_equal(bound->problems.count, 1);
    assert_non_null(
        strstr(bound->problems.items[0].message, "/missing': cannot be read: No such file or directory"));
    unsetenv("CREDENTIALS_DIRECTORY");
}

static void values_come_from_files(void **state)
{
    struct bound *bound = *state;
    char path[64];
    write_secret(bound, "canary-2\nsecond line\n", 0600);
    snprintf(path, sizeof path, "%s/a.ini", bound->folder);
    bound->file.path = path;
    bind_source(bound, "[source db]\nurl_file = secret\nhost_file = ./secret\n");
    assert_int_equal(bound->problems.count, 0);
    assert_string_equal(bound->source.url.reveal, "canary-2");
    assert_string_equal(bound->source.host, "canary-2");
    expect_redacted("canary-2");
}

static void bad_value_files_are_refused(void **state)
{
    struct bound *bound = *state;
    char path[64], text[256];
    write_secret(bound, "canary-3", 0644);
    snprintf(path, sizeof path, "%s/a.ini", bound->folder);
    bound->file.path = path;
    bind_source(bound, "[source db]\nurl_file = secret\n");
    assert_int_equal(bound->problems.count, 1);
    assert_non_null(
        strstr(bound->problems.items[0].message, "holds a secret and can be read by everybody (mode 0644)"));
    bind_source(bound, "[source db2]\nhost_file = secret\nport_file = secret\n");
    assert_int_equal(bound->problems.count, 1);
    assert_non_null(strstr(bound->problems.items[0].message,
                           "port_file: what the reference stands for is not an allowed number"));
    snprintf(text, sizeof text, "[source db3]\nurl = x\nurl_file = x\nhost_file = %s\nformat_file =\n",
             bound->folder);
    bind_source(bound, text);
    assert_int_equal(bound->problems.count, 3);
    assert_non_null(
        strstr(bound->problems.items[0].message, ":3: [source db3] url_file: given together with 'url' (line 2)"));
    assert_non_null(strstr(bound->problems.items[1].message, "is a directory, not a file"));
    assert_non_null(strstr(bound->problems.items[2].message, "format_file: no file is named"));
}

static void an_option_may_be_called_like_a_file(void **state)
{
    struct bound *bound = *state;
    bind(bound, &fake_destination, &bound->destination,
         "[destination d]\npath = /x\nkey = k\nkey_file = /nowhere\n");
    assert_int_equal(bound->problems.count, 0);
    assert_string_equal(bound->destination.key.reveal, "k");
    assert_string_equal(bound->destination.key_file, "/nowhere");
}

static void secrets_must_not_be_readable(void **state)
{
    static const struct {
        const char *value;
        size_t problems;
    } cases[] = {
        {"hunter2", 1},
        {"postgres://u:hunter2@h/db", 1},
        {"postgres://${KIST_TEST_VALUE}:hunter2@h/db", 1},
        {"host=h password=hunter2", 1},
        {"https://hooks.example.org/services/x", 1},
        {"postgres://h/db", 0},
        {"postgres://u:${KIST_TEST_VALUE}@h/db", 0},
        {"${KIST_TEST_VALUE}", 0},
        {"", 0},
    };
    struct bound *bound = *state;
    setenv("KIST_TEST_VALUE", "canary-4", 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (unsigned mode = 0600; mode <= 0644; mode += 040) {
            char text[256];
            bound->file.mode = mode;
            snprintf(text, sizeof text, "[source db%zu-%o]\nurl = %s\n", i, mode, cases[i].value);
            bind_source(bound, text);
            assert_int_equal(bound->problems.count, mode == 0600 ? 0 : cases[i].problems);
            if (bound->problems.count > 0) {
                assert_non_null(
                    strstr(bound->problems.items[0].message, "url: a secret in a file that others can read"));
                assert_non_null(strstr(bound->problems.items[0].hint, "chmod 600 a.ini"));
                assert_null(strstr(bound->problems.items[0].message, "hunter2"));
            }
        }
    }
    unsetenv("KIST_TEST_VALUE");
    bound->file.mode = 0644;
    bind_source(bound, "[source plain]\nhost = not a secret\n");
    assert_int_equal(bound->problems.count, 0);
}

static void a_comment_does_not_cut_a_secret(void **state)
{
    struct bound *bound = *state;
    setenv("KIST_TEST_VALUE", "canary-5", 1);
    bind_source(bound, "[source a]\nurl = hunter2 ;or more\n");
    expect_problem(bound,
                   "a.ini:2: [source a] url: a ';' after a blank begins a comment, so this secret may be cut off",
                   NULL);
    bind_source(bound, "[source b]\nurl = ${KIST_TEST_VALUE} ; from the environment\n");
    assert_int_equal(bound->problems.count, 0);
    bind_source(bound, "[source c]\nurl = hunter2;or more#x\n");
    assert_int_equal(bound->problems.count, 0);
    assert_string_equal(bound->source.url.reveal, "hunter2;or more#x");
    unsetenv("KIST_TEST_VALUE");
}

static void messages_hold_no_secret(void **state)
{
    struct bound *bound = *state;
    bind_source(bound, "[source a]\nurl = canary-6\nhost = ${canary-6}\nport = canary-6\n");
    for (size_t i = 0; i < bound->problems.count; i++)
        assert_null(strstr(bound->problems.items[i].message, "canary"));
    assert_int_equal(bound->problems.count, 2);
    setenv("KIST_TEST_VALUE", "canary-7", 1);
    bind_source(bound, "[source b]\nport = ${KIST_TEST_VALUE}\n");
    expect_problem(bound, "a.ini:2: [source b] port: what the reference stands for is not an allowed number",
                   NULL);
    setenv("KIST_TEST_VALUE", "\xff", 1);
    bind_source(bound, "[source c]\nhost = ${KIST_TEST_VALUE}\n");
    expect_problem(bound, "a.ini:2: [source c] host: the value is not valid UTF-8", NULL);
    unsetenv("KIST_TEST_VALUE");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(references_are_expanded, begin, end),
        cmocka_unit_test_setup_teardown(bad_references_are_refused, begin, end),
        cmocka_unit_test_setup_teardown(credentials_are_read, begin, end),
        cmocka_unit_test_setup_teardown(values_come_from_files, begin, end),
        cmocka_unit_test_setup_teardown(bad_value_files_are_refused, begin, end),
        cmocka_unit_test_setup_teardown(an_option_may_be_called_like_a_file, begin, end),
        cmocka_unit_test_setup_teardown(secrets_must_not_be_readable, begin, end),
        cmocka_unit_test_setup_teardown(a_comment_does_not_cut_a_secret, begin, end),
        cmocka_unit_test_setup_teardown(messages_hold_no_secret, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
