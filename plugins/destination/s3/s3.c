/* s3.c - destination `s3`: objects of a bucket, at AWS or at any store that speaks S3. */
#include "s3.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct kist_option options[] = {
    KIST_OPTION(struct s3_config, bucket, .flags = KIST_OPTION_REQUIRED,
                .help = "name of the bucket, which must exist"),
    KIST_OPTION(struct s3_config, region,
                .help = "region of the bucket; else from the environment or profile, else us-east-1"),
    KIST_OPTION(struct s3_config, endpoint,
                .help = "URL of the store; else from the environment or profile, else that of AWS"),
    KIST_OPTION(struct s3_config, addressing, .def = "auto", .choices = "auto|path|virtual",
                .help = "where the bucket stands: in the path of the URL, or in the name of its host"),
    KIST_OPTION(struct s3_config, profile, .help = "section of the AWS credentials and config files"),
    KIST_OPTION(struct s3_config, access_key, .help = "access key id; else from the usual places of AWS"),
    KIST_OPTION(struct s3_config, secret_key, .help = "secret access key"),
    KIST_OPTION(struct s3_config, session_token, .help = "session token of temporary keys"),
    KIST_OPTION(struct s3_config, part_size, .def = "16MiB",
                KIST_RANGE((int64_t)S3_PART_MIN, (int64_t)S3_PART_MAX),
                .help = "size of the first parts of a large object"),
    KIST_OPTION(struct s3_config, concurrency, .def = "3", KIST_RANGE(1, 16),
                .help = "parts that are sent at once"),
    KIST_OPTION(struct s3_config, storage_class, .help = "class of new objects, such as STANDARD_IA"),
    KIST_OPTION(struct s3_config, sse, .def = "none", .choices = "none|AES256|aws:kms",
                .help = "encryption by the store that is asked for"),
    KIST_OPTION(struct s3_config, kms_key, .help = "key for sse = aws:kms; else the account's"),
    KIST_OPTION(struct s3_config, acl, .help = "canned ACL of new objects, such as bucket-owner-full-control"),
    KIST_OPTION(struct s3_config, tags, .help = "tags of new objects, each NAME=VALUE"),
    KIST_OPTION(struct s3_config, object_lock_mode, .def = "none", .choices = "none|GOVERNANCE|COMPLIANCE",
                .help = "lock that keeps new objects from being removed"),
    KIST_OPTION(struct s3_config, object_lock_days, .def = "0", KIST_RANGE(0, 36500),
                .help = "how long the lock holds"),
    KIST_OPTION(struct s3_config, checksum, .def = "sha256", .choices = "sha256|md5|none",
                .help = "hash that the store checks and objects are confirmed by"),
    KIST_OPTION(struct s3_config, expected_bucket_owner, .help = "account that the bucket must belong to"),
    KIST_OPTION(struct s3_config, allow_public, .def = "no", .help = "write to a bucket that anybody may read"),
    KIST_OPTION(struct s3_config, allow_plaintext, .def = "no",
                .help = "allow an http endpoint that is not on this machine"),
    KIST_OPTION(struct s3_config, ca_file,
                .help = "PEM file of the authorities to trust, in place of the system's"),
    KIST_OPTION_END};

static void store_close(void *self)
{
    struct s3_store *store = self;
    kist_http_free(store->http);
    kist_http_free(store->patient);
    kist_http_free(store->cleaner);
    kist_aws_free(store->aws);
    kist_calm_done(&store->calm);
    pthread_mutex_destroy(&store->lock);
    free(store->endpoint);
    free(store->folder);
    free(store->tagging);
    free(store->copy_key);
    free(store);
}

/* "a=b&c=d", as the header wants the tags. */
static int join_tags(struct s3_store *store, struct kist_error *err)
{
    const kist_list *tags = &store->config->tags;
    size_t size = 0;
    FILE *out = tags->count > 0 ? open_memstream(&store->tagging, &size) : NULL;
    if (tags->count == 0)
        return 0;
    int failed = out == NULL;
    for (uint64_t i = 0; i < tags->count && !failed; i++) {
        const char *equals = strchr(tags->items[i], '=');
        char *plain = strndup(tags->items[i], (size_t)(equals - tags->items[i]));
        char *name = plain ? kist_http_encode(plain, 0) : NULL, *value = kist_http_encode(equals + 1, 0);
        failed = !name || !value || fprintf(out, "%s%s=%s", i > 0 ? "&" : "", name, value) < 0;
        free(plain);
        free(name);
        free(value);
    }
    if (out && fclose(out) != 0)
        failed = 1;
    return failed ? s3_fail_memory(store, err) : 0;
}

static int connect_later(struct s3_store *store, struct kist_error *err)
{
    const struct s3_config *config = store->config;
    const struct kist_aws_setup setup = {.access_key = config->access_key,
                                         .secret_key = config->secret_key.reveal,
                                         .session_token = config->session_token.reveal,
                                         .profile = config->profile,
                                         .region = config->region,
                                         .service = "s3"};
    int rc = kist_aws_new(store->host, &setup, &store->aws, err);
    if (rc == 0 && !kist_aws_region(store->aws))
        rc = kist_aws_set_region(store->aws, "us-east-1", err);
    if (rc == 0 && !s3_url_is_region(kist_aws_region(store->aws)))
        rc = store->host->fail(store->host, err, KIST_ERR_CONFIG,
                               "the environment or profile names no sound region");
    if (rc == 0)
        rc = s3_url_setup(store, config->endpoint ? config->endpoint : kist_aws_endpoint(store->aws), err);
    /* AWS does; of others it is found out. */
    store->heeds_condition = rc == 0 && !store->endpoint;
    if (rc == 0)
        rc = join_tags(store, err);
    return rc == 0 ? s3_client_new(store, store->host, 0, 0, &store->http, err) : rc;
}

static int store_open(const struct kist_host *host, const void *config, void **ret_self, struct kist_error *err)
{
    int rc = s3_config_check(host, config, err);
    if (rc != 0)
        return rc;
    struct s3_store *store = calloc(1, sizeof *store);
    if (!store)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    store->host = host;
    store->config = config;
    store->copy_limit = 5 * S3_GIB;
    pthread_mutex_init(&store->lock, NULL);
    rc = kist_calm_init(&store->calm, host) == 0
             ? connect_later(store, err)
             : host->fail(host, err, KIST_ERR_FAILED, "no descriptors are left");
    if (rc == 0)
        *ret_self = store;
    else
        store_close(store);
    return rc;
}

KIST_DESTINATION(
        .about =
            {.name = "s3",
             .version = KIST_VERSION,
             .summary = "objects of a bucket, at AWS or any store that speaks S3",
             .details =
                 "Small objects are put by one request; large ones go in parts that are sent at once and grow, so "
                 "that a stream of any length fits. Every body is hashed, every object is looked at after it was "
                 "written, and none is overwritten. Keys are looked for where the AWS clients look.",
             .options = options,
             .config_size = sizeof(struct s3_config)},
        .features = KIST_DESTINATION_RESUMES, .open = store_open, .close = store_close, .check = s3_check,
        .put_begin = s3_put_begin, .put_write = s3_put_write, .put_commit = s3_put_commit,
        .put_abort = s3_put_abort, .get_begin = s3_get_begin, .get_read = s3_get_read, .get_end = s3_get_end,
        .list = s3_list, .stat = s3_stat, .remove = s3_remove, .get_about = s3_get_about,
        .remove_many = s3_remove_many, .copy = s3_copy, .sweep_below = s3_sweep_below);
