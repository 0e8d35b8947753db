#include "sd_notify.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A number of the environment, 0 when there is none. */
static long long number_of(const char *text)
{
    char *end = NULL;
    long long number = text && *text >= '0' && *text <= '9' ? strtoll(text, &end, 10) : 0;
    return end && !*end ? number : 0;
}

/* "/path", or "@name" for one without a file. */
static int set_address(struct kist_sd_notify *notify, const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = name ? strlen(name) : 0;
    if (length < 2 || length >= sizeof address.sun_path || (*name != '/' && *name != '@'))
        return 0;
    memcpy(notify->address, name, length);
    if (*name == '@')
        notify->address[0] = '\0';
    notify->length = (unsigned)(offsetof(struct sockaddr_un, sun_path) + length);
    return 1;
}

void kist_sd_notify_open(struct kist_sd_notify *notify)
{
    *notify = (struct kist_sd_notify){.fd = -1};
    long long pid = number_of(getenv("WATCHDOG_PID")), every = number_of(getenv("WATCHDOG_USEC"));
    if (set_address(notify, getenv("NOTIFY_SOCKET")))
        notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (notify->fd >= 0 && every > 0 && (!getenv("WATCHDOG_PID") || pid == (long long)getpid()))
        notify->watchdog_ms = every / 1000 > 0 ? every / 1000 : 1;
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_PID");
    unsetenv("WATCHDOG_USEC");
}

void kist_sd_notify_send(const struct kist_sd_notify *notify, const char *format, ...)
{
    char text[512];
    va_list args;
    if (notify->fd < 0)
        return;
    va_start(args, format);
    int length = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (length <= 0 || (size_t)length >= sizeof text)
        return;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, notify->address, sizeof address.sun_path);
    (void)!sendto(notify->fd, text, (size_t)length, MSG_NOSIGNAL, (const struct sockaddr *)&address,
                  notify->length);
}

void kist_sd_notify_close(struct kist_sd_notify *notify)
{
    if (notify->fd >= 0)
        close(notify->fd);
    notify->fd = -1;
}
