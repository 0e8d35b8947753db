/* identity_file.c - the identities that open files. The file is read once, and only when nobody else can. */
#include "age_filter.h"

#include "age_text.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define IDENTITY_HRP "age-secret-key-"
#define FILE_MAX ((size_t)64 * 1024)

static int refuse(const struct kist_age *age, const char *what, struct kist_error *err)
{
    const struct kist_host *host = age->host;
    return host->fail(host, err, KIST_ERR_CONFIG, "identity_file '%s' %s", age->identity_file, what);
}

static int refuse_errno(const struct kist_age *age, int error, struct kist_error *err)
{
    const struct kist_host *host = age->host;
    return host->fail(host, err, KIST_ERR_CONFIG, "identity_file '%s' cannot be read: %s", age->identity_file,
                      strerror(error));
}

/* Looked at through the descriptor that is read, so that it cannot be exchanged in between. */
static int check_file(const struct kist_age *age, int fd, struct kist_error *err)
{
    const struct kist_host *host = age->host;
    struct stat info;
    if (fstat(fd, &info) != 0)
        return refuse_errno(age, errno, err);
    if (!S_ISREG(info.st_mode))
        return refuse(age, "is not a regular file", err);
    if (info.st_mode & 077) {
        int code = host->fail(host, err, KIST_ERR_CONFIG,
                              "identity_file '%s' can be read or written by others: its mode is %04o",
                              age->identity_file, (unsigned)info.st_mode & 07777);
        host->hint(host, err, "chmod 600 %s", age->identity_file);
        return code;
    }
    if ((uint64_t)info.st_size > FILE_MAX)
        return refuse(age, "is too large to be one: it has more than 64 KiB", err);
    return 0;
}

static int read_all(const struct kist_age *age, int fd, char *text, size_t *ret_size, struct kist_error *err)
{
    size_t size = 0;
    while (size < FILE_MAX) {
        ssize_t got = read(fd, text + size, FILE_MAX - size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return refuse_errno(age, errno, err);
        if (got == 0)
            break;
        size += (size_t)got;
    }
    *ret_size = size;
    return 0;
}

/* Says what is wrong with a line, never what it says. */
static int refuse_line(const struct kist_age *age, size_t number, const char *wrong, struct kist_error *err)
{
    const struct kist_host *host = age->host;
    int code = host->fail(host, err, KIST_ERR_CONFIG, "identity_file '%s', line %zu, is not an identity: %s",
                          age->identity_file, number, wrong);
    host->hint(host, err, "an identity is a line that starts with AGE-SECRET-KEY-1; 'kist key new' makes one");
    return code;
}

static int read_line(struct kist_age *age, const char *line, size_t number, struct kist_error *err)
{
    const struct kist_host *host = age->host;
    struct kist_age_identity *identity = &age->identities[age->identity_count];
    const char *wrong = kist_age_bech32_read(line, IDENTITY_HRP, identity->secret);
    if (!wrong && line[0] != 'A')
        wrong = "it is in lower case";
    if (strncmp(line, "AGE-SECRET-KEY-PQ-", 18) == 0)
        wrong = "post-quantum ones are not known to this filter";
    else if (strncmp(line, "age-encryption.org/", 19) == 0 || strncmp(line, "-----BEGIN", 10) == 0)
        wrong = "the file is encrypted, or a key of another kind";
    if (wrong)
        return refuse_line(age, number, wrong, err);
    if (kist_age_x25519_public(identity->secret, identity->public))
        return host->fail(host, err, KIST_ERR_FAILED, "libcrypto cannot use a key for X25519");
    age->identity_count++;
    return 0;
}

/* Lines, which end as on any system; empty ones and those that start with '#' say nothing. */
static int read_lines(struct kist_age *age, char *text, struct kist_error *err)
{
    size_t number = 0;
    for (char *line = text, *next = NULL; line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        line[strcspn(line, "\r")] = '\0';
        number++;
        if (*line == '\0' || *line == '#')
            continue;
        int code = read_line(age, line, number, err);
        if (code)
            return code;
    }
    return age->identity_count > 0 ? 0 : refuse(age, "has no identity in it", err);
}

static size_t count_lines(const char *text)
{
    size_t count = 1;
    for (; *text; text++)
        count += *text == '\n';
    return count;
}

static int read_text(struct kist_age *age, int fd, char *text, struct kist_error *err)
{
    const struct kist_host *host = age->host;
    size_t size = 0;
    int code = check_file(age, fd, err);
    if (!code)
        code = read_all(age, fd, text, &size, err);
    if (code)
        return code;
    if (memchr(text, '\0', size))
        return refuse(age, "is not a text", err);
    age->identity_room = count_lines(text);
    age->identities = calloc(age->identity_room, sizeof *age->identities);
    return age->identities ? read_lines(age, text, err) : host->fail(host, err, KIST_ERR_FAILED, "out of memory");
}

int kist_age_read_identities(struct kist_age *age, struct kist_error *err)
{
    const struct kist_host *host = age->host;
    if (!age->identity_file)
        return 0;
    /* Not blocked by a pipe that nobody writes to. */
    int fd = open(age->identity_file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return refuse_errno(age, errno, err);
    char *text = calloc(1, FILE_MAX + 1);
    int code = text ? read_text(age, fd, text, err) : host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    if (text)
        OPENSSL_cleanse(text, FILE_MAX);
    free(text);
    close(fd);
    return code;
}

void kist_age_keys_done(struct kist_age *age)
{
    if (age->identities)
        OPENSSL_cleanse(age->identities, age->identity_room * sizeof *age->identities);
    free(age->identities);
    free(age->recipients);
}
