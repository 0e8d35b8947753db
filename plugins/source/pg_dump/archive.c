#include "archive.h"

#include <string.h>

/* What the bytes at hand belong to. */
enum {
    STEP_MAGIC,
    STEP_COMPRESSION, /* 1.15 and newer: a byte */
    STEP_HEAD,        /* `field` of head_fields */
    STEP_COUNT,       /* of entries */
    STEP_ENTRY,       /* `field` of entry_fields */
    STEP_DEPENDENCY,  /* texts up to a NULL */
    STEP_OFFSET,      /* where the entry's data are: a flag byte and the offset */
    STEP_BLOCK,       /* type of the next block */
    STEP_BLOCK_ID,
    STEP_LARGE_OBJECT, /* its number, or 0 at the end of them */
    STEP_CHUNK,        /* its length, or 0 at the end */
    STEP_END,
    STEP_UNKNOWN /* a version that is not known here: nothing more can be said */
};

#define OLDEST 0x010c /* 1.12, of PostgreSQL 9.0 */
#define NEWEST 0x0110 /* 1.16, of PostgreSQL 17 and 18 */
#define BLOCK_DATA 1
#define BLOCK_LARGE_OBJECTS 3
#define OFFSET_NO_DATA 3

/* i: a number, s: a text, a: a text since 1.14, k: a number since 1.16. */
static const char head_fields[] = "iiiiiiisss";
static const char old_head_fields[] = "iiiiiiiisss"; /* with the compression in front, before 1.15 */
static const char entry_fields[] = "iissssisssssakss";

static void want(struct pgd_archive *archive, uint32_t step, uint32_t bytes)
{
    archive->step = step;
    archive->need = bytes;
    archive->got = 0;
}

static void want_number(struct pgd_archive *archive, uint32_t step)
{
    want(archive, step, 1 + archive->int_size);
}

void pgd_archive_init(struct pgd_archive *archive)
{
    *archive = (struct pgd_archive){0};
    want(archive, STEP_MAGIC, 11);
}

/* The number just read: a sign byte, then the bytes from the lowest. */
static int64_t number(const struct pgd_archive *archive)
{
    uint64_t value = 0;
    for (uint32_t i = archive->int_size; i > 0; i--)
        value = value << 8 | archive->value[i];
    return archive->value[0] ? -(int64_t)value : (int64_t)value;
}

static const char *take_magic(struct pgd_archive *archive)
{
    const uint8_t *value = archive->value;
    archive->version = (uint32_t)value[5] << 8 | value[6];
    archive->int_size = value[8];
    archive->offset_size = value[9];
    if (archive->version < OLDEST || archive->version > NEWEST) {
        want(archive, STEP_UNKNOWN, 0);
        return NULL;
    }
    if (archive->int_size == 0 || archive->int_size > 8 || archive->offset_size == 0 || archive->offset_size > 8)
        return "the head of the archive makes no sense";
    if (value[10] != 1)
        return "it is an archive, but not of the custom format";
    if (archive->version >= 0x010f)
        want(archive, STEP_COMPRESSION, 1);
    else
        want_number(archive, STEP_HEAD);
    return NULL;
}

static const char *fields_of(const struct pgd_archive *archive)
{
    if (archive->step == STEP_HEAD)
        return archive->version >= 0x010f ? head_fields : old_head_fields;
    return entry_fields;
}

static void begin_entry_or_blocks(struct pgd_archive *archive)
{
    archive->field = 0;
    if (archive->entries > 0)
        want_number(archive, STEP_ENTRY);
    else if (archive->blocks > 0)
        want(archive, STEP_BLOCK, 1);
    else
        want(archive, STEP_END, 0);
}

/* One field of the head or of an entry has been read (of a text: its length, -1 for NULL). */
static const char *take_field(struct pgd_archive *archive)
{
    const char *fields = fields_of(archive);
    char kind = fields[archive->field++];
    if ((kind == 's' || kind == 'a') && number(archive) > 0)
        archive->skip = (uint64_t)number(archive);
    if (fields[archive->field] == 'a' && archive->version < 0x010e)
        archive->field++;
    if (fields[archive->field] == 'k' && archive->version < 0x0110)
        archive->field++;
    if (fields[archive->field])
        want_number(archive, archive->step);
    else
        want_number(archive, archive->step == STEP_HEAD ? STEP_COUNT : STEP_DEPENDENCY);
    return NULL;
}

static const char *take_count(struct pgd_archive *archive)
{
    archive->entries = number(archive);
    if (archive->entries < 0)
        return "the archive's table of contents makes no sense";
    begin_entry_or_blocks(archive);
    return NULL;
}

static const char *take_dependency(struct pgd_archive *archive)
{
    if (number(archive) < 0) {
        want(archive, STEP_OFFSET, 1 + archive->offset_size);
        return NULL;
    }
    archive->skip = (uint64_t)number(archive);
    want_number(archive, STEP_DEPENDENCY);
    return NULL;
}

static const char *take_offset(struct pgd_archive *archive)
{
    if (archive->value[0] < 1 || archive->value[0] > OFFSET_NO_DATA)
        return "the archive's table of contents makes no sense";
    archive->blocks += archive->value[0] != OFFSET_NO_DATA;
    archive->entries--;
    begin_entry_or_blocks(archive);
    return NULL;
}

static const char *take_block(struct pgd_archive *archive)
{
    if (archive->value[0] != BLOCK_DATA && archive->value[0] != BLOCK_LARGE_OBJECTS)
        return "a data block of the archive has no head";
    archive->large = archive->value[0] == BLOCK_LARGE_OBJECTS;
    want_number(archive, STEP_BLOCK_ID);
    return NULL;
}

static void end_block(struct pgd_archive *archive)
{
    archive->blocks--;
    begin_entry_or_blocks(archive);
}

static const char *take_chunk(struct pgd_archive *archive)
{
    int64_t length = number(archive);
    if (length < 0)
        return "a chunk of the archive has no length";
    archive->skip = (uint64_t)length;
    if (length > 0)
        want_number(archive, STEP_CHUNK);
    else if (archive->large)
        want_number(archive, STEP_LARGE_OBJECT);
    else
        end_block(archive);
    return NULL;
}

static const char *take_value(struct pgd_archive *archive)
{
    switch (archive->step) {
    case STEP_MAGIC: return take_magic(archive);
    case STEP_COMPRESSION: want_number(archive, STEP_HEAD); return NULL;
    case STEP_HEAD:
    case STEP_ENTRY: return take_field(archive);
    case STEP_COUNT: return take_count(archive);
    case STEP_DEPENDENCY: return take_dependency(archive);
    case STEP_OFFSET: return take_offset(archive);
    case STEP_BLOCK: return take_block(archive);
    case STEP_BLOCK_ID: want_number(archive, archive->large ? STEP_LARGE_OBJECT : STEP_CHUNK); return NULL;
    case STEP_LARGE_OBJECT:
        if (number(archive) != 0)
            want_number(archive, STEP_CHUNK);
        else
            end_block(archive);
        return NULL;
    default: return take_chunk(archive);
    }
}

const char *pgd_archive_feed(struct pgd_archive *archive, const void *data, size_t size)
{
    static const char magic[] = "PGDMP";
    const uint8_t *at = data;
    while (size > 0 && archive->step != STEP_UNKNOWN) {
        if (archive->skip > 0) {
            size_t pass = archive->skip < size ? (size_t)archive->skip : size;
            archive->skip -= pass;
            at += pass;
            size -= pass;
            continue;
        }
        if (archive->step == STEP_END)
            return "bytes follow the end of the archive";
        if (archive->step == STEP_MAGIC && archive->got < 5 && *at != (uint8_t)magic[archive->got])
            return "it does not begin with PGDMP";
        archive->value[archive->got++] = *at++;
        size--;
        if (archive->got < archive->need)
            continue;
        const char *fault = take_value(archive);
        if (fault)
            return fault;
    }
    return NULL;
}

const char *pgd_archive_end(const struct pgd_archive *archive)
{
    if (archive->step == STEP_UNKNOWN || (archive->step == STEP_END && archive->skip == 0))
        return NULL;
    return archive->step == STEP_MAGIC ? "it does not begin with PGDMP" : "the archive is cut off";
}

int pgd_archive_listed(const struct pgd_archive *archive)
{
    return archive->step == STEP_UNKNOWN ? -1 : archive->step >= STEP_BLOCK;
}
