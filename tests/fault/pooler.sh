#!/usr/bin/env bash
# PgBouncer in transaction mode before the control database and before the tenants' server: all is right, nothing leaks
. "$(dirname "$0")/lib.sh"

declare -A bouncers=()
# bouncer NAME SERVER MODE: a PgBouncer in $work/NAME before $work/SERVER, few connections for everybody
bouncer() {
    local dir=$work/$1
    mkdir -p "$dir"
    printf '"postgres" ""\n' >"$dir/users.txt"
    printf '%s\n' '[databases]' "* = host=$work/$2 port=5432" '[pgbouncer]' "pool_mode = $3" 'default_pool_size = 12' \
        'max_client_conn = 300' 'auth_type = trust' "auth_file = $dir/users.txt" 'listen_port = 6432' \
        "unix_socket_dir = $dir" "logfile = $dir/bouncer.log" 'query_wait_timeout = 30' >"$dir/pgbouncer.ini"
    if [ "$(id -u)" = 0 ]; then
        chown -R postgres "$dir"
        setpriv --reuid=postgres --regid=postgres --clear-groups pgbouncer -q "$dir/pgbouncer.ini" 2>"$dir/err" &
    else
        pgbouncer -q "$dir/pgbouncer.ini" 2>"$dir/err" &
    fi
    bouncers[$1]=$!
    helpers+=("$!")
    until_true 10 "PgBouncer $1 answers" answers "$(pooled "$1")"
}
pooled() { echo "postgresql://postgres@/postgres?host=$work/$1&port=6432"; }
through() { psql -X -q -A -t -v ON_ERROR_STOP=1 -d "$1" -c "$2"; } # no options: PgBouncer refuses them
answers() { [ "$(through "$1" 'SELECT 1' 2>/dev/null)" = 1 ]; }

pg_start
pg_start apart
bouncer front pg transaction
bouncer side apart transaction
front=$(pooled front) side=$(pooled side)

# two replicas start at once on an empty control database, and everything goes through poolers
start one TENANTD_DATABASE_URL="$front"
start two TENANTD_DATABASE_URL="$front"
await_ready one
await_ready two
until_true 5 "the log says that notifications do not come" grep -q 'work is found by polling' "${log[one]}"
sql "INSERT INTO tenantd.server (id, url) VALUES ('apart', '$side')" # there is no call for it yet
tenants_url="postgresql://postgres@/postgres?host=$work/apart"
must 200 GET /v1/servers
is "servers that are reachable" 2 "$(get '[.servers[] | select(.reachable)] | length')"

register_base
must 200 POST /v1/tenants/batch "$(batch 1 60 | jq -c '.items |= map(.server = "apart")')" -H 'Prefer: wait=55'
is "tenants provisioned" succeeded "$(get .state)"
register_steps 0.02 0001_a 0002_b 0003_c
register 0004_d "CREATE TABLE t_0004_d (id int PRIMARY KEY);
INSERT INTO steps (version) VALUES ('0004_d');
SELECT 1 / (CASE current_schema() WHEN 'tenant_t-0007' THEN 0 ELSE 1 END);"
for n in 0001 0007 0023 0042 0060; do
    tenants_sql "CREATE TABLE \"tenant_t-$n\".only_$n ()"
done
start_run
at=two
must 202 POST /v1/migration-runs '{"selector":{"all":true},"on_conflict":"queue"}' # another run over the same, at the other replica
second=$(get .id)
# what is read meanwhile is each tenant's own
for n in 0001 0007 0023 0042 0060; do
    must 200 GET "/v1/tenants/t-$n/migrations"
    is "tenant" "t-$n" "$(get .tenant_id)"
    must 200 GET "/v1/tenants/t-$n/schema/export?format=json"
    is "tables that only one tenant has" "only_$n" "$(grep -o 'only_[0-9]*' <<<"$body" | sort -u | tr '\n' ' ' | sed 's/ $//')"
done
await_job 60
at=one
job_is partial
is "failed" 1 "$(get .progress.failed)"
is "sqlstate" 22012 "$(outcome_of t-0007 sqlstate)"
is "version" 0004_d "$(outcome_of t-0007 version)"
is "line" 3 "$(outcome_of t-0007 line)"
job=$second
await_job 60
applied_once "'{t-0007}'"

# a statement that does not end, and its cancel: the request goes through the pooler, too
register 0005_e "CREATE TABLE t_0005_e (id int PRIMARY KEY); INSERT INTO steps (version) VALUES ('0005_e');
SELECT pg_sleep(CASE current_schema() WHEN 'tenant_t-0003' THEN 600 ELSE 0 END);"
must 202 POST /v1/migration-runs '{"selector":{"ids":["t-0003","t-0004"]}}'
job=$(get .id)
hangs() { [ "$(tenants_sql "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")" = 1 ]; }
until_true 20 "the statement hangs" hangs
must 202 POST "/v1/jobs/$job/cancel" '{}'
await_job 15
job_is cancelled
no_sleep() { ! hangs; }
until_true 5 "the statement is gone from the server" no_sleep

# what runs outside of transactions needs a session of its own: it is refused, and nothing is begun
register 0005_f "CREATE INDEX CONCURRENTLY steps_at ON steps (at);"
must 202 POST /v1/migration-runs '{"selector":{"ids":["t-0009"]}}'
job=$(get .id)
await_job 20
job_is failed
outcome_of t-0009 message | grep -q 'needs a direct connection' || die "not refused: $(outcome_of t-0009 message)"
must 200 GET /v1/migration-status
is "dirty tenants" 0 "$(get .dirty)"
must 204 DELETE /v1/catalogs/tenant/migrations/0005_f

# no session of the poolers keeps anything: neither a path nor a setting, a lock, a prepared statement
for end in "$front" "$side"; do
    for _ in 1 2 3 4 5 6; do
        is "a session's settings" '"$user", public|0|0|0' "$(through "$end" "SELECT current_setting('search_path'),
            current_setting('statement_timeout'), (SELECT count(*) FROM pg_prepared_statements),
            (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory')")"
    done
done

# the poolers go away in the middle of a run, with all their connections, and come back
register 0006_f "CREATE TABLE t_0006_f (id int PRIMARY KEY); INSERT INTO steps (version) VALUES ('0006_f'); SELECT pg_sleep(0.05);"
tenants_sql "CREATE OR REPLACE FUNCTION public.pg_sleep(double precision) RETURNS void LANGUAGE sql AS ''" # 0005_e ends
must 202 POST /v1/migration-runs "$(jq -nc '{selector: {ids: [range(10; 61) | "t-" + ("000" + tostring)[-4:]]}, max_parallel: 4}')"
job=$(get .id)
until_true 20 "some tenants are migrated" some_done 5
for name in side front; do
    kill -KILL "${bouncers[$name]}"
    wait "${bouncers[$name]}" 2>/dev/null || true
    sleep 0.5
    if [ $name = side ]; then bouncer side apart transaction; else bouncer front pg transaction; fi
done
at=two
await_job 60
job_is succeeded
is "tenants migrated" 51 "$(get '.progress | .succeeded + .skipped')"
invariants

# what cannot work says so: a pooler that gives each statement to another session has no transactions
bouncer odd pg statement
start three TENANTD_DATABASE_URL="$(pooled odd)"
until_true 10 "the refusal is told" grep -qiE 'transaction.*statement pooling' "${log[three]}"
kill -TERM "${pid[three]}"
ends_within three 10
is "exit status while waiting" 0 "$(cat "$work/status")"
stop one
stop two
no_internal_errors
