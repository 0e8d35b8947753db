/* Names and times: keys, ids of backups, names of items, the facts of a source. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backup_id.h"
#include "facts.h"
#include "fakes.h"
#include "hash.h"
#include "item_name.h"
#include "key.h"

static struct kist_error err = KIST_ERROR_INIT;

static int teardown(void **state)
{
    (void)state;
    kist_error_clear(&err);
    return 0;
}

static void sound_keys(void **state)
{
    (void)state;
    static const char *const good[] = {"a",    "a/b", "...", "a/..b/c..", "-rf", " ", "\xc3\xa4/\xe2\x82\xac",
                                       "a\\b", "*?",  "a b", "'",         "\""};
    static const char *const bad[] = {
        "",     "/",    "/a",     "a/",  "a//b", ".",      "..",    "./a",  "a/.",  "a/./b",
        "../a", "a/..", "a/../b", "a\n", "\t",   "a/\x7f", "a\x01", "\xff", "\xc3", "a/\xed\xa0\x80"};
    char longest[KIST_KEY_MAX + 2];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_int_equal(kist_key_check(good[i], &err), 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(kist_key_check(bad[i], &err), KIST_ERR_CORRUPT);
    memset(longest, 'k', sizeof longest);
    longest[KIST_KEY_MAX + 1] = '\0';
    assert_int_equal(kist_key_check(longest, &err), KIST_ERR_CORRUPT);
    longest[KIST_KEY_MAX] = '\0';
    kist_error_clear(&err);
    assert_int_equal(kist_key_check(longest, &err), 0);
    assert_int_equal(kist_key_is_below("a/b", "a"), 1);
    assert_int_equal(kist_key_is_below("a", "a"), 0);
    assert_int_equal(kist_key_is_below("ab/c", "a"), 0);
    assert_int_equal(kist_key_is_below("b", "a"), 0);
    assert_int_equal(kist_key_is_below("b", ""), 1);
}

static void assert_text(char *made, const char *expected)
{
    assert_string_equal(made, expected);
    free(made);
}

static void joined_keys(void **state)
{
    (void)state;
    assert_text(kist_key_join("a", "b", "c", NULL), "a/b/c");
    assert_text(kist_key_join("", "b", NULL), "b");
    assert_text(kist_key_join("a", "", "c", NULL), "a/c");
    assert_text(kist_key_join("", "", NULL), "");
    assert_text(kist_key_join("a", NULL), "a");
    assert_text(kist_key_component("sh\xc3\xb6p.dump"), "sh\xc3\xb6p.dump");
    assert_text(kist_key_component("../etc/passwd"), "_._etc_passwd");
    assert_text(kist_key_component("a/b\\c:d*e?f\"g<h>i|j\nk\x7fl"), "a_b_c_d_e_f_g_h_i_j_k_l");
    assert_text(kist_key_component("-rf"), "_rf");
    assert_text(kist_key_component(""), "");
}

static void ids(void **state)
{
    (void)state;
    static const struct {
        const char *id;
        int64_t seconds;
    } good[] = {{"1970-01-01T00-00-00Z", 0},
                {"2000-02-29T23-59-59Z", 951868799},
                {"2024-02-29T00-00-00Z", 1709164800},
                {"2026-11-21T02-00-00Z", 1795226400},
                {"2038-01-19T03-14-08Z", 2147483648},
                {"2400-02-29T00-00-00Z", INT64_C(13574563200)},
                {"9999-12-31T23-59-59Z", INT64_C(253402300799)}};
    static const char *const bad[] = {
        "",
        "latest",
        "2026-11-21",
        "2026-11-21T02-00-00",
        "2026-11-21T02-00-00Zx",
        " 2026-11-21T02-00-00Z",
        "2026-11-21T02-00-00z",
        "2026-11-21t02-00-00Z",
        "2026-11-21T02:00:00Z",
        "2026-1-21T02-00-00Z",
        "2026-11-21T2-00-00Z",
        "2026-00-21T02-00-00Z",
        "2026-13-21T02-00-00Z",
        "2026-11-00T02-00-00Z",
        "2026-11-31T02-00-00Z",
        "2026-02-29T02-00-00Z",
        "2100-02-29T02-00-00Z",
        "1900-02-29T02-00-00Z",
        "2026-11-21T24-00-00Z",
        "2026-11-21T02-60-00Z",
        "2026-11-21T02-00-60Z",
        "2026-11-21T02-00-61Z",
        "1969-12-31T23-59-59Z",
        "0000-01-01T00-00-00Z",
        "10000-01-01T00-00-00Z",
        "-001-01-01T00-00-00Z",
        "2026-11-21T02-00- 0Z",
        "2026-11-21T+2-00-00Z",
        "2026-11-21T02-00-00Z\n",
        "2026-11-21T02-00-00ZZ",
    };
    char made[KIST_ID_LENGTH + 1];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        int64_t seconds = -1;
        assert_int_equal(kist_id_parse(good[i].id, &seconds), 1);
        assert_int_equal(seconds, good[i].seconds);
        kist_id_of_time(seconds, made);
        assert_string_equal(made, good[i].id);
        assert_int_equal(kist_id_parse(made, NULL), 1);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t seconds = 42;
        if (kist_id_parse(bad[i], &seconds))
            fail_msg("taken for an id: '%s'", bad[i]);
        assert_int_equal(seconds, 42);
    }
    /* What no clock should tell stays within the years that an id can name. */
    kist_id_of_time(-5, made);
    assert_string_equal(made, "1970-01-01T00-00-00Z");
    kist_id_of_time(INT64_MAX, made);
    assert_string_equal(made, "9999-12-31T23-59-59Z");
}

static void times(void **state)
{
    (void)state;
    char made[KIST_TIME_LENGTH + 1];
    int64_t seconds = 0;
    /* The zone of the machine has no say. */
    setenv("TZ", "America/St_Johns", 1);
    kist_time_text(1795226400, made);
    assert_string_equal(made, "2026-11-21T02:00:00Z");
    assert_int_equal(kist_time_parse(made, &seconds), 1);
    assert_int_equal(seconds, 1795226400);
    assert_int_equal(kist_time_parse("2026-11-21T02:00:00+01:00", &seconds), 0);
    assert_int_equal(kist_time_parse("2026-11-21T02-00-00Z", &seconds), 0);
    unsetenv("TZ");
    assert_true(kist_time_now() > 1700000000);
    int64_t before = kist_time_monotonic_ms();
    assert_true(kist_time_monotonic_ms() >= before);
}

static void hashes(void **state)
{
    (void)state;
    char hex[KIST_SHA256_HEX + 1], pieces[KIST_SHA256_HEX + 1];
    struct kist_hash *hash = NULL;
    assert_int_equal(kist_hash_bytes("", 0, hex, &err), 0);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_int_equal(kist_hash_bytes("abc", 3, hex, &err), 0);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(kist_hash_new(&hash, &err), 0);
    assert_int_equal(kist_hash_update(hash, "a", 1, &err), 0);
    assert_int_equal(kist_hash_update(hash, "bc", 2, &err), 0);
    assert_int_equal(kist_hash_finish(hash, pieces, &err), 0);
    assert_string_equal(pieces, hex);
    kist_hash_free(hash);
    kist_hash_free(NULL);
    assert_int_equal(kist_hash_is_hex(hex), 1);
    hex[5] = 'F';
    assert_int_equal(kist_hash_is_hex(hex), 0);
    hex[5] = '\0';
    assert_int_equal(kist_hash_is_hex(hex), 0);
}

static uint64_t source_features;

static char *name_of(const char *pattern, const struct kist_item *item, size_t filters)
{
    const struct kist_plugin plugin = {.kind = KIST_KIND_SOURCE, .name = "src", .features = source_features};
    const struct kist_config_section source = {.name = "src", .plugin = &plugin};
    static struct kist_config_section section;
    const struct kist_config_section *chain[] = {&section, &section};
    struct kist_config_pipeline pipeline = {
        .name = "shop-daily", .source = &source, .item_name = pattern, .filters = chain, .filter_count = filters};
    char *name = NULL;
    section = fake_section(&fake_filter_plugin, "squeeze", NULL);
    int code = kist_item_name(&pipeline, item, "2026-11-21T02-00-00Z", &name, &err);
    if (code)
        assert_int_equal(code, KIST_ERR_CONFIG);
    return name;
}

static void item_names(void **state)
{
    (void)state;
    struct kist_item item = {.name = "shop.dump", .database = "sh/op"};
    assert_text(name_of(NULL, &item, 0), "shop.dump");
    assert_text(name_of(NULL, &item, 2), "shop.dump.fk.fk");
    assert_text(name_of("{pipeline}-{database}-{date}.dump", &item, 1), "shop-daily-sh_op-2026-11-21.dump.fk");
    assert_text(name_of("{time}/{item}", &item, 0), "2026-11-21T02-00-00Z/shop.dump");
    assert_text(name_of("{id}{id}", &item, 0), "2026-11-21T02-00-00Z2026-11-21T02-00-00Z");
    assert_text(name_of("a}b{c", &item, 0), "a}b{c");
    assert_null(name_of("{host}", &item, 0));
    assert_string_equal(err.message, "name = {host}: '{host}' stands for nothing");
    assert_null(name_of("{}", &item, 0));
    assert_null(name_of("{Date}", &item, 0));
    assert_null(name_of("{{date}}", &item, 0));
    assert_null(name_of("../{item}", &item, 0));
    assert_null(name_of("/{item}", &item, 0));
    assert_null(name_of("{item}/", &item, 0));
    item.database = NULL;
    assert_text(name_of("{database}", &item, 0), "shop.dump");
    item.database = "../..";
    assert_text(name_of("{database}", &item, 0), "_._..");
    item.database = "--help\n";
    assert_text(name_of("{database}", &item, 0), "_-help_");
    item.database = "";
    assert_null(name_of("{database}", &item, 0));
    item.database = "\xff";
    assert_null(name_of("{database}", &item, 0));
    item.name = "../shop";
    assert_null(name_of(NULL, &item, 0));
}

/* Of objects the pattern names the folder. */
static void object_names(void **state)
{
    (void)state;
    struct kist_item item = {.name = "photos/1.jpg"};
    source_features = KIST_SOURCE_OBJECTS;
    assert_text(name_of(NULL, &item, 0), "photos/1.jpg");
    assert_text(name_of(NULL, &item, 1), "photos/1.jpg.fk");
    assert_text(name_of("{date}", &item, 0), "2026-11-21/photos/1.jpg");
    assert_text(name_of("x-{pipeline}", &item, 2), "x-shop-daily/photos/1.jpg.fk.fk");
    const char *const unsound[] = {"/abs", "../x", "a//b", "a/../b", "a/", "\x1b", "\xff", "."};
    for (size_t i = 0; i < sizeof unsound / sizeof *unsound; i++) {
        item.name = unsound[i];
        assert_null(name_of(NULL, &item, 0));
        assert_null(name_of("{date}", &item, 0));
    }
    source_features = 0;
}

static void facts_as_told(void **state)
{
    (void)state;
    struct kist_facts_builder builder;
    const struct kist_facts *facts = &builder.facts;
    json_t *json = NULL;
    assert_int_equal(kist_facts_init(&builder, &err), 0);
    facts->text(facts, "server_version", "15.18");
    facts->begin_list(facts, "tables");
    facts->begin_object(facts, NULL);
    facts->text(facts, "name", "or\"ders\n");
    facts->number(facts, "rows", INT64_MAX);
    facts->end(facts);
    facts->text(facts, NULL, "in a list");
    facts->end(facts);
    facts->number(facts, "size", -1);
    assert_int_equal(kist_facts_take(&builder, &json, &err), 0);
    kist_facts_done(&builder);
    char *text = json_dumps(json, JSON_COMPACT);
    assert_text(text, "{\"server_version\":\"15.18\",\"tables\":[{\"name\":\"or\\\"ders\\n\",\"rows\":"
                      "9223372036854775807},\"in a list\"],\"size\":-1}");
    json_decref(json);
}

static void misuse(const struct kist_facts *facts, int how)
{
    switch (how) {
    case 0: facts->text(facts, "Server", "x"); break;
    case 1: facts->text(facts, "", "x"); break;
    case 2: facts->text(facts, NULL, "x"); break;
    case 3: facts->text(facts, "a", NULL); break;
    case 4: facts->text(facts, "a", "\xff"); break;
    case 5: facts->end(facts); break;
    case 6: facts->begin_object(facts, "open"); break;
    case 7: facts->begin_list(facts, "a"), facts->number(facts, "key", 1), facts->end(facts); break;
    case 8:
        facts->begin_object(facts, "a"), facts->begin_list(facts, NULL), facts->end(facts), facts->end(facts);
        break;
    case 9: facts->begin_list(facts, "bad key"), facts->number(facts, NULL, 1), facts->end(facts); break;
    case 10:
        for (int i = 0; i < 3 * KIST_FACTS_DEPTH; i++)
            facts->begin_object(facts, "deep");
        for (int i = 0; i < 3 * KIST_FACTS_DEPTH; i++)
            facts->end(facts);
        break;
    default:
        facts->end(facts), facts->end(facts), facts->text(facts, "a", "b"), facts->begin_list(facts, "c");
        break;
    }
}

static void facts_misused(void **state)
{
    (void)state;
    for (int how = 0; how <= 11; how++) {
        struct kist_facts_builder builder;
        json_t *json = NULL;
        assert_int_equal(kist_facts_init(&builder, &err), 0);
        misuse(&builder.facts, how);
        /* What follows is neither a rescue nor a crash. */
        builder.facts.text(&builder.facts, "more", "text");
        assert_int_equal(kist_facts_take(&builder, &json, &err), KIST_ERR_BUG);
        assert_null(json);
        kist_facts_done(&builder);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, teardown)
    const struct CMUnitTest tests[] = {
        TEST(sound_keys), TEST(joined_keys), TEST(ids),           TEST(times),
        TEST(hashes),     TEST(item_names),  TEST(object_names), TEST(facts_as_told), TEST(facts_misused),
    };
    return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
