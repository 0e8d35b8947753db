/* config.c - what cannot work is said before anything is sent. */
#include "rds.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static int fail(const struct kist_host *host, struct kist_error *err, const char *what, const char *next)
{
    host->fail(host, err, KIST_ERR_CONFIG, "%s", what);
    if (next)
        host->hint(host, err, "%s", next);
    return KIST_ERR_CONFIG;
}

/* ---- lists ---- */

int rds_config_copy(const char *item, char ret_region[64], const char **ret_key)
{
    size_t length = strcspn(item, ":");
    if (length >= 64)
        return -1;
    memcpy(ret_region, item, length);
    ret_region[length] = '\0';
    *ret_key = item[length] == ':' ? item + length + 1 : NULL;
    return rds_is_region(ret_region) && (!*ret_key || **ret_key) ? 0 : -1;
}

static int read_duration(const char *text, int64_t *ret_ms)
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = {{"ms", 1},       {"s", RDS_SECOND},    {"m", RDS_MINUTE},
                 {"h", RDS_HOUR}, {"d", 24 * RDS_HOUR}, {"w", 7 * 24 * RDS_HOUR}};
    size_t digits = strspn(text, "0123456789");
    int64_t value = 0;
    if (digits == 0 || digits > 9)
        return -1;
    for (size_t i = 0; i < digits; i++)
        value = value * 10 + (text[i] - '0');
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(text + digits, units[i].name) == 0) {
            *ret_ms = value * units[i].ms;
            return value > 0 ? 0 : -1;
        }
    return -1;
}

int rds_config_keep(const char *item, char ret_region[64], int64_t *ret_ms)
{
    const char *colon = strchr(item, ':');
    size_t length = colon ? (size_t)(colon - item) : 0;
    if (length >= 64)
        return -1;
    memcpy(ret_region, item, length);
    ret_region[length] = '\0';
    if (colon && !rds_is_region(ret_region))
        return -1;
    return read_duration(colon ? colon + 1 : item, ret_ms);
}

int rds_config_export(const char *text, char ret_bucket[64], const char **ret_prefix)
{
    if (strncmp(text, "s3://", 5) != 0)
        return -1;
    const char *bucket = text + 5;
    size_t length = strcspn(bucket, "/");
    if (length < 3 || length > 63 || strspn(bucket, "abcdefghijklmnopqrstuvwxyz0123456789.-") < length)
        return -1;
    memcpy(ret_bucket, bucket, length);
    ret_bucket[length] = '\0';
    *ret_prefix = bucket[length] && bucket[length + 1] ? bucket + length + 1 : NULL;
    return 0;
}

/* ---- checks ---- */

static int check_names(const struct kist_host *host, const struct rds_config *c, struct kist_error *err)
{
    const char *of = c->instance ? c->instance : c->cluster;
    if (!c->instance == !c->cluster)
        return fail(host, err, "a source saves one 'instance' or one 'cluster'",
                    "set one of the two to its identifier");
    if (!rds_is_identifier(of, RDS_INSTANCE_MAX)) {
        host->fail(host, err, KIST_ERR_CONFIG, "'%s' is no identifier of an instance or a cluster", of);
        host->hint(host, err, "it is what the console calls 'DB identifier': letters, digits and hyphens");
        return KIST_ERR_CONFIG;
    }
    if (c->region && !rds_is_region(c->region))
        return fail(host, err, "region is no name of a region", "such as us-east-1");
    if (!strstr(c->name, "{pipeline}") || !strstr(c->name, "{id}"))
        return fail(host, err, "name has to hold {pipeline} and {id}, or snapshots could not be told apart",
                    "such as kist-{pipeline}-{id}");
    if (c->name[0] != '{' && !rds_is_identifier((const char[]){c->name[0], '\0'}, 1))
        return fail(host, err, "name has to begin with a letter", "such as kist-{pipeline}-{id}");
    return 0;
}

static int check_keys(const struct kist_host *host, const struct rds_config *c, struct kist_error *err)
{
    const struct kist_aws_setup setup = {.access_key = c->access_key,
                                         .secret_key = c->secret_key.reveal,
                                         .session_token = c->session_token.reveal,
                                         .profile = c->profile};
    int code = kist_aws_check_keys(host, &setup, err);
    if (!code && c->endpoint)
        code = kist_http_check_url(host, c->endpoint, c->allow_plaintext.on != 0, err);
    return code;
}

static int check_tag(const struct kist_host *host, const char *tag, struct kist_error *err)
{
    const char *equals = strchr(tag, '=');
    size_t length = equals ? (size_t)(equals - tag) : 0;
    if (length == 0 || length > 128 || strlen(equals + 1) > 256)
        return fail(host, err, "a tag is written NAME=VALUE, with up to 128 and 256 characters", NULL);
    if (strncasecmp(tag, "aws:", 4) == 0 || strncasecmp(tag, "rds:", 4) == 0)
        return fail(host, err, "names of tags that begin with 'aws:' or 'rds:' belong to AWS", NULL);
    if (strncasecmp(tag, "kist:", 5) == 0)
        return fail(host, err, "kist knows its own snapshots by tags that begin with 'kist:'",
                    "give that tag another name");
    for (const unsigned char *at = (const unsigned char *)tag; *at; at++)
        if (*at < 0x80 && !strchr(" +-=._:/@", *at) && !(*at >= '0' && *at <= '9') &&
            !((*at | 32U) >= 'a' && (*at | 32U) <= 'z'))
            return fail(host, err, "a tag holds letters, digits, spaces and any of _.:/=+-@", NULL);
    return 0;
}

static int check_tags(const struct kist_host *host, const struct rds_config *c, struct kist_error *err)
{
    int code = c->tags.count > RDS_TAGS_MAX - RDS_TAGS_OWN
                   ? fail(host, err, "a snapshot has at most 50 tags, and three of them are kist's", NULL)
                   : 0;
    for (uint64_t i = 0; i < c->tags.count && !code; i++)
        code = check_tag(host, c->tags.items[i], err);
    for (uint64_t i = 0; i < c->tags.count && !code; i++)
        for (uint64_t j = 0; j < i && !code; j++) {
            size_t length = strcspn(c->tags.items[i], "=") + 1;
            if (strncmp(c->tags.items[i], c->tags.items[j], length) == 0)
                code = fail(host, err, "two tags have the same name", NULL);
        }
    return code;
}

static int is_copied_to(const struct rds_config *c, const char *region, uint64_t count)
{
    char other[64];
    const char *key = NULL;
    for (uint64_t i = 0; i < count; i++)
        if (rds_config_copy(c->copy_to.items[i], other, &key) == 0 && strcmp(other, region) == 0)
            return 1;
    return 0;
}

static int check_copies(const struct kist_host *host, const struct rds_config *c, struct kist_error *err)
{
    char region[64];
    const char *key = NULL;
    int64_t ms = 0;
    for (uint64_t i = 0; i < c->copy_to.count; i++) {
        if (rds_config_copy(c->copy_to.items[i], region, &key))
            return fail(host, err, "copy_to takes REGION or REGION:KEY", "such as eu-west-1:alias/backups");
        if (strncmp(region, "us-gov-", 7) == 0)
            return fail(host, err,
                        "copies between regions of GovCloud need a signed address, which kist does not make",
                        NULL);
        if (is_copied_to(c, region, i))
            return fail(host, err, "copy_to names a region twice", NULL);
    }
    for (uint64_t i = 0; i < c->copy_keep.count; i++) {
        if (rds_config_keep(c->copy_keep.items[i], region, &ms))
            return fail(host, err, "copy_keep takes DURATION or REGION:DURATION", "such as 30d, or eu-west-1:30d");
        if (region[0] ? !is_copied_to(c, region, c->copy_to.count) : c->copy_to.count == 0)
            return fail(host, err, "copy_keep is for a region that copy_to does not name", NULL);
    }
    return 0;
}

static int check_export(const struct kist_host *host, const struct rds_config *c, struct kist_error *err)
{
    char bucket[64];
    const char *prefix = NULL;
    if (!c->export_to)
        return c->export_role || c->export_key || c->export_only.count > 0
                   ? fail(host, err, "export_role, export_key and export_only belong to export_to", NULL)
                   : 0;
    if (rds_config_export(c->export_to, bucket, &prefix))
        return fail(host, err, "export_to is no address of a bucket", "such as s3://my-bucket/exports");
    if (!c->export_role || !c->export_key)
        return fail(host, err, "export_to needs export_role and export_key",
                    "the role may write to the bucket, and exports are always encrypted by a key of KMS");
    return 0;
}

int rds_config_check(const struct kist_host *host, const struct rds_config *config, struct kist_error *err)
{
    int code = check_names(host, config, err);
    if (!code)
        code = check_keys(host, config, err);
    if (!code)
        code = check_tags(host, config, err);
    if (!code)
        code = check_copies(host, config, err);
    return code ? code : check_export(host, config, err);
}
