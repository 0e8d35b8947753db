#include "config_parse.h"
#include "config_store.h"
#include "redact.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_keys(struct kist_text *text, const struct kist_option_table *table, const void *config)
{
    for (size_t i = 0; config && i < table->count; i++) {
        struct kist_text value KIST_CLEANUP_TEXT = KIST_TEXT_INIT;
        if (!kist_option_is_sound(&table->rows[i], table->size) ||
            !kist_option_write(&table->rows[i], config, &value))
            continue;
        const char *given = kist_text_get(&value);
        kist_text_printf(text, "%s =%s%s\n", table->rows[i].name, *given ? " " : "", given);
        text->failed |= kist_text_failed(&value);
    }
}

static void print_section(struct kist_text *text, const char *type, const struct kist_bound_section *bound)
{
    const struct kist_option_table keys = kist_config_keys(type);
    kist_text_printf(text, "\n[%s %s]\n", type, bound->shown.name);
    print_keys(text, &keys, &bound->keys);
    print_keys(text, &bound->table, bound->shown.config);
}

static void print_any(struct kist_text *text, const struct kist_ini_section *section)
{
    const struct kist_option_table keys = kist_config_keys(section->type);
    kist_text_printf(text, "%s; %s:%d", text->size > 0 ? "\n" : "", section->file->path, section->line);
    if (strcmp(section->type, "kist") == 0) {
        kist_text_add(text, "\n[kist]\n");
        print_keys(text, &keys, section->bound);
    } else if (strcmp(section->type, "pipeline") == 0) {
        const struct kist_bound_pipeline *pipeline = section->bound;
        kist_text_printf(text, "\n[pipeline %s]\n", section->name);
        print_keys(text, &keys, &pipeline->keys);
    } else {
        print_section(text, section->type, section->bound);
    }
}

int kist_config_print(const struct kist_config *config, void *stream, struct kist_error *err)
{
    struct kist_text text KIST_CLEANUP_TEXT = KIST_TEXT_INIT;
    for (const struct kist_ini_section *section = config->store->ini.sections; section; section = section->next)
        print_any(&text, section);
    for (const struct kist_bound_section *bound = config->store->bare_filters; bound; bound = bound->next) {
        kist_text_add(&text, "\n; used without a section");
        print_section(&text, "filter", bound);
    }
    /* A credential may have found its way into an option that is no secret. */
    char *clean = kist_text_failed(&text) ? NULL : kist_redact(kist_text_get(&text));
    if (!clean)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    int failed = 0;
    if (fputs(clean, stream) == EOF || fflush(stream))
        failed = kist_fail_errno(err, errno, "the configuration cannot be written");
    free(clean);
    return failed;
}
