/* http_faults_test.c - servers that answer wrongly, late, too much or not at all. */
#include "http_tools.h"

#include <netinet/in.h>

/* Sends to a server that answers with `text` and hangs up. */
static int hear_bytes(const char *text, size_t size)
{
    const struct answer answer = {.text = text, .size = size, .how = CLOSE};
    begin_with(&answer, 1, (struct kist_http_setup){.idle_ms = 5000});
    int code = SEND(.method = "GET");
    kist_http_free(http);
    http = NULL;
    server_stop(&server);
    server.fd = 0;
    return code;
}

static int hear(const char *text)
{
    return hear_bytes(text, strlen(text));
}

#define HEAD "HTTP/1.1 200 OK\r\n"

static void test_lengths_that_make_no_sense(void **state)
{
    (void)state;
    assert_int_equal(hear(HEAD "Content-Length: -1\r\n\r\nhello"), KIST_ERR_CORRUPT);
    assert_int_equal(hear(HEAD "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"), KIST_ERR_CORRUPT);
    assert_int_equal(hear(HEAD "Content-Length: 99999999999999999999\r\n\r\nhello"), KIST_ERR_CORRUPT);
    assert_int_equal(hear(HEAD "Content-Length: 5, 5\r\n\r\nhello"), KIST_ERR_CORRUPT);
    assert_int_equal(hear(HEAD "Content-Length: 0x5\r\n\r\nhello"), KIST_ERR_CORRUPT);
    assert_int_equal(hear(HEAD "Content-Length:\r\n\r\nhello"), KIST_ERR_CORRUPT);
    assert_int_equal(hear(HEAD "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
                     KIST_ERR_CORRUPT);
    assert_int_equal(hear(HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), KIST_ERR_CORRUPT);
    assert_int_equal(test.err.retryable, 0);
    assert_int_equal(hear(HEAD "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"), 0);
}

static void test_bodies_that_are_cut_off(void **state)
{
    (void)state;
    assert_int_equal(hear(HEAD "Content-Length: 10\r\n\r\nhello"), KIST_ERR_UNAVAILABLE);
    assert_said("before the reply's end");
    assert_int_equal(hear(HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"), KIST_ERR_UNAVAILABLE);
    assert_int_equal(hear(HEAD "Transfer-Encoding: chunked\r\n\r\n9\r\nhello"), KIST_ERR_UNAVAILABLE);
    assert_int_equal(test.err.retryable, 1);
    /* Nobody can tell whether these are whole. */
    assert_int_equal(hear(HEAD "\r\nhello"), KIST_ERR_CORRUPT);
    assert_int_equal(hear("HTTP/1.0 200 OK\r\n\r\n"), KIST_ERR_CORRUPT);
    /* The text of an error is only shown. */
    assert_int_equal(hear("HTTP/1.0 500 Oops\r\n\r\nhello"), 0);
    assert_string_equal(reply.body, "hello");
    assert_int_equal(hear("HTTP/1.1 204 None\r\n\r\n"), 0);
}

static int hear_any(const char *text)
{
    const struct answer answer = {.text = text, .size = strlen(text), .how = CLOSE};
    begin_with(&answer, 1, (struct kist_http_setup){.idle_ms = 5000});
    int code = SEND(.method = "POST", .body = "news", .body_size = 4, .reply_limit = 5, .any_reply = 1);
    kist_http_free(http);
    http = NULL;
    server_stop(&server);
    server.fd = 0;
    return code;
}

/* Where the status says it all, the body may be anything; that it is HTTP has to be seen all the same. */
static void test_replies_whose_body_does_not_matter(void **state)
{
    (void)state;
    assert_int_equal(hear_any(HEAD "\r\nhello"), 0);
    assert_string_equal(reply.body, "hello");
    assert_int_equal(hear_any("HTTP/1.0 200 OK\r\n\r\n"), 0);
    assert_int_equal(hear_any(HEAD "Content-Length: 10\r\n\r\nhell"), 0);
    assert_int_equal(hear_any(HEAD "Transfer-Encoding: chunked\r\n\r\n9\r\nhe"), 0);
    assert_int_equal(hear_any(HEAD "Content-Length: 16\r\n\r\nhello, all of it"), 0);
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, "hello");
    assert_int_equal(hear_any("HTTP/1.1 500 Oops\r\n\r\nhello, all of it"), 0);
    assert_int_equal(reply.status, 500);
    assert_int_equal(hear_any(HEAD "Content-Length: -1\r\n\r\nhello"), KIST_ERR_CORRUPT);
    assert_int_equal(hear_any("HTTP/1.1 200 OK\r\nContent-"), KIST_ERR_UNAVAILABLE);
    assert_int_equal(hear_any("SSH-2.0-OpenSSH\r\n"), KIST_ERR_CORRUPT);
}

static void test_what_is_not_http(void **state)
{
    (void)state;
    assert_int_equal(hear(HEAD "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nhello"), KIST_ERR_CORRUPT);
    assert_int_equal(hear(HEAD "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nhello"), KIST_ERR_CORRUPT);
    assert_int_equal(hear(HEAD "Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n"), KIST_ERR_CORRUPT);
    assert_int_equal(hear("SSH-2.0-OpenSSH_9.2\r\n"), KIST_ERR_CORRUPT);
    assert_int_equal(hear("<html>hello</html>"), KIST_ERR_CORRUPT);
    assert_int_equal(hear("HTTP/7.0 200 OK\r\nContent-Length: 0\r\n\r\n"), KIST_ERR_CORRUPT);
    assert_int_equal(hear(HEAD "a header\r\nContent-Length: 0\r\n\r\n"), KIST_ERR_CORRUPT);
    assert_int_equal(hear(HEAD "ETag: a\x01z\r\nContent-Length: 0\r\n\r\n"), KIST_ERR_CORRUPT);
    assert_int_equal(hear(HEAD "ETag: a\r\n folded\r\nContent-Length: 0\r\n\r\n"), KIST_ERR_CORRUPT);
    static const char zero[] = HEAD "ETag: a\0b\r\nContent-Length: 0\r\n\r\n";
    assert_int_equal(hear_bytes(zero, sizeof zero - 1), KIST_ERR_CORRUPT);
    assert_int_equal(hear("HTTP/1.1 101 Other\r\nUpgrade: x\r\n\r\nhello"), KIST_ERR_CORRUPT);
}

static void test_connections_that_break(void **state)
{
    (void)state;
    assert_int_equal(hear_bytes("", 0), KIST_ERR_UNAVAILABLE);
    assert_said("without an answer");
    assert_int_equal(hear(HEAD "Content-Le"), KIST_ERR_UNAVAILABLE);
    assert_int_equal(test.err.retryable, 1);
}

static void test_nobody_listens(void **state)
{
    (void)state;
    BEGIN({""});
    server_stop(&server);
    server.fd = 0;
    assert_int_equal(SEND(.method = "GET"), KIST_ERR_UNAVAILABLE);
    assert_said("cannot try it: no connection to 127.0.0.1:");
    assert_said(": connection refused");
    assert_int_equal(test.err.retryable, 1);
    assert_int_equal(SEND(.url = "https://no-such-host.invalid/"), KIST_ERR_UNAVAILABLE);
    assert_said("no address is known for no-such-host.invalid");
    assert_non_null(test.err.hint);
}

static void test_too_many_headers(void **state)
{
    (void)state;
    size_t size = 2 << 20, used = (size_t)snprintf(NULL, 0, HEAD);
    char *text = malloc(size);
    strcpy(text, HEAD "x: ");
    memset(text + used + 3, 'a', 1 << 20);
    strcpy(text + used + 3 + (1 << 20), "\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(hear(text), KIST_ERR_CORRUPT); /* a header of 1 MiB */
    for (int i = 0; i < 100000; i++)
        used += (size_t)sprintf(text + used, "x%d: y\r\n", i);
    strcpy(text + used, "Content-Length: 0\r\n\r\n");
    assert_int_equal(hear(text), KIST_ERR_CORRUPT);
    assert_said("more headers than are taken");
    used = (size_t)sprintf(text, HEAD "Content-Length: 0\r\n");
    for (int i = 0; i < 8; i++) { /* each short enough, all of them too long */
        used += (size_t)sprintf(text + used, "x%d: ", i);
        memset(text + used, 'b', 40000);
        used += 40000;
        used += (size_t)sprintf(text + used, "\r\n");
    }
    strcpy(text + used, "\r\n");
    assert_int_equal(hear(text), KIST_ERR_CORRUPT);
    used = 0;
    for (int i = 0; i < 20000; i++)
        used += (size_t)sprintf(text + used, "HTTP/1.1 100 Go on\r\nx: y\r\n\r\n");
    strcpy(text + used, HEAD "Content-Length: 0\r\n\r\n");
    assert_int_equal(hear(text), KIST_ERR_CORRUPT);
    free(text);
}

static void test_a_body_is_no_larger_than_asked(void **state)
{
    (void)state;
    BEGIN({"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n", .filler = 2000000},
          {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1e8480\r\n", .filler = 2000000},
          {"HTTP/1.1 503 Busy\r\nContent-Length: 2000000\r\n\r\n", .filler = 2000000},
          {"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n", .filler = 2000000},
          {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"});
    assert_int_equal(SEND(.method = "GET"), KIST_ERR_CORRUPT);
    assert_said("larger");
    assert_int_equal(SEND(.method = "GET"), KIST_ERR_CORRUPT);
    assert_int_equal(SEND(.method = "GET", .reply_limit = 1000), 0);
    assert_int_equal(reply.status, 503);
    assert_int_equal(reply.size, 1000);
    assert_int_equal(SEND(.method = "GET", .reply_limit = 2000000), 0);
    assert_int_equal(reply.size, 2000000);
    assert_int_equal((unsigned char)reply.body[1999999], 1999999 % 251);
    assert_int_equal(SEND(.method = "GET", .reply_limit = 4), KIST_ERR_CORRUPT);
}

static void test_no_answer(void **state)
{
    (void)state;
    BEGIN_WITH(300, {"", .how = HOLD});
    int64_t began = now();
    assert_int_equal(SEND(.method = "GET"), KIST_ERR_TIMEOUT);
    assert_in_range(now() - began, 250, 2500);
    assert_int_equal(test.err.retryable, 1);
}

static void test_a_slow_answer(void **state)
{
    (void)state;
    BEGIN_WITH(500,
               {"HTTP/1.1 200 OK\r\nContent-Length: 500\r\nX: this header takes so long that nobody waits\r\n\r\n",
                .how = DRIP});
    int64_t began = now();
    assert_int_equal(SEND(.method = "GET"), KIST_ERR_TIMEOUT);
    assert_in_range(now() - began, 400, 2500);
}

static void test_a_slow_body(void **state)
{
    (void)state;
    BEGIN_WITH(500, {"HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n", .filler = 20000, .how = HOLD});
    struct kist_http_stream *stream = NULL;
    char data[4096];
    size_t got = 0, total = 0;
    int code;
    assert_int_equal(open_with((struct kist_http_request){.method = "GET"}, &stream), 0);
    while ((code = kist_http_read(stream, data, sizeof data, &got, &test.err)) == 0)
        total += got;
    assert_int_equal(code, KIST_ERR_TIMEOUT);
    assert_int_equal(total, 20000);
    assert_int_equal(kist_http_read(stream, data, sizeof data, &got, &test.err), KIST_ERR_TIMEOUT);
    kist_http_close(stream);
}

static void test_a_total_limit(void **state)
{
    (void)state;
    static const struct answer drip[] = {
        {"HTTP/1.1 200 OK\r\nX: abcdefghijklmnopqrstuvwxyz\r\n\r\n", .how = DRIP}};
    begin_with(drip, 1, (struct kist_http_setup){.idle_ms = 60000, .total_ms = 400});
    int64_t began = now();
    assert_int_equal(SEND(.method = "GET"), KIST_ERR_TIMEOUT);
    assert_said("longer than");
    assert_in_range(now() - began, 350, 2000);
}

/* A listener whose queue is full answers no connection. */
static void test_no_connection_in_time(void **state)
{
    (void)state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fds[4] = {socket(AF_INET, SOCK_STREAM, 0)};
    assert_int_equal(bind(fds[0], (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(fds[0], 0), 0);
    assert_int_equal(getsockname(fds[0], (struct sockaddr *)&address, &size), 0);
    for (int i = 1; i < 4; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(fds[i], (struct sockaddr *)&address, size);
    }
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", ntohs(address.sin_port));
    struct kist_http_setup with = {.connect_ms = 400};
    assert_int_equal(kist_http_new(&test.host, &with, &http, &test.err), 0);
    int64_t began = now();
    assert_int_equal(SEND(.method = "GET"), KIST_ERR_TIMEOUT);
    assert_in_range(now() - began, 350, 3000);
    assert_said("no connection to");
    for (int i = 0; i < 4; i++)
        close(fds[i]);
}

static void test_cancelled_while_waiting(void **state)
{
    (void)state;
    pthread_t thread;
    BEGIN({"", .how = HOLD});
    int64_t began = now();
    assert_int_equal(pthread_create(&thread, NULL, cancel_soon, NULL), 0);
    assert_int_equal(SEND(.method = "GET"), KIST_ERR_CANCELLED);
    assert_in_range(now() - began, 100, 1000);
    pthread_join(thread, NULL);
    assert_int_equal(SEND(.method = "GET"), KIST_ERR_CANCELLED);
    assert_int_equal(atomic_load(&server.next), 1);
}

static void test_cancelled_while_sending(void **state)
{
    (void)state;
    pthread_t thread;
    size_t size = 64 << 20; /* more than the sockets hold */
    char *body = calloc(1, size);
    BEGIN({"", .how = EARLY | HOLD});
    int64_t began = now();
    assert_int_equal(pthread_create(&thread, NULL, cancel_soon, NULL), 0);
    assert_int_equal(SEND(.method = "PUT", .body = body, .body_size = size), KIST_ERR_CANCELLED);
    assert_in_range(now() - began, 100, 1500);
    pthread_join(thread, NULL);
    free(body);
}

static void test_an_upload_that_stalls(void **state)
{
    (void)state;
    size_t size = 64 << 20;
    char *body = calloc(1, size);
    BEGIN_WITH(400, {"", .how = EARLY | HOLD});
    int64_t began = now();
    assert_int_equal(SEND(.method = "PUT", .body = body, .body_size = size), KIST_ERR_TIMEOUT);
    assert_in_range(now() - began, 350, 4000);
    free(body);
}

static void test_refused_before_all_was_sent(void **state)
{
    (void)state;
    size_t size = 64 << 20;
    char *body = calloc(1, size);
    BEGIN({"HTTP/1.1 403 No\r\nContent-Length: 6\r\nConnection: close\r\n\r\nDenied", .how = EARLY | HOLD},
          {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"});
    assert_int_equal(SEND(.method = "PUT", .body = body, .body_size = size), 0);
    assert_int_equal(reply.status, 403);
    assert_string_equal(reply.body, "Denied");
    assert_int_equal(SEND(.method = "GET"), 0);
    assert_int_equal(reply.status, 200);
    free(body);
}

static void test_reset_while_sending(void **state)
{
    (void)state;
    size_t size = 64 << 20;
    char *body = calloc(1, size);
    BEGIN({"", .how = EARLY | RESET});
    assert_int_equal(SEND(.method = "PUT", .body = body, .body_size = size), KIST_ERR_UNAVAILABLE);
    assert_int_equal(test.err.retryable, 1);
    assert_said("127.0.0.1");
    free(body);
}

/* A kept connection that is lost: the body has left, so the server may have acted on it. */
static void test_a_body_is_sent_once(void **state)
{
    (void)state;
    BEGIN({"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"}, {"", .how = CLOSE},
          {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"});
    assert_int_equal(SEND(.method = "PUT", .body = "a", .body_size = 1), 0);
    assert_int_equal(SEND(.method = "PUT", .body = "b", .body_size = 1), KIST_ERR_UNAVAILABLE);
    assert_int_equal(atomic_load(&server.next), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_lengths_that_make_no_sense),
        TEST(test_bodies_that_are_cut_off),
        TEST(test_replies_whose_body_does_not_matter),
        TEST(test_what_is_not_http),
        TEST(test_connections_that_break),
        TEST(test_nobody_listens),
        TEST(test_too_many_headers),
        TEST(test_a_body_is_no_larger_than_asked),
        TEST(test_no_answer),
        TEST(test_a_slow_answer),
        TEST(test_a_slow_body),
        TEST(test_a_total_limit),
        TEST(test_no_connection_in_time),
        TEST(test_cancelled_while_waiting),
        TEST(test_cancelled_while_sending),
        TEST(test_an_upload_that_stalls),
        TEST(test_refused_before_all_was_sent),
        TEST(test_reset_while_sending),
        TEST(test_a_body_is_sent_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
