/* json_test.c - documents that a server may send, sound and not. */
#include "json.h"
#include "test_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka.h wants the headers above in front of it. */
#include <cmocka.h>

static int setup(void **state)
{
    *state = calloc(1, sizeof(struct kist_test_host));
    return *state ? kist_test_host_init(*state) : -1;
}

static int teardown(void **state)
{
    kist_test_host_done(*state);
    free(*state);
    return 0;
}

/* On the heap without a zero behind it, so that a sanitizer sees a byte too many. */
static int load(struct kist_test_host *test, const char *data, size_t size, json_t **ret_json)
{
    char *copy = malloc(size > 0 ? size : 1);
    assert_non_null(copy);
    memcpy(copy, data, size);
    kist_test_host_clear(test);
    int rc = kist_json_load(&test->host, copy, size, ret_json, &test->err);
    free(copy);
    return rc;
}

static void gives_what_is_there(void **state)
{
    static const char text[] =
        "{\"a\": \"\\u00e9[{\\\"\", \"n\": -5, \"big\": 9223372036854775807, \"f\": 1.5, \"l\": [1]}";
    json_t *json = NULL;
    assert_int_equal(load(*state, text, strlen(text), &json), 0);
    assert_string_equal(kist_json_text(json, "a"), "\xc3\xa9[{\"");
    assert_null(kist_json_text(json, "n"));
    assert_null(kist_json_text(json, "none"));
    assert_null(kist_json_text(NULL, "a"));
    assert_int_equal(kist_json_number(json, "n", 1), -5);
    assert_true(kist_json_number(json, "big", 1) == INT64_MAX);
    assert_int_equal(kist_json_number(json, "f", 1), 1);
    assert_int_equal(kist_json_number(json, "a", 1), 1);
    assert_int_equal(kist_json_number(json_object_get(json, "l"), "a", 1), 1);
    json_decref(json);
}

static void refuses(void **state)
{
    static const struct {
        const char *data;
        size_t size;
    } bad[] = {{"", 0},
               {"null", 4},
               {"1", 1},
               {"{", 1},
               {"{}x", 3},
               {"{} {}", 5},
               {"{\"a\":1,\"a\":2}", 13},
               {"[\"\xff\"]", 5},
               {"[\"\\u0000\"]", 10},
               {"[\"\0\"]", 5},
               {"[\"\\ud800\"]", 10},
               {"[18446744073709551616]", 22},
               {"[1e999]", 7},
               {"[NaN]", 5},
               {"<html>", 6},
               {"[\"a", 3},
               {"[\"a\\", 4}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_t *json = NULL;
        struct kist_test_host *test = *state;
        assert_int_equal(load(test, bad[i].data, bad[i].size, &json), KIST_ERR_CORRUPT);
        assert_null(json);
        assert_non_null(test->err.message);
    }
}

static char *nested(size_t depth, char open, char close)
{
    char *text = malloc(2 * depth);
    assert_non_null(text);
    memset(text, open, depth);
    memset(text + depth, close, depth);
    return text;
}

static void bounds_its_depth(void **state)
{
    static const size_t depths[] = {KIST_JSON_DEPTH, KIST_JSON_DEPTH + 1, 100000};
    for (size_t i = 0; i < 3; i++) {
        json_t *json = NULL;
        char *text = nested(depths[i], '[', ']');
        assert_int_equal(load(*state, text, 2 * depths[i], &json), i == 0 ? 0 : KIST_ERR_CORRUPT);
        json_decref(json);
        free(text);
    }
    /* Brackets within a text are no levels. */
    char text[300] = "[\"\\\"";
    memset(text + 4, '[', 200);
    memcpy(text + 204, "\"]", 2);
    json_t *json = NULL;
    assert_int_equal(load(*state, text, 206, &json), 0);
    json_decref(json);
}

static void bounds_its_size(void **state)
{
    char *text = malloc(KIST_JSON_SIZE + 1);
    json_t *json = NULL;
    assert_non_null(text);
    memset(text, ' ', KIST_JSON_SIZE + 1);
    memcpy(text, "[]", 2);
    assert_int_equal(load(*state, text, KIST_JSON_SIZE, &json), 0);
    json_decref(json);
    json = NULL;
    assert_int_equal(load(*state, text, KIST_JSON_SIZE + 1, &json), KIST_ERR_CORRUPT);
    assert_null(json);
    free(text);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(gives_what_is_there), TEST(refuses), TEST(bounds_its_depth),
                                       TEST(bounds_its_size)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
