#include "restore_notes.h"
#include "instance.h"
#include "text.h"
#include "units.h"

#include <string.h>

/* The item's file as seen from the folder of the notes: an object that was not copied again lies in another one. */
static void add_file(struct kist_text *text, const struct kist_manifest *manifest,
                     const struct kist_manifest_item *item)
{
    const char *below = item->key + strlen(manifest->pipeline) + 1;
    size_t id = strlen(manifest->id);
    if (strncmp(below, manifest->id, id) == 0 && below[id] == '/') {
        /* A name that starts with '-' would be taken for an option. */
        kist_text_add(text, below[id + 1] == '-' ? "./" : "");
        kist_text_add(text, below + id + 1);
    } else {
        kist_text_add(text, "../");
        kist_text_add(text, below);
    }
}

/* In single quotes, so that a shell takes every character as it is. */
static void add_quoted(struct kist_text *text, const char *word)
{
    kist_text_add(text, "'");
    for (const char *c = word; *c; c++) {
        if (*c == '\'')
            kist_text_add(text, "'\\''");
        else
            kist_text_add_char(text, *c);
    }
    kist_text_add(text, "'");
}

/* The decoders of all filters, last applied first, as a pipe. Nothing for an item without filters. */
static void add_decoders(struct kist_text *text, struct kist_instance *const *filters, size_t count)
{
    for (size_t i = count; i-- > 0;) {
        const struct kist_filter *filter = &filters[i]->plugin->as.filter;
        const char *command = filter->decoder_command(filters[i]->self);
        kist_text_printf(text, " | %s", command ? command : filter->stock_decoder);
    }
}

/* ---- what a provider holds ---- */

/* Who holds it, what it is there, and how long it stays. What a provider says is one line, whatever it holds. */
static void add_held(struct kist_text *text, const struct kist_manifest_item *item)
{
    const struct kist_reference *reference = &item->reference->as;
    const struct {
        const char *before, *word;
    } words[] = {{"  ", item->name},
                 {": the ", reference->kind},
                 {" ", reference->id},
                 {", called ", reference->name},
                 {", held by ", reference->provider},
                 {" ", reference->account},
                 {" in ", reference->region}};
    char time[KIST_TIME_LENGTH + 1];
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (words[i].word) {
            kist_text_add(text, words[i].before);
            kist_text_add_printable(text, words[i].word, strlen(words[i].word));
        }
    if (reference->size >= 0)
        kist_text_printf(text, ", %s", kist_size_show((uint64_t)reference->size).text);
    if (reference->time_ms > 0) {
        kist_time_text(reference->time_ms / 1000, time);
        kist_text_printf(text, ", as of %s", time);
    }
    if (reference->until_ms > 0) {
        kist_time_text(reference->until_ms / 1000, time);
        kist_text_printf(text, "; it may be gone from %s on", time);
    }
    kist_text_add(text, "\n");
}

static void add_held_restore(struct kist_text *text, const struct kist_manifest_item *item)
{
    const char *command = item->reference->as.stock_restore;
    if (!command)
        return;
    kist_text_add(text, "    ");
    kist_text_add_printable(text, command, strlen(command));
    kist_text_add(text, "\n");
}

static void add_references(struct kist_text *text, const struct kist_manifest *manifest)
{
    int known = 0;
    kist_text_add(text, "Not in this folder, and in no other place that kist writes to:\n\n");
    for (size_t i = 0; i < manifest->item_count; i++) {
        if (!manifest->items[i].reference)
            continue;
        add_held(text, &manifest->items[i]);
        known |= manifest->items[i].reference->as.stock_restore != NULL;
    }
    kist_text_add(text,
                  "\nThis is no independent copy: it lies with the provider of the database itself, in the same\n"
                  "account, and is lost with it.\n");
    kist_text_add(text, known ? "To restore it, with the provider's own tools and its key:\n\n"
                              : "It is restored with the provider's own tools.\n");
    for (size_t i = 0; i < manifest->item_count && known; i++)
        if (manifest->items[i].reference)
            add_held_restore(text, &manifest->items[i]);
    kist_text_add(text, "\n");
}

/* ---- what is stored ---- */

/* Whoever finds this file needs one thing more than it and the objects. */
static void add_keys(struct kist_text *text, struct kist_instance *const *filters, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (filters[i]->plugin->features & KIST_FILTER_ENCRYPTS)
            kist_text_printf(
                text, "The files are encrypted by '%s': its key, which is not stored here, is needed, too.\n\n",
                filters[i]->plugin->name);
}

static void add_restore(struct kist_text *text, const struct kist_manifest *manifest,
                        struct kist_instance *const *filters, size_t count)
{
    int needs_target = 0;
    for (size_t i = 0; i < manifest->item_count; i++)
        needs_target |= manifest->items[i].stock_restore != NULL;
    if (needs_target)
        kist_text_add(
            text, "2. Restore. TARGET stands for an empty database: a name, or a URL such as\n"
                  "   postgresql://user@host/name. The first line makes a failure anywhere in a pipe count.\n\n");
    else
        kist_text_add(text, "2. Decode. The first line makes a failure anywhere in a pipe count.\n\n");
    kist_text_add(text, "    set -o pipefail\n");
    for (size_t i = 0; i < manifest->item_count; i++) {
        const struct kist_manifest_item *item = &manifest->items[i];
        KIST_CLEANUP_TEXT struct kist_text file = KIST_TEXT_INIT;
        if (item->reference)
            continue;
        add_file(&file, manifest, item);
        text->failed |= kist_text_failed(&file);
        kist_text_add(text, "    cat ");
        add_quoted(text, kist_text_get(&file));
        add_decoders(text, filters, count);
        if (item->stock_restore) {
            kist_text_printf(text, " | %s\n", item->stock_restore);
        } else {
            kist_text_add(text, " > ");
            kist_text_add(text, "restored-");
            add_quoted(text, item->name);
            kist_text_add(text, "\n");
        }
    }
}

static int are_objects(const struct kist_config_pipeline *pipeline)
{
    return pipeline->source && (kist_source_features(pipeline->source) & KIST_SOURCE_OBJECTS);
}

/* Thousands of objects that all go the same way. No key holds a line break, and none of these lines is END. */
static void add_loop(struct kist_text *text, const struct kist_manifest *manifest,
                     struct kist_instance *const *filters, size_t count)
{
    kist_text_add(text, "2. Decode. The objects, each under the key that it had, are then below restored/.\n\n"
                        "    set -o pipefail\n"
                        "    while IFS= read -r file <&3 && IFS= read -r key <&3; do\n"
                        "        mkdir -p \"${key%/*}\" && cat \"$file\"");
    add_decoders(text, filters, count);
    kist_text_add(text, " > \"$key\" || exit 1\n    done 3<<'END'\n");
    for (size_t i = 0; i < manifest->item_count; i++) {
        if (manifest->items[i].reference)
            continue;
        kist_text_add(text, "./");
        add_file(text, manifest, &manifest->items[i]);
        kist_text_printf(text, "\nrestored/%s\n", manifest->items[i].name);
    }
    kist_text_add(text, "END\n");
}

/* Of what lies in the folder. */
static uint64_t stored_raw_size(const struct kist_manifest *manifest)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < manifest->item_count; i++)
        sum += manifest->items[i].reference ? 0 : manifest->items[i].raw.size;
    return sum;
}

/* "1. Check" and "2. Restore". */
static void add_stored(struct kist_text *text, const struct kist_manifest *manifest,
                       const struct kist_config_pipeline *pipeline, struct kist_instance *const *filters,
                       size_t count)
{
    kist_text_add(text,
                  "Standard tools are enough to get it back; kist itself is not needed. Run these commands with\n"
                  "bash in the folder that holds this file, and stop at the first one that fails.\n\n"
                  "1. Check that the files are whole:\n\n"
                  "    sha256sum -c <<'END'\n");
    for (size_t i = 0; i < manifest->item_count; i++) {
        if (manifest->items[i].reference)
            continue;
        kist_text_printf(text, "%s  ", manifest->items[i].stored.sha256);
        add_file(text, manifest, &manifest->items[i]);
        kist_text_add(text, "\n");
    }
    kist_text_add(text, "END\n\n");
    add_keys(text, filters, count);
    if (!are_objects(pipeline))
        add_restore(text, manifest, filters, count);
    else if (count == 0)
        kist_text_add(
            text, "2. Copy them to where they belong. They are the objects themselves, each under the key that "
                  "it had,\n   below the folder of the backup that copied it.\n");
    else
        add_loop(text, manifest, filters, count);
}

int kist_restore_notes_format(const struct kist_manifest *manifest, const struct kist_config_pipeline *pipeline,
                              struct kist_instance *const *filters, size_t filter_count, char **ret_text,
                              struct kist_error *err)
{
    struct kist_text text = KIST_TEXT_INIT;
    char started[KIST_TIME_LENGTH + 1];
    size_t held = 0;
    for (size_t i = 0; i < manifest->item_count; i++)
        held += manifest->items[i].reference ? 1 : 0;
    kist_time_text(manifest->started, started);
    kist_text_printf(&text, "Backup %s/%s\nbegun %s, ", manifest->pipeline, manifest->id, started);
    if (held < manifest->item_count || held == 0)
        kist_text_printf(&text, "%s when decoded, ", kist_size_show(stored_raw_size(manifest)).text);
    kist_text_printf(&text, "written by kist %s with the source plugin %s.\n\n", manifest->kist_version,
                     manifest->source_plugin);
    if (held)
        add_references(&text, manifest);
    if (held < manifest->item_count || held == 0)
        add_stored(&text, manifest, pipeline, filters, filter_count);
    *ret_text = kist_text_take(&text);
    return *ret_text ? 0 : kist_fail(err, KIST_ERR_FAILED, "out of memory for " KIST_NOTES_NAME);
}
