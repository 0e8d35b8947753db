#include "suggest.h"

#include <ctype.h>
#include <string.h>

#define LONGEST 63

static int same(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t kist_edit_distance(const char *a, const char *b)
{
    size_t a_size = strlen(a), b_size = strlen(b);
    size_t row[3][LONGEST + 1];
    if (a_size > LONGEST || b_size > LONGEST)
        return SIZE_MAX;
    size_t *before = row[0], *last = row[1], *now = row[2];
    for (size_t j = 0; j <= b_size; j++) {
        before[j] = 0;
        last[j] = j;
    }
    for (size_t i = 1; i <= a_size; i++) {
        now[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            size_t replaced = last[j - 1] + (same(a[i - 1], b[j - 1]) ? 0 : 1);
            now[j] = least(replaced, least(last[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
                now[j] = least(now[j], before[j - 2] + 1);
        }
        size_t *free_row = before;
        before = last;
        last = now;
        now = free_row;
    }
    return last[b_size];
}

const char *kist_suggest(const char *word, const char *const *names, size_t count)
{
    const char *best = NULL;
    size_t word_size = strlen(word), nearest = SIZE_MAX;
    for (size_t i = 0; i < count; i++) {
        if (!names[i])
            continue;
        size_t size = strlen(names[i]);
        size_t longer = size > word_size ? size : word_size;
        size_t distance = kist_edit_distance(word, names[i]);
        /* A third may be wrong: enough for a slip, too little for another word. */
        if (distance < nearest && distance <= (longer < 3 ? 1 : longer / 3) && distance < size) {
            nearest = distance;
            best = names[i];
        }
    }
    return best;
}
