/* Sources that open other sources: what a configuration may say of them, and what it makes ready. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config_fixture.h"

#define WRAP                                                                                                      \
    "[pipeline shop]\nsource = outer\ndestinations = disk\n[destination disk]\nplugin = disk\npath = /x\n"        \
    "[source outer]\nplugin = wrap\nproject = p\n"

static const struct kist_config_stores *sources_of(const struct loaded *loaded)
{
    const struct kist_config_section *outer = kist_config_pipeline(loaded->config, "shop")->source;
    assert_non_null(outer->sources);
    return outer->sources;
}

/* The one without a section, by its plugin. */
static const struct kist_config_section *bare(const struct loaded *loaded, const char *plugin)
{
    const struct kist_config_stores *sources = sources_of(loaded);
    const struct kist_config_section *found = NULL;
    for (size_t i = 0; i < sources->count; i++)
        if (!sources->items[i]->file && strcmp(sources->items[i]->name, plugin) == 0) {
            assert_null(found);
            found = sources->items[i];
        }
    return found;
}

static void a_section_that_only_an_option_names_is_one(void **state)
{
    struct loaded *loaded = *state;
    write_file("a.ini", WRAP "dump = inner\n[source inner]\nplugin = db\nport = 99\n");
    expect_config(loaded, ".");
    const struct kist_config_stores *sources = sources_of(loaded);
    const struct fake_wrap_config *config = kist_config_pipeline(loaded->config, "shop")->source->config;
    assert_string_equal(config->dump.name, "inner");
    assert_string_equal(sources->items[0]->name, "outer");
    assert_string_equal(sources->items[1]->name, "inner");
    assert_int_equal(((const struct fake_source_config *)sources->items[1]->config)->port, 99);
    assert_ptr_equal(sources->items[1]->sources, sources);
    assert_null(bare(loaded, "db"));
}

static void what_no_option_names_comes_with_its_defaults(void **state)
{
    struct loaded *loaded = *state;
    write_file("a.ini", WRAP "[source other]\nplugin = wrap\nproject = q\n");
    expect_config(loaded, ".");
    assert_int_equal(sources_of(loaded)->count, 5);
    assert_ptr_equal(bare(loaded, "db")->plugin, &fake_source);
    assert_int_equal(((const struct fake_source_config *)bare(loaded, "db")->config)->port, 5432);
    /* Neither of these is a mistake before it is used. */
    assert_ptr_equal(bare(loaded, "wrap")->plugin, &fake_wrap);
    assert_null(bare(loaded, "wrap")->config);
    assert_null(bare(loaded, "absent")->plugin);
    write_file("a.ini", MINIMAL);
    expect_config(loaded, ".");
    assert_int_equal(sources_of(loaded)->count, 1);
}

static void what_an_option_names_is_there_and_of_its_plugin(void **state)
{
    struct loaded *loaded = *state;
    write_file("a.ini", WRAP "dump = innre\n[source inner]\nplugin = db\n");
    expect_problem(loaded, ".", "./a.ini:10: [source outer] dump: there is no [source innre]");
    assert_string_equal(loaded->problems.items[0].hint, "did you mean 'inner'?");
    write_file("a.ini", WRAP "dump = x-y-z\n");
    expect_problem(loaded, ".", "./a.ini:10: [source outer] dump: there is no [source x-y-z]");
    assert_string_equal(loaded->problems.items[0].hint, "add a section [source x-y-z] with 'plugin = db'");
    write_file("a.ini", WRAP "dump = outer\n");
    expect_problem(
        loaded, ".",
        "./a.ini:10: [source outer] dump: [source outer] is of the plugin 'wrap', and it takes one of 'db'");
    assert_string_equal(loaded->problems.items[0].hint, "name a [source ...] that has 'plugin = db'");
    write_file("a.ini", WRAP "dump = disk\n");
    expect_problem(loaded, ".", "./a.ini:10: [source outer] dump: there is no [source disk]");
    /* One that has a mistake of its own is told of once. */
    write_file("a.ini", WRAP "dump = inner\n[source inner]\nplugin = dbb\n");
    expect_problem(loaded, ".", "./a.ini:12: [source inner] plugin: there is no source plugin 'dbb'");
}

static void it_is_shown_as_it_was_written(void **state)
{
    struct loaded *loaded = *state;
    char *text = NULL;
    size_t size = 0;
    write_file("a.ini", WRAP "dump = inner\n[source inner]\nplugin = db\n");
    expect_config(loaded, ".");
    FILE *stream = open_memstream(&text, &size);
    assert_non_null(stream);
    assert_int_equal(kist_config_print(loaded->config, stream, &loaded->err), 0);
    fclose(stream);
    assert_non_null(strstr(text, "\nproject = p\ndump = inner\n"));
    assert_null(strstr(text, "lost"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_section_that_only_an_option_names_is_one, begin, end),
        cmocka_unit_test_setup_teardown(what_no_option_names_comes_with_its_defaults, begin, end),
        cmocka_unit_test_setup_teardown(what_an_option_names_is_there_and_of_its_plugin, begin, end),
        cmocka_unit_test_setup_teardown(it_is_shown_as_it_was_written, begin, end),
    };
    return cmocka_run_group_tests_name("config_sources", tests, NULL, NULL);
}
