#include "catalogs.h"
#include "due.h"
#include "log.h"
#include "state.h"

#include <stdlib.h>
#include <string.h>

#define ASK_MS 20000     /* for all destinations together */
#define BUSY_LONGEST 900 /* seconds; what lies further ahead was noted by a wrong clock */

/* What is known of one pipeline. */
struct view {
    const struct kist_config_pipeline *pipeline;
    struct kist_ledger ledger;
    int64_t slot; /* as in kist_due_slot */
};

struct find {
    const struct kist_due_options *options;
    int64_t now;
    struct view *views;
    size_t count;
};

static int64_t newest_of(const struct kist_ledger *ledger)
{
    int64_t seconds = -1;
    return kist_id_parse(ledger->newest, &seconds) ? seconds : -1;
}

/* One whose lock is held is at work already, or a prune or a restore is: it is looked at again when that is over. */
static int is_at_work(const struct kist_due_options *options, const char *pipeline)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct kist_lock lock = KIST_LOCK_INIT;
    if (options->dry_run)
        return 0;
    int code = kist_lock_take(options->state_dir, pipeline, &lock, &err);
    kist_lock_release(&lock);
    if (code == KIST_ERR_EXISTS)
        kist_log(KIST_LOG_DEBUG, pipeline, "it is due, and at work already");
    /* Any other trouble with the lock is the run's to tell. */
    return code == KIST_ERR_EXISTS;
}

static void look(struct find *find, const struct kist_config *config)
{
    const struct kist_due_options *options = find->options;
    for (size_t i = 0; i < config->pipeline_count; i++) {
        const struct kist_config_pipeline *pipeline = &config->pipelines[i];
        if (pipeline->schedule.kind == KIST_SCHEDULE_NONE ||
            (options->skip && options->skip(options->arg, pipeline)))
            continue;
        struct view *view = &find->views[find->count++];
        view->pipeline = pipeline;
        kist_ledger_read(options->state_dir, pipeline->name, &view->ledger);
        const struct kist_ledger *ledger = &view->ledger;
        if (ledger->busy_until <= find->now || ledger->busy_until > find->now + BUSY_LONGEST)
            view->slot = kist_due_slot(&pipeline->schedule, ledger, newest_of(ledger), find->now);
        if (view->slot && is_at_work(options, pipeline->name))
            view->slot = 0;
    }
}

/* Another host may have done what is not known to be done here. */
static int is_doubtful(const struct view *view)
{
    return view->slot && (view->pipeline->exclusive || !view->ledger.first_seen);
}

static void note(struct kist_ledger *ledger, void *arg)
{
    const int64_t *newest = arg;
    char id[KIST_ID_LENGTH + 1] = "";
    if (*newest >= 0)
        kist_id_of_time(*newest, id);
    if (strcmp(id, ledger->aside) == 0)
        id[0] = '\0';
    kist_ledger_note(ledger, strcmp(id, ledger->newest) > 0 ? id : NULL, NULL);
}

static void learn(const struct find *find, struct view *view, const struct kist_catalogs_row *row)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    int64_t newest = row->newest, aside = -1;
    /* What was saved before a restore is the backup of no slot. */
    if (kist_id_parse(view->ledger.aside, &aside) && newest == aside)
        newest = newest_of(&view->ledger);
    if (!find->options->dry_run &&
        kist_ledger_change(find->options->state_dir, view->pipeline->name, note, &newest, &err))
        kist_log_at(KIST_LOG_WARNING, view->pipeline->name, &err);
    view->slot = kist_due_slot(&view->pipeline->schedule, &view->ledger, newest, find->now);
    if (view->slot && row->silent)
        kist_log(
            KIST_LOG_WARNING, view->pipeline->name,
            "whether there is a newer backup is not known, for a destination does not answer: it is taken as due");
}

static int ask(struct find *find, struct kist_error *err)
{
    struct kist_catalogs_row *rows = calloc(find->count + 1, sizeof *rows);
    struct view **asked = calloc(find->count + 1, sizeof(struct view *));
    size_t count = 0;
    int code = rows && asked ? 0 : kist_fail(err, KIST_ERR_FAILED, "out of memory");
    for (size_t i = 0; i < find->count && !code; i++)
        if (is_doubtful(&find->views[i])) {
            asked[count] = &find->views[i];
            rows[count++].pipeline = find->views[i].pipeline;
        }
    if (!code)
        code = kist_catalogs_newest_apart(rows, count, ASK_MS, find->options->cancel, err);
    if (code && code != KIST_ERR_CANCELLED && rows && asked) {
        kist_log_at(KIST_LOG_WARNING, NULL, err);
        kist_error_clear(err);
        code = 0;
    }
    for (size_t i = 0; i < count && !code; i++)
        learn(find, asked[i], &rows[i]);
    free(rows);
    free(asked);
    return code;
}

static int collect(const struct find *find, struct kist_due **ret_due, size_t *ret_count, struct kist_error *err)
{
    size_t count = 0;
    struct kist_due *due = calloc(find->count + 1, sizeof *due);
    if (!due)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    for (size_t i = 0; i < find->count; i++) {
        const struct view *view = &find->views[i];
        if (view->slot)
            due[count++] = (struct kist_due){.pipeline = view->pipeline, .slot = view->slot};
    }
    *ret_due = due;
    *ret_count = count;
    return 0;
}

int kist_due_find(const struct kist_config *config, const struct kist_due_options *options, int64_t now,
                  struct kist_due **ret_due, size_t *ret_count, struct kist_error *err)
{
    struct find find = {
        .options = options, .now = now, .views = calloc(config->pipeline_count + 1, sizeof *find.views)};
    if (!find.views)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    look(&find, config);
    int code = ask(&find, err);
    if (!code)
        code = collect(&find, ret_due, ret_count, err);
    free(find.views);
    return code;
}
