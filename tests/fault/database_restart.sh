#!/usr/bin/env bash
# PostgreSQL crashes and comes back under load and in the middle of a run: 503 meanwhile, never 500, then all is well
. "$(dirname "$0")/lib.sh"

pg_start
up one
register_base
make_tenants 200
register_steps 0.03 0001_a 0002_b 0003_c
start_run

# four clients, each one request after the other: a line of "status milliseconds" for each
client() {
    while [ ! -f "$work/enough" ]; do
        curl -s -o /dev/null --max-time 20 -w '%{http_code} %{time_total}\n' -H "Authorization: Bearer $token" \
            "http://127.0.0.1:${port[one]}$1" || true
    done >>"$work/answers"
}
clients=()
for path in /v1/tenants /v1/tenants/t-0007 "/v1/jobs/$job" "/v1/jobs?state=running"; do
    client "$path" &
    clients+=($!)
done
helpers+=("${clients[@]}")

until_true 20 "some tenants are migrated" some_done 20
pg_stop
crashed=$(now_ms)
unready() { [ "$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:${admin[one]}/readyz")" = 503 ]; }
until_true 15 "the replica is not ready without its database" unready
is "liveness without the database" 200 "$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:${admin[one]}/livez")"
call GET /v1/tenants
is "status without the database" 503 "$status"
is "code without the database" DATABASE_UNAVAILABLE "$(get .code)"
is "retryable" true "$(get .retryable)"
pg_start
say "away for $(($(now_ms) - crashed)) ms"
until_true 20 "ready again" eval '[ "$(curl -s -o /dev/null -w "%{http_code}" "http://127.0.0.1:${admin[one]}/readyz")" = 200 ]'
await_job 90
touch "$work/enough"
wait "${clients[@]}"
say "answers: $(cut -d' ' -f1 "$work/answers" | sort | uniq -c | tr -s ' \n' ' ')"
is "statuses but 200 and 503" "" "$(cut -d' ' -f1 "$work/answers" | grep -vxE '200|503' | sort -u | tr '\n' ' ')"
at_least "answers of 503" 1 "$(grep -c '^503' "$work/answers")"
slowest=$(sort -k2 -n "$work/answers" | tail -n 1 | awk '{ printf "%d", $2 * 1000 }')
at_most "the slowest answer in ms" $((8000 * slow)) "$slowest"
job_is succeeded
is "tenants migrated" 200 "$(get '.progress | .succeeded + .skipped')"
applied_once
no_orphans
finish
