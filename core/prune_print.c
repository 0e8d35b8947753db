#include "backup_id.h"
#include "cli.h"
#include "prune_place.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "deleted: expired", "kept: weekly 2026-W46", "held" ... */
struct fate {
    const char *word, *why; /* `why` may be NULL */
};

static struct fate planned_fate(const struct kist_prune_place *place, size_t index)
{
    const struct kist_plan_entry *entry = &place->plan.entries[index];
    if (entry->fate == KIST_FATE_REMOVE)
        return (struct fate){"would go", entry->text};
    if (entry->fate == KIST_FATE_HELD)
        return (struct fate){"held", NULL};
    return (struct fate){entry->fate == KIST_FATE_FROZEN ? "stays" : "kept", entry->text};
}

static struct fate fate_of(const struct kist_prune_place *place, size_t index)
{
    const struct kist_prune_row *row = &place->rows[index];
    switch (row->outcome) {
    case KIST_PRUNE_GONE:
        return (struct fate){"deleted",
                             index < place->count ? place->plan.entries[index].text : "now its data too"};
    case KIST_PRUNE_LOCKED: return (struct fate){"locked", "the next prune tries again"};
    case KIST_PRUNE_FAILED: return (struct fate){"failed", "the next prune tries again"};
    default: break;
    }
    if (index >= place->count)
        return (struct fate){"would go", "its data is not all gone yet"};
    return place->planned ? planned_fate(place, index) : (struct fate){"stays", "there is no plan"};
}

/* What goes at the provider: with the backup, or while that stays. */
static void print_references(const struct kist_prune_row *row, int with)
{
    size_t index = 0;
    json_t *text = NULL;
    json_array_foreach(row->references, index, text) {
        printf("%s ", index ? " and" : with ? ", and" : ", without");
        kist_cli_print_text(json_string_value(text));
    }
}

static void print_row(const struct kist_prune_place *place, size_t index, int64_t now)
{
    const struct kist_prune_row *row = &place->rows[index];
    struct fate fate = fate_of(place, index);
    int64_t age = now > row->kept.time ? now - row->kept.time : 0;
    /* Of what a provider holds nothing is stored. */
    int known = index < place->count && !row->kept.unreadable && (row->size > 0 || !row->manifest);
    printf("  %-20s  %-12s %10s  %-8s  %s%s%s", row->id, kist_duration_show(age * 1000).text,
           known ? kist_size_show(row->size).text : "-", row->state, fate.word, fate.why ? ": " : "",
           fate.why ? fate.why : "");
    print_references(row, kist_prune_goes(place, index));
    putchar('\n');
}

static void print_rule(const struct kist_prune_place *place)
{
    const struct kist_keep *keep = place->section->keep.set ? &place->section->keep : &place->pipeline->keep;
    char *text = keep->set ? kist_keep_text(keep) : NULL;
    if (text)
        printf("%s on %s: keep = %s\n", place->pipeline->name, place->section->name, text);
    else
        printf("%s on %s: there is no `keep`, so every backup stays\n", place->pipeline->name,
               place->section->name);
    free(text);
}

static void print_sum(const struct kist_prune_place *place)
{
    size_t gone = kist_prune_count(place, KIST_PRUNE_GONE), stay = 0, go = 0;
    size_t left = kist_prune_count(place, KIST_PRUNE_LOCKED) + kist_prune_count(place, KIST_PRUNE_FAILED);
    uint64_t size = 0;
    for (size_t i = 0; i < place->row_count; i++) {
        int going = place->rows[i].outcome == KIST_PRUNE_STAYS && kist_prune_goes(place, i);
        go += going ? 1 : 0;
        stay += place->rows[i].outcome == KIST_PRUNE_STAYS && !going ? 1 : 0;
        size += going ? place->rows[i].size : 0;
    }
    printf("  %zu stay", stay);
    if (go)
        printf(", %zu would go", go);
    if (size)
        printf(" (%s as listed)", kist_size_show(size).text);
    if (gone)
        printf(", %zu deleted", gone);
    if (gone && place->freed)
        printf(", %s freed", kist_size_show(place->freed).text);
    if (left)
        printf(", %zu could not go", left);
    puts(go + gone + left ? "" : ", none goes");
}

void kist_prune_print(const struct kist_prune_place *place, const struct kist_error *err)
{
    int64_t now = kist_time_now();
    const char *frozen = kist_prune_frozen(place);
    print_rule(place);
    if (place->row_count && place->planned) {
        printf("  %-20s  %-12s %10s  %-8s  %s\n", "ID", "AGE", "SIZE", "STATE", "FATE");
        for (size_t i = 0; i < place->row_count; i++)
            print_row(place, i, now);
    }
    if (frozen)
        printf("  nothing is deleted: %s\n", frozen);
    if (err->code)
        printf("  stopped by an error\n");
    if (place->planned)
        print_sum(place);
}

static json_t *row_json(const struct kist_prune_place *place, size_t index)
{
    const struct kist_prune_row *row = &place->rows[index];
    struct fate fate = fate_of(place, index);
    char time[KIST_TIME_LENGTH + 1];
    kist_time_text(row->kept.time, time);
    json_t *references = json_array_size(row->references) ? row->references : NULL;
    return json_pack("{s:s, s:s, s:I, s:s, s:b, s:b, s:s, s:s*, s:s*, s:O*}", "id", row->id, "time", time, "size",
                     (json_int_t)row->size, "state", row->state, "held", row->kept.held, "verified",
                     row->kept.verified, "fate", fate.word, "why", fate.why, "cause", row->cause, "references",
                     references);
}

json_t *kist_prune_json(const struct kist_prune_place *place, const struct kist_error *err)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < place->row_count; i++)
        json_array_append_new(rows, row_json(place, i));
    return json_pack("{s:s, s:s, s:o, s:I, s:s*, s:s*, s:s*}", "pipeline", place->pipeline->name, "destination",
                     place->section->name, "backups", rows, "freed", (json_int_t)place->freed, "frozen",
                     kist_prune_frozen(place), "hint", place->plan.hint, "error",
                     err->code ? kist_error_text(err) : NULL);
}
