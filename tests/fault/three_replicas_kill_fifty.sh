#!/usr/bin/env bash
# one of three replicas is killed at random moments, fifty times, while migrations roll out and tenants come
. "$(dirname "$0")/lib.sh"

kills=${FAULT_KILLS:-50}
seed=${FAULT_SEED:-$(date +%s)}
RANDOM=$seed
say "seed $seed (FAULT_SEED=$seed repeats it), $kills kills"

pg_start
names=(one two three)
replica() { # NAME: all of a run's places are not one replica's, and a dead one is missed after a second
    start "$1" TENANTD_JOBS_LEASE_MS=1000 TENANTD_JOBS_POLL_INTERVAL_MS=200 TENANTD_JOBS_WORKERS=3
}
for name in "${names[@]}"; do
    replica "$name"
done
for name in "${names[@]}"; do
    await_ready "$name"
done
register_base
make_tenants 150

# Ends what has no end yet, then rolls out the next version and makes some more tenants. A client as it should be:
# whatever is not answered is asked again, at another replica.
versions=0 made=150 jobs=()
ask() { # METHOD PATH JSON [curl options]: until it is answered; the job that it started goes to jobs
    local key="$1-$RANDOM$RANDOM-$RANDOM" limit=$((SECONDS + 30 * slow)) # the same key each time: done once
    while :; do
        at=${names[RANDOM % 3]}
        call "$@" -H "Idempotency-Key: $key" --max-time 5
        [[ $status != 20? ]] || break
        [[ $status = 000 || $status = 503 || $status = 409 ]] || die "$1 $2: $status $body"
        [ "$SECONDS" -lt "$limit" ] || die "$1 $2 is not answered: $status $body"
        sleep 0.05
    done
    jobs+=("$(get .id)")
}
next_version() {
    local version
    versions=$((versions + 1))
    version=$(printf '%04d_v' $versions)
    register_somewhere "$version"
    ask POST /v1/migration-runs '{"selector":{"all":true},"max_parallel":6}'
    ask POST /v1/tenants/batch "$(batch $((made + 1)) $((made + 3)))"
    made=$((made + 3))
}
register_somewhere() { # a PUT of the same bytes may be repeated
    local limit=$((SECONDS + 30 * slow))
    while :; do
        at=${names[RANDOM % 3]}
        call PUT "/v1/catalogs/tenant/migrations/$1" '' -H 'Content-Type: application/sql' --max-time 5 --data-binary \
            "CREATE TABLE t_$1 (id int PRIMARY KEY); INSERT INTO steps (version) VALUES ('$1'); SELECT pg_sleep(0.02);"
        [[ $status != 20? ]] || return 0
        [[ $status = 000 || $status = 503 || $status = 409 ]] || die "register $1: $status $body"
        [ "$SECONDS" -lt "$limit" ] || die "register $1 is not answered: $status $body"
        sleep 0.05
    done
}
live() { sql "SELECT count(*) FROM tenantd.job WHERE finished_at IS NULL"; }

began=$SECONDS under_way=0
for ((i = 0; i < kills; i++)); do
    [ "$(live)" -gt 1 ] || next_version
    sleep "0.$((RANDOM % 8))$((RANDOM % 10))"
    name=${names[RANDOM % 3]}
    n=$(sql "SELECT count(*) FROM tenantd.task WHERE state = 'running'")
    murder "$name"
    under_way=$((under_way + (n > 0)))
    replica "$name"
    await_ready "$name"
done
say "$kills kills in $((SECONDS - began)) s, $under_way of them with tasks on their way, ${#jobs[@]} jobs, $versions versions, $made tenants"
at_least "kills in the middle of work" $((kills / 2)) "$under_way"

ended() { sql_is 0 "SELECT count(*) FROM tenantd.job WHERE finished_at IS NULL"; }
until_true 60 "every job ends" ended
is "jobs" "${#jobs[@]}" "$(printf '%s\n' "${jobs[@]}" | sort -u | wc -l)"
# a task that took three replicas with it is not given to a fourth: nothing else may have failed
is "failures but lost workers" 0 "$(sql "SELECT count(*) FROM tenantd.task WHERE state = 'failed' AND outcome ->> 'code' <> 'WORKER_LOST'")"
lost=$(sql "SELECT count(*) FROM tenantd.task WHERE state = 'failed'")
say "$(sql "SELECT count(*) FILTER (WHERE rescues > 0) || ' tasks of ' || count(*) || ' were rescued' FROM tenantd.task"), $lost given up"
invariants

# what was given up, and who came after the last run, is brought to the head
at=one
call POST /v1/migration-runs '{"selector":{"all":true}}' -H 'Prefer: wait=55'
[[ $status = 20? && $(get .state) = succeeded ]] || die "the last run: $status $body"
prefixes_hold
is "tenants at the head" "$(sql "SELECT count(*) FROM tenantd.tenant WHERE state = 'active'")" \
    "$(jq '(.catalog | length) as $head | [.tenants[] | select(.state == "active" and (.known | length) == $head)] | length' "$work/known.json")"
[ "$lost" != 0 ] || applied_once
finish
