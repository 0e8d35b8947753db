/* http_server.h - a server that answers with given bytes, right or wrong, and keeps what it was asked. */
#ifndef KIST_TEST_HTTP_SERVER_H
#define KIST_TEST_HTTP_SERVER_H

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SERVER_REQUESTS 16
#define SERVER_CONNECTIONS 16

/* What happens once a request is there; at the end of the list the last one is given again. */
struct answer {
    const char *text;
    size_t size;     /* of `text`; 0: up to its zero */
    uint64_t filler; /* bytes after it: the position of each, modulo 251 */
    int how;
};
#define CLOSE 1 /* hangs up afterwards */
#define RESET 2 /* the same with an RST */
#define HOLD 4  /* says nothing more until the server is stopped */
#define EARLY 8 /* answers before the body was read, and does not read it */
#define DRIP 16 /* a byte every 50 ms */

struct asked {
    char head[8192];
    uint64_t body_size, body_sum; /* sum of byte * (position % 251 + 1) */
};

struct server {
    int fd, port;
    const struct answer *answers;
    size_t count;
    atomic_size_t next;
    atomic_int stop, connections;
    struct asked asked[SERVER_REQUESTS];
    pthread_t thread, threads[SERVER_CONNECTIONS];
};

struct connection {
    struct server *server;
    int fd;
};

static inline uint64_t body_sum(const char *data, size_t size, uint64_t from)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < size; i++)
        sum += (unsigned char)data[i] * ((from + i) % 251 + 1);
    return sum;
}

/* 1: there are bytes (or an end) to be read; 0: the server is to stop. */
static inline int server_waits(const struct server *server, int fd)
{
    while (!atomic_load(&server->stop)) {
        struct pollfd poller = {.fd = fd, .events = POLLIN};
        if (poll(&poller, 1, 20) > 0)
            return 1;
    }
    return 0;
}

static inline int server_writes(const struct server *server, int fd, const char *data, size_t size)
{
    while (size > 0 && !atomic_load(&server->stop)) {
        struct pollfd poller = {.fd = fd, .events = POLLOUT};
        if (poll(&poller, 1, 20) <= 0)
            continue;
        ssize_t sent = send(fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent <= 0)
            return 0;
        data += sent;
        size -= (size_t)sent;
    }
    return size == 0;
}

static inline int server_answers(const struct server *server, int fd, const struct answer *answer)
{
    size_t size = answer->size ? answer->size : strlen(answer->text);
    static char block[251 * 1024];
    if (answer->how & DRIP) {
        for (size_t i = 0; i < size; i++, usleep(50000))
            if (!server_writes(server, fd, answer->text + i, 1))
                return 0;
        return 1;
    }
    if (!server_writes(server, fd, answer->text, size))
        return 0;
    for (size_t i = 0; answer->filler && i < sizeof block; i++)
        block[i] = (char)(i % 251);
    for (uint64_t left = answer->filler; left > 0;) {
        size_t piece = left < sizeof block ? (size_t)left : sizeof block;
        if (!server_writes(server, fd, block, piece))
            return 0;
        left -= piece;
    }
    return 1;
}

/* Reads a request's head, and of its body what came with it. Returns bytes of that, -1 when there is no request. */
static inline ssize_t server_reads_head(const struct server *server, int fd, char *head, size_t size)
{
    size_t have = 0;
    while (server_waits(server, fd)) {
        ssize_t got = recv(fd, head + have, size - 1 - have, 0);
        if (got <= 0)
            return -1;
        have += (size_t)got;
        head[have] = '\0';
        char *end = memmem(head, have, "\r\n\r\n", 4);
        if (end)
            return (ssize_t)have - (end + 4 - head);
    }
    return -1;
}

static inline void server_reads_body(const struct server *server, int fd, struct asked *asked, uint64_t want)
{
    static _Thread_local char waste[256 * 1024];
    while (asked->body_size < want && server_waits(server, fd)) {
        ssize_t got = recv(fd, waste, sizeof waste, 0);
        if (got <= 0)
            return;
        asked->body_sum += body_sum(waste, (size_t)got, asked->body_size);
        asked->body_size += (uint64_t)got;
    }
}

static inline int server_serves(struct server *server, int fd)
{
    char head[8192];
    ssize_t extra = server_reads_head(server, fd, head, sizeof head);
    if (extra < 0)
        return 0;
    size_t number = atomic_fetch_add(&server->next, 1);
    struct asked *asked = &server->asked[number < SERVER_REQUESTS ? number : SERVER_REQUESTS - 1];
    const struct answer *answer = &server->answers[number < server->count ? number : server->count - 1];
    char *body = strstr(head, "\r\n\r\n") + 4, *length = strcasestr(head, "\r\nContent-Length:");
    asked->body_sum = body_sum(body, (size_t)extra, 0);
    asked->body_size = (uint64_t)extra;
    if (!(answer->how & EARLY) && length)
        server_reads_body(server, fd, asked, strtoull(length + 17, NULL, 10));
    *body = '\0';
    memcpy(asked->head, head, (size_t)(body - head) + 1);
    int whole = server_answers(server, fd, answer);
    while ((answer->how & HOLD) && !atomic_load(&server->stop))
        usleep(20000);
    if (answer->how & RESET) {
        struct linger at_once = {.l_onoff = 1};
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
    return whole && !(answer->how & (CLOSE | RESET | HOLD));
}

static inline void *server_connection(void *arg)
{
    struct connection *connection = arg;
    while (server_serves(connection->server, connection->fd))
        ;
    close(connection->fd);
    free(connection);
    return NULL;
}

static inline void *server_runs(void *arg)
{
    struct server *server = arg;
    while (server_waits(server, server->fd)) {
        int fd = accept(server->fd, NULL, NULL), number = atomic_load(&server->connections);
        struct connection *connection = fd >= 0 && number < SERVER_CONNECTIONS ? malloc(sizeof *connection) : NULL;
        if (!connection)
            abort();
        *connection = (struct connection){server, fd};
        atomic_store(&server->connections, number + 1);
        if (pthread_create(&server->threads[number], NULL, server_connection, connection) != 0)
            abort();
    }
    for (int i = 0; i < atomic_load(&server->connections); i++)
        pthread_join(server->threads[i], NULL);
    return NULL;
}

static inline void server_start(struct server *server, const struct answer *answers, size_t count)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    memset(server, 0, sizeof *server);
    server->answers = answers;
    server->count = count;
    server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (server->fd < 0 || bind(server->fd, (struct sockaddr *)&address, size) != 0 ||
        listen(server->fd, 16) != 0 || getsockname(server->fd, (struct sockaddr *)&address, &size) != 0)
        abort();
    server->port = ntohs(address.sin_port);
    if (pthread_create(&server->thread, NULL, server_runs, server) != 0)
        abort();
}

static inline void server_stop(struct server *server)
{
    atomic_store(&server->stop, 1);
    pthread_join(server->thread, NULL);
    close(server->fd);
}

#endif
