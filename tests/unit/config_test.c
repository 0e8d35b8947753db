#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "config_fixture.h"
#include "text.h"

#include <kist/notifier.h>

#define EVERY_EVENT                                                                                               \
    (1u << KIST_EVENT_START | 1u << KIST_EVENT_SUCCESS | 1u << KIST_EVENT_DEGRADED | 1u << KIST_EVENT_FAILURE |   \
     1u << KIST_EVENT_RECOVERY | 1u << KIST_EVENT_OVERDUE | 1u << KIST_EVENT_SUSPECT)

static void a_pipeline_is_wired(void **state)
{
    struct loaded *loaded = *state;
    write_file("20-sections.ini", "[source db]\nplugin = db\nurl = postgres://u:hunter2-canary@h/db\n"
                                  "[destination disk]\nplugin = disk\npath = /x\nprefix = /a/b/\n"
                                  "[destination far]\nplugin = disk\npath = /x\n"
                                  "[filter tight]\nplugin = squeeze\nlevel = 19\n"
                                  "[notifier ring]\nplugin = bell\n");
    write_file("10-kist.ini", "[kist]\nplugin_dirs = /p1, /p2\nstate = /s\n");
    write_file("30-pipelines.ini",
               "[pipeline shop]\nsource = db\nfilters = tight, squeeze\ndestinations = disk, far\n"
               "require = 1\nnotify = ring\nname = {database}-{date}.dump\nschedule = 0 2 * * *\n"
               "keep = 7 daily\n[pipeline two]\nsource = db\ndestinations = far\n");
    write_file("ignored.conf", "nonsense");
    write_file("x.ini~", "nonsense");
    write_file(".hidden.ini", "nonsense");
    expect_config(loaded, ".");
    assert_string_equal(fake_registry_dirs, "/p1:/p2:/own");
    assert_string_equal(loaded->config->state_dir, "/s");
    assert_int_equal(loaded->config->pipeline_count, 2);
    assert_null(kist_config_pipeline(loaded->config, "three"));
    const struct kist_config_pipeline *shop = kist_config_pipeline(loaded->config, "shop");
    assert_string_equal(shop->source->name, "db");
    assert_ptr_equal(shop->source->plugin, &fake_source);
    assert_int_equal(shop->source->kind, KIST_KIND_SOURCE);
    const struct fake_source_config *source = shop->source->config;
    assert_int_equal(source->port, 5432);
    assert_int_equal(shop->filter_count, 2);
    assert_string_equal(shop->filters[0]->name, "tight");
    assert_int_equal(((const struct fake_filter_config *)shop->filters[0]->config)->level, 19);
    assert_string_equal(shop->filters[1]->name, "squeeze");
    assert_null(shop->filters[1]->file);
    assert_int_equal(((const struct fake_filter_config *)shop->filters[1]->config)->level, 3);
    assert_int_equal(shop->destination_count, 2);
    assert_string_equal(shop->destinations[0]->prefix, "a/b");
    assert_string_equal(shop->destinations[1]->prefix, "");
    assert_int_equal(shop->notifier_count, 1);
    assert_int_equal(shop->require, 1);
    assert_string_equal(shop->item_name, "{database}-{date}.dump");
    assert_int_equal(shop->schedule.kind, KIST_SCHEDULE_CRON);
    assert_int_equal(kist_schedule_next(&shop->schedule, 0), 2 * 3600);
    assert_int_equal(shop->keep.daily, 7);
    assert_int_equal(shop->min_keep, 2);
    assert_int_equal(shop->max_delete, 50);
    assert_true(shop->exclusive);
    assert_int_equal(shop->notifiers[0]->on, EVERY_EVENT);
    assert_string_equal(shop->file, "./30-pipelines.ini");
    assert_int_equal(shop->line, 1);
    const struct kist_config_pipeline *two = kist_config_pipeline(loaded->config, "two");
    assert_int_equal(two->require, KIST_REQUIRE_ALL);
    assert_int_equal(two->schedule.kind, KIST_SCHEDULE_NONE);
    assert_false(two->keep.set);
    assert_false(two->exclusive);
    assert_ptr_equal(two->destinations[0], shop->destinations[1]);
    assert_non_null(kist_config_registry(loaded->config));
}

static void one_file_is_enough(void **state)
{
    struct loaded *loaded = *state;
    write_file("shop.conf", MINIMAL);
    write_file("other.ini", "nonsense");
    expect_config(loaded, "shop.conf");
    assert_string_equal(loaded->config->pipelines[0].file, "shop.conf");
    assert_null(loaded->config->state_dir);
}

static void extra_directories_come_first(void **state)
{
    const char *const dirs[] = {"/nowhere/at/all", "."};
    char expected[128];
    struct loaded *loaded = *state;
    write_file("shop.ini", MINIMAL "[kist]\nplugin_dirs = /p1\n");
    snprintf(expected, sizeof expected, "/nowhere/at/all:%s:/p1:/own", loaded->folder);
    assert_int_equal(kist_config_load(".", dirs, 2, &loaded->config, &loaded->problems, &loaded->err), 0);
    assert_string_equal(fake_registry_dirs, expected);
}

static void every_mistake_is_reported_in_order(void **state)
{
    struct loaded *loaded = *state;
    write_file("a.ini", "[pipeline shop]\nsource = bd\nfilters = squeez\ndestinations = dsk, far\nrequire = 3\n"
                        "notify = nobody\nnaem = x\nname = {db}\n\n[pipeline none]\n");
    write_file("b.ini", "[source db]\nplugin = dbb\n\n[destination disk]\nplugin = disk\n\n[destination far]\n"
                        "prefix = a//b\nplugin = disk\npath = /x\n\n[source db]\nplugin = db\nport = x\n[kist]\n"
                        "state = relative\nplugin_dirs = /a, b\n");
    write_file("c.ini", "[pipeline shop]\nsource = db\ndestinations = far\n");
    static const char *const expected[] = {
        "./a.ini:2: [pipeline shop] source: there is no [source bd]",
        "./a.ini:3: [pipeline shop] filters: there is no [filter squeez] and no filter plugin 'squeez'",
        "./a.ini:4: [pipeline shop] destinations: there is no [destination dsk]",
        "./a.ini:5: [pipeline shop] require: 3 destinations are required, but the pipeline has 2",
        "./a.ini:6: [pipeline shop] notify: there is no [notifier nobody]",
        "./a.ini:7: [pipeline shop] naem: unknown key",
        "./a.ini:8: [pipeline shop] name: '{db}' stands for nothing",
        "./a.ini:10: [pipeline none] source: required, but not given",
        "./a.ini:10: [pipeline none] destinations: required, but not given",
        "./b.ini:2: [source db] plugin: there is no source plugin 'dbb'",
        "./b.ini:4: [destination disk] path: required, but not given",
        "./b.ini:8: [destination far] prefix: 'a//b' is not a plain path of folders",
        "./b.ini:12: [source db] the section is already at ./b.ini:1",
        "./b.ini:14: [source db] port: 'x' is not a whole number",
        "./b.ini:16: [kist] state: 'relative' is not an absolute path",
        "./b.ini:17: [kist] plugin_dirs: 'b' is not an absolute path",
        "./c.ini:1: [pipeline shop] the section is already at ./a.ini:1",
    };
    expect_problems(loaded, ".", expected, sizeof expected / sizeof *expected);
    assert_string_equal(loaded->problems.items[0].hint, "did you mean 'db'?");
    assert_string_equal(loaded->problems.items[2].hint, "did you mean 'disk'?");
    assert_string_equal(loaded->problems.items[4].hint, "add a section [notifier nobody]");
    assert_string_equal(loaded->problems.items[5].hint, "did you mean 'name'?");
    assert_string_equal(loaded->err.message, "17 mistakes in the configuration");
}

static void pipelines_that_cannot_work_are_refused(void **state)
{
    static const struct {
        const char *lines, *message;
    } cases[] = {
        {"destinations = disk, disk", "destinations: 'disk' is named twice"},
        {"destinations = disk, copy", "destinations: 'disk' and 'copy' are the same store under two names"},
        {"destinations = disk\nfilters = squeeze, squeeze", "filters: 'squeeze' is named twice"},
        {"destinations = disk\nfilters = lock, squeeze",
         "filters: 'squeeze' compresses what 'lock' has encrypted: nothing "
         "would get smaller"},
        {"destinations = disk\nfilters = seal",
         "filters: the option 'recipient' of this plugin is required: it needs a "
         "section of its own"},
        {"destinations = disk\nfilters = ../x", "filters: '../x' cannot be a plugin"},
        {"destinations = disk\nrequire = 0", "require: '0' is neither all, any nor a number from 1"},
        {"destinations = disk\nrequire = most", "require: 'most' is neither all, any nor a number from 1"},
        {"destinations = disk\nname = ../x", "name: '../x' is not a pattern for a file name"},
        {"destinations = disk\nname = {date", "name: the braces in '{date' do not match"},
        {"destinations = disk\nname =", "name: '' is not a pattern for a file name"},
    };
    struct loaded *loaded = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[1024], message[256];
        int line = strchr(cases[i].lines, '\n') ? 4 : 3;
        snprintf(text, sizeof text,
                 "[pipeline shop]\nsource = db\n%s\n[source db]\nplugin = db\n[destination disk]\n"
                 "plugin = disk\npath = /x\n[destination copy]\nplugin = disk\npath = /x\n[filter lock]\nplugin = "
                 "seal\n"
                 "recipient = me\n",
                 cases[i].lines);
        snprintf(message, sizeof message, "shop.ini:%d: [pipeline shop] %s", line, cases[i].message);
        write_file("shop.ini", text);
        expect_problem(loaded, "shop.ini", message);
    }
}

static void pipelines_that_can_work_are_accepted(void **state)
{
    static const char *const cases[] = {
        "destinations = disk, far\nrequire = any",
        "destinations = disk, far\nrequire = 2",
        "destinations = null1, null2",
        "destinations = disk\nfilters = squeeze, lock",
        "destinations = disk\nfilters =",
    };
    struct loaded *loaded = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[1024];
        snprintf(text, sizeof text,
                 "[pipeline shop]\nsource = db\n%s\n[source db]\nplugin = db\n[destination disk]\n"
                 "plugin = disk\npath = /x\n[destination far]\nplugin = disk\npath = /x\nprefix = p\n"
                 "[destination null1]\nplugin = nothing\n[destination null2]\nplugin = nothing\n"
                 "[filter lock]\nplugin = seal\nrecipient = me\n",
                 cases[i]);
        write_file("shop.ini", text);
        expect_config(loaded, "shop.ini");
    }
}

static void the_configuration_can_be_shown(void **state)
{
    struct loaded *loaded = *state;
    char *shown = NULL;
    size_t size = 0;
    write_file("shop.ini",
               "[kist]\nstate = /s\n[pipeline shop]\nsource = db\nfilters = squeeze\ndestinations = disk\n"
               "[source db]\nplugin = db\nurl = hunter2-canary\ntables = a$$b\n  c\n"
               "[destination disk]\nplugin = disk\npath = /x\nprefix = p\n");
    expect_config(loaded, "shop.ini");
    FILE *stream = open_memstream(&shown, &size);
    assert_non_null(stream);
    assert_int_equal(kist_config_print(loaded->config, stream, &loaded->err), 0);
    fclose(stream);
    assert_string_equal(shown,
                        "; shop.ini:1\n[kist]\nstate = /s\nmax_parallel = 2\n"
                        "\n; shop.ini:3\n[pipeline shop]\nsource = db\nfilters = squeeze\ndestinations = disk\n"
                        "require = all\n"
                        "timezone = UTC\njitter = 0s\nexclusive = auto\n"
                        "parallel = 4\n"
                        "reuse = yes\n"
                        "verify = none\n"
                        "max_shrink = 50%\nmin_keep = 2\nmax_delete = 50%\n"
                        "\n; shop.ini:7\n[source db]\nplugin = db\nurl = ***\nport = 5432\nformat = custom\n"
                        "tables = a$$b, c\nlock_timeout = 30s\n"
                        "\n; shop.ini:12\n[destination disk]\nplugin = disk\nprefix = p\nretries = 5\n"
                        "retry_delay = 500ms\ndeadline = 5m\npath = /x\n"
                        "require_mount = no\npart_size = 16MiB\n"
                        "\n; used without a section\n[filter squeeze]\nplugin = squeeze\nlevel = 3\n");
    write_file("again.ini", shown);
    free(shown);
    expect_config(loaded, "again.ini");
    FILE *full = fopen("/dev/full", "w");
    assert_non_null(full);
    assert_int_equal(kist_config_print(loaded->config, full, &loaded->err), KIST_ERR_NO_SPACE);
    fclose(full);
}

static void destinations_say_how_long_they_are_tried(void **state)
{
    struct loaded *loaded = *state;
    static const char *const wrong[] = {"retries = -1",    "retries = 21",  "retry_delay = 0s",
                                        "retry_delay = 5", "deadline = 0s", "deadline = 999ms"};
    char text[600], expected[80];
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(text, sizeof text, MINIMAL "%s\n", wrong[i]);
        write_file("shop.ini", text);
        assert_int_equal(load(loaded, "shop.ini"), KIST_ERR_CONFIG);
        assert_int_equal(loaded->problems.count, 1);
        snprintf(expected, sizeof expected, "shop.ini:9: [destination disk] %.*s: ", (int)strcspn(wrong[i], " "),
                 wrong[i]);
        assert_memory_equal(loaded->problems.items[0].message, expected, strlen(expected));
    }
    write_file("shop.ini", MINIMAL "retries = 0\nretry_delay = 2s\ndeadline = 90m\nkeep = 7 daily\n");
    expect_config(loaded, "shop.ini");
    const struct kist_config_section *disk = loaded->config->pipelines[0].destinations[0];
    assert_int_equal(loaded->config->max_parallel, 2);
    assert_int_equal(disk->retry.retries, 0);
    assert_int_equal(disk->retry.delay_ms, 2000);
    assert_int_equal(disk->retry.deadline_ms, 90 * 60 * 1000);
    assert_true(disk->keep.set);
    assert_int_equal(disk->keep.daily, 7);
}

static void a_target_is_expanded(void **state)
{
    struct loaded *loaded = *state;
    char *text = NULL;
    setenv("KIST_TEST_TARGET", "postgres://u:hunter2-canary@h/db", 1);
    assert_int_equal(kist_config_expand("${KIST_TEST_TARGET}", &text, &loaded->err), 0);
    assert_string_equal(text, "postgres://u:hunter2-canary@h/db");
    free(text);
    text = kist_redact("is hunter2-canary");
    assert_string_equal(text, "is ***");
    free(text);
    text = NULL;
    unsetenv("KIST_TEST_TARGET");
    assert_int_equal(kist_config_expand("x${KIST_TEST_TARGET}", &text, &loaded->err), KIST_ERR_CONFIG);
    assert_null(text);
    assert_int_equal(kist_config_expand("shop_copy", &text, &loaded->err), 0);
    assert_string_equal(text, "shop_copy");
    free(text);
    text = kist_redact("shop_copy");
    assert_string_equal(text, "shop_copy");
    free(text);
}

/* Every section and every pipeline wrong: the worst that can be asked of lookups and suggestions. */
static void very_many_sections_are_fast(void **state)
{
    struct loaded *loaded = *state;
    struct kist_text text = KIST_TEXT_INIT;
    kist_text_add(&text, MINIMAL);
    for (int i = 0; i < 50000; i++)
        kist_text_printf(
            &text,
            "[pipeline p%d]\nsource = nodb%d\ndestinations = d%d\n[destination d%d]\nplugin = disk\npth = /x\n", i,
            i, i, i);
    write_file("many.ini", kist_text_get(&text));
    kist_text_done(&text);
    clock_t start = clock();
    assert_int_equal(load(loaded, "many.ini"), KIST_ERR_CONFIG);
    assert_true(clock() - start < 30 * CLOCKS_PER_SEC);
    assert_int_equal(loaded->problems.count, 150000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_pipeline_is_wired, begin, end),
        cmocka_unit_test_setup_teardown(one_file_is_enough, begin, end),
        cmocka_unit_test_setup_teardown(extra_directories_come_first, begin, end),
        cmocka_unit_test_setup_teardown(every_mistake_is_reported_in_order, begin, end),
        cmocka_unit_test_setup_teardown(pipelines_that_cannot_work_are_refused, begin, end),
        cmocka_unit_test_setup_teardown(pipelines_that_can_work_are_accepted, begin, end),
        cmocka_unit_test_setup_teardown(the_configuration_can_be_shown, begin, end),
        cmocka_unit_test_setup_teardown(destinations_say_how_long_they_are_tried, begin, end),
        cmocka_unit_test_setup_teardown(a_target_is_expanded, begin, end),
        cmocka_unit_test_setup_teardown(very_many_sections_are_fast, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
