#include "pg_dump.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *trim(char *text)
{
    text += strspn(text, " \t\r\n");
    size_t length = strlen(text);
    while (length > 0 && strchr(" \t\r\n", text[length - 1]))
        text[--length] = '\0';
    return text;
}

static int fill(const struct kist_host *host, PQconninfoOption *options, const char *file, char *line,
                struct kist_error *err)
{
    char *equals = strchr(line, '=');
    if (!equals)
        return host->fail(host, err, KIST_ERR_CONFIG, "service file '%s': a line of the service is not KEY=VALUE",
                          file);
    *equals = '\0';
    for (PQconninfoOption *option = options; option->keyword; option++) {
        if (strcmp(option->keyword, line) != 0)
            continue;
        if (!option->val && kist_pg_param_set(options, line, equals + 1) != 0)
            return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
        return 0;
    }
    return host->fail(host, err, KIST_ERR_CONFIG, "service file '%s': unknown key '%s'", file, line);
}

/* 0 and *ret_found when the file could be read. */
static int read_file(const struct kist_host *host, const char *file, const char *service,
                     PQconninfoOption *options, int *ret_found, struct kist_error *err)
{
    FILE *stream = fopen(file, "re");
    char buffer[1024];
    int inside = 0, code = 0;
    while (stream && !code && fgets(buffer, sizeof buffer, stream)) {
        char *line = trim(buffer);
        if (*line == '#' || *line == '\0')
            continue;
        if (*line == '[') {
            if (inside)
                break;
            line[strcspn(line, "]")] = '\0';
            inside = strcmp(line + 1, service) == 0;
            *ret_found |= inside;
        } else if (inside) {
            code = fill(host, options, file, line, err);
        }
    }
    explicit_bzero(buffer, sizeof buffer);
    if (stream)
        fclose(stream);
    return code;
}

int pgd_service_read(const struct kist_host *host, const char *service, PQconninfoOption *options,
                     struct kist_error *err)
{
    const char *named = getenv("PGSERVICEFILE"), *home = getenv("HOME"), *etc = getenv("PGSYSCONFDIR");
    char own[4096], shared[4096];
    int found = 0;
    snprintf(own, sizeof own, "%s/.pg_service.conf", home ? home : "");
    snprintf(shared, sizeof shared, "%s/pg_service.conf", etc ? etc : "/etc/postgresql-common");
    int code = read_file(host, named ? named : own, service, options, &found, err);
    if (!code && !found)
        code = read_file(host, shared, service, options, &found, err);
    if (!code && !found) {
        code = host->fail(host, err, KIST_ERR_CONFIG, "no service '%s' in '%s' or '%s'", service,
                          named ? named : own, shared);
        host->hint(host, err, "PGSERVICEFILE names another file");
    }
    return code;
}
