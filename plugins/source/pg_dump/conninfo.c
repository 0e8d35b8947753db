#include "pg_dump.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct text {
    FILE *stream;
    char *data;
    size_t size;
};

static int text_open(struct text *text)
{
    *text = (struct text){0};
    text->stream = open_memstream(&text->data, &text->size);
    return text->stream ? 0 : -1;
}

static char *text_close(struct text *text)
{
    int failed = ferror(text->stream);
    if (fclose(text->stream) != 0 || failed) {
        free(text->data);
        return NULL;
    }
    return text->data;
}

char *pgd_conninfo_given(const PQconninfoOption *options)
{
    struct text text;
    if (text_open(&text) != 0)
        return NULL;
    for (const PQconninfoOption *option = options; option->keyword; option++)
        if (option->val && *option->val)
            kist_pg_put(text.stream, option->keyword, option->val);
    return text_close(&text);
}

/* Not for a program: secrets, what is replaced by the server really reached, and what would change the dump
 * itself. */
static int is_left_out(const PQconninfoOption *option, int restoring)
{
    static const char *const names[] = {"password",    "passfile",        "service",
                                        "host",        "hostaddr",        "port",
                                        "dbname",      "client_encoding", "fallback_application_name",
                                        "replication", "connect_timeout"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(option->keyword, names[i]) == 0)
            return 1;
    /* A server busy with what it has got takes nothing for minutes, and that is no fault. */
    if (restoring && strcmp(option->keyword, "tcp_user_timeout") == 0)
        return 1;
    return option->dispchar[0] == '*';
}

char *pgd_conninfo_pinned(PGconn *conn, const char *database, int restoring)
{
    PQconninfoOption *options = PQconninfo(conn);
    struct text text;
    if (!options || text_open(&text) != 0) {
        PQconninfoFree(options);
        return NULL;
    }
    const char *address = PQhostaddr(conn);
    kist_pg_put(text.stream, "host", PQhost(conn));
    if (address && *address)
        kist_pg_put(text.stream, "hostaddr", address);
    kist_pg_put(text.stream, "port", PQport(conn));
    kist_pg_put(text.stream, "dbname", database ? database : PQdb(conn));
    kist_pg_put(text.stream, "connect_timeout", "30");
    for (const PQconninfoOption *option = options; option->keyword; option++)
        if (option->val && *option->val && !is_left_out(option, restoring))
            kist_pg_put(text.stream, option->keyword, option->val);
    PQconninfoFree(options);
    return text_close(&text);
}
