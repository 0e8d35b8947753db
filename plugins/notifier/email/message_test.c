/* The message, whatever the event holds. */
#include "email_test_tools.h"

static struct email_message compose(struct kist_test_host *test, const struct email_config *config,
                                    const struct kist_event *event)
{
    struct email *email = NULL;
    struct email_message message;
    assert_int_equal(open_with(test, config, &email), 0);
    assert_int_equal(email_compose(email, event, &message, &test->err), 0);
    kist_plugin.close(email);
    return message;
}

/* Lines end in CRLF, are short, and none starts with a dot; nothing but ASCII. */
static void check_lines(const struct email_message *message)
{
    const char *at = message->data, *end = message->data + message->size;
    assert_int_equal(strlen(message->data), message->size);
    while (at < end) {
        const char *line_end = strstr(at, "\r\n");
        assert_non_null(line_end);
        assert_true(line_end - at <= 78);
        assert_int_not_equal(*at, '.');
        for (; at < line_end; at++)
            assert_true(*at >= 0x20 && *at < 0x7f);
        at += 2;
    }
}

static size_t count_of(const char *text, const char *word)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, word)) != NULL; at += strlen(word))
        count++;
    return count;
}

/* The value of a header as it stands, folded lines included. */
static char *header_of(const struct email_message *message, const char *name)
{
    char start[64];
    snprintf(start, sizeof start, "\r\n%s: ", name);
    const char *at = strstr(message->data, start), *end = at;
    assert_non_null(at);
    at += strlen(start);
    do
        end = strstr(end + 2, "\r\n");
    while (end && end[2] == ' ');
    assert_true(end && end > at);
    return strndup(at, (size_t)(end - at));
}

static size_t unbase64(const char *text, size_t size, char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned bits = 0, have = 0;
    size_t written = 0;
    for (size_t i = 0; i < size && text[i] != '='; i++) {
        const char *digit = memchr(digits, text[i], 64);
        assert_non_null(digit);
        bits = bits << 6 | (unsigned)(digit - digits);
        if ((have += 6) >= 8)
            out[written++] = (char)(bits >> (have -= 8) & 255);
    }
    return written;
}

/* What encoded words say; each must begin and end at a character. */
static void decode_words(const char *text, char *out)
{
    for (const char *at = text; (at = strstr(at, "=?UTF-8?B?")) != NULL;) {
        const char *end = strstr(at, "?=");
        assert_non_null(end);
        assert_true(end + 2 - at <= 75);
        size_t size = unbase64(at + 10, (size_t)(end - at - 10), out);
        assert_true(size > 0 && ((unsigned char)out[0] & 0xc0) != 0x80);
        out += size;
        at = end;
    }
    *out = '\0';
}

static void test_headers(void **state)
{
    struct email_config config = config_for("localhost");
    struct kist_event event = event_of("backup of shop: failed (db1)", "text\n");
    config.subject_prefix = "[kist]";
    struct email_message message = compose(*state, &config, &event);
    check_lines(&message);
    assert_non_null(strstr(message.data, "\r\nSubject: [kist] backup of shop: failed (db1)\r\n"));
    assert_non_null(strstr(message.data, "\r\nFrom: \"Backups\"\r\n <kist@example.org>\r\n"));
    assert_non_null(strstr(message.data, "\r\nTo: ops@example.org\r\n"));
    assert_non_null(
        strstr(message.data, "\r\nMessage-ID: <12345678-1234-4234-8234-123456789abc.failure@example.org>\r\n"));
    assert_non_null(strstr(message.data, "\r\nAuto-Submitted: auto-generated\r\n"));
    assert_true(strncmp(message.data, "Date: ", 6) == 0);
    email_message_done(&message);
}

static void test_hostile_titles(void **state)
{
    static const char *const titles[] = {
        "x\r\nBcc: evil@example.org\r\n\r\n<h1>hello</h1>",
        "\r\n.\r\nMAIL FROM:<a@b>",
        "a\nb\rc\x01\x7f",
        "=?UTF-8?B?aGk=?=",
        " ",
        "",
        "not \xff\xfe utf-8 \xc3",
        "trailing ",
        "Subject: x",
    };
    struct email_config config = config_for("localhost");
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++) {
        struct kist_event event = event_of(titles[i], titles[i]);
        event.pipeline = event.backup = event.word = titles[i];
        struct email_message message = compose(*state, &config, &event);
        check_lines(&message);
        char *end = strstr(message.data, "\r\n\r\n");
        assert_non_null(end);
        *end = '\0';
        assert_null(strstr(message.data, "\r\nBcc:"));
        assert_null(strstr(message.data, "\r\nMAIL"));
        assert_int_equal(count_of(message.data, "\r\nSubject:"), 1);
        *end = '\r';
        email_message_done(&message);
    }
}

static void test_subjects_keep_their_characters(void **state)
{
    struct email_config config = config_for("localhost");
    char title[201], decoded[400];
    for (size_t shift = 0; shift < 4; shift++) {
        size_t size = 0;
        while (size < shift)
            title[size++] = 'x';
        while (size + 4 < sizeof title - 3)
            size += (size_t)snprintf(title + size, sizeof title - size,
                                     size % 3 ? "\xe2\x82\xac" : "\xf0\x9f\x92\xbe");
        struct kist_event event = event_of(title, "text\n");
        struct email_message message = compose(*state, &config, &event);
        char *subject = header_of(&message, "Subject");
        decode_words(subject, decoded);
        assert_string_equal(decoded, title);
        check_lines(&message);
        free(subject);
        email_message_done(&message);
    }
}

/* Undoes quoted-printable; `out` has room for as much. */
static void unquote(const char *from, size_t size, char *out)
{
    for (const char *end = from + size; from < end;) {
        if (*from == '=' && from[1] == '\r') {
            from += 3;
        } else if (*from == '=') {
            char digits[3] = {from[1], from[2], '\0'};
            *out++ = (char)strtoul(digits, NULL, 16);
            from += 3;
        } else {
            if (*from != '\r')
                *out++ = *from;
            from++;
        }
    }
    *out = '\0';
}

static void check_body(struct kist_test_host *test, const char *text)
{
    struct email_config config = config_for("localhost");
    struct kist_event event = event_of("t", text);
    struct email_message message = compose(test, &config, &event);
    check_lines(&message);
    assert_int_equal(count_of(message.data, "\r\n--=_kist-"), 3);
    const char *start = strstr(message.data, "text/plain");
    start = strstr(start, "\r\n\r\n") + 4;
    const char *end = strstr(start, "\r\n--=_kist-");
    char *decoded = calloc(1, message.size + 1);
    unquote(start, (size_t)(end - start), decoded);
    assert_int_equal(strncmp(decoded, text, strlen(decoded)), 0);
    assert_true(strlen(text) - strlen(decoded) <= 1); /* the last end of line is the boundary's */
    free(decoded);
    email_message_done(&message);
}

static void test_bodies(void **state)
{
    check_body(*state, "one line\n");
    check_body(*state, ".\n..\n.x\n");
    check_body(*state, "From here\nFrom \n From\n");
    check_body(*state, "ends in blanks  \nand = signs =\n=3D\n\n\n");
    check_body(*state, "--=_kist-12345678-1234-4234-8234-123456789abc--\n--=_kist-\n");
    check_body(*state, "\xe2\x82\xac\xf0\x9f\x92\xbe \xc3\xa9\n");
    char *long_text = malloc(16385);
    assert_non_null(long_text);
    for (size_t i = 0; i < 16384; i++)
        long_text[i] = ". =aF\n"[i * i % 5];
    long_text[16383] = '\n';
    long_text[16384] = '\0';
    check_body(*state, long_text);
    free(long_text);
}

static void test_html(void **state)
{
    static const struct kist_event_row rows[] = {
        {"cause", "<script>alert('x')</script> & \"more\""}, {"<b>", "x"}, {"not told", "as a row"}};
    struct kist_event event = event_of("t", "<img src=x> first\n\nplain <i>line</i>\n"
                                            "cause: <script>alert('x')</script> & \"more\"\n<b>: x\n");
    event.rows = rows;
    event.row_count = 3;
    char *html = email_html(&event, event.text);
    (void)state;
    assert_non_null(html);
    assert_null(strstr(html, "<script"));
    assert_null(strstr(html, "<img"));
    assert_null(strstr(html, "<i>"));
    assert_null(strstr(html, "<b>"));
    assert_null(strstr(html, "http"));
    assert_null(strstr(html, "not told"));
    assert_int_equal(count_of(html, "<tr>"), 2);
    assert_int_equal(count_of(html, "<table"), 1);
    assert_non_null(strstr(html, "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;more&quot;</td>"));
    assert_non_null(strstr(html, "&lt;img src=x&gt; first</p>"));
    free(html);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_headers, start, stop),
        cmocka_unit_test_setup_teardown(test_hostile_titles, start, stop),
        cmocka_unit_test_setup_teardown(test_subjects_keep_their_characters, start, stop),
        cmocka_unit_test_setup_teardown(test_bodies, start, stop),
        cmocka_unit_test(test_html),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
