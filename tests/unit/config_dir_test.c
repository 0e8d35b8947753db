#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config_fixture.h"

static void a_missing_configuration_is_said(void **state)
{
    struct loaded *loaded = *state;
    expect_problem(loaded, "missing", "missing: the configuration cannot be read: No such file or directory");
    assert_non_null(strstr(loaded->problems.items[0].hint, "-c PATH"));
    assert_int_equal(mkdir("empty", 0700), 0);
    expect_problem(loaded, "empty", "empty: no *.ini file in this directory");
    assert_string_equal(loaded->problems.items[0].hint, "write a pipeline into a file such as empty/backup.ini");
    write_file("nothing.ini", "# nothing\n");
    expect_problem(loaded, "nothing.ini", "nothing.ini: there is no pipeline in this configuration");
}

static void what_is_no_file_is_refused(void **state)
{
    static const char *const messages[] = {
        "./b.ini: is a directory, not a file",
        "./c.ini: is a named pipe, not a file",
        "./d.ini: is a symbolic link to nothing",
        "./e.ini: is a device, not a file",
    };
    struct loaded *loaded = *state;
    write_file("a.ini", MINIMAL);
    assert_int_equal(mkdir("b.ini", 0700), 0);
    assert_int_equal(mkfifo("c.ini", 0600), 0);
    assert_int_equal(symlink("missing", "d.ini"), 0);
    assert_int_equal(symlink("/dev/zero", "e.ini"), 0);
    expect_problems(loaded, ".", messages, 4);
    expect_problem(loaded, "c.ini", "c.ini: is a named pipe, not a file");
}

static void links_to_files_are_followed(void **state)
{
    struct loaded *loaded = *state;
    write_file("real", MINIMAL);
    assert_int_equal(symlink("real", "a.ini"), 0);
    expect_config(loaded, ".");
}

static void others_must_not_write(void **state)
{
    struct loaded *loaded = *state;
    write_file("shop.ini", MINIMAL);
    assert_int_equal(chmod("shop.ini", 0666), 0);
    expect_problem(loaded, "shop.ini", "shop.ini: can be written by everybody (mode 0666)");
    assert_string_equal(loaded->problems.items[0].hint, "chmod go-w shop.ini");
    assert_int_equal(chmod("shop.ini", 0660), 0);
    expect_config(loaded, "shop.ini");
    assert_int_equal(chmod(".", 0777), 0);
    expect_problem(loaded, ".", ".: can be written by everybody (mode 0777)");
    if (geteuid() != 0)
        return;
    assert_int_equal(chown("shop.ini", 0, 12345), 0);
    expect_problem(loaded, "shop.ini", "shop.ini: can be written by another group (mode 0660)");
    assert_int_equal(chown("shop.ini", 12345, 0), 0);
    expect_problem(loaded, "shop.ini", "shop.ini: belongs to another user (uid 12345)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_missing_configuration_is_said, begin, end),
        cmocka_unit_test_setup_teardown(what_is_no_file_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(links_to_files_are_followed, begin, end),
        cmocka_unit_test_setup_teardown(others_must_not_write, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
