#!/usr/bin/env bash
# SIGTERM with waiting clients and a run on its way: ends in time with status 0, gives tasks back, goes on later
. "$(dirname "$0")/lib.sh"

pg_start
up one TENANTD_HTTP_DRAIN_TIMEOUT_MS=2000
register_base
make_tenants 60
register_steps 0.05 0001_a
# one that outlasts the drain, once
register 0002_b "CREATE TABLE t_0002_b (id int);
INSERT INTO steps (version) VALUES ('0002_b');
SELECT pg_sleep(CASE current_schema() WHEN 'tenant_t-0001' THEN 6 ELSE 0.05 END);"
start_run
hangs() { sql_is 1 "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%tenant_t-0001%pg_sleep%' AND state = 'active'
    AND application_name LIKE 'tenantd/%'"; }
until_true 10 "the slow tenant is on its way" hangs

waiters=()
for i in $(seq 10); do
    curl -s --max-time 30 -o "$work/waited-$i" -w '%{http_code} %{time_total}\n' -H "Authorization: Bearer $token" \
        "http://127.0.0.1:${port[one]}/v1/jobs/$job?wait=55" >"$work/waiter-$i" &
    waiters+=($!)
done
# and one that never finishes what it says
exec 8<>"/dev/tcp/127.0.0.1/${port[one]}"
printf 'GET /v1/tenants HTTP/1.1\r\nHost: x\r\n' >&8
parked() { [ "$(curl -s "http://127.0.0.1:${admin[one]}/metrics" | awk '$1 == "tenantd_longpoll_waiters" { print int($2) }')" = 10 ]; }
until_true 5 "ten clients wait" parked

began=$(now_ms)
kill -TERM "${pid[one]}"
wait "${waiters[@]}"
at_most "ms until those who waited were answered" $((1500 * slow)) $(($(now_ms) - began))
is "answers to those who waited" "200 " "$(cut -d' ' -f1 "$work"/waiter-* | sort -u | tr '\n' ' ')"
is "job" running "$(jq -r .state "$work/waited-1")"
ends_within one 10
is "exit status" 0 "$(cat "$work/status")"
took=$(($(now_ms) - began))
say "ended after $took ms"
at_most "ms from SIGTERM to the end" $((2000 + 1500 * slow)) "$took"
exec 8>&-

until_true 2 "every connection is closed" no_connections
is "tasks under way" 0 "$(sql "SELECT count(*) FROM tenantd.task WHERE state = 'running'")"
is "attempts spent by what was given back" 0 "$(sql "SELECT coalesce(max(attempt), 0) FROM tenantd.task WHERE state = 'queued'")"
at_least "tasks that are left" 1 "$(sql "SELECT count(*) FROM tenantd.task WHERE state = 'queued'")"
is "workers registered" 0 "$(sql "SELECT count(*) FROM tenantd.worker")"

up one
await_job 30
job_is succeeded
applied_once
finish
