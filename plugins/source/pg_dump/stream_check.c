#include "stream_check.h"

#include <string.h>

void pgd_stream_check_init(struct pgd_stream_check *check, int plain)
{
    *check = (struct pgd_stream_check){.plain = plain};
    pgd_archive_init(&check->archive);
}

static void feed_plain(struct pgd_stream_check *check, const char *data, size_t size)
{
    if (check->head_size < PGD_PLAIN_HEAD) {
        size_t take = PGD_PLAIN_HEAD - check->head_size < size ? PGD_PLAIN_HEAD - check->head_size : size;
        memcpy(check->head + check->head_size, data, take);
        check->head_size += take;
    }
    if (memchr(data, '\0', size))
        check->fault = "a plain dump holds no NUL bytes";
    if (size >= PGD_PLAIN_TAIL) {
        memcpy(check->tail, data + size - PGD_PLAIN_TAIL, PGD_PLAIN_TAIL);
        check->tail_size = PGD_PLAIN_TAIL;
        return;
    }
    size_t keep = PGD_PLAIN_TAIL - size < check->tail_size ? PGD_PLAIN_TAIL - size : check->tail_size;
    memmove(check->tail, check->tail + check->tail_size - keep, keep);
    memcpy(check->tail + keep, data, size);
    check->tail_size = keep + size;
}

int pgd_stream_check_feed(struct pgd_stream_check *check, const void *data, size_t size)
{
    check->bytes += size;
    if (check->fault || size == 0)
        return check->fault ? -1 : 0;
    if (check->plain)
        feed_plain(check, data, size);
    else
        check->fault = pgd_archive_feed(&check->archive, data, size);
    return check->fault ? -1 : 0;
}

/* The token of "\restrict TOKEN" in the head, as a length and a pointer; length 0 without one. */
static size_t restrict_token(const struct pgd_stream_check *check, const char **ret_token)
{
    static const char word[] = "\n\\restrict ";
    const char *found = memmem(check->head, check->head_size, word, sizeof word - 1);
    if (!found)
        return 0;
    *ret_token = found + sizeof word - 1;
    const char *end = memchr(*ret_token, '\n', check->head_size - (size_t)(*ret_token - check->head));
    return end ? (size_t)(end - *ret_token) : 0;
}

/* Where the text after the last trailer begins, or NULL. */
static const char *after_trailer(const struct pgd_stream_check *check)
{
    static const char trailer[] = "\n-- PostgreSQL database dump complete\n";
    const char *found = NULL, *at = check->tail, *end = check->tail + check->tail_size;
    while ((at = memmem(at, (size_t)(end - at), trailer, sizeof trailer - 1)) != NULL)
        found = at += sizeof trailer - 1;
    return found;
}

/* A row of a table may hold the trailer's words: so nothing but its own last lines may follow, and a dump that
 * began with \restrict must end with the \unrestrict of the same token. */
static int trailer_ends(const struct pgd_stream_check *check)
{
    static const char word[] = "\\unrestrict ";
    const char *at = after_trailer(check), *end = check->tail + check->tail_size, *token = NULL;
    size_t token_size = restrict_token(check, &token);
    int released = token_size == 0;
    while (at && at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        if (!newline)
            return 0;
        size_t length = (size_t)(newline - at);
        if (token_size > 0 && length == sizeof word - 1 + token_size && memcmp(at, word, sizeof word - 1) == 0 &&
            memcmp(at + sizeof word - 1, token, token_size) == 0)
            released = 1;
        else if (length != 0 && !(length == 2 && memcmp(at, "--", 2) == 0))
            return 0;
        at = newline + 1;
    }
    return at && released;
}

int pgd_stream_check_end(struct pgd_stream_check *check)
{
    if (check->fault)
        return -1;
    if (check->bytes == 0)
        check->fault = "there is not a single byte";
    else if (check->plain && !trailer_ends(check))
        check->fault = "it does not end with \"PostgreSQL database dump complete\"";
    else if (!check->plain)
        check->fault = pgd_archive_end(&check->archive);
    return check->fault ? -1 : 0;
}
