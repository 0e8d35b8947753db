-- A database with believable entropy: about 100 MB of dump for each unit of :scale, which `gzip -6` makes 3.5
-- times smaller. (Generators like pgbench's give data that compresses 35:1, which flatters every tool.) The same
-- on every machine, since every random number comes from one seed and no query runs in parallel.
SET client_min_messages = warning;
SET synchronous_commit = off;
SET max_parallel_workers_per_gather = 0;
DO $$ BEGIN PERFORM setseed(0.42); END $$;

CREATE TABLE customer (id int PRIMARY KEY, uid uuid, email text, name text, created timestamptz, prefs jsonb);
INSERT INTO customer
SELECT g, md5('c' || g)::uuid,
       (ARRAY['anna', 'ben', 'chen', 'dora', 'emil', 'fatima', 'goran', 'hana'])[1 + floor(random() * 8)::int]
           || '.' || substr(md5(g::text), 1, 6) || '@'
           || (ARRAY['mail.test', 'example.org', 'corp.example', 'post.example'])[1 + floor(random() * 4)::int],
       initcap(substr(md5('n' || g), 1, 6)) || ' ' || initcap(substr(md5('m' || g), 1, 8)),
       timestamptz '2020-01-01' + floor(random() * 2000 * 86400) * interval '1 second',
       jsonb_build_object('lang', (ARRAY['en', 'de', 'ja'])[1 + floor(random() * 3)::int], 'newsletter', random() < 0.5,
                          'theme', (ARRAY['light', 'dark'])[1 + floor(random() * 2)::int],
                          'visits', floor(random() * 100)::int)
FROM generate_series(1, 100000 * :scale) g;

CREATE TABLE orders (id bigint PRIMARY KEY, customer int REFERENCES customer, at timestamptz, amount numeric(12, 2),
                     status text, meta jsonb, note text);
INSERT INTO orders
SELECT g, 1 + floor(random() * 100000 * :scale)::int,
       timestamptz '2023-01-01' + (g * 41 + floor(random() * 40)) * interval '1 second',
       (random() * 2000)::numeric(12, 2),
       (ARRAY['new', 'paid', 'sent', 'void'])[1 + floor(random() * 4)::int],
       jsonb_build_object('ip', format('10.%s.%s.%s', floor(random() * 255), floor(random() * 255), floor(random() * 255)),
                          'sku', 'SKU-' || floor(random() * 50000), 'qty', floor(random() * 9)::int,
                          'channel', (ARRAY['web', 'app', 'shop'])[1 + floor(random() * 3)::int]),
       CASE WHEN random() < 0.3
            THEN (SELECT string_agg((ARRAY['the', 'late', 'parcel', 'refund', 'customer', 'asked', 'again', 'for', 'blue',
                                           'invoice', 'missing', 'today'])[1 + floor(random() * 12)::int], ' ')
                  FROM generate_series(1, 12 + g % 7))
       END
FROM generate_series(1, 300000 * :scale) g;

CREATE TABLE visit (id bigint PRIMARY KEY, at timestamptz, session uuid, path text, agent text, took real);
INSERT INTO visit
SELECT g, timestamptz '2024-01-01' + g * interval '3 seconds', md5('s' || g / 3)::uuid,
       '/' || (ARRAY['cart', 'checkout', 'product', 'search', 'account/orders'])[1 + floor(random() * 5)::int]
           || '/' || floor(random() * 50000),
       (ARRAY['Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
              'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0',
              'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5'])
           [1 + floor(random() * 3)::int],
       floor(random() * 90000) / 100
FROM generate_series(1, 120000 * :scale) g;

-- Pictures do not compress; a dump holds them as hexadecimal digits, which do, by half.
CREATE TABLE picture (id int PRIMARY KEY, content bytea);
ALTER TABLE picture ALTER content SET STORAGE EXTERNAL;
INSERT INTO picture
SELECT g, (SELECT decode(string_agg(md5(random()::text), ''), 'hex') FROM generate_series(1, 2048 + g % 64))
FROM generate_series(1, 220 * :scale) g;

CREATE INDEX ON orders (customer);
CREATE INDEX ON orders (at);
CREATE INDEX ON visit (session);
ANALYZE;
