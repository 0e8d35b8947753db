/*
 * cmd_restore.h - what the files of the command `restore` share.
 *
 * cmd_restore.c reads the words and finds the backup, cmd_restore_words.c says which of them go together,
 * cmd_restore_found.c restores it, cmd_restore_from.c and cmd_restore_at.c what is no backup, cmd_restore_swap.c swaps, and
 * cmd_restore_text.c says the next command.
 */
#ifndef KIST_CORE_CMD_RESTORE_H
#define KIST_CORE_CMD_RESTORE_H

#include "cli.h"
#include "moment.h"
#include "restore.h"
#include "restore_swap.h"
#include "text.h"

struct kist_restore_command {
    const struct kist_cli *cli;
    const struct kist_config *config;
    const struct kist_config_pipeline *pipeline;
    struct kist_restore_options options;
    const char *state;                   /* the state directory */
    const char *typed;                   /* the target as it was typed, or what stands for it */
    const char *from;                    /* of --from; else NULL */
    char moment[KIST_MOMENT_LENGTH + 1]; /* what options.at is of --at */
    int swap, undo, in_place;
    const char *confirm; /* or NULL */
    /* What became known on the way. */
    const struct kist_found *found;
    char *what; /* "p/2026-11-21T02-00-00Z", the dump of --from, or the moment of --at */
    char safety[KIST_ID_LENGTH + 1];
    enum kist_exit safety_exit; /* of a safety backup that failed, or is not on every destination */
};

/* cmd_restore_words.c: whether the words go together, and whether the source of command->pipeline knows them. */
enum kist_exit kist_restore_check_pairs(const struct kist_cli *cli);
enum kist_exit kist_restore_check_source(const struct kist_restore_command *command);

/* Restores what was found: plan, guards, safety backup, restore, comparison, swap, and a line in the history. For --from,
 * `found` needs a manifest only, and options.bytes gives what it names; for a moment, one without items. */
enum kist_exit kist_cmd_restore_found(struct kist_restore_command *command, const struct kist_found *found);

/* cmd_restore_from.c: finds the dump of --from, and restores it. */
enum kist_exit kist_cmd_restore_from(struct kist_restore_command *command);

/* cmd_restore_at.c: reads --at and --latest, and restores what they name. */
enum kist_exit kist_restore_read_moment(struct kist_restore_command *command);
enum kist_exit kist_cmd_restore_at(struct kist_restore_command *command);

/* --undo, and --swap of what is there already. */
enum kist_exit kist_cmd_restore_swap(struct kist_restore_command *command);
/* Asks whether a swap could be done (`ret_report`: what it would do), or does it, with a line in the history. */
int kist_restore_swap_look(const struct kist_restore_command *command, const char *fresh,
                           struct kist_swap_report *ret_report, struct kist_error *err) KIST_CHECKED;
int kist_restore_swap_do(const struct kist_restore_command *command, const char *fresh,
                         struct kist_swap_report *ret_report, int *ret_unrecorded,
                         struct kist_error *err) KIST_CHECKED;
void kist_restore_swap_print(const struct kist_restore_command *command, const struct kist_swap_report *report);

/* A command line for the next step that a shell takes as it is: this one again, with `more` at its end ("--in-place"; may
 * be "") and --confirm `confirm` in place of what was said there (or NULL). New; NULL without memory. */
char *kist_restore_again(const struct kist_restore_command *command, const char *more,
                         const char *confirm) KIST_CHECKED;
/* One about the same target only: "kist restore PIPELINE [--to ...] MORE [--confirm NAME]". */
char *kist_restore_other(const struct kist_restore_command *command, const char *more,
                         const char *confirm) KIST_CHECKED;

/* The exit status of a command that failed. */
enum kist_exit kist_restore_failed(const struct kist_error *err);

#endif
