/*
 * neon.h - what the files of the `neon` source share.
 *
 * A project's database lies on a branch. Its backup is another branch, or a snapshot, of the same project (mode = branch,
 * snapshot), or a dump of a branch that is there only meanwhile (mode = dump, dump.h).
 *
 * Whatever changes something at Neon carries a name that nobody else gives. After a reply that was lost, that name is
 * looked for before anything is sent again.
 */
#ifndef KIST_NEON_H
#define KIST_NEON_H

#include "again.h"
#include "calm.h"
#include "fault.h"
#include "http.h"
#include "json.h"
#include "stamp.h"

#include <kist/plugin.h>
#include <stdio.h>

#define NEON_ID_SIZE 64    /* of an id with its end; Neon's have at most 60 characters */
#define NEON_NAME_SIZE 769 /* of a name, likewise: at most 256 characters */
#define NEON_WORD_SIZE 48
#define NEON_TIME_SIZE 32
#define NEON_NAME_MAX 256
#define NEON_REQUEST_SIZE 65 /* of the name of a request */

#define NEON_BRANCH 0
#define NEON_SNAPSHOT 1
#define NEON_DUMP 2

struct neon_config {
    kist_secret api_key;
    const char *project, *branch;
    kist_choice mode;
    const char *name;
    kist_duration expires;
    kist_switch protect;
    kist_duration wait, poll;
    const char *database, *role;
    kist_source_ref dump;
    const char *api_url;
};

/* ---- client.c: requests. ---- */

struct neon_source;

/* A way to Neon: the source's own, or the calm one, for what has to be cleaned up after a cancel. */
struct neon_api {
    struct neon_source *source;
    const struct kist_host *host;
    const struct neon_config *config;
    struct kist_http *http;
    char *base; /* URL of the project */
    char *authorization;
    int64_t limit_ms;    /* for one thing that is to be done, with all its waits */
    int64_t started_ms;  /* when that began, by the wall clock */
    int64_t deadline_ms; /* of what is being done, by the clock that only moves forward */
};

int neon_api_init(struct neon_api *api, struct neon_source *source, const struct kist_host *host, int64_t limit_ms,
                  struct kist_error *err) KIST_CHECKED;
void neon_api_done(struct neon_api *api); /* all zero is fine */
/* From now on `limit_ms` counts. To be said once at the beginning of every callback. */
void neon_api_start(struct neon_api *api);
/* The same with no more than `most_ms`, and gives the limit that was, to be put back. */
int64_t neon_api_limit(struct neon_api *api, int64_t most_ms);
/* What is left of it; at least 1. */
int64_t neon_api_left(const struct neon_api *api);

struct neon_request {
    const char *what;   /* for messages: "cannot WHAT" */
    const char *method; /* GET may be repeated whatever became of it */
    char *path;      /* behind the project's URL, encoded; freed by neon_call; NULL: there was no memory for it */
    json_t *body;    /* or NULL; freed by neon_call */
    int repeatable;  /* another method that may be repeated, too: twice is as good as once */
    int is_creation; /* of something of which there may be too many: a 422 is about the quota if it says so */
};

/* Sends it, and again as long as that is safe and there is time. *ret_unsure (may be NULL): after a failure, whether it may
 * have been acted on. `ret_json` (may be NULL) is the caller's; an empty reply gives an empty object. 404 is
 * KIST_ERR_NOT_FOUND, 409 KIST_ERR_EXISTS, a quota KIST_ERR_NO_SPACE. */
int neon_call(struct neon_api *api, struct neon_request request, json_t **ret_json, int *ret_unsure,
              struct kist_error *err) KIST_CHECKED;
/* "/a/" "b" "/c" and then ?name=value for each pair up to NULL, with the values encoded and those that are NULL left out.
 * `id` may be NULL. New; NULL without memory. */
char *neon_path(const char *head, const char *id, const char *tail, ...) KIST_CHECKED;

/* ---- error.c: what Neon says is wrong. ---- */
int neon_error_fill(struct neon_api *api, struct kist_http *http, const struct neon_request *request,
                    const struct kist_http_request *http_request, const struct kist_http_reply *reply,
                    const char *sent_id, struct kist_error *err);
int neon_fail_memory(const struct kist_host *host, struct kist_error *err);
/* Where there is neither `what` nor, when that is asked, the project: which of them it is. */
int neon_fail_missing(struct neon_api *api, const char *what, struct kist_error *err);
/* The same for a list that there should be, if only an empty one: never NOT_FOUND. */
int neon_fail_unlisted(struct neon_api *api, const char *what, struct kist_error *err);
/* Adds to `err` what became of the half made thing that had to go: its removal came to `code`, and `own` says why. */
void neon_say_undone(const struct kist_host *host, const char *what, int code, const struct kist_error *own,
                     struct kist_error *err);

/* ---- reply.c: what replies say. Pure; a reply is hostile until it is proved to be one. ---- */

struct neon_branch {
    char id[NEON_ID_SIZE], parent_id[NEON_ID_SIZE]; /* "" for a root */
    char name[NEON_NAME_SIZE];
    char state[NEON_WORD_SIZE];              /* "ready", "init", ... */
    char restored_from[NEON_ID_SIZE];        /* a snapshot; or "" */
    int64_t time_ms, created_ms, expires_ms; /* the moment it was made of; 0: not told, never */
    int64_t logical_size;                    /* -1: not told */
    uint32_t is_default, is_protected;
};

struct neon_snapshot {
    char id[NEON_ID_SIZE], branch_id[NEON_ID_SIZE];
    char name[NEON_NAME_SIZE];
    int64_t time_ms, created_ms, expires_ms, size;
};

struct neon_project {
    char name[NEON_NAME_SIZE], region[NEON_WORD_SIZE];
    int64_t history_ms, pg_version; /* -1: not told */
};

struct neon_operation {
    char id[NEON_ID_SIZE], branch_id[NEON_ID_SIZE];
    char action[NEON_WORD_SIZE], status[NEON_WORD_SIZE];
    char error[256];
    int64_t created_ms;
};

struct neon_endpoint {
    char id[NEON_ID_SIZE];
    char host[256]; /* of the direct connection */
    uint32_t is_writable;
};

int neon_read_branch(const struct kist_host *host, const json_t *json, struct neon_branch *ret_branch,
                     struct kist_error *err) KIST_CHECKED;
int neon_read_snapshot(const struct kist_host *host, const json_t *json, struct neon_snapshot *ret_snapshot,
                       struct kist_error *err) KIST_CHECKED;
int neon_read_project(const struct kist_host *host, const json_t *json, struct neon_project *ret_project,
                      struct kist_error *err) KIST_CHECKED;
int neon_read_operation(const struct kist_host *host, const json_t *json, struct neon_operation *ret_operation,
                        struct kist_error *err) KIST_CHECKED;
int neon_read_endpoint(const struct kist_host *host, const json_t *json, struct neon_endpoint *ret_endpoint,
                       struct kist_error *err) KIST_CHECKED;
/* The cursor of the next page (borrowed from `json`), or NULL. */
const char *neon_read_cursor(const json_t *json);
/* The array of that name; NULL and `err` where there is none. Borrowed. */
const json_t *neon_read_list(const struct kist_host *host, const json_t *json, const char *name,
                             struct kist_error *err);

/* ---- words.c: small texts. Pure. ---- */
int neon_id_is_sound(const char *text);   /* [a-z0-9-]{1,60}: fit for a URL */
int neon_name_is_sound(const char *text); /* 1 to 256 characters of UTF-8, none of them a control character */
/* Milliseconds since 1970 of a time as in RFC 3339; 0 for anything else. */
int64_t neon_time(const char *text);
/* The second that `ms` is in, "2026-11-21T02:00:00Z". */
void neon_time_text(int64_t ms, char ret_text[NEON_TIME_SIZE]);
/* "20261121_020000". */
void neon_time_stamp(int64_t ms, char ret_text[NEON_TIME_SIZE]);
/* "3.4 GiB". */
void neon_size_text(int64_t bytes, char ret_text[NEON_TIME_SIZE]);
/* `pattern` with {pipeline} and {id} replaced. New; NULL without memory. */
char *neon_name_of(const char *pattern, const struct kist_backup *backup) KIST_CHECKED;
/* 0, or what is wrong with a pattern. */
const char *neon_pattern_problem(const char *pattern);
/* A branch's name as the beginning of an item's. New; NULL without memory. */
char *neon_item_name(const char *branch, const char *suffix) KIST_CHECKED;
/* A word for a shell, quoted where it has to be. */
void neon_put_word(FILE *out, const char *word);

/* ---- operations.c: waiting. ---- */

/* Waits until every operation of a reply is finished or skipped; `what` is being done: "make branch 'x'". One that failed is
 * KIST_ERR_FAILED with its own words, the deadline KIST_ERR_TIMEOUT; neither is to be tried again. */
int neon_operations_wait(struct neon_api *api, const json_t *reply, const char *what,
                         struct kist_error *err) KIST_CHECKED;
/* Waits for a poll's time; fails when the deadline has passed, with what was waited for. */
int neon_poll_wait(struct neon_api *api, const char *waited_for, const char *what,
                   struct kist_error *err) KIST_CHECKED;
/* The same for what Neon knows of a branch: its reply was lost. `is_new`: for all of them, else for those since a minute before
 * what is being done began. */
int neon_operations_of(struct neon_api *api, const char *branch_id, int is_new, const char *what,
                       struct kist_error *err) KIST_CHECKED;

/* ---- once.c: having something made, once. ---- */

struct neon_once {
    /* Asks for it. *ret_unsure: after a failure, whether it may have been made all the same, and nothing more is known. */
    int (*post)(void *arg, int *ret_unsure, struct kist_error *err);
    /* Looks for it by its name, and waits for it. KIST_ERR_NOT_FOUND: it was not made. */
    int (*adopt)(void *arg, struct kist_error *err);
    void *arg;
};
/* *ret_unsure: after a failure, whether it may have been made by a request of which nothing was heard. KIST_ERR_EXISTS: there
 * is one of that name which was not made here. */
int neon_once(struct neon_api *api, const struct neon_once *once, int *ret_unsure,
              struct kist_error *err) KIST_CHECKED;

/* ---- branch.c, branch_make.c: branches. ---- */

/* KIST_ERR_NOT_FOUND when there is none. */
int neon_branch_get(struct neon_api *api, const char *id, struct neon_branch *ret_branch,
                    struct kist_error *err) KIST_CHECKED;
/* Gives every branch whose name contains `search` (NULL: every branch), page after page. A result other than 0 of `give`
 * ends it and is returned; a negative one is an error that `give` has filled. */
typedef int (*neon_branch_fn)(void *arg, const struct neon_branch *branch, struct kist_error *err);
int neon_branches(struct neon_api *api, const char *search, neon_branch_fn give, void *arg,
                  struct kist_error *err) KIST_CHECKED;
/* The one of exactly that name. KIST_ERR_NOT_FOUND when there is none. */
int neon_branch_find(struct neon_api *api, const char *name, struct neon_branch *ret_branch,
                     struct kist_error *err) KIST_CHECKED;
/* The one that is configured, by id or name, or the project's default; what `text` names, where that is not NULL. */
int neon_branch_resolve(struct neon_api *api, const char *text, struct neon_branch *ret_branch,
                        struct kist_error *err) KIST_CHECKED;
/* Waits until it is ready. */
int neon_branch_ready(struct neon_api *api, const char *id, struct neon_branch *ret_branch,
                      struct kist_error *err) KIST_CHECKED;
int neon_branch_is_whole(const struct neon_branch *branch);
/* Changes one property; `value` is taken. */
int neon_branch_patch(struct neon_api *api, const struct neon_branch *branch, const char *property, json_t *value,
                      struct kist_error *err) KIST_CHECKED;
/* Deletes it by its id, and waits. That it is gone already is success. The caller has made sure that it is ours; the
 * default branch is refused whatever he thinks. */
int neon_branch_remove(struct neon_api *api, const struct neon_branch *branch,
                       struct kist_error *err) KIST_CHECKED;

/* Deletes what this source made, if it is still of that name, within `most_ms`: when it is asked to stop meanwhile, then once
 * more, in peace. That it is gone is success. */
int neon_branch_clear(struct neon_source *source, const char *id, const char *name, int64_t most_ms,
                      struct kist_error *err) KIST_CHECKED;
/* Removes what was half made, and is ours: Neon said so. Says in `err` what became of it. */
void neon_branch_take_back(struct neon_api *api, const char *id, const char *name, struct kist_error *err);

struct neon_wanted {
    const char *name;
    const char *parent_id;
    const char *timestamp; /* of the parent's history, RFC 3339; or NULL: now */
    int64_t expires_ms;    /* 0: never */
    int protect;
    int compute; /* with an endpoint to connect to */
};
/* Makes a branch and waits until it is ready; once, whatever becomes of replies. After a failure it is gone again, or `err`
 * says that it could not be removed. */
int neon_branch_make(struct neon_api *api, const struct neon_wanted *wanted, struct neon_branch *ret_branch,
                     struct kist_error *err) KIST_CHECKED;

/* ---- endpoint.c: how a branch is connected to. ---- */

/* The endpoint that can be written to. KIST_ERR_NOT_FOUND when there is none. */
int neon_endpoint_of(struct neon_api *api, const char *branch_id, struct neon_endpoint *ret_endpoint,
                     struct kist_error *err) KIST_CHECKED;
typedef int (*neon_endpoint_fn)(void *arg, const struct neon_endpoint *endpoint);
int neon_endpoints(struct neon_api *api, const char *branch_id, neon_endpoint_fn give, void *arg,
                   struct kist_error *err) KIST_CHECKED;
/* Makes one where there is none, and waits. */
int neon_endpoint_need(struct neon_api *api, const char *branch_id, struct neon_endpoint *ret_endpoint,
                       struct kist_error *err) KIST_CHECKED;
/* The configured database and role; where they are not, the branch's first database and its owner. New, both. */
int neon_database_of(struct neon_api *api, const char *branch_id, char **ret_database, char **ret_role,
                     struct kist_error *err) KIST_CHECKED;
/* uri.c: the URI of the direct connection (no pooler). It holds the password: it and the password are known to the host as secrets.
 * New; to be wiped by neon_wipe. */
int neon_uri(struct neon_api *api, const char *branch_id, const char *database, const char *role, char **ret_uri,
             struct kist_error *err) KIST_CHECKED;
void neon_wipe(char *secret); /* overwrites and frees; NULL is fine */

/* ---- snapshot.c ---- */

/* KIST_ERR_NOT_FOUND when there is none. `id` or `name` may be NULL. */
int neon_snapshot_find(struct neon_api *api, const char *id, const char *name, struct neon_snapshot *ret_snapshot,
                       struct kist_error *err) KIST_CHECKED;
int neon_snapshot_make(struct neon_api *api, const struct neon_branch *branch, const char *name,
                       int64_t expires_ms, struct neon_snapshot *ret_snapshot,
                       struct kist_error *err) KIST_CHECKED;
/* Makes a branch of that name from it, and waits; with a compute, unless it is to take the place of `target_id` (NULL: of
 * none). Once, and after a failure it is gone again, as with neon_branch_make. */
int neon_snapshot_restore(struct neon_api *api, const char *snapshot_id, const char *name, const char *target_id,
                          struct neon_branch *ret_branch, struct kist_error *err) KIST_CHECKED;
int neon_snapshot_remove(struct neon_api *api, const struct neon_snapshot *snapshot,
                         struct kist_error *err) KIST_CHECKED;

/* ---- project.c ---- */
int neon_project_get(struct neon_api *api, struct neon_project *ret_project, struct kist_error *err) KIST_CHECKED;

/* ---- neon.c: the instance. ---- */

struct neon_dump;

struct neon_source {
    const struct kist_host *host;
    const struct neon_config *config;
    struct neon_api api;
    struct kist_calm calm;
    struct neon_api calm_api;  /* made when it is needed: neon_calm */
    struct kist_backup backup; /* its strings belong to the source; NULL without backup_begin */
    struct neon_branch branch; /* what is backed up; its id "" before neon_need_branch */
    struct neon_project project;
    uint32_t has_project;
    struct neon_dump *dump; /* mode = dump: its own, see dump.h; NULL before it is needed */
};

/* For cleaning up: works although the host was cancelled, and then not for long. With a deadline of its own. */
int neon_calm(struct neon_source *source, struct neon_api **ret_api, struct kist_error *err) KIST_CHECKED;
/* Fills source->branch, source->project, once. */
int neon_need_branch(struct neon_source *source, struct kist_error *err) KIST_CHECKED;
int neon_need_project(struct neon_source *source, struct kist_error *err) KIST_CHECKED;
/* Tells project, region, branch and the like. */
int neon_tell_facts(struct neon_source *source, const struct kist_facts *facts,
                    struct kist_error *err) KIST_CHECKED;

/* ---- settings.c: what cannot work is said before anything is sent. ---- */
int neon_config_check(const struct kist_host *host, const struct neon_config *config,
                      struct kist_error *err) KIST_CHECKED;
/* CONFIG when the name that this backup gives is none for Neon. */
int neon_name_check(const struct neon_source *source, const struct kist_backup *backup,
                    struct kist_error *err) KIST_CHECKED;

/* ---- check.c, make.c, look.c, discard.c: callbacks. ---- */
/* CONFIG unless the branch is one that has snapshots. */
int neon_check_root(const struct neon_source *source, struct kist_error *err) KIST_CHECKED;
int neon_check(void *self, const struct kist_facts *facts, struct kist_error *err);
int neon_known_as(void *self, int (*give)(void *arg, const char *name), void *arg, struct kist_error *err);
int neon_items(void *self, kist_item_fn give, void *arg, struct kist_error *err);
int neon_reference_make(void *self, const struct kist_item *item, kist_reference_fn give, void *arg,
                        struct kist_error *err);
int neon_reference_look(void *self, const struct kist_reference *reference, const struct kist_backup *backup,
                        kist_reference_fn give, void *arg, struct kist_error *err);
int neon_reference_discard(void *self, const struct kist_reference *reference, const struct kist_backup *backup,
                           struct kist_error *err);
int neon_backup_sweep(void *self, const struct kist_backup *backup, struct kist_error *err);

/* KIST_ERR_CONFIG unless the reference is of this project and its id is fit for a URL. */
int neon_reference_check(const struct neon_source *source, const struct kist_reference *reference,
                         struct kist_error *err) KIST_CHECKED;
/* Gives a branch or snapshot as a reference. */
int neon_give_branch(struct neon_source *source, const struct neon_branch *branch, int64_t size,
                     kist_reference_fn give, void *arg, struct kist_error *err);
int neon_give_snapshot(struct neon_source *source, const struct neon_snapshot *snapshot, kist_reference_fn give,
                       void *arg, struct kist_error *err);

/* ---- restore.c, restore_plan.c, place.c: back from a reference, or to a moment; dumps are handed on. ---- */

struct neon_restore {
    struct neon_source *source;
    void *dump;   /* what neon_dump_restore_begin gave: everything below is idle then */
    int in_place; /* KIST_RESTORE_CLEAN */
    char *name;   /* of the target as asked for */
    char *fresh;  /* of the new branch, or NULL */
    char *kept;   /* in place: what the branch is called afterwards */
    char *at;     /* a moment, "latest", or NULL */
    char *look, *holds, *server;
    uint32_t flags;            /* KIST_PLACE_* */
    struct neon_branch target; /* in place: what is replaced */
};

int neon_restore_begin(void *self, const struct kist_restore *restore, void **ret_restore, struct kist_error *err);
int neon_write_begin(void *restore, const struct kist_item *item, void **ret_writer, struct kist_error *err);
int neon_counts(void *self, kist_count_fn give, void *arg, struct kist_error *err);
int neon_restored_counts(void *restore, const struct kist_count *wanted, uint64_t count, kist_count_fn give,
                         void *arg, struct kist_error *err);
void neon_restore_reject(void *restore);
int neon_restore_place(void *restore, kist_place_fn give, void *arg, struct kist_error *err);
int neon_reference_restore(void *restore, const struct kist_item *item, struct kist_error *err);
void neon_restore_end(void *restore);
void neon_restore_free(struct neon_restore *restore);
/* What the restore is going to do; refuses what cannot be done. Changes nothing. */
int neon_plan(struct neon_restore *restore, const struct kist_restore *asked, struct kist_error *err) KIST_CHECKED;
/* How to look at a branch with psql, without a password. */
int neon_place_describe(struct neon_restore *restore, const char *branch_id, struct kist_error *err) KIST_CHECKED;

#endif
