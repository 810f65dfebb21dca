#!/bin/sh
# A throw-away PostgreSQL for tests: `pg.sh start DIR` makes a cluster below DIR, or takes the one that is
# there, starts it on a unix socket and prints its URL; `pg.sh stop DIR` stops it at once. As root it runs
# as user postgres. PG_BIN names the folder of another version's programs.
set -eu
command=$1 dir=$2
bin=${PG_BIN:-$(ls -d /usr/lib/postgresql/*/bin | sort -V | head -n 1)}

as_owner() {
    if [ "$(id -u)" = 0 ]; then
        setpriv --reuid=postgres --regid=postgres --clear-groups env HOME="$dir" PATH="$PATH" "$@"
    else
        "$@"
    fi
}

case $command in
start)
    mkdir -p "$dir"
    [ "$(id -u)" != 0 ] || { chown postgres "$dir" && chmod 755 "$dir"; }
    [ -d "$dir/pg" ] || as_owner "$bin/initdb" -D "$dir/pg" -U postgres -A trust -E UTF8 --locale=C.UTF-8 \
        --no-sync >"$dir/initdb.log" 2>&1 || { cat "$dir/initdb.log" >&2; exit 1; }
    # nothing here is worth keeping; PG_OPTIONS can turn durability on again for a benchmark
    as_owner "$bin/pg_ctl" -D "$dir/pg" -w -t 60 -l "$dir/server.log" -o "-k $dir -p 5432 -c listen_addresses='' \
        ${PG_OPTIONS:--c fsync=off -c full_page_writes=off -c synchronous_commit=on} \
        -c max_connections=${PG_MAX_CONNECTIONS:-200} -c max_locks_per_transaction=${PG_MAX_LOCKS:-256} -c logging_collector=off" \
        start >/dev/null || { cat "$dir/server.log" >&2; exit 1; }
    echo "postgresql://postgres@/postgres?host=$dir"
    ;;
stop)
    as_owner "$bin/pg_ctl" -D "$dir/pg" -m immediate stop >/dev/null 2>&1 || true
    ;;
*)
    echo "usage: pg.sh start|stop DIR" >&2
    exit 2
    ;;
esac
