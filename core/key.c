#include "key.h"
#include "text.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static int component_is_sound(const char *start, size_t length)
{
    if (length == 0 || (length == 1 && start[0] == '.') || (length == 2 && start[0] == '.' && start[1] == '.'))
        return 0;
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)start[i] < 0x20 || start[i] == 0x7f)
            return 0;
    return 1;
}

int kist_key_check(const char *key, struct kist_error *err)
{
    size_t length = strlen(key);
    if (length == 0 || length > KIST_KEY_MAX)
        return kist_fail(err, KIST_ERR_CORRUPT, "a key of %zu bytes is not allowed (1 to %d are)", length,
                         KIST_KEY_MAX);
    if (!kist_utf8_valid(key, length))
        return kist_fail(err, KIST_ERR_CORRUPT, "a key is not valid UTF-8");
    for (const char *start = key;; start++) {
        size_t part = strcspn(start, "/");
        if (!component_is_sound(start, part))
            return kist_fail(err, KIST_ERR_CORRUPT, "key '%s' is not a plain relative path", key);
        start += part;
        if (*start == '\0')
            return 0;
    }
}

int kist_key_is_below(const char *key, const char *folder)
{
    size_t length = strlen(folder);
    return length == 0 || (strncmp(key, folder, length) == 0 && key[length] == '/');
}

char *kist_key_join(const char *first, ...)
{
    size_t size = strlen(first) + 1;
    va_list args;
    va_start(args, first);
    for (const char *part; (part = va_arg(args, const char *));)
        size += strlen(part) + 1;
    va_end(args);
    char *key = malloc(size);
    if (!key)
        return NULL;
    char *end = stpcpy(key, first);
    va_start(args, first);
    for (const char *part; (part = va_arg(args, const char *));) {
        if (end > key && *part)
            *end++ = '/';
        end = stpcpy(end, part);
    }
    va_end(args);
    return key;
}

char *kist_key_component(const char *text)
{
    char *name = strdup(text);
    if (!name)
        return NULL;
    for (char *c = name; *c; c++)
        if ((unsigned char)*c < 0x20 || strchr("/\\:*?\"<>|\x7f", *c))
            *c = '_';
    /* A leading dot hides the file, and a leading dash looks like an option to the tools that restore it. */
    if (name[0] == '.' || name[0] == '-')
        name[0] = '_';
    return name;
}
