#include "aws_private.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

const char *aws_env(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

void aws_wipe(char *secret)
{
    if (secret)
        OPENSSL_cleanse(secret, strlen(secret));
    free(secret);
}

void aws_wipe_in(char **secret)
{
    aws_wipe(*secret);
    *secret = NULL;
}

void aws_free_in(char **text)
{
    free(*text);
    *text = NULL;
}

int aws_no_memory(const struct kist_host *host, struct kist_error *err)
{
    return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
}

int aws_fail_auth(const struct kist_host *host, struct kist_error *err)
{
    int code = err->code;
    if (code == KIST_ERR_UNAVAILABLE || code == KIST_ERR_TIMEOUT || code == KIST_ERR_CANCELLED ||
        code == KIST_ERR_AUTH)
        return code;
    /* fail() empties the error, so its words are taken out first. */
    AWS_CLEANUP_TEXT char *message = strdup(err->message ? err->message : "unknown error");
    AWS_CLEANUP_TEXT char *hint = err->hint ? strdup(err->hint) : NULL;
    (void)host->fail(host, err, KIST_ERR_AUTH, "%s", message ? message : "out of memory");
    if (hint)
        host->hint(host, err, "%s", hint);
    return KIST_ERR_AUTH;
}

int aws_replace(const struct kist_host *host, char **place, const char *text, struct kist_error *err)
{
    char *copy = text ? strdup(text) : NULL;
    if (text && !copy)
        return aws_no_memory(host, err);
    aws_wipe(*place);
    *place = copy;
    return 0;
}

/* The offset of "Z", "+01:00" or "-0130" in seconds; 0 when it is none of them. */
static int zone_seconds(const char *text, int *ret_seconds)
{
    if (strcmp(text, "Z") == 0 || strcmp(text, "z") == 0) {
        *ret_seconds = 0;
        return 1;
    }
    int hours = 0, minutes = 0, end = 0;
    if (*text != '+' && *text != '-')
        return 0;
    if ((sscanf(text + 1, "%2d:%2d%n", &hours, &minutes, &end) != 2 || text[1 + end]) &&
        (sscanf(text + 1, "%2d%2d%n", &hours, &minutes, &end) != 2 || text[1 + end]))
        return 0;
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
        return 0;
    *ret_seconds = (hours * 60 + minutes) * 60 * (*text == '-' ? -1 : 1);
    return 1;
}

int64_t aws_time(const char *text)
{
    struct tm tm = {0};
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    int offset = 0;
    if (!end)
        return -1;
    if (*end == '.')
        end += 1 + strspn(end + 1, "0123456789");
    if (!zone_seconds(end, &offset))
        return -1;
    time_t seconds = timegm(&tm);
    if (seconds < 86400 || seconds > INT64_C(253402300799))
        return -1;
    return ((int64_t)seconds - offset) * 1000;
}

int aws_is_region(const char *text)
{
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");
    return length > 0 && length < 64 && text[length] == '\0';
}

static int fail_read(const struct kist_host *host, const char *path, struct kist_error *err)
{
    return host->fail(host, err, KIST_ERR_CONFIG, "cannot read '%s': %s", path, strerror(errno));
}

static int read_all(const struct kist_host *host, int fd, const char *path, size_t limit, char **ret_text,
                    struct kist_error *err)
{
    AWS_CLEANUP_SECRET char *text = calloc(1, limit + 2);
    size_t size = 0;
    ssize_t got = 1;
    if (!text)
        return aws_no_memory(host, err);
    while (got > 0 && size <= limit) {
        got = read(fd, text + size, limit + 1 - size);
        if (got < 0 && errno == EINTR)
            got = 1;
        else if (got > 0)
            size += (size_t)got;
    }
    if (got < 0)
        return fail_read(host, path, err);
    if (size > limit)
        return host->fail(host, err, KIST_ERR_CONFIG, "'%s' is larger than %zu bytes", path, limit);
    if (strlen(text) != size)
        return host->fail(host, err, KIST_ERR_CONFIG, "'%s' is not text: it holds a zero byte", path);
    while (size > 0 && isspace((unsigned char)text[size - 1]))
        text[--size] = '\0';
    *ret_text = text;
    text = NULL;
    return 0;
}

int aws_read_file(const struct kist_host *host, const char *path, size_t limit, char **ret_text,
                  struct kist_error *err)
{
    /* A pipe or terminal in its place must not hold us up. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat status;
    if (fd < 0)
        return fail_read(host, path, err);
    int code = 0;
    if (fstat(fd, &status) != 0)
        code = fail_read(host, path, err);
    else if (!S_ISREG(status.st_mode))
        code = host->fail(host, err, KIST_ERR_CONFIG, "cannot read '%s': not a regular file", path);
    else
        code = read_all(host, fd, path, limit, ret_text, err);
    (void)close(fd);
    return code;
}
