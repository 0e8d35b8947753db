/* settings.c - what cannot work is said before anything is sent. */
#include "neon.h"

#include <stdlib.h>
#include <string.h>

static int refuse(const struct kist_host *host, const char *hint, struct kist_error *err)
{
    host->hint(host, err, "%s", hint);
    return KIST_ERR_CONFIG;
}

static int check_url(const struct kist_host *host, const char *url, struct kist_error *err)
{
    struct kist_error own = KIST_FAULT_INIT;
    int rc = kist_http_check_url(host, url, 0, &own);
    if (rc != 0) {
        host->fail(host, err, rc, "api_url = %s: %s", url, own.message ? own.message : "refused");
        if (own.hint)
            host->hint(host, err, "%s", own.hint);
        kist_fault_clear(&own);
        return rc;
    }
    const char *authority = strstr(url, "://");
    if (authority && authority[3] != '/' && !strpbrk(url, "?#@ \"'<>\\") && !strstr(url, "/.."))
        return 0;
    host->fail(host, err, KIST_ERR_CONFIG, "api_url '%s' is not a plain URL", url);
    return refuse(host, "it is a scheme, a host and perhaps a port and a path", err);
}

static int check_names(const struct kist_host *host, const struct neon_config *config, struct kist_error *err)
{
    const char *problem = neon_pattern_problem(config->name);
    if (!neon_id_is_sound(config->project)) {
        host->fail(host, err, KIST_ERR_CONFIG, "project '%s' is not the id of a project", config->project);
        return refuse(host, "it is found in the project's settings, and looks like quiet-sun-12345678", err);
    }
    if (config->branch && !neon_name_is_sound(config->branch))
        return host->fail(host, err, KIST_ERR_CONFIG, "branch '%s' cannot be the name of a branch",
                          config->branch);
    if (problem) {
        host->fail(host, err, KIST_ERR_CONFIG, "name '%s' %s", config->name, problem);
        return refuse(host, "the default is kist-{pipeline}-{id}", err);
    }
    return 0;
}

static int check_key(const struct kist_host *host, const char *key, struct kist_error *err)
{
    for (const char *at = key; *at; at++) {
        if (*at > ' ' && *at < 0x7f)
            continue;
        host->fail(host, err, KIST_ERR_CONFIG, "api_key holds a character that is in no API key");
        return refuse(host, "it is one word that begins with napi_", err);
    }
    return 0;
}

int neon_config_check(const struct kist_host *host, const struct neon_config *config, struct kist_error *err)
{
    int rc = check_key(host, config->api_key.reveal, err);
    if (rc == 0)
        rc = check_names(host, config, err);
    if (rc == 0)
        rc = check_url(host, config->api_url, err);
    if (rc != 0)
        return rc;
    if (config->protect.on && config->expires.ms > 0) {
        host->fail(host, err, KIST_ERR_CONFIG, "protect and expires: Neon lets no protected branch expire");
        return refuse(host, "keep one of them; retention deletes branches without either", err);
    }
    if (config->protect.on && config->mode.index != NEON_BRANCH) {
        host->fail(host, err, KIST_ERR_CONFIG, "protect is for mode = branch: only branches can be protected");
        return refuse(host, "take it away", err);
    }
    if (config->expires.ms > 0 && config->expires.ms < 60000) {
        host->fail(host, err, KIST_ERR_CONFIG, "expires is too short for a backup to be made");
        return refuse(host, "give it at least 1m; with 0s nothing expires", err);
    }
    if (config->dump.name && config->mode.index != NEON_DUMP) {
        host->fail(host, err, KIST_ERR_CONFIG, "dump = %s is for mode = dump", config->dump.name);
        return refuse(host, "take it away, or set 'mode = dump'", err);
    }
    return 0;
}

int neon_name_check(const struct neon_source *source, const struct kist_backup *backup, struct kist_error *err)
{
    const struct kist_host *host = source->host;
    char *name = neon_name_of(source->config->name, backup);
    if (!name)
        return neon_fail_memory(host, err);
    int sound = neon_name_is_sound(name);
    if (!sound) {
        host->fail(host, err, KIST_ERR_CONFIG,
                   "'%.60s...' cannot be the name of a branch: it has more than %d characters", name,
                   NEON_NAME_MAX);
        host->hint(host, err, "shorten 'name'");
    }
    free(name);
    return sound ? 0 : KIST_ERR_CONFIG;
}
