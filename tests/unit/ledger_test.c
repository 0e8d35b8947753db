/* The ledger: a file that may be gone, damaged or written by several at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ledger.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct kist_error err = KIST_ERROR_INIT;
static char dir[] = "/tmp/kist-ledger-XXXXXX", file[100];

static int setup(void **state)
{
    (void)state;
    memcpy(dir + strlen(dir) - 6, "XXXXXX", 6);
    assert_non_null(mkdtemp(dir));
    snprintf(file, sizeof file, "%s/ledger/shop.json", dir);
    return 0;
}

static int teardown(void **state)
{
    char path[100];
    (void)state;
    kist_error_clear(&err);
    unlink(file);
    snprintf(path, sizeof path, "%s/ledger/.lock", dir);
    unlink(path);
    snprintf(path, sizeof path, "%s/ledger/shop.new", dir);
    (void)!rmdir(path);
    unlink(path);
    snprintf(path, sizeof path, "%s/ledger", dir);
    rmdir(path);
    return rmdir(dir);
}

static const struct kist_ledger full = {.newest = "2028-05-05T02-00-00Z",
                                        .good = "2028-05-04T02-00-00Z",
                                        .aside = "2028-05-05T03-00-00Z",
                                        .first_seen = 1700000000,
                                        .slot = 1700000001,
                                        .busy_until = 1700000002,
                                        .overdue_told = 1700000003,
                                        .tries = 2,
                                        .ended = 1,
                                        .failing = 1};

static void set_full(struct kist_ledger *ledger, void *arg)
{
    (void)arg;
    *ledger = full;
}

static struct kist_ledger read_it(void)
{
    struct kist_ledger ledger;
    kist_ledger_read(dir, "shop", &ledger);
    return ledger;
}

static void assert_is(const struct kist_ledger *got, const struct kist_ledger *wanted)
{
    assert_string_equal(got->newest, wanted->newest);
    assert_string_equal(got->good, wanted->good);
    assert_string_equal(got->aside, wanted->aside);
    assert_int_equal(got->first_seen, wanted->first_seen);
    assert_int_equal(got->slot, wanted->slot);
    assert_int_equal(got->busy_until, wanted->busy_until);
    assert_int_equal(got->overdue_told, wanted->overdue_told);
    assert_int_equal(got->tries, wanted->tries);
    assert_int_equal(got->ended, wanted->ended);
    assert_int_equal(got->failing, wanted->failing);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    static const struct kist_ledger zero;
    struct stat status;
    struct kist_ledger got = read_it();
    assert_is(&got, &zero);
    assert_int_equal(kist_ledger_change(dir, "shop", set_full, NULL, &err), 0);
    got = read_it();
    assert_is(&got, &full);
    assert_int_equal(stat(file, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
}

/* Cut off anywhere, or with a byte changed: all of it counts, or nothing does; and the next change makes it whole. */
static void damage_is_as_good_as_nothing(void **state)
{
    (void)state;
    static const struct kist_ledger zero;
    char text[4096];
    assert_int_equal(kist_ledger_change(dir, "shop", set_full, NULL, &err), 0);
    int fd = open(file, O_RDWR);
    ssize_t size = read(fd, text, sizeof text);
    assert_true(size > 100);
    for (ssize_t cut = 0; cut < size - 1; cut += 7) {
        assert_int_equal(ftruncate(fd, cut), 0);
        struct kist_ledger got = read_it();
        assert_is(&got, &zero);
        assert_int_equal(pwrite(fd, text, (size_t)size, 0), size);
    }
    static const char *const bad[] = {
        "[]",
        "{}",
        "{\"kist_ledger\": 1}",
        "{\"kist_ledger\": 2}",
        "\xff\xff",
        "null",
        "{\"kist_ledger\": 1, \"newest\": \"../../etc\", \"good\": \"\"}",
        "{\"kist_ledger\": 1, \"newest\": \"\", \"good\": \"\", \"tries\": 99999999999}",
        "{\"kist_ledger\": 1, \"newest\": \"\", \"good\": \"\", \"slot\": -5}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(pwrite(fd, bad[i], strlen(bad[i]), 0), strlen(bad[i]));
        struct kist_ledger got = read_it();
        assert_is(&got, &zero);
    }
    close(fd);
    assert_int_equal(kist_ledger_change(dir, "shop", set_full, NULL, &err), 0);
    struct kist_ledger got = read_it();
    assert_is(&got, &full);
}

static void add_try(struct kist_ledger *ledger, void *arg)
{
    (void)arg;
    ledger->tries++;
}

static void changes_of_many_are_all_there(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++)
        if (fork() == 0) {
            int failed = 0;
            for (int k = 0; k < 20; k++)
                failed |= kist_ledger_change(dir, "shop", add_try, NULL, &err);
            _exit(failed != 0);
        }
    for (int i = 0; i < 8; i++) {
        int status = -1;
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    assert_int_equal(read_it().tries, 160);
}

static void note_ids(struct kist_ledger *ledger, void *arg)
{
    (void)arg;
    kist_ledger_note(ledger, full.newest, NULL);
}

static void ids_are_noted(void **state)
{
    (void)state;
    assert_int_equal(kist_ledger_change(dir, "shop", note_ids, NULL, &err), 0);
    struct kist_ledger got = read_it();
    assert_string_equal(got.newest, full.newest);
    assert_string_equal(got.good, "");
    assert_true(got.first_seen > 1700000000);
}

static void what_cannot_be_written_is_told(void **state)
{
    (void)state;
    char path[100];
    assert_int_equal(kist_ledger_change(dir, "shop", set_full, NULL, &err), 0);
    /* Something that cannot be replaced lies in the way. */
    snprintf(path, sizeof path, "%s/ledger/shop.new", dir);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_true(kist_ledger_change(dir, "shop", add_try, NULL, &err) < 0);
    assert_non_null(strstr(err.message, "shop.new"));
    struct kist_ledger got = read_it();
    assert_is(&got, &full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_written_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(damage_is_as_good_as_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(changes_of_many_are_all_there, setup, teardown),
        cmocka_unit_test_setup_teardown(ids_are_noted, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_written_is_told, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
