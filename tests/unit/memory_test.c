/*
 * Memory that runs out, at every allocation in turn: once, and from then on for ever. Each piece of work has to end with
 * an error or do all that it promised; the leak checkers see to it that it keeps nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "catalog.h"
#include "config_fixture.h"
#include "facts.h"
#include "judge.h"
#include "memory_plugins.h"
#include "out_of_memory.h"
#include "pull.h"
#include "restore_notes.h"
#include "run_items.h"
#include "transfer.h"

#define KEY "0123456789abcdef0123456789abcdef"

/* ---- the work ---- */

static int parse_and_format(void *arg, int *ret_whole, struct kist_error *err)
{
    const struct memory *memory = arg;
    struct kist_manifest manifest = {0};
    char *text = NULL;
    size_t size = 0;
    int code = kist_manifest_parse(memory->text, memory->size, KEY, "shop", ID, &manifest, err);
    if (!code)
        code = kist_manifest_format(&manifest, KEY, &text, &size, err);
    *ret_whole = !code && size == memory->size && memcmp(text, memory->text, size) == 0;
    free(text);
    kist_manifest_done(&manifest);
    return code;
}

/* Counting, comparing and judging, with something to say of each. */
static int count_and_judge(void *arg, int *ret_whole, struct kist_error *err)
{
    const struct memory *memory = arg;
    struct kist_manifest manifest = {0};
    struct kist_counts found = {0};
    struct kist_comparison comparison = {0};
    const char *critical[] = {"a", "b", "c"};
    const kist_list tables = {critical, 3};
    const struct kist_config_pipeline pipeline = {
        .name = "shop", .min_size = 1000, .max_shrink = 50, .critical_tables = &tables};
    const struct kist_past past[] = {{100, 100}, {100, 100}, {100, 100}};
    const struct kist_count count = {.kind = "table", .name = "public.a", .number = 2};
    json_t *reasons = NULL;
    int code = kist_manifest_parse(memory->text, memory->size, KEY, "shop", ID, &manifest, err);
    if (!code && (code = kist_counts_add(&found, &count)))
        kist_fail(err, code, "no memory for a count");
    if (!code)
        code = kist_counts_compare(&manifest.counts, &found, &comparison, err);
    if (!code)
        code = kist_judge(&pipeline, &manifest, past, 3, &reasons, err);
    *ret_whole = comparison.difference_count == 1 && json_array_size(reasons) == 5;
    json_decref(reasons);
    kist_comparison_done(&comparison);
    kist_counts_done(&found);
    kist_manifest_done(&manifest);
    return code;
}

static int read_catalog(void *arg, int *ret_whole, struct kist_error *err)
{
    struct kist_config_section section = section_of(&memory_plugin, arg);
    struct kist_store *store = NULL;
    struct kist_catalog catalog = {0};
    struct kist_manifest manifest = {0};
    const struct kist_config_pipeline pipeline = {.name = "shop", .sign_key = KEY};
    char *keys[] = {(char *)(uintptr_t) "shop/" ID "/a"};
    int code = kist_store_open(&section, "shop", NULL, &store, err);
    if (!code)
        code = kist_catalog_read(store, "shop", &catalog, err);
    if (!code)
        code = kist_catalog_load(store, &pipeline, ID, &manifest, err);
    if (!code)
        code = kist_catalog_begin(store, "shop", ID, "me", keys, 1, NULL, err);
    *ret_whole = catalog.backup_count == 2 && catalog.pending_count == 1 && manifest.item_count == 1;
    kist_manifest_done(&manifest);
    kist_catalog_done(&catalog);
    kist_store_close(store);
    return code;
}

static int pull_item(void *arg, int *ret_whole, struct kist_error *err)
{
    struct memory *memory = arg;
    struct kist_config_section section = section_of(&memory_plugin, memory);
    struct kist_store *store = NULL;
    struct kist_pull *pull = NULL;
    struct kist_manifest_item item = {
        .key = (char *)(uintptr_t) "shop/a", .raw.size = memory->size, .stored.size = memory->size};
    char data[256];
    size_t size = 1, sum = 0;
    int code = kist_hash_bytes(memory->text, memory->size, item.raw.sha256, err);
    item.stored = item.raw;
    if (!code)
        code = kist_store_open(&section, "shop", NULL, &store, err);
    if (!code)
        code = kist_pull_open(store, &item, NULL, 1, &pull, err);
    while (!code && size > 0 && !(code = kist_pull_read(pull, data, sizeof data, &size, err)))
        sum += size;
    *ret_whole = sum == memory->size;
    kist_pull_close(pull);
    kist_store_close(store);
    return code;
}

/* What a run does between its first and its last item, and the notes of it. */
static int save_items(void *arg, int *ret_whole, struct kist_error *err)
{
    struct memory *memory = arg, other = *memory;
    struct kist_config_section source = section_of(&reading_plugin, memory),
                               disk = section_of(&memory_plugin, &other);
    const struct kist_config_section *disks[] = {&disk};
    struct kist_config_pipeline pipeline = {.name = "shop",
                                            .source = &source,
                                            .destinations = disks,
                                            .destination_count = 1,
                                            .require = KIST_REQUIRE_ALL,
                                            .item_name = "{pipeline}-{date}.dump"};
    struct kist_manifest manifest = {.pipeline = (char *)(uintptr_t) "shop",
                                     .id = ID,
                                     .kist_version = (char *)(uintptr_t) "1",
                                     .source_plugin = (char *)(uintptr_t) "mem"};
    const struct kist_backup backup = {.struct_size = sizeof backup, .pipeline = "shop", .id = ID, .owner = "me"};
    struct kist_run_items run_items = {0};
    struct kist_targets targets = {0};
    struct kist_cancel *cancel = NULL;
    char *notes = NULL;
    int code = kist_cancel_new(NULL, &cancel, err);
    if (!code)
        code = kist_targets_open(&pipeline, "me", cancel, &targets, err);
    if (!code)
        code = kist_run_items_open(&pipeline, &backup, NULL, cancel, &run_items, err);
    if (!code)
        code = kist_run_items_save(&run_items, &targets, &manifest, cancel, 1, err);
    if (!code)
        code = kist_run_items_facts(&run_items, &manifest.facts, err);
    if (!code)
        code = kist_restore_notes_format(&manifest, &pipeline, run_items.filters, run_items.filter_count, &notes,
                                         err);
    *ret_whole = !code && manifest.item_count == 1 && manifest.items[0].raw.size == memory->size &&
                 manifest.items[0].stock_restore && json_object_size(manifest.facts) == 2 && strstr(notes, "psql");
    manifest.pipeline = manifest.kist_version = manifest.source_plugin = NULL;
    kist_manifest_done(&manifest);
    free(notes);
    kist_run_items_close(&run_items);
    kist_targets_close(&targets);
    kist_cancel_free(cancel);
    return code;
}

static int load_config(void *arg, int *ret_whole, struct kist_error *err)
{
    struct kist_config *config = NULL;
    struct kist_config_problems problems = {0};
    int code = kist_config_load(arg, NULL, 0, &config, &problems, err);
    if (!code) {
        const struct kist_config_pipeline *shop = kist_config_pipeline(config, "shop");
        const struct fake_destination_config *disk = shop ? shop->destinations[0]->config : NULL;
        *ret_whole =
            shop && shop->filter_count == 2 && shop->destination_count == 1 && strcmp(disk->path, "/x") == 0;
    }
    kist_config_free(config);
    kist_config_problems_done(&problems);
    kist_redact_forget();
    return code;
}

/* ---- the tests ---- */

static char document[2000], held_document[2000];

/* A manifest of one item, without the help of what is tested. */
static int make_document(void **state)
{
    struct kist_error err = KIST_ERROR_INIT;
    char sha256[KIST_SHA256_HEX + 1];
    struct kist_manifest manifest = {.id = ID};
    struct kist_manifest_item item = {.name = (char *)(uintptr_t) "a",
                                      .key = (char *)(uintptr_t) "shop/a",
                                      .format = (char *)(uintptr_t) "custom",
                                      .filters = &(struct kist_manifest_filter){(char *)(uintptr_t) "gzip",
                                                                                (char *)(uintptr_t) "1",
                                                                                (char *)(uintptr_t) "00ff"},
                                      .filter_count = 1};
    (void)state;
    json_set_alloc_funcs(__wrap_malloc, free);
    if (kist_hash_bytes("", 0, sha256, &err))
        return 1;
    memcpy(item.raw.sha256, sha256, sizeof sha256);
    item.stored = manifest.notes = item.raw;
    manifest.pipeline = manifest.kist_version = manifest.source_plugin = manifest.source_version =
        (char *)(uintptr_t) "shop";
    manifest.labels = json_pack("{s:s}", "why", "test");
    manifest.facts = json_pack("{s:[i]}", "rows", 3);
    manifest.suspect = json_pack("[s]", "too small");
    static struct kist_count counts[] = {
        {.kind = "table", .name = "public.a", .number = 3, .hash = "0f"},
        {.kind = "table", .name = "public.b", .number = -1, .note = "far away", .flags = KIST_COUNT_ESTIMATE}};
    manifest.counts = (struct kist_counts){.items = counts, .count = 2};
    manifest.items = &item;
    manifest.item_count = 1;
    manifest.notes_key = (char *)(uintptr_t) "shop/RESTORE.txt";
    char *text = NULL, *held = NULL;
    size_t size = 0;
    int code = kist_manifest_format(&manifest, KEY, &text, &size, &err);
    if (!code)
        snprintf(document, sizeof document, "%s", text);
    free(text);
    static struct kist_manifest_reference reference = {.as = {.provider = "neon",
                                                              .kind = "branch",
                                                              .id = "br-1",
                                                              .name = "kist-shop",
                                                              .account = "quiet-sun-1",
                                                              .state = "ready",
                                                              .time_ms = 1795226400000,
                                                              .size = 4711,
                                                              .until_ms = 1795831200000}};
    struct kist_manifest_item both[] = {item, {.name = (char *)(uintptr_t) "b", .reference = &reference}};
    manifest.items = both;
    manifest.item_count = 2;
    if (!code)
        code = kist_manifest_format(&manifest, KEY, &held, &size, &err);
    if (!code)
        snprintf(held_document, sizeof held_document, "%s", held);
    free(held);
    json_decref(manifest.labels);
    json_decref(manifest.facts);
    json_decref(manifest.suspect);
    return code;
}

static void no_memory_for_manifests(void **state)
{
    (void)state;
    exhaust(parse_and_format, &(struct memory){.text = document, .size = strlen(document)});
    exhaust(parse_and_format, &(struct memory){.text = held_document, .size = strlen(held_document)});
}

static void no_memory_for_the_catalog(void **state)
{
    (void)state;
    exhaust(read_catalog, &(struct memory){.text = document, .size = strlen(document)});
}

static void no_memory_for_judging(void **state)
{
    (void)state;
    exhaust(count_and_judge, &(struct memory){.text = document, .size = strlen(document)});
}

static void no_memory_for_reading(void **state)
{
    (void)state;
    exhaust(pull_item, &(struct memory){.text = document, .size = strlen(document)});
}

static void no_memory_for_saving(void **state)
{
    (void)state;
    exhaust(save_items, &(struct memory){.text = document, .size = strlen(document)});
}

static void no_memory_for_the_configuration(void **state)
{
    (void)state;
    write_file("shop.ini",
               "[pipeline shop]\nsource = db\nfilters = tight, squeeze\ndestinations = disk\n"
               "[source db]\nplugin = db\nurl = postgres://u@h/db\ntables = a, b,\n c\n"
               "[filter tight]\nplugin = squeeze\nlevel = 5\n[destination disk]\nplugin = disk\npath = /x\n");
    exhaust(load_config, (void *)(uintptr_t) ".");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_memory_for_manifests),
        cmocka_unit_test(no_memory_for_the_catalog),
        cmocka_unit_test(no_memory_for_judging),
        cmocka_unit_test(no_memory_for_reading),
        cmocka_unit_test(no_memory_for_saving),
        cmocka_unit_test_setup_teardown(no_memory_for_the_configuration, begin, end),
    };
    return cmocka_run_group_tests_name("memory", tests, make_document, NULL);
}
