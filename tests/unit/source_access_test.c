/* What a source gets from host->open_source: other sources of the configuration, and plugins without a section. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fakes.h"
#include "source_access.h"

/* A source that is opened by another one: its configuration is a number, that of the error with which it does not open. */
struct inner {
    const struct kist_host *host;
    char *text;
};

static int inner_open(const struct kist_host *host, const void *config, void **ret_self, struct kist_error *err)
{
    const int *fail = config;
    if (*fail)
        return *fail == -1 ? -1 : (host->fail)(host, err, *fail, "no server at all");
    struct inner *inner = calloc(1, sizeof *inner);
    assert_non_null(inner);
    *inner = (struct inner){.host = host, .text = strdup("open")};
    *ret_self = inner;
    return 0;
}

static void inner_close(void *self)
{
    struct inner *inner = self;
    free(inner->text);
    free(inner);
}

static int inner_check(void *self, const struct kist_facts *facts, struct kist_error *err)
{
    const struct inner *inner = self;
    (void)facts;
    const char *kept = inner->host->keep_string(inner->host, "kept");
    return (inner->host->fail)(inner->host, err, KIST_ERR_AUTH, "%s and %s", inner->text, kept);
}

static uint64_t inner_features_of(const void *config)
{
    (void)config;
    return KIST_SOURCE_CHECKS;
}

static const struct kist_plugin inner_plugin = {
    .kind = KIST_KIND_SOURCE,
    .name = "inner",
    .about = {.name = "inner", .version = "1.0"},
    .features = KIST_SOURCE_CHECKS | KIST_SOURCE_RESTORES,
    .as.source = {.features = KIST_SOURCE_CHECKS | KIST_SOURCE_RESTORES,
                  .open = inner_open,
                  .close = inner_close,
                  .check = inner_check,
                  .features_of = inner_features_of},
};

struct scene {
    struct fake_source source;
    int fail, fail_bare;
    struct kist_config_section sections[3]; /* the source, "db", and the plugin without a section */
    const struct kist_config_section *items[3];
    struct kist_config_stores sources;
    struct kist_instance *instance;
    const struct kist_source *calls;
    void *self;
    struct kist_error err;
};

static int begin(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    scene->err = (struct kist_error)KIST_ERROR_INIT;
    scene->sections[0] = fake_section(&fake_source_plugin, "src", &scene->source);
    scene->sections[1] = fake_section(&inner_plugin, "db", &scene->fail);
    scene->sections[2] = fake_section(&inner_plugin, "inner", &scene->fail_bare);
    scene->sections[0].file = scene->sections[1].file = "a.ini";
    for (size_t i = 0; i < 3; i++) {
        scene->items[i] = &scene->sections[i];
        scene->sections[i].sources = &scene->sources;
    }
    scene->sources = (struct kist_config_stores){.items = scene->items, .count = 3};
    assert_int_equal(kist_source_open(&scene->sections[0], "shop", NULL, &scene->instance, &scene->err), 0);
    *state = scene;
    return 0;
}

static int end(void **state)
{
    struct scene *scene = *state;
    kist_instance_close(scene->instance);
    kist_error_done(&scene->err);
    free(scene);
    return 0;
}

static int open_source(struct scene *scene, const char *plugin, const char *name)
{
    const struct kist_host *host = &scene->instance->host;
    kist_error_clear(&scene->err);
    return host->open_source(host, plugin, name, &scene->calls, &scene->self, &scene->err);
}

static void expect(const struct scene *scene, const char *message, const char *hint)
{
    assert_string_equal(scene->err.message, message);
    if (hint)
        assert_non_null(strstr(scene->err.hint, hint));
}

static void a_section_is_opened_and_its_errors_are_the_openers(void **state)
{
    struct scene *scene = *state;
    const struct kist_source *first = NULL;
    void *first_self = NULL;
    assert_int_equal(open_source(scene, "inner", "db"), 0);
    assert_int_equal(scene->calls->features, KIST_SOURCE_CHECKS);
    assert_int_equal(scene->calls->check(scene->self, NULL, &scene->err), KIST_ERR_AUTH);
    expect(scene, "open and kept", NULL);
    assert_int_equal(kist_instance_result(scene->instance, KIST_ERR_AUTH, &scene->err), KIST_ERR_AUTH);
    expect(scene, "shop/src(fakesource): open and kept", NULL);
    /* Two at a time, ended in the order in which they were opened. */
    first = scene->calls;
    first_self = scene->self;
    assert_int_equal(open_source(scene, "inner", NULL), 0);
    assert_ptr_not_equal(first_self, scene->self);
    first->close(first_self);
    assert_int_equal(scene->calls->check(scene->self, NULL, &scene->err), KIST_ERR_AUTH);
    scene->calls->close(scene->self);
}

static void one_that_does_not_open_says_why_once(void **state)
{
    struct scene *scene = *state;
    scene->fail = KIST_ERR_UNAVAILABLE;
    assert_int_equal(open_source(scene, "inner", "db"), KIST_ERR_UNAVAILABLE);
    expect(scene, "no server at all", NULL);
    assert_int_equal(scene->err.retryable, 1);
    scene->fail = -1;
    assert_int_equal(open_source(scene, "inner", "db"), KIST_ERR_BUG);
    expect(scene, "the plugin returned -1 without saying why", NULL);
    assert_null(scene->calls);
}

static void only_sections_that_there_are_and_of_that_plugin(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(open_source(scene, "inner", "dv"), KIST_ERR_CONFIG);
    expect(scene, "there is no [source dv]", "did you mean 'db'?");
    /* What has no section has no name either. */
    assert_int_equal(open_source(scene, "inner", "inner"), KIST_ERR_CONFIG);
    expect(scene, "there is no [source inner]", "'plugin = inner'");
    assert_int_equal(open_source(scene, "inner", "src"), KIST_ERR_CONFIG);
    expect(scene, "[source src] is of the plugin 'fakesource', not of 'inner'", "'plugin = inner'");
    assert_null(scene->calls);
}

static void a_plugin_without_a_section_is_there_and_goes_without(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(open_source(scene, "outer", NULL), KIST_ERR_CONFIG);
    expect(scene, "the source plugin 'outer' is not installed", "kist plugin list");
    scene->sections[2].config = NULL;
    assert_int_equal(open_source(scene, "inner", NULL), KIST_ERR_CONFIG);
    expect(scene, "the source plugin 'inner' cannot be used without a section of its own", "[source NAME]");
    scene->sections[2].plugin = NULL;
    assert_int_equal(open_source(scene, "inner", NULL), KIST_ERR_CONFIG);
    expect(scene, "the source plugin 'inner' is not installed", NULL);
    scene->sections[0].sources = NULL;
    assert_int_equal(open_source(scene, "inner", "db"), KIST_ERR_CONFIG);
    expect(scene, "there is no [source db]", NULL);
    assert_null(scene->calls);
}

static void only_for_sources_and_only_once_deep(void **state)
{
    struct scene *scene = *state;
    struct kist_instance *other = NULL;
    const struct kist_source *further = NULL;
    void *self = NULL;
    assert_int_equal(kist_instance_open(&scene->sections[0], "shop", NULL, &other, &scene->err), 0);
    assert_int_equal(other->host.open_source(&other->host, "inner", "db", &further, &self, &scene->err),
                     KIST_ERR_UNSUPPORTED);
    kist_instance_close(other);
    assert_int_equal(open_source(scene, "inner", "db"), 0);
    const struct kist_host *host = ((struct inner *)scene->self)->host;
    assert_int_equal(host->open_source(host, "inner", NULL, &further, &self, &scene->err), KIST_ERR_UNSUPPORTED);
    assert_non_null(strstr(scene->err.message, "no further one"));
    assert_null(further);
    scene->calls->close(scene->self);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        CASE(a_section_is_opened_and_its_errors_are_the_openers),
        CASE(one_that_does_not_open_says_why_once),
        CASE(only_sections_that_there_are_and_of_that_plugin),
        CASE(a_plugin_without_a_section_is_there_and_goes_without),
        CASE(only_for_sources_and_only_once_deep),
    };
    return cmocka_run_group_tests_name("source_access", tests, NULL, NULL);
}
