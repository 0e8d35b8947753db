/* age_armor.h - files as text: Base64 between a line that begins it and one that ends it. */
#ifndef KIST_AGE_ARMOR_H
#define KIST_AGE_ARMOR_H

#include <stddef.h>

#define AGE_ARMOR_BEGIN "-----BEGIN AGE ENCRYPTED FILE-----"
#define AGE_ARMOR_LINE_BYTES ((size_t)48)  /* in a full line */
#define AGE_ARMOR_BLANK_MAX ((size_t)1024) /* white space before the armor, and behind it */

enum kist_age_armor_state {
    KIST_AGE_ARMOR_BEFORE,
    KIST_AGE_ARMOR_BODY,
    KIST_AGE_ARMOR_LAST, /* a short line came: only the end may follow */
    KIST_AGE_ARMOR_AFTER,
};

/* All zero at the start. */
struct kist_age_armor {
    enum kist_age_armor_state state;
    char line[AGE_ARMOR_BLANK_MAX]; /* the line that did not end yet */
    size_t length, number;          /* of that line; lines are counted from 1, and this is how many ended */
    size_t blank;                   /* characters of white space outside */
    unsigned char bytes[AGE_ARMOR_LINE_BYTES];
    size_t start, size; /* what of `bytes` was not fetched yet; the caller changes both */
};

/* Takes text up to the end of a line that gives bytes, and says how much. Returns what is wrong, or NULL. */
const char *kist_age_armor_read(struct kist_age_armor *armor, const char *text, size_t size, size_t *ret_taken);
/* What is wrong with a text that ends here, or NULL. */
const char *kist_age_armor_finish(const struct kist_age_armor *armor);

#endif
