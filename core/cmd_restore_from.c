#include "cmd_restore.h"
#include "foreign.h"

#include <stdlib.h>
#include <string.h>

/* Any name that a file can have, as a text for the history. New. */
static char *printable(const char *from)
{
    KIST_CLEANUP_TEXT struct kist_text text = KIST_TEXT_INIT;
    kist_text_add_printable(&text, from, strlen(from));
    return kist_text_take(&text);
}

static enum kist_exit restore(struct kist_restore_command *command, const char *from, char *shown)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct kist_foreign foreign;
    enum kist_exit status = KIST_EXIT_OK;
    int code = kist_foreign_open(command->config, command->pipeline, from, kist_cli_has(command->cli, "trust-sql"),
                                 &command->options, &foreign, &err);
    if (!code) {
        command->what = shown;
        status = kist_cmd_restore_found(command, &foreign.found);
        command->what = NULL;
    } else {
        status = kist_restore_failed(&err);
        if (code == KIST_ERR_NOT_FOUND && status < KIST_EXIT_SIGNAL)
            status = KIST_EXIT_NO_BACKUP;
    }
    kist_foreign_done(&foreign);
    return status;
}

enum kist_exit kist_cmd_restore_from(struct kist_restore_command *command)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    const char *from = command->from;
    char *shown = printable(from);
    if (!shown) {
        kist_fail(&err, KIST_ERR_FAILED, "out of memory");
        return kist_cli_fail(&err);
    }
    command->from = shown;
    enum kist_exit status = restore(command, from, shown);
    command->from = from;
    free(shown);
    return status;
}
