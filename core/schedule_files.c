#include "schedule_files.h"

#include <string.h>

const struct kist_schedule_form kist_schedule_forms[] = {
    {"systemd", "kist.service", kist_schedule_write_service},
    {"systemd", "kist.timer", kist_schedule_write_timer},
    {"systemd", "kist-daemon.service", kist_schedule_write_daemon},
    {"systemd", "kist-failure@.service", kist_schedule_write_failure},
    {"cron", "kist", kist_schedule_write_crontab},
    {"kubernetes", "kist.yaml", kist_schedule_write_kubernetes},
    {"github", "kist.yml", kist_schedule_write_workflow},
    {"launchd", "kist.run-due.plist", kist_schedule_write_plist},
    {.format = NULL},
};

/* In a comment, where no value may break the line. */
static void add_comment(struct kist_text *text, const char *value)
{
    kist_text_add_printable(text, value, strlen(value));
}

void kist_schedule_add_pipelines(const struct kist_schedule_facts *facts, struct kist_text *text)
{
    for (size_t i = 0; i < facts->pipeline_count; i++) {
        const struct kist_schedule_pipeline *pipeline = &facts->pipelines[i];
        kist_text_printf(text, "#   %s: ", pipeline->name);
        add_comment(text, pipeline->schedule ? pipeline->schedule : "no schedule, so it runs by hand only");
        if (pipeline->parsed.kind == KIST_SCHEDULE_CRON) {
            kist_text_add(text, ", ");
            add_comment(text, pipeline->zone);
        }
        kist_text_add(text, "\n");
    }
}

void kist_schedule_add_options(const struct kist_schedule_facts *facts, struct kist_text *text,
                               void (*quote)(struct kist_text *text, const char *word))
{
    quote(text, "--config");
    kist_text_add(text, " ");
    quote(text, facts->config);
    for (size_t i = 0; i < facts->options.count; i++) {
        kist_text_add(text, " ");
        quote(text, facts->options.items[i]);
    }
}

void kist_schedule_add_names(const struct kist_schedule_list *list, struct kist_text *text)
{
    for (size_t i = 0; i < list->count; i++) {
        kist_text_add(text, i ? ", " : "");
        add_comment(text, list->items[i]);
    }
}
