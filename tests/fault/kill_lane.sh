#!/usr/bin/env bash
# a replica is killed while an index is made CONCURRENTLY: the tenant is dirty, the retry waits for the orphan and finds its index
. "$(dirname "$0")/lib.sh"

pg_start
up one
register_base
make_tenants 6
register 0001_a "INSERT INTO steps (version) VALUES ('0001_a');
CREATE UNIQUE INDEX CONCURRENTLY steps_once ON steps (version);
CREATE TABLE t_0001_a (id int PRIMARY KEY);
CREATE INDEX CONCURRENTLY steps_at ON steps (at);"

# an old snapshot somewhere in the database: every CONCURRENTLY waits for it
psql_at "$url" -c 'BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1; SELECT pg_sleep(600)' >/dev/null 2>&1 &
helpers+=("$!")
until_true 10 "the old snapshot is there" sql_is 1 "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
building="SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CREATE UNIQUE INDEX CONC%' AND wait_event = 'virtualxid'"
start_run
until_true 20 "an index waits for the snapshot" sql_is 1 "$building"
sleep 1
is "indexes that are made at a time" 1 "$(sql "$building")"
must 200 GET /v1/migration-status
is "dirty tenants" 1 "$(get .dirty)"
is "tenants that failed" 0 "$(sql "SELECT count(*) FROM tenantd.task WHERE state = 'failed'")"
murder one

up one
must 200 GET "/v1/tenants?migration_state=dirty"
dirty=$(get '.tenants[0].id')
must 200 GET "/v1/tenants/$dirty/migrations"
is "state of the migration" dirty "$(get '.migrations[1].state')"
rescued() { [ "$(sql "SELECT count(*) FROM tenantd.task WHERE rescues > 0 AND tenant_id = '$dirty'")" = 1 ]; }
until_true 20 "the task is rescued" rescued
sleep 2
is "the orphan goes on alone" 1 "$(sql "$building")"
sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'" >/dev/null
await_job 60
job_is succeeded
applied_once
is "valid indexes" 12 "$(sql "SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE relname IN ('steps_once', 'steps_at') AND indisvalid")"
is "invalid indexes" 0 "$(sql 'SELECT count(*) FROM pg_index WHERE NOT indisvalid')"
is "marks that are left" 0 "$(sql "SELECT count(*) FROM pg_description WHERE description LIKE 'tenantd begun%'")"
no_orphans
finish
