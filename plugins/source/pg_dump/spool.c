/* spool.c - a file for what cannot be restored as it passes: several sessions read an archive here and there. */
#include "restore.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int pgd_spool_open(const struct kist_host *host, const char *folder, struct pgd_spool *ret_spool,
                   struct kist_error *err)
{
    struct pgd_spool spool = {.fd = -1};
    if (asprintf(&spool.path, "%s/archive", folder) < 0)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    spool.fd = open(spool.path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (spool.fd < 0) {
        int code = host->fail(host, err, errno == ENOSPC ? KIST_ERR_NO_SPACE : KIST_ERR_FAILED,
                              "cannot make '%s': %s", spool.path, strerror(errno));
        free(spool.path);
        return code;
    }
    *ret_spool = spool;
    return 0;
}

int pgd_spool_write(const struct kist_host *host, struct pgd_spool *spool, const void *data, size_t size,
                    struct kist_error *err)
{
    const char *at = data;
    while (size > 0) {
        ssize_t written = write(spool->fd, at, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0) {
            int full = errno == ENOSPC || errno == EFBIG || errno == EDQUOT;
            int code = host->fail(host, err, full ? KIST_ERR_NO_SPACE : KIST_ERR_FAILED, "cannot write '%s': %s",
                                  spool->path, strerror(errno));
            if (full)
                host->hint(host, err,
                           "leave --jobs out: then the archive is restored as it comes, without a file");
            return code;
        }
        at += written;
        size -= (size_t)written;
    }
    return 0;
}

void pgd_spool_done(struct pgd_spool *spool)
{
    if (!spool->path)
        return;
    if (spool->fd >= 0)
        close(spool->fd);
    unlink(spool->path);
    free(spool->path);
    *spool = (struct pgd_spool){.fd = -1};
}
