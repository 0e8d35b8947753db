#include "commands.h"
#include "listing.h"
#include "log.h"
#include "marks_text.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *places_json(const struct kist_listing *listing, const struct kist_listing_row *row)
{
    static const char *const states[] = {[KIST_PLACE_ABSENT] = "absent",
                                         [KIST_PLACE_EXPIRED] = "absent",
                                         [KIST_PLACE_GOOD] = "good",
                                         [KIST_PLACE_DAMAGED] = "damaged",
                                         [KIST_PLACE_UNKNOWN] = "unknown"};
    json_t *places = json_object();
    for (size_t i = 0; i < listing->pipeline->destination_count; i++)
        if (kist_listing_counts(listing, row, i) || row->places[i] == KIST_PLACE_EXPIRED)
            json_object_set_new(places, listing->pipeline->destinations[i]->name,
                                json_string(states[row->places[i]]));
    return places;
}

/* Each provider that holds something of it, once. */
static json_t *holders_json(const struct kist_manifest *manifest)
{
    json_t *holders = json_array();
    char *names = kist_manifest_held_by(manifest), *rest = names;
    for (char *name = strsep(&rest, ","); name; name = strsep(&rest, ","))
        json_array_append_new(holders, json_string(name + strspn(name, " ")));
    free(names);
    return holders;
}

/* What speaks for a backup, and what against it. */
static void add_trust(json_t *json, const struct kist_listing_row *row)
{
    char time[KIST_TIME_LENGTH + 1];
    json_t *verified = json_null(), *drilled = json_null();
    if (kist_mark_time_text(&row->verified, time))
        verified = json_pack("{s:s, s:s}", "level", row->verified.word, "time", time);
    if (kist_mark_time_text(&row->drilled, time))
        drilled = json_string(time);
    json_object_set_new(json, "verified", verified);
    json_object_set_new(json, "drilled", drilled);
    json_object_set_new(json, "suspect",
                        row->manifest.suspect ? json_incref(row->manifest.suspect) : json_array());
    json_object_set_new(json, "accepted", json_boolean(row->accepted));
    json_object_set_new(json, "held", json_boolean(row->held));
    json_object_set_new(json, "held_by", holders_json(&row->manifest));
}

static json_t *row_json(const struct kist_listing *listing, const struct kist_listing_row *row)
{
    const struct kist_manifest *manifest = row->manifest.pipeline ? &row->manifest : NULL;
    char started[KIST_TIME_LENGTH + 1] = "", finished[KIST_TIME_LENGTH + 1] = "";
    if (manifest) {
        kist_time_text(manifest->started, started);
        kist_time_text(manifest->finished, finished);
    }
    json_t *json = json_pack(
        "{s:s, s:s, s:s, s:s*, s:s*, s:o*, s:o*, s:O*, s:o, s:s*}", "pipeline", listing->pipeline->name, "id",
        row->id, "state", kist_listing_state(listing, row), "started", manifest ? started : NULL, "finished",
        manifest ? finished : NULL, "raw_size",
        manifest ? json_integer((json_int_t)kist_manifest_raw_size(manifest)) : NULL, "stored_size",
        manifest ? json_integer((json_int_t)kist_manifest_stored_size(manifest)) : NULL, "labels",
        manifest ? manifest->labels : NULL, "destinations", places_json(listing, row), "damage", row->damage);
    add_trust(json, row);
    return json;
}

/* Of what a provider holds nothing is stored, and its size may not be known. */
static struct kist_units_text show_size(const struct kist_manifest *manifest, uint64_t size)
{
    if (!manifest->pipeline || (size == 0 && kist_manifest_has_references(manifest)))
        return (struct kist_units_text){.text = "-"};
    return kist_size_show(size);
}

static void print_row(const struct kist_listing *listing, const struct kist_listing_row *row)
{
    const struct kist_manifest *manifest = &row->manifest;
    char verified[KIST_MARK_TEXT + 1];
    kist_mark_text(&row->verified, verified);
    printf("%-24s %-20s  %-8s %10s %10s  %-14s ", listing->pipeline->name, row->id,
           kist_listing_state(listing, row), show_size(manifest, kist_manifest_raw_size(manifest)).text,
           show_size(manifest, kist_manifest_stored_size(manifest)).text, verified);
    const char *separator = "";
    for (size_t i = 0; i < listing->pipeline->destination_count; i++)
        if (row->places[i] == KIST_PLACE_GOOD) {
            printf("%s%s", separator, listing->pipeline->destinations[i]->name);
            separator = ", ";
        }
    char *holders = kist_manifest_held_by(manifest);
    if (holders) {
        printf("%sheld by ", separator);
        kist_cli_print_text(holders);
    }
    free(holders);
    puts(row->held ? " (held)" : "");
}

/* What reading the listings of all pipelines came to. */
struct summary {
    json_t *json; /* NULL when a table is printed */
    size_t rows;
    int damaged, failed;
};

static void add_listing(struct summary *summary, const struct kist_listing *listing)
{
    for (size_t i = 0; i < listing->row_count; i++) {
        const struct kist_listing_row *row = &listing->rows[i];
        if (summary->json)
            json_array_append_new(summary->json, row_json(listing, row));
        else if (summary->rows == 0)
            printf("%-24s %-20s  %-8s %10s %10s  %-14s %s\n", "PIPELINE", "ID", "STATE", "SIZE", "STORED",
                   "VERIFIED", "DESTINATIONS");
        if (!summary->json)
            print_row(listing, row);
        if (row->damage)
            kist_log(KIST_LOG_ERROR, listing->pipeline->name, "%s", row->damage);
        for (size_t k = 0; k < listing->pipeline->destination_count; k++)
            summary->damaged |= row->places[k] == KIST_PLACE_DAMAGED;
        summary->damaged |= row->bad;
        summary->rows++;
    }
    summary->failed |= listing->incomplete;
}

static enum kist_exit list_pipelines(const struct kist_cli *cli, const struct kist_config *config,
                                     const struct kist_config_pipeline *only)
{
    struct summary summary = {.json = kist_cli_has(cli, "json") ? json_array() : NULL};
    size_t passed_over = 0;
    for (size_t i = 0; i < config->pipeline_count; i++) {
        KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
        const struct kist_config_pipeline *pipeline = &config->pipelines[i];
        struct kist_listing listing = {0};
        if (only && only != pipeline)
            continue;
        if (!only && !kist_cli_wants(cli, pipeline)) {
            passed_over++;
            continue;
        }
        int code = kist_listing_read(pipeline, kist_cli_value(cli, "destination"), KIST_LISTING_MANIFESTS,
                                     cli->cancel, &listing, &err);
        if (code) {
            json_decref(summary.json);
            return kist_cli_fail(&err);
        }
        add_listing(&summary, &listing);
        kist_listing_done(&listing);
    }
    if (passed_over == config->pipeline_count) {
        json_decref(summary.json);
        return kist_cli_usage(cli, "no pipeline has a destination '%s'", kist_cli_value(cli, "destination"));
    }
    if (!summary.json && summary.rows == 0)
        puts("no backups yet");
    enum kist_exit printed = summary.json ? kist_cli_print_json(summary.json) : KIST_EXIT_OK;
    return printed           ? printed
           : summary.damaged ? KIST_EXIT_INTEGRITY
           : summary.failed  ? KIST_EXIT_FAILED
                             : KIST_EXIT_OK;
}

enum kist_exit kist_cmd_list(struct kist_cli *cli)
{
    enum kist_exit status = KIST_EXIT_OK;
    struct kist_config *config = kist_cli_config(cli, &status);
    if (!config)
        return status;
    const struct kist_config_pipeline *only = cli->arg_count ? kist_config_pipeline(config, cli->args[0]) : NULL;
    if (cli->arg_count && !only)
        status = kist_cli_usage(cli, "there is no pipeline '%s'", cli->args[0]);
    else
        status = list_pipelines(cli, config, only);
    kist_config_free(config);
    return status;
}
