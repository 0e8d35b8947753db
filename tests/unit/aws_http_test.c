/* aws_http_test.c - the credential services by real HTTP: what aws_chain_test.c and aws_fetch_test.c assume of it holds. */
#include "aws_tools.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>

#define KEYS "\"SecretAccessKey\": \"s\", \"Token\": \"t\", \"Expiration\": \"2027-01-01T00:00:00Z\"}"

/* A server of one reply for each path; everything that was asked is kept. */
static struct {
    pthread_t thread;
    int listener, stop[2];
    int is_mute; /* takes requests and answers none */
    char url[64];
    char asked[16384];
    size_t asked_size;
} server;

static const struct {
    const char *start, *reply;
} replies[] = {
    {"PUT /latest/api/token ", "TOKEN"},
    {"GET /latest/meta-data/iam/security-credentials/ ", "role"},
    {"GET /latest/meta-data/iam/security-credentials/role ",
     "{\"Code\": \"Success\", \"AccessKeyId\": \"ec2\", " KEYS},
    {"GET /creds ", "{\"AccessKeyId\": \"container\", " KEYS},
    {"POST / ",
     "<AssumeRoleResponse xmlns='https://sts.amazonaws.com/doc/2011-06-15/'><AssumeRoleResult><Credentials>"
     "<AccessKeyId>role</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>"
     "<Expiration>2027-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"},
};

static size_t read_request(int fd, char *text, size_t capacity)
{
    size_t size = 0, wanted = 0;
    while (size + 1 < capacity && (wanted == 0 || size < wanted)) {
        ssize_t got = recv(fd, text + size, capacity - 1 - size, 0);
        if (got <= 0)
            break;
        size += (size_t)got;
        text[size] = '\0';
        const char *end = strstr(text, "\r\n\r\n"), *length = strcasestr(text, "\r\nContent-Length:");
        if (end)
            wanted = (size_t)(end + 4 - text) + (length ? strtoul(length + 17, NULL, 10) : 0);
    }
    return size;
}

static void answer(int fd)
{
    char *text = server.asked + server.asked_size;
    server.asked_size += read_request(fd, text, sizeof server.asked - server.asked_size);
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
        const char *reply = replies[i].reply;
        if (strncmp(text, replies[i].start, strlen(replies[i].start)) == 0)
            (void)dprintf(fd, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
                          strlen(reply), reply);
    }
}

static void *serve(void *unused)
{
    (void)unused;
    struct pollfd fds[2] = {{.fd = server.listener, .events = POLLIN}, {.fd = server.stop[0], .events = POLLIN}};
    while (poll(fds, 2, -1) > 0 && fds[1].revents == 0) {
        int fd = accept(server.listener, NULL, NULL);
        /* The mute one waits until it is stopped. */
        if (server.is_mute)
            (void)poll(&fds[1], 1, -1);
        else
            answer(fd);
        close(fd);
    }
    return NULL;
}

static int begin(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    memset(&server, 0, sizeof server);
    server.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(server.listener, (struct sockaddr *)&address, size) != 0 || listen(server.listener, 8) != 0 ||
        getsockname(server.listener, (struct sockaddr *)&address, &size) != 0 || pipe(server.stop) != 0)
        return -1;
    snprintf(server.url, sizeof server.url, "http://127.0.0.1:%d", ntohs(address.sin_port));
    int code = setup(state);
    /* The deadlines of a call need a clock that moves. */
    struct kist_test_host clock;
    if (kist_test_host_init(&clock) != 0)
        return -1;
    test.host.monotonic_ms = clock.host.monotonic_ms;
    kist_test_host_done(&clock);
    return code || pthread_create(&server.thread, NULL, serve, NULL) ? -1 : 0;
}

static int end(void **state)
{
    close(server.stop[1]);
    pthread_join(server.thread, NULL);
    close(server.stop[0]);
    close(server.listener);
    return teardown(state);
}

/* Signs with what is found; returns the time that took. */
static int64_t check_key(int code, const char *expected)
{
    const struct kist_aws_setup with = {.region = "eu-west-1", .service = "s3"};
    const struct kist_aws_sign request = {.method = "GET", .url = "https://b.example/"};
    struct kist_aws *aws = NULL;
    struct kist_aws_headers headers = {.items = NULL};
    assert_int_equal(kist_aws_new(&test.host, &with, &aws, &test.err), 0);
    int64_t start = test.host.monotonic_ms(&test.host);
    int result = kist_aws_sign(aws, &request, &headers, &test.err);
    int64_t took = test.host.monotonic_ms(&test.host) - start;
    if (result != code)
        print_message("%s\n", test.err.message ? test.err.message : "no error");
    assert_int_equal(result, code);
    assert_non_null(strstr(code ? test.err.message : headers.items[headers.count - 1].value, expected));
    kist_aws_headers_done(&headers);
    kist_aws_free(aws);
    return took;
}

static void test_instance(void **state)
{
    (void)state;
    set_env("AWS_EC2_METADATA_DISABLED", NULL);
    set_env("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.url);
    /* Whatever is set for the rest of the world. */
    set_env("http_proxy", "http://127.0.0.1:1");
    check_key(0, "Credential=ec2/");
    assert_non_null(strcasestr(server.asked, "\r\nx-aws-ec2-metadata-token-ttl-seconds: 21600\r\n"));
    assert_non_null(strcasestr(server.asked, "\r\nx-aws-ec2-metadata-token: TOKEN\r\n"));
}

static void test_container(void **state)
{
    (void)state;
    char url[128];
    snprintf(url, sizeof url, "%s/creds", server.url);
    set_env("AWS_CONTAINER_CREDENTIALS_FULL_URI", url);
    set_env("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Bearer abc");
    check_key(0, "Credential=container/");
    assert_non_null(strcasestr(server.asked, "\r\nauthorization: Bearer abc\r\n"));
    snprintf(url, sizeof url, "%s/none", server.url);
    set_env("AWS_CONTAINER_CREDENTIALS_FULL_URI", url);
    check_key(KIST_ERR_UNAVAILABLE, "get AWS credentials from the container's service");
}

static void test_role(void **state)
{
    (void)state;
    write_file("config", "[default]\nrole_arn = R\nsource_profile = b\n[profile b]\naws_access_key_id = b\n"
                         "aws_secret_access_key = s\n");
    set_env("AWS_ENDPOINT_URL_STS", server.url);
    check_key(0, "Credential=role/");
    assert_non_null(
        strcasestr(server.asked, "\r\nauthorization: AWS4-HMAC-SHA256 Credential=b/20261121/eu-west-1/sts/"));
    assert_non_null(strstr(server.asked, "\r\n\r\nAction=AssumeRole&Version=2011-06-15&RoleArn=R&"));
    assert_null(strstr(server.asked, "WebIdentityToken"));
}

/* One second, one try. */
static void test_no_answer(void **state)
{
    (void)state;
    server.is_mute = 1;
    set_env("AWS_EC2_METADATA_DISABLED", NULL);
    set_env("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.url);
    int64_t took = check_key(KIST_ERR_AUTH, "no answer from the instance metadata service at 'http://127.0.0.1:");
    assert_in_range(took, 500, 5000);
}

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_instance),
        TEST(test_container),
        TEST(test_role),
        TEST(test_no_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
