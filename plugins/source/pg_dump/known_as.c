#include "pg_dump.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* One address of a list. The directory of a socket is one that others do not know the server by. */
static int give_one(const char *host, int (*give)(void *arg, const char *name), void *arg)
{
    static const char prefix[] = "host:";
    char name[sizeof prefix + 256];
    const size_t length = strlen(host);
    if (length == 0 || length >= sizeof name - sizeof prefix || host[0] == '/' || host[0] == '@')
        return 0;
    memcpy(name, prefix, sizeof prefix - 1);
    for (size_t i = 0; i <= length; i++)
        name[sizeof prefix - 1 + i] = (char)tolower((unsigned char)host[i]);
    return give(arg, name);
}

int pgd_known_as(void *self, int (*give)(void *arg, const char *name), void *arg, struct kist_error *err)
{
    static const char *const keywords[] = {"host", "hostaddr"};
    const struct pgd_source *source = self;
    int code = 0;
    for (size_t i = 0; i < 2 && !code; i++) {
        const char *hosts = kist_pg_param(source->params.options, keywords[i]);
        char *copy = hosts ? strdup(hosts) : NULL, *rest = copy;
        if (hosts && !copy)
            return source->host->fail(source->host, err, KIST_ERR_FAILED, "out of memory");
        for (char *host = strsep(&rest, ","); host && !code; host = strsep(&rest, ","))
            code = give_one(host, give, arg);
        free(copy);
    }
    return code;
}
