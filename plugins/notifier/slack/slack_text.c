/* slack_text.c - text that others wrote, as it may stand in a message: escaped, and no longer than Slack takes. */
#include "slack.h"

#include <stdlib.h>
#include <string.h>

#define ELLIPSIS "\xe2\x80\xa6"

/* Bytes of the character at `at`, 1 for what is none, and what it counts for. */
static size_t character(const unsigned char *at, const char **ret_text, size_t *ret_units)
{
    size_t size = *at < 0x80                  ? 1
                  : *at >= 0xc2 && *at < 0xe0 ? 2
                  : *at >= 0xe0 && *at < 0xf0 ? 3
                  : *at >= 0xf0 && *at < 0xf5 ? 4
                                              : 0;
    int wrong = size == 0 || (*at == 0xe0 && at[1] < 0xa0) || (*at == 0xed && at[1] > 0x9f) ||
                (*at == 0xf0 && at[1] < 0x90) || (*at == 0xf4 && at[1] > 0x8f);
    for (size_t i = 1; i < size && !wrong; i++)
        wrong = (at[i] & 0xc0) != 0x80;
    int control = *at < 0x20 && *at != '\n';
    *ret_text = wrong || *at == 0x7f ? "?" : control ? " " : NULL;
    *ret_units = size == 4 && !wrong ? 2 : 1;
    return wrong ? 1 : size;
}

static const char *entity(char byte)
{
    return byte == '&' ? "&amp;" : byte == '<' ? "&lt;" : byte == '>' ? "&gt;" : NULL;
}

struct piece {
    const char *data;
    size_t size, units, taken; /* bytes of it, what it counts for, bytes of the text that it stands for */
};

static struct piece next_piece(const char *at)
{
    const char *instead = NULL;
    struct piece piece = {.data = at};
    piece.taken = piece.size = character((const unsigned char *)at, &instead, &piece.units);
    if (!instead)
        instead = entity(*at);
    if (instead) {
        piece.data = instead;
        piece.size = piece.units = strlen(instead);
    }
    return piece;
}

/* Up to `limit`, and one more for whatever is behind it. */
static size_t count(const char *text, size_t limit)
{
    size_t units = 0;
    while (*text && units <= limit) {
        struct piece piece = next_piece(text);
        units += piece.units;
        text += piece.taken;
    }
    return units;
}

/* No entity is cut: half of one would be text that nobody wrote. */
char *slack_escape(const char *before, const char *text, size_t limit)
{
    size_t used = strlen(before), total = used + count(text, limit);
    size_t room = total <= limit ? limit : limit - 1, size = used;
    char *out = malloc(used + 3 * limit + sizeof ELLIPSIS);
    if (!out)
        return NULL;
    memcpy(out, before, size); /* a character of UTF-16 takes three bytes at most, and one of an entity one */
    while (*text) {
        struct piece piece = next_piece(text);
        if (used + piece.units > room)
            break;
        memcpy(out + size, piece.data, piece.size);
        size += piece.size;
        used += piece.units;
        text += piece.taken;
    }
    out[size] = '\0';
    if (*text)
        memcpy(out + size, ELLIPSIS, sizeof ELLIPSIS);
    return out;
}
