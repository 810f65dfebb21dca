#!/usr/bin/env bash
# clients that are slow, stop halfway, send rubbish or leave while they wait are cut off; others do not notice
. "$(dirname "$0")/lib.sh"

pg_start
up one TENANTD_HTTP_RECEIVE_TIMEOUT_MS=1500
register_base
make_tenants 2
register 0001_a "SELECT pg_sleep(CASE current_schema() WHEN 'tenant_t-0001' THEN 600 ELSE 0 END);"

crlf=$'\r\n'
auth="Host: x${crlf}Authorization: Bearer $token$crlf"
fds=()
connect() { # TEXT: leaves the descriptor in fds
    local fd
    exec {fd}<>"/dev/tcp/127.0.0.1/${port[one]}"
    printf '%s' "$1" >&"$fd"
    fds+=("$fd")
}
is_cut() { # FD: reads to the end, which must come
    timeout $((5 * slow)) cat <&"$1" >"$work/said"
}

for _ in $(seq 40); do
    connect "GET /v1/ten"                                               # a line that does not end
    connect "GET /v1/tenants HTTP/1.1$crlf$auth"                              # a head that does not end
    connect "POST /v1/tenants HTTP/1.1$crlf${auth}Content-Type: application/json${crlf}Content-Length: 1000$crlf$crlf{\"id\":" # a body
    connect ""                                                          # nothing at all
done
began=$(now_ms)
for _ in $(seq 10); do
    must 200 GET /v1/tenants
done
at_most "ms for ten requests beside 160 slow clients" $((2000 * slow)) $(($(now_ms) - began))

for i in "${!fds[@]}"; do
    [ $((i % 4)) != 3 ] || continue # one that said nothing is idle, not slow
    is_cut "${fds[i]}" || die "a slow client is still connected after the receive timeout"
    if [ $((i % 4)) = 2 ] && [ -s "$work/said" ]; then
        head -n 1 "$work/said" | grep -qE '^HTTP/1.1 408' || die "a slow body was answered $(head -n 1 "$work/said")"
    fi
done
at_most "ms until all slow clients were cut" $((5000 * slow)) $(($(now_ms) - began))
for fd in "${fds[@]}"; do
    exec {fd}>&-
done
fds=()

# halfway, then gone; and what is no HTTP at all
for _ in $(seq 50); do
    connect "POST /v1/tenants HTTP/1.1$crlf${auth}Content-Type: application/json${crlf}Content-Length: 50$crlf$crlf{\"id\":\"half\""
    fd=${fds[-1]}
    exec {fd}>&-
    exec {fd}<>"/dev/tcp/127.0.0.1/${port[one]}"
    head -c 3000 /dev/urandom 2>/dev/null 1>&"$fd" || true
    exec {fd}>&-
done
must 200 GET /v1/tenants
is "tenants made by half a request" 2 "$(get '.tenants | length')"

# clients that wait for a job and leave
start_run
until_true 10 "one tenant is migrated" some_done 1
waiters=()
for _ in $(seq 30); do
    curl -s --max-time 1 -o /dev/null -H "Authorization: Bearer $token" "http://127.0.0.1:${port[one]}/v1/jobs/$job?wait=55" &
    waiters+=($!)
done
must 200 GET /v1/tenants
wait "${waiters[@]}" || true
must 202 POST "/v1/jobs/$job/cancel" '{}'
await_job 10
must 200 GET "/v1/jobs/$job?wait=55"
is "state" cancelled "$(get .state)"
began=$(now_ms)
finish
at_most "ms until it ended" $((5000 * slow)) $(($(now_ms) - began))
