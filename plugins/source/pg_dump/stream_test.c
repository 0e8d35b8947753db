/* stream_test.c - a dump that is cut anywhere, or has a byte too many, is not taken for whole. */
#include "pg_dump_test.h"

#include "tar_check.h"

/* A small archive as pg_dump of the version 1.`minor` writes it. */
struct archive {
    unsigned char data[4096];
    size_t size;
};

static void byte(struct archive *archive, int value)
{
    archive->data[archive->size++] = (unsigned char)value;
}

static void number(struct archive *archive, int value)
{
    byte(archive, value < 0);
    for (int i = 0, rest = abs(value); i < 4; i++, rest >>= 8)
        byte(archive, rest & 0xff);
}

static void text(struct archive *archive, const char *value)
{
    number(archive, value ? (int)strlen(value) : -1);
    for (; value && *value; value++)
        byte(archive, *value);
}

static void entry(struct archive *archive, int minor, int id, int has_data)
{
    static const char *const texts[] = {
        "1259", "16384", "t", "TABLE DATA", NULL, "", "DROP x", "COPY t FROM stdin;", "app", ""};
    number(archive, id);
    number(archive, has_data);
    for (int i = 0; i < 4; i++)
        text(archive, texts[i]);
    number(archive, 3);
    for (int i = 5; i < 10; i++)
        text(archive, texts[i]);
    if (minor >= 14)
        text(archive, "heap");
    if (minor >= 16)
        number(archive, 'r');
    text(archive, "owner");
    text(archive, "false");
    text(archive, "12");
    text(archive, NULL);
    byte(archive, has_data ? 1 : 3);
    for (int i = 0; i < 8; i++)
        byte(archive, 0);
}

static void make(struct archive *archive, int minor)
{
    archive->size = 0;
    for (const char *at = "PGDMP"; *at; at++)
        byte(archive, *at);
    byte(archive, 1);
    byte(archive, minor);
    byte(archive, 0);
    byte(archive, 4);
    byte(archive, 8);
    byte(archive, 1);
    if (minor >= 15)
        byte(archive, 0);
    else
        number(archive, 0);
    for (int i = 0; i < 7; i++)
        number(archive, i);
    for (int i = 0; i < 3; i++)
        text(archive, "15.18");
    number(archive, 3);
    entry(archive, minor, 1, 0);
    entry(archive, minor, 2, 1);
    entry(archive, minor, 3, 1);
    byte(archive, 1); /* rows of a table, in two chunks */
    number(archive, 2);
    text(archive, "1\tPGDMP\n");
    text(archive, "2\tx\n");
    number(archive, 0);
    byte(archive, 3); /* two large objects, of which one is empty */
    number(archive, 3);
    number(archive, 16500);
    text(archive, "large");
    number(archive, 0);
    number(archive, 16501);
    number(archive, 0);
    number(archive, 0);
}

/* 0 when `size` bytes, fed in pieces of `piece`, are a whole dump. */
static int judge(int plain, const void *data, size_t size, size_t piece)
{
    struct pgd_stream_check check;
    pgd_stream_check_init(&check, plain);
    for (size_t at = 0; at < size; at += piece)
        if (pgd_stream_check_feed(&check, (const char *)data + at, size - at < piece ? size - at : piece) != 0)
            return -1;
    return pgd_stream_check_end(&check);
}

static void test_archives(void **state)
{
    (void)state;
    struct archive archive;
    for (int minor = 12; minor <= 16; minor++) {
        make(&archive, minor);
        for (size_t piece = 1; piece < 20; piece++)
            assert_int_equal(judge(0, archive.data, archive.size, piece), 0);
        assert_int_equal(judge(0, archive.data, archive.size, archive.size), 0);
        for (size_t cut = 0; cut < archive.size; cut++)
            assert_int_equal(judge(0, archive.data, cut, 7), -1);
        archive.data[archive.size] = 0;
        assert_int_equal(judge(0, archive.data, archive.size + 1, 7), -1);
        archive.data[0] = 'p';
        assert_int_equal(judge(0, archive.data, archive.size, 7), -1);
    }
}

/* A future version: its layout is not known, so only its magic is held to. */
static void test_unknown_archive(void **state)
{
    (void)state;
    struct archive archive;
    make(&archive, 99);
    assert_int_equal(judge(0, archive.data, archive.size - 3, 7), 0);
    assert_int_equal(judge(0, archive.data, 8, 7), -1);
}

/* Damage never makes the walk loop or leave its memory, and numbers may be anything. */
static void test_damaged_archives(void **state)
{
    (void)state;
    struct archive archive;
    make(&archive, 16);
    for (size_t at = 0; at < archive.size; at++)
        for (int bit = 0; bit < 8; bit++) {
            archive.data[at] ^= (unsigned char)(1 << bit);
            (void)!judge(0, archive.data, archive.size, 64);
            archive.data[at] ^= (unsigned char)(1 << bit);
        }
}

#define END "--\n-- PostgreSQL database dump complete\n--\n\n"
#define OLD "--\n-- PostgreSQL database dump\n--\n\nSET statement_timeout = 0;\n\n" END
#define NEW(token)                                                                                                \
    "--\n-- PostgreSQL database dump\n--\n\n\\restrict abc\n\nSELECT 1;\n" END "\\unrestrict " token "\n\n"

static void test_plain(void **state)
{
    (void)state;
    static const char row[] = "COPY t (a) FROM stdin;\n-- PostgreSQL database dump complete\nmore\n";
    const char *new_dump = NEW("abc");
    for (size_t piece = 1; piece < 30; piece++) {
        assert_int_equal(judge(1, OLD, strlen(OLD), piece), 0);
        assert_int_equal(judge(1, new_dump, strlen(new_dump), piece), 0);
    }
    for (size_t cut = 0; cut < strlen(OLD) - strlen("--\n\n"); cut++)
        assert_int_equal(judge(1, OLD, cut, 7), -1);
    for (size_t cut = 0; cut < strlen(new_dump) - 1; cut++)
        assert_int_equal(judge(1, new_dump, cut, 7), -1);
    assert_int_equal(judge(1, NEW("other"), strlen(NEW("other")), 7), -1);
    assert_int_equal(judge(1, row, strlen(row), 7), -1);
    assert_int_equal(judge(1, OLD "SELECT 1;\n", strlen(OLD "SELECT 1;\n"), 7), -1);
    assert_int_equal(judge(1, "a\0b\n" END, 4 + strlen(END), 7), -1);
    assert_int_equal(judge(1, "", 0, 7), -1);
}

static void add_member(struct archive *archive, const char *name, const char *content)
{
    unsigned char *header = archive->data + archive->size;
    size_t size = strlen(content);
    unsigned sum = 0;
    memset(header, 0, 512);
    strcpy((char *)header, name);
    snprintf((char *)header + 124, 12, "%011o", (unsigned)size);
    memcpy(header + 257, "ustar", 5);
    memset(header + 148, ' ', 8);
    for (size_t i = 0; i < 512; i++)
        sum += header[i];
    snprintf((char *)header + 148, 8, "%06o", sum);
    memset(header + 512, 0, (size + 511) / 512 * 512);
    memcpy(header + 512, content, size);
    archive->size += 512 + (size + 511) / 512 * 512;
}

static int judge_tar(const void *data, size_t size, size_t piece)
{
    struct pgd_tar_check check;
    int bad = 0;
    pgd_tar_check_init(&check);
    for (size_t at = 0; at < size && !bad; at += piece)
        bad = pgd_tar_check_feed(&check, (const char *)data + at, size - at < piece ? size - at : piece);
    bad = pgd_tar_check_end(&check);
    assert_int_equal(bad != 0, check.fault != NULL);
    return bad;
}

static void test_tar(void **state)
{
    (void)state;
    struct archive archive = {.size = 0};
    add_member(&archive, "toc.dat", "PGDMP");
    add_member(&archive, "1.dat", "");
    add_member(&archive, "restore.sql", "SELECT 1;\n");
    size_t end = archive.size;
    archive.size += 1024; /* of zeros */
    for (size_t piece = 1; piece < 600; piece += 7)
        assert_int_equal(judge_tar(archive.data, archive.size, piece), 0);
    assert_int_equal(judge_tar(archive.data, archive.size + 512, 100), 0);
    for (size_t cut = 0; cut < archive.size; cut++)
        assert_int_equal(judge_tar(archive.data, cut, 100), -1);
    for (size_t junk = 1; junk < 512; junk++)
        assert_int_equal(judge_tar(archive.data, archive.size + junk, 100), -1);
    archive.data[archive.size + 7] = 'x';
    assert_int_equal(judge_tar(archive.data, archive.size + 512, 100), -1);
    archive.data[archive.size + 7] = 0;
    for (size_t at = end - 1024; at < end - 512; at++) {
        if (at == end - 1024 + 155)
            continue; /* behind the end of the checksum */
        archive.data[at] ^= 4;
        assert_int_equal(judge_tar(archive.data, archive.size, 100), -1);
        archive.data[at] ^= 4;
    }
    assert_int_equal(judge_tar(archive.data, archive.size, 100), 0);
}

int stream_tests(void)
{
    const struct CMUnitTest tests[] = {TEST(test_archives), TEST(test_unknown_archive),
                                       TEST(test_damaged_archives), TEST(test_plain), TEST(test_tar)};
    return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}
