#include "cancel.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct kist_cancel {
    struct kist_cancel *parent;
    atomic_int set;
    int event_fd; /* its counter is never read, so it stays readable once written */
    int wait_fd;  /* watches event_fd and those of all ancestors; event_fd itself without a parent */
};

/* An epoll descriptor is readable when one of those in it is. The ancestors' own descriptors go into it, not their
 * epoll descriptors, because the kernel limits how deep those may be nested. */
static int watch_ancestors(struct kist_cancel *cancel)
{
    cancel->wait_fd = epoll_create1(EPOLL_CLOEXEC);
    if (cancel->wait_fd < 0)
        return -1;
    for (struct kist_cancel *each = cancel; each; each = each->parent) {
        struct epoll_event event = {.events = EPOLLIN};
        if (epoll_ctl(cancel->wait_fd, EPOLL_CTL_ADD, each->event_fd, &event) != 0)
            return -1;
    }
    return 0;
}

int kist_cancel_new(struct kist_cancel *parent, struct kist_cancel **ret_cancel, struct kist_error *err)
{
    struct kist_cancel *cancel = malloc(sizeof *cancel);
    if (!cancel)
        return kist_fail_errno(err, ENOMEM, "cannot make a cancel flag");
    *cancel = (struct kist_cancel){.parent = parent, .event_fd = -1, .wait_fd = -1};
    atomic_init(&cancel->set, 0);
    cancel->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (cancel->event_fd >= 0 && !parent)
        cancel->wait_fd = cancel->event_fd;
    if (cancel->event_fd < 0 || (parent && watch_ancestors(cancel) != 0)) {
        int errnum = errno;
        kist_cancel_free(cancel);
        return kist_fail_errno(err, errnum, "cannot make a cancel flag");
    }
    *ret_cancel = cancel;
    return 0;
}

void kist_cancel_free(struct kist_cancel *cancel)
{
    if (!cancel)
        return;
    if (cancel->wait_fd >= 0 && cancel->wait_fd != cancel->event_fd)
        close(cancel->wait_fd);
    if (cancel->event_fd >= 0)
        close(cancel->event_fd);
    free(cancel);
}

void kist_cancel_set(struct kist_cancel *cancel)
{
    /* This runs in signal handlers: the interrupted code must find its errno again. */
    int errnum = errno;
    if (!atomic_exchange(&cancel->set, 1)) {
        const uint64_t one = 1;
        /* A fresh counter takes a 1 at once: it can neither block nor be cut short. */
        ssize_t written = write(cancel->event_fd, &one, sizeof one);
        (void)written;
    }
    errno = errnum;
}

int kist_cancel_is_set(const struct kist_cancel *cancel)
{
    for (; cancel; cancel = cancel->parent)
        if (atomic_load(&cancel->set))
            return 1;
    return 0;
}

int kist_cancel_fd(const struct kist_cancel *cancel)
{
    return cancel->wait_fd;
}
