/* dump_words_test.c - names of temporary branches, and how they are connected to. */
#include "dump.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
/* cmocka.h wants the headers above in front of it. */
#include <cmocka.h>

static const struct kist_backup backup = {
    .struct_size = sizeof backup, .pipeline = "shop", .id = "2026-11-21T02-00-00Z", .owner = "here"};

static void check_address(const char *uri, const char *wanted)
{
    char *address = neon_dump_address(uri);
    assert_string_equal(address, wanted);
    neon_wipe(address);
}

static void dump_addresses(void **state)
{
    (void)state;
    check_address("postgresql://u:p@ep-1.neon.tech/db?sslmode=require&channel_binding=require",
                  "postgresql://u:p@ep-1.neon.tech/db?channel_binding=require&sslmode=verify-full");
    check_address("postgresql://u:p@ep-1.neon.tech/db", "postgresql://u:p@ep-1.neon.tech/db?sslmode=verify-full");
    /* Nothing that says where files or other servers are. */
    check_address(
        "postgresql://u:p@ep-1.neon.tech/db?passfile=/x&host=evil&options=-c%20a=b&sslmode=disable&sslrootcert=/x",
        "postgresql://u:p@ep-1.neon.tech/db?options=-c%20a=b&sslmode=verify-full");
    check_address("postgresql://u:p@127.0.0.1:5432/db?sslmode=prefer&host=evil",
                  "postgresql://u:p@127.0.0.1:5432/db?sslmode=prefer");
    check_address("postgresql://u@localhost/db", "postgresql://u@localhost/db");
    check_address("postgresql://u@[::1]:5432/db", "postgresql://u@[::1]:5432/db");
    check_address("postgresql://127.0.0.1.evil.com/db", "postgresql://127.0.0.1.evil.com/db?sslmode=verify-full");
    check_address("postgresql://localhost.evil.com/db", "postgresql://localhost.evil.com/db?sslmode=verify-full");
    check_address("postgresql://127.0.0.1@evil.com/db", "postgresql://127.0.0.1@evil.com/db?sslmode=verify-full");
    check_address("postgresql://127.0.0.1,evil.com/db", "postgresql://127.0.0.1,evil.com/db?sslmode=verify-full");
}

static void dump_names(void **state)
{
    (void)state;
    char here[NEON_NAME_SIZE], there[NEON_NAME_SIZE], name[2 * NEON_NAME_SIZE], long_name[NEON_NAME_MAX + 1];
    struct kist_backup other = backup;
    assert_true(neon_dump_prefix(&backup, here));
    other.owner = "there";
    assert_true(neon_dump_prefix(&other, there));
    assert_int_equal(strncmp(here, "kist-dump-shop-", 15), 0);
    assert_int_equal(strlen(here), strlen("kist-dump-shop-12345678-"));
    assert_string_not_equal(here, there);
    snprintf(name, sizeof name, "%s%s", here, backup.id);
    assert_true(neon_dump_is_ours(name, here));
    assert_false(neon_dump_is_ours(name, there));
    assert_false(neon_dump_is_ours(here, here));
    snprintf(name, sizeof name, "%s%s-2", here, backup.id);
    assert_false(neon_dump_is_ours(name, here));
    snprintf(name, sizeof name, "%s2026-11-21T02-00-0xZ", here);
    assert_false(neon_dump_is_ours(name, here));
    memset(long_name, 'p', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    other.pipeline = long_name;
    assert_false(neon_dump_prefix(&other, there));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(dump_addresses), cmocka_unit_test(dump_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
