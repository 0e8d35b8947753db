/* Parameters of a connection: read, changed, and written so that nothing of the environment gets in. */
#include "pg.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *kist_pg_param(const PQconninfoOption *options, const char *keyword)
{
    for (const PQconninfoOption *option = options; option && option->keyword; option++)
        if (strcmp(option->keyword, keyword) == 0)
            return option->val && *option->val ? option->val : NULL;
    return NULL;
}

int kist_pg_param_set(PQconninfoOption *options, const char *keyword, const char *value)
{
    for (PQconninfoOption *option = options; option->keyword; option++) {
        if (strcmp(option->keyword, keyword) != 0)
            continue;
        char *copy = value && *value ? strdup(value) : NULL;
        if (value && *value && !copy)
            return -1;
        free(option->val); /* libpq itself frees it with free() */
        option->val = copy;
        return 0;
    }
    return 0; /* an older libpq does not know the keyword */
}

void kist_pg_options_free(PQconninfoOption *options)
{
    for (PQconninfoOption *option = options; option && option->keyword; option++)
        if (option->val && option->dispchar[0] == '*')
            explicit_bzero(option->val, strlen(option->val));
    PQconninfoFree(options);
}

int kist_pg_host_is_local(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (!host || !*host || *host == '/' || *host == '@' || strcasecmp(host, "localhost") == 0)
        return 1;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return (ntohl(v4.s_addr) >> 24) == 127;
    return inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

/* libpq's own words about a string that it cannot read may quote a part of it, the password for one: not repeated.
 */
int kist_pg_parse(const struct kist_host *host, const char *text, const char *what, PQconninfoOption **ret_options,
                  struct kist_error *err)
{
    char *words = NULL;
    PQconninfoOption *options = PQconninfoParse(text, &words);
    PQfreemem(words);
    if (!options) {
        int code = host->fail(host, err, KIST_ERR_CONFIG, "%s is not a PostgreSQL connection URL", what);
        host->hint(
            host, err,
            "write postgresql://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=...; in a password, characters such as "
            "@ : / %% ? # are percent-encoded (@ is %%40)");
        return code;
    }
    *ret_options = options;
    return 0;
}

void kist_pg_put(FILE *stream, const char *keyword, const char *value)
{
    fprintf(stream, "%s%s='", ftell(stream) > 0 ? " " : "", keyword);
    for (; *value; value++) {
        if (*value == '\'' || *value == '\\')
            fputc('\\', stream);
        fputc(*value, stream);
    }
    fputc('\'', stream);
}

char *kist_pg_conninfo(const PQconninfoOption *options)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    if (!stream)
        return NULL;
    for (const PQconninfoOption *option = options; option->keyword; option++) {
        const char *value = option->val && *option->val ? option->val : NULL;
        if (strcmp(option->keyword, "client_encoding") == 0)
            value = "UTF8";
        /* What is said, even as nothing, is not looked up in the environment. A service cannot be said as nothing;
         * the options that are left to one are harmless. */
        if (value || (option->envvar && strcmp(option->keyword, "service") != 0))
            kist_pg_put(stream, option->keyword, value ? value : option->compiled ? option->compiled : "");
    }
    int failed = ferror(stream);
    if (fclose(stream) != 0 || failed) {
        free(text);
        return NULL;
    }
    return text;
}
