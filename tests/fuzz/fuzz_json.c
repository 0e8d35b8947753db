/* Any bytes as JSON: no crash, and what is accepted is not deep, and can be written and read again. */
#include "json.h"
#include "test_host.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int truth)
{
    if (!truth)
        abort();
}

static int depth_of(const json_t *json)
{
    int deepest = 0;
    const char *name = NULL;
    json_t *value = NULL;
    size_t index = 0;
    json_array_foreach(json, index, value) {
        int depth = depth_of(value);
        deepest = depth > deepest ? depth : deepest;
    }
    json_object_foreach((json_t *)(uintptr_t)json, name, value) {
        int depth = depth_of(value);
        deepest = depth > deepest ? depth : deepest;
        (void)kist_json_text(json, name);
        (void)kist_json_number(json, name, 0);
    }
    return deepest + (json_is_array(json) || json_is_object(json));
}

static void check(const struct kist_host *host, json_t *json, struct kist_error *err)
{
    json_t *again = NULL;
    char *text = json_dumps(json, 0);
    expect(depth_of(json) <= KIST_JSON_DEPTH && text);
    expect(kist_json_load(host, text, strlen(text), &again, err) == 0 && json_equal(json, again));
    json_decref(again);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kist_test_host test;
    json_t *json = NULL;
    expect(kist_test_host_init(&test) == 0);
    int rc = kist_json_load(&test.host, (const char *)data, size, &json, &test.err);
    if (rc == 0)
        check(&test.host, json, &test.err);
    else
        expect(rc == KIST_ERR_CORRUPT && !json && test.err.message);
    json_decref(json);
    kist_test_host_done(&test);
    return 0;
}
