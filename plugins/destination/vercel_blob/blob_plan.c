/* blob_plan.c - how large the parts of a blob are. */
#include "vercel_blob.h"

static uint64_t needed(uint64_t size, uint64_t parts)
{
    uint64_t part = size / parts + (size % parts != 0);
    return (part + BLOB_MIB - 1) / BLOB_MIB * BLOB_MIB;
}

uint64_t blob_plan_part(uint64_t part_size, int64_t size, int64_t size_estimate)
{
    uint64_t part = part_size;
    /* An estimate is a guess, so half of the parts are kept for what lies beyond it. */
    if (size >= 0)
        part = needed((uint64_t)size, BLOB_PARTS_MAX);
    else if (size_estimate > 0)
        part = needed((uint64_t)size_estimate, BLOB_PARTS_MAX / 2);
    if (part < part_size)
        part = part_size;
    return part < BLOB_PART_MAX ? part : BLOB_PART_MAX;
}
