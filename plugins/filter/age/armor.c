/* armor.c - from text to bytes, strictly: as for the header, there is one way to write them. */
#include "age_armor.h"

#include "age_text.h"

#include <string.h>

#define END "-----END AGE ENCRYPTED FILE-----"
#define COLUMNS 64
#define BLANK " \t\r\v\f"

static int is(const char *line, size_t length, const char *text)
{
    return length == strlen(text) && memcmp(line, text, length) == 0;
}

static int is_blank(const char *line, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!memchr(BLANK, line[i], sizeof BLANK - 1))
            return 0;
    return 1;
}

static const char *skip_blank(struct kist_age_armor *armor, size_t length)
{
    armor->blank += length + 1;
    return armor->blank > AGE_ARMOR_BLANK_MAX ? "there is too much white space around the armor" : NULL;
}

static const char *take_before(struct kist_age_armor *armor, size_t length)
{
    if (is_blank(armor->line, armor->length))
        return skip_blank(armor, armor->length);
    if (!is(armor->line, length, AGE_ARMOR_BEGIN))
        return "it is not the line that an age file begins with";
    armor->state = KIST_AGE_ARMOR_BODY;
    armor->blank = 0;
    return NULL;
}

static const char *take_body(struct kist_age_armor *armor, size_t length)
{
    if (is(armor->line, length, END)) {
        armor->state = KIST_AGE_ARMOR_AFTER;
        return NULL;
    }
    if (armor->state == KIST_AGE_ARMOR_LAST)
        return "it follows a short line, which is the last one";
    if (length == 0 || length > COLUMNS || length % 4 != 0)
        return "it is not a line of padded Base64";
    size_t digits = length;
    while (digits > length - 2 && armor->line[digits - 1] == '=')
        digits--;
    long size = kist_age_base64_read(armor->line, digits, armor->bytes, sizeof armor->bytes);
    if (size < 0)
        return "it is not Base64 as it has to be";
    armor->start = 0;
    armor->size = (size_t)size;
    if (digits < COLUMNS)
        armor->state = KIST_AGE_ARMOR_LAST;
    return NULL;
}

static const char *take_line(struct kist_age_armor *armor)
{
    const size_t length =
        armor->length > 0 && armor->line[armor->length - 1] == '\r' ? armor->length - 1 : armor->length;
    const char *wrong = NULL;
    if (armor->state == KIST_AGE_ARMOR_BEFORE)
        wrong = take_before(armor, length);
    else if (armor->state != KIST_AGE_ARMOR_AFTER)
        wrong = take_body(armor, length);
    else
        wrong = is_blank(armor->line, armor->length) ? skip_blank(armor, armor->length)
                                                     : "it follows the end of the armor";
    armor->number += !wrong;
    armor->length = 0;
    return wrong;
}

const char *kist_age_armor_read(struct kist_age_armor *armor, const char *text, size_t size, size_t *ret_taken)
{
    const char *wrong = NULL;
    size_t taken = 0;
    while (taken < size && armor->size == 0 && !wrong) {
        const char *end = memchr(text + taken, '\n', size - taken);
        const size_t part = (end ? (size_t)(end - text) : size) - taken;
        if (part > sizeof armor->line - armor->length)
            return "it is too long";
        memcpy(armor->line + armor->length, text + taken, part);
        armor->length += part;
        taken += part + (end != NULL);
        if (end)
            wrong = take_line(armor);
    }
    *ret_taken = taken;
    return wrong;
}

const char *kist_age_armor_finish(const struct kist_age_armor *armor)
{
    static const char cut[] = "the line that ends an age file is missing";
    size_t length = armor->length;
    if (armor->state == KIST_AGE_ARMOR_AFTER)
        return is_blank(armor->line, length) ? NULL : "it follows the end of the armor";
    return armor->state != KIST_AGE_ARMOR_BEFORE && is(armor->line, length, END) ? NULL : cut;
}
