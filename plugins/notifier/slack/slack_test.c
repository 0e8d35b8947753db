#include "slack.h"
#include "test_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

extern const struct kist_notifier kist_plugin;

#define ELLIPSIS "\xe2\x80\xa6"
#define HUGE_SIZE 70000

/* ---- escaping ---- */

static void check_escape(const char *before, const char *text, size_t limit, const char *expected)
{
    char *escaped = slack_escape(before, text, limit);
    assert_string_equal(escaped, expected);
    free(escaped);
}

static void test_escape(void **state)
{
    (void)state;
    check_escape("", "a < b && c > d", 100, "a &lt; b &amp;&amp; c &gt; d");
    check_escape("*x*\n", "<!channel> <@U1> <#C1> <http://a|b>", 100,
                 "*x*\n&lt;!channel&gt; &lt;@U1&gt; &lt;#C1&gt; &lt;http://a|b&gt;");
    check_escape("", "&lt;!channel&gt;", 100, "&amp;lt;!channel&amp;gt;");
    check_escape("", "a\tb\x01\x7f\xff\xc3(", 100, "a b ??\?(");
    check_escape("", "one\ntwo", 100, "one\ntwo");
    check_escape("", "\xed\xa0\x80\xc0\xaf", 100, "?????");
}

static void test_cuts(void **state)
{
    (void)state;
    check_escape("", "abcde", 5, "abcde");
    check_escape("", "abcdef", 5, "abcd" ELLIPSIS);
    check_escape("", "abc&", 8, "abc&amp;");
    check_escape("", "abc&", 7, "abc" ELLIPSIS);
    check_escape("", "&&", 6, "&amp;" ELLIPSIS);
    check_escape("", "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac", 2, "\xe2\x82\xac" ELLIPSIS);
    check_escape("", "\xf0\x9f\x8d\x8e\xf0\x9f\x8d\x8e", 4, "\xf0\x9f\x8d\x8e\xf0\x9f\x8d\x8e");
    check_escape("", "\xf0\x9f\x8d\x8e\xf0\x9f\x8d\x8e", 3, "\xf0\x9f\x8d\x8e" ELLIPSIS);
    check_escape("", "\xf0\x9f\x8d\x8e\xf0\x9f\x8d\x8e", 2, ELLIPSIS);
    check_escape("ab", "cd", 3, "ab" ELLIPSIS);
}

/* ---- blocks, held against all of Slack's limits ---- */

static size_t units(const char *text)
{
    size_t count = 0;
    for (; *text; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80 ? (unsigned char)*text >= 0xf0 ? 2 : 1 : 0;
    return count;
}

/* Whether a text can do nothing but be read. */
static int is_tame(const char *text)
{
    for (const char *at = text; *at; at++)
        if (*at == '<' || *at == '>' ||
            (*at == '&' && strncmp(at, "&amp;", 5) != 0 && strncmp(at, "&lt;", 4) != 0 &&
             strncmp(at, "&gt;", 4) != 0))
            return 0;
    return 1;
}

static void check_text(const json_t *object, size_t limit, int may_call)
{
    const char *type = kist_json_text(object, "type"), *text = kist_json_text(object, "text");
    assert_non_null(type);
    assert_non_null(text);
    assert_true(units(text) >= 1 && units(text) <= limit);
    if (strcmp(type, "mrkdwn") == 0)
        assert_true(json_is_true(json_object_get(object, "verbatim")));
    else
        assert_string_equal(type, "plain_text");
    assert_true(may_call || is_tame(text));
}

static void check_block(const json_t *block, const char *mentions)
{
    const char *type = kist_json_text(block, "type");
    const json_t *text = json_object_get(block, "text"), *fields = json_object_get(block, "fields");
    const json_t *elements = json_object_get(block, "elements"), *each;
    size_t i;
    if (strcmp(type, "header") == 0) {
        assert_string_equal(kist_json_text(text, "type"), "plain_text");
        check_text(text, 150, 0);
    } else if (strcmp(type, "section") == 0) {
        assert_true(text || json_array_size(fields) > 0);
        if (text)
            check_text(text, 3000, mentions && strcmp(kist_json_text(text, "text"), mentions) == 0);
        assert_true(json_array_size(fields) <= 10);
        json_array_foreach(fields, i, each)
            check_text(each, 2000, 0);
    } else {
        assert_string_equal(type, "context");
        assert_int_equal(json_array_size(elements), 1);
        json_array_foreach(elements, i, each)
            check_text(each, 2000, 0);
    }
}

/* The blocks' texts, one after the other, to look into. */
static char *check_message(const struct slack_config *config, const struct kist_event *event, const char *mentions)
{
    json_t *message = slack_message(config, event);
    assert_non_null(message);
    const json_t *blocks = json_object_get(message, "blocks"), *block;
    char *dump = json_dumps(blocks, JSON_COMPACT);
    size_t i;
    assert_true(json_array_size(blocks) >= 2 && json_array_size(blocks) <= 50);
    assert_true(units(dump) < 13000);
    json_array_foreach(blocks, i, block)
        check_block(block, mentions);
    const char *text = kist_json_text(message, "text");
    assert_true(units(text) >= 1 && units(text) <= 4000 && is_tame(text));
    assert_true(json_is_false(json_object_get(message, "unfurl_links")));
    json_decref(message);
    return dump;
}

static char *huge(const char *piece)
{
    char *text = malloc(HUGE_SIZE + 1);
    size_t size = strlen(piece), at = 0;
    assert_non_null(text);
    for (; at + size <= HUGE_SIZE; at += size)
        memcpy(text + at, piece, size);
    text[at] = '\0';
    return text;
}

static void test_limits(void **state)
{
    (void)state;
    static const char *const pieces[] = {
        "x",         "&",        "<!channel> ", "\"\\", "\xe2\x82\xac", "\xf0\x9f\x8d\x8e",
        "\xc3\xa9&", "\x01\xff", "a\n",         "&lt;"};
    const char *people[SLACK_MENTIONS_MAX];
    struct kist_event_row rows[30];
    for (size_t i = 0; i < SLACK_MENTIONS_MAX; i++)
        people[i] = "U123456789012345678901234567";
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        char *text = huge(pieces[i]), *other = huge("z");
        for (size_t row = 0; row < 30; row++)
            rows[row] = (struct kist_event_row){.name = text, .value = row % 2 ? text + 1 : other};
        struct slack_config config = {.mention = {.items = people, .count = i % 2 ? SLACK_MENTIONS_MAX : 0}};
        for (uint32_t kind = 0; kind <= 9; kind++) {
            struct kist_event event = {.struct_size = sizeof event,
                                       .kind = kind,
                                       .title = text,
                                       .host = text,
                                       .cause = text,
                                       .next_step = kind % 2 ? text : "",
                                       .late = kind % 2,
                                       .started_ms = INT64_C(1700000000000),
                                       .finished_ms = INT64_MAX,
                                       .rows = rows,
                                       .row_count = kind % 3 ? 30 : 0};
            char *mentions = slack_mentions(&config.mention);
            free(check_message(&config, &event, mentions));
            free(mentions);
        }
        free(text);
        free(other);
    }
}

static void test_message(void **state)
{
    (void)state;
    const char *people[] = {"U1", "here", "S99"};
    const struct kist_event_row rows[] = {{"pipeline", "db1"},
                                          {"cause", "disk <full>"},
                                          {"last good backup", "yesterday"},
                                          {"next step", ""},
                                          {"host", "db1"}};
    const struct slack_config config = {.mention = {.items = people, .count = 3}};
    struct kist_event event = {.struct_size = sizeof event,
                               .kind = KIST_EVENT_FAILURE,
                               .title = "backup of shop: failed (db1)",
                               .host = "db1",
                               .cause = "disk <full>",
                               .next_step = "make room",
                               .started_ms = INT64_C(1795312800000),
                               .finished_ms = INT64_C(1795312860000),
                               .rows = rows,
                               .row_count = 5};
    char *dump = check_message(&config, &event, "<@U1> <!here> <!subteam^S99>");
    assert_non_null(strstr(dump, "backup of shop: failed (db1)"));
    assert_non_null(strstr(dump, "\"Cause: disk &lt;full&gt;\""));
    assert_non_null(strstr(dump, "\"Next step: make room\""));
    assert_non_null(strstr(dump, "\"<@U1> <!here> <!subteam^S99>\""));
    assert_non_null(strstr(dump, "\"*last good backup*\\nyesterday\""));
    assert_non_null(strstr(dump, "\"*pipeline*\\ndb1\"")); /* though its host has the same name */
    assert_null(strstr(dump, "*host*"));
    assert_null(strstr(dump, "*cause*"));
    assert_null(strstr(dump, "*next step*"));
    assert_non_null(strstr(dump, "\"db1, 2026-11-22 02:00:00 UTC to 2026-11-22 02:01:00 UTC\""));
    free(dump);
    event.kind = KIST_EVENT_SUCCESS;
    dump = check_message(&config, &event, NULL); /* nobody is called */
    free(dump);
    /* A kind that came later is told by its words, and one without any by ours. */
    event = (struct kist_event){.struct_size = sizeof event, .kind = 77, .word = "moved"};
    dump = check_message(&config, &event, NULL);
    assert_non_null(strstr(dump, "moved"));
    free(dump);
}

/* ---- configuration ---- */

static struct kist_test_host test;

static int set_up(void **state)
{
    (void)state;
    return kist_test_host_init(&test);
}

static int tear_down(void **state)
{
    (void)state;
    kist_test_host_done(&test);
    return 0;
}

static int open_with(struct slack_config config)
{
    void *self = NULL;
    kist_test_host_clear(&test);
    if (!config.api_url)
        config.api_url = "https://slack.com/api";
    int code = kist_plugin.open(&test.host, &config, &self, &test.err);
    if (!code)
        kist_plugin.close(self);
    else if (test.err.message)
        assert_null(strstr(test.err.message, "c4nary"));
    return code;
}

static void test_configuration(void **state)
{
    (void)state;
    const kist_secret hook = {"https://hooks.slack.com/services/T1/B1/c4nary"}, token = {"xoxb-c4nary"};
    const char *good[] = {"U012", "W1", "S7", "here", "channel", "everyone"};
    assert_int_equal(open_with((struct slack_config){.webhook_url = hook}), 0);
    assert_int_equal(open_with((struct slack_config){.token = token, .channel = "C1"}), 0);
    assert_int_equal(open_with((struct slack_config){.webhook_url = hook, .mention = {.items = good, .count = 6}}),
                     0);
    assert_int_equal(open_with((struct slack_config){.channel = "C1"}), KIST_ERR_CONFIG);
    assert_int_equal(open_with((struct slack_config){.webhook_url = hook, .token = token, .channel = "C1"}),
                     KIST_ERR_CONFIG);
    assert_int_equal(open_with((struct slack_config){.token = token}), KIST_ERR_CONFIG);
    assert_int_equal(open_with((struct slack_config){.token = {""}, .channel = "C1"}), KIST_ERR_CONFIG);
    assert_int_equal(open_with((struct slack_config){.token = {"xoxb-c4nary\r\nX: y"}, .channel = "C1"}),
                     KIST_ERR_CONFIG);
    assert_int_equal(open_with((struct slack_config){.webhook_url = hook, .channel = "C1"}), KIST_ERR_CONFIG);
    assert_int_equal(open_with((struct slack_config){.webhook_url = {"http://example.com/c4nary"}}),
                     KIST_ERR_CONFIG);
    assert_int_equal(
        open_with((struct slack_config){.token = token, .channel = "C1", .api_url = "http://example.com"}),
        KIST_ERR_CONFIG);
    static const char *const bad[] = {"u012", "U1>", "<!here>", "team", "C1", "U", "@here", "Here"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(
            open_with((struct slack_config){.webhook_url = hook, .mention = {.items = &bad[i], .count = 1}}),
            KIST_ERR_CONFIG);
}

/* ---- replies ---- */

static int judge_webhook(int status, const char *body)
{
    char *copy = strdup(body);
    struct kist_post post = {.host = &test.host,
                             .request = {.url = "http://127.0.0.1:1/", .what = "tell Slack"},
                             .reply = {.status = status, .body = copy, .size = strlen(body)}};
    const struct kist_http_setup setup = {.user_agent = "kist"};
    kist_test_host_clear(&test);
    assert_int_equal(kist_http_new(&test.host, &setup, &post.http, &test.err), 0);
    int code = slack_judge_webhook(&post, &test.err);
    kist_post_done(&post);
    return code;
}

static void test_webhook_replies(void **state)
{
    (void)state;
    assert_int_equal(judge_webhook(200, "ok"), 0);
    assert_int_equal(judge_webhook(200, " ok\r\n"), 0);
    assert_int_equal(judge_webhook(200, ""), KIST_ERR_CORRUPT);
    assert_int_equal(judge_webhook(200, "okay"), KIST_ERR_FAILED);
    assert_int_equal(judge_webhook(204, "ok"), KIST_ERR_FAILED);
    assert_int_equal(judge_webhook(200, "{\"ok\":false,\"error\":\"x\"}"), KIST_ERR_CORRUPT);
    assert_int_equal(judge_webhook(200, "<html>log in</html>"), KIST_ERR_CORRUPT);
    assert_int_equal(judge_webhook(200, "invalid_payload"), KIST_ERR_FAILED);
    assert_false(test.err.retryable);
    assert_int_equal(judge_webhook(404, "no_service"), KIST_ERR_NOT_FOUND);
    assert_non_null(strstr(test.err.hint, "make a new one"));
    assert_int_equal(judge_webhook(403, "invalid_token"), KIST_ERR_AUTH);
    assert_int_equal(judge_webhook(429, "rate_limited"), KIST_ERR_UNAVAILABLE);
    assert_true(test.err.retryable);
    assert_int_equal(judge_webhook(500, "rollup_error"), KIST_ERR_UNAVAILABLE);
}

static int judge_api(const char *body, const char **ret_ts, int *ret_thread_gone)
{
    json_t *reply = json_loads(body, 0, NULL);
    static char kept[64];
    const char *ts = NULL;
    const struct kist_post post = {.host = &test.host, .request = {.what = "tell Slack"}};
    kist_test_host_clear(&test);
    *ret_thread_gone = 0;
    int code = slack_judge_api(&post, reply, &ts, ret_thread_gone, &test.err);
    if (!code) {
        snprintf(kept, sizeof kept, "%s", ts);
        *ret_ts = kept;
    }
    json_decref(reply);
    return code;
}

static void test_api_replies(void **state)
{
    (void)state;
    const char *ts = NULL;
    int gone = 0;
    assert_int_equal(judge_api("{\"ok\":true,\"ts\":\"1503435956.000247\"}", &ts, &gone), 0);
    assert_string_equal(ts, "1503435956.000247");
    static const char *const useless[] = {
        "1503435956", "1.", ".1", "1.2.3", "x", "1.2\\n", "111111111111111111111.2"};
    for (size_t i = 0; i < sizeof useless / sizeof *useless; i++) {
        char body[100];
        snprintf(body, sizeof body, "{\"ok\":true,\"ts\":\"%s\"}", useless[i]);
        assert_int_equal(judge_api(body, &ts, &gone), 0);
        assert_string_equal(ts, "");
    }
    assert_int_equal(judge_api("{\"ok\":true,\"ts\":7}", &ts, &gone), 0);
    static const struct {
        const char *word;
        int code, gone;
    } words[] = {{"invalid_auth", KIST_ERR_AUTH, 0},
                 {"missing_scope", KIST_ERR_AUTH, 0},
                 {"channel_not_found", KIST_ERR_NOT_FOUND, 0},
                 {"msg_too_long", KIST_ERR_FAILED, 0},
                 {"ratelimited", KIST_ERR_UNAVAILABLE, 0},
                 {"internal_error", KIST_ERR_UNAVAILABLE, 0},
                 {"thread_not_found", KIST_ERR_FAILED, 1},
                 {"cannot_reply_to_message", KIST_ERR_FAILED, 1},
                 {"some_news", KIST_ERR_FAILED, 0}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        char body[100];
        snprintf(body, sizeof body, "{\"ok\":false,\"error\":\"%s\"}", words[i].word);
        assert_int_equal(judge_api(body, &ts, &gone), words[i].code);
        assert_int_equal(gone, words[i].gone);
        assert_int_equal(test.err.retryable, words[i].code == KIST_ERR_UNAVAILABLE);
        assert_non_null(strstr(test.err.message, words[i].word));
    }
    assert_int_equal(judge_api("{\"ok\":false,\"error\":\"<script>\"}", &ts, &gone), KIST_ERR_FAILED);
    assert_null(strstr(test.err.message, "script"));
    static const char *const odd[] = {"{}", "[]", "{\"ok\":\"true\"}", "{\"ok\":1}", "{\"ok\":null}"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        assert_int_equal(judge_api(odd[i], &ts, &gone), KIST_ERR_CORRUPT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_escape),     TEST(test_cuts),          TEST(test_limits),
                                       TEST(test_message),    TEST(test_configuration), TEST(test_webhook_replies),
                                       TEST(test_api_replies)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
