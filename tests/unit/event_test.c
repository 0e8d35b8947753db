#include "event.h"
#include "log.h"
#include "redact.h"
#include "text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define STARTED INT64_C(1795226400) /* 2026-11-21T02:00:00Z */
#define SECRET "c4nary-of-events"

static struct kist_run_place places[] = {
    {.destination = (char *)(uintptr_t) "disk", .complete = 1},
    {.destination = (char *)(uintptr_t) "offsite", .cause = (char *)(uintptr_t) "no answer"}};

static struct kist_news failed_news(void)
{
    return (struct kist_news){.kind = KIST_EVENT_FAILURE,
                              .run = "11111111-2222-4333-8444-555555555555",
                              .cause = "cannot connect to 'db:5432'",
                              .last_good = "2026-11-20T02-00-00Z",
                              .started_ms = STARTED * 1000,
                              .finished_ms = (STARTED + 75) * 1000,
                              .raw_size = -1,
                              .stored_size = -1,
                              .exit = 1};
}

static json_t *make(const struct kist_config_pipeline *pipeline, const struct kist_news *news, uint32_t kind)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    json_t *document = NULL;
    assert_int_equal(kist_event_make(pipeline, news, kind, &document, &err), 0);
    assert_non_null(document);
    return document;
}

/* Through a file or a pipe and back. */
static json_t *carried(json_t *document)
{
    char *text = json_dumps(document, JSON_COMPACT);
    json_t *copy = json_loads(text, 0, NULL);
    assert_non_null(copy);
    free(text);
    json_decref(document);
    return copy;
}

static void open_message(json_t *document, int late, struct kist_message *message)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    assert_int_equal(kist_message_open(document, late, message, &err), 0);
}

static const char *row(const struct kist_message *message, const char *name)
{
    for (uint32_t i = 0; i < message->event.row_count; i++)
        if (strcmp(message->event.rows[i].name, name) == 0)
            return message->event.rows[i].value;
    return NULL;
}

/* No control characters but line ends (where `lines`), and UTF-8. */
static void assert_clean(const char *text, int lines)
{
    assert_true(kist_utf8_valid(text, strlen(text)));
    for (const char *c = text; *c; c++)
        assert_true((unsigned char)*c >= 0x20 && *c != 0x7f ? 1 : lines && *c == '\n');
}

static void assert_all_clean(const struct kist_message *message)
{
    const struct kist_event *event = &message->event;
    assert_clean(event->title, 0);
    assert_clean(event->summary, 0);
    assert_clean(event->text, 1);
    assert_clean(event->json, 0);
    if (event->cause)
        assert_clean(event->cause, 0);
    for (uint32_t i = 0; i < event->row_count; i++)
        assert_clean(event->rows[i].value, 0);
    assert_true(strlen(event->title) <= 200);
    assert_true(strlen(event->text) <= 16384);
    assert_int_equal(event->text[strlen(event->text) - 1], '\n');
}

static void test_a_failure(void **state)
{
    (void)state;
    const struct kist_config_pipeline pipeline = {.name = "shop-daily"};
    const struct kist_news news = failed_news();
    struct kist_message message;
    open_message(carried(make(&pipeline, &news, news.kind)), 0, &message);
    const struct kist_event *event = &message.event;
    assert_all_clean(&message);
    assert_int_equal(event->struct_size, sizeof *event);
    assert_int_equal(event->kind, KIST_EVENT_FAILURE);
    assert_string_equal(event->word, "failure");
    assert_string_equal(event->pipeline, "shop-daily");
    assert_null(event->backup);
    assert_string_equal(event->summary, "backup of shop-daily: failed");
    assert_string_equal(event->cause, news.cause);
    assert_string_equal(event->last_good, news.last_good);
    assert_string_equal(event->run, news.run);
    assert_true(event->started_ms == news.started_ms && event->finished_ms == news.finished_ms);
    assert_true(event->raw_size == -1 && event->stored_size == -1);
    assert_true(event->last_good_ms == (STARTED - 86400) * 1000);
    assert_int_equal(event->exit_status, 1);
    assert_int_equal(event->late, 0);
    assert_null(event->memory);
    assert_ptr_equal(strstr(event->title, "[kist] shop-daily failed on "), event->title);
    assert_string_equal(row(&message, "pipeline"), "shop-daily");
    assert_string_equal(row(&message, "last good backup"), "2026-11-20T02-00-00Z, 1 d 00 h old");
    assert_string_equal(row(&message, "duration"), "1 min 15 s");
    assert_null(row(&message, "size"));
    /* What happened, what is safe, and the commands that help. */
    assert_non_null(strstr(event->text, "No backup was made."));
    assert_non_null(strstr(event->text, news.cause));
    assert_non_null(strstr(event->text, "2026-11-20T02-00-00Z, 1 d 00 h old"));
    assert_non_null(strstr(event->text, "`kist doctor shop-daily`"));
    assert_non_null(strstr(event->text, "`kist run shop-daily`"));
    kist_message_done(&message);
}

static void test_the_json(void **state)
{
    (void)state;
    const struct kist_config_pipeline pipeline = {.name = "p"};
    struct kist_news news = failed_news();
    struct kist_message message;
    news.places = places;
    news.place_count = 2;
    news.backup = "2026-11-21T02-00-00Z";
    news.raw_size = 4096;
    news.stored_size = 1024;
    news.exit = 3;
    open_message(carried(make(&pipeline, &news, KIST_EVENT_DEGRADED)), 0, &message);
    json_t *json = json_loads(message.event.json, 0, NULL);
    const char *word = NULL, *started = NULL, *finished = NULL, *good = NULL, *time = NULL, *run = NULL;
    int version = 0, disk = 0, offsite = 1, late = 1, status = 0;
    json_int_t raw = 0, stored = 0, took = 0;
    assert_int_equal(json_unpack(json,
                                 "{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:i, s:I, s:I, s:I, s:{s:b, s:b}}",
                                 "kist_event", &version, "event", &word, "started", &started, "finished",
                                 &finished, "last_good", &good, "last_good_time", &time, "run", &run, "late",
                                 &late, "exit", &status, "raw_size", &raw, "stored_size", &stored, "duration_ms",
                                 &took, "destinations", "disk", &disk, "offsite", &offsite),
                     0);
    assert_true(version == 1 && disk && !offsite && !late && status == 3);
    assert_true(raw == 4096 && stored == 1024 && took == 75000);
    assert_string_equal(word, "degraded");
    assert_string_equal(started, "2026-11-21T02:00:00Z");
    assert_string_equal(finished, "2026-11-21T02:01:15Z");
    assert_string_equal(good, "2026-11-20T02-00-00Z");
    assert_string_equal(time, "2026-11-20T02:00:00Z");
    assert_string_equal(row(&message, "destinations"), "disk has it, offsite lacks it (no answer)");
    assert_string_equal(row(&message, "size"), "4.0 KiB, stored as 1.0 KiB");
    assert_non_null(strstr(message.event.next_step, "`kist run --repair p`"));
    json_decref(json);
    kist_message_done(&message);
}

static void test_every_kind_has_its_words(void **state)
{
    (void)state;
    static const struct {
        uint32_t kind;
        const char *word, *title, *advice;
    } kinds[] = {{KIST_EVENT_SUCCESS, "success", "[kist] p ok on ", NULL},
                 {KIST_EVENT_DEGRADED, "degraded", "[kist] p is degraded on ", "kist show p"},
                 {KIST_EVENT_FAILURE, "failure", "[kist] p failed on ", "kist doctor p"},
                 {KIST_EVENT_RECOVERY, "recovery", "[kist] p is good again on ", NULL},
                 {KIST_EVENT_OVERDUE, "overdue", "[kist] p is overdue on ", "kist run p"},
                 {KIST_EVENT_SUSPECT, "suspect", "[kist] p is suspect on ", "kist accept p"},
                 {KIST_EVENT_START, "start", "[kist] p started on ", NULL},
                 {KIST_EVENT_TEST, "test", "[kist] a test message from ", NULL},
                 {77, "event", "[kist] ", NULL}};
    const struct kist_config_pipeline pipeline = {.name = "p"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const struct kist_news news = {.kind = kinds[i].kind, .raw_size = -1, .stored_size = -1};
        struct kist_message message;
        open_message(make(&pipeline, &news, kinds[i].kind), 0, &message);
        assert_all_clean(&message);
        assert_string_equal(message.event.word, kinds[i].word);
        assert_ptr_equal(strstr(message.event.title, kinds[i].title), message.event.title);
        assert_int_equal(strlen(message.event.run), 36);
        if (kinds[i].advice)
            assert_non_null(strstr(message.event.next_step, kinds[i].advice));
        else
            assert_null(message.event.next_step);
        kist_message_done(&message);
    }
}

static void test_what_servers_say_is_made_harmless(void **state)
{
    (void)state;
    const struct kist_config_pipeline pipeline = {.name = "p"};
    struct kist_news news = failed_news();
    struct kist_message message;
    size_t size = 1024 * 1024;
    char *cause = malloc(size + 1);
    static const char phrase[] = "a\r\nSubject: x\x1b[31m\xff\xfe\xc3\x28\xe2\x82 <!channel> \xe2\x82\xac\t";
    assert_non_null(cause);
    for (size_t i = 0; i < size; i++)
        cause[i] = phrase[i % (sizeof phrase - 1)];
    cause[size] = '\0';
    news.cause = news.next_step = news.summary = cause;
    struct kist_run_place many[64];
    for (size_t i = 0; i < 64; i++)
        many[i] = (struct kist_run_place){.destination = (char *)(uintptr_t) "somewhere", .cause = cause};
    news.places = many;
    news.place_count = 64;
    open_message(carried(make(&pipeline, &news, news.kind)), 0, &message);
    assert_all_clean(&message);
    assert_true(strlen(message.event.cause) <= 3000 && strlen(message.event.cause) > 2900);
    assert_string_equal(message.event.cause + strlen(message.event.cause) - 3, "...");
    assert_true(strlen(message.event.json) < 16384);
    kist_message_done(&message);
    free(cause);
}

static void test_what_is_still_safe(void **state)
{
    (void)state;
    const struct kist_config_pipeline pipeline = {.name = "shop"};
    struct kist_news news = failed_news();
    struct kist_message message;
    news.last_good = NULL;
    open_message(make(&pipeline, &news, KIST_EVENT_FAILURE), 0, &message);
    assert_string_equal(row(&message, "last good backup"), "none is known; `kist list shop` shows what there is");
    kist_message_done(&message);
    /* One that lacks a destination is there all the same. */
    news.backup = news.last_good = "2026-11-21T02-00-00Z";
    open_message(make(&pipeline, &news, KIST_EVENT_DEGRADED), 0, &message);
    assert_non_null(strstr(message.event.text, "last good backup):\n  this one, 2026-11-21T02-00-00Z\n"));
    kist_message_done(&message);
    open_message(make(&pipeline, &news, KIST_EVENT_SUCCESS), 0, &message);
    assert_null(row(&message, "last good backup"));
    kist_message_done(&message);
}

static void test_secrets_go(void **state)
{
    (void)state;
    const struct kist_config_pipeline pipeline = {.name = "p"};
    struct kist_news news = failed_news();
    assert_int_equal(kist_redact_add(SECRET), 0);
    /* At each place, so that also the one where the text is cut goes through the middle of it. */
    char *cause = malloc(4096);
    assert_non_null(cause);
    for (size_t at = 2970; at < 3010; at++) {
        memset(cause, 'x', 4095);
        cause[4095] = '\0';
        memcpy(cause + at, SECRET, strlen(SECRET));
        memcpy(cause + 5, SECRET, strlen(SECRET));
        news.cause = cause;
        news.next_step = "use " SECRET;
        news.summary = "with " SECRET;
        json_t *document = make(&pipeline, &news, news.kind);
        char *text = json_dumps(document, 0);
        assert_null(strstr(text, "c4nary"));
        free(text);
        json_decref(document);
    }
    free(cause);
    kist_redact_forget();
}

static void test_late(void **state)
{
    (void)state;
    char name[201];
    memset(name, 'n', 200);
    name[200] = '\0';
    struct kist_config_pipeline pipeline = {.name = name};
    const struct kist_news news = failed_news();
    struct kist_message message;
    open_message(carried(make(&pipeline, &news, news.kind)), 1, &message);
    assert_all_clean(&message);
    assert_int_equal(message.event.late, 1);
    assert_non_null(strstr(message.event.json, "\"late\":true"));
    assert_non_null(strstr(message.event.title, "(late)"));
    assert_ptr_equal(strstr(message.event.text, "This comes late: it happened at 2026-11-21T02:01:15Z"),
                     message.event.text);
    kist_message_done(&message);
}

static void test_the_zone_of_the_pipeline(void **state)
{
    (void)state;
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct kist_config_pipeline pipeline = {.name = "p"};
    const struct kist_news news = failed_news();
    struct kist_message message;
    assert_int_equal(kist_zone_find("Europe/Berlin", &pipeline.schedule.zone, &err), 0);
    open_message(make(&pipeline, &news, news.kind), 0, &message);
    assert_string_equal(row(&message, "started"), "2026-11-21T02:00:00Z (2026-11-21 03:00:00 Europe/Berlin)");
    kist_message_done(&message);
}

static void test_the_tail_of_the_log(void **state)
{
    (void)state;
    const struct kist_config_pipeline pipeline = {.name = "p"};
    struct kist_news news = failed_news();
    struct kist_message message;
    kist_log(KIST_LOG_ERROR, "p", "the last words");
    open_message(carried(make(&pipeline, &news, news.kind)), 0, &message);
    assert_null(message.event.log_tail);
    kist_message_done(&message);
    news.with_log = 1;
    open_message(carried(make(&pipeline, &news, news.kind)), 0, &message);
    assert_non_null(strstr(message.event.log_tail, "kist: error: p: the last words\n"));
    kist_message_done(&message);
}

static void test_memory(void **state)
{
    (void)state;
    const struct kist_config_pipeline pipeline = {.name = "p"};
    const struct kist_news news = failed_news();
    struct kist_message message;
    char text[300];
    open_message(make(&pipeline, &news, KIST_EVENT_START), 0, &message);
    assert_string_equal(message.remembered, "");
    message.event.remember(&message.event, "key-1");
    assert_string_equal(message.remembered, "key-1");
    memset(text, 'm', sizeof text);
    text[255] = '\0';
    message.event.remember(&message.event, text);
    assert_string_equal(message.remembered, text);
    /* Half of it would be worse than nothing. */
    text[255] = 'm';
    text[256] = '\0';
    message.event.remember(&message.event, text);
    assert_string_equal(message.remembered, "");
    message.event.remember(&message.event, NULL);
    assert_string_equal(message.remembered, "");
    kist_message_done(&message);
}

static void test_documents_that_are_none(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{}",
        "[]",
        "{\"kind\":3,\"text\":\"t\",\"rows\":[],\"event\":{}}",
        "{\"kind\":3,\"text\":\"t\",\"rows\":[],\"event\":{\"event\":\"failure\",\"pipeline\":\"p\",\"host\":"
        "\"h\","
        "\"summary\":\"s\",\"title\":5,\"run\":\"r\"}}",
        "{\"kind\":3,\"text\":\"t\",\"rows\":[[\"a\"]],\"event\":{\"event\":\"failure\",\"pipeline\":\"p\","
        "\"host\":\"h\",\"summary\":\"s\",\"title\":\"t\",\"run\":\"r\"}}",
        "{\"kind\":\"3\",\"text\":\"t\",\"rows\":[],\"event\":{\"event\":\"failure\",\"pipeline\":\"p\","
        "\"host\":\"h\",\"summary\":\"s\",\"title\":\"t\",\"run\":\"r\"}}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
        struct kist_message message;
        assert_int_equal(kist_message_open(json_loads(texts[i], 0, NULL), 1, &message, &err), KIST_ERR_CORRUPT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_failure),
        cmocka_unit_test(test_the_json),
        cmocka_unit_test(test_every_kind_has_its_words),
        cmocka_unit_test(test_what_servers_say_is_made_harmless),
        cmocka_unit_test(test_what_is_still_safe),
        cmocka_unit_test(test_secrets_go),
        cmocka_unit_test(test_late),
        cmocka_unit_test(test_the_zone_of_the_pipeline),
        cmocka_unit_test(test_the_tail_of_the_log),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_documents_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
