#include "commands.h"
#include "counts_print.h"
#include "listing.h"
#include "log.h"
#include "marks.h"
#include "marks_text.h"
#include "text.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Calls `give` for every mark of the backup on every place that was asked. */
static void each_mark(const struct kist_listing *listing, const char *id,
                      void (*give)(void *arg, size_t place, const struct kist_catalog_mark *mark), void *arg)
{
    for (size_t i = 0; listing->catalogs && i < listing->pipeline->destination_count; i++)
        for (size_t k = 0; k < listing->catalogs[i].mark_count; k++)
            if (strcmp(listing->catalogs[i].marks[k].id, id) == 0)
                give(arg, i, &listing->catalogs[i].marks[k]);
}

struct marks_json {
    const struct kist_listing *listing;
    json_t *marks;
};

static void add_mark(void *arg, size_t place, const struct kist_catalog_mark *mark)
{
    const struct marks_json *json = arg;
    char time[KIST_TIME_LENGTH + 1];
    if (kist_mark_time_text(mark, time))
        json_array_append_new(json->marks, json_pack("{s:s, s:s, s:s}", "destination",
                                                     json->listing->pipeline->destinations[place]->name, "mark",
                                                     mark->word, "time", time));
}

/* The manifest as it is stored, without its seal, and the marks. */
static enum kist_exit print_json(const struct kist_manifest *manifest, const struct kist_listing *listing,
                                 struct kist_error *err)
{
    char *text = NULL;
    size_t size = 0;
    if (kist_manifest_format(manifest, NULL, &text, &size, err))
        return kist_cli_fail(err);
    json_t *json = json_loadb(text, size, 0, NULL);
    struct marks_json marks = {.listing = listing, .marks = json_array()};
    free(text);
    json_object_del(json, "checksum");
    each_mark(listing, manifest->id, add_mark, &marks);
    json_object_set_new(json, "marks", marks.marks);
    return kist_cli_print_json(json);
}

#define FEW 20       /* items that are shown to a person one by one */
#define FEW_FAULTS 5 /* of a proof that failed */

/* "  name    text", and more behind it. */
static void print_line(const char *name, const char *text, const char *more)
{
    printf("  %-20s ", name);
    kist_cli_print_text(text);
    if (*more)
        putchar(' ');
    kist_cli_print_text(more);
    putchar('\n');
}

static void print_field(const char *name, const char *text)
{
    if (!text)
        return;
    printf("    %-10s ", name);
    kist_cli_print_text(text);
    putchar('\n');
}

static void print_moment(const char *name, int64_t ms)
{
    char time[KIST_TIME_LENGTH + 1];
    kist_time_text(ms / 1000, time);
    print_field(name, ms > 0 ? time : NULL);
}

/* What a provider holds, in its own words. */
static void print_reference(const struct kist_reference *reference)
{
    print_field("held by", reference->provider);
    print_field("kind", reference->kind);
    print_field("id", reference->id);
    print_field("name", reference->name);
    print_field("account", reference->account);
    print_field("region", reference->region);
    print_field("state", reference->state);
    print_moment("data of", reference->time_ms);
    print_moment("until", reference->until_ms);
    if (reference->size >= 0)
        printf("    %-10s %s (%lld bytes)\n", "size", kist_size_show((uint64_t)reference->size).text,
               (long long)reference->size);
    print_field("restore", reference->stock_restore);
}

static void print_item(const struct kist_manifest_item *item)
{
    fputs("\n  ", stdout);
    kist_cli_print_text(item->name);
    if (item->reference) {
        putchar('\n');
        print_reference(&item->reference->as);
        return;
    }
    fputs("\n    stored as  ", stdout);
    kist_cli_print_text(item->key);
    fputs("\n    filters    ", stdout);
    for (size_t i = 0; i < item->filter_count; i++) {
        fputs(i ? ", " : "", stdout);
        kist_cli_print_text(item->filters[i].plugin);
        putchar(' ');
        kist_cli_print_text(item->filters[i].version);
    }
    printf("%s\n", item->filter_count ? "" : "none");
    printf("    raw        %s (%llu bytes), sha256 %s\n", kist_size_show(item->raw.size).text,
           (unsigned long long)item->raw.size, item->raw.sha256);
    printf("    stored     %s (%llu bytes), sha256 %s\n", kist_size_show(item->stored.size).text,
           (unsigned long long)item->stored.size, item->stored.sha256);
}

/* What was wrong, as the mark has it. */
static void print_faults(const struct kist_listing *listing, size_t place, const struct kist_catalog_mark *mark)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    json_t *body = NULL, *fault = NULL;
    size_t index = 0;
    if (kist_mark_load(listing->stores[place], listing->pipeline, mark, &body, &err)) {
        kist_log_at(KIST_LOG_WARNING, listing->pipeline->name, &err);
        return;
    }
    json_t *faults = json_object_get(body, "faults");
    json_array_foreach(faults, index, fault) {
        const char *text = json_string_value(json_object_get(fault, "fault"));
        if (index < FEW_FAULTS)
            print_line("", text ? text : "", "");
    }
    if (json_array_size(faults) > FEW_FAULTS)
        printf("  %-20s and %zu more\n", "", json_array_size(faults) - FEW_FAULTS);
    json_decref(body);
}

/* Who pinned it, and why. */
static void print_pin(const struct kist_listing *listing, size_t place, const struct kist_catalog_mark *mark)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    json_t *body = NULL;
    if (kist_mark_load(listing->stores[place], listing->pipeline, mark, &body, &err)) {
        kist_log_at(KIST_LOG_WARNING, listing->pipeline->name, &err);
        return;
    }
    const char *user = json_string_value(json_object_get(body, "user"));
    const char *host = json_string_value(json_object_get(body, "host"));
    const char *reason = json_string_value(json_object_get(body, "reason"));
    printf("  %-20s by ", "");
    kist_cli_print_text(user ? user : "?");
    fputs(" on ", stdout);
    kist_cli_print_text(host ? host : "?");
    fputs(reason ? ": " : "", stdout);
    kist_cli_print_text(reason ? reason : "");
    putchar('\n');
    json_decref(body);
}

static void print_mark(void *arg, size_t place, const struct kist_catalog_mark *mark)
{
    const struct kist_listing *listing = arg;
    char time[KIST_TIME_LENGTH + 1];
    if (kist_mark_time_text(mark, time))
        printf("  %-20s on %s, %s\n", mark->word, listing->pipeline->destinations[place]->name, time);
    if (kist_mark_is_bad(mark))
        print_faults(listing, place, mark);
    if (strcmp(mark->word, KIST_MARK_HELD) == 0)
        print_pin(listing, place, mark);
}

static void print_trust(const struct kist_manifest *manifest, struct kist_listing *listing)
{
    size_t index = 0;
    json_t *reason = NULL;
    json_array_foreach(manifest->suspect, index, reason)
        print_line("suspect", json_string_value(reason), "");
    each_mark(listing, manifest->id, print_mark, listing);
}

static void print_items(const struct kist_manifest *manifest)
{
    const uint64_t raw = kist_manifest_raw_size(manifest), stored = kist_manifest_stored_size(manifest);
    const int are_held = kist_manifest_has_references(manifest);
    if (manifest->item_count > 1) {
        printf("  %-20s %s", "items", kist_count_show(manifest->item_count).text);
        if (raw || !are_held)
            printf(", %s%s", kist_size_show(raw).text, are_held ? "" : " raw");
        if (stored || !are_held)
            printf(", %s stored", kist_size_show(stored).text);
        putchar('\n');
    }
    for (size_t i = 0; i < manifest->item_count && i < FEW; i++)
        print_item(&manifest->items[i]);
    if (manifest->item_count > FEW)
        printf("\n  and %s more (--json lists all)\n", kist_count_show(manifest->item_count - FEW).text);
}

static void print_text(const struct kist_found *found, struct kist_listing *listing)
{
    const struct kist_manifest *manifest = &found->manifest;
    char started[KIST_TIME_LENGTH + 1], finished[KIST_TIME_LENGTH + 1];
    kist_time_text(manifest->started, started);
    kist_time_text(manifest->finished, finished);
    printf("%s/%s on %s\n", manifest->pipeline, manifest->id, kist_store_name(found->store));
    printf("  %-20s %s to %s\n", "run", started, finished);
    print_line("made by", "kist", manifest->kist_version);
    print_line("source", manifest->source_plugin, manifest->source_version);
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach(manifest->labels, key, value) {
        KIST_CLEANUP_TEXT struct kist_text name = KIST_TEXT_INIT;
        kist_text_add_printable(&name, key, strlen(key));
        printf("  label %-14s ", kist_text_get(&name));
        kist_cli_print_text(json_string_value(value));
        putchar('\n');
    }
    kist_cli_print_facts(manifest->facts);
    kist_counts_print(&manifest->counts);
    print_trust(manifest, listing);
    print_items(manifest);
}

/* The marks of all places. That one cannot be asked hides nothing of the backup itself. */
static void read_marks(const struct kist_cli *cli, const struct kist_config_pipeline *pipeline,
                       struct kist_listing *ret_listing)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    *ret_listing = (struct kist_listing){.pipeline = pipeline};
    if (kist_listing_read(pipeline, kist_cli_value(cli, "destination"), KIST_LISTING_IDS, cli->cancel, ret_listing,
                          &err))
        kist_log_at(KIST_LOG_WARNING, pipeline->name, &err);
}

static enum kist_exit show(const struct kist_cli *cli, const struct kist_config *config)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct kist_backup_name name;
    struct kist_found found = {0};
    int code = kist_backup_name_parse(config, cli->args[0], &name, &err);
    if (!code)
        code = kist_backup_find(&name, kist_cli_value(cli, "destination"), cli->cancel, &found, &err);
    if (code) {
        enum kist_exit failed = kist_cli_fail(&err);
        return code == KIST_ERR_NOT_FOUND ? KIST_EXIT_NO_BACKUP : failed;
    }
    struct kist_listing listing;
    enum kist_exit status = KIST_EXIT_OK;
    read_marks(cli, name.pipeline, &listing);
    if (kist_cli_has(cli, "json"))
        status = print_json(&found.manifest, &listing, &err);
    else
        print_text(&found, &listing);
    kist_listing_done(&listing);
    kist_found_done(&found);
    return status;
}

enum kist_exit kist_cmd_show(struct kist_cli *cli)
{
    enum kist_exit status = KIST_EXIT_OK;
    struct kist_config *config = kist_cli_config(cli, &status);
    if (!config)
        return status;
    status = show(cli, config);
    kist_config_free(config);
    return status;
}
