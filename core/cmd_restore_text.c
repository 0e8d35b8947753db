#include "cmd_restore.h"
#include "signals.h"

#include <string.h>

/* What a shell takes as one word. */
static void add_word(struct kist_text *text, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./_-";
    if (*word && strspn(word, plain) == strlen(word)) {
        kist_text_add(text, word);
        return;
    }
    kist_text_add_char(text, '\'');
    for (const char *c = word; *c; c++)
        if (*c == '\'')
            kist_text_add(text, "'\\''");
        else
            kist_text_add_char(text, *c);
    kist_text_add_char(text, '\'');
}

static void add_option(struct kist_text *text, const struct kist_cli_value *option)
{
    kist_text_printf(text, " --%s", option->name);
    if (option->value) {
        kist_text_add_char(text, ' ');
        add_word(text, option->value);
    }
}

static int is_global(const char *name)
{
    for (const struct kist_cli_option *row = kist_global_options; row->name; row++)
        if (strcmp(row->name, name) == 0)
            return 1;
    return 0;
}

static char *finish(struct kist_text *text, const char *more, const char *confirm)
{
    if (*more)
        kist_text_printf(text, " %s", more);
    if (confirm)
        add_option(text, &(struct kist_cli_value){.name = "confirm", .value = confirm});
    return kist_text_take(text);
}

char *kist_restore_again(const struct kist_restore_command *command, const char *more, const char *confirm)
{
    KIST_CLEANUP_TEXT struct kist_text text = KIST_TEXT_INIT;
    kist_text_add(&text, "kist restore ");
    add_word(&text, command->from || command->options.at ? command->pipeline->name : command->what);
    for (int i = 0; i < command->cli->option_count; i++) {
        const struct kist_cli_value *option = &command->cli->option_values[i];
        if (strcmp(option->name, "confirm") != 0 && strcmp(option->name, "dry-run") != 0)
            add_option(&text, option);
    }
    return finish(&text, more, confirm);
}

char *kist_restore_other(const struct kist_restore_command *command, const char *more, const char *confirm)
{
    KIST_CLEANUP_TEXT struct kist_text text = KIST_TEXT_INIT;
    kist_text_add(&text, "kist restore ");
    add_word(&text, command->pipeline->name);
    for (int i = 0; i < command->cli->option_count; i++) {
        const struct kist_cli_value *option = &command->cli->option_values[i];
        if (is_global(option->name) || strcmp(option->name, "to") == 0)
            add_option(&text, option);
    }
    return finish(&text, more, confirm);
}

enum kist_exit kist_restore_failed(const struct kist_error *err)
{
    enum kist_exit status = kist_cli_fail(err);
    if (kist_signals_seen())
        return KIST_EXIT_SIGNAL + (unsigned)kist_signals_seen();
    return status;
}
