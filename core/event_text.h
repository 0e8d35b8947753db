/* event_text.h - an event in the words of people: rows and the message as a whole. */
#ifndef KIST_CORE_EVENT_TEXT_H
#define KIST_CORE_EVENT_TEXT_H

#include "news.h"

#include <jansson.h>

/* What both are made of; `event` is the public object of the document, whose texts are clean already. */
struct kist_event_draft {
    const struct kist_config_pipeline *pipeline;
    const struct kist_news *news;
    uint32_t kind;
    json_t *event;
};

/* One line about what happened: "shop-daily failed on db1". New; NULL without memory. */
char *kist_event_headline(const struct kist_event_draft *draft) KIST_CHECKED;
/* What to do when nobody said more than that it failed; NULL: nothing. New. */
char *kist_event_advice(const struct kist_event_draft *draft) KIST_CHECKED;
/* [["pipeline", "shop"], ...], and the message made of it. New references; NULL without memory. */
json_t *kist_event_rows(const struct kist_event_draft *draft) KIST_CHECKED;
json_t *kist_event_text(const struct kist_event_draft *draft, json_t *rows) KIST_CHECKED;

#endif
