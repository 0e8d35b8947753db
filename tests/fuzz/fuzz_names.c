/* Any text as a key, an id, a time, a pattern for names or the name of a backup: no crash, and what is accepted has the
 * promised form. */
#include "backup_id.h"
#include "item_name.h"
#include "key.h"
#include "listing.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int truth)
{
    if (!truth)
        abort();
}

static void check_key(const char *text)
{
    struct kist_error err = KIST_ERROR_INIT;
    if (kist_key_check(text, &err) == 0) {
        expect(*text && strlen(text) <= KIST_KEY_MAX && text[0] != '/' && text[strlen(text) - 1] != '/');
        expect(!strstr(text, "//") && !strstr(text, "/../") && !strstr(text, "/./"));
        expect(strncmp(text, "../", 3) != 0 && strcmp(text, "..") != 0);
    }
    char *name = kist_key_component(text), *joined = kist_key_join("", text, "x", NULL);
    expect(name && joined && !strchr(name, '/') && name[0] != '.' && name[0] != '-');
    expect(kist_key_is_below(joined, text) || !*text);
    free(name);
    free(joined);
    kist_error_done(&err);
}

static void check_times(const char *text)
{
    char again[KIST_ID_LENGTH + 1];
    int64_t seconds = -1;
    if (kist_id_parse(text, &seconds)) {
        kist_id_of_time(seconds, again);
        expect(strcmp(again, text) == 0 && strlen(text) == KIST_ID_LENGTH);
    }
    if (kist_time_parse(text, &seconds)) {
        kist_time_text(seconds, again);
        expect(strcmp(again, text) == 0);
    }
}

/* `features`: of the source. */
static void check_patterns(const char *text, uint64_t features)
{
    struct kist_error err = KIST_ERROR_INIT;
    const struct kist_plugin plugin = {.kind = KIST_KIND_SOURCE, .name = "any", .features = features};
    const struct kist_config_section source = {.name = "any", .plugin = &plugin};
    struct kist_config_pipeline pipeline = {.name = "shop", .item_name = text, .source = &source};
    const struct kist_item items[] = {{.name = "shop.dump", .database = "shop"}, {.name = text, .database = text}};
    const struct kist_config config = {.pipelines = &pipeline, .pipeline_count = 1};
    struct kist_backup_name backup;
    for (size_t i = 0; i < 2; i++) {
        char *name = NULL;
        if (kist_item_name(&pipeline, &items[i], "2026-11-21T02-00-00Z", &name, &err) == 0)
            expect(kist_key_check(name, &err) == 0);
        free(name);
        pipeline.item_name = "{database}-{item}";
    }
    if (kist_backup_name_parse(&config, text, &backup, &err) == 0)
        expect(backup.pipeline == &pipeline && (!backup.id[0] || kist_id_parse(backup.id, NULL)));
    kist_error_done(&err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    expect(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    check_key(text);
    check_times(text);
    check_patterns(text, 0);
    check_patterns(text, KIST_SOURCE_OBJECTS);
    free(text);
    return 0;
}
