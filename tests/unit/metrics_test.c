/* The metrics: what is known has a line, what is not has none, and the file is whole and readable. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "metrics.h"
#include "replace_file.h"
#include "status_print.h"

#define NOW 1795226400
#define ID "2026-11-20T02-00-00Z"

static struct kist_error err = KIST_ERROR_INIT;

/* A pipeline with two destinations and one backup on the first of them. */
static struct scene {
    struct kist_config_section sections[2];
    const struct kist_config_section *destinations[2];
    struct kist_config_pipeline pipeline;
    struct kist_plugin plugin;
    struct kist_store store;
    struct kist_store *stores[2];
    enum kist_place_state places[2];
    struct kist_manifest_item item;
    struct kist_listing_row row;
    struct kist_status status;
    struct kist_metrics metrics;
} scene;

static int setup(void **state)
{
    (void)state;
    scene = (struct scene){.sections = {{.name = "disk", .plugin = &scene.plugin}, {.name = "off\\si\"te\n"}},
                           .pipeline = {.name = "shop", .destination_count = 2, .require = KIST_REQUIRE_ALL},
                           .places = {KIST_PLACE_GOOD, KIST_PLACE_ABSENT},
                           .item = {.raw = {.size = 5000000000}, .stored = {.size = 1234}},
                           .row = {.id = ID}};
    scene.destinations[0] = &scene.sections[0];
    scene.destinations[1] = &scene.sections[1];
    scene.pipeline.destinations = scene.destinations;
    scene.store = (struct kist_store){.section = &scene.sections[0]};
    scene.stores[0] = scene.stores[1] = &scene.store;
    scene.row.places = scene.places;
    scene.row.manifest =
        (struct kist_manifest){.pipeline = (char *)(uintptr_t) "shop", .items = &scene.item, .item_count = 1};
    scene.status = (struct kist_status){.pipeline = &scene.pipeline, .err = KIST_ERROR_INIT, .next = -1};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    kist_metrics_done(&scene.metrics);
    json_decref(scene.status.last_run);
    kist_error_done(&scene.status.err);
    kist_error_clear(&err);
    return 0;
}

static void fill(void)
{
    scene.status.listing = (struct kist_listing){
        .pipeline = &scene.pipeline, .stores = scene.stores, .rows = &scene.row, .row_count = 1};
    scene.status.good = scene.status.newest = &scene.row;
    memcpy(scene.status.good_id, ID, sizeof ID);
    scene.status.good_at = NOW - 86400;
    scene.status.stale_at = NOW - 3600;
    scene.status.stale = 1;
    scene.status.complete = 1;
    scene.status.expected = 2;
    scene.status.verified = NOW - 100;
    scene.status.next = NOW + 50;
    scene.status.last_run = json_pack("{s:s, s:s, s:i}", "outcome", "degraded", "started", "2026-11-20T02:00:00Z",
                                      "duration_ms", 61005);
}

static char *text(void)
{
    kist_metrics_add(&scene.metrics, &scene.status);
    char *made = kist_metrics_text(&scene.metrics, NOW);
    assert_non_null(made);
    return made;
}

static void assert_line(const char *made, const char *line)
{
    char whole[300];
    snprintf(whole, sizeof whole, "\n%s\n", line);
    if (!strstr(made, whole))
        fail_msg("no line '%s' in\n%s", line, made);
}

static void what_is_known(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "kist_up{pipeline=\"shop\"} 1",
        "kist_destination_up{pipeline=\"shop\",destination=\"disk\"} 1",
        "kist_destination_up{pipeline=\"shop\",destination=\"off\\\\si\\\"te\\n\"} 1",
        "kist_stale{pipeline=\"shop\"} 1",
        "kist_stale_timestamp_seconds{pipeline=\"shop\"} 1795222800",
        "kist_last_good_timestamp_seconds{pipeline=\"shop\"} 1795140000",
        "kist_backup_raw_bytes{pipeline=\"shop\"} 5000000000",
        "kist_backup_stored_bytes{pipeline=\"shop\"} 1234",
        "kist_destinations_complete{pipeline=\"shop\"} 1",
        "kist_destinations{pipeline=\"shop\"} 2",
        "kist_backups{pipeline=\"shop\",state=\"partial\"} 1",
        "kist_backups{pipeline=\"shop\",state=\"ok\"} 0",
        "kist_verified_timestamp_seconds{pipeline=\"shop\"} 1795226300",
        "kist_last_run_timestamp_seconds{pipeline=\"shop\"} 1795140000",
        "kist_last_run_success{pipeline=\"shop\"} 1",
        "kist_last_run_degraded{pipeline=\"shop\"} 1",
        "kist_last_run_duration_seconds{pipeline=\"shop\"} 61.005",
        "kist_next_run_timestamp_seconds{pipeline=\"shop\"} 1795226450",
        "kist_status_timestamp_seconds 1795226400",
        "# TYPE kist_backups gauge",
    };
    fill();
    char *made = text();
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        assert_line(made, lines[i]);
    assert_null(strstr(made, "drilled"));
    free(made);
}

static void what_is_not_known(void **state)
{
    (void)state;
    kist_fail(&scene.status.err, KIST_ERR_UNAVAILABLE, "nobody is there");
    char *made = text();
    assert_line(made, "kist_up{pipeline=\"shop\"} 0");
    assert_line(made, "kist_destination_up{pipeline=\"shop\",destination=\"disk\"} 0");
    static const char *const absent[] = {"stale",    "last_good",        "bytes", "kist_backups", "run",
                                         "complete", "kist_destinations"};
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        assert_null(strstr(made, absent[i]));
    free(made);
}

/* Anybody's file may say anything: a line that is no number would cost the collector all of them. */
static void a_history_of_nonsense(void **state)
{
    (void)state;
    fill();
    json_decref(scene.status.last_run);
    scene.status.last_run =
        json_pack("{s:i, s:s, s:I}", "outcome", 7, "started", "yesterday", "duration_ms", (json_int_t)-1500);
    char *made = text();
    assert_null(strstr(made, "kist_last_run"));
    free(made);
}

/* Samples of one name stand together, below its one TYPE line, however many pipelines there are. */
static void families_stand_together(void **state)
{
    (void)state;
    fill();
    kist_metrics_add(&scene.metrics, &scene.status);
    scene.pipeline.name = "crm";
    char *made = text();
    const char *type = strstr(made, "# TYPE kist_stale gauge\n");
    assert_non_null(type);
    assert_null(strstr(type + 1, "# TYPE kist_stale gauge\n"));
    assert_non_null(strstr(type, "gauge\nkist_stale{pipeline=\"shop\"} 1\nkist_stale{pipeline=\"crm\"} 1\n#"));
    free(made);
}

static void the_file(void **state)
{
    (void)state;
    char dir[] = "/tmp/kist-metrics-XXXXXX", path[80], content[32] = "";
    struct stat status;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/kist.prom", dir);
    mode_t mask = umask(077);
    assert_int_equal(kist_file_publish(path, "old and long\n", 13, &err), 0);
    assert_int_equal(kist_file_publish(path, "new\n", 4, &err), 0);
    umask(mask);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fread(content, 1, sizeof content - 1, file), 4);
    fclose(file);
    assert_string_equal(content, "new\n");
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0644);
    /* Nothing but a file is replaced, and nothing is left behind. */
    assert_int_equal(kist_file_publish(dir, "new\n", 4, &err), KIST_ERR_CONFIG);
    assert_int_equal(kist_file_publish("/dev/null", "new\n", 4, &err), KIST_ERR_CONFIG);
    assert_int_equal(stat("/dev/null", &status), 0);
    assert_true(S_ISCHR(status.st_mode));
    assert_int_not_equal(kist_file_publish("/no/such/place/kist.prom", "new\n", 4, &err), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(dir), 0);
}

static void assert_spark(const int64_t *values, size_t count, size_t limit, int fancy, const char *expected)
{
    KIST_CLEANUP_TEXT struct kist_text spark = KIST_TEXT_INIT;
    kist_spark_add(&spark, values, count, limit, fancy);
    assert_string_equal(kist_text_get(&spark), expected);
}

static void sparks(void **state)
{
    (void)state;
    static const int64_t values[] = {0, 100, 125, 500, 875, 874, 1000};
    assert_spark(values, 7, 20, 0, "..:+%#%");
    assert_spark(values, 7, 20, 1, "▁▁▂▅█▇█");
    assert_spark(values, 3, 2, 0, "#%");
    assert_spark(values, 1, 20, 0, "%");
    assert_spark(values, 0, 20, 0, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_known, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_known, setup, teardown),
        cmocka_unit_test_setup_teardown(a_history_of_nonsense, setup, teardown),
        cmocka_unit_test_setup_teardown(families_stand_together, setup, teardown),
        cmocka_unit_test_setup_teardown(the_file, setup, teardown),
        cmocka_unit_test(sparks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
