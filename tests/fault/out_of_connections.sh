#!/usr/bin/env bash
# PostgreSQL has no connection left: requests get a clear 503, tasks wait, and all goes on by itself
. "$(dirname "$0")/lib.sh"

export PG_MAX_CONNECTIONS=20 # three of them are the superuser's
pg_start
sql "CREATE ROLE tenantd LOGIN; CREATE ROLE crowd LOGIN"
sql "GRANT CREATE ON DATABASE postgres TO tenantd"
up one TENANTD_DATABASE_URL="postgresql://tenantd@/postgres?host=$work/pg"
register_base
make_tenants 60
register_steps 0.02 0001_a 0002_b

# sessions of somebody else take whatever becomes free: each tries again until it has one
crowd() {
    while [ ! -f "$work/enough" ]; do
        psql -X -q -d "postgresql://crowd@/postgres?host=$work/pg" -c 'SELECT pg_sleep(600)' >/dev/null 2>&1 || true
    done
}
crowds=()
for _ in $(seq 17); do
    crowd &
    crowds+=($!)
done
helpers+=("${crowds[@]}")
full() { sql_at_least 15 "SELECT count(*) FROM pg_stat_activity WHERE usename = 'crowd'"; }
# tenantd's idle connections are taken from it: nothing stays but what others hold
evict() { sql "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'tenantd'" >/dev/null; full; }
start_run
until_true 10 "others hold the connections" evict

refused() { evict || true; call GET /v1/tenants; [ "$status" = 503 ]; }
until_true 20 "a request is refused" refused
get '.code' | grep -qxE 'DATABASE_UNAVAILABLE|POOL_EXHAUSTED' || die "refused with $body"
is "retryable" true "$(get .retryable)"
is "liveness" 200 "$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:${admin[one]}/livez")"

touch "$work/enough"
sql "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'crowd'" >/dev/null
wait "${crowds[@]}" || true
served() { call GET /v1/tenants; [ "$status" = 200 ]; }
until_true 10 "requests are served again" served
await_job 90
job_is succeeded
is "tenants migrated" 60 "$(get '.progress | .succeeded + .skipped')"
applied_once
finish
