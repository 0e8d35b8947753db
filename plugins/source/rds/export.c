/* export.c - an export of the snapshot to S3: a promise of the configuration, so that a run without it has failed. */
#include "rds.h"

#include <stdio.h>
#include <string.h>

#define START_MS (15 * RDS_MINUTE)
#define MISSES 5

static int fail_export(struct rds_source *source, const struct rds_export *task, struct kist_error *err)
{
    const struct kist_host *host = source->work;
    host->fail(host, err, KIST_ERR_FAILED, "export '%s' to '%s' is '%s'%s%s", task->identifier,
               source->config->export_to, task->status, task->cause[0] ? ": " : "", task->cause);
    host->hint(host, err, "see to the role, the key and the bucket; the snapshot itself was whole");
    return KIST_ERR_FAILED;
}

static int find(struct rds_source *source, const char *identifier, struct rds_export *ret_export,
                struct kist_error *err)
{
    struct rds_form form;
    struct rds_reply reply = {0};
    char what[128];
    rds_form_begin(&form, "DescribeExportTasks");
    rds_form_add(&form, "ExportTaskIdentifier", identifier);
    snprintf(what, sizeof what, "look for export '%s'", identifier);
    int code = rds_ask(source, source->regions[0], &form, what, &reply, err);
    const struct kist_xml *list = code ? NULL : kist_xml_child(reply.result, "ExportTasks");
    const struct kist_xml *task = list ? kist_xml_child(list, "ExportTask") : NULL;
    if (!code && !task)
        code = source->work->fail(source->work, err, KIST_ERR_NOT_FOUND, "there is no export '%s'", identifier);
    if (!code)
        code = rds_words_export(source->work, task, ret_export, err);
    if (!code && !rds_same(ret_export->identifier, identifier))
        code = source->work->fail(source->work, err, KIST_ERR_CORRUPT, "RDS told of another export than '%s'",
                                  identifier);
    rds_reply_done(&reply);
    rds_form_done(&form);
    return code;
}

static int start_once(struct rds_source *source, const char *identifier, struct rds_export *ret_export,
                      struct kist_error *err)
{
    const struct rds_config *config = source->config;
    struct rds_form form;
    struct rds_reply reply = {0};
    char bucket[64], what[128];
    const char *prefix = NULL;
    if (rds_config_export(config->export_to, bucket, &prefix))
        return source->work->fail(source->work, err, KIST_ERR_BUG, "export_to was not checked");
    rds_form_begin(&form, "StartExportTask");
    rds_form_add(&form, "ExportTaskIdentifier", identifier);
    rds_form_add(&form, "SourceArn", source->made.arn);
    rds_form_add(&form, "S3BucketName", bucket);
    rds_form_add(&form, "S3Prefix", prefix);
    rds_form_add(&form, "IamRoleArn", config->export_role);
    rds_form_add(&form, "KmsKeyId", config->export_key);
    rds_form_add_list(&form, "ExportOnly.member", &config->export_only);
    snprintf(what, sizeof what, "begin export '%s'", identifier);
    int code = rds_call(source, source->regions[0], &form, what, &reply, err);
    if (!code)
        code = rds_words_export(source->work, reply.result, ret_export, err);
    rds_reply_done(&reply);
    rds_form_done(&form);
    return code;
}

/* Asks until it runs; after every try that may have begun it, it is looked for first. */
static int start(struct rds_source *source, const char *identifier, struct rds_export *ret_export,
                 struct kist_error *err)
{
    const struct kist_host *host = source->work;
    struct kist_error own = KIST_FAULT_INIT;
    struct kist_again again = kist_again_begin(host, rds_limit(source, START_MS));
    int code = 0, found = KIST_ERR_NOT_FOUND;
    do {
        kist_fault_clear(&own);
        code = start_once(source, identifier, ret_export, &own);
        if (!code || (!own.retryable && code != KIST_ERR_EXISTS))
            break;
        found = rds_is_refusal(source) ? KIST_ERR_NOT_FOUND : find(source, identifier, ret_export, err);
        host->retry(host, &own, 1, own.retry_after_ms);
    } while (found == KIST_ERR_NOT_FOUND && kist_again(&again, &own));
    if (!code || found == 0)
        code = 0;
    else if (found != KIST_ERR_NOT_FOUND)
        code = found;
    else {
        /* KIST_ERR_EXISTS would say that the snapshot is somebody else's, and it is ours to sweep. */
        own.code = code == KIST_ERR_EXISTS ? KIST_ERR_FAILED : code;
        code = kist_fault_repeat(host, &own, err);
    }
    kist_fault_clear(&own);
    if (!code && strcmp(ret_export->source_arn, source->made.arn) != 0)
        code = host->fail(host, err, KIST_ERR_FAILED, "export '%s' is of another snapshot", identifier);
    return code;
}

/* After a look that failed: is it worth another? An outage passes, and what has just begun may not be listed yet. */
static int may_pass(const struct rds_source *source, int *misses, int code, const struct kist_error *err)
{
    if (code == KIST_ERR_NOT_FOUND || code == KIST_ERR_CORRUPT)
        return ++*misses < MISSES;
    return err->retryable && rds_left(source) > 0;
}

/* 1: it has ended well; 0: it goes on; else it has failed. */
static int judge(struct rds_source *source, const struct rds_export *task, struct kist_error *err)
{
    static const char *const bad[] = {"FAILED", "CANCELED", "CANCELING"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (strcmp(task->status, bad[i]) == 0)
            return fail_export(source, task, err);
    return strcmp(task->status, "COMPLETE") == 0;
}

int rds_export_make(struct rds_source *source, struct kist_error *err)
{
    const struct kist_host *host = source->work;
    struct rds_export task;
    char identifier[64], what[400];
    struct rds_progress progress = {.what = what};
    if (rds_name_export(source->made.identifier, identifier))
        return host->fail(host, err, KIST_ERR_FAILED, "cannot compute a hash by SHA-256");
    snprintf(what, sizeof what, "export '%s'", identifier);
    int code = start(source, identifier, &task, err), done = 0, misses = 0;
    while (!code && (done = judge(source, &task, err)) == 0) {
        int64_t left = rds_left(source), poll = source->config->poll.ms;
        if (left == 0)
            return rds_fail_deadline(source, what, task.status, err);
        code = kist_again_wait(host, poll < left ? poll : left, err);
        if (!code)
            code = find(source, identifier, &task, err);
        if (!code)
            misses = 0;
        else if (may_pass(source, &misses, code, err))
            code = 0;
        if (!code)
            rds_progress_tell(source, &progress, task.percent, task.status);
    }
    if (code || done < 0)
        return code ? code : done;
    source->exported = task;
    return 0;
}

void rds_export_cancel(struct rds_source *source, const char *snapshot)
{
    struct kist_error ignored = KIST_FAULT_INIT;
    struct rds_region *own = NULL;
    struct rds_form form;
    struct rds_reply reply = {0};
    char identifier[64];
    if (!source->config->export_to || rds_name_export(snapshot, identifier))
        return;
    rds_form_begin(&form, "CancelExportTask");
    rds_form_add(&form, "ExportTaskIdentifier", identifier);
    /* After rds_calm the region has to be opened anew. */
    if (rds_region_open(source, NULL, &own, &ignored) == 0 &&
        rds_call(source, own, &form, "cancel an export", &reply, &ignored) == 0)
        source->work->log(source->work, KIST_LOG_INFO, "cancelled export '%s'", identifier);
    rds_reply_done(&reply);
    rds_form_done(&form);
    kist_fault_clear(&ignored);
}
