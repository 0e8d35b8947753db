/* webhook_headers.c - headers that the user adds to a request. */
#include "webhook.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What frames the request, says what it holds or proves who sent it is this plugin's alone. */
static int is_ours(const char *name)
{
    static const char *const names[] = {
        "connection", "content-encoding", "content-length",    "content-type", "expect", "host",
        "te",         "trailer",          "transfer-encoding", "upgrade"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasecmp(name, names[i]) == 0)
            return 1;
    return strncasecmp(name, "x-kist-", 7) == 0;
}

static int is_secret(const char *name)
{
    return strcasecmp(name, "authorization") == 0 || strcasecmp(name, "proxy-authorization") == 0 ||
           strcasecmp(name, "cookie") == 0;
}

static size_t name_size(const char *line)
{
    size_t size = 0;
    while (isalnum((unsigned char)line[size]) || (line[size] && strchr("!#$%&'*+-.^_`|~", line[size])))
        size++;
    return line[size] == ':' ? size : 0;
}

static int is_value(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return 0;
    return 1;
}

/* None of the value is shown: it may be a key. */
static int check(const struct kist_host *host, const char *name, const char *value, struct kist_error *err)
{
    if (is_ours(name))
        return host->fail(host, err, KIST_ERR_CONFIG, "headers: '%s' is not for the configuration to set", name);
    if (is_secret(name)) {
        host->fail(host, err, KIST_ERR_CONFIG, "headers: '%s' holds a secret", name);
        host->hint(host, err, "'authorization = ${NAME}' keeps it out of logs");
        return KIST_ERR_CONFIG;
    }
    if (!is_value(value))
        return host->fail(host, err, KIST_ERR_CONFIG, "headers: '%s' holds a control character", name);
    return 0;
}

int webhook_header_parse(const struct kist_host *host, const char *line, char **ret_name, char **ret_value,
                         struct kist_error *err)
{
    size_t size = name_size(line);
    if (size == 0) {
        host->fail(host, err, KIST_ERR_CONFIG, "headers: what should be a header has no name before a ':'");
        host->hint(host, err, "one header a line, as in 'X-Team: storage'; a comma starts another one, too");
        return KIST_ERR_CONFIG;
    }
    const char *rest = line + size + 1;
    rest += strspn(rest, " \t");
    char *name = strndup(line, size), *value = strdup(rest);
    int code =
        name && value ? check(host, name, value, err) : host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    if (code) {
        free(name);
        free(value);
        return code;
    }
    *ret_name = name;
    *ret_value = value;
    return 0;
}
