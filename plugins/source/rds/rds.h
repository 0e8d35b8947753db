/*
 * rds.h - what the files of the `rds` source share.
 *
 * Every request goes through rds_call: one place signs it, learns clock and credentials, and turns a refusal into an error.
 * What a reply says is data of somebody else: it is taken over by rds_words_*, which bound and check it.
 */
#ifndef KIST_RDS_H
#define KIST_RDS_H

#include "again.h"
#include "aws.h"
#include "calm.h"
#include "fault.h"
#include "http.h"
#include "stamp.h"
#include "xml.h"

#include <kist/plugin.h>
#include <stdio.h>

#define RDS_SECOND INT64_C(1000)
#define RDS_MINUTE (60 * RDS_SECOND)
#define RDS_HOUR (60 * RDS_MINUTE)
#define RDS_IDENTIFIER_MAX 255 /* of a snapshot of an instance; of anything */
#define RDS_CLUSTER_SNAPSHOT_MAX 63
#define RDS_INSTANCE_MAX 63 /* of an instance or a cluster */
#define RDS_TAGS_MAX 50
#define RDS_TAGS_OWN 3 /* of these, on a snapshot */
#define RDS_OWNER_DIGITS 16

#define RDS_TAG_PIPELINE "kist:pipeline"
#define RDS_TAG_BACKUP "kist:backup"
#define RDS_TAG_OWNER "kist:owner" /* a hash of the machine and lock file that it was made under */
#define RDS_TAG_RESTORED "kist:restored-from"

struct rds_config {
    const char *instance, *cluster, *region, *endpoint, *profile, *access_key;
    kist_secret secret_key, session_token;
    kist_switch allow_plaintext;
    const char *ca_file;
    kist_list tags;
    const char *name;
    kist_duration wait, poll;
    kist_list copy_to, copy_keep;
    const char *export_to, *export_role, *export_key;
    kist_list export_only;
    const char *instance_class, *subnet_group;
    kist_list security_groups;
};

/* A region that is talked to. */
struct rds_region {
    char *name;
    const char *kms_key; /* for the copy there; or NULL */
    int64_t keep_ms;     /* how long the copy there is kept; 0: as long as its backup */
    struct kist_aws *aws;
    char *url;
};

/* ---- what replies say, in bounds; "" and -1 where they do not ---- */

struct rds_snapshot {
    char identifier[RDS_IDENTIFIER_MAX + 1], of[RDS_IDENTIFIER_MAX + 1]; /* `of`: the instance or cluster */
    char arn[512], account[32], status[64], type[32], engine[64], version[64];
    char pipeline[257], backup[257], owner[257]; /* our tags */
    int64_t time_ms; /* of the data; 0 where it is not told, as of copies of a cluster's */
    int64_t size, percent;
    int encrypted;
};

#define RDS_GROUPS_MAX 16

/* An instance or a cluster. */
struct rds_database {
    char identifier[RDS_IDENTIFIER_MAX + 1], arn[512], status[64], engine[64], version[64];
    char host[256], reader[256], user[128], database[128], class[64], subnet_group[256], restored_from[257];
    char groups[RDS_GROUPS_MAX][64];
    size_t group_count;
    int64_t port, storage_gib, retention_days, earliest_ms, latest_ms;
    int encrypted, is_public;
};

struct rds_export {
    char identifier[64], status[64], source_arn[512], cause[512];
    int64_t percent;
};

struct rds_source {
    const struct kist_host *host;
    const struct kist_host
        *work; /* `host`, or the calm one once that was cancelled and something has to be swept */
    const struct rds_config *config;
    struct kist_calm calm;
    struct kist_http *http;
    struct rds_region **regions; /* own, then those of copy_to, then others that references name */
    size_t region_count, copy_count;
    int64_t deadline; /* monotonic: when the present piece of work has to be done */
    char code[64];    /* what the service called its last refusal; "" when it was none of its own */
    const struct kist_backup *backup;
    char owner[RDS_OWNER_DIGITS + 1];
    struct rds_database database; /* as items() saw it */
    struct rds_snapshot made;     /* the snapshot that copies are made of */
    struct rds_export exported;
};

int rds_fail_memory(const struct rds_source *source, struct kist_error *err);
/* Whether a cluster is saved, not an instance; and what it is called. */
int rds_is_cluster(const struct rds_source *source);
const char *rds_of(const struct rds_source *source);

/* The identifier of the snapshot of a backup. -1: `name` makes none that RDS takes. */
int rds_identifier(const struct rds_source *source, const struct kist_backup *backup,
                   char ret_name[RDS_IDENTIFIER_MAX + 1]) KIST_CHECKED;

/* ---- config.c: what cannot work is said before anything is sent ---- */

int rds_config_check(const struct kist_host *host, const struct rds_config *config,
                     struct kist_error *err) KIST_CHECKED;
/* "REGION[:KEY]"; the key points into the item. -1: no region. */
int rds_config_copy(const char *item, char ret_region[64], const char **ret_key) KIST_CHECKED;
/* "[REGION:]DURATION"; "" for all regions. -1: not of that form. */
int rds_config_keep(const char *item, char ret_region[64], int64_t *ret_ms) KIST_CHECKED;
/* "s3://BUCKET[/PREFIX]"; the prefix points into `text`. -1: not of that form. */
int rds_config_export(const char *text, char ret_bucket[64], const char **ret_prefix) KIST_CHECKED;

/* ---- names.c ---- */

/* A name as RDS takes it: begins with a letter, letters, digits and single hyphens, none at its end. */
int rds_is_identifier(const char *text, size_t most);
int rds_is_region(const char *text);
int rds_same(const char *a, const char *b); /* as RDS compares: without case */
/* The identifier of a backup's snapshot: `pattern` with pipeline and id, made fit. Where the pipeline's name had to be changed,
 * or cut so that it has at most `most` characters, a hash of it keeps it apart from others. -1: no name can be made. */
int rds_name_snapshot(const char *pattern, const char *pipeline, const char *id, size_t most,
                      char ret_name[RDS_IDENTIFIER_MAX + 1]) KIST_CHECKED;
/* The identifier of an export task, of at most 60 characters. */
int rds_name_export(const char *snapshot, char ret_name[64]) KIST_CHECKED;
/* The value of RDS_TAG_OWNER. */
int rds_name_owner(const char *owner, char ret_name[RDS_OWNER_DIGITS + 1]) KIST_CHECKED;
/* "<name>-restore-20261121-020000". */
void rds_name_fresh(const char *name, int64_t now_ms, char ret_name[RDS_INSTANCE_MAX + 1]);
/* The name of the item of a copy; `region` NULL: of the snapshot itself. New, or NULL. */
char *rds_name_item(const char *of, const char *region) KIST_CHECKED;
int rds_sha256_hex(const void *data, size_t size, char ret_hex[65]) KIST_CHECKED;

/* ---- form.c: the body of a request ---- */

struct rds_form {
    FILE *out;
    char *text;
    size_t size;
    const char *action;
    int failed;
};

void rds_form_begin(struct rds_form *form, const char *action);
void rds_form_add(struct rds_form *form, const char *name, const char *value); /* NULL is left out */
void rds_form_add_list(struct rds_form *form, const char *name, const kist_list *list);
void rds_form_add_tag(struct rds_form *form, size_t number, const char *key, const char *value);
/* The tags of the section, from `number` on: NAME=VALUE each. */
void rds_form_add_tags(struct rds_form *form, size_t number, const kist_list *tags);
/* -1 without memory. */
int rds_form_end(struct rds_form *form) KIST_CHECKED;
void rds_form_done(struct rds_form *form);

/* ---- region.c ---- */

/* The region of that name (NULL: the section's own), opened. Borrowed until the instance is closed, or rds_calm. */
int rds_region_open(struct rds_source *source, const char *name, struct rds_region **ret_region,
                    struct kist_error *err) KIST_CHECKED;
int rds_region_setup(struct rds_source *source, struct kist_error *err) KIST_CHECKED;
void rds_region_done(struct rds_source *source);
int rds_http_open(struct rds_source *source, struct kist_error *err) KIST_CHECKED;
/* Is it the section's own? Subnet and security groups are of that region alone. */
int rds_is_home(const struct rds_source *source, const char *region);
/* From now on nothing asks whether the run was cancelled, and everything is over in less than half a minute. */
int rds_calm(struct rds_source *source, struct kist_error *err) KIST_CHECKED;

/* ---- call.c ---- */

struct rds_reply {
    struct kist_xml *root;
    const struct kist_xml *result; /* <ACTIONResult>; never NULL after a success */
};

/* Sends the form, which is ended by it, once; what a refusal teaches about clock and credentials is tried once. `what`: "make
 * snapshot 'x'", for "cannot WHAT". */
int rds_call(struct rds_source *source, struct rds_region *region, struct rds_form *form, const char *what,
             struct rds_reply *ret_reply, struct kist_error *err) KIST_CHECKED;
/* The same for what changes nothing, again and again until it is answered or time is up. */
int rds_ask(struct rds_source *source, struct rds_region *region, struct rds_form *form, const char *what,
            struct rds_reply *ret_reply, struct kist_error *err) KIST_CHECKED;
void rds_reply_done(struct rds_reply *reply);
/* Begins a piece of work that may take so long; and what is left of it, not negative. */
void rds_begin(struct rds_source *source, int64_t ms);
int64_t rds_left(const struct rds_source *source);
/* For a kist_again: what is left, and no more than `most`. Never 0, which would be no limit. */
int64_t rds_limit(const struct rds_source *source, int64_t most);
/* Was the last refusal this one ("DBSnapshotNotFound", with or without "Fault" behind it)? */
int rds_was(const struct rds_source *source, const char *code);
/* Did it say that the thing is in a state that passes? */
int rds_is_busy(const struct rds_source *source);
/* Did it say so, or that it is asked too much, and so has surely done nothing? */
int rds_is_refusal(const struct rds_source *source);
/* KIST_ERR_TIMEOUT that nobody tries again: the time for all of it is up. */
int rds_fail_deadline(struct rds_source *source, const char *what, const char *state, struct kist_error *err);

/* ---- codes.c: the error codes of AWS as ours, with the next step for the reader ---- */

int rds_code_is(const char *code, const char *name);
/* KIST_ERR_FAILED for one that is not known. */
int rds_code_of(const char *code);
/* Fills `err` for a reply that is none of 2xx; `ret_code` is what the service called it. */
int rds_code_fill(const struct kist_host *host, struct kist_http *http, const struct kist_http_request *request,
                  const struct kist_http_reply *reply, char ret_code[64], struct kist_error *err);
/* The code of an error document, "" when it is none. */
void rds_code_read(const struct kist_host *host, const char *body, size_t size, char ret_code[64],
                   char ret_message[512]);

/* ---- words.c ---- */

/* Each: KIST_ERR_CORRUPT for what makes no sense. `element` as in the reply: DBSnapshot or DBClusterSnapshot, and so on. */
int rds_words_snapshot(const struct kist_host *host, const struct kist_xml *element,
                       struct rds_snapshot *ret_snapshot, struct kist_error *err) KIST_CHECKED;
int rds_words_database(const struct kist_host *host, const struct kist_xml *element,
                       struct rds_database *ret_database, struct kist_error *err) KIST_CHECKED;
int rds_words_export(const struct kist_host *host, const struct kist_xml *element, struct rds_export *ret_export,
                     struct kist_error *err) KIST_CHECKED;
/* Milliseconds since 1970 of "2026-11-21T07:04:27.000Z"; 0 for anything else. */
int64_t rds_words_time(const char *text);
int64_t rds_words_number(const char *text); /* not negative, or -1 */
/* "2026-11-21T07:04:27Z" of a time. */
void rds_words_show(int64_t time_ms, char ret_text[32]);
int rds_is_aurora(const char *engine); /* also where it is not told */
/* The account number in an ARN; "" when there is none. */
void rds_words_account(const char *arn, char ret_account[32]);

/* ---- find.c: looking at the provider ---- */

/* Looks for one by its identifier. KIST_ERR_NOT_FOUND: it is not there. */
int rds_find_snapshot(struct rds_source *source, struct rds_region *region, const char *identifier,
                      struct rds_snapshot *ret_snapshot, struct kist_error *err) KIST_CHECKED;
int rds_find_database(struct rds_source *source, struct rds_region *region, int is_cluster, const char *identifier,
                      struct rds_database *ret_database, struct kist_error *err) KIST_CHECKED;
/* What the section names, with words for the one who configured it; and whether copies of it can be made. */
int rds_find_own(struct rds_source *source, struct rds_database *ret_database,
                 struct kist_error *err) KIST_CHECKED;
/* The account whose credentials are used, as whatever it holds in the region tells; "" when that is not known. */
void rds_find_account(struct rds_source *source, struct rds_region *region, char ret_account[32]);
/* Does it carry the tags of that backup, and is it a manual one, as kist makes them? */
int rds_is_ours(const struct rds_snapshot *snapshot, const struct kist_backup *backup);
/* The same, and was it made by the owner of `backup`? Another machine may have a pipeline of that name, which ran in that very
 * second: what that one made is a backup of it. */
int rds_is_own(const struct rds_snapshot *snapshot, const struct kist_backup *backup);
/* Why it is not the snapshot that the reference was made of; NULL when it is. */
const char *rds_differs(const struct rds_snapshot *snapshot, const struct kist_reference *reference);

/* ---- wait.c ---- */

/* Waits until the snapshot can be used. */
int rds_wait_snapshot(struct rds_source *source, struct rds_region *region, struct rds_snapshot *snapshot,
                      struct kist_error *err) KIST_CHECKED;
/* The same for an instance or cluster that is being restored. */
int rds_wait_database(struct rds_source *source, struct rds_region *region, int is_cluster,
                      struct rds_database *database, struct kist_error *err) KIST_CHECKED;
/* Will it never become "available"? */
int rds_is_failed(const char *status);

/* Tells of progress every tenth. */
struct rds_progress {
    const char *what;
    int64_t told;
};
void rds_progress_tell(const struct rds_source *source, struct rds_progress *progress, int64_t percent,
                       const char *status);

/* ---- the callbacks ---- */

int rds_check(void *self, const struct kist_facts *facts, struct kist_error *err);
int rds_known_as(void *self, int (*give)(void *arg, const char *name), void *arg, struct kist_error *err);
int rds_items(void *self, kist_item_fn give, void *arg, struct kist_error *err);
int rds_facts(void *self, const struct kist_facts *facts, struct kist_error *err);
/* KIST_ERR_CONFIG when source->database is in a state in which RDS makes no snapshot of it, and will not soon. */
int rds_check_status(const struct rds_source *source, struct kist_error *err) KIST_CHECKED;
void rds_facts_tell(const struct rds_source *source, const struct kist_facts *facts);

int rds_reference_make(void *self, const struct kist_item *item, kist_reference_fn give, void *arg,
                       struct kist_error *err);
int rds_reference_look(void *self, const struct kist_reference *reference, const struct kist_backup *backup,
                       kist_reference_fn give, void *arg, struct kist_error *err);
/* KIST_ERR_CONFIG when the section is of a cluster and the reference of an instance, or the other way round. */
int rds_check_kind(const struct rds_source *source, const struct kist_reference *reference,
                   struct kist_error *err) KIST_CHECKED;
/* After KIST_ERR_NOT_FOUND: that, or KIST_ERR_CONFIG when it was looked for in another account than it lies in. */
int rds_fail_missing(struct rds_source *source, struct rds_region *region, const struct kist_reference *reference,
                     struct kist_error *err);
int rds_reference_discard(void *self, const struct kist_reference *reference, const struct kist_backup *backup,
                          struct kist_error *err);
int rds_backup_sweep(void *self, const struct kist_backup *backup, struct kist_error *err);

/* Begins the form of a copy of source->made; the tags are the caller's. */
void rds_copy_fill(struct rds_source *source, struct rds_region *region, const char *identifier,
                   struct rds_form *form);
/* KIST_ERR_CONFIG when what is encrypted has no key in a region that it is copied to. */
int rds_copy_check(const struct rds_source *source, int encrypted, struct kist_error *err) KIST_CHECKED;

/* export.c */
int rds_export_make(struct rds_source *source, struct kist_error *err) KIST_CHECKED;
/* Ends it where it runs; nothing is said of a failure. */
void rds_export_cancel(struct rds_source *source, const char *snapshot);

/* stock.c: a shell command that restores it without kist. New, or NULL. */
char *rds_stock_restore(const struct rds_source *source, const char *region,
                        const struct rds_snapshot *snapshot) KIST_CHECKED;
/* `text` as one word of a shell. */
void rds_stock_word(FILE *out, const char *text);
/* A command that looks at a database; NULL where its engine has none that is known. New. */
char *rds_stock_look(const struct rds_database *database);

/* ---- restore.c ---- */

struct rds_restore {
    struct rds_source *source;
    struct rds_region *region;
    char *item_name;                   /* NULL: a moment */
    char target[RDS_INSTANCE_MAX + 1]; /* that is made */
    char asked[RDS_INSTANCE_MAX + 1];  /* by which it was asked for */
    char at[32];                       /* a moment as RDS takes it, "latest", or "" */
    char resource[128]; /* the DbiResourceId of an instance that is gone, whose history is not; or "" */
    char from[257];     /* the value of our tag */
    char server[128], holds[256];
    uint32_t place_flags;
    int is_fresh;
    struct rds_snapshot snapshot; /* that is restored */
    struct rds_database origin;   /* what the section names; identifier "" where it is gone */
    struct rds_database made;
    char *look;
};

int rds_restore_begin(void *self, const struct kist_restore *restore, void **ret_restore, struct kist_error *err);
int rds_restore_place(void *restore, kist_place_fn give, void *arg, struct kist_error *err);
int rds_reference_restore(void *restore, const struct kist_item *item, struct kist_error *err);
void rds_restore_end(void *restore);
/* restore_at.c: sets `at`, or refuses a moment that RDS does not hold any more or yet. */
int rds_restore_moment(struct rds_restore *restore, const char *at, int64_t at_ms,
                       struct kist_error *err) KIST_CHECKED;
/* restore_make.c: makes instance or cluster, and waits for it. */
int rds_restore_make(struct rds_restore *restore, struct kist_error *err) KIST_CHECKED;

#endif
