/* http_stream_test.c - replies that are read in pieces. */
#include "http_tools.h"

#include <sys/resource.h>

static struct kist_http_stream *open_stream(void)
{
    struct kist_http_stream *stream = NULL;
    assert_int_equal(open_with((struct kist_http_request){.method = "GET"}, &stream), 0);
    assert_non_null(stream);
    return stream;
}

/* Reads to the end in pieces of `capacity`; the bytes are those of the server's filler. */
static uint64_t read_filler(struct kist_http_stream *stream, size_t capacity)
{
    char *data = malloc(capacity);
    uint64_t total = 0;
    for (size_t got = 1; got > 0;) {
        got = 0;
        assert_int_equal(kist_http_read(stream, data, capacity, &got, &test.err), 0);
        assert_true(got <= capacity);
        for (size_t i = 0; i < got; i++)
            if ((unsigned char)data[i] != (total + i) % 251)
                fail_msg("byte %llu is wrong", (unsigned long long)(total + i));
        total += got;
    }
    free(data);
    return total;
}

static void test_pieces(void **state)
{
    (void)state;
    static const size_t capacities[] = {1 << 20, 100000, 4096, 7};
    static const struct answer large = {"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\nETag: e\r\n\r\n",
                                        .filler = 3000000};
    begin_with(&large, 1, (struct kist_http_setup){.idle_ms = 10000});
    for (size_t i = 0; i < sizeof capacities / sizeof *capacities; i++) {
        struct kist_http_stream *stream = open_stream();
        assert_int_equal(reply.status, 200);
        assert_string_equal(kist_http_header_of(&reply, "etag"), "e");
        assert_int_equal(read_filler(stream, capacities[i]), 3000000);
        char byte;
        size_t got = 1;
        assert_int_equal(kist_http_read(stream, &byte, 1, &got, &test.err), 0); /* its end stays its end */
        assert_int_equal(got, 0);
        kist_http_close(stream);
    }
    assert_int_equal(atomic_load(&server.connections), 1);
}

static void test_chunks(void **state)
{
    (void)state;
    BEGIN({"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"});
    struct kist_http_stream *stream = open_stream();
    char data[16] = "";
    size_t have = 0;
    for (size_t got = 1; got > 0; have += got)
        assert_int_equal(kist_http_read(stream, data + have, sizeof data - have, &got, &test.err), 0);
    assert_int_equal(have, 5);
    assert_memory_equal(data, "abcde", 5);
    kist_http_close(stream);
}

static void test_nothing(void **state)
{
    (void)state;
    BEGIN({"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"}, {"HTTP/1.1 204 None\r\n\r\n"});
    for (int i = 0; i < 2; i++) {
        struct kist_http_stream *stream = open_stream();
        assert_int_equal(read_filler(stream, 100), 0);
        kist_http_close(stream);
    }
}

static void test_an_error_is_a_reply(void **state)
{
    (void)state;
    BEGIN({"HTTP/1.1 404 Not here\r\nContent-Length: 7\r\n\r\nNoSuchX"});
    struct kist_http_stream *stream = (struct kist_http_stream *)&server;
    assert_int_equal(open_with((struct kist_http_request){.method = "GET"}, &stream), 0);
    assert_null(stream);
    assert_int_equal(reply.status, 404);
    assert_string_equal(reply.body, "NoSuchX");
}

/* Gives the code of the read that fails, and how much came before. */
static int read_until_it_fails(const char *text, uint64_t filler, int how, size_t *ret_total)
{
    const struct answer answer = {.text = text, .filler = filler, .how = how};
    begin_with(&answer, 1, (struct kist_http_setup){.idle_ms = 5000});
    struct kist_http_stream *stream = NULL;
    static char data[100000];
    size_t got = 1, total = 0;
    int code = open_with((struct kist_http_request){.method = "GET"}, &stream);
    while (!code && got > 0) {
        code = kist_http_read(stream, data, sizeof data, &got, &test.err);
        total += code ? 0 : got;
    }
    kist_http_close(stream);
    kist_http_free(http);
    http = NULL;
    server_stop(&server);
    server.fd = 0;
    *ret_total = total;
    return code;
}

static void test_no_end_without_an_end(void **state)
{
    (void)state;
    size_t total = 0;
    assert_int_equal(
        read_until_it_fails("HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n", 2999999, CLOSE, &total),
        KIST_ERR_UNAVAILABLE);
    assert_int_equal(total, 2999999);
    assert_int_equal(read_until_it_fails("HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n", 10, RESET, &total),
                     KIST_ERR_UNAVAILABLE);
    assert_int_equal(read_until_it_fails("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n186A0\r\n", 100000,
                                         CLOSE, &total),
                     KIST_ERR_UNAVAILABLE);
    assert_int_equal(
        read_until_it_fails("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", 10, CLOSE,
                            &total),
        KIST_ERR_CORRUPT);
    assert_int_equal(read_until_it_fails("HTTP/1.1 200 OK\r\n\r\nhello", 100000, CLOSE, &total), KIST_ERR_CORRUPT);
    assert_int_equal(total, 0);
}

static void test_other_requests_beside_a_stream(void **state)
{
    (void)state;
    BEGIN({"HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n", .filler = 5000000},
          {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"}, {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"},
          {"HTTP/1.1 200 OK\r\nContent-Length: 400000\r\n\r\n", .filler = 400000});
    struct kist_http_stream *stream = open_stream();
    for (int i = 0; i < 2; i++) {
        assert_int_equal(SEND(.method = "GET"), 0);
        assert_string_equal(reply.body, "ok");
    }
    struct kist_http_stream *other = open_stream();
    assert_int_equal(read_filler(other, 50000), 400000);
    assert_int_equal(read_filler(stream, 60000), 5000000);
    kist_http_close(other);
    kist_http_close(stream);
    assert_int_equal(atomic_load(&server.connections), 2);
}

static void test_left_before_its_end(void **state)
{
    (void)state;
    BEGIN({"HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n", .filler = 5000000},
          {"HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n", .filler = 5000000},
          {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"});
    char data[100];
    size_t got = 0;
    struct kist_http_stream *stream = open_stream();
    assert_int_equal(kist_http_read(stream, data, sizeof data, &got, &test.err), 0);
    assert_int_equal(got, 100);
    kist_http_close(stream);
    kist_http_close(NULL);
    (void)open_stream(); /* closed with its kist_http */
    assert_int_equal(SEND(.method = "GET"), 0);
    assert_string_equal(reply.body, "ok");
}

static void test_cancelled_while_reading(void **state)
{
    (void)state;
    pthread_t thread;
    BEGIN({"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello", .how = HOLD});
    char data[100];
    size_t got = 0;
    struct kist_http_stream *stream = open_stream();
    assert_int_equal(kist_http_read(stream, data, sizeof data, &got, &test.err), 0);
    assert_int_equal(got, 5);
    int64_t began = now();
    assert_int_equal(pthread_create(&thread, NULL, cancel_soon, NULL), 0);
    assert_int_equal(kist_http_read(stream, data, sizeof data, &got, &test.err), KIST_ERR_CANCELLED);
    assert_in_range(now() - began, 100, 1000);
    pthread_join(thread, NULL);
    kist_http_close(stream);
}

static void test_a_slow_reader_is_not_idle(void **state)
{
    (void)state;
    BEGIN_WITH(300, {"HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n", .filler = 5000000});
    char data[1000];
    size_t got = 0;
    struct kist_http_stream *stream = open_stream();
    for (int i = 0; i < 4; i++) {
        usleep(200000);
        assert_int_equal(kist_http_read(stream, data, sizeof data, &got, &test.err), 0);
    }
    kist_http_close(stream);
}

static void test_memory_is_bounded(void **state)
{
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    skip(); /* it holds back what is freed */
#endif
    static const struct answer huge = {"HTTP/1.1 200 OK\r\nContent-Length: 300000000\r\n\r\n",
                                       .filler = 300000000};
    begin_with(&huge, 1, (struct kist_http_setup){.idle_ms = 10000});
    struct kist_http_stream *stream = open_stream();
    struct rusage before, after;
    char *data = malloc(1 << 20);
    size_t got = 0;
    for (int i = 0; i < 20; i++)
        assert_int_equal(kist_http_read(stream, data, 1 << 20, &got, &test.err), 0);
    assert_int_equal(getrusage(RUSAGE_SELF, &before), 0);
    for (int i = 0; i < 2000 && got > 0; i++) /* small pieces: what came and was not asked for must not pile up */
        assert_int_equal(kist_http_read(stream, data, 50000, &got, &test.err), 0);
    assert_int_equal(getrusage(RUSAGE_SELF, &after), 0);
    assert_in_range(after.ru_maxrss - before.ru_maxrss, 0, 8192);
    free(data);
    kist_http_close(stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_pieces),
        TEST(test_chunks),
        TEST(test_nothing),
        TEST(test_an_error_is_a_reply),
        TEST(test_no_end_without_an_end),
        TEST(test_other_requests_beside_a_stream),
        TEST(test_left_before_its_end),
        TEST(test_cancelled_while_reading),
        TEST(test_a_slow_reader_is_not_idle),
        TEST(test_memory_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
