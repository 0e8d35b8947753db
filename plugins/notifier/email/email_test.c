/* Options, and what is made of a server's words; tests/e2e/test_email.py talks to a real one. */
#include "email_test_tools.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- options ---- */

static void test_servers(void **state)
{
    static const struct {
        const char *server;
        int security;
        const char *url, *where;
    } good[] = {
        {"smtp://mail.example.org:587", -1, "smtp://mail.example.org:587/", "mail.example.org:587"},
        {"smtps://mail.example.org", -1, "smtps://mail.example.org:465/", "mail.example.org:465"},
        {"mail.example.org:465", -1, "smtps://mail.example.org:465/", "mail.example.org:465"},
        {"mail.example.org", -1, "smtp://mail.example.org:587/", "mail.example.org:587"},
        {"SMTP://mail.example.org/", EMAIL_STARTTLS, "smtp://mail.example.org:587/", "mail.example.org:587"},
        {"localhost", EMAIL_NONE, "smtp://localhost:25/", "localhost:25"},
        {"[::1]:2525", EMAIL_NONE, "smtp://[::1]:2525/", "[::1]:2525"},
        {"mail.example.org", EMAIL_TLS, "smtps://mail.example.org:465/", "mail.example.org:465"},
    };
    static const struct {
        const char *server;
        int security;
    } bad[] = {
        {"", -1},
        {"http://x", -1},
        {"smtp://u:p@x", -1},
        {"x:0", -1},
        {"x:65536", -1},
        {"x:25x", -1},
        {"x y", -1},
        {"x\r\nQUIT", -1},
        {"x/path", -1},
        {"x?y", -1},
        {"-x", -1},
        {"smtps://x", EMAIL_NONE},
        {"smtps://x", EMAIL_STARTTLS},
        {"smtp://x", EMAIL_TLS},
        {"[::1", -1},
        {"x:", -1},
    };
    struct kist_test_host *test = *state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct email_config config = config_for(good[i].server);
        struct email *email = NULL;
        config.security.index = good[i].security;
        assert_int_equal(open_with(test, &config, &email), 0);
        assert_string_equal(email->url, good[i].url);
        assert_string_equal(email->where, good[i].where);
        kist_plugin.close(email);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct email_config config = config_for(bad[i].server);
        config.security.index = bad[i].security;
        assert_int_equal(open_with(test, &config, NULL), KIST_ERR_CONFIG);
    }
}

static void test_clear_text(void **state)
{
    static const char *const here[] = {"localhost", "127.0.0.1", "127.1.2.3:2525", "[::1]", "LOCALHOST:25"};
    static const char *const elsewhere[] = {"mail.example.org", "10.0.0.1", "localhost.example.org", "[::2]",
                                            "127.0.0.1.example.org"};
    struct kist_test_host *test = *state;
    for (size_t i = 0; i < sizeof here / sizeof *here; i++) {
        struct email_config config = config_for(here[i]);
        config.security.index = EMAIL_NONE;
        assert_int_equal(open_with(test, &config, NULL), 0);
    }
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++) {
        struct email_config config = config_for(elsewhere[i]);
        config.security.index = EMAIL_NONE;
        assert_int_equal(open_with(test, &config, NULL), KIST_ERR_CONFIG);
        config.allow_plaintext.on = 1;
        assert_int_equal(open_with(test, &config, NULL), 0);
        config.user = "bob";
        config.password.reveal = "s3cret-pass";
        assert_int_equal(open_with(test, &config, NULL), KIST_ERR_CONFIG);
    }
}

static void test_logins(void **state)
{
    struct kist_test_host *test = *state;
    struct email_config config = config_for("localhost");
    config.user = "bob";
    assert_int_equal(open_with(test, &config, NULL), KIST_ERR_CONFIG);
    config.password.reveal = "s3cret-pass";
    assert_int_equal(open_with(test, &config, NULL), 0);
    config.security.index = EMAIL_NONE;
    assert_int_equal(open_with(test, &config, NULL), KIST_ERR_CONFIG);
    assert_non_null(strstr(test->err.message, "security = none"));
    assert_null(strstr(test->err.message, "s3cret"));
    config.user = NULL;
    assert_int_equal(open_with(test, &config, NULL), KIST_ERR_CONFIG);
    config = config_for("localhost");
    config.ehlo = "host.example.org";
    assert_int_equal(open_with(test, &config, NULL), 0);
    config.ehlo = "host\r\nRSET";
    assert_int_equal(open_with(test, &config, NULL), KIST_ERR_CONFIG);
}

static void test_addresses(void **state)
{
    static const char *const good[][3] = {
        {"a@b", NULL, "a@b"},
        {" a@b ", NULL, "a@b"},
        {"<a@b>", NULL, "a@b"},
        {"Ops <a.b+c@x.example.org>", "Ops", "a.b+c@x.example.org"},
        {"\"Ops; Team\" <a@b>", "Ops; Team", "a@b"},
        {"Jos\xc3\xa9 <a@b>", "Jos\xc3\xa9", "a@b"},
    };
    static const char *const bad[] = {
        "",
        "a",
        "@b",
        "a@",
        "a@b, c@d",
        "a b@c",
        "a@b c",
        "a@b>",
        "x <a@b",
        "a@b\r\nBcc: x@y",
        "N\r\nBcc: x@y <a@b>",
        "a@b <c@d> <e@f>",
        ".a@b",
        "a..b@c",
        "a.@b",
        "a@b..c",
        "\"q\"@b",
        "a@b\xc3\xa9",
        "\xc3\xa9@b",
        "a@[127.0.0.1]",
        "<a@b>,<c@d>",
        "a@b@c d",
        "a@b\tX",
        "a@b SIZE=1",
        "a@b;c@d",
    };
    struct kist_test_host *test = *state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct email_address address;
        assert_int_equal(email_address_read(&test->host, "to", good[i][0], &address, &test->err), 0);
        assert_string_equal(address.address, good[i][2]);
        assert_true(good[i][1] ? address.name && strcmp(address.name, good[i][1]) == 0 : !address.name);
        email_address_done(&address);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct email_address address;
        kist_test_host_clear(test);
        assert_int_equal(email_address_read(&test->host, "to", bad[i], &address, &test->err), KIST_ERR_CONFIG);
        assert_null(strpbrk(test->err.message, "\r\n\t"));
    }
}

/* ---- the conversation ---- */

static void say(struct email_talk *talk, const char *line)
{
    email_talk_heard(talk, line, strlen(line));
}

static void tell(struct email_talk *talk, const char *line)
{
    email_talk_told(talk, line, strlen(line));
}

static void test_refused_recipients(void **state)
{
    (void)state;
    struct email_talk talk = {.command = ""};
    say(&talk, "220 hello\r");
    tell(&talk, "RCPT TO:<a@b>\r\n");
    say(&talk, "250 ok\r");
    tell(&talk, "RCPT TO:<c@d> NOTIFY=NEVER\r\n");
    say(&talk, "550-5.1.1 no \x1b[31msuch\r");
    say(&talk, "550 5.1.1 user\r");
    tell(&talk, "RCPT TO:<e@f>\r\n");
    say(&talk, "451 4.7.1 later\r");
    assert_int_equal(talk.refused_count, 2);
    assert_string_equal(talk.refused, "c@d, e@f");
    assert_string_equal(talk.refusal, "451 4.7.1 later");
    assert_int_equal(talk.later, 1);
    tell(&talk, "QUIT\r\n");
    say(&talk, "500 no\r");
    assert_int_equal(talk.reply, 451);
}

static void test_replies_are_bounded(void **state)
{
    (void)state;
    struct email_talk talk = {.command = ""};
    char line[4096];
    memset(line, 'x', sizeof line);
    for (int i = 0; i < 100; i++)
        email_talk_heard(&talk, line, sizeof line);
    memcpy(line, "250-", 4);
    for (int i = 0; i < 100; i++)
        email_talk_heard(&talk, line, sizeof line);
    assert_true(strlen(talk.said) <= EMAIL_SAID);
    assert_int_equal(talk.reply, 0);
    tell(&talk, "AUTH PLAIN\r\n");
    tell(&talk, "AGJvYgBzM2NyZXQ=\r\n");
    assert_string_equal(talk.command, "AUTH");
    say(&talk, "5");
    say(&talk, "");
}

/* What a server repeats of a login is taken out by the core, if it is there as a whole. */
static void test_nothing_is_cut_in_two(void **state)
{
    (void)state;
    for (size_t size = EMAIL_SAID - 40; size < EMAIL_SAID + 10; size++) {
        struct email_talk talk = {.command = "AUTH"};
        char line[EMAIL_SAID + 100];
        int length = snprintf(line, sizeof line, "535 %0*d c4nary-password refused", (int)size, 0);
        email_talk_heard(&talk, line, (size_t)length);
        assert_true(strlen(talk.said) <= EMAIL_SAID && talk.reply == 535);
        assert_true(!strstr(talk.said, "c4n") || strstr(talk.said, "c4nary-password"));
        assert_true(strstr(talk.said, "refused") || strcmp(talk.said + strlen(talk.said) - 4, " ...") == 0);
    }
}

/* ---- a server that says nothing ---- */

static int deaf_server(int *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&address, size) == 0 && listen(fd, 4) == 0 &&
                getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static void test_silence_ends(void **state)
{
    struct kist_test_host *test = *state;
    int port = 0, fd = deaf_server(&port);
    char server[64];
    struct email *email = NULL;
    struct kist_event event = event_of("t", "text\n");
    snprintf(server, sizeof server, "127.0.0.1:%d", port);
    struct email_config config = config_for(server);
    config.security.index = EMAIL_NONE;
    assert_int_equal(open_with(test, &config, &email), 0);
    int64_t began = test->host.monotonic_ms(&test->host);
    assert_int_equal(kist_plugin.notify(email, &event, 300, &test->err), KIST_ERR_TIMEOUT);
    assert_non_null(strstr(test->err.message, "no greeting"));
    kist_test_host_clear(test);
    kist_test_host_cancel(test);
    assert_int_equal(kist_plugin.notify(email, &event, 60000, &test->err), KIST_ERR_CANCELLED);
    assert_true(test->host.monotonic_ms(&test->host) - began < 5000);
    kist_test_host_clear(test);
    close(fd);
    assert_int_not_equal(kist_plugin.notify(email, &event, 60000, &test->err), 0);
    kist_plugin.close(email);
}

static void test_an_event_of_the_first_core(void **state)
{
    struct kist_test_host *test = *state;
    struct email_config config = config_for("127.0.0.1:1");
    struct kist_event event = {
        .kind = KIST_EVENT_FAILURE, .pipeline = "shop", .summary = "backup of shop: failed"};
    struct email *email = NULL;
    kist_test_first_event(&event);
    config.security.index = EMAIL_NONE;
    assert_int_equal(open_with(test, &config, &email), 0);
    assert_int_equal(kist_plugin.notify(email, &event, 2000, &test->err), KIST_ERR_UNAVAILABLE);
    kist_plugin.close(email);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_servers, start, stop),
        cmocka_unit_test_setup_teardown(test_logins, start, stop),
        cmocka_unit_test_setup_teardown(test_addresses, start, stop),
        cmocka_unit_test(test_refused_recipients),
        cmocka_unit_test(test_replies_are_bounded),
        cmocka_unit_test(test_nothing_is_cut_in_two),
        cmocka_unit_test_setup_teardown(test_silence_ends, start, stop),
        cmocka_unit_test_setup_teardown(test_clear_text, start, stop),
        cmocka_unit_test_setup_teardown(test_an_event_of_the_first_core, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
