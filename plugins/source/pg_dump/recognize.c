#include "recognize.h"

#include <string.h>

struct sign {
    size_t at, size;
    const char *bytes, *looks;
};

static const struct sign others[] = {
    {0, 2, "\x1f\x8b", "compressed by gzip"},
    {0, 4, "\x28\xb5\x2f\xfd", "compressed by zstd"},
    {0, 22, "age-encryption.org/v1\n", "encrypted by age"},
    {0, 3, "BZh", "compressed by bzip2"},
    {0, 6,
     "\xfd"
     "7zXZ\0",
     "compressed by xz"},
    {0, 4, "\x04\x22\x4d\x18", "compressed by lz4"},
    {0, 4, "PK\x03\x04", "a zip archive"},
    {0, 15, "SQLite format 3", "a database of SQLite"},
    {0, 13, "-- MySQL dump", "a dump of MySQL"},
    {0, 15, "-- MariaDB dump", "a dump of MariaDB"},
    {257, 5, "ustar", "a tar archive, but not of pg_dump"},
    {0, 5, "<?xml", "XML"},
    {0, 1, "<", "HTML or XML"},
    {0, 1, "{", "JSON"},
};

static int has(const char *data, size_t size, size_t at, const char *bytes, size_t length)
{
    return size >= at + length && memcmp(data + at, bytes, length) == 0;
}

static int is_text(const char *data, size_t size)
{
    return !memchr(data, '\0', size < 1024 ? size : 1024);
}

enum pgd_kind pgd_recognize(const void *bytes, size_t size, const char **ret_looks)
{
    static const char plain[] = "--\n-- PostgreSQL database dump\n",
                      cluster[] = "--\n-- PostgreSQL database cluster dump\n";
    const char *data = bytes;
    if (has(data, size, 0, "PGDMP", 5))
        return PGD_KIND_CUSTOM;
    if (has(data, size, 0, plain, sizeof plain - 1))
        return PGD_KIND_PLAIN;
    if (has(data, size, 0, "toc.dat\0", 8) && has(data, size, 257, "ustar", 5))
        return PGD_KIND_TAR;
    *ret_looks = size == 0                                         ? "empty"
                 : has(data, size, 0, cluster, sizeof cluster - 1) ? "of pg_dumpall, which holds roles and many "
                                                                     "databases and connects to each by itself"
                 : is_text(data, size)                             ? "text, but not as pg_dump writes it"
                                                                   : "of a kind that is not known here";
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (has(data, size, others[i].at, others[i].bytes, others[i].size)) {
            *ret_looks = others[i].looks;
            break;
        }
    return PGD_KIND_UNKNOWN;
}

const char *pgd_plain_obstacle(const void *data, size_t size)
{
    static const char connect[] = "\n\\connect ";
    return memmem(data, size, connect, sizeof connect - 1)
               ? "it was made with pg_dump --create and goes to a database of its own"
               : NULL;
}
