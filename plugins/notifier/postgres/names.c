#include "postgres.h"

#include <stdlib.h>
#include <string.h>

/* One part of a name, and where it ends; NULL: it is none, or there is no memory. */
static char *read_part(const char *text, const char **ret_end)
{
    size_t size = 0;
    char *part = malloc(strlen(text) + 1);
    int quoted = *text == '"', closed = !quoted;
    const char *at = text + quoted;
    if (!part)
        return NULL;
    for (; *at && (quoted || (*at != '.' && *at != '"')); at++) {
        if (quoted && *at == '"' && *++at != '"') {
            closed = 1;
            break;
        }
        part[size++] = *at;
    }
    part[size] = '\0';
    *ret_end = at;
    if (size > 0 && closed && (*at == '\0' || *at == '.'))
        return part;
    free(part);
    return NULL;
}

int pgn_table_read(const char *text, char **ret_schema, char **ret_table)
{
    const char *end = NULL;
    char *first = read_part(text, &end), *second = NULL;
    int has_two = first && *end == '.';
    *ret_schema = *ret_table = NULL;
    if (has_two)
        second = read_part(end + 1, &end);
    if (!first || (has_two && !second) || *end != '\0') {
        free(first);
        free(second);
        return -1;
    }
    *ret_schema = second ? first : NULL;
    *ret_table = second ? second : first;
    return 0;
}
