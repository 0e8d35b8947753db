#include "teller_late.h"
#include "backup_id.h"
#include "log.h"

#include <stdlib.h>
#include <string.h>

#define LOOK_EVERY_MS INT64_C(600000) /* of one that lives long */

enum state { WAITS, UNDER_WAY, DONE };

static int has_work(const struct kist_teller_late *late)
{
    for (size_t i = 0; i < late->outbox.count; i++)
        if (late->states[i] != DONE)
            return 1;
    return 0;
}

void kist_teller_late_look(struct kist_teller_late *late, const char *state_dir)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    if (late->outbox.lock >= 0 && !has_work(late)) {
        kist_outbox_close(&late->outbox);
        free(late->states);
        late->states = NULL;
    }
    if (late->outbox.lock >= 0 || !state_dir || kist_time_monotonic_ms() < late->next_look)
        return;
    late->next_look = kist_time_monotonic_ms() + LOOK_EVERY_MS;
    if (kist_outbox_open(state_dir, &late->outbox, &err))
        kist_log_at(KIST_LOG_WARNING, NULL, &err);
    late->states = calloc(late->outbox.count + 1, 1);
    if (!late->states)
        kist_outbox_close(&late->outbox);
}

static void drop_unknown(struct kist_teller_late *late, const struct kist_config *config, size_t at)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    const struct kist_outbox_entry *entry = &late->outbox.entries[at];
    late->states[at] = DONE;
    /* Another configuration may share the state directory: what it left there is its own. */
    if (!kist_config_pipeline(config, entry->pipeline))
        return;
    if (kist_outbox_remove(entry, &err))
        kist_log_at(KIST_LOG_WARNING, NULL, &err);
    else
        kist_log(KIST_LOG_WARNING, entry->pipeline, "dropped a message to '%s', which is no notifier any more",
                 entry->notifier);
}

static int is_busy(const struct kist_teller_late *late, size_t at)
{
    for (size_t i = 0; i < late->outbox.count; i++)
        if (late->states[i] == UNDER_WAY &&
            strcmp(late->outbox.entries[i].notifier, late->outbox.entries[at].notifier) == 0)
            return 1;
    return 0;
}

static struct kist_teller_job *make_job(struct kist_teller_late *late, const struct kist_config_section *notifier,
                                        size_t at)
{
    struct kist_teller_job *job = calloc(1, sizeof *job);
    json_t *document = job ? kist_outbox_read(&late->outbox.entries[at]) : NULL;
    if (!document) {
        late->states[at] = DONE;
        free(job);
        return NULL;
    }
    *job = (struct kist_teller_job){
        .notifier = notifier, .document = document, .reply = -1, .late = at + 1, .result = -1};
    late->states[at] = UNDER_WAY;
    late->under_way++;
    return job;
}

struct kist_teller_job *kist_teller_late_next(struct kist_teller_late *late, const struct kist_config *config)
{
    for (size_t i = 0; i < late->outbox.count; i++) {
        if (late->states[i] != WAITS || is_busy(late, i))
            continue;
        const struct kist_config_section *notifier =
            kist_config_notifier(config, late->outbox.entries[i].notifier);
        struct kist_teller_job *job = notifier ? make_job(late, notifier, i) : NULL;
        if (job)
            return job;
        if (!notifier)
            drop_unknown(late, config, i);
    }
    return NULL;
}

void kist_teller_late_done(struct kist_teller_late *late, const struct kist_teller_job *job, json_t *result)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    const struct kist_outbox_entry *entry = &late->outbox.entries[job->late - 1];
    char when[KIST_TIME_LENGTH + 1];
    size_t waiting = 0;
    late->states[job->late - 1] = DONE;
    late->under_way--;
    kist_time_text(entry->written, when);
    if (result && json_integer_value(json_object_get(result, "code")) == 0) {
        kist_log(KIST_LOG_INFO, entry->pipeline, "told '%s' what could not be told at %s", entry->notifier, when);
        if (kist_outbox_remove(entry, &err))
            kist_log_at(KIST_LOG_WARNING, NULL, &err);
        return;
    }
    for (size_t i = 0; i < late->outbox.count; i++)
        if (late->states[i] == WAITS && strcmp(late->outbox.entries[i].notifier, entry->notifier) == 0) {
            late->states[i] = DONE;
            waiting++;
        }
    const char *why = json_string_value(json_object_get(result, "message"));
    kist_log(KIST_LOG_INFO, entry->pipeline, "'%s' still cannot be told what waits since %s (%zu in all): %s",
             entry->notifier, when, waiting + 1, why ? why : "no answer");
}
