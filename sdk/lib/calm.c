#include "calm.h"

#include <sys/eventfd.h>
#include <unistd.h>

static int never(const struct kist_host *host)
{
    (void)host;
    return 0;
}

static int never_fd(const struct kist_host *host)
{
    return ((const struct kist_calm *)(const void *)host)->fd;
}

int kist_calm_init(struct kist_calm *calm, const struct kist_host *host)
{
    calm->host = *host;
    calm->host.cancelled = never;
    calm->host.cancel_fd = never_fd;
    calm->fd = eventfd(0, EFD_CLOEXEC);
    return calm->fd < 0 ? -1 : 0;
}

void kist_calm_done(struct kist_calm *calm)
{
    if (calm->fd >= 0)
        close(calm->fd);
}
