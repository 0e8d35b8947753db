/* Restored items as files: whole under their names or not there at all, and never where they do not belong. */
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fakes.h"
#include "output_dir.h"

#define SIZE ((size_t)3 * 1024 * 1024 + 17)

static struct kist_error err = KIST_ERROR_INIT;
static char root[64], dir[100];
static unsigned char *data;
static struct fake_disk disk;

static int setup(void **state)
{
    (void)state;
    strcpy(root, "/tmp/kist-output-XXXXXX");
    data = fake_noise(SIZE, 1);
    fake_disk_init(&disk);
    fake_disk_put(&disk, "shop/id/item", data, SIZE);
    if (!mkdtemp(root))
        return 1;
    snprintf(dir, sizeof dir, "%s/out", root);
    return 0;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

static int teardown(void **state)
{
    (void)state;
    fake_disk_done(&disk);
    free(data);
    kist_error_clear(&err);
    return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static int write_item(const char *name, struct kist_cancel *cancel)
{
    struct kist_config_section section = fake_section(&fake_disk_plugin, "disk", &disk);
    struct kist_store *store = fake_store_open(&section);
    struct kist_manifest_item item = {.name = (char *)(uintptr_t)name, .key = (char *)(uintptr_t) "shop/id/item"};
    struct kist_pull *pull = NULL;
    item.raw.size = SIZE;
    assert_int_equal(kist_hash_bytes(data, SIZE, item.raw.sha256, &err), 0);
    item.stored = item.raw;
    assert_int_equal(kist_pull_open(store, &item, NULL, 1, &pull, &err), 0);
    int code = kist_output_item(dir, name, pull, cancel, NULL, &err);
    kist_pull_close(pull);
    kist_store_close(store);
    return code;
}

static void assert_file(const char *name, const void *expected, size_t size)
{
    char path[300];
    struct stat status;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    unsigned char *read_back = malloc(size + 1);
    int fd = open(path, O_RDONLY | O_NOFOLLOW);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(read(fd, read_back, size + 1), size);
    assert_memory_equal(read_back, expected, size);
    close(fd);
    free(read_back);
}

static size_t file_count;

static int count_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)path;
    (void)status;
    (void)place;
    file_count += type != FTW_D && type != FTW_DP;
    return 0;
}

/* Everything below the test's own directory that is no directory. */
static size_t count_files(void)
{
    file_count = 0;
    assert_int_equal(nftw(root, count_one, 8, FTW_PHYS), 0);
    return file_count;
}

static void put_file(const char *name)
{
    char path[300];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "precious", 8), 8);
    close(fd);
}

static void files_and_folders_are_made(void **state)
{
    (void)state;
    char longest[256];
    memset(longest, 'n', 255);
    longest[255] = '\0';
    umask(0);
    assert_int_equal(write_item("shop.dump", NULL), 0);
    assert_int_equal(write_item("a/b/sh\xc3\xb6p's.dump", NULL), 0);
    assert_int_equal(write_item(longest, NULL), 0);
    assert_file("shop.dump", data, SIZE);
    assert_file("a/b/sh\xc3\xb6p's.dump", data, SIZE);
    assert_file(longest, data, SIZE);
    assert_int_equal(count_files(), 3);
    struct stat status;
    assert_int_equal(stat(dir, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0700);
}

static void an_existing_file_stays(void **state)
{
    (void)state;
    assert_int_equal(mkdir(dir, 0700), 0);
    put_file("shop.dump");
    assert_int_equal(write_item("shop.dump", NULL), KIST_ERR_REFUSED);
    assert_non_null(err.hint);
    assert_file("shop.dump", "precious", 8);
    /* What an attempt that was killed left is no hindrance. */
    put_file(".other.dump.kist-partial");
    assert_int_equal(write_item("other.dump", NULL), 0);
    assert_int_equal(count_files(), 2);
}

/* Fault 100 */
static void links_are_not_followed(void **state)
{
    (void)state;
    char path[300];
    assert_int_equal(mkdir(dir, 0700), 0);
    snprintf(path, sizeof path, "%s/link", dir);
    assert_int_equal(symlink(root, path), 0);
    assert_int_not_equal(write_item("link/evil", NULL), 0);
    snprintf(path, sizeof path, "%s/evil", root);
    assert_int_not_equal(access(path, F_OK), 0);
    /* Neither a link that stands where the file is to be, also a dangling one. */
    snprintf(path, sizeof path, "%s/shop.dump", dir);
    assert_int_equal(symlink("../elsewhere", path), 0);
    assert_int_equal(write_item("shop.dump", NULL), KIST_ERR_REFUSED);
    snprintf(path, sizeof path, "%s/elsewhere", root);
    assert_int_not_equal(access(path, F_OK), 0);
    /* Nor one in the place of the temporary file. */
    snprintf(path, sizeof path, "%s/.new.kist-partial", dir);
    assert_int_equal(symlink("../elsewhere", path), 0);
    assert_int_equal(write_item("new", NULL), 0);
    assert_file("new", data, SIZE);
    snprintf(path, sizeof path, "%s/elsewhere", root);
    assert_int_not_equal(access(path, F_OK), 0);
}

/* Fault 100 */
static void names_that_lead_elsewhere(void **state)
{
    (void)state;
    static const char *const names[] = {"../x", "/tmp/x", "a/../../x", "", ".", "..", "a//b", "a/", "x\n", "\xff"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_int_not_equal(write_item(names[i], NULL), 0);
    assert_int_equal(count_files(), 0);
}

/* Fault 99 */
static void a_full_disk(void **state)
{
    (void)state;
    struct rlimit old, limit;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    limit = old;
    limit.rlim_cur = 1 << 20;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    int code = write_item("shop.dump", NULL);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_int_equal(code, KIST_ERR_NO_SPACE);
    assert_non_null(strstr(err.message, "shop.dump"));
    assert_int_equal(count_files(), 0);
}

static void damage_and_signals_leave_nothing(void **state)
{
    (void)state;
    struct kist_cancel *cancel = NULL;
    assert_int_equal(kist_cancel_new(NULL, &cancel, &err), 0);
    kist_cancel_set(cancel);
    assert_int_equal(write_item("shop.dump", cancel), KIST_ERR_CANCELLED);
    kist_cancel_free(cancel);
    disk.objects[0].data[SIZE - 1] ^= 1;
    assert_int_equal(write_item("shop.dump", NULL), KIST_ERR_CORRUPT);
    assert_int_equal(count_files(), 0);
}

static void a_directory_that_is_none(void **state)
{
    (void)state;
    int fd = open(dir, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_int_not_equal(write_item("shop.dump", NULL), 0);
    snprintf(dir, sizeof dir, "%s/no/such/parent", root);
    assert_int_equal(write_item("shop.dump", NULL), KIST_ERR_NOT_FOUND);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(files_and_folders_are_made),
        TEST(an_existing_file_stays),
        TEST(links_are_not_followed),
        TEST(names_that_lead_elsewhere),
        TEST(a_full_disk),
        TEST(damage_and_signals_leave_nothing),
        TEST(a_directory_that_is_none),
    };
    return cmocka_run_group_tests_name("output_dir", tests, NULL, NULL);
}
