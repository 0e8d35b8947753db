/* schedule_files.h - the files of `kist schedule`, one function for each. */
#ifndef KIST_CORE_SCHEDULE_FILES_H
#define KIST_CORE_SCHEDULE_FILES_H

#include "schedule_facts.h"
#include "text.h"

struct kist_schedule_form {
    const char *format; /* as on the command line */
    const char *file;   /* its name */
    void (*write)(const struct kist_schedule_facts *facts, struct kist_text *text);
};

/* All of them, those of a format one after the other; ends with a NULL format. */
extern const struct kist_schedule_form kist_schedule_forms[];

void kist_schedule_write_service(const struct kist_schedule_facts *facts, struct kist_text *text);
void kist_schedule_write_timer(const struct kist_schedule_facts *facts, struct kist_text *text);
void kist_schedule_write_daemon(const struct kist_schedule_facts *facts, struct kist_text *text);
void kist_schedule_write_failure(const struct kist_schedule_facts *facts, struct kist_text *text);
void kist_schedule_write_crontab(const struct kist_schedule_facts *facts, struct kist_text *text);
void kist_schedule_write_plist(const struct kist_schedule_facts *facts, struct kist_text *text);
void kist_schedule_write_kubernetes(const struct kist_schedule_facts *facts, struct kist_text *text);
void kist_schedule_write_workflow(const struct kist_schedule_facts *facts, struct kist_text *text);

/* What they have in common: comments about the pipelines, and the options of each command. */
void kist_schedule_add_pipelines(const struct kist_schedule_facts *facts, struct kist_text *text);
void kist_schedule_add_options(const struct kist_schedule_facts *facts, struct kist_text *text,
                               void (*quote)(struct kist_text *text, const char *word));
/* The names as "A, B". */
void kist_schedule_add_names(const struct kist_schedule_list *list, struct kist_text *text);

#endif
