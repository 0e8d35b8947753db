/*
 * s3_plan.c - how large the parts of an object are.
 *
 * An upload has at most 10,000 parts, and how long a stream will be is not known when it begins. So parts grow: each 700
 * are twice as large as those before. What is held in memory does not grow with them; once a part is larger than the
 * buffers together were meant to be, one is filled and sent after the other.
 */
#include "s3.h"

/* An estimate is a guess, so half of the parts are kept for what lies beyond it. */
#define PARTS_PLANNED (S3_PARTS_MAX / 2)
#define PARTS_BEFORE_GROWTH 700U

static uint64_t rounded_up(uint64_t size)
{
    return (size + S3_MIB - 1) / S3_MIB * S3_MIB;
}

void s3_plan_init(struct s3_plan *plan, uint64_t part_size, unsigned concurrency, int64_t expected)
{
    uint64_t first = part_size;
    if (expected > 0) {
        uint64_t wanted = ((uint64_t)expected + PARTS_PLANNED - 1) / PARTS_PLANNED;
        if (wanted > first)
            first = wanted >= S3_PART_MAX ? S3_PART_MAX : rounded_up(wanted);
    }
    /* One more than are sent, so that the next part is filled meanwhile. */
    *plan = (struct s3_plan){
        .first = first, .budget = part_size * ((uint64_t)concurrency + 1), .senders = concurrency};
}

uint64_t s3_plan_part(const struct s3_plan *plan, unsigned number)
{
    unsigned doublings = (number > 0 ? number - 1 : 0) / PARTS_BEFORE_GROWTH;
    uint64_t size = plan->first;
    while (doublings-- > 0 && size < S3_PART_MAX)
        size *= 2;
    return size < S3_PART_MAX ? size : S3_PART_MAX;
}

unsigned s3_plan_buffers(const struct s3_plan *plan, unsigned number)
{
    uint64_t fit = plan->budget / s3_plan_part(plan, number);
    if (fit < 1)
        return 1;
    return fit < plan->senders + 1 ? (unsigned)fit : plan->senders + 1;
}
