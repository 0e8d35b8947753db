/* TLS that verifies the server, unless somebody says otherwise. */
#include "pg.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where systems keep the certificates of the public authorities, as one file. */
static const char *const bundles[] = {
    "/etc/ssl/certs/ca-certificates.crt",                /* Debian, Ubuntu, Arch, Alpine */
    "/etc/pki/tls/certs/ca-bundle.crt",                  /* Fedora, RHEL */
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", /* newer Fedora */
    "/etc/ssl/ca-bundle.pem",                            /* SUSE */
    "/etc/ssl/cert.pem",                                 /* Alpine, BSD, macOS */
    "/usr/local/share/certs/ca-root-nss.crt",
};

static const char *system_bundle(void)
{
    for (size_t i = 0; i < sizeof bundles / sizeof *bundles; i++)
        if (access(bundles[i], R_OK) == 0)
            return bundles[i];
    return NULL;
}

/* Of a comma-separated list every one must be local; an address given beside a name is where the bytes go. */
static int all_local(const char *list)
{
    char name[256];
    for (const char *at = list ? list : "";; at++) {
        size_t length = strcspn(at, ",");
        if (length >= sizeof name)
            return 0;
        memcpy(name, at, length);
        name[length] = '\0';
        if (!kist_pg_host_is_local(name))
            return 0;
        at += length;
        if (!*at)
            return 1;
    }
}

static int has_own_root(void)
{
    const char *home = getenv("HOME");
    char path[4096];
    if (!home || strlen(home) + sizeof "/.postgresql/root.crt" > sizeof path)
        return 0;
    stpcpy(stpcpy(path, home), "/.postgresql/root.crt");
    return access(path, R_OK) == 0;
}

int kist_pg_tls_defaults(PQconninfoOption *options, int *ret_by_default)
{
    const char *mode = kist_pg_param(options, "sslmode"), *address = kist_pg_param(options, "hostaddr");
    *ret_by_default = 0;
    if (!mode) {
        if (all_local(address ? address : kist_pg_param(options, "host")))
            return 0;
        if (kist_pg_param_set(options, "sslmode", "verify-full") != 0)
            return -1;
        *ret_by_default = 1;
        mode = "verify-full";
    }
    if (strncmp(mode, "verify-", 7) != 0 || kist_pg_param(options, "sslrootcert"))
        return 0;
    /* Who asked for verification by name may keep an authority of their own where libpq looks for it. */
    if (!*ret_by_default && has_own_root())
        return 0;
    const char *bundle = system_bundle();
    return bundle && kist_pg_param_set(options, "sslrootcert", bundle) != 0 ? -1 : 0;
}
