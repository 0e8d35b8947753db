#include "status.h"
#include "text.h"
#include "units.h"

#include <string.h>

static const char *run_text(const struct kist_status *status, const char *name)
{
    return json_string_value(json_object_get(status->last_run, name));
}

static int run_was(const struct kist_status *status, const char *outcome)
{
    const char *text = run_text(status, "outcome");
    return text && strcmp(text, outcome) == 0;
}

/* 1 for a run that failed after the newest good backup was begun, wherever that was. */
static int has_failed_since(const struct kist_status *status)
{
    int64_t started = 0;
    const char *text = run_text(status, "started");
    return run_was(status, "failed") && text && kist_time_parse(text, &started) && started >= status->good_at;
}

const char *kist_status_word(const struct kist_status *status)
{
    if (status->stale && status->good_id[0])
        return "stale";
    if (status->err.code)
        return "unknown";
    if (!status->good_id[0])
        return "never";
    return has_failed_since(status) ? "failed" : "ok";
}

int64_t kist_status_age(const struct kist_status *status, int64_t now)
{
    if (!status->good_id[0] || status->good_at > now + KIST_STATUS_FUTURE)
        return -1;
    return now > status->good_at ? now - status->good_at : 0;
}

/* ---- what a person should look into ---- */

struct problems {
    const struct kist_status *status;
    const char *name; /* of the pipeline */
    int64_t now;
    json_t *list;
    int failed;
};

static void add(struct problems *problems, const struct kist_text *text, const char *format, ...)
    KIST_PRINTF(3, 4);

static void add(struct problems *problems, const struct kist_text *text, const char *format, ...)
{
    KIST_CLEANUP_TEXT struct kist_text step = KIST_TEXT_INIT;
    va_list args;
    va_start(args, format);
    kist_text_vprintf(&step, format, args);
    va_end(args);
    json_t *problem = json_pack("{s:s, s:s}", "text", kist_text_get(text), "next_step", kist_text_get(&step));
    problems->failed |=
        kist_text_failed(text) || kist_text_failed(&step) || json_array_append_new(problems->list, problem) != 0;
}

static void add_silence(struct problems *problems)
{
    const struct kist_status *status = problems->status;
    KIST_CLEANUP_TEXT struct kist_text text = KIST_TEXT_INIT;
    if (status->err.code) {
        kist_text_printf(&text, "no destination can be asked: %s", kist_error_text(&status->err));
        if (status->remembered)
            kist_text_printf(&text, "; the last good backup that this host knows of is %s", status->good_id);
        if (status->err.hint)
            add(problems, &text, "%s", status->err.hint);
        else
            add(problems, &text, "`kist doctor %s` tells what is wrong", problems->name);
        return;
    }
    for (size_t i = 0; i < status->pipeline->destination_count; i++) {
        KIST_CLEANUP_TEXT struct kist_text one = KIST_TEXT_INIT;
        if (status->listing.stores[i])
            continue;
        kist_text_printf(&one, "destination '%s' cannot be asked; this is what the others say",
                         status->pipeline->destinations[i]->name);
        add(problems, &one, "`kist doctor %s` tells what is wrong", problems->name);
    }
}

static void add_age(struct problems *problems)
{
    const struct kist_status *status = problems->status;
    KIST_CLEANUP_TEXT struct kist_text text = KIST_TEXT_INIT;
    char since[KIST_TIME_LENGTH + 1];
    if (!status->good_id[0]) {
        if (status->err.code)
            return;
        if (status->total_count)
            kist_text_printf(&text, "none of its %s backups is good", kist_count_show(status->total_count).text);
        else
            kist_text_printf(&text, "there is no backup on any destination that answers");
        if (status->lost_id[0])
            kist_text_printf(&text, ", and this host remembers the good backup %s", status->lost_id);
        if (status->lost_id[0] && !status->total_count)
            add(problems, &text,
                "see whether what the destinations lie on is there (a disk that is not mounted?)");
        else
            add(problems, &text, "`kist %s %s`", status->total_count ? "list" : "run", problems->name);
    } else if (kist_status_age(status, problems->now) < 0) {
        kist_text_printf(&text, "the last good backup %s is of a time that is yet to come", status->good_id);
        add(problems, &text, "check the clock of this host, then `kist run %s`", problems->name);
    } else if (status->stale) {
        kist_time_text(status->stale_at, since);
        kist_text_printf(&text, "the last good backup is %s old, and has been too old since %s",
                         kist_duration_show((problems->now - status->good_at) * 1000).text, since);
        if (status->pipeline->schedule.kind == KIST_SCHEDULE_NONE)
            add(problems, &text, "`kist run %s`", problems->name);
        else
            add(problems, &text, "`kist run %s`, and see that `kist run --due` or `kist daemon` is at work",
                problems->name);
    }
}

/* What it lacks somewhere, and what makes it suspect, is told of the backups as they are now: both may be mended by now. */
static int is_told_elsewhere(const struct kist_status *status)
{
    const char *place = NULL, *id = run_text(status, "id");
    json_t *complete = NULL, *suspect = status->newest ? status->newest->manifest.suspect : NULL;
    json_object_foreach(json_object_get(status->last_run, "destinations"), place, complete)
        if (!json_is_true(complete))
            return 1;
    return suspect && id && strcmp(id, status->newest->id) == 0;
}

static void add_last_run(struct problems *problems)
{
    const struct kist_status *status = problems->status;
    KIST_CLEANUP_TEXT struct kist_text text = KIST_TEXT_INIT;
    const char *started = run_text(status, "started"), *cause = run_text(status, "cause");
    int failed = has_failed_since(status);
    if (!failed && (!run_was(status, "degraded") || is_told_elsewhere(status)))
        return;
    kist_text_printf(&text, "the last run, of %s, %s: %s", started ? started : "?",
                     failed ? "failed" : "was degraded", cause ? cause : "its cause is not known");
    if (failed)
        add(problems, &text, "`kist doctor %s` tries everything that a run needs", problems->name);
    else if (run_text(status, "retention"))
        add(problems, &text, "`kist prune --dry-run %s` says of every backup why it stays or goes",
            problems->name);
    else
        add(problems, &text, "`kist history %s`", problems->name);
}

/* An older one stands in for it, for its age is not known. */
static void add_future(struct problems *problems)
{
    const struct kist_status *status = problems->status;
    const struct kist_listing_row *row = status->newest;
    KIST_CLEANUP_TEXT struct kist_text text = KIST_TEXT_INIT;
    if (!row || row == status->good || !row->manifest.pipeline ||
        kist_manifest_begun(&row->manifest, problems->now) <= problems->now + KIST_STATUS_FUTURE)
        return;
    kist_text_printf(&text, "the newest backup %s is of a time that is yet to come", row->id);
    add(problems, &text, "check the clock of this host, then `kist run %s`", problems->name);
}

static void add_newest(struct problems *problems)
{
    const struct kist_status *status = problems->status;
    const struct kist_listing_row *row = status->newest;
    KIST_CLEANUP_TEXT struct kist_text text = KIST_TEXT_INIT;
    size_t index = 0;
    json_t *reason = NULL;
    if (!row)
        return;
    if (row->bad || row->damage) {
        kist_text_printf(&text, "the newest backup %s is %s: %s", row->id, row->bad ? "bad" : "damaged",
                         row->damage ? row->damage : "a proof of it has failed");
        add(problems, &text, "`kist verify %s/%s`", problems->name, row->id);
    } else if (row->manifest.suspect && !row->accepted) {
        kist_text_printf(&text, "the newest backup %s is suspect", row->id);
        json_array_foreach(row->manifest.suspect, index, reason)
            kist_text_printf(&text, "%s%s", index ? "; " : ": ", json_string_value(reason));
        add(problems, &text, "if that is right: `kist accept %s/%s`", problems->name, row->id);
    }
}

static void add_places(struct problems *problems)
{
    const struct kist_status *status = problems->status;
    for (size_t i = 0; status->good && i < status->pipeline->destination_count; i++) {
        KIST_CLEANUP_TEXT struct kist_text text = KIST_TEXT_INIT;
        if (!kist_listing_counts(&status->listing, status->good, i) ||
            status->good->places[i] != KIST_PLACE_ABSENT)
            continue;
        kist_text_printf(&text, "destination '%s' lacks the last good backup %s",
                         status->pipeline->destinations[i]->name, status->good_id);
        add(problems, &text, "`kist run --repair %s`", problems->name);
    }
}

json_t *kist_status_problems(const struct kist_status *status, int64_t now)
{
    struct problems problems = {
        .status = status, .name = status->pipeline->name, .now = now, .list = json_array()};
    if (!problems.list)
        return NULL;
    add_silence(&problems);
    add_age(&problems);
    add_last_run(&problems);
    add_future(&problems);
    add_newest(&problems);
    add_places(&problems);
    if (!problems.failed)
        return problems.list;
    json_decref(problems.list);
    return NULL;
}
