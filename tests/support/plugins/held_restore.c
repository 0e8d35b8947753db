/*
 * held_restore.c - how the test source `held` restores: a new file `live-NAME` at the provider, beside the one that is there
 * ("NAME_restore_TIME"), or in its place ("NAME_before_TIME" keeps it).
 */
#include "held.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct restore {
    const struct held *held;
    uint32_t flags;
    int is_there, begun, done, rejected;
    char name[256], fresh[300], kept[300]; /* empty: none */
    char at[64];
    FILE *file;
    char look[HELD_PATH + 8];
};

static void live_path(const struct held *held, const char *name, char *path)
{
    char file[400];
    snprintf(file, sizeof file, "live-%s", name);
    held_path(held, file, path);
}

static const char *result_name(const struct restore *restore)
{
    return restore->fresh[0] ? restore->fresh : restore->name;
}

/* ---- begin ---- */

static void write_time(int64_t ms, const char *format, char *text, size_t size)
{
    const time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    strftime(text, size, format, gmtime_r(&seconds, &parts));
}

static int check_moment(const struct held *held, const struct kist_restore *wanted, struct kist_error *err)
{
    const struct kist_host *host = held->host;
    const int64_t now = host->now_ms(host), oldest = now - held->config->history.ms;
    char from[64], to[64];
    if (!wanted->at || wanted->at_ms == 0 || (wanted->at_ms >= oldest && wanted->at_ms <= now))
        return 0;
    write_time(oldest, "%Y-%m-%dT%H:%M:%SZ", from, sizeof from);
    write_time(now, "%Y-%m-%dT%H:%M:%SZ", to, sizeof to);
    host->fail(host, err, KIST_ERR_REFUSED, "%s is not in the history of '%s', which reaches from %s to %s",
               wanted->at, held->config->name, from, to);
    host->hint(host, err, "choose a moment between these, or --latest");
    return KIST_ERR_REFUSED;
}

static int check_target(const struct restore *restore, struct kist_error *err)
{
    const struct kist_host *host = restore->held->host;
    if (!restore->is_there || restore->flags & (KIST_RESTORE_CLEAN | KIST_RESTORE_BESIDE))
        return 0;
    host->fail(host, err, KIST_ERR_REFUSED, "'%s' is there already", restore->name);
    host->hint(host, err,
               restore->flags & KIST_RESTORE_BRANCH ? "give --to-branch a new name"
                                                    : "--in-place puts the backup in its place");
    return KIST_ERR_REFUSED;
}

static void choose_names(struct restore *restore)
{
    const struct kist_host *host = restore->held->host;
    char time[32], path[HELD_PATH];
    live_path(restore->held, restore->name, path);
    restore->is_there = access(path, F_OK) == 0;
    write_time(host->now_ms(host), "%Y%m%d_%H%M%S", time, sizeof time);
    if (restore->is_there && restore->flags & KIST_RESTORE_CLEAN)
        snprintf(restore->kept, sizeof restore->kept, "%s_before_%s", restore->name, time);
    else if (restore->is_there && restore->flags & KIST_RESTORE_BESIDE)
        snprintf(restore->fresh, sizeof restore->fresh, "%s_restore_%s", restore->name, time);
}

int held_restore_begin(void *self, const struct kist_restore *wanted, void **ret_restore, struct kist_error *err)
{
    const struct held *held = self;
    int code = check_moment(held, wanted, err);
    struct restore *restore = code ? NULL : calloc(1, sizeof *restore);
    if (code)
        return code;
    if (!restore)
        return held->host->fail(held->host, err, KIST_ERR_FAILED, "out of memory");
    *restore = (struct restore){.held = held, .flags = wanted->flags};
    snprintf(restore->name, sizeof restore->name, "%s", wanted->target ? wanted->target : held->config->name);
    snprintf(restore->at, sizeof restore->at, "%s", wanted->at ? wanted->at : "");
    choose_names(restore);
    code = check_target(restore, err);
    if (code)
        free(restore);
    else
        *ret_restore = restore;
    return code;
}

int held_restore_place(void *self, kist_place_fn give, void *arg, struct kist_error *err)
{
    struct restore *restore = self;
    const struct held *held = restore->held;
    char path[HELD_PATH];
    (void)err;
    live_path(held, result_name(restore), path);
    snprintf(restore->look, sizeof restore->look, "cat %s", path);
    uint32_t flags = restore->is_there ? 0 : KIST_PLACE_MISSING;
    if (strcmp(restore->name, held->config->name) == 0)
        flags |= KIST_PLACE_SOURCE;
    const struct kist_place place = {
        .struct_size = sizeof place,
        .flags = flags | (restore->kept[0] ? KIST_PLACE_PRESERVES : 0),
        .name = restore->name,
        .server = held->config->place,
        .fresh = restore->fresh[0] ? restore->fresh : NULL,
        .holds = restore->is_there ? "a file" : NULL,
        .look = access(path, F_OK) == 0 ? restore->look : NULL, /* what is not there yet cannot be looked at */
        .kept = restore->kept[0] ? restore->kept : NULL,
        .kind = "branch",
    };
    return give(arg, &place);
}

/* ---- writing ---- */

/* Before the first item: what lives is put aside if it is to be replaced. Further items are added to the same file. */
static int open_live(struct restore *restore, struct kist_error *err)
{
    char path[HELD_PATH], kept[HELD_PATH];
    live_path(restore->held, result_name(restore), path);
    if (!restore->begun && restore->kept[0]) {
        live_path(restore->held, restore->kept, kept);
        if (rename(path, kept) != 0)
            return held_broken(restore->held, kept, err);
    }
    restore->file = fopen(path, restore->begun ? "abe" : "wxe");
    if (!restore->file)
        return held_broken(restore->held, path, err);
    restore->begun = 1;
    restore->done = 0;
    return 0;
}

static int close_live(struct restore *restore, struct kist_error *err)
{
    FILE *file = restore->file;
    restore->file = NULL;
    if (fclose(file) != 0)
        return held_broken(restore->held, restore->name, err);
    restore->done = 1;
    return 0;
}

int held_restore_reference(void *self, const struct kist_item *item, struct kist_error *err)
{
    struct restore *restore = self;
    const struct held *held = restore->held;
    const char *what = item ? item->reference->id : restore->at;
    char path[HELD_PATH], *text = NULL;
    int code = held_call(held, "restore", what, HELD_RESTORE, err);
    if (!code && item) {
        held_path(held, item->reference->id, path);
        code = held_read(held, path, &text, err);
    }
    if (!code)
        code = held_wait(held, held->config->delay.ms, err);
    if (!code)
        code = open_live(restore, err);
    if (!code) {
        fprintf(restore->file, "%s%s", item ? text : "at=", item ? "" : restore->at);
        code = close_live(restore, err);
    }
    free(text);
    return code;
}

int held_write_begin(void *self, const struct kist_item *item, void **ret_writer, struct kist_error *err)
{
    int code = open_live(self, err);
    (void)item;
    if (!code)
        *ret_writer = self;
    return code;
}

int held_write(void *writer, const void *data, size_t size, struct kist_error *err)
{
    const struct restore *restore = writer;
    return fwrite(data, 1, size, restore->file) == size ? 0 : held_broken(restore->held, restore->name, err);
}

int held_write_commit(void *writer, struct kist_error *err)
{
    return close_live(writer, err);
}

void held_write_abort(void *writer)
{
    struct restore *restore = writer;
    fclose(restore->file);
    restore->file = NULL;
}

void held_restore_reject(void *self)
{
    ((struct restore *)self)->rejected = 1;
}

void held_restore_end(void *self)
{
    struct restore *restore = self;
    char path[HELD_PATH], kept[HELD_PATH];
    if (restore->begun && (!restore->done || restore->rejected)) {
        live_path(restore->held, result_name(restore), path);
        unlink(path);
        live_path(restore->held, restore->kept, kept);
        if (restore->kept[0])
            (void)!rename(kept, path);
    }
    free(restore);
}
