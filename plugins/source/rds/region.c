/* region.c - the regions that are talked to, each with signatures of its own, and the HTTP client that they share. */
#include "rds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SWEEP_MS (18 * RDS_SECOND) /* with one request more, half a minute is not reached */
#define REPLY_MS (2 * RDS_MINUTE)

/* ---- the client ---- */

int rds_http_open(struct rds_source *source, struct kist_error *err)
{
    int hurried = source->work != source->host;
    const struct kist_http_setup setup = {.user_agent = "kist/" KIST_VERSION,
                                          .allow_plaintext = source->config->allow_plaintext.on != 0,
                                          .ca_file = source->config->ca_file,
                                          .connect_ms = hurried ? 5 * RDS_SECOND : 0,
                                          .idle_ms = hurried ? 10 * RDS_SECOND : 0,
                                          .total_ms = hurried ? 10 * RDS_SECOND : REPLY_MS};
    return kist_http_new(source->work, &setup, &source->http, err);
}

/* ---- regions ---- */

static void disconnect(struct rds_region *region)
{
    kist_aws_free(region->aws);
    region->aws = NULL;
    free(region->url);
    region->url = NULL;
}

static char *own_endpoint(const char *region)
{
    char *url = NULL;
    return asprintf(&url, "https://rds.%s.amazonaws.com%s/", region, strncmp(region, "cn-", 3) == 0 ? ".cn" : "") <
                   0
               ? NULL
               : url;
}

/* The address with one slash at its end. */
static char *given_endpoint(const char *given)
{
    char *url = NULL;
    size_t length = strlen(given);
    while (length > 0 && given[length - 1] == '/')
        length--;
    return asprintf(&url, "%.*s/", (int)length, given) < 0 ? NULL : url;
}

static int set_url(struct rds_source *source, struct rds_region *region, struct kist_error *err)
{
    const char *given = source->config->endpoint ? source->config->endpoint : kist_aws_endpoint(region->aws);
    int code = given ? kist_http_check_url(source->work, given, source->config->allow_plaintext.on != 0, err) : 0;
    if (code)
        return code;
    region->url = given ? given_endpoint(given) : own_endpoint(region->name);
    return region->url ? 0 : rds_fail_memory(source, err);
}

/* The section's own region may be known by the environment or the profile alone. */
static int learn_name(struct rds_source *source, struct rds_region *region, struct kist_error *err)
{
    const struct kist_host *host = source->work;
    const char *name = kist_aws_region(region->aws);
    if (region->name)
        return 0;
    if (!name || !rds_is_region(name)) {
        host->fail(host, err, KIST_ERR_CONFIG, "no region is set for '%s'", rds_of(source));
        host->hint(host, err, "set 'region' to the one that it is in, such as eu-central-1");
        return KIST_ERR_CONFIG;
    }
    region->name = strdup(name);
    return region->name ? 0 : rds_fail_memory(source, err);
}

static int connect_region(struct rds_source *source, struct rds_region *region, struct kist_error *err)
{
    const struct rds_config *config = source->config;
    const struct kist_aws_setup setup = {.access_key = config->access_key,
                                         .secret_key = config->secret_key.reveal,
                                         .session_token = config->session_token.reveal,
                                         .profile = config->profile,
                                         .region = region->name ? region->name : config->region,
                                         .service = "rds"};
    if (region->aws)
        return 0;
    int code = kist_aws_new(source->work, &setup, &region->aws, err);
    if (!code)
        code = learn_name(source, region, err);
    if (!code)
        code = set_url(source, region, err);
    if (code)
        disconnect(region);
    return code;
}

static struct rds_region *add(struct rds_source *source, const char *name)
{
    struct rds_region **regions = realloc(source->regions, (source->region_count + 1) * sizeof *regions);
    struct rds_region *region = regions ? calloc(1, sizeof *region) : NULL;
    if (regions)
        source->regions = regions;
    if (region && name && !(region->name = strdup(name))) {
        free(region);
        region = NULL;
    }
    if (region)
        source->regions[source->region_count++] = region;
    return region;
}

int rds_region_open(struct rds_source *source, const char *name, struct rds_region **ret_region,
                    struct kist_error *err)
{
    struct rds_region *region = NULL;
    if (name && !rds_is_region(name))
        return source->work->fail(source->work, err, KIST_ERR_CORRUPT, "'%.60s' is no name of a region", name);
    for (size_t i = 0; i < source->region_count && !region; i++)
        if (i == 0 && !name)
            region = source->regions[0];
        else if (name && source->regions[i]->name && strcmp(source->regions[i]->name, name) == 0)
            region = source->regions[i];
    if (!region)
        region = add(source, name);
    if (!region)
        return rds_fail_memory(source, err);
    int code = connect_region(source, region, err);
    if (!code)
        *ret_region = region;
    return code;
}

int rds_is_home(const struct rds_source *source, const char *region)
{
    return source->region_count == 0 || strcmp(source->regions[0]->name, region) == 0;
}

static void set_keep(struct rds_region *region, const struct rds_config *config)
{
    for (int named = 0; named < 2; named++)
        for (uint64_t i = 0; i < config->copy_keep.count; i++) {
            char of[64];
            int64_t ms = 0;
            if (rds_config_keep(config->copy_keep.items[i], of, &ms) == 0 &&
                (named ? strcmp(of, region->name) == 0 : !of[0]))
                region->keep_ms = ms;
        }
}

int rds_region_setup(struct rds_source *source, struct kist_error *err)
{
    const struct rds_config *config = source->config;
    const struct kist_host *host = source->host;
    struct rds_region *own = NULL;
    int code = rds_region_open(source, NULL, &own, err);
    for (uint64_t i = 0; i < config->copy_to.count && !code; i++) {
        char name[64];
        const char *key = NULL;
        if (rds_config_copy(config->copy_to.items[i], name, &key))
            return host->fail(host, err, KIST_ERR_BUG, "copy_to was not checked");
        if (strcmp(name, own->name) == 0) {
            host->fail(host, err, KIST_ERR_CONFIG, "copy_to names '%s', where the snapshots are already", name);
            host->hint(host, err, "a copy is worth something in another region");
            return KIST_ERR_CONFIG;
        }
        struct rds_region *region = add(source, name);
        if (!region)
            return rds_fail_memory(source, err);
        region->kms_key = key;
        set_keep(region, config);
        source->copy_count++;
    }
    return code;
}

void rds_region_done(struct rds_source *source)
{
    for (size_t i = 0; i < source->region_count; i++) {
        disconnect(source->regions[i]);
        free(source->regions[i]->name);
        free(source->regions[i]);
    }
    free(source->regions);
    source->regions = NULL;
    source->region_count = 0;
}

int rds_calm(struct rds_source *source, struct kist_error *err)
{
    rds_begin(source, SWEEP_MS);
    if (source->work != source->host || !source->host->cancelled(source->host))
        return 0;
    source->work = &source->calm.host;
    /* These would not wait for an answer, nor fetch credentials. */
    for (size_t i = 0; i < source->region_count; i++)
        disconnect(source->regions[i]);
    kist_http_free(source->http);
    source->http = NULL;
    return rds_http_open(source, err);
}
