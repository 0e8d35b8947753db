/* http_test.c - what the HTTP helper sends, what it takes, and what it never does. */
#include "http_tools.h"

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-One: a\r\nETag:  \"e\" \r\nx-one: b\r\n\r\nhello"
#define EMPTY "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

static int has_line(size_t request, const char *line)
{
    char text[300];
    snprintf(text, sizeof text, "\r\n%s\r\n", line);
    return strstr(server.asked[request].head, text) != NULL;
}

static void test_get(void **state)
{
    (void)state;
    BEGIN({OK});
    assert_int_equal(SEND(.method = "GET"), 0);
    assert_int_equal(reply.status, 200);
    assert_int_equal(reply.size, 5);
    assert_string_equal(reply.body, "hello");
    assert_string_equal(kist_http_header_of(&reply, "etag"), "\"e\"");
    assert_string_equal(kist_http_header_of(&reply, "x-one"), "a");
    assert_null(kist_http_header_of(&reply, "x-two"));
    assert_true(strncmp(server.asked[0].head, "GET /path HTTP/1.1\r\n", 20) == 0);
    assert_true(has_line(0, "User-Agent: kist"));
    assert_null(strcasestr(server.asked[0].head, "encoding"));
    assert_null(strcasestr(server.asked[0].head, "cookie"));
}

static void test_a_connection_is_kept(void **state)
{
    (void)state;
    BEGIN({OK});
    for (int i = 0; i < 5; i++)
        assert_int_equal(SEND(.method = i % 2 ? "PUT" : "GET"), 0);
    assert_int_equal(atomic_load(&server.next), 5);
    assert_int_equal(atomic_load(&server.connections), 1);
}

static void test_methods(void **state)
{
    (void)state;
    static const struct {
        const char *method, *line, *length;
    } each[] = {{"PUT", "PUT /path HTTP/1.1\r\n", "Content-Length: 0"},
                {"POST", "POST /path HTTP/1.1\r\n", "Content-Length: 0"},
                {"DELETE", "DELETE /path HTTP/1.1\r\n", NULL},
                {"GET", "GET /path HTTP/1.1\r\n", NULL},
                {"OPTIONS", "OPTIONS /path HTTP/1.1\r\n", NULL}};
    BEGIN({OK});
    for (size_t i = 0; i < sizeof each / sizeof *each; i++) {
        assert_int_equal(SEND(.method = each[i].method), 0);
        assert_true(strncmp(server.asked[i].head, each[i].line, strlen(each[i].line)) == 0);
        assert_int_equal(strcasestr(server.asked[i].head, "content-length") != NULL, each[i].length != NULL);
        assert_true(!each[i].length || has_line(i, each[i].length));
        assert_null(strcasestr(server.asked[i].head, "expect"));
    }
    assert_int_equal(SEND(.method = "DELETE", .body = "ab", .body_size = 2), 0);
    assert_true(has_line(5, "Content-Length: 2"));
}

static void test_head_has_no_body(void **state)
{
    (void)state;
    BEGIN({"HTTP/1.1 200 OK\r\nContent-Length: 5000000000\r\n\r\n"}, {OK});
    assert_int_equal(SEND(.method = "HEAD"), 0);
    assert_int_equal(reply.size, 0);
    assert_string_equal(kist_http_header_of(&reply, "content-length"), "5000000000");
    assert_int_equal(SEND(.method = "GET"), 0);
    assert_int_equal(atomic_load(&server.connections), 1);
}

static void test_bodies_arrive_whole(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 16384, 1048576, 5 << 20};
    char *body = malloc(5 << 20);
    for (size_t i = 0; i < 5 << 20; i++)
        body[i] = (char)(i * 7 + i / 251);
    BEGIN({EMPTY});
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(SEND(.method = "PUT", .body = body, .body_size = sizes[i]), 0);
        assert_non_null(reply.body);
        assert_int_equal(reply.size, 0);
        assert_int_equal(server.asked[i].body_size, sizes[i]);
        assert_int_equal(server.asked[i].body_sum, body_sum(body, sizes[i], 0));
    }
    assert_int_equal(atomic_load(&server.connections), 1);
    free(body);
}

static void test_headers_are_sent_as_given(void **state)
{
    (void)state;
    static const struct kist_http_header headers[] = {
        {"X-Test", "a b"}, {"x-empty", ""}, {"Host", "other.example"}};
    BEGIN({OK});
    assert_int_equal(SEND(.headers = headers, .header_count = 3), 0);
    assert_true(has_line(0, "X-Test: a b"));
    assert_non_null(strstr(server.asked[0].head, "\r\nx-empty:"));
    assert_true(has_line(0, "Host: other.example"));
}

static void test_headers_are_looked_at(void **state)
{
    (void)state;
    static const struct kist_http_header bad[] = {{"x", "a\r\nAuthorization: b"},
                                                  {"x", "a\nb"},
                                                  {"x", "a\tb"},
                                                  {"x", "a\x7f"},
                                                  {"x\r\ny", "a"},
                                                  {"x y", "a"},
                                                  {"", "a"},
                                                  {"x:", "a"}};
    static const struct kist_http_header ours[] = {{"Content-Length", "7"}, {"Transfer-Encoding", "chunked"}};
    BEGIN({OK});
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(SEND(.headers = &bad[i], .header_count = 1), KIST_ERR_CONFIG);
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        assert_int_equal(SEND(.headers = &ours[i], .header_count = 1), KIST_ERR_BUG);
    assert_int_equal(SEND(.method = "GET / HTTP/1.1\r\nx:"), KIST_ERR_BUG);
    assert_int_equal(atomic_load(&server.connections), 0);
}

static void test_a_url_is_sent_as_it_stands(void **state)
{
    (void)state;
    char text[300];
    BEGIN({OK});
    snprintf(text, sizeof text, "http://127.0.0.1:%d/a%%2Fb/../c/./%%2e%%2E//d?x=%%20y&z", server.port);
    assert_int_equal(SEND(.url = text), 0);
    const char *line = "GET /a%2Fb/../c/./%2e%2E//d?x=%20y&z HTTP/1.1\r\n";
    assert_true(strncmp(server.asked[0].head, line, strlen(line)) == 0);
}

static void test_urls_that_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"http://192.0.2.1/",
                                      "http://localhost.example.com/",
                                      "ftp://127.0.0.1/",
                                      "file:///etc/passwd",
                                      "127.0.0.1/",
                                      "",
                                      "https://user:sesame@127.0.0.1/",
                                      "https://127.0.0.1/a b",
                                      "https://",
                                      "http://127.0.0.1\r\n.example.com/",
                                      "http://[::2]/",
                                      "http://128.0.0.1/"};
    static const char *const good[] = {"https://example.com", "http://localhost:1/x", "http://127.9.9.9/",
                                       "http://[::1]:80/"};
    BEGIN({OK});
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(SEND(.url = bad[i]), KIST_ERR_CONFIG);
        assert_int_equal(kist_http_check_url(&test.host, bad[i], 0, &test.err), KIST_ERR_CONFIG);
        assert_non_null(test.err.hint);
        assert_unsaid("sesame");
    }
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_int_equal(kist_http_check_url(&test.host, good[i], 0, &test.err), 0);
    assert_int_equal(kist_http_check_url(&test.host, "http://192.0.2.1/", 1, &test.err), 0);
}

static void test_redirects_are_not_followed(void **state)
{
    (void)state;
    static char moved[200];
    static struct server elsewhere;
    static const struct answer there[] = {{OK}};
    server_start(&elsewhere, there, 1);
    snprintf(moved, sizeof moved,
             "HTTP/1.1 301 Moved\r\nContent-Length: 0\r\nLocation: http://127.0.0.1:%d/?token=hidden\r\n\r\n",
             elsewhere.port);
    BEGIN({moved});
    struct kist_http_request request = {.method = "GET", .url = url, .what = "try it"};
    assert_int_equal(SEND(.method = "GET"), 0);
    assert_int_equal(reply.status, 301);
    assert_int_equal(kist_http_fail(http, &request, &reply, NULL, &test.err), KIST_ERR_CONFIG);
    assert_non_null(strstr(test.err.hint, "127.0.0.1"));
    assert_unsaid("hidden");
    server_stop(&elsewhere);
    assert_int_equal(atomic_load(&elsewhere.connections), 0);
}

static void test_compressed_stays_compressed(void **state)
{
    (void)state;
    static const char packed[] =
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00";
    BEGIN({packed, sizeof packed - 1});
    assert_int_equal(SEND(.method = "GET"), 0);
    assert_int_equal(reply.size, 4);
    assert_memory_equal(reply.body, "\x1f\x8b\x08", 4);
}

static void test_chunks_interim_and_trailers(void **state)
{
    (void)state;
    BEGIN({"HTTP/1.1 100 Continue\r\nContent-Length: 9\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-Trail: "
           "z\r\n\r\n"},
          {OK});
    assert_int_equal(SEND(.method = "GET"), 0);
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, "abcde");
    assert_null(kist_http_header_of(&reply, "link"));
    assert_null(kist_http_header_of(&reply, "x-trail"));
    assert_null(kist_http_header_of(&reply, "content-length"));
    assert_int_equal(SEND(.method = "GET"), 0);
    assert_int_equal(atomic_load(&server.connections), 1);
}

static void test_times_of_a_reply(void **state)
{
    (void)state;
    BEGIN({"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nRetry-After: 7\r\nDate: Sun, 06 Nov 1994 08:49:37 "
           "GMT\r\n\r\n"},
          {"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nRetry-After: soon\r\nDate: today\r\n\r\n"});
    struct kist_http_request request = {.method = "GET", .url = url, .what = "try it"};
    assert_int_equal(SEND(.method = "GET"), 0);
    assert_int_equal(reply.retry_after_ms, 7000);
    assert_int_equal(reply.date_ms, INT64_C(784111777000));
    assert_int_equal(kist_http_fail(http, &request, &reply, NULL, &test.err), KIST_ERR_UNAVAILABLE);
    assert_int_equal(test.err.retryable, 1);
    assert_int_equal(test.err.retry_after_ms, 7000);
    assert_int_equal(SEND(.method = "GET"), 0);
    assert_int_equal(reply.retry_after_ms, 0);
    assert_int_equal(reply.date_ms, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_get),
        TEST(test_a_connection_is_kept),
        TEST(test_methods),
        TEST(test_head_has_no_body),
        TEST(test_bodies_arrive_whole),
        TEST(test_headers_are_sent_as_given),
        TEST(test_headers_are_looked_at),
        TEST(test_a_url_is_sent_as_it_stands),
        TEST(test_urls_that_are_refused),
        TEST(test_redirects_are_not_followed),
        TEST(test_compressed_stays_compressed),
        TEST(test_chunks_interim_and_trailers),
        TEST(test_times_of_a_reply),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
