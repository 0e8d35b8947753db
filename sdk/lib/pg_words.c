/* What libpq says, for messages. */
#include "pg.h"

#include <stdlib.h>
#include <string.h>

#include "child.h"

char *kist_pg_line(const char *message)
{
    char *line = malloc(2 * strlen(message) + 1), *to = line;
    if (!line)
        return NULL;
    for (const char *at = message; *at;) {
        size_t length = strcspn(at, "\n");
        if (strncmp(at, "LOCATION:", 9) != 0 && length > 0) {
            if (to != line)
                to = stpcpy(to, "; ");
            while (length > 1 && *at == '\t')
                at++, length--;
            to = mempcpy(to, at, length);
        }
        at += length;
        at += *at == '\n';
    }
    *to = '\0';
    kist_child_clean_text(line);
    return line;
}

void kist_pg_sqlstate(const char *message, char state[6])
{
    state[0] = '\0';
    for (const char *at = message; (at = strstr(at, ":  ")) != NULL; at++) {
        size_t length = strspn(at + 3, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ");
        if (length == 5 && at[8] == ':') {
            memcpy(state, at + 3, 5);
            state[5] = '\0';
        }
    }
}

int kist_pg_speaks_of_tls(const char *message)
{
    return strstr(message, "SSL") || strstr(message, "certificate") || strstr(message, "TLS");
}
