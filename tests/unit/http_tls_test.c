/* http_tls_test.c - certificates that are taken and those that are not. The servers are openssl(1)'s. */
#include "http_tools.h"

#include <errno.h>
#include <sys/wait.h>

/* One certificate as it should be, one that has expired, one for another host; and a page to be served. */
static const char make_certificates[] =
    "set -e; key() { openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=kist -keyout "
    "$1.key "
    "-out $1.csr; }\n"
    "for name in good expired other; do key $name; done\n"
    "printf 'subjectAltName=IP:127.0.0.1' >here; printf 'subjectAltName=DNS:other.example' >there\n"
    "sign() { openssl x509 -req -in $1.csr -signkey $1.key -days 2 -extfile $2 -out $1.pem; }\n"
    "sign good here; sign other there\n"
    "printf '[ca]\\ndefault_ca=c\\n[c]\\ndatabase=index\\nserial=serial\\nnew_certs_dir=.\\npolicy=p\\n"
    "default_md=sha256\\nx509_extensions=e\\n[p]\\ncommonName=supplied\\n[e]\\nsubjectAltName=IP:127.0.0.1\\n' "
    ">ca.cnf\n"
    ": >index; echo 01 >serial\n"
    "openssl ca -batch -config ca.cnf -selfsign -keyfile expired.key -in expired.csr -out expired.pem -notext "
    "-startdate 20200101000000Z -enddate 20200201000000Z\n"
    "printf 'HTTP/1.1 200 OK\\r\\nContent-Length: 5\\r\\n\\r\\nhello' >page\n";

static char folder[] = "/tmp/kist-http-tls-XXXXXX";
static pid_t tls_server;

static int run(char *const *argv, int wait_for_it)
{
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        if (null < 0 || chdir(folder) != 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
            _exit(126);
        execvp(argv[0], argv);
        _exit(127);
    }
    if (!wait_for_it)
        return pid;
    int status = -1;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

static int shell(const char *script)
{
    char *const argv[] = {"sh", "-c", (char *)(uintptr_t)script, NULL};
    return run(argv, 1);
}

static int free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&address, size) == 0 &&
                getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    close(fd);
    return ntohs(address.sin_port);
}

static void serve(const char *name, const char *version)
{
    char certificate[64], key[64], port[64];
    int number = free_port();
    snprintf(certificate, sizeof certificate, "%s.pem", name);
    snprintf(key, sizeof key, "%s.key", name);
    snprintf(port, sizeof port, "127.0.0.1:%d", number);
    char *const argv[] = {"openssl", "s_server",
                          "-accept", port,
                          "-cert",   certificate,
                          "-key",    key,
                          "-HTTP",   (char *)(uintptr_t)version,
                          "-cipher", "ALL:@SECLEVEL=0",
                          NULL};
    tls_server = run(argv, 0);
    snprintf(url, sizeof url, "https://127.0.0.1:%d/page", number);
    for (int i = 0; i < 500; i++, usleep(10000)) {
        struct sockaddr_in address = {
            .sin_family = AF_INET, .sin_port = htons((uint16_t)number), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int fd = socket(AF_INET, SOCK_STREAM, 0),
            up = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
        close(fd);
        if (up)
            return;
    }
    fail_msg("openssl s_server does not start");
}

static void trust(const char *name)
{
    char file[128];
    snprintf(file, sizeof file, "%s/%s.pem", folder, name ? name : "");
    struct kist_http_setup with = {.ca_file = name ? file : NULL, .connect_ms = 5000};
    kist_http_free(http);
    assert_int_equal(kist_http_new(&test.host, &with, &http, &test.err), 0);
}

static int stop_server(void **state)
{
    if (tls_server > 0) {
        kill(tls_server, SIGKILL);
        waitpid(tls_server, NULL, 0);
    }
    tls_server = 0;
    return teardown(state);
}

static void test_a_trusted_one(void **state)
{
    (void)state;
    serve("good", "-no_ssl3");
    trust("good");
    assert_int_equal(SEND(.method = "GET"), 0);
    assert_string_equal(reply.body, "hello");
}

static void assert_refused(const char *why)
{
    assert_int_equal(SEND(.method = "GET"), KIST_ERR_AUTH);
    assert_said("cannot try it: ");
    assert_said("127.0.0.1:");
    assert_said(why);
    assert_int_equal(test.err.retryable, 0);
    assert_non_null(test.err.hint);
}

static void test_a_self_signed_one(void **state)
{
    (void)state;
    serve("good", "-no_ssl3");
    trust(NULL);
    assert_refused("it is self-signed");
    trust("other");
    assert_refused("it is self-signed");
}

static void test_an_expired_one(void **state)
{
    (void)state;
    serve("expired", "-no_ssl3");
    trust("expired");
    assert_refused("it has expired");
}

static void test_one_of_another_host(void **state)
{
    (void)state;
    serve("other", "-no_ssl3");
    trust("other");
    assert_refused("it is for another host");
}

static void test_an_old_protocol(void **state)
{
    (void)state;
    serve("good", "-tls1_1");
    trust("good");
    assert_refused("does not speak TLS 1.2");
}

static void test_silence_in_the_handshake(void **state)
{
    (void)state;
    /* It waits for an empty line, which the greeting of TLS does not hold. */
    BEGIN({""});
    int port = server.port;
    snprintf(url, sizeof url, "https://127.0.0.1:%d/", port);
    struct kist_http_setup with = {.connect_ms = 500};
    kist_http_free(http);
    assert_int_equal(kist_http_new(&test.host, &with, &http, &test.err), 0);
    assert_int_equal(SEND(.method = "GET"), KIST_ERR_TIMEOUT);
    assert_int_equal(atomic_load(&server.next), 0);
}

static void test_a_missing_file(void **state)
{
    (void)state;
    struct kist_http_setup with = {.ca_file = "/nowhere/ca.pem"};
    serve("good", "-no_ssl3");
    assert_int_equal(kist_http_new(&test.host, &with, &http, &test.err), 0);
    assert_int_equal(SEND(.method = "GET"), KIST_ERR_CONFIG);
    assert_said("trusted certificates cannot be read");
}

static int make(void **state)
{
    (void)state;
    return shell(make_certificates);
}

#define TLS_TEST(name) cmocka_unit_test_setup_teardown(name, setup, stop_server)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TLS_TEST(test_a_trusted_one),   TLS_TEST(test_a_self_signed_one),
        TLS_TEST(test_an_expired_one),  TLS_TEST(test_one_of_another_host),
        TLS_TEST(test_an_old_protocol), TLS_TEST(test_silence_in_the_handshake),
        TLS_TEST(test_a_missing_file),
    };
    if (!mkdtemp(folder))
        return 1;
    int has_openssl = shell("command -v openssl") == 0, failed = 0;
    if (has_openssl)
        failed = cmocka_run_group_tests(tests, make, NULL);
    else
        puts("left out: there is no openssl(1)");
    char *const clear[] = {"rm", "-rf", folder, NULL};
    return run(clear, 1) != 0 || failed != 0;
}
