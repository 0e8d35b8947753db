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
    static const char *const words[] = {"auth",     "token",      "secret", "signature",
                                        "password", "credential", "cookie", "key"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasestr(name, words[i]))
            return 1;
    return 0;
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
static int check(const struct kist_host *host, const char *option, const char *name, const char *value,
                 int may_be_secret, struct kist_error *err)
{
    int is_authorization = strcasecmp(name, "authorization") == 0;
    if (is_ours(name))
        return host->fail(host, err, KIST_ERR_CONFIG, "%s: '%s' is not for the configuration to set", option,
                          name);
    if (is_authorization || (is_secret(name) && !may_be_secret)) {
        host->fail(host, err, KIST_ERR_CONFIG, "%s: '%s' holds a secret", option, name);
        host->hint(host, err,
                   is_authorization ? "'authorization = ${VALUE}' keeps it out of logs"
                                    : "'secret_header = %s: ${VALUE}' keeps it out of logs",
                   name);
        return KIST_ERR_CONFIG;
    }
    if (!is_value(value))
        return host->fail(host, err, KIST_ERR_CONFIG, "%s: '%s' holds a control character", option, name);
    return 0;
}

int webhook_header_parse(const struct kist_host *host, const char *option, const char *line, int may_be_secret,
                         char **ret_name, char **ret_value, struct kist_error *err)
{
    size_t size = name_size(line);
    if (size == 0) {
        host->fail(host, err, KIST_ERR_CONFIG, "%s: what should be a header has no name before a ':'", option);
        host->hint(host, err,
                   may_be_secret ? "write it as in 'X-Api-Key: ${VALUE}'"
                                 : "one header a line, as in 'X-Team: storage'; a comma starts another one, too");
        return KIST_ERR_CONFIG;
    }
    const char *rest = line + size + 1;
    rest += strspn(rest, " \t");
    char *name = strndup(line, size), *value = strdup(rest);
    int code = name && value ? check(host, option, name, value, may_be_secret, err)
                             : host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    if (code) {
        free(name);
        free(value);
        return code;
    }
    *ret_name = name;
    *ret_value = value;
    return 0;
}
