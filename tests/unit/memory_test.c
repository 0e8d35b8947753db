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
#include "out_of_memory.h"
#include "pull.h"
#include "restore_notes.h"
#include "run_items.h"
#include "transfer.h"

#define ID "2026-11-21T02-00-00Z"

/* ---- a store with one small object, and one that takes everything ---- */

struct memory {
    char *text; /* of the object that is read */
    size_t size, done;
    size_t written;
};

static int open_memory(const struct kist_host *host, const void *config, void **ret_self, struct kist_error *err)
{
    (void)host;
    (void)err;
    *ret_self = (void *)(uintptr_t)config;
    return 0;
}

static void close_memory(void *self)
{
    (void)self;
}

static int put_begin(void *self, const struct kist_put *put, void **ret_writer, struct kist_error *err)
{
    (void)put;
    (void)err;
    ((struct memory *)self)->written = 0;
    *ret_writer = self;
    return 0;
}

static int put_write(void *writer, const void *data, size_t size, struct kist_error *err)
{
    (void)data;
    (void)err;
    ((struct memory *)writer)->written += size;
    return 0;
}

static int put_commit(void *writer, uint64_t size, struct kist_error *err)
{
    (void)err;
    return ((struct memory *)writer)->written == size ? 0 : KIST_ERR_FAILED;
}

static int get_begin(void *self, const char *key, uint64_t offset, void **ret_reader, struct kist_error *err)
{
    (void)key;
    (void)offset;
    (void)err;
    ((struct memory *)self)->done = 0;
    *ret_reader = self;
    return 0;
}

static int get_read(void *reader, void *data, size_t capacity, size_t *ret_size, struct kist_error *err)
{
    struct memory *memory = reader;
    size_t left = memory->size - memory->done;
    (void)err;
    *ret_size = left < capacity ? left : capacity;
    memcpy(data, memory->text + memory->done, *ret_size);
    memory->done += *ret_size;
    return 0;
}

static int list(void *self, const char *prefix, kist_object_fn give, void *arg, struct kist_error *err)
{
    static const char *const keys[] = {"_kist/shop/" ID ".json", "_kist/shop/2026-11-22T02-00-00Z.pending",
                                       "_kist/shop/2026-11-20T02-00-00Z.json"};
    int code = 0;
    (void)self;
    (void)prefix;
    (void)err;
    for (size_t i = 0; i < 3 && !code; i++)
        code =
            give(arg, &(struct kist_object){.struct_size = sizeof(struct kist_object), .key = keys[i], .size = 1});
    return code;
}

static int get_about(void *reader, kist_object_fn give, void *arg, struct kist_error *err)
{
    (void)reader;
    (void)err;
    return give(arg, &(struct kist_object){.struct_size = sizeof(struct kist_object), .key = "x", .etag = "1"});
}

static const struct kist_plugin memory_plugin = {
    .kind = KIST_KIND_DESTINATION,
    .name = "memory",
    .about = {.name = "memory", .version = "1"},
    .as.destination = {.open = open_memory,
                       .close = close_memory,
                       .put_begin = put_begin,
                       .put_write = put_write,
                       .put_commit = put_commit,
                       .put_abort = close_memory,
                       .get_begin = get_begin,
                       .get_read = get_read,
                       .get_end = close_memory,
                       .get_about = get_about,
                       .list = list},
};

static int read_begin(void *self, const struct kist_item *item, void **ret_reader, struct kist_error *err)
{
    (void)item;
    (void)err;
    ((struct memory *)self)->done = 0;
    *ret_reader = self;
    return 0;
}

static int items(void *self, kist_item_fn give, void *arg, struct kist_error *err)
{
    (void)self;
    (void)err;
    return give(arg, &(struct kist_item){.struct_size = sizeof(struct kist_item),
                                         .name = "shop.dump",
                                         .format = "custom",
                                         .database = "shop",
                                         .stock_restore = "psql"});
}

static int tell_facts(void *self, const struct kist_facts *facts, struct kist_error *err)
{
    (void)self;
    (void)err;
    facts->text(facts, "database", "shop");
    facts->begin_list(facts, "tables");
    facts->number(facts, NULL, 3);
    facts->end(facts);
    return 0;
}

static int read_about(void *reader, kist_item_fn give, void *arg, struct kist_error *err)
{
    (void)reader;
    (void)err;
    return give(arg,
                &(struct kist_item){.struct_size = sizeof(struct kist_item), .name = "shop.dump", .version = "1"});
}

static const struct kist_plugin reading_plugin = {
    .kind = KIST_KIND_SOURCE,
    .name = "memory",
    .about = {.name = "memory", .version = "1"},
    .as.source = {.open = open_memory,
                  .close = close_memory,
                  .read_begin = read_begin,
                  .read = get_read,
                  .read_end = close_memory,
                  .read_about = read_about,
                  .items = items,
                  .facts = tell_facts},
};

static struct kist_config_section section_of(const struct kist_plugin *plugin, struct memory *memory)
{
    return (struct kist_config_section){
        .kind = plugin->kind, .name = "mem", .plugin = plugin, .config = memory, .prefix = ""};
}

/* ---- the work ---- */

static int parse_and_format(void *arg, int *ret_whole, struct kist_error *err)
{
    const struct memory *memory = arg;
    struct kist_manifest manifest = {0};
    char *text = NULL;
    size_t size = 0;
    int code = kist_manifest_parse(memory->text, memory->size, "shop", ID, &manifest, err);
    if (!code)
        code = kist_manifest_format(&manifest, &text, &size, err);
    *ret_whole = !code && size == memory->size && memcmp(text, memory->text, size) == 0;
    free(text);
    kist_manifest_done(&manifest);
    return code;
}

static int read_catalog(void *arg, int *ret_whole, struct kist_error *err)
{
    struct kist_config_section section = section_of(&memory_plugin, arg);
    struct kist_store *store = NULL;
    struct kist_catalog catalog = {0};
    struct kist_manifest manifest = {0};
    char *keys[] = {(char *)(uintptr_t) "shop/" ID "/a"};
    int code = kist_store_open(&section, "shop", NULL, &store, err);
    if (!code)
        code = kist_catalog_read(store, "shop", &catalog, err);
    if (!code)
        code = kist_catalog_load(store, "shop", ID, &manifest, err);
    if (!code)
        code = kist_catalog_begin(store, "shop", ID, "me", keys, 1, err);
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
    struct kist_run_items run_items = {0};
    struct kist_targets targets = {0};
    struct kist_cancel *cancel = NULL;
    char *notes = NULL;
    int code = kist_cancel_new(NULL, &cancel, err);
    if (!code)
        code = kist_targets_open(&pipeline, "me", cancel, &targets, err);
    if (!code)
        code = kist_run_items_open(&pipeline, ID, cancel, &run_items, err);
    if (!code)
        code = kist_run_items_save(&run_items, &targets, &manifest, cancel, 1, err);
    if (!code)
        code = kist_run_items_facts(&run_items, &manifest.facts, err);
    if (!code)
        code = kist_restore_notes_format(&manifest, &pipeline, &notes, err);
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

static char document[2000];

/* A manifest of one item, without the help of what is tested. */
static int make_document(void **state)
{
    struct kist_error err = KIST_ERROR_INIT;
    char sha256[KIST_SHA256_HEX + 1];
    struct kist_manifest manifest = {.id = ID};
    struct kist_manifest_item item = {
        .name = (char *)(uintptr_t) "a",
        .key = (char *)(uintptr_t) "shop/a",
        .format = (char *)(uintptr_t) "custom",
        .filters = &(struct kist_manifest_filter){(char *)(uintptr_t) "gzip", (char *)(uintptr_t) "1"},
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
    manifest.items = &item;
    manifest.item_count = 1;
    manifest.notes_key = (char *)(uintptr_t) "shop/RESTORE.txt";
    char *text = NULL;
    size_t size = 0;
    int code = kist_manifest_format(&manifest, &text, &size, &err);
    if (!code)
        snprintf(document, sizeof document, "%s", text);
    free(text);
    json_decref(manifest.labels);
    json_decref(manifest.facts);
    return code;
}

static void no_memory_for_manifests(void **state)
{
    (void)state;
    exhaust(parse_and_format, &(struct memory){.text = document, .size = strlen(document)});
}

static void no_memory_for_the_catalog(void **state)
{
    (void)state;
    exhaust(read_catalog, &(struct memory){.text = document, .size = strlen(document)});
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
        cmocka_unit_test(no_memory_for_reading),
        cmocka_unit_test(no_memory_for_saving),
        cmocka_unit_test_setup_teardown(no_memory_for_the_configuration, begin, end),
    };
    return cmocka_run_group_tests_name("memory", tests, make_document, NULL);
}
