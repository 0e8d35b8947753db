/* rds.c - source `rds`: snapshots of an instance or a cluster of Amazon RDS, which RDS itself holds. */
#include "rds.h"

#include <stdlib.h>

static const struct kist_option options[] = {
    KIST_OPTION(struct rds_config, instance, .help = "identifier of the instance that is saved"),
    KIST_OPTION(struct rds_config, cluster, .help = "identifier of the Aurora or Multi-AZ cluster that is saved"),
    KIST_OPTION(struct rds_config, region, .help = "region that it is in; else from the environment or profile"),
    KIST_OPTION(struct rds_config, endpoint,
                .help = "URL of the interface of RDS; else from the environment or profile, else that of AWS"),
    KIST_OPTION(struct rds_config, profile, .help = "section of the AWS credentials and config files"),
    KIST_OPTION(struct rds_config, access_key, .help = "access key id; else from the usual places of AWS"),
    KIST_OPTION(struct rds_config, secret_key, .help = "secret access key"),
    KIST_OPTION(struct rds_config, session_token, .help = "session token of temporary keys"),
    KIST_OPTION(struct rds_config, allow_plaintext, .def = "no",
                .help = "allow an http endpoint that is not on this machine"),
    KIST_OPTION(struct rds_config, ca_file,
                .help = "PEM file of the authorities to trust, in place of the system's"),
    KIST_OPTION(struct rds_config, tags, .help = "tags of what is made, each NAME=VALUE, besides those of kist"),
    KIST_OPTION(struct rds_config, name, .def = "kist-{pipeline}-{id}",
                .help = "identifier of snapshots; has to hold {pipeline} and {id}"),
    KIST_OPTION(struct rds_config, wait, .def = "6h", KIST_RANGE(RDS_SECOND, 7 * 24 * RDS_HOUR),
                .help = "how long a snapshot, a copy or a restore may take"),
    KIST_OPTION(struct rds_config, poll, .def = "15s", KIST_RANGE(10, RDS_HOUR),
                .help = "how often RDS is asked whether it is ready"),
    KIST_OPTION(struct rds_config, copy_to,
                .help = "regions that each snapshot is copied to, each REGION or REGION:KEY of KMS there"),
    KIST_OPTION(struct rds_config, copy_keep,
                .help = "how long copies are kept: DURATION or REGION:DURATION; else as long as the backup"),
    KIST_OPTION(struct rds_config, export_to,
                .help = "s3://BUCKET/PREFIX that each snapshot is exported to as Parquet"),
    KIST_OPTION(struct rds_config, export_role, .help = "ARN of the role that exports with"),
    KIST_OPTION(struct rds_config, export_key, .help = "key of KMS that exports are encrypted by"),
    KIST_OPTION(struct rds_config, export_only, .help = "export only these databases, schemas or tables"),
    KIST_OPTION(struct rds_config, instance_class, .help = "class of restored instances; else as RDS chooses"),
    KIST_OPTION(struct rds_config, subnet_group,
                .help = "subnet group of restored instances; else that of the one that is saved"),
    KIST_OPTION(struct rds_config, security_groups,
                .help = "security groups of restored instances; else those of the one that is saved"),
    KIST_OPTION_END};

int rds_fail_memory(const struct rds_source *source, struct kist_error *err)
{
    return source->host->fail(source->host, err, KIST_ERR_FAILED, "out of memory");
}

int rds_is_cluster(const struct rds_source *source)
{
    return source->config->cluster != NULL;
}

const char *rds_of(const struct rds_source *source)
{
    return source->config->cluster ? source->config->cluster : source->config->instance;
}

int rds_identifier(const struct rds_source *source, const struct kist_backup *backup,
                   char ret_name[RDS_IDENTIFIER_MAX + 1])
{
    return rds_name_snapshot(source->config->name, backup->pipeline, backup->id,
                             rds_is_cluster(source) ? RDS_CLUSTER_SNAPSHOT_MAX : RDS_IDENTIFIER_MAX, ret_name);
}

static void close_source(void *self)
{
    struct rds_source *source = self;
    rds_region_done(source);
    kist_http_free(source->http);
    kist_calm_done(&source->calm);
    free(source);
}

static int open_source(const struct kist_host *host, const void *config, void **ret_self, struct kist_error *err)
{
    int code = rds_config_check(host, config, err);
    if (code)
        return code;
    struct rds_source *source = calloc(1, sizeof *source);
    if (!source)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    source->host = source->work = host;
    source->config = config;
    if (kist_calm_init(&source->calm, host)) {
        free(source);
        return host->fail(host, err, KIST_ERR_FAILED, "out of file descriptors");
    }
    code = rds_region_setup(source, err);
    if (!code)
        code = rds_http_open(source, err);
    if (code)
        close_source(source);
    else
        *ret_self = source;
    return code;
}

static int backup_begin(void *self, const struct kist_backup *backup, struct kist_error *err)
{
    struct rds_source *source = self;
    char identifier[RDS_IDENTIFIER_MAX + 1];
    source->backup = backup;
    if (rds_name_owner(backup->owner, source->owner))
        return source->host->fail(source->host, err, KIST_ERR_FAILED, "cannot compute a hash by SHA-256");
    if (rds_identifier(source, backup, identifier) == 0)
        return 0;
    source->host->fail(source->host, err, KIST_ERR_CONFIG,
                       "'name' makes no identifier that RDS takes for pipeline '%s'", backup->pipeline);
    source->host->hint(source->host, err, "give 'name' less text of its own, or the pipeline a shorter name");
    return KIST_ERR_CONFIG;
}

/* ---- bytes, of which there are none ---- */

static int no_bytes(const struct rds_source *source, struct kist_error *err)
{
    return source->host->fail(source->host, err, KIST_ERR_UNSUPPORTED, "RDS gives no bytes of its snapshots");
}

static int read_begin(void *self, const struct kist_item *item, void **ret_reader, struct kist_error *err)
{
    (void)item;
    (void)ret_reader;
    return no_bytes(self, err);
}

static int read_bytes(void *reader, void *data, size_t capacity, size_t *ret_size, struct kist_error *err)
{
    (void)data;
    (void)capacity;
    (void)ret_size;
    return no_bytes(reader, err);
}

static void end_nothing(void *object)
{
    (void)object;
}

static int write_begin(void *restore, const struct kist_item *item, void **ret_writer, struct kist_error *err)
{
    (void)item;
    (void)ret_writer;
    return no_bytes(((struct rds_restore *)restore)->source, err);
}

static int write_bytes(void *writer, const void *data, size_t size, struct kist_error *err)
{
    (void)data;
    (void)size;
    return no_bytes(writer, err);
}

static int write_commit(void *writer, struct kist_error *err)
{
    return no_bytes(writer, err);
}

KIST_SOURCE(
        .about =
            {.name = "rds",
             .version = KIST_VERSION,
             .summary = "snapshots of an Amazon RDS instance or cluster, held by RDS",
             .details =
                 "Each backup is a manual snapshot, and a copy of it in each region of 'copy_to'; kist keeps its "
                 "manifest and applies the pipeline's retention. A restore makes a new instance, of a snapshot "
                 "or of any moment that RDS holds; nothing is ever replaced. A snapshot is lost with the "
                 "account: have another pipeline dump the same database.",
             .options = options,
             .config_size = sizeof(struct rds_config)},
        .features = KIST_SOURCE_RESTORES | KIST_SOURCE_REFERENCES | KIST_SOURCE_REPLACES | KIST_SOURCE_HISTORY,
        .open = open_source, .close = close_source, .check = rds_check, .items = rds_items,
        .read_begin = read_begin, .read = read_bytes, .read_end = end_nothing, .facts = rds_facts,
        .restore_begin = rds_restore_begin, .write_begin = write_begin, .write = write_bytes,
        .write_commit = write_commit, .write_abort = end_nothing, .restore_end = rds_restore_end,
        .restore_place = rds_restore_place, .backup_begin = backup_begin, .backup_sweep = rds_backup_sweep,
        .reference_make = rds_reference_make, .reference_look = rds_reference_look,
        .reference_discard = rds_reference_discard, .reference_restore = rds_reference_restore,
        .known_as = rds_known_as);
