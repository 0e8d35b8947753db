/* The descriptor of the plugin: what it can be told, and its callbacks. */
#include "pg_dump.h"

#include <stdlib.h>
#include <string.h>

static const struct kist_option options[] = {
    KIST_OPTION(struct pgd_config, url,
                .help = "postgresql:// URL of the database; instead of the nine options below"),
    KIST_OPTION(struct pgd_config, host, .help = "server's name or address, or the directory of its socket"),
    KIST_OPTION(struct pgd_config, port, .help = "server's port (5432)", KIST_RANGE(1, 65535)),
    KIST_OPTION(struct pgd_config, user, .help = "role to log in as (the user that runs kist)"),
    KIST_OPTION(struct pgd_config, database, .help = "database to dump (named like the role)"),
    KIST_OPTION(struct pgd_config, password, .help = "password of the role"),
    KIST_OPTION(struct pgd_config, passfile, .help = "password file in the format of ~/.pgpass (that file)"),
    KIST_OPTION(struct pgd_config, service, .help = "name in the connection service file"),
    KIST_OPTION(struct pgd_config, sslmode, .choices = PGD_SSLMODES,
                .help = "as in libpq; when nothing says it and the server is not local: verify-full"),
    KIST_OPTION(struct pgd_config, sslrootcert,
                .help = "certificates of the authorities to trust (the system's bundle)"),
    KIST_OPTION(struct pgd_config, format, .def = "custom", .choices = "custom|plain",
                .help = "custom for pg_restore, or plain SQL for psql"),
    KIST_OPTION(struct pgd_config, sections, .def = "all", .choices = "all|schema|data",
                .help = "what to dump of each object: all, its definition, its data"),
    KIST_OPTION(struct pgd_config, tables, .help = "dump only these tables (patterns as in pg_dump)"),
    KIST_OPTION(struct pgd_config, exclude_tables, .help = "leave these tables out (patterns)"),
    KIST_OPTION(struct pgd_config, schemas, .help = "dump only these schemas (patterns)"),
    KIST_OPTION(struct pgd_config, exclude_schemas, .help = "leave these schemas out (patterns)"),
    KIST_OPTION(struct pgd_config, pg_dump,
                .help = "the pg_dump to use, or its directory (the newest that is installed)"),
    KIST_OPTION(struct pgd_config, lock_timeout, .def = "60s",
                .help = "longest wait for a lock on a table; 0s waits for ever"),
    KIST_OPTION(struct pgd_config, connect_timeout, .def = "15s",
                .help = "longest wait for a connection, per address", KIST_RANGE(1000, 600000)),
    KIST_OPTION(struct pgd_config, idle_timeout, .def = "30m",
                .help = "give up when pg_dump gives no byte for so long; 0s waits for ever"),
    KIST_OPTION(struct pgd_config, timeout, .def = "0s",
                .help = "give up when the dump takes longer; 0s waits for ever"),
    KIST_OPTION(struct pgd_config, extra_args, .help = "further arguments of pg_dump, each as one item"),
    KIST_OPTION(struct pgd_config, counts, .def = "exact", .choices = "exact|estimate|off",
                .help = "count the rows of every table in the snapshot that is dumped"),
    KIST_OPTION(struct pgd_config, checksums, .def = "no",
                .help = "with counts = exact: hash the content of every table, too"),
    KIST_OPTION(struct pgd_config, drill_url,
                .help = "server for drills, as a postgresql:// URL (a throwaway cluster on this machine)"),
    KIST_OPTION(struct pgd_config, drill_user, .def = "postgres",
                .help = "user that runs the throwaway cluster when kist runs as root"),
    KIST_OPTION_END,
};

static void close_source(void *self)
{
    struct pgd_source *source = self;
    pgd_holder_free(source->holder);
    pgd_params_done(&source->params);
    pgd_server_done(&source->server);
    pgd_tool_done(&source->tool);
    free(source);
}

static int open_source(const struct kist_host *host, const void *config, void **ret_self, struct kist_error *err)
{
    struct pgd_source *source = calloc(1, sizeof *source);
    if (!source)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    source->host = host;
    source->config = config;
    int code = pgd_params_from_config(host, config, &source->params, err);
    if (!code)
        code = pgd_extra_args_check(host, &source->config->extra_args, err);
    if (!code)
        code = pgd_counts_check(host, source->config, err);
    if (code)
        close_source(source);
    else
        *ret_self = source;
    return code;
}

static int tell_facts(void *self, const struct kist_facts *facts, struct kist_error *err)
{
    static const char *const sections[] = {"all", "schema", "data"};
    struct pgd_source *source = self;
    const struct pgd_server *server = &source->server;
    int code = pgd_source_look(source, err);
    if (code)
        return code;
    facts->text(facts, "server_version", server->version);
    facts->number(facts, "server_version_num", server->version_num);
    facts->text(facts, "tool", "pg_dump");
    facts->text(facts, "tool_version", source->tool.version);
    facts->text(facts, "database", server->database);
    facts->text(facts, "encoding", server->encoding);
    facts->number(facts, "standby", server->standby);
    facts->number(facts, "database_size", server->size);
    facts->text(facts, "sections", sections[source->config->sections.index]);
    facts->text(facts, "format", source->config->format.index == PGD_PLAIN ? "plain" : "custom");
    facts->begin_list(facts, "extensions");
    for (size_t i = 0; server->extensions[i] && server->extensions[i + 1]; i += 2) {
        facts->begin_object(facts, NULL);
        facts->text(facts, "name", server->extensions[i]);
        facts->text(facts, "version", server->extensions[i + 1]);
        facts->end(facts);
    }
    facts->end(facts);
    return 0;
}

/* What pg_dump would stumble over: tables that the role may not read, or of which it would see only some rows. */
/* pg_read_all_data does not cover these, and one that cannot be read fails the dump. */
static int check_large_objects(const struct kist_host *host, struct pgd_link *link, struct kist_error *err)
{
    PGresult *result = NULL;
    int code =
        pgd_query(link,
                  "SELECT m.oid, count(*) OVER () FROM pg_catalog.pg_largeobject_metadata m "
                  "WHERE pg_catalog.current_setting('is_superuser') = 'off' "
                  "AND NOT pg_catalog.pg_has_role(m.lomowner, 'USAGE') AND NOT EXISTS ("
                  "SELECT 1 FROM pg_catalog.aclexplode(m.lomacl) a WHERE a.privilege_type = 'SELECT' AND "
                  "CASE WHEN a.grantee = 0 THEN true ELSE pg_catalog.pg_has_role(a.grantee, 'USAGE') END) LIMIT 1",
                  0, NULL, &result, err);
    if (!code && PQntuples(result) > 0) {
        code = host->fail(host, err, KIST_ERR_AUTH, "%s large object(s), such as %s, may not be read by role '%s'",
                          PQgetvalue(result, 0, 1), PQgetvalue(result, 0, 0), PQuser(link->conn));
        host->hint(host, err,
                   "pg_read_all_data does not cover large objects: GRANT SELECT ON LARGE OBJECT %s TO the "
                   "role, or dump as a superuser",
                   PQgetvalue(result, 0, 0));
    }
    PQclear(result);
    return code;
}

static int check_privileges(struct pgd_source *source, struct pgd_link *link, struct kist_error *err)
{
    const struct kist_host *host = source->host;
    const struct pgd_config *config = source->config;
    PGresult *result = NULL;
    if (config->tables.count + config->exclude_tables.count + config->schemas.count +
            config->exclude_schemas.count >
        0)
        return 0; /* these may be the very tables that are left out */
    int code = pgd_query(link,
                         "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), "
                         "pg_catalog.has_table_privilege(c.oid, 'SELECT') AS readable FROM pg_catalog.pg_class c "
                         "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
                         "WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname !~ '^(pg_|information_schema$)' "
                         "AND c.relpersistence <> 't' AND (NOT pg_catalog.has_table_privilege(c.oid, 'SELECT') "
                         "OR pg_catalog.row_security_active(c.oid)) ORDER BY 2, 1 LIMIT 1",
                         0, NULL, &result, err);
    if (!code && PQntuples(result) > 0) {
        int readable = *PQgetvalue(result, 0, 1) == 't';
        code = host->fail(host, err, KIST_ERR_AUTH,
                          readable ? "row level security hides rows of table %s from role '%s'"
                                   : "table %s may not be read by role '%s'",
                          PQgetvalue(result, 0, 0), PQuser(link->conn));
        host->hint(host, err, readable ? "dump as a role with BYPASSRLS" : "GRANT pg_read_all_data TO the role");
    }
    PQclear(result);
    return code ? code : check_large_objects(host, link, err);
}

static int check_source(void *self, const struct kist_facts *facts, struct kist_error *err)
{
    struct pgd_source *source = self;
    struct pgd_server server = {0};
    struct pgd_link link = {.host = source->host};
    int code = pgd_source_look(source, err);
    if (!code)
        code = pgd_look(source->host, &source->params, source->config->connect_timeout.ms, &link, &server, err);
    if (!code)
        code = check_privileges(source, &link, err);
    pgd_disconnect(&link);
    pgd_server_done(&server);
    return code ? code : tell_facts(self, facts, err);
}

KIST_SOURCE(
        .about = {.name = "pg_dump",
                  .version = KIST_VERSION,
                  .summary = "a PostgreSQL database, by pg_dump",
                  .details =
                      "Runs the newest installed pg_dump that fits the server, and believes it only when it exits "
                      "with status 0 and its dump is whole. Restores with pg_restore or psql in one transaction.",
                  .options = options,
                  .config_size = sizeof(struct pgd_config)},
        .features = KIST_SOURCE_RESTORES | KIST_SOURCE_CHECKS | KIST_SOURCE_SWAPS | KIST_SOURCE_DRILLS,
        .open = open_source, .close = close_source, .check = check_source, .items = pgd_source_items,
        .read_begin = pgd_read_begin, .read = pgd_read, .read_end = pgd_read_end, .facts = tell_facts,
        .counts = pgd_counts, .restored_counts = pgd_restored_counts, .restore_begin = pgd_restore_begin,
        .write_begin = pgd_write_begin, .write = pgd_write, .write_commit = pgd_write_commit,
        .write_abort = pgd_write_abort, .restore_end = pgd_restore_end, .restore_reject = pgd_restore_reject,
        .restore_place = pgd_restore_place, .swap = pgd_swap, .aim = pgd_aim, .scratch_begin = pgd_scratch_begin,
        .scratch_end = pgd_scratch_end, .known_as = pgd_known_as);
