# shellcheck shell=bash
# A throw-away PostgreSQL for shell checks: source this, call pg_start, use $PG_URL, call pg_stop.
# PostgreSQL refuses to run as root, so as root it runs as the user postgres. Unix socket only: no port is taken.

PG_BIN=${PG_BIN:-/usr/lib/postgresql/15/bin}

pg_as_owner() {
    if [ "$(id -u)" -eq 0 ]; then
        runuser -u postgres -- env HOME="$PG_DIR" LC_ALL=C.UTF-8 "$@"
    else
        env HOME="$PG_DIR" LC_ALL=C.UTF-8 "$@"
    fi
}

pg_start() {
    PG_DIR=$(mktemp -d "${TMPDIR:-/tmp}/tenantd-pg.XXXXXX")
    chmod 0755 "$PG_DIR"
    [ "$(id -u)" -ne 0 ] || chown postgres: "$PG_DIR"
    if ! pg_as_owner "$PG_BIN/initdb" -D "$PG_DIR/data" -U postgres -A trust --no-sync >"$PG_DIR/initdb.log" 2>&1 ||
        ! pg_as_owner "$PG_BIN/pg_ctl" -D "$PG_DIR/data" -l "$PG_DIR/server.log" -w -t 60 \
            -o "-c listen_addresses='' -c unix_socket_directories='$PG_DIR' -c max_connections=200" \
            start >/dev/null 2>&1; then
        tail -n 20 "$PG_DIR"/*.log >&2
        return 1
    fi
    PG_URL="postgresql://postgres@/postgres?host=$PG_DIR"
    export PG_URL
}

pg_stop() {
    [ -n "${PG_DIR:-}" ] || return 0
    pg_as_owner "$PG_BIN/pg_ctl" -D "$PG_DIR/data" -m immediate -w stop >/dev/null 2>&1
    rm -rf "$PG_DIR"
    PG_DIR=
}
