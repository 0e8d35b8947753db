/* schedule_quote.h - one word in the forms of the files that `kist schedule` makes. Words have no control characters. */
#ifndef KIST_CORE_SCHEDULE_QUOTE_H
#define KIST_CORE_SCHEDULE_QUOTE_H

#include "text.h"

/* A word of a unit of systemd. In a command's arguments a '$' would be a variable. */
void kist_quote_unit(struct kist_text *text, const char *word);
void kist_quote_unit_argument(struct kist_text *text, const char *word);
/* A word of a shell's command. */
void kist_quote_shell(struct kist_text *text, const char *word);
/* The same in a crontab, where a '%' would end the command. */
void kist_quote_crontab(struct kist_text *text, const char *word);
/* A string of YAML (and of JSON). */
void kist_quote_yaml(struct kist_text *text, const char *word);
/* The text of an element of XML. */
void kist_quote_xml(struct kist_text *text, const char *word);

#endif
