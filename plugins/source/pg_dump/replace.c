/*
 * replace.c - the statements that make room, in the very transaction that then restores.
 *
 * Either everything that anybody put into the database goes, or the chosen tables are moved into a schema
 * beside their own, "<schema>_before_<time>", with their rows, indexes and own sequences. Foreign keys of other
 * tables that pointed to one of them are made again toward the restored table, checked, or nothing happens at
 * all.
 */
#include "restore.h"
#include "select.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "child.h"

/* What an extension brought goes with it. One that only the server's owner may drop stays, and so does public
 * where the role does not own it: then what is in it goes, one by one. */
static const char drop_all[] =
    "DO $kist$ DECLARE r record; o record; i record; BEGIN\n"
    "PERFORM set_config('search_path', 'pg_catalog', true);\n"
    "PERFORM set_config('client_min_messages', 'error', true);\n"
    "FOR r IN SELECT evtname AS name FROM pg_event_trigger x WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE "
    "d.classid = "
    "'pg_event_trigger'::regclass AND d.objid = x.oid AND d.deptype = 'e') LOOP\n"
    "  EXECUTE format('DROP EVENT TRIGGER %I CASCADE', r.name); END LOOP;\n"
    "FOR r IN SELECT pubname AS name FROM pg_publication LOOP EXECUTE format('DROP PUBLICATION %I', r.name); END "
    "LOOP;\n"
    "PERFORM lo_unlink(oid) FROM pg_largeobject_metadata;\n"
    "FOR r IN SELECT extname AS name FROM pg_extension WHERE extname <> 'plpgsql' LOOP\n"
    "  BEGIN EXECUTE format('DROP EXTENSION IF EXISTS %I CASCADE', r.name);\n"
    "  EXCEPTION WHEN insufficient_privilege THEN NULL; END; END LOOP;\n"
    "FOR r IN SELECT x.oid, nspname AS name FROM pg_namespace x WHERE nspname !~ '^pg_' AND nspname <> "
    "'information_schema' AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_namespace'::regclass AND "
    "d.objid "
    "= x.oid AND d.deptype = 'e') LOOP\n"
    "  BEGIN EXECUTE format('DROP SCHEMA %I CASCADE', r.name);\n"
    "  EXCEPTION WHEN insufficient_privilege THEN\n"
    "    IF r.name <> 'public' THEN RAISE; END IF;\n"
    "    FOR o IN SELECT d.classid, d.objid FROM pg_depend d WHERE d.refclassid = 'pg_namespace'::regclass AND "
    "d.refobjid "
    "= r.oid AND d.deptype = 'n' AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = d.classid AND e.objid "
    "= "
    "d.objid AND e.deptype = 'e') LOOP\n"
    /* What went with something else has no name any more. */
    "      FOR i IN SELECT replace(type, 'statistics object', 'statistics') AS type, identity FROM "
    "pg_identify_object(o.classid, o.objid, 0) WHERE identity IS NOT NULL AND type NOT IN ('default acl', "
    "'extension') LOOP\n"
    "        EXECUTE format('DROP %s IF EXISTS %s CASCADE', i.type, i.identity); END LOOP; END LOOP; END; END "
    "LOOP;\n"
    "FOR r IN SELECT srvname AS name FROM pg_foreign_server x WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE "
    "d.classid = "
    "'pg_foreign_server'::regclass AND d.objid = x.oid AND d.deptype = 'e') LOOP\n"
    "  EXECUTE format('DROP SERVER %I CASCADE', r.name); END LOOP;\n"
    "FOR r IN SELECT fdwname AS name FROM pg_foreign_data_wrapper x WHERE NOT EXISTS (SELECT FROM pg_depend d "
    "WHERE "
    "d.classid = 'pg_foreign_data_wrapper'::regclass AND d.objid = x.oid AND d.deptype = 'e') LOOP\n"
    "  EXECUTE format('DROP FOREIGN DATA WRAPPER %I CASCADE', r.name); END LOOP;\n"
    "FOR r IN SELECT castsource::regtype AS s, casttarget::regtype AS t FROM pg_cast x WHERE oid >= 16384 AND NOT "
    "EXISTS "
    "(SELECT FROM pg_depend d WHERE d.classid = 'pg_cast'::regclass AND d.objid = x.oid AND d.deptype = 'e') "
    "LOOP\n"
    "  EXECUTE format('DROP CAST (%s AS %s) CASCADE', r.s, r.t); END LOOP;\n"
    "FOR r IN SELECT lanname AS name FROM pg_language x WHERE oid >= 16384 AND NOT EXISTS (SELECT FROM pg_depend "
    "d WHERE "
    "d.classid = 'pg_language'::regclass AND d.objid = x.oid AND d.deptype = 'e') LOOP\n"
    "  EXECUTE format('DROP LANGUAGE %I CASCADE', r.name); END LOOP;\n"
    "FOR r IN SELECT amname AS name FROM pg_am x WHERE oid >= 16384 AND NOT EXISTS (SELECT FROM pg_depend d WHERE "
    "d.classid = 'pg_am'::regclass AND d.objid = x.oid AND d.deptype = 'e') LOOP\n"
    "  EXECUTE format('DROP ACCESS METHOD %I CASCADE', r.name); END LOOP;\n"
    "END $kist$;\n";

/* Default privileges would be given to everything that is restored, on top of what the dump says, and stay. There is no
 * statement that drops them: they go when they are what a server has by itself. Those of a role that we may not act for
 * do nothing to what we make. */
static const char drop_default_privileges[] =
    "DO $kist$ DECLARE r record; o record; whose text; BEGIN\n"
    "PERFORM set_config('search_path', 'pg_catalog', true);\n"
    "FOR r IN SELECT d.defaclrole, d.defaclacl, n.nspname, CASE d.defaclobjtype WHEN 'S' THEN 's' ELSE "
    "d.defaclobjtype END AS kind, CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' "
    "THEN 'FUNCTIONS' WHEN 'T' THEN 'TYPES' WHEN 'n' THEN 'SCHEMAS' WHEN 'L' THEN 'LARGE OBJECTS' END AS what "
    "FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace LOOP\n"
    "  BEGIN whose := format('ALTER DEFAULT PRIVILEGES FOR ROLE %I', pg_get_userbyid(r.defaclrole)) || "
    "COALESCE(' IN SCHEMA ' || quote_ident(r.nspname), '');\n"
    "  FOR o IN SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) "
    "END AS name FROM aclexplode(r.defaclacl) a LOOP\n"
    "    EXECUTE format('%s REVOKE ALL ON %s FROM %s CASCADE', whose, r.what, o.name); END LOOP;\n"
    "  IF r.nspname IS NULL THEN\n"
    "    FOR o IN SELECT a.privilege_type AS privilege, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE "
    "quote_ident(pg_get_userbyid(a.grantee)) END AS name FROM aclexplode(acldefault(r.kind, r.defaclrole)) a "
    "LOOP\n"
    "      EXECUTE format('%s GRANT %s ON %s TO %s', whose, o.privilege, r.what, o.name); END LOOP; END IF;\n"
    "  EXCEPTION WHEN insufficient_privilege THEN NULL; END; END LOOP;\n"
    "END $kist$;\n";

/* As initdb makes it: a dump relies on that. */
static const char make_public[] =
    "DO $kist$ BEGIN IF NOT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'public') THEN\n"
    "  IF pg_catalog.current_setting('server_version_num')::pg_catalog.int4 >= 150000 THEN\n"
    "    CREATE SCHEMA public AUTHORIZATION pg_database_owner; GRANT USAGE ON SCHEMA public TO PUBLIC;\n"
    "  ELSE CREATE SCHEMA public; GRANT ALL ON SCHEMA public TO PUBLIC; END IF;\n"
    "  COMMENT ON SCHEMA public IS 'standard public schema'; END IF; END $kist$;\n";

/* Who points to a table by a foreign key and is not moved with it. */
static const char move_tables[] =
    "DO $kist$ DECLARE r record; BEGIN\n"
    "PERFORM pg_catalog.set_config('search_path', '', true);\n"
    "PERFORM pg_catalog.set_config('client_min_messages', 'error', true);\n"
    "CREATE TEMP TABLE kist_moved ON COMMIT DROP AS WITH RECURSIVE m(oid) AS (SELECT c.oid FROM "
    "pg_catalog.pg_class c JOIN "
    "pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN pg_temp.kist_names w ON w.schema = n.nspname AND "
    "w.name = "
    "c.relname WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') UNION SELECT i.inhrelid FROM "
    "pg_catalog.pg_inherits i "
    "JOIN m ON m.oid = i.inhparent) SELECT m.oid, n.nspname AS schema FROM m JOIN pg_catalog.pg_class c ON c.oid "
    "= m.oid "
    "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace;\n"
    "FOR r IN SELECT i.inhrelid::pg_catalog.regclass AS child, i.inhparent::pg_catalog.regclass AS parent FROM "
    "pg_catalog.pg_inherits i JOIN pg_temp.kist_moved m ON m.oid = i.inhrelid WHERE i.inhparent NOT IN (SELECT "
    "oid FROM "
    "pg_temp.kist_moved) LOOP\n"
    "  RAISE EXCEPTION 'table % is a part of %: restore that as a whole', r.child, r.parent; END LOOP;\n"
    "CREATE TEMP TABLE kist_keys ON COMMIT DROP AS SELECT k.conrelid::pg_catalog.regclass::pg_catalog.text AS "
    "owner, "
    "k.conname AS name, pg_catalog.pg_get_constraintdef(k.oid) AS def FROM pg_catalog.pg_constraint k WHERE "
    "k.contype = "
    "'f' AND k.conparentid = 0 AND k.confrelid IN (SELECT oid FROM pg_temp.kist_moved) AND k.conrelid NOT IN "
    "(SELECT oid "
    "FROM pg_temp.kist_moved);\n"
    "FOR r IN SELECT * FROM pg_temp.kist_keys LOOP\n"
    "  EXECUTE pg_catalog.format('ALTER TABLE %s DROP CONSTRAINT %I', r.owner, r.name); END LOOP;\n"
    "FOR r IN SELECT DISTINCT aside FROM pg_temp.kist_schemas s WHERE s.schema IN (SELECT schema FROM "
    "pg_temp.kist_moved) "
    "LOOP EXECUTE pg_catalog.format('CREATE SCHEMA %I', r.aside); END LOOP;\n"
    /* Sequences that a column owns go with their table. */
    "FOR r IN SELECT m.oid::pg_catalog.regclass AS name, s.aside FROM pg_temp.kist_moved m JOIN "
    "pg_temp.kist_schemas s ON "
    "s.schema = m.schema JOIN pg_catalog.pg_class c ON c.oid = m.oid WHERE NOT (c.relkind = 'S' AND EXISTS "
    "(SELECT FROM "
    "pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND "
    "d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype IN ('a', 'i'))) LOOP\n"
    "  EXECUTE pg_catalog.format('ALTER TABLE %s SET SCHEMA %I', r.name, r.aside); END LOOP;\n"
    "END $kist$;\n";

static const char point_again[] =
    "RESET ROLE;\n"
    "DO $kist$ DECLARE r record; BEGIN\n"
    "PERFORM pg_catalog.set_config('search_path', '', true);\n"
    "FOR r IN SELECT * FROM pg_temp.kist_keys LOOP\n"
    "  EXECUTE pg_catalog.format('ALTER TABLE %s ADD CONSTRAINT %I %s', r.owner, r.name, r.def); END LOOP;\n"
    "END $kist$;\n";

/* A literal, whatever standard_conforming_strings says. */
static void put_literal(FILE *out, const char *text)
{
    fputs(" E'", out);
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\')
            fputc(*text, out);
        fputc(*text, out);
    }
    fputc('\'', out);
}

static void aside_name(const struct pgd_replace *replace, const char *schema, char name[64])
{
    size_t room = 63 - strlen(replace->stamp), length = strlen(schema);
    if (length > room)
        for (length = room; length > 0 && ((unsigned char)schema[length] & 0xc0) == 0x80;)
            length--;
    memcpy(name, schema, length);
    memcpy(name + length, replace->stamp, strlen(replace->stamp) + 1);
}

/* The chosen names as two temporary tables: the tables, and where those of each schema go. */
static void put_names(FILE *out, const struct pgd_replace *replace)
{
    fputs("CREATE TEMP TABLE kist_names (schema pg_catalog.text, name pg_catalog.text) ON COMMIT DROP;\n"
          "CREATE TEMP TABLE kist_schemas (schema pg_catalog.text PRIMARY KEY, aside pg_catalog.text) ON COMMIT "
          "DROP;\n",
          out);
    for (size_t i = 0; i < replace->toc->count; i++) {
        const struct pgd_toc_entry *entry = &replace->toc->entries[i];
        char aside[64];
        if (!entry->chosen || !pgd_is_relation(entry))
            continue;
        aside_name(replace, entry->schema, aside);
        fputs("INSERT INTO pg_temp.kist_names VALUES (", out);
        put_literal(out, entry->schema);
        fputc(',', out);
        put_literal(out, entry->tag);
        fputs(");\nINSERT INTO pg_temp.kist_schemas VALUES (", out);
        put_literal(out, entry->schema);
        fputc(',', out);
        put_literal(out, aside);
        fputs(") ON CONFLICT DO NOTHING;\n", out);
    }
    fputs("DO $kist$ DECLARE r record; BEGIN FOR r IN SELECT schema FROM pg_temp.kist_schemas s WHERE NOT EXISTS "
          "(SELECT "
          "FROM pg_catalog.pg_namespace n WHERE n.nspname = s.schema) LOOP EXECUTE pg_catalog.format('CREATE "
          "SCHEMA %I', "
          "r.schema); END LOOP; END $kist$;\n",
          out);
}

static char *close_text(FILE *out, char **text)
{
    int failed = ferror(out);
    if (fclose(out) == 0 && !failed)
        return *text;
    free(*text);
    return NULL;
}

char *pgd_replace_before(const struct pgd_replace *replace)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    if (replace->encoding) {
        fputs("SET client_encoding TO", out);
        put_literal(out, replace->encoding);
        fputs(";\n", out);
    }
    /* Until the dump sets its own: no operator of somebody who may create one is ours. */
    fprintf(out, "BEGIN;\nSET LOCAL lock_timeout = '%lldms';\nSET LOCAL search_path = pg_catalog, pg_temp;\n",
            (long long)replace->lock_ms);
    if (replace->toc) {
        put_names(out, replace);
        fputs(move_tables, out);
    } else {
        fputs(drop_all, out);
        fputs(drop_default_privileges, out);
        fputs(replace->keep_public_out ? "" : make_public, out);
    }
    fputs("SET LOCAL search_path TO DEFAULT;\n", out);
    return close_text(out, &text);
}

char *pgd_replace_after(const struct pgd_replace *replace)
{
    return strdup(replace->toc ? point_again : "");
}

/* ---- what is told ---- */

static int tell_one(const struct pgd_replace *replace, const struct pgd_toc_entry *entry, struct pgd_link *link,
                    struct kist_error *err)
{
    static const char pointing[] =
        "WITH t AS (SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = "
        "c.relnamespace "
        "WHERE n.nspname = $1 AND c.relname = $2), p AS (SELECT DISTINCT 'view ' || v.oid::pg_catalog.regclass AS "
        "name "
        "FROM t JOIN pg_catalog.pg_depend d ON d.refobjid = t.oid AND d.refclassid = "
        "'pg_catalog.pg_class'::pg_catalog.regclass JOIN pg_catalog.pg_rewrite w ON w.oid = d.objid AND d.classid "
        "= "
        "'pg_catalog.pg_rewrite'::pg_catalog.regclass JOIN pg_catalog.pg_class v ON v.oid = w.ev_class AND v.oid "
        "<> "
        "t.oid UNION SELECT 'publication ' || pg_catalog.quote_ident(p.pubname) FROM t JOIN "
        "pg_catalog.pg_publication_rel r ON r.prrelid = t.oid JOIN pg_catalog.pg_publication p ON p.oid = "
        "r.prpubid) "
        "SELECT (SELECT pg_catalog.count(*) FROM t), pg_catalog.string_agg(p.name, ', ' ORDER BY p.name) FROM p";
    const struct kist_host *host = link->host;
    const char *values[] = {entry->schema, entry->tag};
    char aside[64];
    PGresult *result = NULL;
    int code = pgd_query(link, pointing, 2, values, &result, err);
    aside_name(replace, entry->schema, aside);
    if (!code && strcmp(PQgetvalue(result, 0, 0), "0") != 0)
        host->log(host, KIST_LOG_INFO,
                  "%s.%s as it was is kept in schema '%s'; DROP SCHEMA \"%s\" CASCADE removes it", entry->schema,
                  entry->tag, aside, aside);
    if (!code && !PQgetisnull(result, 0, 1))
        host->log(host, KIST_LOG_WARNING, "%s go on with the old %s.%s in schema '%s': make them again",
                  PQgetvalue(result, 0, 1), entry->schema, entry->tag, aside);
    PQclear(result);
    return code;
}

int pgd_replace_tell(const struct pgd_replace *replace, struct pgd_link *link, struct kist_error *err)
{
    int code = 0;
    for (size_t i = 0; !code && i < replace->toc->count; i++) {
        const struct pgd_toc_entry *entry = &replace->toc->entries[i];
        if (entry->chosen && pgd_is_relation(entry) && strcmp(entry->kind, "SEQUENCE") != 0)
            code = tell_one(replace, entry, link, err);
    }
    return code;
}
