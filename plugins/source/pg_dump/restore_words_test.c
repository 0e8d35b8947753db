/* restore_words_test.c - what is made of a dump's bytes and of versions, without a server. */
#include "restore_test.h"

#include <sys/stat.h>

#include "recognize.h"
#include "select.h"
#include "unwrap.h"

/* ---- the floor ---- */

static char folder[64];

static void fake(const char *name, const char *version, const char *script)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "#!/bin/sh\n[ \"$1\" = --version ] && { echo '%s (PostgreSQL) %s'; exit 0; }\n%s\n", name,
            version, script);
    assert_int_equal(fchmod(fileno(file), 0700), 0);
    assert_int_equal(fclose(file), 0);
}

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/kist-pg-floor-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    static const char *const names[] = {"pg_dump", "pg_restore", "psql"};
    char path[128];
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    return rmdir(folder);
}

static int begin_code(uint32_t mode, uint32_t flags, const char *format)
{
    struct pgd_config config = test_config("postgresql://u@127.0.0.1:1/shop");
    struct kist_item item = {.struct_size = sizeof item, .name = "x", .format = format};
    struct kist_restore wanted = {
        .struct_size = sizeof wanted, .mode = mode, .flags = flags, .items = &item, .item_count = 1};
    void *self = NULL, *work = NULL;
    config.pg_dump = folder;
    assert_int_equal(kist_plugin.open(&test.host, &config, &self, &test.err), 0);
    int code = kist_plugin.restore_begin(self, &wanted, &work, &test.err);
    if (!code)
        kist_plugin.restore_end(work);
    kist_plugin.close(self);
    return code;
}

static void test_floor(void **state)
{
    (void)state;
    static const struct {
        int version, floor;
    } known[] = {{90624, 140025},  {130022, 140025}, {140024, 140025}, {150020, 150020},
                 {160015, 160016}, {170000, 170012}, {180007, 180007}, {190000, 0}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        assert_int_equal(pgd_floor_of(known[i].version), known[i].floor);
}

static void test_old_clients_are_refused(void **state)
{
    (void)state;
    fake("pg_restore", "17.11", "exit 0");
    fake("psql", "18.7", "exit 0");
    assert_int_equal(begin_code(KIST_RESTORE_APPLY, 0, "custom"), KIST_ERR_REFUSED);
    assert_non_null(strstr(test.err.message, "pg_restore 17.11"));
    assert_non_null(strstr(test.err.hint, "17.12"));
    assert_non_null(strstr(test.err.hint, "--allow-old-client"));
    assert_int_equal(begin_code(KIST_RESTORE_LOOK, 0, "custom"), KIST_ERR_REFUSED);
    /* With the flag the next step is reached: nobody answers at that address. */
    assert_int_equal(begin_code(KIST_RESTORE_APPLY, KIST_RESTORE_OLD_CLIENT, "custom"), KIST_ERR_UNAVAILABLE);
    assert_int_equal(begin_code(KIST_RESTORE_APPLY, 0, "plain"), KIST_ERR_UNAVAILABLE);
    assert_int_equal(begin_code(KIST_RESTORE_CHECK, 0, "custom"), 0);
    fake("pg_restore", "17.12", "exit 0");
    assert_int_equal(begin_code(KIST_RESTORE_APPLY, 0, "custom"), KIST_ERR_UNAVAILABLE);
    fake("psql", "14.24", "exit 0");
    assert_int_equal(begin_code(KIST_RESTORE_APPLY, 0, "plain"), KIST_ERR_REFUSED);
    assert_int_equal(begin_code(KIST_RESTORE_APPLY, KIST_RESTORE_CLEAN, "custom"), KIST_ERR_REFUSED);
}

static void test_old_clients_are_told_at_backup(void **state)
{
    (void)state;
    struct pgd_tool tool = {.version_num = 150019, .version = "15.19"};
    pgd_floor_warn(&test.host, &tool);
    assert_non_null(strstr(test.log ? test.log : "", "15.20 or newer"));
    size_t before = test.log_size;
    tool.version_num = 150020;
    pgd_floor_warn(&test.host, &tool);
    assert_int_equal(test.log_size, before);
}

/* ---- what it is ---- */

static void test_recognized(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        enum pgd_kind kind;
        const char *looks;
    } cases[] = {
        {"PGDMP\1\16", 7, PGD_KIND_CUSTOM, ""},
        {"--\n-- PostgreSQL database dump\n--\n", 34, PGD_KIND_PLAIN, ""},
        {"--\n-- PostgreSQL database cluster dump\n--\n", 42, PGD_KIND_UNKNOWN, "of pg_dumpall"},
        {"\x1f\x8b\x08", 3, PGD_KIND_UNKNOWN, "gzip"},
        {"\x28\xb5\x2f\xfd", 4, PGD_KIND_UNKNOWN, "zstd"},
        {"age-encryption.org/v1\n", 22, PGD_KIND_UNKNOWN, "age"},
        {"-- MySQL dump 10.13", 19, PGD_KIND_UNKNOWN, "MySQL"},
        {"SELECT 1;\n", 10, PGD_KIND_UNKNOWN, "text"},
        {"\0\0\0", 3, PGD_KIND_UNKNOWN, "not known"},
        {"PGDM", 4, PGD_KIND_UNKNOWN, "text"},
        {"", 0, PGD_KIND_UNKNOWN, "empty"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *looks = "";
        assert_int_equal(pgd_recognize(cases[i].bytes, cases[i].size, &looks), cases[i].kind);
        assert_non_null(strstr(looks, cases[i].looks));
    }
}

/* ---- large objects of a plain dump ---- */

struct text {
    char bytes[4096];
    size_t size;
};

static int put(void *arg, const void *data, size_t size, struct kist_error *err)
{
    struct text *text = arg;
    (void)err;
    assert_true(text->size + size < sizeof text->bytes);
    memcpy(text->bytes + text->size, data, size);
    text->size += size;
    return 0;
}

#define OBJECTS "--\n-- Data for Name: BLOBS; Type: BLOBS; Schema: -; Owner: -\n--\n\n"

static void test_objects_lose_their_transaction(void **state)
{
    (void)state;
    static const char in[] =
        "BEGIN;\nCOMMIT;\n--\n--\n" OBJECTS "BEGIN;\n\nSELECT pg_catalog.lo_open('1', 131072);\n\n"
        "COMMIT;\n\nCOMMIT;\nCOPY app.t (a) FROM stdin;\n" OBJECTS "BEGIN;\nCOMMIT;\n\\.\nCOMMIT";
    static const char out[] =
        "BEGIN;\nCOMMIT;\n--\n--\n" OBJECTS "------\n\nSELECT pg_catalog.lo_open('1', 131072);\n\n"
        "-------\n\nCOMMIT;\nCOPY app.t (a) FROM stdin;\n" OBJECTS "BEGIN;\nCOMMIT;\n\\.\nCOMMIT";
    for (size_t step = 1; step < sizeof in; step++) {
        struct pgd_unwrap unwrap = {0};
        struct text text = {.size = 0};
        for (size_t at = 0; at < sizeof in - 1; at += step)
            assert_int_equal(pgd_unwrap_feed(&unwrap, in + at,
                                             sizeof in - 1 - at < step ? sizeof in - 1 - at : step, put, &text,
                                             &test.err),
                             0);
        assert_int_equal(pgd_unwrap_end(&unwrap, put, &text, &test.err), 0);
        text.bytes[text.size] = '\0';
        assert_string_equal(text.bytes, out);
    }
}

/* ---- tables of contents ---- */

/* Damage of every byte, and every cut, is survived; what is read then may be anything. */
static void test_broken_contents(void **state)
{
    (void)state;
    unsigned char archive[512] = "PGDMP\1\16\0\4\10\1";
    size_t size = 11;
    struct pgd_toc toc = {0};
    for (int i = 0; i < 8; i++) /* compression and time */
        size += 5;
    for (int i = 0; i < 3; i++) /* texts of no length */
        size += 5;
    archive[size + 1] = 1; /* one entry */
    size += 5;
    archive[size + 1] = 7; /* its id */
    size += 10;
    for (int i = 0; i < 2; i++)
        size += 5;
    memcpy(archive + size, "\0\1\0\0\0t\0\5\0\0\0TABLE", 16); /* tag, kind */
    size += 16 + 5;
    for (int i = 0; i < 3; i++)
        size += 5;
    memcpy(archive + size, "\0\3\0\0\0app", 8);
    size += 8 + 4 * 5; /* tablespace, access method, owner, oids */
    memcpy(archive + size,
           "\0\1\0\0\0"
           "3\1\1",
           8); /* needs 3, and then nothing */
    size += 6 + 5 + 9;
    assert_int_equal(pgd_toc_read(archive, size, &toc), 0);
    assert_int_equal(toc.count, 1);
    assert_string_equal(toc.entries[0].tag, "t");
    assert_string_equal(toc.entries[0].schema, "app");
    assert_int_equal(toc.entries[0].needs[0], 3);
    assert_ptr_equal(pgd_toc_find(&toc, 7), &toc.entries[0]);
    assert_null(pgd_toc_find(&toc, 3));
    pgd_toc_done(&toc);
    for (size_t cut = 0; cut < size; cut++)
        assert_int_equal(pgd_toc_read(archive, cut, &toc), -1);
    for (size_t at = 0; at < size; at++) {
        archive[at] ^= 0xff;
        if (pgd_toc_read(archive, size, &toc) == 0)
            pgd_toc_done(&toc);
        archive[at] ^= 0xff;
    }
    unsigned char huge[256] = "PGDMP\1\16\0\10\10\1"; /* numbers of eight bytes, the first too low for any */
    huge[11] = 1;
    huge[19] = 0x80;
    assert_int_equal(pgd_toc_read(huge, sizeof huge, &toc), -1);
}

int restore_words_tests(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_floor),
        TEST(test_old_clients_are_refused),
        TEST(test_old_clients_are_told_at_backup),
        TEST(test_recognized),
        TEST(test_objects_lose_their_transaction),
        TEST(test_broken_contents),
    };
    return cmocka_run_group_tests_name("restore words", tests, make_folder, remove_folder);
}
