/* One file as a store: it holds that file alone, whatever happens to its name, and tells when it changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "file_store.h"

static struct kist_error err = KIST_ERROR_INIT;
static char folder[sizeof "/tmp/kist-file-store-XXXXXX"];
static char path[64];

static void write_file(const char *mode, const char *text)
{
    FILE *file = fopen(path, mode);
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int setup(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/kist-file-store-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/x.dump", folder);
    write_file("w", "some text");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    kist_error_done(&err);
    (void)unlink(path);
    return rmdir(folder);
}

static void gives_the_file(void **state)
{
    (void)state;
    struct kist_file_store file = {.key = NULL};
    struct kist_store *store = NULL;
    struct kist_reader *reader = NULL;
    char *data = NULL;
    size_t size = 0;
    int64_t length = 0;
    assert_int_equal(kist_file_store_open(path, "p", NULL, &file, &store, &err), 0);
    assert_string_equal(kist_store_name(store), folder);
    assert_string_equal(file.key, "x.dump");
    assert_int_equal(kist_store_size(store, "x.dump", &length, &err), 0);
    assert_int_equal(length, 9);
    assert_int_equal(kist_store_size(store, "y.dump", &length, &err), KIST_ERR_NOT_FOUND);
    assert_int_equal(kist_store_get_begin(store, "y.dump", 0, &reader, &err), KIST_ERR_NOT_FOUND);
    assert_int_equal(kist_store_get_begin(store, "x.dump", 10, &reader, &err), KIST_ERR_CORRUPT);
    assert_int_equal(kist_store_put_bytes(store, "z", "z", 1, NULL, &err), KIST_ERR_UNSUPPORTED);
    assert_int_equal(kist_store_remove(store, "x.dump", &err), KIST_ERR_UNSUPPORTED);
    /* It is the file that was opened, not the name. */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(kist_store_get_bytes(store, "x.dump", 100, &data, &size, &err), 0);
    assert_string_equal(data, "some text");
    free(data);
    kist_store_close(store);
    kist_file_store_done(&file);
    kist_file_store_done(&file);
}

static void tells_when_it_changes(void **state)
{
    (void)state;
    struct kist_file_store file = {.key = NULL};
    struct kist_store *store = NULL;
    char *data = NULL;
    size_t size = 0;
    assert_int_equal(kist_file_store_open(path, "p", NULL, &file, &store, &err), 0);
    write_file("a", "more");
    assert_int_equal(kist_store_get_bytes(store, "x.dump", 100, &data, &size, &err), KIST_ERR_CORRUPT);
    assert_non_null(strstr(err.message, "'x.dump' changed while it was read"));
    kist_store_close(store);
    kist_file_store_done(&file);
}

static void opens_files_only(void **state)
{
    (void)state;
    struct kist_file_store file = {.key = NULL};
    struct kist_store *store = NULL;
    assert_int_equal(kist_file_store_open(folder, "p", NULL, &file, &store, &err), KIST_ERR_CONFIG);
    assert_int_equal(kist_file_store_open("/dev/null", "p", NULL, &file, &store, &err), KIST_ERR_CONFIG);
    assert_int_equal(kist_file_store_open("", "p", NULL, &file, &store, &err), KIST_ERR_NOT_FOUND);
    kist_file_store_done(&file);
    char odd[96];
    snprintf(odd, sizeof odd, "%s/\xff\n", folder);
    assert_int_equal(rename(path, odd), 0);
    assert_int_equal(kist_file_store_open(odd, NULL, NULL, &file, &store, &err), 0);
    assert_string_equal(file.key, "dump");
    kist_store_close(store);
    kist_file_store_done(&file);
    assert_int_equal(rename(odd, path), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(gives_the_file),
        CASE(tells_when_it_changes),
        CASE(opens_files_only),
    };
    return cmocka_run_group_tests_name("file_store", tests, NULL, NULL);
}
