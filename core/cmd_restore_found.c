#include "cmd_restore.h"
#include "log.h"
#include "marks.h"
#include "private_dir.h"
#include "restore_plan.h"
#include "restore_record.h"
#include "restore_safety.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the plan ---- */

/* When the backup was found bad, as a time; else "". A destination that does not say is no reason to stop. */
static void find_verdict(const struct kist_restore_command *command, char ret_bad[KIST_ID_LENGTH + 1])
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct kist_catalog catalog = {0};
    if (!command->found->store || command->from)
        return;
    if (kist_catalog_read(command->found->store, command->pipeline->name, &catalog, &err)) {
        kist_log_at(KIST_LOG_WARNING, command->pipeline->name, &err);
        return;
    }
    const struct kist_catalog_mark *mark = kist_mark_verdict(&catalog, command->found->manifest.id);
    if (kist_mark_is_bad(mark))
        memcpy(ret_bad, mark->time, sizeof mark->time);
    kist_catalog_done(&catalog);
}

static void warn(const struct kist_restore_command *command, const char *bad)
{
    json_t *reason = NULL;
    size_t index = 0;
    if (bad)
        kist_log(KIST_LOG_WARNING, command->pipeline->name, "%s was found bad at %s", command->what, bad);
    json_array_foreach(command->found->manifest.suspect, index, reason)
        kist_log(KIST_LOG_WARNING, command->pipeline->name, "%s is suspect: %s", command->what,
                 json_string_value(reason) ? json_string_value(reason) : "");
}

static int needs_safety(const struct kist_restore_command *command, const struct kist_restore_place *place)
{
    return command->in_place && place->holds && !(place->flags & KIST_PLACE_PRESERVES) &&
           !kist_cli_has(command->cli, "skip-safety-backup");
}

static int tell_plan(struct kist_restore_command *command, const struct kist_restore_plan *plan,
                     struct kist_error *err)
{
    KIST_CLEANUP_TEXT struct kist_text text = KIST_TEXT_INIT;
    const struct kist_restore_place *place = plan->place;
    if (command->options.dry_run)
        kist_restore_plan_print(plan, &text);
    else
        kist_restore_plan_line(plan, &text);
    if (kist_text_failed(&text))
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    if (!command->options.dry_run) {
        kist_log(KIST_LOG_INFO, command->pipeline->name, "%s", kist_text_get(&text));
        return 0;
    }
    printf("%s", kist_text_get(&text));
    if (command->in_place && place->holds && (!command->confirm || strcmp(command->confirm, place->name) != 0))
        printf("confirm:  it will be done with --confirm %s only\n", place->name);
    puts("nothing was changed");
    return 0;
}

/* What is going to be replaced has to be named: its name tells production from a copy better than a yes. */
static int check_confirmed(const struct kist_restore_command *command, const struct kist_restore_place *place,
                           struct kist_error *err)
{
    if (!command->in_place || !place->name)
        return 0;
    if (command->confirm ? strcmp(command->confirm, place->name) == 0 : !place->holds)
        return 0;
    KIST_CLEANUP_TEXT struct kist_text name = KIST_TEXT_INIT;
    char *again = kist_restore_again(command, "", place->name);
    kist_restore_add_name(place, place->name, &name);
    if (command->confirm)
        kist_fail(err, KIST_ERR_REFUSED, "--confirm %s: the target is %s on %s", command->confirm,
                  kist_text_get(&name), place->server);
    else
        kist_fail(err, KIST_ERR_REFUSED, "--in-place would replace %s on %s, which holds %s", kist_text_get(&name),
                  place->server, place->holds);
    if (again)
        kist_hint(err, "if that is what you want: %s", again);
    free(again);
    return KIST_ERR_REFUSED;
}

/* What is put into the target's place has to be beside it first. */
static int look_at_swap(const struct kist_restore_command *command, const struct kist_restore_place *place,
                        struct kist_swap_report *ret_report, struct kist_error *err)
{
    if (!command->swap || !place->fresh)
        return 0;
    return kist_restore_swap_look(command, NULL, ret_report, err);
}

static int planned(void *arg, const struct kist_restore_place *place, struct kist_error *err)
{
    struct kist_restore_command *command = arg;
    struct kist_swap_report swap = {0};
    char bad[KIST_ID_LENGTH + 1] = "";
    find_verdict(command, bad);
    struct kist_restore_plan plan = {.what = command->what,
                                     .manifest = &command->found->manifest,
                                     .options = &command->options,
                                     .place = place,
                                     .target = command->typed,
                                     .safety = needs_safety(command, place),
                                     .bad = bad[0] ? bad : NULL};
    plan.estimate_ms = kist_restore_estimate(command->state, command->pipeline->name,
                                             kist_manifest_raw_size(plan.manifest), &plan.estimate_from);
    warn(command, plan.bad);
    int code = look_at_swap(command, place, &swap, err);
    if (!code && !command->options.dry_run)
        code = check_confirmed(command, place, err);
    plan.swap = swap.name ? &swap : NULL;
    if (!code)
        code = tell_plan(command, &plan, err);
    kist_swap_report_done(&swap);
    return code;
}

/* ---- the work ---- */

static int ready(void *arg, const struct kist_restore_place *place, struct kist_error *err)
{
    struct kist_restore_command *command = arg;
    const char *reason = command->from         ? command->from
                         : command->options.at ? command->options.at
                                               : command->found->manifest.id;
    const struct kist_safety safety = {.pipeline = command->pipeline,
                                       .state_dir = command->state,
                                       .target = command->options.target,
                                       .reason = reason,
                                       .quiet = command->options.quiet,
                                       .cancel = command->options.cancel};
    if (!needs_safety(command, place))
        return 0;
    int code = kist_safety_backup(&safety, command->safety, &command->safety_exit, err);
    if (!code)
        kist_log(KIST_LOG_INFO, command->pipeline->name, "what '%s' holds is kept as %s/%s", place->name,
                 command->pipeline->name, command->safety);
    return code;
}

/* Where the way back is a backup, it is named with whatever went wrong. */
static void add_way_back(const struct kist_restore_command *command, const struct kist_restored *restored,
                         struct kist_error *err)
{
    if (!err->code || !command->safety[0] || err->hint)
        return;
    kist_hint(err, "what '%s' held before is kept as %s/%s", restored->place.name ? restored->place.name : "it",
              command->pipeline->name, command->safety);
}

static int restore(struct kist_restore_command *command, struct kist_restored *restored, struct kist_error *err)
{
    struct kist_private_dir work = {.fd = -1};
    int code = 0;
    if (command->options.jobs > 1 && !command->options.output_dir && !command->options.dry_run)
        code = kist_private_dir_make(command->state, &work, err);
    command->options.work_dir = work.path;
    if (!code)
        code = kist_restore_backup(command->config, command->pipeline, command->found, &command->options, restored,
                                   err);
    /* Retention may delete what is not held while it is read. */
    if (code == KIST_ERR_CORRUPT && command->found->store)
        code = kist_catalog_check_there(command->found->store, command->pipeline->name,
                                        command->found->manifest.id, err);
    kist_private_dir_remove(&work);
    add_way_back(command, restored, err);
    return code;
}

/* ---- what came of it ---- */

static int record(const struct kist_restore_command *command, const struct kist_restored *restored,
                  const struct kist_error *err, int64_t duration_ms)
{
    const char *mode = kist_restore_mode_name(kist_restore_mode_of(&command->options, &restored->place));
    const char *sha256 = command->from ? command->found->manifest.items[0].stored.sha256 : NULL;
    const struct kist_restore_record record = {.event = "restore",
                                               .pipeline = command->pipeline->name,
                                               .id = command->from ? NULL : command->found->manifest.id,
                                               .from = command->from,
                                               .sha256 = sha256,
                                               .target = command->typed,
                                               .mode = mode,
                                               .safety = command->safety,
                                               .restored = restored,
                                               .options = &command->options,
                                               .err = err,
                                               .duration_ms = duration_ms};
    return kist_restore_record_add(command->state, &record) != 0;
}

static void print_counts(const struct kist_comparison *counts)
{
    if (counts->compared == 0)
        return;
    printf("  %s count%s compared with the backup's, all equal", kist_count_show(counts->compared).text,
           counts->compared == 1 ? "" : "s");
    if (counts->rows > 0)
        printf(" (%s row%s)", kist_count_show((uint64_t)counts->rows).text, counts->rows == 1 ? "" : "s");
    puts("");
}

/* Where it is, and what can be done with it. */
static void print_place(const struct kist_restore_command *command, const struct kist_restore_place *place)
{
    KIST_CLEANUP_TEXT struct kist_text kept = KIST_TEXT_INIT;
    if (command->safety[0])
        printf("  what it held before is kept as %s/%s\n", command->pipeline->name, command->safety);
    if (command->in_place && (place->flags & KIST_PLACE_PRESERVES) && place->kept) {
        kist_restore_add_name(place, place->kept, &kept);
        printf("  what it held before is kept as %s\n", kist_text_get(&kept));
    }
    if (place->look)
        printf("  look:  %s\n", place->look);
    if (!place->fresh || command->swap)
        return;
    printf("  '%s' is as it was\n", place->name);
    char *swap = kist_source_features(command->pipeline->source) & KIST_SOURCE_SWAPS && !command->options.at
                     ? kist_restore_other(command, "--swap", place->fresh)
                     : NULL;
    if (swap)
        printf("  swap:  %s\n", swap);
    free(swap);
}

/* "beside branch 'main' as 'main_restore_20261121_020000'" */
static void print_where(const struct kist_restore_command *command, const struct kist_restore_place *place)
{
    KIST_CLEANUP_TEXT struct kist_text name = KIST_TEXT_INIT;
    if (place->name)
        kist_restore_add_name(place, place->name, &name);
    if (place->fresh)
        printf("beside %s as '%s'", kist_text_get(&name), place->fresh);
    else if (place->name)
        printf("to %s on %s", kist_text_get(&name), place->server);
    else
        printf("to %s", command->typed);
}

/* "p/2026-11-21T02-00-00Z: restored to files, 12 of 10,000 items, 3.4 MiB in 2 s" */
static void print_restored(const struct kist_restore_command *command, const struct kist_restored *restored,
                           int64_t duration_ms)
{
    const struct kist_manifest *manifest = &command->found->manifest;
    size_t count = manifest->item_count;
    /* Several references are mostly copies of the same data, of which one is restored. */
    int are_copies = kist_manifest_has_references(manifest) && kist_manifest_stored_size(manifest) == 0;
    /* A provider does not always say how much it is. */
    int is_unknown = restored->raw_size == 0 && (command->options.at || kist_manifest_has_references(manifest));
    printf("%s: restored ", command->what);
    print_where(command, &restored->place);
    printf(", ");
    if (restored->items < count)
        printf("%s of ", kist_count_show(restored->items).text);
    if (count > 1 && (restored->items < count || !are_copies))
        printf("%s items, ", kist_count_show(count).text);
    if (!is_unknown)
        printf("%s ", kist_size_show(restored->raw_size).text);
    printf("in %s\n", kist_duration_show(duration_ms).text);
    print_counts(&restored->counts);
    print_place(command, &restored->place);
}

static int swap_in(struct kist_restore_command *command, const struct kist_restore_place *place, int *unrecorded,
                   struct kist_error *err)
{
    struct kist_swap_report report = {0};
    kist_log(KIST_LOG_INFO, command->pipeline->name, "all sessions of '%s' are ended now, and '%s' gets its name",
             place->name, place->fresh);
    int code = kist_restore_swap_do(command, place->fresh, &report, unrecorded, err);
    if (code) {
        char *again = err->hint ? NULL : kist_restore_other(command, "--swap", place->fresh);
        kist_error_prefix(err, "'%s' is restored and complete, but was not swapped in", place->fresh);
        if (again)
            kist_hint(err, "to swap it in: %s", again);
        free(again);
    } else if (kist_log_level() >= KIST_LOG_INFO) {
        kist_restore_swap_print(command, &report);
    }
    kist_swap_report_done(&report);
    return code;
}

static enum kist_exit finish(struct kist_restore_command *command, const struct kist_restored *restored,
                             int64_t duration_ms, int unrecorded)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    const struct kist_restore_place *place = &restored->place;
    if (kist_log_level() >= KIST_LOG_INFO)
        print_restored(command, restored, duration_ms);
    if (command->swap && !place->fresh)
        kist_log(KIST_LOG_INFO, command->pipeline->name,
                 "the target held nothing, so that nothing had to be swapped");
    if (command->swap && place->fresh && swap_in(command, place, &unrecorded, &err))
        return kist_restore_failed(&err);
    return unrecorded || command->safety_exit ? KIST_EXIT_DEGRADED : KIST_EXIT_OK;
}

enum kist_exit kist_cmd_restore_found(struct kist_restore_command *command, const struct kist_found *found)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct kist_restored restored = {0};
    command->found = found;
    command->options.planned = planned;
    command->options.ready = ready;
    command->options.arg = command;
    int64_t begun = kist_time_monotonic_ms();
    int code = restore(command, &restored, &err);
    int64_t duration_ms = kist_time_monotonic_ms() - begun;
    int unrecorded = command->options.dry_run ? 0 : record(command, &restored, &err, duration_ms);
    enum kist_exit status = KIST_EXIT_OK;
    if (code) {
        status = kist_restore_failed(&err);
        /* What was to be kept until then and is gone is as good as no backup, and no damage. */
        if (status < KIST_EXIT_SIGNAL && code == KIST_ERR_NOT_FOUND &&
            kist_manifest_has_lapsed(&found->manifest, kist_time_now() * 1000))
            status = KIST_EXIT_NO_BACKUP;
        if (status < KIST_EXIT_SIGNAL && command->safety_exit && !command->safety[0])
            status = command->safety_exit;
    } else if (!command->options.dry_run) {
        status = finish(command, &restored, duration_ms, unrecorded);
    }
    kist_restored_done(&restored);
    return status;
}
