#include "facts.h"

#include <string.h>

static struct kist_facts_builder *builder_of(const struct kist_facts *facts)
{
    return facts->core;
}

static int key_is_sound(const char *key)
{
    return key && *key && strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(key);
}

/* Puts `value` (its reference goes along) into the innermost open object or list. */
static void put(struct kist_facts_builder *builder, const char *key, json_t *value)
{
    json_t *into = builder->open[builder->depth - 1];
    int failed = 0;
    if (!value)
        failed = 1;
    else if (json_is_array(into) && !key)
        failed = json_array_append_new(into, value);
    else if (json_is_object(into) && key_is_sound(key))
        failed = json_object_set_new(into, key, value);
    else {
        json_decref(value);
        failed = 1;
    }
    if (failed && !builder->wrong)
        builder->wrong = key ? "a fact that is no UTF-8, has an odd name, or is misplaced" : "a misplaced fact";
}

static void text(const struct kist_facts *facts, const char *key, const char *value)
{
    put(builder_of(facts), key, json_string(value));
}

static void number(const struct kist_facts *facts, const char *key, int64_t value)
{
    put(builder_of(facts), key, json_integer(value));
}

static void begin(struct kist_facts_builder *builder, const char *key, json_t *value)
{
    put(builder, key, value);
    if (builder->depth == KIST_FACTS_DEPTH)
        builder->wrong = "facts nested too deeply";
    else if (value && !builder->wrong)
        builder->open[builder->depth++] = value;
}

static void begin_object(const struct kist_facts *facts, const char *key)
{
    begin(builder_of(facts), key, json_object());
}

static void begin_list(const struct kist_facts *facts, const char *key)
{
    begin(builder_of(facts), key, json_array());
}

static void end(const struct kist_facts *facts)
{
    struct kist_facts_builder *builder = builder_of(facts);
    if (builder->depth > 1)
        builder->depth--;
    else if (!builder->wrong)
        builder->wrong = "an end without a beginning";
}

int kist_facts_init(struct kist_facts_builder *builder, struct kist_error *err)
{
    *builder = (struct kist_facts_builder){
        .facts = {.struct_size = sizeof(struct kist_facts),
                  .core = builder,
                  .text = text,
                  .number = number,
                  .begin_object = begin_object,
                  .begin_list = begin_list,
                  .end = end},
        .open = {json_object()},
        .depth = 1,
    };
    return builder->open[0] ? 0 : kist_fail(err, KIST_ERR_FAILED, "out of memory for facts");
}

int kist_facts_take(struct kist_facts_builder *builder, json_t **ret_json, struct kist_error *err)
{
    if (builder->wrong || builder->depth != 1)
        return kist_fail(err, KIST_ERR_BUG, "the source told %s",
                         builder->wrong ? builder->wrong : "facts without an end");
    *ret_json = builder->open[0];
    builder->open[0] = NULL;
    return 0;
}

void kist_facts_done(struct kist_facts_builder *builder)
{
    json_decref(builder->open[0]);
    builder->open[0] = NULL;
}
