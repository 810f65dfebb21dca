#!/usr/bin/env bash
# tenants on a server of their own: it is out of reach while the control database is not, and the reverse
. "$(dirname "$0")/lib.sh"

declare -A proxies=()
# proxy NAME SERVER [PORT]: hands connections on to $work/SERVER; its port is in $work/NAME.port
proxy() {
    rm -f "$work/$1.port"
    node "$root/tests/fault/proxy.mjs" "$work/$1.port" "$work/$2/.s.PGSQL.5432" "${3:-0}" &
    proxies[$1]=$!
    helpers+=("$!")
    until_true 10 "the proxy $1 listens" test -f "$work/$1.port"
}
through() { echo "postgresql://postgres@127.0.0.1:$(cat "$work/$1.port")/postgres"; }
swallow() { kill -STOP "${proxies[$1]}"; } # as a network that drops every packet
release() { kill -CONT "${proxies[$1]}"; }
refuse() { # as a host whose server is down
    kill -KILL "${proxies[$1]}"
    wait "${proxies[$1]}" 2>/dev/null || true
}
probe_is() { [ "$(curl -s -o /dev/null --max-time 3 -w '%{http_code}' "http://127.0.0.1:${admin[$1]}$2")" = "$3" ]; }

pg_start
pg_start apart
proxy control pg
proxy tenants apart
tenants_url="postgresql://postgres@/postgres?host=$work/apart"
# one reaches the control database through the proxy, two by itself; both the tenants through the other
up one TENANTD_DATABASE_URL="$(through control)" TENANTD_JOBS_WORKERS=4 TENANTD_CONNECTION_CONNECT_TIMEOUT_S=2
up two TENANTD_JOBS_WORKERS=4 TENANTD_CONNECTION_CONNECT_TIMEOUT_S=2
sql "INSERT INTO tenantd.server (id, url) VALUES ('apart', '$(through tenants)')" # there is no call for it yet
register_base
must 200 POST /v1/tenants/batch "$(batch 1 120 | jq -c '.items |= map(.server = "apart")')" -H 'Prefer: wait=55'
is "tenants provisioned" succeeded "$(get .state)"
register_steps 0.03 0001_a 0002_b

say "the tenants' server refuses, the control database answers"
start_run
until_true 20 "some tenants are migrated" some_done 10
port_of_tenants=$(cat "$work/tenants.port")
refuse tenants
waits() { sql_at_least 1 "SELECT count(*) FROM tenantd.task WHERE job_id = '$job' AND state = 'queued' AND snoozes > 0"; }
until_true 10 "tasks wait for their server" waits
must 200 GET /v1/tenants/t-0007
call GET /v1/tenants/t-0007/migrations
is "what is asked of the tenants' server" "503 DATABASE_UNAVAILABLE" "$status $(get .code)"
must 200 GET /v1/servers/apart
is "reachable" false "$(get .reachable)"
probe_is one /readyz 200 || die "a replica is not ready for the want of a tenants' server"
is "tenants failed" 0 "$(sql "SELECT count(*) FROM tenantd.task WHERE job_id = '$job' AND state = 'failed'")"
proxy tenants apart "$port_of_tenants"
await_job 60
job_is succeeded
applied_once

say "the tenants' server swallows everything, for longer than the lease"
register_steps 0.03 0003_c
start_run
until_true 20 "some tenants are migrated" some_done 10
swallow tenants
sleep 5
must 200 GET /v1/tenants/t-0007
probe_is one /readyz 200 || die "a replica is not ready for the want of a tenants' server"
is "replicas that live" 2 "$(sql "SELECT count(*) FROM tenantd.worker WHERE heartbeat_at > now() - interval '2 s'")"
release tenants
await_job 60
job_is succeeded
applied_once

say "it swallows everything, and the run is cancelled: nobody waits for the answer"
register_steps 0.03 0004_d
start_run
until_true 20 "some tenants are migrated" some_done 10
swallow tenants
began=$(now_ms)
must 202 POST "/v1/jobs/$job/cancel" '{}'
await_job 30
say "cancelled after $(($(now_ms) - began)) ms"
job_is cancelled
kill -TERM "${pid[two]}"
ends_within two 25
is "exit status beside a server that does not answer" 0 "$(cat "$work/status")"
release tenants
up two TENANTD_JOBS_WORKERS=4 TENANTD_CONNECTION_CONNECT_TIMEOUT_S=2
start_run
await_job 60
job_is succeeded
applied_once

say "the control database swallows everything of one replica, while it reaches the tenants"
register_steps 0.03 0005_e 0006_f
start_run
until_true 20 "some tenants are migrated" some_done 10
swallow control
unready() { probe_is one /readyz 503; }
until_true 15 "the replica that is cut off is not ready" unready
is "liveness" 200 "$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:${admin[one]}/livez")"
began=$(now_ms)
call GET /v1/tenants/t-0007 '' --max-time 60
is "what it answers" "503 DATABASE_UNAVAILABLE" "$status $(get .code)"
say "503 after $(($(now_ms) - began)) ms"
at=two
await_job 60
job_is succeeded
is "tenants migrated" 120 "$(get '.progress | .succeeded + .skipped')"
applied_once
done_at=$(sql "SELECT md5(string_agg(t::text, ',' ORDER BY id)) FROM tenantd.task t")
release control
at=one
serves() { call GET /v1/tenants/t-0007; [ "$status" = 200 ]; }
until_true 30 "it serves again" serves
is "tasks after it came back" "$done_at" "$(sql "SELECT md5(string_agg(t::text, ',' ORDER BY id)) FROM tenantd.task t")"

say "the control database is down for all, while they reach the tenants"
register_steps 0.03 0007_g
start_run
until_true 20 "some tenants are migrated" some_done 10
pg_stop
refused() { call GET /v1/tenants; [ "$status" = 503 ]; }
until_true 10 "requests are refused" refused
sleep 4 # longer than the lease
pg_start
until_true 20 "it serves again" serves
await_job 60
job_is succeeded
applied_once
no_orphans_apart() { is "schemas" 120 "$(tenants_sql "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'tenant\\_%'")"; }
no_orphans_apart
finish
