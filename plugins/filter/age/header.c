/* header.c - collects the header's bytes and cuts them into lines. */
#include "age_header.h"

#include <stdlib.h>
#include <string.h>

/* A known stanza takes more than this as text, so there are never more of them than a header has room for. */
#define STANZA_TEXT_MIN 64

const char *kist_age_header_add(struct kist_age_header *header)
{
    if (header->last.kind == KIST_AGE_OTHER) {
        header->others++;
        return NULL;
    }
    if (header->stanza_count == header->stanza_room)
        return "it has more stanzas than this filter reads";
    header->stanzas[header->stanza_count++] = header->last;
    return NULL;
}

static int make_room(struct kist_age_header *header)
{
    if (header->text)
        return 1;
    header->room = AGE_HEADER_MAX;
    header->stanza_room = AGE_HEADER_MAX / STANZA_TEXT_MIN;
    header->text = malloc(header->room);
    header->stanzas = calloc(header->stanza_room, sizeof *header->stanzas);
    return header->text && header->stanzas;
}

/* Whatever starts otherwise is not collected in the hope that its first line ends. */
static const char *foreign(const struct kist_age_header *header)
{
    const size_t known = sizeof AGE_INTRO - 1, size = header->size < known ? header->size : known;
    return memcmp(header->text, AGE_INTRO, size) != 0 ? "it is not version 1 of the format" : NULL;
}

static const char *end_line(struct kist_age_header *header)
{
    const char *line = header->text + header->line_start;
    const size_t length = header->size - header->line_start - 1;
    const char *wrong = NULL;
    if (header->line_count > 0)
        wrong = kist_age_header_line(header, line, length);
    else if (length + 1 != sizeof AGE_INTRO - 1 || memcmp(line, AGE_INTRO, length + 1) != 0)
        wrong = "it is not version 1 of the format";
    header->line_start = header->size;
    header->line_count += !wrong;
    return wrong;
}

int kist_age_header_read(struct kist_age_header *header, const char *data, size_t size, size_t *ret_taken,
                         const char **ret_wrong)
{
    size_t taken = 0;
    if (!make_room(header))
        return KIST_ERR_FAILED;
    *ret_wrong = NULL;
    while (taken < size && !header->complete && !*ret_wrong) {
        const char *end = memchr(data + taken, '\n', size - taken);
        const size_t part = end ? (size_t)(end - data) + 1 - taken : size - taken;
        if (part > header->room - header->size) {
            *ret_wrong = "it goes on for more than 64 KiB";
            break;
        }
        memcpy(header->text + header->size, data + taken, part);
        header->size += part;
        taken += part;
        *ret_wrong = end ? end_line(header) : foreign(header);
    }
    *ret_taken = taken;
    return *ret_wrong ? KIST_ERR_CORRUPT : 0;
}

void kist_age_header_done(struct kist_age_header *header)
{
    free(header->text);
    free(header->stanzas);
    *header = (struct kist_age_header){.text = NULL};
}
