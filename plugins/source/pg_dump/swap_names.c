#include "swap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TIME_SIZE 15 /* "20261121_020000" */
#define TRIES 100

/* How much of `name` fits before `word`, a time and a number of two digits, without cutting a character in two. */
static size_t fitting(const char *name, const char *word)
{
    size_t room = PGD_NAME_MAX - strlen("__") - strlen(word) - TIME_SIZE - strlen("_99");
    size_t length = strlen(name);
    if (length <= room)
        return length;
    while (room > 0 && ((unsigned char)name[room] & 0xc0) == 0x80)
        room--;
    return room;
}

static int is_taken(struct pgd_swap *swap, const char *name, int *ret_taken, struct kist_error *err)
{
    PGresult *result = NULL;
    int code = pgd_query(&swap->work.link, "SELECT 1 FROM pg_catalog.pg_database WHERE datname = $1", 1, &name,
                         &result, err);
    if (!code)
        *ret_taken = PQntuples(result) > 0;
    PQclear(result);
    return code;
}

int pgd_swap_name(struct pgd_swap *swap, const char *word, char **ret_name, struct kist_error *err)
{
    const struct kist_host *host = swap->host;
    time_t now = (time_t)(host->now_ms(host) / 1000);
    struct tm utc;
    char stamp[32], name[PGD_NAME_MAX + 1], number[8] = "";
    int taken = 1, code = 0;
    if (!gmtime_r(&now, &utc) || strftime(stamp, sizeof stamp, "%Y%m%d_%H%M%S", &utc) != TIME_SIZE)
        return host->fail(host, err, KIST_ERR_FAILED, "the clock shows no date");
    for (int i = 1; !code && taken && i < TRIES; i++) {
        if (i > 1)
            snprintf(number, sizeof number, "_%d", i);
        snprintf(name, sizeof name, "%.*s_%s_%s%s", (int)fitting(swap->live, word), swap->live, word, stamp,
                 number);
        code = is_taken(swap, name, &taken, err);
    }
    if (!code && taken)
        code = host->fail(host, err, KIST_ERR_EXISTS, "every name like '%s' is taken", name);
    if (!code && !(*ret_name = strdup(name)))
        code = host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    return code;
}

/* Is it "_restore_<time>" or "_restore_<time>_<number>"? What a swap or its way back put aside may be swapped in, too. */
static int is_own_tail(const char *tail)
{
    static const char digits[] = "0123456789", *const words[] = {"_restore_", "_undone_", "_before_"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strncmp(tail, words[i], strlen(words[i])) != 0)
            continue;
        const char *at = tail + strlen(words[i]);
        if (strspn(at, digits) != 8 || at[8] != '_' || strspn(at + 9, digits) != 6)
            return 0;
        at += TIME_SIZE;
        return *at == '\0' || (*at == '_' && at[1] && at[1 + strspn(at + 1, digits)] == '\0');
    }
    return 0;
}

int pgd_swap_is_restore(const struct pgd_swap *swap, const char *name)
{
    size_t length = strlen(swap->live), all = strlen(name);
    for (size_t same = 1; same <= length && name[same - 1] == swap->live[same - 1]; same++)
        /* Only a long name is ever shortened, and not by more than a character. */
        if (is_own_tail(name + same) && (same == length || all >= PGD_NAME_MAX - 3))
            return 1;
    return 0;
}

/* Two long names may begin alike, and what was put aside for the one would be taken for the other's. */
static int refuse_alike(struct pgd_swap *swap, const char *start, struct kist_error *err)
{
    static const char sql[] =
        "SELECT datname FROM pg_catalog.pg_database WHERE datname <> $1 AND "
        "pg_catalog.left(datname::text, pg_catalog.length($2)) = $2 AND pg_catalog.length(datname::text) > "
        "pg_catalog.length($2) AND "
        "pg_catalog.substr(datname::text, pg_catalog.length($2) + 1) !~ '^_(before|undone|restore)_[0-9]' LIMIT 1";
    const struct kist_host *host = swap->host;
    const char *values[] = {swap->live, start};
    PGresult *result = NULL;
    if (strcmp(start, swap->live) == 0)
        return 0;
    int code = pgd_query(&swap->work.link, sql, 2, values, &result, err);
    if (!code && PQntuples(result) > 0) {
        code = host->fail(host, err, KIST_ERR_REFUSED,
                          "what was put aside for '%s' cannot be told from what was put aside for '%s'",
                          swap->live, PQgetvalue(result, 0, 0));
        host->hint(host, err, "look for '%s_before_...' and rename by hand", start);
    }
    PQclear(result);
    return code;
}

int pgd_swap_newest(struct pgd_swap *swap, char **ret_name, struct kist_error *err)
{
    static const char sql[] =
        "SELECT datname FROM (SELECT datname, pg_catalog.substr(datname::text, pg_catalog.length($1) + 1) AS rest "
        "FROM pg_catalog.pg_database WHERE pg_catalog.left(datname::text, pg_catalog.length($1)) = $1) AS kept "
        "WHERE rest ~ '^[0-9]{8}_[0-9]{6}(_[0-9]+)?$' "
        "ORDER BY pg_catalog.left(rest, 15) COLLATE \"C\" DESC, pg_catalog.length(rest) DESC, rest DESC LIMIT 1";
    const struct kist_host *host = swap->host;
    char start[PGD_NAME_MAX + 1], prefix[2 * PGD_NAME_MAX];
    const char *value = prefix;
    PGresult *result = NULL;
    snprintf(start, sizeof start, "%.*s", (int)fitting(swap->live, "before"), swap->live);
    snprintf(prefix, sizeof prefix, "%s_before_", start);
    int code = refuse_alike(swap, start, err);
    if (!code)
        code = pgd_query(&swap->work.link, sql, 1, &value, &result, err);
    if (!code && PQntuples(result) == 0) {
        code = host->fail(host, err, KIST_ERR_NOT_FOUND, "there is no database '%s<time>' on %s", prefix,
                          swap->work.server.where);
        host->hint(host, err, "only what a swap of '%s' put aside can be brought back", swap->live);
    }
    if (!code && !(*ret_name = strdup(PQgetvalue(result, 0, 0))))
        code = host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    PQclear(result);
    return code;
}
