/* neon_test.c - what needs no peer: settings, names, times, and what replies say. */
#include "neon.h"
#include "test_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* cmocka.h wants the headers above in front of it. */
#include <cmocka.h>

extern const struct kist_source kist_plugin;

static const struct kist_backup backup = {
    .struct_size = sizeof backup, .pipeline = "shop", .id = "2026-11-21T02-00-00Z", .owner = "here"};

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

static struct neon_config sound_config(void)
{
    return (struct neon_config){.api_key = {"napi_canary"},
                                .project = "quiet-sun-12345678",
                                .name = "kist-{pipeline}-{id}",
                                .wait = {1000},
                                .poll = {10},
                                .api_url = "http://127.0.0.1:9/api/v2/"};
}

static int try_config(struct kist_test_host *test, const struct neon_config *config)
{
    void *self = NULL;
    kist_test_host_clear(test);
    int rc = kist_plugin.open(&test->host, config, &self, &test->err);
    if (rc == 0)
        kist_plugin.close(self);
    else
        assert_null(strstr(test->err.message, "canary"));
    return rc;
}

static void settings(void **state)
{
    struct kist_test_host *test = *state;
    struct neon_config config = sound_config();
    assert_int_equal(try_config(test, &config), 0);
    config.api_url = "http://example.com/api/v2";
    assert_int_equal(try_config(test, &config), KIST_ERR_CONFIG);
    config.api_url = "https://user:pw@example.com/";
    assert_int_equal(try_config(test, &config), KIST_ERR_CONFIG);
    config = sound_config();
    config.api_key.reveal = "napi canary";
    assert_int_equal(try_config(test, &config), KIST_ERR_CONFIG);
    config = sound_config();
    config.project = "../projects";
    assert_int_equal(try_config(test, &config), KIST_ERR_CONFIG);
    config = sound_config();
    config.branch = "a\nb";
    assert_int_equal(try_config(test, &config), KIST_ERR_CONFIG);
    config = sound_config();
    config.name = "kist-{id}";
    assert_int_equal(try_config(test, &config), KIST_ERR_CONFIG);
    config = sound_config();
    config.protect.on = 1;
    assert_int_equal(try_config(test, &config), 0);
    config.expires.ms = 86400000;
    assert_int_equal(try_config(test, &config), KIST_ERR_CONFIG);
    config.protect.on = 0;
    assert_int_equal(try_config(test, &config), 0);
    config.expires.ms = 1000;
    assert_int_equal(try_config(test, &config), KIST_ERR_CONFIG);
    config = sound_config();
    config.mode.index = NEON_SNAPSHOT;
    config.protect.on = 1;
    assert_int_equal(try_config(test, &config), KIST_ERR_CONFIG);
    config = sound_config();
    config.dump.name = "x";
    assert_int_equal(try_config(test, &config), KIST_ERR_CONFIG);
    config.mode.index = NEON_DUMP;
    assert_int_equal(try_config(test, &config), 0);
}

static void features(void **state)
{
    struct neon_config config = sound_config();
    (void)state;
    for (int32_t mode = 0; mode < 3; mode++) {
        config.mode.index = mode;
        uint64_t features = kist_plugin.features_of(&config);
        assert_true((features & ~kist_plugin.features) == 0);
        assert_true(!(features & KIST_SOURCE_REFERENCES) == (mode == NEON_DUMP));
        assert_true(!(features & KIST_SOURCE_DRILLS) == (mode != NEON_DUMP));
        assert_true(!(features & KIST_SOURCE_SWAPS) != !(features & KIST_SOURCE_REPLACES));
    }
}

static void ids_and_names(void **state)
{
    static const char *const bad[] = {
        "",   "a/b",  "A",    "a b",
        "..", "a%2f", "br_1", "a123456789012345678901234567890123456789012345678901234567890"};
    char name[4 * NEON_NAME_MAX + 2];
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(neon_id_is_sound(bad[i]));
    assert_false(neon_id_is_sound(NULL));
    assert_true(neon_id_is_sound("br-cool-sun-123"));
    memset(name, 'n', sizeof name);
    name[NEON_NAME_MAX + 1] = '\0';
    assert_false(neon_name_is_sound(name));
    name[NEON_NAME_MAX] = '\0';
    assert_true(neon_name_is_sound(name));
    assert_false(neon_name_is_sound(""));
    assert_false(neon_name_is_sound("a\tb"));
    assert_false(neon_name_is_sound("a\xc2\x9b"
                                    "31m"));
    assert_true(neon_name_is_sound("a\xc2\xa0"
                                   "b"));
    assert_false(neon_name_is_sound("a\xff"));
    assert_false(neon_name_is_sound(NULL));
    for (size_t i = 0; i < NEON_NAME_MAX; i++) /* characters count, not bytes */
        memcpy(name + 3 * i, "\xe2\x82\xac", 4);
    assert_true(neon_name_is_sound(name));
}

static void patterns(void **state)
{
    (void)state;
    char *name = neon_name_of("kist-{pipeline}-{id}", &backup);
    assert_string_equal(name, "kist-shop-2026-11-21T02-00-00Z");
    free(name);
    name = neon_name_of("{id}{pipeline}{id}", &backup);
    assert_string_equal(name, "2026-11-21T02-00-00Zshop2026-11-21T02-00-00Z");
    free(name);
    assert_null(neon_pattern_problem("{pipeline}.{id}"));
    assert_non_null(neon_pattern_problem("{pipeline}"));
    assert_non_null(neon_pattern_problem("{id}"));
    assert_non_null(neon_pattern_problem("{pipeline}{id}{x}"));
    assert_non_null(neon_pattern_problem("{pipeline}{id}\n"));
}

static void long_name(void **state)
{
    struct kist_test_host *test = *state;
    struct neon_config config = sound_config();
    struct kist_backup long_one = backup;
    char pipeline[NEON_NAME_MAX + 1];
    void *self = NULL;
    memset(pipeline, 'p', NEON_NAME_MAX);
    pipeline[NEON_NAME_MAX] = '\0';
    long_one.pipeline = pipeline;
    assert_int_equal(kist_plugin.open(&test->host, &config, &self, &test->err), 0);
    assert_int_equal(kist_plugin.backup_begin(self, &backup, &test->err), 0);
    assert_int_equal(kist_plugin.backup_begin(self, &long_one, &test->err), KIST_ERR_CONFIG);
    kist_plugin.close(self);
}

static void times(void **state)
{
    static const char *const bad[] = {"",
                                      "now",
                                      "2026-11-21",
                                      "2026-11-21T06:47:48",
                                      "2026-11-21T06:47:48+1:00",
                                      "2026-11-21T06:47:48+01:00x",
                                      "2026-11-21T06:47:48.Z",
                                      "2026-13-40T06:47:48Z",
                                      "2026-11-21T06:47:48+99:00"};
    char text[NEON_TIME_SIZE];
    (void)state;
    assert_true(neon_time("2026-11-21T06:47:48.976Z") == INT64_C(1795243668976));
    assert_true(neon_time("2026-11-21T07:47:48+01:00") == INT64_C(1795243668000));
    assert_true(neon_time("2026-11-21T01:17:48-05:30") == INT64_C(1795243668000));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_true(neon_time(bad[i]) == 0);
    assert_true(neon_time(NULL) == 0);
    neon_time_text(INT64_C(1795243668976), text);
    assert_string_equal(text, "2026-11-21T06:47:48Z");
    neon_time_stamp(INT64_C(1795243668976), text);
    assert_string_equal(text, "20261121_064748");
}

static void texts(void **state)
{
    char text[NEON_TIME_SIZE], *out = NULL;
    size_t size = 0;
    (void)state;
    neon_size_text(1023, text);
    assert_string_equal(text, "1023 bytes");
    neon_size_text(INT64_C(3650722202), text);
    assert_string_equal(text, "3.4 GiB");
    char *name = neon_item_name("feat/a b", "branch");
    assert_string_equal(name, "feat_a_b.branch");
    free(name);
    name = neon_item_name("../x", "snapshot");
    assert_string_equal(name, "_._x.snapshot");
    free(name);
    FILE *stream = open_memstream(&out, &size);
    neon_put_word(stream, "ep-a.neon.tech");
    fputc(' ', stream);
    neon_put_word(stream, "it's; rm");
    fclose(stream);
    assert_string_equal(out, "ep-a.neon.tech 'it'\\''s; rm'");
    free(out);
}

static void paths(void **state)
{
    (void)state;
    char *path = neon_path("/branches/", "br-1", "/snapshot", "name", "a b&c", "expires_at", NULL, "x", "", NULL);
    assert_string_equal(path, "/branches/br-1/snapshot?name=a%20b%26c&x=");
    free(path);
    path = neon_path("/branches", NULL, "", NULL);
    assert_string_equal(path, "/branches");
    free(path);
}

static json_t *parse(const char *text)
{
    json_t *json = json_loads(text, 0, NULL);
    assert_non_null(json);
    return json;
}

static void branches(void **state)
{
    static const char *const bad[] = {"{}",
                                      "{\"id\":\"br-1\"}",
                                      "{\"name\":\"main\"}",
                                      "{\"id\":\"br/1\",\"name\":\"main\"}",
                                      "{\"id\":\"br-1\",\"name\":\"\"}",
                                      "{\"id\":\"br-1\",\"name\":\"a\\nb\"}",
                                      "{\"id\":\"br-1\",\"name\":\"a\",\"parent_id\":\"../x\"}",
                                      "{\"id\":7,\"name\":\"a\"}"};
    struct kist_test_host *test = *state;
    struct neon_branch branch = {.logical_size = 42};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_t *json = parse(bad[i]);
        assert_int_equal(neon_read_branch(&test->host, json, &branch, &test->err), KIST_ERR_CORRUPT);
        json_decref(json);
    }
    assert_int_equal(neon_read_branch(&test->host, NULL, &branch, &test->err), KIST_ERR_CORRUPT);
    assert_int_equal(branch.logical_size, 42);
    json_t *json = parse("{\"id\":\"br-1\",\"name\":\"main\",\"parent_id\":\"br-0\",\"current_state\":\"ready\","
                         "\"primary\":true,\"protected\":true,\"expires_at\":\"2026-11-21T06:47:48.000Z\","
                         "\"logical_size\":7}");
    assert_int_equal(neon_read_branch(&test->host, json, &branch, &test->err), 0);
    json_decref(json);
    assert_string_equal(branch.id, "br-1");
    assert_string_equal(branch.parent_id, "br-0");
    assert_true(branch.is_default && branch.is_protected && neon_branch_is_whole(&branch));
    assert_true(branch.expires_ms == INT64_C(1795243668000) && branch.time_ms == 0 && branch.logical_size == 7);
    strcpy(branch.state, "init");
    assert_false(neon_branch_is_whole(&branch));
}

static void others(void **state)
{
    struct kist_test_host *test = *state;
    struct neon_operation operation;
    struct neon_endpoint endpoint;
    struct neon_project project;
    json_t *json =
        parse("{\"id\":\"0b2b\",\"action\":\"create_branch\",\"status\":\"failed\",\"error\":\"a\\nb\"}");
    assert_int_equal(neon_read_operation(&test->host, json, &operation, &test->err), 0);
    assert_string_equal(operation.error, "a b");
    json_object_del(json, "status");
    assert_int_equal(neon_read_operation(&test->host, json, &operation, &test->err), KIST_ERR_CORRUPT);
    json_decref(json);
    json = parse("{\"id\":\"ep-1\",\"host\":\"ep-1.neon.tech; rm\",\"type\":\"read_write\"}");
    assert_int_equal(neon_read_endpoint(&test->host, json, &endpoint, &test->err), KIST_ERR_CORRUPT);
    json_object_set_new(json, "host", json_string("ep-1.neon.tech"));
    assert_int_equal(neon_read_endpoint(&test->host, json, &endpoint, &test->err), 0);
    assert_true(endpoint.is_writable);
    json_object_set_new(json, "type", json_string("read_only"));
    assert_int_equal(neon_read_endpoint(&test->host, json, &endpoint, &test->err), 0);
    assert_false(endpoint.is_writable);
    json_decref(json);
    json = parse("{\"id\":\"p-1\",\"history_retention_seconds\":3600}");
    assert_int_equal(neon_read_project(&test->host, json, &project, &test->err), 0);
    assert_true(project.history_ms == 3600000);
    assert_string_equal(project.name, "p-1");
    json_object_set_new(json, "history_retention_seconds", json_integer(INT64_MAX));
    assert_int_equal(neon_read_project(&test->host, json, &project, &test->err), 0);
    assert_true(project.history_ms == -1);
    json_decref(json);
}

/* A reference that is not this source's to touch is refused before anything is sent: nobody listens there. */
static void references(void **state)
{
    struct kist_test_host *test = *state;
    struct neon_config config = sound_config();
    struct kist_reference reference = {.struct_size = sizeof reference,
                                       .provider = "neon",
                                       .kind = "branch",
                                       .id = "br-1",
                                       .name = "kist-shop-2026-11-21T02-00-00Z",
                                       .account = "other-project",
                                       .state = "ready"};
    void *self = NULL;
    assert_int_equal(kist_plugin.open(&test->host, &config, &self, &test->err), 0);
    assert_int_equal(kist_plugin.reference_discard(self, &reference, &backup, &test->err), KIST_ERR_CONFIG);
    assert_non_null(strstr(test->err.message, "other-project"));
    reference.account = NULL;
    assert_int_equal(kist_plugin.reference_discard(self, &reference, &backup, &test->err), KIST_ERR_CONFIG);
    reference.account = config.project;
    reference.id = "../projects/x";
    assert_int_equal(kist_plugin.reference_discard(self, &reference, &backup, &test->err), KIST_ERR_CORRUPT);
    assert_int_equal(kist_plugin.reference_look(self, &reference, &backup, NULL, NULL, &test->err),
                     KIST_ERR_CORRUPT);
    reference.id = "br-1";
    reference.kind = "cluster snapshot";
    assert_int_equal(kist_plugin.reference_discard(self, &reference, &backup, &test->err), KIST_ERR_CONFIG);
    kist_plugin.close(self);
}

static int refuse_restore(struct kist_test_host *test, void *self, struct kist_restore restore)
{
    void *ret = NULL;
    kist_test_host_clear(test);
    restore.struct_size = sizeof restore;
    restore.at = "latest";
    return kist_plugin.restore_begin(self, &restore, &ret, &test->err);
}

static void restores(void **state)
{
    static const char *const tables[] = {"orders", NULL};
    struct kist_test_host *test = *state;
    struct neon_config config = sound_config();
    void *self = NULL;
    assert_int_equal(kist_plugin.open(&test->host, &config, &self, &test->err), 0);
    struct kist_restore restore = {.mode = KIST_RESTORE_APPLY, .tables = tables};
    assert_int_equal(refuse_restore(test, self, restore), KIST_ERR_REFUSED);
    restore = (struct kist_restore){.mode = KIST_RESTORE_APPLY, .flags = KIST_RESTORE_SCHEMA_ONLY};
    assert_int_equal(refuse_restore(test, self, restore), KIST_ERR_REFUSED);
    restore = (struct kist_restore){.mode = KIST_RESTORE_APPLY, .target = "postgres://a:canary@b/c"};
    assert_int_equal(refuse_restore(test, self, restore), KIST_ERR_REFUSED);
    assert_null(strstr(test->err.message, "canary"));
    restore = (struct kist_restore){.mode = KIST_RESTORE_CHECK};
    assert_int_equal(refuse_restore(test, self, restore), KIST_ERR_UNSUPPORTED);
    kist_plugin.close(self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(settings, setup, teardown),
        cmocka_unit_test(features),
        cmocka_unit_test(ids_and_names),
        cmocka_unit_test(patterns),
        cmocka_unit_test_setup_teardown(long_name, setup, teardown),
        cmocka_unit_test(times),
        cmocka_unit_test(texts),
        cmocka_unit_test(paths),
        cmocka_unit_test_setup_teardown(branches, setup, teardown),
        cmocka_unit_test_setup_teardown(others, setup, teardown),
        cmocka_unit_test_setup_teardown(references, setup, teardown),
        cmocka_unit_test_setup_teardown(restores, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
