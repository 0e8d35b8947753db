#include "pg_dump.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void pgd_params_done(struct pgd_params *params)
{
    kist_pg_options_free(params->options);
    *params = (struct pgd_params){0};
}

static int no_memory(const struct kist_host *host, struct kist_error *err)
{
    return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
}

/* The name of the user that runs us: what libpq would take, but not from the environment. */
static int default_user(PQconninfoOption *options)
{
    struct passwd entry, *found = NULL;
    char buffer[4096];
    if (kist_pg_param(options, "user") || getpwuid_r(geteuid(), &entry, buffer, sizeof buffer, &found) != 0 ||
        !found)
        return 0;
    return kist_pg_param_set(options, "user", found->pw_name);
}

static int set_missing(PQconninfoOption *options, const char *keyword, const char *value)
{
    return kist_pg_param(options, keyword) ? 0 : kist_pg_param_set(options, keyword, value);
}

/* What follows from the parameters given: the service, the defaults that keep a connection honest, and TLS. */
static int complete(const struct kist_host *host, struct pgd_params *params, struct kist_error *err)
{
    PQconninfoOption *options = params->options;
    const char *service = kist_pg_param(options, "service");
    /* The one variable that a connection string cannot overrule: libpq would look for that service. */
    if (getenv("PGSERVICE")) {
        int code = host->fail(host, err, KIST_ERR_CONFIG, "PGSERVICE is set in the environment of kist");
        host->hint(host, err, "unset it, and name the service by the option service if that is meant");
        return code;
    }
    if (service) {
        int code = pgd_service_read(host, service, options, err);
        if (code)
            return code;
        if (kist_pg_param_set(options, "service", NULL) != 0)
            return no_memory(host, err);
    }
    if (kist_pg_param(options, "replication"))
        return host->fail(host, err, KIST_ERR_CONFIG, "a replication connection cannot be dumped");
    if (kist_pg_param(options, "sslpassword"))
        return host->fail(
            host, err, KIST_ERR_CONFIG,
            "sslpassword cannot be handed to pg_dump without showing it; use a key without a passphrase");
    if (default_user(options) != 0 || set_missing(options, "dbname", kist_pg_param(options, "user")) != 0 ||
        set_missing(options, "port", "5432") != 0 || set_missing(options, "keepalives_idle", "60") != 0 ||
        set_missing(options, "keepalives_interval", "10") != 0 ||
        set_missing(options, "keepalives_count", "6") != 0 ||
        set_missing(options, "tcp_user_timeout", "120000") != 0 ||
        set_missing(options, "application_name", "kist") != 0)
        return no_memory(host, err);
    const char *password = kist_pg_param(options, "password");
    if (password && host->add_secret(host, password) != 0)
        return no_memory(host, err);
    int code = pgd_pooler_name(host, kist_pg_param(options, "host"), err);
    return code ? code : kist_pg_tls_defaults(options, &params->tls_by_default) != 0 ? no_memory(host, err) : 0;
}

static const char *first_single_option(const struct pgd_config *config)
{
    return config->host && *config->host                 ? "host"
           : config->port                                ? "port"
           : config->user && *config->user               ? "user"
           : config->database && *config->database       ? "database"
           : config->password.reveal                     ? "password"
           : config->passfile && *config->passfile       ? "passfile"
           : config->service && *config->service         ? "service"
           : config->sslmode.index >= 0                  ? "sslmode"
           : config->sslrootcert && *config->sslrootcert ? "sslrootcert"
                                                         : NULL;
}

static int set_single_options(const struct pgd_config *config, PQconninfoOption *options)
{
    static const char *const modes[] = {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"};
    char port[24] = "";
    if (config->port)
        snprintf(port, sizeof port, "%lld", (long long)config->port);
    int known = config->sslmode.index >= 0 && config->sslmode.index < (int)(sizeof modes / sizeof *modes);
    return kist_pg_param_set(options, "host", config->host) || kist_pg_param_set(options, "port", port) ||
                   kist_pg_param_set(options, "user", config->user) ||
                   kist_pg_param_set(options, "dbname", config->database) ||
                   kist_pg_param_set(options, "password", config->password.reveal) ||
                   kist_pg_param_set(options, "passfile", config->passfile) ||
                   kist_pg_param_set(options, "service", config->service) ||
                   kist_pg_param_set(options, "sslmode", known ? modes[config->sslmode.index] : NULL) ||
                   kist_pg_param_set(options, "sslrootcert", config->sslrootcert)
               ? -1
               : 0;
}

int pgd_params_fail_unnamed(const struct kist_host *host, struct kist_error *err)
{
    int code = host->fail(host, err, KIST_ERR_CONFIG, "no server is named");
    host->hint(host, err, "give url = ${DATABASE_URL}, or host, user, database and so on");
    return code;
}

int pgd_params_from_config(const struct kist_host *host, const struct pgd_config *config,
                           struct pgd_params *ret_params, struct kist_error *err)
{
    const char *url = config->url.reveal && *config->url.reveal ? config->url.reveal : NULL;
    const char *single = first_single_option(config);
    if (url && single) {
        int code = host->fail(host, err, KIST_ERR_CONFIG, "'url' and '%s' are both given", single);
        host->hint(host, err, "say everything in the url, or nothing");
        return code;
    }
    struct pgd_params params = {.from_url = url != NULL, .unnamed = !url && !single};
    int code = kist_pg_parse(host, url ? url : "", "the url", &params.options, err);
    if (!code && !url && set_single_options(config, params.options) != 0)
        code = no_memory(host, err);
    if (!code && !params.unnamed)
        code = complete(host, &params, err);
    if (code)
        pgd_params_done(&params);
    else
        *ret_params = params;
    return code;
}

int pgd_params_copy(const struct kist_host *host, const struct pgd_params *from, struct pgd_params *ret_params,
                    struct kist_error *err)
{
    struct pgd_params params = *from;
    params.options = PQconninfoParse("", NULL);
    if (!params.options)
        return no_memory(host, err);
    for (const PQconninfoOption *option = from->options; option->keyword; option++)
        if (option->val && kist_pg_param_set(params.options, option->keyword, option->val) != 0) {
            pgd_params_done(&params);
            return no_memory(host, err);
        }
    *ret_params = params;
    return 0;
}

static int same(const PQconninfoOption *a, const PQconninfoOption *b, const char *keyword)
{
    const char *left = kist_pg_param(a, keyword), *right = kist_pg_param(b, keyword);
    return left && right ? strcmp(left, right) == 0 : left == right;
}

/* A password is lent only to the very server and user that it belongs to. */
static int lend_password(const struct pgd_params *source, struct pgd_params *target)
{
    if (kist_pg_param(target->options, "password") || kist_pg_param(target->options, "passfile"))
        return 0;
    if (!same(source->options, target->options, "host") || !same(source->options, target->options, "hostaddr") ||
        !same(source->options, target->options, "port") || !same(source->options, target->options, "user"))
        return 0;
    return kist_pg_param_set(target->options, "password", kist_pg_param(source->options, "password")) ||
           kist_pg_param_set(target->options, "passfile", kist_pg_param(source->options, "passfile"));
}

int pgd_params_from_target(const struct kist_host *host, const struct pgd_params *source, const char *target,
                           struct pgd_params *ret_params, struct kist_error *err)
{
    struct pgd_params params = {0};
    int code = 0;
    if (target && (strstr(target, "://") || strchr(target, '='))) {
        params.from_url = 1;
        code = kist_pg_parse(host, target, "the target", &params.options, err);
        if (!code)
            code = complete(host, &params, err);
        if (!code && lend_password(source, &params) != 0)
            code = no_memory(host, err);
    } else if (source->unnamed) {
        code = pgd_params_fail_unnamed(host, err);
    } else {
        code = pgd_params_copy(host, source, &params, err);
        if (!code && target && *target && kist_pg_param_set(params.options, "dbname", target) != 0)
            code = no_memory(host, err);
    }
    if (code)
        pgd_params_done(&params);
    else
        *ret_params = params;
    return code;
}
