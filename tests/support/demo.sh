#!/bin/bash
# demo.sh KIST DIRECTORY - shows kist at work on a throwaway PostgreSQL server: backs a sample shop up, restores
# it into a second database and compares the two. Leaves the backup, its configuration and the logs in DIRECTORY,
# and nothing running.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
kist_program=$(realpath "$1")
mkdir -p "$2"
home=$(realpath "$2")
# The server's user must be able to reach its directory, which it might not below this one.
cluster_parent=$(mktemp -d /tmp/kist-demo.XXXXXX)
cluster=$cluster_parent/pg
server=

cleanup() {
    local status=$?
    trap - EXIT INT TERM HUP
    if [[ -n $server ]]; then
        kill -INT "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    cp "$cluster/server.log" "$home/server.log" 2>/dev/null || true
    rm -rf "$cluster_parent"
    exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

if [[ -t 1 ]]; then
    bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'
else
    bold='' dim='' plain=''
fi

title() { printf '\n%s== %s%s\n' "$bold" "$*" "$plain"; }

# Shows a command of kist as a person would type it, then runs it.
kist() {
    printf '%s$ kist' "$bold"
    printf ' %q' "$@"
    printf '%s\n' "$plain"
    "$kist_program" "$@"
}

quiet_psql() { psql -X -q -v ON_ERROR_STOP=1 "$@" >/dev/null; }

start_server() {
    title "A PostgreSQL server of its own"
    chmod 755 "$cluster_parent"
    "$here/pg.sh" init "$cluster"
    # In a session of its own, so that Ctrl-C reaches it only through cleanup, after those who use it.
    setsid "$here/pg.sh" serve "$cluster" &
    server=$!
    "$here/pg.sh" wait "$cluster"
    export PGHOST=$cluster PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
    unset PGPASSWORD PGSERVICE PGOPTIONS PGSSLMODE
    quiet_psql -c 'CREATE DATABASE shop'
    quiet_psql -d shop -f "$here/sample-shop.sql"
    printf '%s, on a socket in %s\n' "$(psql -XAtc "SELECT 'PostgreSQL ' || split_part(version(), ' ', 2)")" "$cluster"
    printf "database 'shop': %s, %s tables, large objects, and names like %s\n" \
        "$(psql -XAtd shop -c 'SELECT pg_size_pretty(pg_database_size(current_database()))')" \
        "$(psql -XAtd shop -c "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND oid >= 16384")" \
        '"back office"."it'\''s ""due"""'
}

write_config() {
    title "The configuration: $home/conf.d/shop.ini"
    rm -rf "$home/conf.d" "$home/backups" "$home/state" "$home/files"
    mkdir -p "$home/conf.d" "$home/backups"
    (
        umask 077
        cat >"$home/conf.d/shop.ini" <<EOF
[pipeline shop-daily]
source       = shop-db
filters      = zstd
destinations = disk

[source shop-db]
plugin   = pg_dump
host     = $cluster
user     = postgres
database = shop

[destination disk]
plugin = local
path   = $home/backups
EOF
    )
    cat "$home/conf.d/shop.ini"
    export KIST_CONFIG=$home/conf.d KIST_STATE=$home/state
    printf '\n%s$ export KIST_CONFIG=%q KIST_STATE=%q%s\n' "$dim" "$KIST_CONFIG" "$KIST_STATE" "$plain"
}

# Prints "name|rows" of every table and materialized view of a database, newlines in names as \n.
row_counts() {
    psql -X -At -d "$1" -c "
        SELECT replace(quote_ident(n.nspname) || '.' || quote_ident(c.relname), E'\n', '\n'),
               (xpath('/row/rows/text()', query_to_xml(format('SELECT count(*) AS rows FROM ONLY %I.%I', n.nspname,
                                                               c.relname), false, true, '')))[1]
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'm') AND n.nspname !~ '^(pg_|information_schema)'
        ORDER BY 1"
    psql -X -At -d "$1" -c "SELECT '(large objects)', count(*) FROM pg_largeobject_metadata"
}

# A dump without the one line that is random in each.
comparable_dump() { pg_dump "$1" | sed '/^\\\(un\)\{0,1\}restrict /d'; }

compare() {
    local different=0
    title "Both sides, counted by SQL"
    row_counts shop >"$home/rows-original.txt"
    row_counts shop_copy >"$home/rows-restored.txt"
    join -t'|' -a1 -a2 -e missing -o 0,1.2,2.2 <(sort "$home/rows-original.txt") <(sort "$home/rows-restored.txt") |
        awk -F'|' 'BEGIN { printf "%10s %10s  %-9s  %s\n", "shop", "shop_copy", "", "rows of" }
                   { printf "%10s %10s  %-9s  %s\n", $2, $3, ($2 == $3 ? "same" : "DIFFERENT"), $1 }'
    cmp -s "$home/rows-original.txt" "$home/rows-restored.txt" || different=1
    "$here/pg-fingerprint.sh" shop >"$home/fingerprint-original.txt"
    "$here/pg-fingerprint.sh" shop_copy >"$home/fingerprint-restored.txt"
    cmp -s "$home/fingerprint-original.txt" "$home/fingerprint-restored.txt" || different=1
    comparable_dump shop >"$home/original.sql"
    comparable_dump shop_copy >"$home/restored.sql"
    cmp -s "$home/original.sql" "$home/restored.sql" || different=1
    if [[ $different != 0 ]]; then
        printf '\n%sDIFFERENT%s: see the files in %s\n' "$bold" "$plain" "$home"
        exit 1
    fi
    printf '\n%sIdentical%s: the rows, their hashes, and what pg_dump says of both (%s lines of SQL each).\n' \
        "$bold" "$plain" "$(wc -l <"$home/original.sql")"
    rm "$home/original.sql" "$home/restored.sql"
}

say_next() {
    local backup=("$home"/backups/shop-daily/*/)
    title "What is where"
    cat <<EOF
backup           ${backup[0]}
  by hand        ${backup[0]}RESTORE.txt says how to restore with zstd and pg_restore alone
manifest         $home/backups/_kist/shop-daily/
configuration    $home/conf.d/shop.ini
run history      $home/state
The PostgreSQL server is stopped and gone; the backup is not.

Type next:
  export PATH=$(dirname "$kist_program"):\$PATH KIST_CONFIG=$home/conf.d KIST_STATE=$home/state
  kist list                                        the backups
  kist show shop-daily                             all about the newest one
  kist verify shop-daily                           its hashes, again
  kist restore shop-daily --output $home/files     the dump as a file, decoded
  kist plugin list                                 what sources, filters and destinations there are
  kist --help
EOF
}

start_server
write_config
title "Back up"
kist run shop-daily
title "What there is"
kist list
kist show shop-daily
title "Is it good?"
kist verify shop-daily --level decode
title "Restore into a second database"
kist restore shop-daily --to shop_copy --create
compare
say_next
