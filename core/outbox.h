/*
 * outbox.h - events that could not be told, in <state>/outbox: a file for each event and notifier, named by the time.
 */
#ifndef KIST_CORE_OUTBOX_H
#define KIST_CORE_OUTBOX_H

#include "error.h"

#include <jansson.h>

#define KIST_OUTBOX_DAYS 7    /* what is older is dropped */
#define KIST_OUTBOX_MOST 1000 /* entries; the oldest are dropped */

/* Keeps the document of an event (event.h) for a notifier. Durable when it returns 0. */
int kist_outbox_put(const char *state_dir, const char *notifier, json_t *document,
                    struct kist_error *err) KIST_CHECKED;

struct kist_outbox_entry {
    char *path;
    char *notifier;
    char *pipeline;
    int64_t written; /* seconds since 1970 */
};

/* All that waits, oldest first; nobody else sends meanwhile. */
struct kist_outbox {
    int lock; /* -1: none */
    struct kist_outbox_entry *entries;
    size_t count;
};

#define KIST_OUTBOX_INIT                                                                                          \
    {                                                                                                             \
        .lock = -1                                                                                                \
    }

/* Looks what waits. What is damaged or too old is dropped, and logged at warning. Where there is nothing, or another process
 * is sending, `ret_outbox` is empty. */
int kist_outbox_open(const char *state_dir, struct kist_outbox *ret_outbox, struct kist_error *err) KIST_CHECKED;
void kist_outbox_close(struct kist_outbox *outbox);

/* 1 when something waits, and it is time to try again: soon after what came last, and once an hour in the end. For those who
 * have nothing else to tell. */
int kist_outbox_is_due(const char *state_dir, int64_t now);
/* 1 when something for this notifier has come into it within the last hour. */
int kist_outbox_has_recent(const char *state_dir, const char *notifier, int64_t now);

/* The document of an entry. New reference; NULL: it is gone. */
json_t *kist_outbox_read(const struct kist_outbox_entry *entry);
/* It was told, or nobody wants it. */
int kist_outbox_remove(const struct kist_outbox_entry *entry, struct kist_error *err) KIST_CHECKED;

#endif
