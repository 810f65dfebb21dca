#!/usr/bin/env bash
# PostgreSQL is not there when tenantd starts: it waits, says so, and serves as soon as it can
. "$(dirname "$0")/lib.sh"

free_port() { # one that was free a moment ago
    local p
    while :; do
        p=$((20000 + RANDOM % 20000))
        ! (exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null && echo "$p" && return
    done
}
probe() { curl -s -o "$work/probe" -w '%{http_code}' --max-time 2 "http://127.0.0.1:$admin_port$1" || true; }
probe_is() { [ "$(probe "$1")" = "$2" ]; }

pg_start
pg_stop
admin_port=$(free_port)
start one
until_true 10 "/livez answers" probe_is /livez 200
is /startupz 503 "$(probe /startupz)"
is /readyz 503 "$(probe /readyz)"
grep -q 'control_db failed' "$work/probe" || die "/readyz does not say why: $(cat "$work/probe")"
is "/metrics before the database is there" 200 "$(probe /metrics)"
until_true 5 "the log says what is waited for" grep -q '"event":"start.control_database"' "${log[one]}"
kill -TERM "${pid[one]}"
ends_within one 10
is "exit status while waiting" 0 "$(cat "$work/status")"

start one
until_true 10 "/livez answers" probe_is /livez 200
pg_start
await_ready one
is /startupz 200 "$(probe /startupz)"
until_true 5 "/readyz" probe_is /readyz 200
register_base
make_tenants 3
applied_once
finish
