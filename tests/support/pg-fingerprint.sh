#!/bin/bash
# pg-fingerprint.sh DATABASE - prints what a restore must bring back, a line each: rows and a hash of every
# table, sequences, large objects, counts of the other objects. Two databases with the same lines hold the same.
# Connects as psql does (PGHOST, PGPORT, PGUSER).
set -euo pipefail
database=$1
export PGOPTIONS='-c client_min_messages=warning -c timezone=UTC -c extra_float_digits=3 -c bytea_output=hex -c search_path=public'

query() {
    psql -X -q -v ON_ERROR_STOP=1 -At -d "$database" "$@"
}

# One statement for each table; zero bytes separate them, since names may hold newlines.
query -0 -c "
    SELECT format('SELECT %L, count(*), md5(coalesce(string_agg(md5(t::text), '''' ORDER BY md5(t::text)), ''''))
                   FROM ONLY %I.%I t', quote_ident(n.nspname) || '.' || quote_ident(c.relname), n.nspname, c.relname)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'm') AND (c.relkind = 'r' OR c.relispopulated)
      AND n.nspname !~ '^(pg_|information_schema)'
    ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\"" |
    sed -z 's/$/;/' | tr '\0' '\n' | query -F' ' -f -
query -F' ' -c "
    SELECT 'sequence', quote_ident(schemaname), quote_ident(sequencename), last_value, start_value, increment_by,
           max_value, cycle, cache_size
    FROM pg_sequences ORDER BY schemaname COLLATE \"C\", sequencename COLLATE \"C\""
query -F' ' -c "
    SELECT 'large object', m.oid, pg_get_userbyid(lomowner), lomacl, md5(lo_get(m.oid)),
           obj_description(m.oid, 'pg_largeobject')
    FROM pg_largeobject_metadata m ORDER BY 2"
query -F' ' -c "
    SELECT 'relations', relkind, relpersistence, relrowsecurity, relforcerowsecurity, count(*)
    FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
    WHERE nspname !~ '^(pg_|information_schema)' GROUP BY 2, 3, 4, 5 ORDER BY 2, 3, 4, 5"
query -F' ' -c "
    SELECT 'objects',
           (SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal), (SELECT count(*) FROM pg_policy),
           (SELECT count(*) FROM pg_constraint WHERE contype <> 'n'),
           (SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace),
           (SELECT count(*) FROM pg_extension), (SELECT count(*) FROM pg_event_trigger),
           (SELECT count(*) FROM pg_publication), (SELECT count(*) FROM pg_statistic_ext),
           (SELECT count(*) FROM pg_description WHERE objoid >= 16384
            -- Every new database has it, and a schema public that was made again counts as somebody's.
            AND NOT (classoid = 'pg_namespace'::regclass AND description = 'standard public schema'))"
