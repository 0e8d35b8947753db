#include "sample.h"

#include <string.h>

/* 1 and the number when `text` is one from 1 to the most. */
static int read_number(const char *text, size_t length, uint32_t *ret_number)
{
    uint32_t number = 0;
    if (length == 0 || length > 5 || text[0] == '0')
        return 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return 0;
        number = number * 10 + (uint32_t)(text[i] - '0');
    }
    *ret_number = number;
    return number <= KIST_SAMPLE_MOST;
}

int kist_sample_parse(const char *text, struct kist_sample *ret_sample, struct kist_error *err)
{
    struct kist_sample sample = {0};
    size_t slash = strcspn(text, "/");
    if (text[slash] != '/' || !read_number(text, slash, &sample.part) ||
        !read_number(text + slash + 1, strlen(text + slash + 1), &sample.total) || sample.part > sample.total)
        return kist_fail(err, KIST_ERR_CONFIG,
                         "'%s' is no part of a whole like 3/7 (the whole has at most %d parts)", text,
                         KIST_SAMPLE_MOST);
    *ret_sample = sample;
    return 0;
}

/* FNV-1a, with its high bits mixed into the low ones that the remainder looks at. */
static uint64_t spread(const char *key)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; *key; key++)
        hash = (hash ^ (unsigned char)*key) * UINT64_C(0x100000001b3);
    hash ^= hash >> 32;
    hash *= UINT64_C(0xd6e8feb86659fd93);
    return hash ^ (hash >> 32);
}

int kist_sample_has(const struct kist_sample *sample, const char *key)
{
    return sample->total == 0 || spread(key) % sample->total == sample->part - 1;
}
