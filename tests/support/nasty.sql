-- A database of everything that breaks simple backup tools. PostgreSQL 13 and later, as superuser, in an empty
-- UTF8 database, with the extensions of the contrib packages.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
SET timezone = 'UTC';

-- Roles belong to the cluster: a dump names them and does not carry them.
DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['nasty owner', 'Näctér', 'app"user', 'tenant_a'] LOOP
        IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = role) THEN
            EXECUTE format('CREATE ROLE %I LOGIN', role);
        END IF;
    END LOOP;
END $$;
ALTER ROLE tenant_a SET search_path = 'weird schema', public;

CREATE SCHEMA "weird schema" AUTHORIZATION "nasty owner";
CREATE SCHEMA "数据";
CREATE SCHEMA "select";
CREATE SCHEMA ext;
CREATE SCHEMA many;

CREATE EXTENSION pgcrypto;
CREATE EXTENSION hstore;
CREATE EXTENSION citext;
CREATE EXTENSION pg_trgm;
CREATE EXTENSION btree_gist;
CREATE EXTENSION ltree;
CREATE EXTENSION postgres_fdw;
CREATE EXTENSION "uuid-ossp";
CREATE EXTENSION intarray;
CREATE EXTENSION unaccent SCHEMA ext;

-- Identifiers: case, quotes, unicode, newline, tab, backslash, dollar, per cent, dots, a leading dash, the full 63
-- bytes, reserved words, and what a shell or a path would take for its own.
CREATE TABLE "User" (
    id serial PRIMARY KEY,
    "Name" text,
    "select" int,
    "ünï" text,
    "a.b" text,
    "100%" text,
    "tab	col" text,
    "back\slash" text
);
INSERT INTO "User" ("Name", "select", "ünï", "a.b", "100%", "tab	col", "back\slash")
SELECT 'u' || g, g, 'é' || g, '.', '%s%n', E'\t', E'\\' FROM generate_series(1, 100) g;
CREATE TABLE "weird schema"."it's ""quoted""" (a int, "b""c" text DEFAULT 'it''s; -- not a comment /* nor this */');
INSERT INTO "weird schema"."it's ""quoted""" (a) VALUES (1), (2);
DO $$ BEGIN
    EXECUTE 'CREATE TABLE ' || quote_ident(E'new\nline') || ' (' || quote_ident(E'col\numn') || ' text)';
    EXECUTE 'INSERT INTO ' || quote_ident(E'new\nline') || ' VALUES (E''\\\\.''), (E''a\nb''), (NULL), ('''')';
    EXECUTE 'CREATE TABLE ' || quote_ident(E'evil\n; DROP TABLE "User"; --') || ' (x int)';
END $$;
CREATE TABLE "数据"."表-😀" ("列" text, "🔑" uuid DEFAULT gen_random_uuid());
INSERT INTO "数据"."表-😀" ("列") VALUES ('值'), (U&'\FEFFbom'), (U&'\+01F600');
CREATE TABLE "select"."from" ("where" int, "order" int, "group" int);
INSERT INTO "select"."from" VALUES (1, 2, 3);
CREATE TABLE "-rf" (x int);
CREATE TABLE "$(touch /tmp/kist-was-here)`id`" (x int);
CREATE TABLE "../../etc/passwd" (x int);
CREATE TABLE "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghij123" (x int);
CREATE TABLE no_columns ();
INSERT INTO no_columns DEFAULT VALUES;
INSERT INTO no_columns DEFAULT VALUES;
CREATE TABLE dropped_cols (a int, b text, c int);
ALTER TABLE dropped_cols DROP COLUMN b;
ALTER TABLE dropped_cols ADD COLUMN d text NOT NULL DEFAULT 'fast default';
INSERT INTO dropped_cols VALUES (1, 2, 'x');

-- Types at their edges.
CREATE TABLE types (
    id bigint GENERATED ALWAYS AS IDENTITY (START WITH -5 MINVALUE -100 INCREMENT BY 7) PRIMARY KEY,
    b bytea, j jsonb, js json, x xml,
    n numeric, f float8, r real,
    ts timestamptz, t time, iv interval, d date,
    u uuid, ia int[], ta text[][], h hstore, c citext, l ltree,
    ip inet, mac macaddr, bits bit varying(70), rng int4range, tsr tstzrange, pt point,
    m money, tv tsvector, v varchar(3), ch char(5), "n64" bigint, o oid, by1 "char"
);
INSERT INTO types (b, j, js, x, n, f, r, ts, t, iv, d, u, ia, ta, h, c, l, ip, mac, bits, rng, tsr, pt, m, tv, v, ch,
                   n64, o, by1) VALUES
    ('\x00ff0a0d5c27', '{"a": [1, 2.50, null, "\u00e9\n"], "k": {"": true}}', '{"dup": 1, "dup": 2 , "ws":   3}',
     '<a>&lt;é</a>', 'NaN', 'NaN', '-Infinity', 'infinity', '24:00:00', '-1 year 2 mons -3 days 04:05:06.789',
     '-infinity', '00000000-0000-0000-0000-000000000000', '{1,NULL,3}', '{{a,"b,c"},{"d\"e",NULL}}',
     'a=>NULL,"b c"=>"=>"', 'CiText', 'Top.Science', '::ffff:1.2.3.4/128', '08:00:2b:01:02:03', B'1010', '[1,5)',
     '[2020-01-01,)', '(1e308,-0)', '-92233720368547758.08', 'a fat:1A cat:2', 'äöü', 'ab   ',
     -9223372036854775808, 4294967295, 'z'),
    (decode(repeat('00', 70000), 'hex'), 'null', 'null', NULL,
     12345678901234567890.123456789012345678901234567890, 2.2250738585072014e-308, 1.17549435e-38,
     '4713-01-01 00:00:00+00 BC', '00:00', '178000000 years', '5874897-12-31', NULL, '{}', NULL, '', '', '',
     '10.0.0.0/8', NULL, B'', 'empty', 'empty', NULL, 0, '', '', '', 9223372036854775807, 0, ''),
    (NULL, to_jsonb(repeat('x', 200000)), NULL, NULL, '-0.0', '-0', 0.1, '294276-12-31 23:59:59.999999+00', NULL, '0',
     '4713-01-01 BC', NULL, '[0:1]={7,8}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, '(,)', NULL, NULL, NULL, NULL,
     NULL, NULL, NULL, NULL, NULL);
CREATE TYPE mood AS ENUM ('sad', 'o''k', 'happy');
ALTER TYPE mood ADD VALUE 'ecstatic' BEFORE 'happy';
CREATE DOMAIN posint AS int CHECK (VALUE > 0);
CREATE TYPE comp AS (a int, b text, c mood);
CREATE TYPE floatrange AS RANGE (subtype = float8, subtype_diff = float8mi);
CREATE COLLATION "weird coll" (provider = icu, locale = 'de-u-co-phonebk');
CREATE TABLE typed (id posint, m mood, c comp, ca comp[], fr floatrange, txt text COLLATE "weird coll");
INSERT INTO typed
VALUES (1, 'o''k', ROW (1, 'x,"y', 'sad'), ARRAY[ROW (1, NULL, NULL)::comp], '[1.5,2.5]', 'Äpfel');
CREATE AGGREGATE concat_agg(text) (SFUNC = textcat, STYPE = text, INITCOND = '');
CREATE OPERATOR ==~ (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq);
CREATE CAST (mood AS int) WITH INOUT;

-- Partitions by range, list and hash, partitions of partitions, a default one; inheritance.
CREATE TABLE events (
    id bigint GENERATED BY DEFAULT AS IDENTITY,
    at timestamptz NOT NULL,
    kind text NOT NULL,
    body jsonb,
    PRIMARY KEY (id, at, kind)
) PARTITION BY RANGE (at);
CREATE TABLE events_2024 PARTITION OF events
    FOR VALUES FROM ('2024-01-01') TO ('2025-01-01') PARTITION BY LIST (kind);
CREATE TABLE "events_2024 a" PARTITION OF events_2024 FOR VALUES IN ('a');
CREATE TABLE events_2024_rest PARTITION OF events_2024 DEFAULT;
CREATE TABLE events_2025 PARTITION OF events
    FOR VALUES FROM ('2025-01-01') TO ('2026-01-01') PARTITION BY HASH (id);
CREATE TABLE events_2025_0 PARTITION OF events_2025 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE events_2025_1 PARTITION OF events_2025 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE events_default PARTITION OF events DEFAULT;
CREATE INDEX ON events USING gin (body);
CREATE INDEX "events expr" ON events ((body ->> 'k')) WHERE kind <> 'b';
INSERT INTO events (at, kind, body)
SELECT '2023-06-01'::timestamptz + g * interval '5 hours', (ARRAY['a', 'b', 'c'])[1 + g % 3],
       jsonb_build_object('k', g, 't', repeat('é', g % 50))
FROM generate_series(1, 5000) g;
CREATE TABLE parent (a int CHECK (a > 0) NO INHERIT, b text);
CREATE TABLE child (c int) INHERITS (parent);
INSERT INTO child VALUES (1, 'x', 2);
INSERT INTO parent VALUES (5, 'p');

-- Generated columns; constraints that exclude, wait, were never checked, or go round in circles.
CREATE TABLE gen (
    w numeric,
    h numeric,
    area numeric GENERATED ALWAYS AS (w * h) STORED,
    lo text,
    up text GENERATED ALWAYS AS (upper(lo)) STORED
);
INSERT INTO gen (w, h, lo) VALUES (2, 3, 'straße'), (1.5, 1.5, NULL);
CREATE TABLE booking (room int, during tstzrange, EXCLUDE USING gist (room WITH =, during WITH &&));
INSERT INTO booking VALUES (1, '[2024-01-01,2024-01-02)'), (1, '[2024-01-02,2024-01-03)');
CREATE TABLE chicken (id int PRIMARY KEY, egg int);
CREATE TABLE egg (id int PRIMARY KEY, chicken int REFERENCES chicken DEFERRABLE INITIALLY DEFERRED);
ALTER TABLE chicken ADD FOREIGN KEY (egg) REFERENCES egg DEFERRABLE INITIALLY DEFERRED;
BEGIN;
INSERT INTO chicken VALUES (1, 1);
INSERT INTO egg VALUES (1, 1);
COMMIT;
CREATE TABLE self (id int PRIMARY KEY, up int REFERENCES self);
INSERT INTO self VALUES (1, 2), (2, 1);
CREATE TABLE notvalid (a int);
INSERT INTO notvalid VALUES (-1);
ALTER TABLE notvalid ADD CONSTRAINT pos CHECK (a > 0) NOT VALID;

-- Sequences: used, unused, descending, cycling, at their end.
CREATE SEQUENCE "Seq Two" START 1000000000000 CACHE 50;
SELECT nextval('"Seq Two"'), nextval('"Seq Two"');
CREATE SEQUENCE s_desc INCREMENT -3 MINVALUE -100 MAXVALUE -1 CYCLE;
SELECT nextval('s_desc');
CREATE SEQUENCE s_max AS smallint MAXVALUE 5;
SELECT setval('s_max', 5, true);
CREATE SEQUENCE s_unused START 42;
SELECT setval('s_unused', 42, false);

-- Functions, triggers of every sort, rules, views upon views, materialized views upon each other.
CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS $f$
BEGIN
    INSERT INTO audit_log (what) VALUES (TG_OP || $$ it's $body$ $$ || coalesce(NEW::text, ''));
    RETURN NEW;
END $f$;
CREATE TABLE audit_log (id serial, at timestamptz DEFAULT '2024-01-01', what text);
CREATE TRIGGER "User audit" AFTER INSERT OR UPDATE ON "User"
    FOR EACH ROW WHEN (NEW.id > 100) EXECUTE FUNCTION audit();
INSERT INTO "User" ("Name") VALUES ('triggered');
CREATE TRIGGER off BEFORE DELETE ON "User" FOR EACH STATEMENT EXECUTE FUNCTION audit();
ALTER TABLE "User" DISABLE TRIGGER off;
CREATE CONSTRAINT TRIGGER ct AFTER INSERT ON gen
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit();
CREATE FUNCTION evt() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM 1; END $$;
CREATE EVENT TRIGGER evt_t ON ddl_command_end EXECUTE FUNCTION evt();
CREATE PROCEDURE "Do It"(INOUT a int DEFAULT 1) LANGUAGE sql AS 'SELECT a + 1';
CREATE FUNCTION sec() RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog
    AS 'SELECT current_user::text';
CREATE RULE prot AS ON DELETE TO self DO INSTEAD NOTHING;
CREATE VIEW v1 WITH (security_barrier) AS SELECT id, "Name" FROM "User" WHERE id > 5 WITH CHECK OPTION;
CREATE VIEW "v on ""v""" AS SELECT count(*) AS "Count", max("Name") FROM v1;
CREATE RECURSIVE VIEW nums(n) AS VALUES (1) UNION ALL SELECT n + 1 FROM nums WHERE n < 10;
CREATE MATERIALIZED VIEW mv AS SELECT kind, count(*) AS n FROM events GROUP BY kind;
CREATE UNIQUE INDEX ON mv (kind);
CREATE MATERIALIZED VIEW mv2 AS SELECT sum(n) AS total FROM mv;
CREATE MATERIALIZED VIEW mv_empty AS SELECT 1 AS a WITH NO DATA;
CREATE FUNCTION mvdep() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM public.mv';

-- Row level security: whoever does not bypass it saves only the rows that he may see, and no one is told.
CREATE TABLE tenants (tenant name, secret text);
ALTER TABLE tenants OWNER TO "nasty owner";
INSERT INTO tenants VALUES ('tenant_a', 'A'), ('tenant_b', 'B'), ('app"user', 'C');
ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenants FORCE ROW LEVEL SECURITY;
CREATE POLICY "own rows" ON tenants AS PERMISSIVE FOR ALL TO PUBLIC
    USING (tenant = current_user) WITH CHECK (tenant = current_user);
CREATE POLICY restrict_it ON tenants AS RESTRICTIVE FOR SELECT TO "Näctér" USING (false);
GRANT SELECT, INSERT (tenant) ON tenants TO tenant_a WITH GRANT OPTION;
GRANT USAGE ON SCHEMA "weird schema" TO PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE "nasty owner" IN SCHEMA "weird schema" GRANT SELECT ON TABLES TO "app""user";
REVOKE ALL ON FUNCTION sec() FROM PUBLIC;

-- Storage, statistics, comments, unlogged and foreign tables, publications, text search, settings of the database.
CREATE UNLOGGED TABLE unlogged_t (a int);
INSERT INTO unlogged_t VALUES (1);
CREATE TABLE tuned (a int, t text) WITH (fillfactor = 50, autovacuum_enabled = false);
ALTER TABLE tuned ALTER t SET STORAGE EXTERNAL;
ALTER TABLE tuned ALTER a SET STATISTICS 500;
ALTER TABLE tuned REPLICA IDENTITY FULL;
CREATE STATISTICS st (dependencies, ndistinct, mcv) ON kind, at FROM events;
CREATE INDEX trgm ON "User" USING gist ("Name" gist_trgm_ops);
CREATE INDEX "desc nulls" ON "User" ("select" DESC NULLS LAST) INCLUDE ("a.b");
ALTER TABLE "User" CLUSTER ON "User_pkey";
CREATE UNIQUE INDEX "partial u" ON dropped_cols (a) WHERE c > 1;
CREATE SERVER loop FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', dbname 'nowhere');
CREATE USER MAPPING FOR PUBLIC SERVER loop OPTIONS (user 'x', password 'p''w');
CREATE FOREIGN TABLE ft (a int) SERVER loop OPTIONS (table_name 'not there');
SET client_min_messages = error; -- wal_level is not logical here, which does not matter
CREATE PUBLICATION "pub 1" FOR TABLE "User", gen WITH (publish = 'insert,update');
SET client_min_messages = warning;
CREATE TEXT SEARCH CONFIGURATION my_ts (COPY = english);
ALTER TEXT SEARCH CONFIGURATION my_ts ALTER MAPPING FOR hword, word WITH ext.unaccent, english_stem;
COMMENT ON TABLE "User" IS E'multi\nline '' comment -- \\connect evil';
COMMENT ON COLUMN "User"."Name" IS '😀';
COMMENT ON DATABASE :"DBNAME" IS 'the nasty one';
ALTER DATABASE :"DBNAME" SET work_mem = '7MB';
ALTER DATABASE :"DBNAME" SET search_path = public, "weird schema", ext;

-- Large rows, many small tables, the terminators of COPY as data, every byte and every character.
CREATE TABLE big (id int PRIMARY KEY, payload bytea, txt text);
ALTER TABLE big ALTER payload SET STORAGE EXTERNAL;
INSERT INTO big
SELECT g, decode(string_agg(md5(g::text || ':' || i::text), ''), 'hex'), NULL
FROM generate_series(1, 8) g, generate_series(1, 65536) i GROUP BY g;
INSERT INTO big VALUES
    (100, NULL, repeat(E'\\.\n\\N\t\r\n\\\\', 20000)),
    (101, '', ''),
    (102, (SELECT decode(string_agg(lpad(to_hex(b), 2, '0'), '' ORDER BY b), 'hex') FROM generate_series(0, 255) b),
     (SELECT string_agg(chr(c), '' ORDER BY c) FROM generate_series(1, 55000) c));
DO $$ BEGIN
    FOR i IN 1..200 LOOP
        EXECUTE format('CREATE TABLE many.t%s (id int PRIMARY KEY, v text)', i);
        EXECUTE format('INSERT INTO many.t%s VALUES (%s, %L)', i, i, 'v' || i);
    END LOOP;
END $$;

-- Large objects: with an owner, a grant, a comment; an empty one, one with a hole, one of 5 MB.
SELECT lo_from_bytea(900001, '\x00010203ff'), lo_from_bytea(900002, ''), lo_create(900003);
DO $$
DECLARE
    fd int;
BEGIN
    fd := lo_open(900003, 131072);
    PERFORM lo_lseek64(fd, 3000000, 0);
    PERFORM lowrite(fd, 'after a hole');
    PERFORM lo_close(fd);
    PERFORM lo_from_bytea(900004, (SELECT decode(string_agg(md5(i::text), ''), 'hex') FROM generate_series(1, 327680) i));
END $$;
ALTER LARGE OBJECT 900001 OWNER TO "nasty owner";
GRANT SELECT ON LARGE OBJECT 900002 TO tenant_a;
COMMENT ON LARGE OBJECT 900003 IS 'spärse';
CREATE TABLE lo_ref (name text, lo oid);
INSERT INTO lo_ref SELECT 'lo' || o, o FROM generate_series(900001, 900004) o;

REFRESH MATERIALIZED VIEW mv;
ANALYZE;
