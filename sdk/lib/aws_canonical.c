#include "aws_private.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- url ---- */

static int fail_url(const struct kist_host *host, const char *why, struct kist_error *err)
{
    /* The url itself is not told: it may hold a password. */
    return host->fail(host, err, KIST_ERR_CONFIG, "cannot sign a request: its url %s", why);
}

/* Where the port begins in HOST[:PORT], or the end. An address in brackets has colons of its own. */
static const char *port_of(const char *authority, const char *end)
{
    const char *at =
        authority < end && *authority == '[' ? memchr(authority, ']', (size_t)(end - authority)) : NULL;
    const char *colon = memchr(at ? at : authority, ':', (size_t)(end - (at ? at : authority)));
    return colon ? colon : end;
}

static int is_default_port(const char *port, size_t size, int is_https)
{
    unsigned number = 0;
    if (size > 6)
        return 0;
    for (size_t i = 1; i < size; i++)
        number = number * 10 + (unsigned)(port[i] - '0');
    return size <= 1 || number == (is_https ? 443 : 80);
}

int aws_url_split(const struct kist_host *host, const char *url, struct aws_url *ret_parts, struct kist_error *err)
{
    int is_https = strncasecmp(url, "https://", 8) == 0;
    if (!is_https && strncasecmp(url, "http://", 7) != 0)
        return fail_url(host, "is neither https nor http", err);
    const char *authority = url + (is_https ? 8 : 7);
    const char *path = authority + strcspn(authority, "/?#");
    const char *query = path + strcspn(path, "?#");
    if (memchr(authority, '@', (size_t)(path - authority)))
        return fail_url(host, "holds a user name", err);
    const char *port = port_of(authority, path);
    if (port == authority)
        return fail_url(host, "has no host", err);
    for (const char *digit = port + 1; digit < path; digit++)
        if (!isdigit((unsigned char)*digit))
            return fail_url(host, "has a port that is no number", err);
    /* The port is left out of Host where the client leaves it out. */
    int is_bare = is_default_port(port, (size_t)(path - port), is_https);
    char *name = strndup(authority, (size_t)((is_bare ? port : path) - authority));
    if (!name)
        return aws_no_memory(host, err);
    *ret_parts = (struct aws_url){.host = name, .path = path, .path_size = (size_t)(query - path)};
    if (*query == '?') {
        ret_parts->query = query + 1;
        ret_parts->query_size = strcspn(query + 1, "#");
    }
    return 0;
}

/* ---- path ---- */

struct segment {
    const char *text;
    size_t size;
};

static int is_dots(const struct segment *segment, size_t count)
{
    return segment->size == count && strncmp(segment->text, "..", count) == 0;
}

/* The segments of a path without ".", ".." and empty ones. Returns how many. */
static size_t normalise(const char *path, size_t size, struct segment *segments)
{
    size_t count = 0;
    const char *end = path + size;
    while (path < end) {
        const char *slash = memchr(path, '/', (size_t)(end - path));
        const char *stop = slash ? slash : end;
        struct segment segment = {path, (size_t)(stop - path)};
        if (is_dots(&segment, 2))
            count -= count > 0;
        else if (segment.size > 0 && !is_dots(&segment, 1))
            segments[count++] = segment;
        path = slash ? slash + 1 : end;
    }
    return count;
}

static void write_encoded(FILE *out, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte < 0x80 && (isalnum(byte) || strchr("-_.~", byte)))
            (void)putc(byte, out);
        else
            (void)fprintf(out, "%%%02X", byte);
    }
}

static int write_normalised(FILE *out, const char *path, size_t size)
{
    struct segment *segments = calloc(size + 1, sizeof *segments);
    if (!segments)
        return -1;
    size_t count = normalise(path, size, segments);
    for (size_t i = 0; i < count; i++) {
        (void)putc('/', out);
        write_encoded(out, segments[i].text, segments[i].size);
    }
    if (count == 0 || path[size - 1] == '/')
        (void)putc('/', out);
    free(segments);
    return 0;
}

int aws_write_path(FILE *out, const struct aws_url *url, int is_s3)
{
    int code = 0;
    if (url->path_size == 0)
        (void)putc('/', out);
    else if (is_s3)
        (void)fwrite(url->path, 1, url->path_size, out);
    else
        code = write_normalised(out, url->path, url->path_size);
    return code || ferror(out) ? -1 : 0;
}

/* ---- query ---- */

struct parameter {
    struct segment name, value;
};

static int compare_segments(const struct segment *a, const struct segment *b)
{
    size_t shorter = a->size < b->size ? a->size : b->size;
    int order = shorter > 0 ? memcmp(a->text, b->text, shorter) : 0;
    return order ? order : (a->size > b->size) - (a->size < b->size);
}

static int compare_parameters(const void *a, const void *b)
{
    const struct parameter *one = a, *other = b;
    int order = compare_segments(&one->name, &other->name);
    return order ? order : compare_segments(&one->value, &other->value);
}

static size_t split_query(const char *query, size_t size, struct parameter *parameters)
{
    size_t count = 0;
    const char *end = query + size;
    while (query < end) {
        const char *mark = memchr(query, '&', (size_t)(end - query));
        const char *stop = mark ? mark : end;
        const char *equals = memchr(query, '=', (size_t)(stop - query));
        const char *name_end = equals ? equals : stop;
        const char *value = equals ? equals + 1 : stop;
        if (stop > query)
            parameters[count++] = (struct parameter){.name = {query, (size_t)(name_end - query)},
                                                     .value = {value, (size_t)(stop - value)}};
        query = mark ? mark + 1 : end;
    }
    return count;
}

int aws_write_query(FILE *out, const struct aws_url *url)
{
    if (url->query_size == 0)
        return 0;
    struct parameter *parameters = calloc(url->query_size, sizeof *parameters);
    if (!parameters)
        return -1;
    size_t count = split_query(url->query, url->query_size, parameters);
    if (count > 0)
        qsort(parameters, count, sizeof *parameters, compare_parameters);
    for (size_t i = 0; i < count; i++) {
        const struct parameter *each = &parameters[i];
        (void)fprintf(out, "%s%.*s=%.*s", i ? "&" : "", (int)each->name.size, each->name.text,
                      (int)each->value.size, each->value.text);
    }
    free(parameters);
    return ferror(out) ? -1 : 0;
}

/* ---- headers ---- */

/* By name, and the same name in the order in which they were given, which is that of the array. */
static int compare_headers(const void *a, const void *b)
{
    const struct kist_http_header *const *one = a, *const *other = b;
    int order = strcasecmp((*one)->name, (*other)->name);
    return order ? order : (*one > *other) - (*one < *other);
}

/* Without white space at the ends, and with one space for each run of it inside. */
static void write_value(FILE *out, const char *value)
{
    int is_gap = 0, is_begun = 0;
    for (; *value; value++) {
        if (isspace((unsigned char)*value)) {
            is_gap = is_begun;
            continue;
        }
        if (is_gap)
            (void)putc(' ', out);
        (void)putc(*value, out);
        is_gap = 0;
        is_begun = 1;
    }
}

static void write_name(FILE *out, const char *name)
{
    for (; *name; name++)
        (void)putc(tolower((unsigned char)*name), out);
}

static void write_sorted(FILE *out, FILE *names, const struct kist_http_header *const *sorted, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int is_repeated = i > 0 && strcasecmp(sorted[i]->name, sorted[i - 1]->name) == 0;
        if (is_repeated) {
            (void)putc(',', out);
        } else {
            (void)fputs(i ? "\n" : "", out);
            (void)fputs(i ? ";" : "", names);
            write_name(out, sorted[i]->name);
            write_name(names, sorted[i]->name);
            (void)putc(':', out);
        }
        write_value(out, sorted[i]->value);
    }
    (void)putc('\n', out);
}

int aws_write_headers(FILE *out, const struct kist_http_header *headers, size_t count, char **ret_names)
{
    size_t size = 0;
    char *text = NULL;
    const struct kist_http_header **sorted = calloc(count + 1, sizeof *sorted);
    FILE *names = sorted ? open_memstream(&text, &size) : NULL;
    if (!names) {
        free(sorted);
        return -1;
    }
    for (size_t i = 0; i < count; i++)
        sorted[i] = &headers[i];
    qsort(sorted, count, sizeof *sorted, compare_headers);
    write_sorted(out, names, sorted, count);
    free(sorted);
    int is_bad = ferror(names);
    if (fclose(names) != 0 || is_bad || ferror(out)) {
        free(text);
        return -1;
    }
    *ret_names = text;
    return 0;
}
