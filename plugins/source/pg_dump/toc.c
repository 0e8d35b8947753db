#include "toc.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define OLDEST 0x010c
#define NEWEST 0x0110
/* Of an entry: magic, versions, sizes, format; see archive.c for the layout. */
#define MAGIC_SIZE 11

struct cursor {
    const uint8_t *at, *end;
    unsigned version, int_size, offset_size;
    int failed;
};

static const uint8_t *take(struct cursor *cursor, size_t size)
{
    const uint8_t *at = cursor->at;
    if (cursor->failed || size > (size_t)(cursor->end - at)) {
        cursor->failed = 1;
        return NULL;
    }
    cursor->at += size;
    return at;
}

static int64_t take_number(struct cursor *cursor)
{
    const uint8_t *bytes = take(cursor, 1 + cursor->int_size);
    uint64_t value = 0;
    for (unsigned i = cursor->int_size; bytes && i > 0; i--)
        value = value << 8 | bytes[i];
    if (value > INT64_MAX) {
        cursor->failed = 1;
        return 0;
    }
    return bytes && bytes[0] ? -(int64_t)value : (int64_t)value;
}

/* A new string, "" for none; NULL after a failure. `ret_none` may be NULL. */
static char *take_text(struct cursor *cursor, int *ret_none)
{
    int64_t length = take_number(cursor);
    const uint8_t *bytes = length > 0 ? take(cursor, (size_t)length) : NULL;
    if (ret_none)
        *ret_none = length < 0;
    char *text = cursor->failed ? NULL : bytes ? strndup((const char *)bytes, (size_t)length) : strdup("");
    cursor->failed |= !text;
    return text;
}

static void pass_text(struct cursor *cursor)
{
    int64_t length = take_number(cursor);
    if (length > 0)
        (void)take(cursor, (size_t)length);
}

static void pass_head(struct cursor *cursor)
{
    const uint8_t *magic = take(cursor, MAGIC_SIZE);
    if (!magic || memcmp(magic, "PGDMP", 5) != 0) {
        cursor->failed = 1;
        return;
    }
    cursor->version = (unsigned)magic[5] << 8 | magic[6];
    cursor->int_size = magic[8];
    cursor->offset_size = magic[9];
    if (cursor->version < OLDEST || cursor->version > NEWEST || cursor->int_size - 1 > 7 ||
        cursor->offset_size - 1 > 7) {
        cursor->failed = 1;
        return;
    }
    if (cursor->version >= 0x010f)
        (void)take(cursor, 1);
    for (int i = cursor->version >= 0x010f ? 0 : -1; i < 7; i++) /* compression, then the time */
        (void)take_number(cursor);
    for (int i = 0; i < 3; i++) /* database and versions */
        pass_text(cursor);
}

static int add_need(struct pgd_toc_entry *entry, const char *text)
{
    int *needs = reallocarray(entry->needs, entry->need_count + 1, sizeof *needs);
    if (!needs)
        return -1;
    entry->needs = needs;
    needs[entry->need_count++] = (int)strtol(text, NULL, 10);
    return 0;
}

static void take_needs(struct cursor *cursor, struct pgd_toc_entry *entry)
{
    for (int none = 0; !none && !cursor->failed;) {
        char *text = take_text(cursor, &none);
        if (text && !none && add_need(entry, text) != 0)
            cursor->failed = 1;
        free(text);
    }
}

static void take_entry(struct cursor *cursor, struct pgd_toc_entry *entry)
{
    int64_t id = take_number(cursor);
    entry->id = (int)id;
    cursor->failed |= id <= 0 || id > INT_MAX;
    (void)take_number(cursor); /* has data */
    pass_text(cursor);         /* oid of its catalog */
    pass_text(cursor);         /* its own */
    entry->tag = take_text(cursor, NULL);
    entry->kind = take_text(cursor, NULL);
    (void)take_number(cursor);  /* section */
    for (int i = 0; i < 3; i++) /* definition, drop, copy */
        pass_text(cursor);
    entry->schema = take_text(cursor, NULL);
    pass_text(cursor); /* tablespace */
    if (cursor->version >= 0x010e)
        pass_text(cursor); /* access method */
    if (cursor->version >= 0x0110)
        (void)take_number(cursor); /* kind of relation */
    pass_text(cursor);             /* owner */
    pass_text(cursor);             /* oids */
    take_needs(cursor, entry);
    (void)take(cursor, 1 + cursor->offset_size);
}

static int compare_ids(const void *left, const void *right)
{
    const struct pgd_toc_entry *const *a = left, *const *b = right;
    return ((*a)->id > (*b)->id) - ((*a)->id < (*b)->id);
}

static int index_entries(struct pgd_toc *toc)
{
    toc->by_id = calloc(toc->count + 1, sizeof *toc->by_id);
    for (size_t i = 0; toc->by_id && i < toc->count; i++)
        toc->by_id[i] = &toc->entries[i];
    if (toc->by_id)
        qsort(toc->by_id, toc->count, sizeof *toc->by_id, compare_ids);
    return toc->by_id ? 0 : -1;
}

int pgd_toc_read(const void *data, size_t size, struct pgd_toc *ret_toc)
{
    struct cursor cursor = {.at = data, .end = (const uint8_t *)data + size};
    struct pgd_toc toc = {0};
    pass_head(&cursor);
    int64_t count = take_number(&cursor);
    /* No entry is shorter than its numbers. */
    if (cursor.failed || count < 0 || (uint64_t)count > size / 16)
        return -1;
    toc.entries = calloc((size_t)count + 1, sizeof *toc.entries);
    while (toc.entries && !cursor.failed && toc.count < (size_t)count)
        take_entry(&cursor, &toc.entries[toc.count++]);
    if (!toc.entries || cursor.failed || index_entries(&toc) != 0) {
        pgd_toc_done(&toc);
        return -1;
    }
    *ret_toc = toc;
    return 0;
}

struct pgd_toc_entry *pgd_toc_find(const struct pgd_toc *toc, int id)
{
    struct pgd_toc_entry wanted = {.id = id}, *key = &wanted;
    struct pgd_toc_entry **found =
        toc->count == 0 ? NULL : bsearch(&key, toc->by_id, toc->count, sizeof *toc->by_id, compare_ids);
    return found ? *found : NULL;
}

void pgd_toc_done(struct pgd_toc *toc)
{
    for (size_t i = 0; toc->entries && i < toc->count; i++) {
        free(toc->entries[i].tag);
        free(toc->entries[i].kind);
        free(toc->entries[i].schema);
        free(toc->entries[i].needs);
    }
    free(toc->entries);
    free(toc->by_id);
    *toc = (struct pgd_toc){0};
}
