#include "unwrap.h"

#include <string.h>

/* The longest line that is replaced. */
#define LONGEST (sizeof "COMMIT;" - 1)

static int line_is(const struct pgd_unwrap *unwrap, const char *text)
{
    return unwrap->length == strlen(text) && memcmp(unwrap->line, text, unwrap->length) == 0;
}

static int line_begins(const struct pgd_unwrap *unwrap, const char *text)
{
    return unwrap->length >= strlen(text) && memcmp(unwrap->line, text, strlen(text)) == 0;
}

static int line_has(const struct pgd_unwrap *unwrap, const char *text)
{
    size_t known = unwrap->length < PGD_UNWRAP_LINE ? unwrap->length : PGD_UNWRAP_LINE;
    return memmem(unwrap->line, known, text, strlen(text)) != NULL;
}

/* "--", "-- Data for Name: BLOBS; Type: BLOBS; ...", "--", "" and then BEGIN: how much of it has passed. */
static void follow_heading(struct pgd_unwrap *unwrap)
{
    int at = unwrap->heading;
    if (at == 1 && line_begins(unwrap, "-- Data for Name: ") && line_has(unwrap, "; Type: BLOBS; "))
        unwrap->heading = 2;
    else if (at == 2 && line_is(unwrap, "--"))
        unwrap->heading = 3;
    else if (at == 3 && unwrap->length == 0)
        unwrap->heading = 4;
    else
        unwrap->heading = line_is(unwrap, "--");
}

/* The line is complete: what takes its place, or NULL. `rows`: it says that rows follow. */
static const char *judge(struct pgd_unwrap *unwrap, int rows)
{
    if (unwrap->in_rows) {
        unwrap->in_rows = !line_is(unwrap, "\\.");
        return NULL;
    }
    if (unwrap->in_objects && line_is(unwrap, "COMMIT;")) {
        unwrap->in_objects = 0;
        return "-------";
    }
    if (unwrap->heading == 4 && line_is(unwrap, "BEGIN;")) {
        unwrap->heading = 0;
        unwrap->in_objects = 1;
        return "------";
    }
    unwrap->in_rows = rows && line_begins(unwrap, "COPY ");
    follow_heading(unwrap);
    return NULL;
}

static void gather(struct pgd_unwrap *unwrap, const char *data, size_t size)
{
    if (unwrap->length < PGD_UNWRAP_LINE) {
        size_t room = PGD_UNWRAP_LINE - unwrap->length;
        memcpy(unwrap->line + unwrap->length, data, size < room ? size : room);
    }
    unwrap->length += size;
}

static int ends_with_stdin(const char *begin, const char *end)
{
    static const char words[] = " FROM stdin;";
    size_t length = sizeof words - 1;
    /* Cut by the border of a chunk: better to take it for rows, of which nothing is ever replaced. */
    return (size_t)(end - begin) < length || memcmp(end - length, words, length) == 0;
}

int pgd_unwrap_feed(struct pgd_unwrap *unwrap, const void *data, size_t size, pgd_unwrap_put put, void *arg,
                    struct kist_error *err)
{
    const char *at = data, *end = at + size, *segment = at;
    size_t held = unwrap->held;
    int code = 0;
    unwrap->held = 0;
    while (!code && at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at)), *stop = newline ? newline : end;
        gather(unwrap, at, (size_t)(stop - at));
        if (!newline && unwrap->length <= LONGEST) {
            unwrap->held = unwrap->length; /* it may become one that is replaced */
            return at > segment ? put(arg, segment, (size_t)(at - segment), err) : 0;
        }
        const char *instead = newline ? judge(unwrap, ends_with_stdin(data, stop)) : NULL;
        if (instead) {
            code = at > segment ? put(arg, segment, (size_t)(at - segment), err) : 0;
            code = code ? code : put(arg, instead, strlen(instead), err);
            segment = stop;
        } else if (held > 0) {
            code = put(arg, unwrap->line, held, err);
        }
        held = 0;
        unwrap->length = newline ? 0 : unwrap->length;
        at = newline ? newline + 1 : end;
    }
    return code || segment == end ? code : put(arg, segment, (size_t)(end - segment), err);
}

int pgd_unwrap_end(struct pgd_unwrap *unwrap, pgd_unwrap_put put, void *arg, struct kist_error *err)
{
    size_t held = unwrap->held;
    unwrap->held = 0;
    return held > 0 ? put(arg, unwrap->line, held, err) : 0;
}
