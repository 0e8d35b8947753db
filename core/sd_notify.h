/*
 * sd_notify.h - tells the service manager how this process stands: datagrams to the socket that it names in $NOTIFY_SOCKET.
 * Without one, nothing is sent.
 */
#ifndef KIST_CORE_SD_NOTIFY_H
#define KIST_CORE_SD_NOTIFY_H

#include <kist/abi.h>
#include <stdarg.h>

struct kist_sd_notify {
    int fd;              /* -1: nobody wants to know */
    char address[108];   /* as in struct sockaddr_un */
    unsigned length;     /* of the address */
    int64_t watchdog_ms; /* how often it wants a sign of life at least; 0: it does not */
};

/* Reads the environment, and takes these variables out of it: they are not meant for children. */
void kist_sd_notify_open(struct kist_sd_notify *notify);
/* "READY=1" and the like, one assignment a line. A manager that does not listen is no trouble of ours. */
void kist_sd_notify_send(const struct kist_sd_notify *notify, const char *format, ...) KIST_PRINTF(2, 3);
void kist_sd_notify_close(struct kist_sd_notify *notify);

#endif
