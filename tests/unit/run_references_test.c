/* References in a run: made one after the other, each given just once, and nothing is stored, read or reused of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fakes.h"
#include "run_items.h"

#define ID "2026-11-21T02-00-00Z"
#define MOST 4

/* A provider, and the source that asks it. */
struct provider {
    const char *items[MOST]; /* "=NAME" is stored */
    size_t count;
    int gives; /* how often it gives a reference */
    int code;  /* what it returns then */
    int nameless;
    /* out: */
    char made[200];
    int instances, read;
    const struct kist_backup *backup;
};

struct open_provider {
    const struct kist_host *host;
    struct provider *provider;
    size_t left;
};

static int provider_open(const struct kist_host *host, const void *config, void **ret_self, struct kist_error *err)
{
    struct open_provider *open = calloc(1, sizeof *open);
    (void)err;
    assert_non_null(open);
    *open = (struct open_provider){.host = host, .provider = (struct provider *)(uintptr_t)config};
    open->provider->instances++;
    *ret_self = open;
    return 0;
}

static void provider_close(void *self)
{
    ((struct open_provider *)self)->provider->instances--;
    free(self);
}

static int provider_begin(void *self, const struct kist_backup *backup, struct kist_error *err)
{
    (void)err;
    ((struct open_provider *)self)->provider->backup = backup;
    return 0;
}

static int provider_items(void *self, kist_item_fn give, void *arg, struct kist_error *err)
{
    const struct provider *provider = ((struct open_provider *)self)->provider;
    int code = 0;
    (void)err;
    for (size_t i = 0; i < provider->count && !code; i++) {
        int stored = provider->items[i][0] == '=';
        /* Nothing of what is only there at restore is looked at. */
        const struct kist_item item = {.struct_size = sizeof item,
                                       .flags = stored ? 0 : KIST_ITEM_REFERENCE,
                                       .name = provider->items[i] + stored,
                                       .version = "v1",
                                       .size_estimate = -1,
                                       .reference = (const struct kist_reference *)self};
        code = give(arg, &item);
    }
    return code;
}

static int provider_make(void *self, const struct kist_item *item, kist_reference_fn give, void *arg,
                         struct kist_error *err)
{
    const struct open_provider *open = self;
    struct provider *provider = open->provider;
    char id[50];
    int code = 0;
    assert_null(item->reference);
    snprintf(id, sizeof id, "id of %s", item->name);
    strcat(provider->made, item->name);
    strcat(provider->made, " ");
    const struct kist_reference reference = {.struct_size = sizeof reference,
                                             .provider = "fake\nprovider",
                                             .kind = "branch",
                                             .id = provider->nameless ? NULL : id,
                                             .name = "n",
                                             .state = "ready",
                                             .size = 1 << 20};
    for (int i = 0; i < provider->gives && !code; i++)
        code = give(arg, &reference);
    if (!code && provider->code)
        code = (open->host->fail)(open->host, err, provider->code, "no quota");
    return code;
}

static int provider_read_begin(void *self, const struct kist_item *item, void **ret_reader, struct kist_error *err)
{
    struct open_provider *open = self;
    (void)err;
    assert_int_equal(item->flags, 0);
    open->provider->read++;
    open->left = 100;
    *ret_reader = self;
    return 0;
}

static int provider_read(void *reader, void *data, size_t capacity, size_t *ret_size, struct kist_error *err)
{
    struct open_provider *open = reader;
    (void)err;
    *ret_size = open->left < capacity ? open->left : capacity;
    memset(data, 'x', *ret_size);
    open->left -= *ret_size;
    return 0;
}

static void provider_read_end(void *reader)
{
    (void)reader;
}

static int no_about(void *reader, kist_item_fn give, void *arg, struct kist_error *err)
{
    (void)reader;
    (void)give;
    (void)arg;
    (void)err;
    return 0;
}

static struct kist_plugin provider_plugin = {
    .kind = KIST_KIND_SOURCE,
    .name = "provider",
    .about = {.name = "provider", .version = "1"},
    .as.source = {.open = provider_open,
                  .close = provider_close,
                  .items = provider_items,
                  .backup_begin = provider_begin,
                  .reference_make = provider_make,
                  .read_begin = provider_read_begin,
                  .read = provider_read,
                  .read_end = provider_read_end,
                  .read_about = no_about},
};

static struct provider provider;
static struct fake_disk disk;
static struct fake_filter filter;
static struct kist_config_section source, filter_section, destination;
static const struct kist_config_section *filters[] = {&filter_section}, *destinations[] = {&destination};
static struct kist_config_pipeline shop;
static const struct kist_backup backup = {
    .struct_size = sizeof backup, .pipeline = "shop", .id = ID, .owner = "me"};
static struct kist_run_items items;
static struct kist_manifest manifest;
static struct kist_cancel *cancel;
static struct kist_error err = KIST_ERROR_INIT;

static int setup(void **state)
{
    (void)state;
    provider = (struct provider){.gives = 1};
    filter = (struct fake_filter){.block_size = 1000, .key = 7, .header = 1};
    provider_plugin.features = KIST_SOURCE_REFERENCES;
    source = fake_section(&provider_plugin, "src", &provider);
    fake_disk_init(&disk);
    filter_section = fake_section(&fake_filter_plugin, "squeeze", &filter);
    destination = fake_section(&fake_disk_plugin, "disk", &disk);
    shop = (struct kist_config_pipeline){.name = "shop",
                                         .source = &source,
                                         .filters = filters,
                                         .filter_count = 1,
                                         .destinations = destinations,
                                         .destination_count = 1,
                                         .require = KIST_REQUIRE_ALL,
                                         .parallel = 2,
                                         .reuse = 1};
    return kist_cancel_new(NULL, &cancel, &err);
}

static int teardown(void **state)
{
    (void)state;
    kist_run_items_close(&items);
    kist_manifest_done(&manifest);
    kist_cancel_free(cancel);
    fake_disk_done(&disk);
    kist_error_clear(&err);
    assert_int_equal(provider.instances, 0);
    return 0;
}

static int open_items(void)
{
    return kist_run_items_open(&shop, &backup, NULL, cancel, &items, &err);
}

/* As a run does it, up to the manifest. */
static int run(void)
{
    struct kist_targets targets = {0};
    assert_int_equal(kist_targets_open(&shop, "me", cancel, &targets, &err), 0);
    int code = open_items();
    if (!code)
        code = kist_run_items_reuse(&items, &targets, &err);
    if (!code)
        code = kist_run_items_make(&items, cancel, &err);
    if (!code)
        code = kist_run_items_save(&items, &targets, &manifest, cancel, 1, &err);
    kist_targets_close(&targets);
    return code;
}

static void add(const char *name)
{
    provider.items[provider.count++] = name;
}

static void made_in_order_and_before_all_else(void **state)
{
    (void)state;
    add("b");
    add("=stored");
    add("a");
    assert_int_equal(run(), 0);
    assert_string_equal(provider.made, "b a ");
    assert_ptr_equal(provider.backup, &backup);
    assert_int_equal(provider.read, 1);
    assert_int_equal(items.held, 2);
    assert_true(items.making);
    /* Only what is stored has a key. */
    assert_int_equal(items.key_count, 2);
    assert_string_equal(items.keys[0], "shop/" ID "/stored.fk");
    assert_int_equal(fake_disk_count(&disk, "shop/"), 1);
    assert_int_equal(manifest.item_count, 3);
    assert_string_equal(manifest.items[0].name, "b");
    assert_string_equal(manifest.items[0].reference->as.id, "id of b");
    assert_null(manifest.items[0].key);
    assert_int_equal(manifest.items[0].raw.size, 1 << 20);
    assert_int_equal(manifest.items[0].stored.size, 0);
    assert_string_equal(manifest.items[1].key, "shop/" ID "/stored.fk");
    assert_null(manifest.items[1].reference);
    assert_int_equal(manifest.items[1].raw.size, 100);
    assert_string_equal(manifest.items[2].reference->as.id, "id of a");
}

static void nothing_is_opened_for_nothing(void **state)
{
    (void)state;
    add("only");
    filter.fail_header = KIST_ERR_FAILED;
    assert_int_equal(run(), 0);
    assert_int_equal(items.filter_count, 0);
    assert_int_equal(provider.read, 0);
    assert_int_equal(filter.encoders + filter.workers, 0);
    assert_int_equal(fake_disk_count(&disk, ""), 0);
    assert_int_equal(manifest.item_count, 1);
}

static void given_more_or_less_than_once(void **state)
{
    (void)state;
    add("a");
    provider.gives = 0;
    assert_int_equal(run(), KIST_ERR_BUG);
    assert_non_null(strstr(err.message, "did not give it"));
    assert_non_null(strstr(err.message, "'a'"));
    assert_true(items.making);
    kist_run_items_close(&items);
    provider.gives = 2;
    assert_int_equal(run(), KIST_ERR_BUG);
    assert_non_null(strstr(err.message, "more than one"));
    kist_run_items_close(&items);
    provider.gives = 1;
    provider.nameless = 1;
    assert_int_equal(run(), KIST_ERR_BUG);
    assert_non_null(strstr(err.message, "without its 'id'"));
}

static void a_failure_ends_it(void **state)
{
    (void)state;
    add("a");
    add("b");
    provider.code = KIST_ERR_NO_SPACE;
    /* It was given, and is of no use for all that. */
    assert_int_equal(run(), KIST_ERR_NO_SPACE);
    assert_non_null(strstr(err.message, "shop/src(provider): no quota"));
    assert_string_equal(provider.made, "a ");
}

static void told_to_stop(void **state)
{
    (void)state;
    add("a");
    kist_cancel_set(cancel);
    assert_int_equal(open_items(), 0);
    assert_int_equal(kist_run_items_make(&items, cancel, &err), KIST_ERR_CANCELLED);
    assert_string_equal(provider.made, "");
    assert_false(items.making);
}

static void names_that_cannot_be(void **state)
{
    (void)state;
    static const char *const odd[] = {"../a", "/a", "", "a\n", "a/../b", "\xff"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        provider.count = 0;
        add(odd[i]);
        if (open_items() == 0)
            fail_msg("taken: %s", odd[i]);
    }
    provider.count = 0;
    add("a");
    add("=a");
    assert_int_not_equal(open_items(), 0);
    assert_non_null(strstr(err.message, "two items of the backup are called 'a'"));
    /* A source that says that it has none. */
    provider.count = 1;
    provider_plugin.features = 0;
    assert_int_equal(open_items(), KIST_ERR_BUG);
    assert_string_equal(provider.made, "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(made_in_order_and_before_all_else),
        TEST(nothing_is_opened_for_nothing),
        TEST(given_more_or_less_than_once),
        TEST(a_failure_ends_it),
        TEST(told_to_stop),
        TEST(names_that_cannot_be),
    };
    return cmocka_run_group_tests_name("references of a run", tests, NULL, NULL);
}
