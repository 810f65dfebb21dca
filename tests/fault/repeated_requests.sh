#!/usr/bin/env bash
# clients repeat a POST with its Idempotency-Key until it is answered, through crashes and lost sessions: done once
. "$(dirname "$0")/lib.sh"

keys=15
pg_start
up one
register_base
echo "${port[one]}" >"$work/port"

# post KEY: one request for one tenant; its status in $code, a job that it told of in jobs-KEY
post() {
    code=$(curl -s -o "$work/body-$1" --max-time 10 -w '%{http_code}' -H "Authorization: Bearer $token" -H "Idempotency-Key: $1" \
        -H 'Content-Type: application/json' -d "{\"id\":\"c-$1\"}" "http://127.0.0.1:$(cat "$work/port")/v1/tenants") || true
    echo "$code" >>"$work/codes-$1"
    [[ $code != 20[02] ]] || jq -r .id "$work/body-$1" >>"$work/jobs-$1"
}
# client N: its keys one after the other, each until it was answered twice
client() {
    local i code key
    for i in $(seq $keys); do
        key=$1-$i
        until [ -f "$work/jobs-$key" ] && [ "$(wc -l <"$work/jobs-$key")" -ge 2 ]; do
            post "$key"
            [[ $code = 20[02] ]] || sleep 0.05
        done
    done
}
clients=()
for n in 1 2 3 4 5 6; do
    client $n &
    clients+=($!)
done
helpers+=("${clients[@]}")
busy() {
    local n
    for n in "${clients[@]}"; do
        kill -0 "$n" 2>/dev/null && return
    done
    return 1
}
rounds=0
while busy; do
    rounds=$((rounds + 1))
    [ $rounds -lt $((1000 * slow)) ] || die "the clients do not come to an end"
    sql "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE 'tenantd%'" >/dev/null
    sleep 0.05
    if [ $((rounds % 8)) = 4 ] && [ $rounds -lt 20 ]; then
        murder one
        up one
        echo "${port[one]}" >"$work/port.new" && mv "$work/port.new" "$work/port"
    fi
done
for n in "${clients[@]}"; do
    wait "$n" || die "a client failed"
done
say "$rounds rounds, answers: $(cat "$work"/codes-* | sort | uniq -c | tr -s ' \n' ' ')"
is "answers but success, 409 in progress, 503 and none" "" "$(cat "$work"/codes-* | grep -vxE '20[02]|409|503|000' | sort -u | tr '\n' ' ')"
at_least "answers that were not to be had" 5 "$(cat "$work"/codes-* | grep -cxE '503|000')"
settled() { sql_is 0 "SELECT count(*) FROM tenantd.job WHERE finished_at IS NULL"; }
until_true 60 "all jobs end" settled
is "jobs" $((6 * keys)) "$(sql "SELECT count(*) FROM tenantd.job WHERE kind = 'tenant.create'")"
is "jobs that the clients were told of" $((6 * keys)) "$(cat "$work"/jobs-* | sort -u | wc -l)"
is "tenants" $((6 * keys)) "$(sql "SELECT count(*) FROM tenantd.tenant WHERE state = 'active'")"
applied_once
no_orphans
finish
