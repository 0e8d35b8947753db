/* What a restore says of itself: its plan, its line in the history, what it compares, and its directory on the disk. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "restore_job.h"
#include "restore_plan.h"
#include "restore_record.h"
#include "restore_safety.h"

static struct kist_error err = KIST_ERROR_INIT;
static char dir[64];

static int setup(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/kist-restore-XXXXXX");
    return mkdtemp(dir) == NULL;
}

static int teardown(void **state)
{
    char path[200];
    (void)state;
    kist_error_clear(&err);
    snprintf(path, sizeof path, "%s/history.jsonl", dir);
    remove(path);
    return rmdir(dir);
}

/* ---- what is compared ---- */

static int counted(const char *table, const char *schema, const char *kind, const char *name)
{
    const char *tables[] = {table, NULL}, *schemas[] = {schema, NULL};
    const struct kist_restore_options options = {.tables = table ? tables : NULL,
                                                 .schemas = schema ? schemas : NULL};
    const struct kist_count count = {.kind = kind, .name = name, .number = 1};
    return kist_restore_is_counted(&options, &count);
}

static void which_counts(void **state)
{
    (void)state;
    assert_true(counted(NULL, NULL, "extension", "hstore"));
    assert_true(counted("orders", NULL, "table", "public.orders"));
    assert_true(counted("orders", NULL, "table", "other.orders"));
    assert_true(counted("public.orders", NULL, "table", "public.orders"));
    assert_false(counted("public.orders", NULL, "table", "other.orders"));
    assert_false(counted("orders", NULL, "table", "public.orders_old"));
    assert_false(counted("orders", NULL, "sequence", "public.orders"));
    assert_false(counted("orders", NULL, "extension", "orders"));
    assert_true(counted("\"a.b\"", NULL, "table", "public.\"a.b\""));
    assert_true(counted("public.\"say \"\"hi\"\"\"", NULL, "table", "public.\"say \"\"hi\"\"\""));
    assert_false(counted("b", NULL, "table", "public.\"a.b\""));
    assert_true(counted(NULL, "sales", "table", "sales.orders"));
    assert_true(counted(NULL, "sales", "sequence", "sales.orders_id_seq"));
    assert_false(counted(NULL, "sales", "table", "public.sales"));
    assert_false(counted(NULL, "sales", "large_objects", "large_objects"));
    assert_true(counted("orders", "sales", "table", "sales.orders"));
    assert_false(counted("orders", "sales", "table", "public.orders"));
    const struct kist_restore_options schema_only = {.flags = KIST_RESTORE_SCHEMA_ONLY};
    const struct kist_count count = {.kind = "table", .name = "public.orders"};
    assert_false(kist_restore_is_counted(&schema_only, &count));
}

/* ---- the plan ---- */

static void assert_plan(const struct kist_restore_plan *plan, const char *wanted, int there)
{
    KIST_CLEANUP_TEXT struct kist_text text = KIST_TEXT_INIT;
    kist_restore_plan_print(plan, &text);
    if ((strstr(kist_text_get(&text), wanted) != NULL) != there)
        fail_msg("'%s' is %s in\n%s", wanted, there ? "not" : "", kist_text_get(&text));
}

static void plans(void **state)
{
    (void)state;
    char name[] = "shop", server[] = "here", fresh[] = "shop_restore_1", holds[] = "3 tables";
    struct kist_manifest manifest = {.id = "2020-01-01T00-00-00Z"};
    struct kist_restore_options options = {.flags = KIST_RESTORE_BESIDE};
    struct kist_restore_place place = {.name = name, .server = server, .fresh = fresh, .holds = holds};
    struct kist_restore_plan plan = {.what = "p/2020-01-01T00-00-00Z",
                                     .manifest = &manifest,
                                     .options = &options,
                                     .place = &place,
                                     .target = "p-db",
                                     .estimate_ms = -1};
    assert_plan(&plan, "'shop' on here, which holds 3 tables", 1);
    assert_plan(&plan, "beside it, as the new database 'shop_restore_1'", 1);
    assert_plan(&plan, "lost:     nothing\n", 1);
    assert_plan(&plan, "time:     unknown", 1);
    plan.bad = "2026-11-21T02-00-00Z";
    plan.estimate_ms = 185000;
    plan.estimate_from = "drill";
    assert_plan(&plan, "found bad at 2026-11-21T02-00-00Z", 1);
    assert_plan(&plan, "about 3 min 05 s, going by the last drill", 1);
    options.flags = KIST_RESTORE_CLEAN;
    place.fresh = NULL;
    assert_plan(&plan, "lost:     3 tables\n", 1);
    assert_plan(&plan, "NOT backed up", 1);
    plan.safety = 1;
    assert_plan(&plan, "NOT backed up", 0);
    place.holds = NULL;
    place.flags = KIST_PLACE_MISSING;
    assert_plan(&plan, "lost:     nothing\n", 1);
    assert_plan(&plan, "does not exist", 1);
    assert_int_equal(kist_restore_mode_of(&options, &place), KIST_MODE_INTO);
    place = (struct kist_restore_place){0};
    assert_plan(&plan, "whatever it holds under the same names", 1);
    assert_plan(&plan, "target:   p-db", 1);
}

/* What a provider holds has kinds of its own, and what it keeps need not be backed up first. */
static void plans_at_a_provider(void **state)
{
    (void)state;
    char name[] = "main", server[] = "project one", holds[] = "2 GiB", fresh[] = "main_restore_1",
         kind[] = "branch", kept[] = "main_before_1";
    struct kist_manifest manifest = {.id = "2020-01-01T00-00-00Z"};
    struct kist_restore_options options = {.flags = KIST_RESTORE_BESIDE};
    struct kist_restore_place place = {
        .name = name, .server = server, .fresh = fresh, .holds = holds, .kind = kind, .flags = KIST_PLACE_SOURCE};
    struct kist_restore_plan plan = {.what = "p/2020-01-01T00-00-00Z",
                                     .manifest = &manifest,
                                     .options = &options,
                                     .place = &place,
                                     .target = "p-db",
                                     .estimate_ms = -1};
    assert_plan(&plan, "target:   branch 'main' on project one, which holds 2 GiB (the very branch that is", 1);
    assert_plan(&plan, "beside it, as the new branch 'main_restore_1'", 1);
    assert_plan(&plan, "time:     unknown", 1);
    assert_plan(&plan, "database", 0);
    place.holds = NULL;
    assert_plan(&plan, "which holds", 0);
    place.holds = holds;
    options.flags = KIST_RESTORE_CLEAN;
    place.fresh = NULL;
    place.kept = kept;
    place.flags = KIST_PLACE_PRESERVES;
    assert_plan(&plan, "lost:     nothing\nkept:     what it holds, as branch 'main_before_1'\n", 1);
    assert_plan(&plan, "safety", 0);
    place.kept = NULL;
    assert_plan(&plan, "kept:     what it holds, by its provider\n", 1);
    manifest.id[0] = '\0';
    plan.what = "p at 2020-01-01T00:00:00Z";
    options.at = "2020-01-01T00:00:00Z";
    options.at_ms = INT64_C(1577836800000);
    assert_plan(&plan, "moment:   p at 2020-01-01T00:00:00Z, ", 1);
    assert_plan(&plan, " old\n", 1);
    assert_plan(&plan, "time:", 0);
    options.at = "latest";
    options.at_ms = 0;
    plan.what = "p at its latest moment";
    assert_plan(&plan, "moment:   p at its latest moment\n", 1);
}

/* ---- the history ---- */

static void add(const char *event, const char *pipeline, int64_t ms, uint64_t size, int code,
                const struct kist_restore_options *options)
{
    struct kist_error why = {.struct_size = sizeof why, .code = code};
    struct kist_restored restored = {.raw_size = size};
    const struct kist_restore_record record = {.event = event,
                                               .pipeline = pipeline,
                                               .mode = "beside",
                                               .restored = &restored,
                                               .options = options,
                                               .err = &why,
                                               .duration_ms = ms};
    assert_int_equal(kist_restore_record_add(dir, &record), 0);
}

static void assert_estimate(int64_t ms, const char *wanted)
{
    const char *from = "nothing";
    assert_int_equal(kist_restore_estimate(dir, "p", 1000, &from), ms);
    assert_string_equal(from, wanted);
}

static void estimates(void **state)
{
    (void)state;
    const char *tables[] = {"orders", NULL};
    const struct kist_restore_options part = {.tables = tables}, moment = {.at = "latest"};
    assert_estimate(-1, "nothing");
    add("restore", "q", 50, 1000, 0, NULL);
    add("restore", "p", 60, 1000, KIST_ERR_FAILED, NULL);
    add("restore", "p", 70, 1000, KIST_ERR_REFUSED, NULL);
    add("restore", "p", 80, 1000, 0, &part);
    add("restore", "p", 80, 1000, 0, &moment);
    assert_estimate(-1, "nothing");
    add("restore", "p", 90, 1000, 0, NULL);
    add("restore", "p", 100, 500, 0, NULL);
    assert_estimate(200, "restore");
    add("drill", "p", 300, 1000, 0, NULL);
    add("restore", "p", 90, 1000, 0, NULL);
    assert_estimate(300, "drill");
}

static void odd_histories(void **state)
{
    (void)state;
    char path[200];
    snprintf(path, sizeof path, "%s/history.jsonl", dir);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("{}\nnull\n[1]\n{\"event\":\n\n{\"event\":\"drill\",\"pipeline\":\"p\",\"outcome\":\"ok\",\"duration_"
          "ms\":\"7\"}\n"
          "{\"event\":\"drill\",\"pipeline\":\"p\",\"outcome\":\"ok\",\"duration_ms\":7,"
          "\"time\":\"2026-11-21T02:00:00Z\"}",
          file);
    assert_int_equal(fclose(file), 0);
    assert_estimate(7, "drill");
}

/* ---- safety backups ---- */

static void safety_labels(void **state)
{
    (void)state;
    struct kist_manifest manifest = {.labels = NULL};
    assert_false(kist_safety_is(&manifest));
    manifest.labels = json_pack("{s:s}", "why", "safety");
    assert_false(kist_safety_is(&manifest));
    json_object_set_new(manifest.labels, "safety", json_string("2020-01-01T00-00-00Z"));
    assert_true(kist_safety_is(&manifest));
    json_decref(manifest.labels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(which_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(plans, setup, teardown),
        cmocka_unit_test_setup_teardown(plans_at_a_provider, setup, teardown),
        cmocka_unit_test_setup_teardown(estimates, setup, teardown),
        cmocka_unit_test_setup_teardown(odd_histories, setup, teardown),
        cmocka_unit_test_setup_teardown(safety_labels, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
