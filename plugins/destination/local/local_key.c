/* local_key.c - which keys can be names of files. */
#include "local.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Length of the UTF-8 sequence at `text`, or 0 when it is none (also overlong forms and surrogates). */
static size_t sequence_length(const unsigned char *text)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (text[0] < 0x80)
        return 1;
    size_t length = text[0] >= 0xf8 ? 0 : text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : text[0] >= 0xc0 ? 2 : 0;
    if (length == 0)
        return 0;
    uint32_t code = text[0] & (0x7fU >> length);
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (text[i] & 0x3fU);
    }
    return code < smallest[length] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0 : length;
}

int local_is_utf8(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    while (*at) {
        size_t length = sequence_length(at);
        if (length == 0)
            return 0;
        at += length;
    }
    return 1;
}

int local_is_temp(const char *name)
{
    size_t length = strlen(name);
    return length > 10 && strncmp(name, ".kist-", 6) == 0 && strcmp(name + length - 4, ".tmp") == 0;
}

/* Why a component cannot be the name of a file, or NULL. */
static const char *component_fault(const char *name, size_t length)
{
    if (length == 0)
        return "it has an empty part";
    if (length == 1 && name[0] == '.')
        return "it has a part '.'";
    if (length == 2 && name[0] == '.' && name[1] == '.')
        return "it has a part '..'";
    if (length > NAME_MAX)
        return "a part of it is longer than 255 bytes";
    char copy[NAME_MAX + 1];
    memcpy(copy, name, length);
    copy[length] = '\0';
    /* A listing leaves such names out and a sweep removes them, so an object must not get one. */
    return local_is_temp(copy) ? "its name is that of a temporary file" : NULL;
}

static const char *key_fault(const char *key)
{
    if (strlen(key) >= PATH_MAX)
        return "it is longer than 4095 bytes";
    if (!local_is_utf8(key))
        return "it is not UTF-8";
    for (;;) {
        size_t length = strcspn(key, "/");
        const char *fault = component_fault(key, length);
        if (fault || key[length] == '\0')
            return fault;
        key += length + 1;
    }
}

int local_key_check(const struct local_store *store, const char *key, struct kist_error *err)
{
    const char *fault = key_fault(key);
    if (!fault)
        return 0;
    return store->host->fail(store->host, err, KIST_ERR_UNSUPPORTED, "'%.1024s' cannot be a key below '%s': %s",
                             key, store->path, fault);
}

char *local_key_folder(const char *key, const char **ret_name)
{
    const char *slash = strrchr(key, '/');
    *ret_name = slash ? slash + 1 : key;
    return slash ? strndup(key, (size_t)(slash - key)) : strdup("");
}
