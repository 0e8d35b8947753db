#include "item_name.h"
#include "instance.h"
#include "key.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

/* The value of one {word}, as a piece of a file name; NULL when there is no such word. New. */
static char *value_of(const char *word, size_t length, const char *pipeline, const struct kist_item *item,
                      const char *id)
{
    const struct {
        const char *word, *value;
        size_t limit; /* bytes of the value that count */
    } known[] = {
        {"pipeline", pipeline, SIZE_MAX},
        {"id", id, SIZE_MAX},
        {"time", id, SIZE_MAX},
        {"date", id, sizeof "2026-11-21" - 1},
        {"database", item->database ? item->database : item->name, SIZE_MAX},
        {"item", item->name, SIZE_MAX},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strlen(known[i].word) == length && memcmp(known[i].word, word, length) == 0) {
            char *cut = strndup(known[i].value, known[i].limit);
            char *name = cut ? kist_key_component(cut) : NULL;
            free(cut);
            return name;
        }
    return NULL;
}

static int add_pattern(struct kist_text *text, const char *pattern, const char *pipeline,
                       const struct kist_item *item, const char *id, struct kist_error *err)
{
    for (const char *c = pattern; *c;) {
        const char *end = *c == '{' ? strchr(c, '}') : NULL;
        if (!end) {
            kist_text_add_char(text, *c++);
            continue;
        }
        char *value = value_of(c + 1, (size_t)(end - c - 1), pipeline, item, id);
        if (!value) {
            kist_fail(err, KIST_ERR_CONFIG, "name = %s: '%.*s' stands for nothing", pattern, (int)(end - c + 1),
                      c);
            kist_hint(err, "use {pipeline}, {id}, {time}, {date}, {database} or {item}");
            return KIST_ERR_CONFIG;
        }
        kist_text_add(text, value);
        free(value);
        c = end + 1;
    }
    return 0;
}

int kist_item_name(const struct kist_config_pipeline *pipeline, const struct kist_item *item, const char *id,
                   char **ret_name, struct kist_error *err)
{
    KIST_CLEANUP_TEXT struct kist_text text = KIST_TEXT_INIT;
    int code = pipeline->item_name ? add_pattern(&text, pipeline->item_name, pipeline->name, item, id, err) : 0;
    if (code)
        return code;
    int objects = (kist_source_features(pipeline->source) & KIST_SOURCE_OBJECTS) != 0;
    if (pipeline->item_name && objects)
        kist_text_add(&text, "/");
    if (!pipeline->item_name || objects)
        kist_text_add(&text, item->name);
    for (size_t i = 0; i < pipeline->filter_count; i++)
        kist_text_add(&text, pipeline->filters[i]->plugin->as.filter.suffix);
    char *name = kist_text_take(&text);
    if (!name)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    code = kist_key_check(name, err);
    if (code) {
        free(name);
        return kist_fail(err, KIST_ERR_CONFIG, "the source's item '%s' makes no sound file name", item->name);
    }
    *ret_name = name;
    return 0;
}
