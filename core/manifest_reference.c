#include "manifest.h"
#include "text.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The texts of a reference, each with its name in a manifest. */
static const struct text_row {
    const char *name;
    size_t offset;
    int required;
} rows[KIST_REFERENCE_TEXTS] = {
    {"provider", offsetof(struct kist_reference, provider), 1},
    {"kind", offsetof(struct kist_reference, kind), 1},
    {"id", offsetof(struct kist_reference, id), 1},
    {"name", offsetof(struct kist_reference, name), 1},
    {"account", offsetof(struct kist_reference, account), 0},
    {"region", offsetof(struct kist_reference, region), 0},
    {"state", offsetof(struct kist_reference, state), 1},
    {"stock_restore", offsetof(struct kist_reference, stock_restore), 0},
};

static const char *get_text(const struct kist_reference *reference, const struct text_row *row)
{
    const char *text = NULL;
    memcpy(&text, (const char *)reference + row->offset, sizeof text);
    return text;
}

static void set_text(struct kist_reference *reference, const struct text_row *row, const char *text)
{
    memcpy((char *)reference + row->offset, &text, sizeof text);
}

void kist_reference_free(struct kist_manifest_reference *reference)
{
    for (size_t i = 0; reference && i < KIST_REFERENCE_TEXTS; i++)
        free(reference->texts[i]);
    free(reference);
}

static struct kist_manifest_reference *new_reference(struct kist_error *err)
{
    struct kist_manifest_reference *reference = calloc(1, sizeof *reference);
    if (!reference) {
        kist_fail(err, KIST_ERR_FAILED, "out of memory for a reference");
        return NULL;
    }
    reference->as.struct_size = sizeof reference->as;
    reference->as.size = -1;
    return reference;
}

int kist_reference_copy(const struct kist_reference *given, struct kist_manifest_reference **ret_reference,
                        struct kist_error *err)
{
    struct kist_reference whole = {.size = -1};
    memcpy(&whole, given, given->struct_size < sizeof whole ? given->struct_size : sizeof whole);
    struct kist_manifest_reference *reference = new_reference(err);
    if (!reference)
        return KIST_ERR_FAILED;
    int code = 0;
    reference->as.time_ms = whole.time_ms;
    reference->as.until_ms = whole.until_ms;
    reference->as.size = whole.size < 0 ? -1 : whole.size;
    for (size_t i = 0; i < KIST_REFERENCE_TEXTS && !code; i++) {
        const char *text = get_text(&whole, &rows[i]);
        if (rows[i].required && (!text || !text[0]))
            code = kist_fail(err, KIST_ERR_BUG, "the plugin gave a reference without its '%s'", rows[i].name);
        else if (text && !kist_utf8_valid(text, strlen(text)))
            code =
                kist_fail(err, KIST_ERR_BUG, "the plugin gave a reference whose '%s' is not UTF-8", rows[i].name);
        else if (text && !(reference->texts[i] = strdup(text)))
            code = kist_fail(err, KIST_ERR_FAILED, "out of memory for a reference");
        set_text(&reference->as, &rows[i], reference->texts[i]);
    }
    if (code)
        kist_reference_free(reference);
    else
        *ret_reference = reference;
    return code;
}

/* ---- JSON ---- */

static int set_time(json_t *json, const char *name, int64_t ms)
{
    char text[KIST_TIME_LENGTH + 1];
    if (ms <= 0)
        return 0;
    kist_time_text(ms / 1000, text);
    return json_object_set_new(json, name, json_string(text));
}

json_t *kist_reference_json(const struct kist_reference *reference)
{
    json_t *json = json_object();
    int failed = !json;
    for (size_t i = 0; i < KIST_REFERENCE_TEXTS && !failed; i++) {
        const char *text = get_text(reference, &rows[i]);
        failed = text && json_object_set_new(json, rows[i].name, json_string(text));
    }
    failed = failed || set_time(json, "time", reference->time_ms) || set_time(json, "until", reference->until_ms);
    if (!failed && reference->size >= 0)
        failed = json_object_set_new(json, "size", json_integer((json_int_t)reference->size));
    if (!failed)
        return json;
    json_decref(json);
    return NULL;
}

static int read_time(json_t *json, const char *name, int64_t *ret_ms)
{
    int64_t seconds = 0;
    const json_t *value = json_object_get(json, name);
    const char *text = json_string_value(value);
    if (value && (!text || !kist_time_parse(text, &seconds)))
        return -1;
    *ret_ms = seconds * 1000;
    return 0;
}

/* The name of the first field that is not as it should be, or NULL. Without memory it is the one that found none. */
static const char *read_fields(json_t *json, struct kist_manifest_reference *reference)
{
    const json_t *size = json_object_get(json, "size");
    for (size_t i = 0; i < KIST_REFERENCE_TEXTS; i++) {
        const json_t *value = json_object_get(json, rows[i].name);
        const char *text = json_string_value(value);
        if (value ? !text || strlen(text) != json_string_length(value) || (rows[i].required && !text[0])
                  : rows[i].required)
            return rows[i].name;
        if (text && !(reference->texts[i] = strdup(text)))
            return rows[i].name;
        set_text(&reference->as, &rows[i], reference->texts[i]);
    }
    if (size && (!json_is_integer(size) || json_integer_value(size) < 0))
        return "size";
    reference->as.size = size ? json_integer_value(size) : -1;
    if (read_time(json, "time", &reference->as.time_ms))
        return "time";
    return read_time(json, "until", &reference->as.until_ms) ? "until" : NULL;
}

int kist_reference_parse(json_t *json, struct kist_manifest_reference **ret_reference, struct kist_error *err)
{
    struct kist_manifest_reference *reference = new_reference(err);
    if (!reference)
        return KIST_ERR_FAILED;
    const char *wrong = json_is_object(json) ? read_fields(json, reference) : "reference";
    if (wrong) {
        kist_reference_free(reference);
        return kist_fail(err, KIST_ERR_CORRUPT, "the field '%s' of a reference is missing or not as it should be",
                         wrong);
    }
    *ret_reference = reference;
    return 0;
}

/* ---- in words ---- */

char *kist_reference_text(const struct kist_reference *reference)
{
    KIST_CLEANUP_TEXT struct kist_text text = KIST_TEXT_INIT;
    kist_text_printf(&text, "%s %s of %s", reference->kind, reference->id, reference->provider);
    if (reference->account)
        kist_text_printf(&text, " %s", reference->account);
    if (reference->region)
        kist_text_printf(&text, " in %s", reference->region);
    return kist_text_take(&text);
}

int kist_manifest_has_references(const struct kist_manifest *manifest)
{
    for (size_t i = 0; i < manifest->item_count; i++)
        if (manifest->items[i].reference)
            return 1;
    return 0;
}

/* A manifest may name as many providers as it has items, and nobody waits for a list of them all. */
#define PROVIDERS_NAMED 16

char *kist_manifest_held_by(const struct kist_manifest *manifest)
{
    KIST_CLEANUP_TEXT struct kist_text text = KIST_TEXT_INIT;
    const char *seen[PROVIDERS_NAMED];
    size_t count = 0;
    for (size_t i = 0; i < manifest->item_count && count < PROVIDERS_NAMED; i++) {
        const struct kist_manifest_reference *reference = manifest->items[i].reference;
        size_t k = 0;
        while (reference && k < count && strcmp(seen[k], reference->as.provider) != 0)
            k++;
        if (!reference || k < count)
            continue;
        seen[count++] = reference->as.provider;
        kist_text_printf(&text, "%s%s", k ? ", " : "", reference->as.provider);
    }
    return count ? kist_text_take(&text) : NULL;
}

int kist_manifest_has_lapsed(const struct kist_manifest *manifest, int64_t now_ms)
{
    int lapsed = 0;
    for (size_t i = 0; i < manifest->item_count; i++) {
        const struct kist_manifest_reference *reference = manifest->items[i].reference;
        if (!reference || !reference->as.until_ms || reference->as.until_ms > now_ms)
            return 0;
        lapsed = 1;
    }
    return lapsed;
}
