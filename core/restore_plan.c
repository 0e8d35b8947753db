#include "restore_plan.h"
#include "restore_job.h"
#include "units.h"

#include <string.h>

enum kist_restore_mode kist_restore_mode_of(const struct kist_restore_options *options,
                                            const struct kist_restore_place *place)
{
    if (options->output_dir)
        return KIST_MODE_FILES;
    if (place->fresh)
        return KIST_MODE_BESIDE;
    if (!(options->flags & KIST_RESTORE_CLEAN))
        return KIST_MODE_INTO;
    return place->name && !place->holds ? KIST_MODE_INTO : KIST_MODE_IN_PLACE;
}

const char *kist_restore_mode_name(enum kist_restore_mode mode)
{
    static const char *const names[] = {[KIST_MODE_INTO] = "into",
                                        [KIST_MODE_BESIDE] = "beside",
                                        [KIST_MODE_IN_PLACE] = "in place",
                                        [KIST_MODE_FILES] = "files"};
    return names[mode];
}

void kist_restore_add_name(const struct kist_restore_place *place, const char *name, struct kist_text *text)
{
    kist_text_printf(text, "%s%s'%s'", place->kind ? place->kind : "", place->kind ? " " : "", name);
}

static const char *kind_of(const struct kist_restore_place *place)
{
    return place->kind ? place->kind : "database";
}

/* "'shop' on db.example.org port 5432", or as it was typed. */
static void add_place(const struct kist_restore_place *place, const char *typed, struct kist_text *text)
{
    if (!place->name) {
        kist_text_printf(text, "%s", typed);
        return;
    }
    kist_restore_add_name(place, place->name, text);
    kist_text_printf(text, " on %s", place->server ? place->server : "its server");
}

/* ---- the backup ---- */

static void add_counted(const struct kist_restore_plan *plan, struct kist_text *text)
{
    size_t tables = 0;
    uint64_t rows = 0;
    for (size_t i = 0; i < plan->manifest->counts.count; i++) {
        const struct kist_count *count = &plan->manifest->counts.items[i];
        if (strcmp(count->kind, "table") != 0 || !kist_restore_is_counted(plan->options, count))
            continue;
        tables++;
        rows += count->number > 0 ? (uint64_t)count->number : 0;
    }
    if (tables > 0)
        kist_text_printf(text, ", %s table%s with %s row%s", kist_count_show(tables).text, tables == 1 ? "" : "s",
                         kist_count_show(rows).text, rows == 1 ? "" : "s");
}

static void add_backup(const struct kist_restore_plan *plan, struct kist_text *text)
{
    const struct kist_manifest *manifest = plan->manifest;
    int64_t started = plan->options->at_ms / 1000;
    kist_text_add(text, plan->what);
    if (plan->options->at_ms || (!plan->options->bytes && kist_id_parse(manifest->id, &started)))
        kist_text_printf(text, ", %s old", kist_duration_show((kist_time_now() - started) * 1000).text);
    uint64_t raw = kist_manifest_raw_size(manifest);
    if (raw > 0)
        kist_text_printf(text, ", %s", kist_size_show(raw).text);
    add_counted(plan, text);
}

static void add_doubts(const struct kist_restore_plan *plan, struct kist_text *text)
{
    json_t *reason = NULL;
    size_t index = 0;
    if (plan->bad)
        kist_text_printf(text, "bad:      it was found bad at %s; what was wrong stands in `kist show %s`\n",
                         plan->bad, plan->what);
    json_array_foreach(plan->manifest->suspect, index, reason) {
        kist_text_add(text, "suspect:  ");
        const char *words = json_string_value(reason);
        kist_text_add_printable(text, words ? words : "", words ? strlen(words) : 0);
        kist_text_add_char(text, '\n');
    }
}

/* ---- the target ---- */

static int is_part(const struct kist_restore_options *options)
{
    return (options->tables && options->tables[0]) || (options->schemas && options->schemas[0]);
}

static void add_action(const struct kist_restore_plan *plan, struct kist_text *text)
{
    const struct kist_restore_place *place = plan->place;
    switch (kist_restore_mode_of(plan->options, place)) {
    case KIST_MODE_FILES: kist_text_printf(text, "as files in %s", plan->options->output_dir); return;
    case KIST_MODE_BESIDE:
        kist_text_printf(text, "beside it, as the new %s '%s'", kind_of(place), place->fresh);
        return;
    case KIST_MODE_IN_PLACE:
        kist_text_add(text, is_part(plan->options) ? "in the place of what is named of it"
                                                   : "in the place of what it holds");
        return;
    case KIST_MODE_INTO:
        if (place->flags & KIST_PLACE_MISSING)
            kist_text_add(text, "into it; it is made first");
        else
            kist_text_add(text, "into it");
    }
}

static int is_preserved(const struct kist_restore_plan *plan)
{
    return (plan->place->flags & KIST_PLACE_PRESERVES) &&
           kist_restore_mode_of(plan->options, plan->place) == KIST_MODE_IN_PLACE;
}

static void add_kept(const struct kist_restore_place *place, struct kist_text *text)
{
    kist_text_add(text, "kept:     what it holds, ");
    if (place->kept) {
        kist_text_add(text, "as ");
        kist_restore_add_name(place, place->kept, text);
        kist_text_add(text, "\n");
    } else {
        kist_text_add(text, "by its provider\n");
    }
}

static void add_loss(const struct kist_restore_plan *plan, struct kist_text *text)
{
    const struct kist_restore_place *place = plan->place;
    int in_place = kist_restore_mode_of(plan->options, place) == KIST_MODE_IN_PLACE;
    if (!in_place || is_preserved(plan)) {
        kist_text_add(text, "lost:     nothing\n");
        if (in_place)
            add_kept(place, text);
        return;
    }
    if (is_part(plan->options))
        kist_text_printf(text, "lost:     what is named, of %s\n", place->holds ? place->holds : "nothing");
    else
        kist_text_printf(text, "lost:     %s\n",
                         place->holds ? place->holds : "whatever it holds under the same names");
    if (plan->safety)
        kist_text_add(text, "safety:   all of that is backed up first\n");
    else if (place->name)
        kist_text_add(text, "safety:   none: it is NOT backed up first\n");
}

static void add_target(const struct kist_restore_plan *plan, struct kist_text *text)
{
    const struct kist_restore_place *place = plan->place;
    kist_text_add(text, "target:   ");
    add_place(place, plan->target, text);
    if (place->flags & KIST_PLACE_MISSING)
        kist_text_add(text, ", which does not exist");
    else if (place->holds)
        kist_text_printf(text, ", which holds %s", place->holds);
    else if (place->name && !place->fresh) /* only beside something is there a new place */
        kist_text_add(text, ", which holds nothing");
    if (place->flags & KIST_PLACE_SOURCE)
        kist_text_printf(text, " (the very %s that is backed up)", kind_of(place));
    kist_text_add(text, "\nrestore:  ");
    add_action(plan, text);
    kist_text_add(text, "\n");
}

static void add_swap(const struct kist_restore_plan *plan, struct kist_text *text)
{
    if (plan->swap)
        kist_text_printf(text,
                         "swap:     it becomes '%s', and what is live now is kept as '%s'; %lld session%s will be "
                         "ended\n",
                         plan->swap->name, plan->swap->kept, (long long)plan->swap->ended_sessions,
                         plan->swap->ended_sessions == 1 ? "" : "s");
}

static void add_time(const struct kist_restore_plan *plan, struct kist_text *text)
{
    if (plan->options->at)
        return; /* what took how long was restored of backups */
    if (plan->estimate_ms < 0)
        kist_text_add(text, "time:     unknown: no drill or restore yet to go by\n");
    else
        kist_text_printf(text, "time:     about %s, going by the last %s\n",
                         kist_duration_show(plan->estimate_ms).text, plan->estimate_from);
}

void kist_restore_plan_print(const struct kist_restore_plan *plan, struct kist_text *text)
{
    kist_text_add(text, plan->options->at ? "moment:   " : "backup:   ");
    add_backup(plan, text);
    kist_text_add(text, "\n");
    add_doubts(plan, text);
    add_target(plan, text);
    add_loss(plan, text);
    add_swap(plan, text);
    add_time(plan, text);
}

void kist_restore_plan_line(const struct kist_restore_plan *plan, struct kist_text *text)
{
    kist_text_add(text, "restoring ");
    add_backup(plan, text);
    kist_text_add(text, " to ");
    add_place(plan->place, plan->target, text);
    kist_text_add(text, ", ");
    add_action(plan, text);
    if (!is_preserved(plan) || !plan->place->kept)
        return;
    kist_text_add(text, ", which is kept as ");
    kist_restore_add_name(plan->place, plan->place->kept, text);
}
