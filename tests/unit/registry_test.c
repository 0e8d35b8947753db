/* From a name to a plugin that can be used: faults 36 to 39 of the catalogue of bad input. */
#include "plugin_files.h"

#include "log.h"
#include "registry.h"

static struct plugin_files files;
static struct kist_error err = KIST_ERROR_INIT;
static struct kist_registry *registry;
static const struct kist_plugin *plugin;

static int setup(void **state)
{
    (void)state;
    plugin_files_init(&files);
    const char *dirs[] = {files.dir};
    return kist_registry_new(dirs, 1, &registry, &err);
}

static int teardown(void **state)
{
    (void)state;
    kist_registry_free(registry);
    kist_error_clear(&err);
    plugin_files_done(&files);
    return 0;
}

static int find(uint32_t kind, const char *name)
{
    kist_error_clear(&err);
    plugin = NULL;
    int code = kist_registry_find(registry, kind, name, &plugin, &err);
    assert_int_equal(code, err.code);
    assert_int_equal(code == 0, plugin != NULL);
    return code;
}

static void assert_says(const char *text, const char *part)
{
    if (!text || !strstr(text, part))
        fail_msg("'%s' does not say '%s'", text ? text : "(nothing)", part);
}

static void assert_refused(uint32_t kind, const char *name, const char *reason)
{
    char built[128];
    snprintf(built, sizeof built, "%s-%s", kist_kind_name(kind), name);
    plugin_file_copy(&files, built, built);
    assert_int_equal(find(kind, name), KIST_ERR_CONFIG);
    assert_says(err.message, files.path);
    assert_says(err.message, reason);
}

static void a_plugin_is_found_and_kept(void **state)
{
    (void)state;
    plugin_file_copy(&files, "destination-good", "destination-good");
    assert_int_equal(find(KIST_KIND_DESTINATION, "good"), 0);
    const struct kist_plugin *first = plugin;
    assert_int_equal(plugin->kind, KIST_KIND_DESTINATION);
    assert_string_equal(plugin->name, "good");
    assert_string_equal(plugin->path, files.path);
    assert_string_equal(plugin->about.version, "1.0");
    assert_int_equal(plugin->abi_version, 1);
    assert_non_null(plugin->as.destination.check);
    assert_non_null(plugin->as.destination.sweep);
    /* Used again as it was read, although the file has gone. */
    unlink(files.path);
    assert_int_equal(find(KIST_KIND_DESTINATION, "good"), 0);
    assert_ptr_equal(plugin, first);
}

static void options_are_read(void **state)
{
    (void)state;
    struct kist_option option;
    plugin_file_copy(&files, "destination-good", "destination-good");
    assert_int_equal(find(KIST_KIND_DESTINATION, "good"), 0);
    assert_int_equal(kist_plugin_option(plugin, 0, &option), 1);
    assert_string_equal(option.name, "path");
    assert_string_equal(option.help, "");
    assert_int_equal(kist_plugin_option(plugin, 1, &option), 1);
    assert_string_equal(option.name, "level");
    assert_int_equal(option.max, 9);
    assert_int_equal(kist_plugin_option(plugin, 2, &option), 0);
    assert_int_equal(kist_plugin_option(plugin, 3, &option), 0);
    plugin_file_copy(&files, "notifier-least", "notifier-least");
    assert_int_equal(find(KIST_KIND_NOTIFIER, "least"), 0);
    assert_int_equal(kist_plugin_option(plugin, 0, &option), 0);
}

static void an_older_plugin_gets_defaults(void **state)
{
    (void)state;
    uint64_t swept = 5;
    plugin_file_copy(&files, "destination-old", "destination-old");
    assert_int_equal(find(KIST_KIND_DESTINATION, "old"), 0);
    assert_int_equal(plugin->as.destination.sweep(NULL, &swept, &err), 0);
    assert_int_equal(swept, 0);
    assert_int_equal(plugin->as.destination.check(NULL, &err), 0);
}

static void a_newer_plugin_loses_what_is_new(void **state)
{
    (void)state;
    struct kist_option option;
    plugin_file_copy(&files, "destination-future", "destination-future");
    assert_int_equal(find(KIST_KIND_DESTINATION, "future"), 0);
    assert_int_equal(kist_plugin_option(plugin, 1, &option), 1);
    assert_string_equal(option.name, "level");
    assert_int_equal(option.offset, 8);
    assert_int_equal(kist_plugin_option(plugin, 2, &option), 0);
}

static void each_kind_gets_its_defaults(void **state)
{
    (void)state;
    size_t size = 3;
    int instance = 0;
    void *encoder = NULL;
    plugin_file_copy(&files, "filter-least", "filter-least");
    assert_int_equal(find(KIST_KIND_FILTER, "least"), 0);
    assert_int_equal(plugin->as.filter.encode_begin(&instance, NULL, 0, &size, &encoder, &err), 0);
    assert_int_equal(size, 0);
    assert_ptr_equal(encoder, &instance);
    plugin->as.filter.encode_end(encoder);

    plugin_file_copy(&files, "source-least", "source-least");
    assert_int_equal(find(KIST_KIND_SOURCE, "least"), 0);
    const struct kist_source *source = &plugin->as.source;
    struct kist_restore restore = {.struct_size = sizeof restore, .mode = KIST_RESTORE_APPLY};
    struct kist_item item = {.struct_size = sizeof item};
    void *object = NULL;
    assert_int_equal(source->check(NULL, NULL, &err), 0);
    assert_int_equal(source->facts(NULL, NULL, &err), 0);
    assert_int_equal(source->restore_begin(NULL, &restore, &object, &err), KIST_ERR_UNSUPPORTED);
    assert_says(err.message, "takes nothing back");
    assert_int_equal(source->write_begin(NULL, &item, &object, &err), KIST_ERR_UNSUPPORTED);
    assert_int_equal(source->write(NULL, "", 1, &err), KIST_ERR_UNSUPPORTED);
    assert_int_equal(source->write_commit(NULL, &err), KIST_ERR_UNSUPPORTED);
    source->write_abort(NULL);
    source->restore_end(NULL);
}

static void missing_callbacks_are_all_named(void **state)
{
    (void)state;
    assert_refused(KIST_KIND_DESTINATION, "lacking",
                   "it lacks what a destination must have: 'put_begin', 'remove'");
    /* Who says that it restores has to. */
    assert_refused(KIST_KIND_SOURCE, "restores",
                   "'restore_begin', 'write_begin', 'write', 'write_commit', 'write_abort', 'restore_end'");
}

static void descriptors_that_make_no_sense(void **state)
{
    (void)state;
    assert_refused(KIST_KIND_DESTINATION, "null_name", "'about.name'");
    assert_refused(KIST_KIND_DESTINATION, "bad_name", "it calls itself '../good'");
    assert_refused(KIST_KIND_DESTINATION, "other_name",
                   "it calls itself 'another', but its file name says 'other_name'");
    assert_refused(KIST_KIND_DESTINATION, "abi2", "plugin interface 2");
    assert_refused(KIST_KIND_DESTINATION, "undefined", "undefined symbol");
    assert_refused(KIST_KIND_FILTER, "suffix", "suffix 'gz'");
}

static void option_tables_that_make_no_sense(void **state)
{
    (void)state;
    assert_refused(KIST_KIND_DESTINATION, "option_fit", "'level' does not fit");
    assert_refused(KIST_KIND_DESTINATION, "option_width", "'path' does not fit");
    assert_refused(KIST_KIND_DESTINATION, "option_type", "'path' is of a type that this kist does not know (99)");
    assert_refused(KIST_KIND_DESTINATION, "option_choice", "'path' is a choice of nothing");
    assert_refused(KIST_KIND_DESTINATION, "option_source", "'path' names a source, but not of which plugin");
    assert_refused(KIST_KIND_DESTINATION, "option_twice", "two options called 'path'");
    assert_refused(KIST_KIND_DESTINATION, "option_name", "'Path name'");
    assert_refused(KIST_KIND_DESTINATION, "option_own", "'prefix' has a name that kist itself uses");
    assert_refused(KIST_KIND_DESTINATION, "option_file", "'path_file' is also how 'path' is read from a file");
}

static void names_that_lead_nowhere(void **state)
{
    (void)state;
    plugin_file_copy(&files, "destination-good", "destination-good");
    assert_int_equal(find(KIST_KIND_DESTINATION, "goood"), KIST_ERR_NOT_FOUND);
    assert_string_equal(err.message, "there is no destination plugin 'goood'");
    assert_says(err.hint, "did you mean 'good'?");
    assert_says(err.hint, files.dir);
    assert_int_equal(find(KIST_KIND_FILTER, "good"), KIST_ERR_NOT_FOUND);
    assert_says(err.hint, "there is a destination plugin of that name");
    assert_int_equal(find(KIST_KIND_DESTINATION, "../destination-good"), KIST_ERR_NOT_FOUND);
    assert_int_equal(find(KIST_KIND_DESTINATION, ""), KIST_ERR_NOT_FOUND);
    assert_int_equal(find(77, "good"), KIST_ERR_BUG);
}

static void directories(void **state)
{
    (void)state;
    struct kist_registry *other = NULL;
    const char *relative[] = {"plugins"};
    const char *missing[] = {"/tmp/kist-test-none", files.dir};
    assert_int_equal(kist_registry_new(relative, 1, &other, &err), KIST_ERR_CONFIG);
    assert_says(err.message, "'plugins' has no absolute path");
    assert_int_equal(kist_registry_new(missing, 2, &other, &err), 0);
    assert_int_equal(kist_registry_find(other, KIST_KIND_FILTER, "gzip", &plugin, &err), KIST_ERR_NOT_FOUND);
    assert_says(err.hint, "'/tmp/kist-test-none' (missing)");
    kist_registry_free(other);
    kist_registry_free(NULL);
    char *own = NULL;
    assert_int_equal(kist_registry_own_dir(&own, &err), 0);
    assert_int_equal(own[0], '/');
    assert_non_null(strstr(own, "kist/plugins"));
    free(own);
}

static void the_first_directory_wins(void **state)
{
    (void)state;
    struct plugin_files second;
    struct kist_registry *both = NULL;
    plugin_files_init(&second);
    const char *dirs[] = {files.dir, second.dir};
    plugin_file_copy(&second, "destination-good", "destination-good");
    assert_int_equal(kist_registry_new(dirs, 2, &both, &err), 0);
    assert_int_equal(kist_registry_find(both, KIST_KIND_DESTINATION, "good", &plugin, &err), 0);
    assert_string_equal(plugin->path, second.path);
    kist_registry_free(both);
    /* Also when the first one cannot be used: nothing is chosen behind the user's back. */
    plugin_file_write(&files, "destination-good.so", "", 0);
    assert_int_equal(kist_registry_new(dirs, 2, &both, &err), 0);
    assert_int_equal(kist_registry_find(both, KIST_KIND_DESTINATION, "good", &plugin, &err), KIST_ERR_CONFIG);
    assert_says(err.message, files.path);
    kist_registry_free(both);
    plugin_files_done(&second);
}

struct listing {
    char text[1024];
};

static void give(void *arg, const char *path, const struct kist_plugin *each, const struct kist_error *why)
{
    struct listing *listing = arg;
    size_t length = strlen(listing->text);
    const char *file = strrchr(path, '/') + 1;
    snprintf(listing->text + length, sizeof listing->text - length, "%s %s;", file, each ? "ok" : why->message);
    assert_int_equal(each == NULL, why->code != 0);
}

static void all_are_listed_in_order(void **state)
{
    (void)state;
    struct listing listing = {{0}};
    char expected[512];
    plugin_file_copy(&files, "notifier-least", "notifier-least");
    plugin_file_copy(&files, "source-least", "source-least");
    plugin_file_copy(&files, "destination-good", "destination-good");
    plugin_file_copy(&files, "destination-old", "destination-old");
    plugin_file_copy(&files, "filter-least", "filter-least");
    plugin_file_write(&files, "filter-broken.so", "", 0);
    plugin_file_write(&files, "libssl.so", "", 0);
    plugin_file_write(&files, "nonsense-good.so", "", 0);
    plugin_file_write(&files, "destination-Good.so", "", 0);
    plugin_file_write(&files, "destination-good.so.dpkg-old", "", 0);
    plugin_file_write(&files, "README", "", 0);
    assert_int_equal(kist_registry_each(registry, give, &listing, &err), 0);
    snprintf(expected, sizeof expected,
             "source-least.so ok;filter-broken.so cannot use '%s/filter-broken.so': the file is "
             "empty;filter-least.so ok;"
             "destination-good.so ok;destination-old.so ok;notifier-least.so ok;",
             files.dir);
    assert_string_equal(listing.text, expected);
}

static void kinds_have_names(void **state)
{
    (void)state;
    for (uint32_t kind = KIST_KIND_SOURCE; kind <= KIST_KIND_NOTIFIER; kind++)
        assert_int_equal(kist_kind_of(kist_kind_name(kind)), kind);
    assert_null(kist_kind_name(0));
    assert_null(kist_kind_name(5));
    assert_int_equal(kist_kind_of("sources"), 0);
    assert_int_equal(kist_kind_of(""), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_plugin_is_found_and_kept),
        TEST(options_are_read),
        TEST(an_older_plugin_gets_defaults),
        TEST(a_newer_plugin_loses_what_is_new),
        TEST(each_kind_gets_its_defaults),
        TEST(missing_callbacks_are_all_named),
        TEST(descriptors_that_make_no_sense),
        TEST(option_tables_that_make_no_sense),
        TEST(names_that_lead_nowhere),
        TEST(directories),
        TEST(the_first_directory_wins),
        TEST(all_are_listed_in_order),
        TEST(kinds_have_names),
    };
    return cmocka_run_group_tests_name("registry", tests, NULL, NULL);
}
