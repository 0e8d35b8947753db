/*
 * event.h - what notifiers are told: made of the news once, then carried as a JSON document through pipes and the outbox, and
 * laid out for a plugin at the end of the way.
 *
 * The document: {"kind": 3, "text": "...", "rows": [["pipeline", "shop"], ...], "event": {...}}, where "event" is what
 * kist-event(7) describes. All texts in it are clean: UTF-8 without control characters, without secrets, and bounded.
 */
#ifndef KIST_CORE_EVENT_H
#define KIST_CORE_EVENT_H

#include "news.h"

#include <jansson.h>

#define KIST_EVENT_MEMORY 255 /* bytes that a notifier may have remembered */

/* "failure", of a KIST_EVENT_*; "event" for one that is unknown. */
const char *kist_event_word(uint32_t kind);

/* The document of the news, told as an event of this kind. New reference. */
int kist_event_make(const struct kist_config_pipeline *pipeline, const struct kist_news *news, uint32_t kind,
                    json_t **ret_document, struct kist_error *err) KIST_CHECKED;

/* An event as a plugin gets it; its texts live in the document. */
struct kist_message {
    struct kist_event event; /* first, so that `remember` finds the message by it */
    json_t *document;
    struct kist_event_row *rows;
    char *json;
    char remembered[KIST_EVENT_MEMORY + 1]; /* "" nothing */
};

/* Takes the document (its reference is given, also on failure); one that is none is KIST_ERR_CORRUPT. `late`: it says that it
 * comes late, and when it happened. */
int kist_message_open(json_t *document, int late, struct kist_message *ret_message,
                      struct kist_error *err) KIST_CHECKED;
void kist_message_done(struct kist_message *message);

#endif
