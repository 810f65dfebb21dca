#!/usr/bin/env bash
# 128 and 256 requests at once are all answered, and in time
. "$(dirname "$0")/lib.sh"

pg_start
up one
register_base
make_tenants 20

# crowd COUNT PATH...: so many requests at once, each on a connection of its own, the paths in turn
crowd() {
    local n=$1 i
    shift
    for ((i = 0; i < n; i++)); do
        printf 'url = "http://127.0.0.1:%s%s"\noutput = "/dev/null"\n' "${port[one]}" "${@:i % $# + 1:1}"
    done >"$work/urls"
    curl -sS --no-progress-meter --parallel --parallel-immediate --parallel-max 300 --max-time 30 -H "Authorization: Bearer $token" \
        -w '%{http_code} %{time_total}\n' -K "$work/urls" >"$work/answers" || true
    slowest=$(sort -k2 -n "$work/answers" | tail -n 1 | awk '{ printf "%d", $2 * 1000 }')
    say "$n at once: $(cut -d' ' -f1 "$work/answers" | sort | uniq -c | tr -s ' \n' ' '), the slowest $slowest ms"
    is "answers to $n requests" "$n" "$(grep -c '^200 ' "$work/answers")"
    at_most "the slowest of $n in ms" $((2000 * slow)) "$slowest"
}
for n in 1 127 128 129 256; do
    crowd "$n" /v1/tenants/t-0007 /v1/tenants /v1/whoami
done

# more than may wait: those that are too many are told so, with when to come again
up two TENANTD_HTTP_HANDLERS=1 TENANTD_HTTP_QUEUE=4
port[one]=${port[two]}
for _ in 1 2 3; do
    (crowd 200 /v1/tenants) >/dev/null 2>&1 || true
    say "one handler, a queue of 4: $(cut -d' ' -f1 "$work/answers" | sort | uniq -c | tr -s ' \n' ' ')"
    is "answers to 200 requests" 200 "$(grep -cE '^(200|503) ' "$work/answers")"
done
at=two
must 200 GET /v1/tenants
finish
