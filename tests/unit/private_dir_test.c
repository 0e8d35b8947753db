/* Working directories: private, empty, and gone afterwards, also after a process that was killed. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "private_dir.h"

static struct kist_error err = KIST_ERROR_INIT;
static char state[64];

static int setup(void **ignored)
{
    (void)ignored;
    snprintf(state, sizeof state, "/tmp/kist-work-test.XXXXXX");
    return mkdtemp(state) ? 0 : -1;
}

static int teardown(void **ignored)
{
    (void)ignored;
    return rmdir(state); /* nothing may be left in it */
}

static int exists(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0;
}

static int is_empty(const char *path)
{
    size_t entries = 0;
    DIR *dir = opendir(path);
    assert_non_null(dir);
    while (readdir(dir))
        entries++;
    closedir(dir);
    return entries == 2;
}

static void write_file(const char *dir, const char *name)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
}

static struct kist_private_dir make(void)
{
    struct kist_private_dir dir = {.fd = -1};
    assert_int_equal(kist_private_dir_make(state, &dir, &err), 0);
    assert_int_equal(dir.path[0], '/');
    return dir;
}

static void it_is_private_and_empty_and_goes(void **ignored)
{
    (void)ignored;
    struct stat status;
    struct kist_private_dir dir = make();
    char path[200];
    snprintf(path, sizeof path, "%s", dir.path);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0700);
    assert_true(is_empty(path));
    write_file(path, "file");
    kist_private_dir_remove(&dir);
    assert_null(dir.path);
    assert_false(exists(path));
    kist_private_dir_remove(&dir);
}

/* What a link leads to is somebody else's. */
static void links_are_not_followed(void **ignored)
{
    (void)ignored;
    char outside[] = "/tmp/kist-work-outside.XXXXXX", path[200], kept[200];
    assert_non_null(mkdtemp(outside));
    write_file(outside, "kept");
    struct kist_private_dir dir = make();
    snprintf(path, sizeof path, "%s/inner", dir.path);
    assert_int_equal(mkdir(path, 0700), 0);
    write_file(path, "file");
    snprintf(path, sizeof path, "%s/inner/link", dir.path);
    assert_int_equal(symlink(outside, path), 0);
    kist_private_dir_remove(&dir);
    snprintf(kept, sizeof kept, "%s/kept", outside);
    assert_true(exists(kept));
    assert_int_equal(unlink(kept), 0);
    assert_int_equal(rmdir(outside), 0);
}

static void a_living_one_is_left_alone_and_a_dead_one_swept(void **ignored)
{
    (void)ignored;
    int channel[2];
    char dead[200] = "";
    assert_int_equal(pipe(channel), 0);
    struct kist_private_dir mine = make();
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct kist_private_dir dir = {.fd = -1};
        if (kist_private_dir_make(state, &dir, &err) == 0) {
            write_file(dir.path, "litter");
            (void)!write(channel[1], dir.path, strlen(dir.path) + 1);
        }
        _exit(0); /* as if it had been killed */
    }
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_true(read(channel[0], dead, sizeof dead) > 0);
    close(channel[0]);
    close(channel[1]);
    assert_true(exists(mine.path));
    assert_true(exists(dead));
    struct kist_private_dir next = make();
    assert_false(exists(dead));
    assert_true(exists(mine.path));
    kist_private_dir_remove(&next);
    kist_private_dir_remove(&mine);
}

/* What merely looks like one: no directory, a link, a name that is not ours. */
static void other_things_are_left_alone(void **ignored)
{
    (void)ignored;
    static const char *const names[] = {"work-abcdef", "work-", "work-abcdefg", "workabcdef"};
    char path[200];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        write_file(state, names[i]);
    snprintf(path, sizeof path, "%s/work-linked", state);
    assert_int_equal(symlink("/tmp", path), 0);
    struct kist_private_dir dir = make();
    kist_private_dir_remove(&dir);
    assert_int_equal(unlink(path), 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", state, names[i]);
        assert_int_equal(unlink(path), 0);
    }
}

static void no_state_directory(void **ignored)
{
    (void)ignored;
    struct kist_private_dir dir = {.fd = -1};
    assert_int_equal(kist_private_dir_make("/nonexistent/state", &dir, &err), KIST_ERR_NOT_FOUND);
    kist_error_clear(&err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_is_private_and_empty_and_goes, setup, teardown),
        cmocka_unit_test_setup_teardown(links_are_not_followed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_living_one_is_left_alone_and_a_dead_one_swept, setup, teardown),
        cmocka_unit_test_setup_teardown(other_things_are_left_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(no_state_directory, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
