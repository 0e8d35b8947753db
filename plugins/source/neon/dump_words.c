/* dump_words.c - the name of a temporary branch, and the words of a connection string. */
#include "dump.h"

#include <stdlib.h>
#include <string.h>

#define FNV_BASIS UINT32_C(2166136261)
#define FNV_PRIME UINT32_C(16777619)

int neon_dump_prefix(const struct kist_backup *backup, char ret_prefix[NEON_NAME_SIZE])
{
    uint32_t hash = FNV_BASIS;
    for (const char *at = backup->owner; *at; at++)
        hash = (hash ^ (unsigned char)*at) * FNV_PRIME;
    int length = snprintf(ret_prefix, NEON_NAME_SIZE, NEON_DUMP_PREFIX "%s-%08x-", backup->pipeline, hash);
    return length > 0 && (size_t)length + strlen(backup->id) <= NEON_NAME_MAX;
}

int neon_dump_is_ours(const char *name, const char *prefix)
{
    static const char form[] = "0000-00-00T00-00-00Z";
    const size_t length = strlen(prefix);
    if (strncmp(name, prefix, length) != 0 || strlen(name + length) != sizeof form - 1)
        return 0;
    for (size_t i = 0; i < sizeof form - 1; i++) {
        const char c = name[length + i];
        if (form[i] == '0' ? c < '0' || c > '9' : c != form[i])
            return 0;
    }
    return 1;
}

/* The part between "@" and the end of the host, without its port. */
static int is_on_this_machine(const char *authority, size_t length)
{
    static const char *const names[] = {"localhost", "127.", "[::1]"};
    const char *at = memrchr(authority, '@', length);
    const char *host = at ? at + 1 : authority;
    const size_t size = length - (size_t)(host - authority);
    if (memchr(host, ',', size))
        return 0; /* several: one of them may be anywhere */
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const size_t count = strlen(names[i]);
        if (size < count || strncmp(host, names[i], count) != 0)
            continue;
        if (i != 1)
            return size == count || host[count] == ':';
        const size_t digits = strspn(host, "0123456789.");
        return digits >= size || host[digits] == ':';
    }
    return 0;
}

static int is_word(const char *pair, size_t length, const char *word)
{
    const size_t size = strlen(word);
    return length > size && strncmp(pair, word, size) == 0 && pair[size] == '=';
}

char *neon_dump_address(const char *uri)
{
    static const char *const kept[] = {"channel_binding", "options", "connect_timeout"};
    const char *authority = strstr(uri, "://");
    const char *query = uri + strcspn(uri, "?#");
    char *address = NULL, mark = '?';
    size_t size = 0;
    authority = authority ? authority + 3 : uri;
    const int is_local = is_on_this_machine(authority, strcspn(authority, "/?#"));
    FILE *out = open_memstream(&address, &size);
    if (!out)
        return NULL;
    fwrite(uri, 1, (size_t)(query - uri), out);
    while (*query == '?' || *query == '&') {
        const char *pair = query + 1;
        const size_t length = strcspn(pair, "&#");
        int is_kept = is_local && is_word(pair, length, "sslmode");
        for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
            is_kept |= is_word(pair, length, kept[i]);
        if (is_kept)
            fprintf(out, "%c%.*s", mark, (int)length, pair);
        mark = is_kept ? '&' : mark;
        query = pair + length;
    }
    if (!is_local)
        fprintf(out, "%csslmode=verify-full", mark);
    if (fclose(out) == 0)
        return address;
    neon_wipe(address);
    return NULL;
}
