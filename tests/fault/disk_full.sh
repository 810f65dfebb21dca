#!/usr/bin/env bash
# the disk is full, first that of the tenants' tables, then that of the WAL: work waits, and goes on when there is room
. "$(dirname "$0")/lib.sh"

if [ "$(id -u)" != 0 ] || ! { mkdir "$work/probe" && mount -t tmpfs -o size=1m tmpfs "$work/probe" 2>/dev/null; }; then
    say "a small file system cannot be mounted here: nothing tested"
    exit 0
fi
umount "$work/probe"
mounted=()
disk() { # NAME SIZE: a file system of that size in $work/NAME, owned by PostgreSQL's user
    mkdir -p "$work/$1"
    mount -t tmpfs -o "size=$2" tmpfs "$work/$1"
    mounted+=("$work/$1")
    chown postgres "$work/$1"
    chmod 700 "$work/$1"
}
give_back() {
    local status=$? name
    (exit "$status") || true
    for name in "$work"/*/server.log; do
        "$pg_sh" stop "$(dirname "$name")" || true
    done
    for name in "${mounted[@]}"; do
        umount -l "$name" || true
    done
    (exit "$status")
    fault_end
}
trap give_back EXIT

pg_start
disk space 24m
sql "CREATE TABLESPACE small LOCATION '$work/space'"
up one
register_base
make_tenants 20
sql "ALTER DATABASE postgres SET default_tablespace = small"
sql "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE 'tenantd/%'" >/dev/null

# a megabyte a tenant; most of the disk is somebody else's
head -c 12m /dev/zero >"$work/space/filler"
register 0001_a "CREATE TABLE t_0001_a (id int PRIMARY KEY, filler text) WITH (autovacuum_enabled = off);
INSERT INTO steps (version) VALUES ('0001_a');
INSERT INTO t_0001_a SELECT i, repeat('x', 1000) FROM generate_series(1, 900) i;"
start_run
full() { grep -q 'No space left on device' "$work/pg/server.log"; }
until_true 20 "the disk is full" full
waits() { sql_at_least 1 "SELECT count(*) FROM tenantd.task WHERE job_id = '$job' AND state = 'queued' AND snoozes > 0"; }
until_true 20 "tasks wait for room" waits
must 200 GET "/v1/jobs/$job"
is "job" running "$(get .state)"
is "tenants failed" 0 "$(get .progress.failed)"
is "sqlstate" 53100 "$(sql "SELECT DISTINCT outcome ->> 'sqlstate' FROM tenantd.task WHERE job_id = '$job' AND state = 'queued' AND snoozes > 0")"
is "version" 0001_a "$(sql "SELECT DISTINCT outcome ->> 'version' FROM tenantd.task WHERE job_id = '$job' AND state = 'queued' AND snoozes > 0")"
say "$(tasks_done) of 20 tenants are migrated when the disk is full"
prefixes_hold
rm "$work/space/filler"
mount -o remount,size=64m "$work/space"
await_job 60
job_is succeeded
applied_once

# no room for WAL: PostgreSQL panics, and cannot come back before there is
stop one
sql "ALTER DATABASE postgres RESET default_tablespace"
pg_stop
disk wal 64m
cp -a "$work/pg/pg/pg_wal/." "$work/wal"
rm -rf "$work/pg/pg/pg_wal"
ln -s "$work/wal" "$work/pg/pg/pg_wal"
export PG_OPTIONS='-c fsync=off -c max_wal_size=1GB -c wal_recycle=off -c restart_after_crash=on'
pg_start
up one
register 0002_b "CREATE TABLE t_0002_b (id int PRIMARY KEY, filler text);
INSERT INTO steps (version) VALUES ('0002_b');
INSERT INTO t_0002_b SELECT i, repeat('y', 1000) FROM generate_series(1, 5000) i;"
start_run
panicked() { grep -q 'PANIC:.*No space left on device' "$work/pg/server.log"; }
until_true 15 "PostgreSQL panics" panicked
refused() { call GET /v1/tenants; [ "$status" = 503 ]; }
until_true 20 "requests are refused" refused
is "code" DATABASE_UNAVAILABLE "$(get .code)"
is "liveness" 200 "$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:${admin[one]}/livez")"
pg_stop
mount -o remount,size=600m "$work/wal"
pg_start
serves() { call GET /v1/tenants; [ "$status" = 200 ]; }
until_true 30 "requests are served again" serves
await_job 90
job_is succeeded
applied_once
finish
