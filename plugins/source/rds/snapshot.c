/* snapshot.c - items, and the making of their references. */
#include "rds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRANSIENT_MS (15 * RDS_MINUTE)
#define BUSY_MS RDS_HOUR /* while an instance is being backed up or modified it takes no snapshot */

/* ---- items ---- */

static int give_item(struct rds_source *source, const char *region, kist_item_fn give, void *arg,
                     struct kist_error *err)
{
    char *name = rds_name_item(rds_of(source), region);
    if (!name)
        return rds_fail_memory(source, err);
    const struct kist_item item = {.struct_size = sizeof item,
                                   .flags = KIST_ITEM_REFERENCE,
                                   .name = name,
                                   .format = rds_is_cluster(source) ? "rds-cluster-snapshot" : "rds-snapshot",
                                   .database = rds_of(source),
                                   .size_estimate = -1};
    int code = give(arg, &item);
    free(name);
    return code;
}

int rds_items(void *self, kist_item_fn give, void *arg, struct kist_error *err)
{
    struct rds_source *source = self;
    rds_begin(source, source->config->wait.ms < TRANSIENT_MS ? source->config->wait.ms : TRANSIENT_MS);
    int code = rds_find_own(source, &source->database, err);
    if (!code)
        code = rds_check_status(source, err);
    if (!code)
        code = rds_copy_check(source, source->database.encrypted, err);
    if (!code)
        code = give_item(source, NULL, give, arg, err);
    for (size_t i = 1; i <= source->copy_count && !code; i++)
        code = give_item(source, source->regions[i]->name, give, arg, err);
    return code;
}

/* ---- making ---- */

static void fill_create(struct rds_source *source, const char *identifier, struct rds_form *form)
{
    int is_cluster = rds_is_cluster(source);
    rds_form_begin(form, is_cluster ? "CreateDBClusterSnapshot" : "CreateDBSnapshot");
    rds_form_add(form, is_cluster ? "DBClusterSnapshotIdentifier" : "DBSnapshotIdentifier", identifier);
    rds_form_add(form, is_cluster ? "DBClusterIdentifier" : "DBInstanceIdentifier", rds_of(source));
}

static void fill(struct rds_source *source, struct rds_region *region, const char *identifier,
                 struct rds_form *form)
{
    if (region == source->regions[0])
        fill_create(source, identifier, form);
    else
        rds_copy_fill(source, region, identifier, form);
    rds_form_add_tag(form, 1, RDS_TAG_PIPELINE, source->backup->pipeline);
    rds_form_add_tag(form, 2, RDS_TAG_BACKUP, source->backup->id);
    rds_form_add_tag(form, 3, RDS_TAG_OWNER, source->owner);
    rds_form_add_tags(form, RDS_TAGS_OWN + 1, &source->config->tags);
}

static int ask_once(struct rds_source *source, struct rds_region *region, const char *identifier, const char *what,
                    struct rds_snapshot *ret_snapshot, struct kist_error *err)
{
    struct rds_form form;
    struct rds_reply reply = {0};
    fill(source, region, identifier, &form);
    int code = rds_call(source, region, &form, what, &reply, err);
    if (!code)
        code = rds_words_snapshot(
            source->work,
            kist_xml_child(reply.result, rds_is_cluster(source) ? "DBClusterSnapshot" : "DBSnapshot"),
            ret_snapshot, err);
    if (!code && !rds_same(ret_snapshot->identifier, identifier))
        code = source->work->fail(source->work, err, KIST_ERR_CORRUPT,
                                  "cannot %s: RDS answers with another one, '%s'", what, ret_snapshot->identifier);
    rds_reply_done(&reply);
    rds_form_done(&form);
    return code;
}

static int fail_taken(const struct rds_source *source, const struct rds_region *region, const char *identifier,
                      struct kist_error *err)
{
    const struct kist_host *host = source->work;
    host->fail(host, err, KIST_ERR_EXISTS, "there is a snapshot '%s' in %s that kist did not make for this backup",
               identifier, region->name);
    host->hint(host, err, "it was left alone; give 'name' a pattern that nobody else uses");
    return KIST_ERR_EXISTS;
}

/* Has this very run made it, of the section's database? */
static int is_this(const struct rds_source *source, const struct rds_snapshot *snapshot)
{
    return rds_is_own(snapshot, source->backup) && (!snapshot->of[0] || rds_same(snapshot->of, rds_of(source)));
}

/* After a try that may have made it in spite of its answer. 1: it is there and ours; 0: it is not there; else an error. */
static int was_made(struct rds_source *source, struct rds_region *region, const char *identifier,
                    struct rds_snapshot *ret_snapshot, struct kist_error *err)
{
    struct rds_snapshot found;
    int code = rds_find_snapshot(source, region, identifier, &found, err);
    if (code)
        return code == KIST_ERR_NOT_FOUND ? 0 : code;
    if (!is_this(source, &found))
        return fail_taken(source, region, identifier, err);
    *ret_snapshot = found;
    return 1;
}

/* Asks for it until it is there. No try is repeated before it is known that the last one made nothing. */
static int make(struct rds_source *source, struct rds_region *region, const char *identifier, const char *what,
                struct rds_snapshot *ret_snapshot, struct kist_error *err)
{
    const struct kist_host *host = source->work;
    struct kist_error own = KIST_FAULT_INIT;
    const int64_t busy = rds_limit(source, BUSY_MS);
    struct kist_again again = kist_again_begin(host, rds_limit(source, TRANSIENT_MS));
    int code = 0, made = 0, is_unsure = 0;
    do {
        kist_fault_clear(&own);
        code = ask_once(source, region, identifier, what, ret_snapshot, &own);
        if (!code || (!own.retryable && code != KIST_ERR_EXISTS))
            break;
        if (rds_is_busy(source))
            again.deadline_ms = busy;
        /* An instance may be busy with what a try has made whose reply was lost. */
        is_unsure |= !rds_is_refusal(source);
        made = is_unsure ? was_made(source, region, identifier, ret_snapshot, err) : 0;
        /* Not listed yet, though the name is taken. */
        host->retry(host, &own, 1, own.retry_after_ms);
    } while (made == 0 && kist_again(&again, &own));
    if (made == 1)
        code = 0;
    else if (made < 0)
        code = made;
    else if (code) {
        /* Taken, but never listed: it may well be ours, and only fail_taken knows that one is not. */
        own.code = code == KIST_ERR_EXISTS ? KIST_ERR_FAILED : code;
        code = kist_fault_repeat(host, &own, err);
    }
    kist_fault_clear(&own);
    return code;
}

/* ---- what is given ---- */

static int give_reference(struct rds_source *source, const struct rds_region *region,
                          const struct rds_snapshot *snapshot, kist_reference_fn give, void *arg,
                          struct kist_error *err)
{
    int is_copy = region != source->regions[0];
    char *stock = rds_stock_restore(source, region->name, snapshot);
    if (!stock)
        return rds_fail_memory(source, err);
    struct kist_reference reference = {.struct_size = sizeof reference,
                                       .provider = "rds",
                                       .kind = rds_is_cluster(source) ? "cluster snapshot" : "snapshot",
                                       .id = snapshot->arn[0] ? snapshot->arn : snapshot->identifier,
                                       .name = snapshot->identifier,
                                       .account = snapshot->account[0] ? snapshot->account : NULL,
                                       .region = region->name,
                                       .state = snapshot->status,
                                       /* Of a copy: the moment of the data, not that of the copying. */
                                       .time_ms = is_copy ? source->made.time_ms : snapshot->time_ms,
                                       /* The bytes of a copy are those of the first. */
                                       .size = is_copy ? -1 : snapshot->size,
                                       .stock_restore = stock};
    if (is_copy && region->keep_ms > 0)
        reference.until_ms = source->host->now_ms(source->host) + region->keep_ms;
    int code = give(arg, &reference);
    free(stock);
    return code;
}

/* The region of an item that items() gave; NULL for one that it did not. */
static struct rds_region *region_of(const struct rds_source *source, const char *item)
{
    struct rds_region *found = NULL;
    for (size_t i = 0; i <= source->copy_count && !found; i++) {
        char *name = rds_name_item(rds_of(source), i > 0 ? source->regions[i]->name : NULL);
        if (name && strcmp(name, item) == 0)
            found = source->regions[i];
        free(name);
    }
    return found;
}

static int make_in(struct rds_source *source, struct rds_region *region, struct rds_snapshot *ret_snapshot,
                   struct kist_error *err)
{
    const struct kist_host *host = source->work;
    char identifier[RDS_IDENTIFIER_MAX + 1], what[400];
    int is_copy = region != source->regions[0];
    if (rds_identifier(source, source->backup, identifier))
        return host->fail(host, err, KIST_ERR_CONFIG, "'name' makes no identifier of a snapshot that RDS takes");
    rds_begin(source, source->config->wait.ms);
    snprintf(what, sizeof what, "%s '%s' in %s", is_copy ? "copy snapshot" : "make snapshot", identifier,
             region->name);
    host->log(host, KIST_LOG_INFO, "%s", what);
    int code = make(source, region, identifier, what, ret_snapshot, err);
    if (!code)
        code = rds_wait_snapshot(source, region, ret_snapshot, err);
    if (!code && !is_this(source, ret_snapshot))
        code = fail_taken(source, region, identifier, err);
    return code;
}

int rds_reference_make(void *self, const struct kist_item *item, kist_reference_fn give, void *arg,
                       struct kist_error *err)
{
    struct rds_source *source = self;
    const struct kist_host *host = source->work;
    struct rds_region *region = region_of(source, item->name);
    struct rds_snapshot snapshot = {0};
    if (!region || !source->backup)
        return host->fail(host, err, KIST_ERR_BUG, "'%s' is not to be made now", item->name);
    int is_copy = region != source->regions[0];
    if (is_copy && !source->made.arn[0])
        return host->fail(host, err, KIST_ERR_BUG, "a copy is made of a snapshot, and there is none yet");
    int code = rds_region_open(source, region->name, &region, err);
    if (!code && is_copy)
        code = rds_copy_check(source, source->made.encrypted, err);
    if (!code)
        code = make_in(source, region, &snapshot, err);
    if (!code && !is_copy)
        source->made = snapshot;
    if (!code && !is_copy && source->config->export_to)
        code = rds_export_make(source, err);
    return code ? code : give_reference(source, region, &snapshot, give, arg, err);
}
