#include "cmd_restore.h"
#include "log.h"
#include "restore_record.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>

static int swap(const struct kist_restore_command *command, uint32_t flags, const char *fresh,
                struct kist_swap_report *ret_report, struct kist_error *err)
{
    const struct kist_swap wanted = {.struct_size = sizeof wanted,
                                     .flags = flags | (command->undo ? KIST_SWAP_UNDO : 0),
                                     .target = command->options.target,
                                     .fresh = command->undo ? NULL : fresh};
    return kist_restore_swap(command->pipeline, &wanted, command->options.cancel, ret_report, err);
}

int kist_restore_swap_look(const struct kist_restore_command *command, const char *fresh,
                           struct kist_swap_report *ret_report, struct kist_error *err)
{
    return swap(command, KIST_SWAP_LOOK, fresh, ret_report, err);
}

int kist_restore_swap_do(const struct kist_restore_command *command, const char *fresh,
                         struct kist_swap_report *ret_report, int *ret_unrecorded, struct kist_error *err)
{
    int64_t begun = kist_time_monotonic_ms();
    struct kist_swap_report report = {0};
    int code = swap(command, 0, fresh, &report, err);
    const struct kist_restore_record record = {.event = command->undo ? "undo" : "swap",
                                               .pipeline = command->pipeline->name,
                                               .id = command->found && !command->from ? command->found->manifest.id
                                                                                      : NULL,
                                               .target = command->typed,
                                               .swapped = code ? NULL : &report,
                                               .fresh = fresh,
                                               .err = err,
                                               .duration_ms = kist_time_monotonic_ms() - begun};
    *ret_unrecorded |= kist_restore_record_add(command->state, &record) != 0;
    if (!code)
        *ret_report = report;
    return code;
}

void kist_restore_swap_print(const struct kist_restore_command *command, const struct kist_swap_report *report)
{
    /* --undo brings back what a swap put aside, not what an undo did. */
    char *back = command->undo ? kist_restore_other(command, "--swap", report->kept)
                               : kist_restore_other(command, "--undo", NULL);
    printf("%s: '%s' is live now, as '%s': interrupted for %s, %lld session%s ended\n", command->pipeline->name,
           report->from, report->name, kist_duration_show(report->interrupted_ms).text,
           (long long)report->ended_sessions, report->ended_sessions == 1 ? "" : "s");
    printf("  what was live is kept as '%s'\n", report->kept);
    if (back)
        printf("  back:  %s\n", back);
    puts("  it takes its room until you drop it");
    free(back);
}

static void print_look(const struct kist_restore_command *command, const struct kist_swap_report *report)
{
    printf(
        "%s: '%s' would become '%s', and what is live now would be kept as '%s'; %lld session%s would be ended\n"
        "nothing was changed\n",
        command->pipeline->name, report->from, report->name, report->kept, (long long)report->ended_sessions,
        report->ended_sessions == 1 ? "" : "s");
}

enum kist_exit kist_cmd_restore_swap(struct kist_restore_command *command)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct kist_swap_report report = {0};
    const char *fresh = command->undo ? NULL : command->confirm;
    int unrecorded = 0, dry = command->options.dry_run;
    int code = kist_restore_swap_look(command, fresh, &report, &err);
    if (!code && !dry) {
        kist_log(KIST_LOG_INFO, command->pipeline->name, "'%s' is going to be '%s', which is kept as '%s'",
                 report.from, report.name, report.kept);
        kist_swap_report_done(&report);
        code = kist_restore_swap_do(command, fresh, &report, &unrecorded, &err);
    } else if (!dry) {
        const struct kist_restore_record refusal = {.event = command->undo ? "undo" : "swap",
                                                    .pipeline = command->pipeline->name,
                                                    .target = command->typed,
                                                    .fresh = fresh,
                                                    .err = &err};
        unrecorded = kist_restore_record_add(command->state, &refusal) != 0;
    }
    enum kist_exit status = unrecorded ? KIST_EXIT_DEGRADED : KIST_EXIT_OK;
    if (code)
        status = kist_restore_failed(&err);
    else if (dry)
        print_look(command, &report);
    else if (kist_log_level() >= KIST_LOG_INFO)
        kist_restore_swap_print(command, &report);
    kist_swap_report_done(&report);
    return status;
}
