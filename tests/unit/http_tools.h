/* http_tools.h - what the tests of the HTTP helper share: a host, a server, and a request that is sent to it. */
#ifndef KIST_TEST_HTTP_TOOLS_H
#define KIST_TEST_HTTP_TOOLS_H

#include "descriptors.h"
#include "http.h"
#include "http_server.h"
#include "test_host.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct kist_test_host test;
static struct server server;
static struct kist_http *http;
static struct kist_http_reply reply;
static char url[256];
static int fds_before;

static inline int setup(void **state)
{
    (void)state;
    fds_before = count_fds();
    http = NULL;
    reply = (struct kist_http_reply){.status = 0};
    return kist_test_host_init(&test);
}

/* After each test: no descriptor of ours is left. */
static inline int teardown(void **state)
{
    (void)state;
    kist_http_reply_done(&reply);
    kist_http_free(http);
    if (server.fd > 0)
        server_stop(&server);
    server.fd = 0;
    kist_test_host_done(&test);
    assert_int_equal(count_fds(), fds_before);
    return 0;
}

static inline void begin_with(const struct answer *answers, size_t count, struct kist_http_setup with)
{
    server_start(&server, answers, count);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/path", server.port);
    assert_int_equal(kist_http_new(&test.host, &with, &http, &test.err), 0);
}

#define BEGIN(...)                                                                                                \
    static const struct answer answers[] = {__VA_ARGS__};                                                         \
    begin_with(answers, sizeof answers / sizeof *answers, (struct kist_http_setup){.idle_ms = 10000})
#define BEGIN_WITH(idle, ...)                                                                                     \
    static const struct answer answers[] = {__VA_ARGS__};                                                         \
    begin_with(answers, sizeof answers / sizeof *answers, (struct kist_http_setup){.idle_ms = (idle)})

static inline int send_with(struct kist_http_request with)
{
    with.url = with.url ? with.url : url;
    with.method = with.method ? with.method : "GET";
    with.what = "try it";
    kist_http_reply_done(&reply);
    kist_test_host_clear(&test);
    return kist_http_send(http, &with, &reply, &test.err);
}

#define SEND(...) send_with((struct kist_http_request){__VA_ARGS__})

static inline int open_with(struct kist_http_request with, struct kist_http_stream **ret_stream)
{
    with.url = with.url ? with.url : url;
    with.method = with.method ? with.method : "GET";
    with.what = "try it";
    kist_http_reply_done(&reply);
    kist_test_host_clear(&test);
    return kist_http_open(http, &with, ret_stream, &reply, &test.err);
}

static inline int64_t now(void)
{
    return test.host.monotonic_ms(&test.host);
}

static inline void assert_said(const char *words)
{
    if (!test.err.message || !strstr(test.err.message, words))
        fail_msg("'%s' is not in '%s'", words, test.err.message ? test.err.message : "(nothing)");
}

static inline void assert_unsaid(const char *words)
{
    if ((test.err.message && strstr(test.err.message, words)) || (test.err.hint && strstr(test.err.hint, words)))
        fail_msg("'%s' is in '%s' or its hint", words, test.err.message);
}

static inline void *cancel_soon(void *arg)
{
    (void)arg;
    usleep(150000);
    kist_test_host_cancel(&test);
    return NULL;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
