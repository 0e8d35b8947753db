#!/bin/bash
# pg.sh - a throwaway PostgreSQL cluster in a directory of its own, for tests and the demo. Works for root too: the
# server refuses to run as root, so an unprivileged user runs it then.
#
#   pg.sh init DIR    makes the cluster (DIR must not exist or be empty, and be reachable by the server's user)
#   pg.sh serve DIR   becomes the server, in the foreground; SIGINT ends it, and so does the end of its parent
#   pg.sh wait DIR    returns when it takes connections
#   pg.sh bin         prints the directory of the server's programs
#
# Environment: PG_PORT (5432; also names the socket), PG_TCP=1 (listens on 127.0.0.1 too, with passwords),
# PG_VERSION (default: the newest one there), PG_RUN_AS (default: postgres, or nobody if there is no such user).
# On the socket everybody is trusted: nobody but the server's user and root can enter DIR.

# shellcheck disable=SC2016  # what stands in single quotes is for the inner shells
set -euo pipefail

readonly password=superuser-password

fail() {
    echo "pg.sh: $*" >&2
    exit 1
}

find_bin() {
    local newest
    newest=$(compgen -G "/usr/lib/postgresql/${PG_VERSION:-*}/bin/initdb" | sort -V | tail -n 1 || true)
    if [[ -z $newest ]]; then
        fail "no PostgreSQL server found in /usr/lib/postgresql/*/bin (Debian, Ubuntu: apt-get install postgresql)"
    fi
    dirname "$newest"
}

server_user() {
    if [[ -n ${PG_RUN_AS:-} ]]; then
        echo "$PG_RUN_AS"
    elif getent passwd postgres >/dev/null; then
        echo postgres
    else
        echo nobody
    fi
}

# Fills the array `as` with the words that run a command as the server's user.
run_as() {
    as=(setpriv --pdeathsig INT)
    if [[ $(id -u) == 0 ]]; then
        as+=(--reuid "$(server_user)" --regid "$(id -g "$(server_user)")" --clear-groups)
    fi
    as+=(env -i PATH=/usr/bin:/bin LC_ALL=C.UTF-8 TZ=UTC)
}

init() {
    local dir=$1 bin
    bin=$(find_bin)
    mkdir -p "$dir"
    chmod 700 "$dir"
    if [[ $(id -u) == 0 ]]; then
        chown "$(server_user)" "$dir"
    fi
    run_as
    "${as[@]}" bash -c 'cat > "$1"' _ "$dir/password" <<<"$password"
    "${as[@]}" "$bin/initdb" -D "$dir/data" -U postgres -E UTF8 --locale=C.UTF-8 --no-sync --pwfile="$dir/password" \
        --auth-local=trust --auth-host=scram-sha-256 >"$dir.initdb.log" 2>&1 ||
        { cat "$dir.initdb.log" >&2; fail "initdb failed"; }
    rm "$dir.initdb.log"
    "${as[@]}" bash -c 'cat >> "$1"' _ "$dir/data/postgresql.conf" <<EOF
unix_socket_directories = '$dir'
listen_addresses = '${PG_TCP:+127.0.0.1}'
fsync = off
synchronous_commit = off
full_page_writes = off
shared_buffers = 64MB
max_wal_size = 4GB
max_connections = 40
max_prepared_transactions = 4
checkpoint_timeout = 30min
autovacuum = off
logging_collector = off
jit = off
EOF
}

serve() {
    local dir=$1 bin
    bin=$(find_bin)
    run_as
    exec "${as[@]}" bash -c 'exec "$1/postgres" -D "$2/data" -p "$3" >"$2/server.log" 2>&1' _ "$bin" "$dir" "${PG_PORT:-5432}"
}

wait_ready() {
    local dir=$1 tries
    for ((tries = 0; tries < 300; tries++)); do
        if pg_isready -q -h "$dir" -p "${PG_PORT:-5432}"; then
            return
        fi
        sleep 0.1
    done
    tail -n 20 "$dir/server.log" >&2 || true
    fail "the server in $dir does not take connections"
}

case ${1:-}:$# in
    init:2) init "$2" ;;
    serve:2) serve "$2" ;;
    wait:2) wait_ready "$2" ;;
    bin:1) find_bin ;;
    *) fail "usage: pg.sh init|serve|wait DIR, or pg.sh bin" ;;
esac
