# shellcheck shell=bash
# What every fault works with: a PostgreSQL of its own, tenantd processes by name, calls, deadlines and
# the invariants. Sourced first; whatever happens, all that was started here is stopped at the exit.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
tenantd=${TENANTD:-$root/build/release/tenantd}
pg_sh=$root/tests/support/pg.sh
# a sanitizer's build is several times slower: every limit of time grows with it
slow=${FAULT_SLOW:-1}

work=$(mktemp -d /tmp/tenantd-fault-XXXXXX)
chmod 755 "$work" # PostgreSQL runs as another user when this runs as root
fault_owner=$BASHPID
declare -A pid=() port=() admin=() log=()
starts=0
helpers=()
url="postgresql://postgres@/postgres?host=$work/pg" # of the control schema
tenants_url=$url                                    # of the tenants, where they are apart

say() { printf '  %s\n' "$*"; }
die() {
    printf '  FAILED: %s\n' "$*"
    exit 1
}

# Stops what this fault started, by pid, and says what the daemons said when it failed.
fault_end() {
    local status=$? name
    [ "$BASHPID" = "$fault_owner" ] || return "$status"
    trap - EXIT
    for name in "${!pid[@]}"; do
        kill -CONT "${pid[$name]}" 2>/dev/null || true
        kill -KILL "${pid[$name]}" 2>/dev/null || true
    done
    for name in "${helpers[@]}"; do
        kill -CONT "$name" 2>/dev/null || true
        kill "$name" 2>/dev/null || true
    done
    wait 2>/dev/null || true
    if [ "$status" != 0 ]; then
        # shellcheck disable=SC2012 # names of our own
        ls -t "$work"/*.log 2>/dev/null | head -n 6 | while read -r name; do
            echo "  -- $(basename "$name")"
            grep -v '"event":"request"' "$name" | tail -n 25 | sed 's/^/  /' || true
        done
    fi
    sanitizer_reports || status=1
    for name in "$work"/*/server.log; do
        [ ! -f "$name" ] || "$pg_sh" stop "$(dirname "$name")"
    done
    if [ "${FAULT_KEEP:-}" ]; then
        echo "  kept: $work"
    else
        rm -rf "$work"
    fi
    exit "$status"
}
trap fault_end EXIT
trap 'exit 130' INT TERM

# A daemon built with a sanitizer says what it saw on its standard error.
sanitizer_reports() {
    ! grep -lE 'ERROR: (Address|Leak)Sanitizer|WARNING: ThreadSanitizer|runtime error:' "$work"/*.log 2>/dev/null ||
        { grep -hE -A 25 'ERROR: (Address|Leak)Sanitizer|WARNING: ThreadSanitizer|runtime error:' "$work"/*.log | head -n 80; return 1; }
}

now_ms() { date +%s%3N; }

# until_true SECONDS WHAT COMMAND...: polls until the command succeeds.
until_true() {
    local limit=$(($(now_ms) + $1 * slow * 1000)) what=$2
    shift 2
    until "$@"; do
        [ "$(now_ms)" -lt "$limit" ] || die "in time: $what"
        sleep 0.05
    done
}

is() { # WHAT EXPECTED GOT
    [ "$2" = "$3" ] || die "$1: expected $2, got $3"
}
at_most() { # WHAT LIMIT GOT
    [ "$3" -le "$2" ] || die "$1: $3 is more than $2"
}
at_least() { # WHAT LIMIT GOT
    [ "$3" -ge "$2" ] || die "$1: $3 is less than $2"
}

# --- PostgreSQL

# pg_start [NAME]: a server in $work/NAME, with what the invariants need
pg_start() {
    "$pg_sh" start "$work/${1:-pg}" >/dev/null
    watch "postgresql://postgres@/postgres?host=$work/${1:-pg}"
}
watch() { psql_at "$1" -f "$root/tests/fault/invariants.sql"; }
pg_stop() { "$pg_sh" stop "$work/${1:-pg}"; }
psql_at() { # URL [psql options]
    PGOPTIONS='-c client_min_messages=warning' psql -X -q -A -t -v ON_ERROR_STOP=1 -d "$@"
}
sql() { psql_at "$url" -c "$1"; }
tenants_sql() { psql_at "$tenants_url" -c "$1"; }
sql_is() { [ "$(sql "$2")" = "$1" ]; }
sql_at_least() { [ "$(sql "$2")" -ge "$1" ]; }

# --- tenantd

# An API token: tnd_ID_SECRET and the CRC-32 of all that, which gzip ends with.
make_token() {
    local text
    text=tnd_0123456789abcdef_$(printf '%048d' 7)
    printf '%s%s' "$text" "$(printf %s "$text" | gzip -c | tail -c 8 | od -An -tx4 -N4 | tr -d ' ')"
}
token=$(make_token)

# start NAME [VARIABLE=VALUE...]: starts a replica without waiting for it.
start() {
    local name=$1
    shift
    starts=$((starts + 1))
    log[$name]=$work/$name-$starts.log
    env TENANTD_DATABASE_URL="$url" TENANTD_ADMIN_TOKEN="$token" TENANTD_JOBS_LEASE_MS=3000 \
        TENANTD_MIGRATIONS_MAX_PARALLEL=8 "$@" "$tenantd" --listen 127.0.0.1:0 \
        --admin-listen "127.0.0.1:${admin_port:-0}" 2>"${log[$name]}" &
    pid[$name]=$!
}

is_running() { kill -0 "${pid[$1]}" 2>/dev/null; }

find_ports() {
    is_running "$1" || die "$1 stopped at its start"
    local ready
    ready=$(grep "\"event\":\"ready\"" "${log[$1]}" 2>/dev/null) || return 1
    port[$1]=$(jq -r .port <<<"$ready")
    admin[$1]=$(jq -r .admin_port <<<"$ready")
}

await_ready() { until_true "${2:-20}" "$1 is ready" find_ports "$1"; }

# up NAME [VARIABLE=VALUE...]: starts a replica and waits until it serves.
up() {
    start "$@"
    await_ready "$1"
}

# The exit status of a replica that was told to end, within SECONDS.
ends_within() { # NAME SECONDS
    local limit=$(($(now_ms) + $2 * slow * 1000)) status=0
    while is_running "$1"; do
        [ "$(now_ms)" -lt "$limit" ] || die "$1 has not ended within $2 s"
        sleep 0.02
    done
    wait "${pid[$1]}" || status=$?
    unset "pid[$1]"
    echo "$status" >"$work/status"
}
stop() { # NAME [SECONDS]
    kill -TERM "${pid[$1]}"
    ends_within "$1" "${2:-20}"
    is "exit status of $1 after SIGTERM" 0 "$(cat "$work/status")"
}
murder() { # NAME: as a crash does
    kill -KILL "${pid[$1]}"
    wait "${pid[$1]}" 2>/dev/null || true
    unset "pid[$1]"
}

# --- calls

at=one # the replica that calls go to
status='' body=''

# call METHOD PATH [JSON] [curl options]: leaves $status ("000": no answer) and $body.
call() {
    local method=$1 path=$2 data=${3:-} out
    shift $(($# < 3 ? $# : 3))
    [ -z "$data" ] || set -- -H 'Content-Type: application/json' --data-binary "$data" "$@"
    out=$(curl -s --max-time 75 -w '\n%{http_code}' -X "$method" -H "Authorization: Bearer $token" "$@" \
        "http://127.0.0.1:${port[$at]}$path") || true
    status=${out##*$'\n'} body=${out%$'\n'*}
}
# must STATUS METHOD PATH [JSON] [curl options]
must() {
    local wanted=$1
    shift
    call "$@"
    [ "$status" = "$wanted" ] || die "$1 $2: expected $wanted, got $status $body"
}
get() { jq -r "$1" <<<"$body"; }

register() { # VERSION SQL
    must 201 PUT "/v1/catalogs/tenant/migrations/$1" '' -H 'Content-Type: application/sql' --data-binary "$2"
}

# The base of every tenant: a table that remembers each migration that ran, as often as it ran.
register_base() {
    register 0000_base 'CREATE TABLE steps (version text NOT NULL, at timestamptz DEFAULT clock_timestamp());
INSERT INTO steps (version) VALUES ($$0000_base$$);'
}
# register_steps SECONDS VERSION...: each makes a table, remembers itself and takes its time.
register_steps() {
    local seconds=$1 version
    shift
    for version in "$@"; do
        register "$version" "CREATE TABLE t_$version (id int PRIMARY KEY);
INSERT INTO steps (version) VALUES ('$version');
SELECT pg_sleep($seconds);"
    done
}

batch() { # FROM TO: the body of a batch of tenants t-0001…
    jq -nc --argjson from "$1" --argjson to "$2" \
        '{items: [range($from; $to + 1) | {id: ("t-" + ("000" + tostring)[-4:]), labels: {half: (if . % 2 == 0 then "even" else "odd" end)}}],
          max_parallel: 8}'
}
make_tenants() { # COUNT
    must 200 POST /v1/tenants/batch "$(batch 1 "$1")" -H 'Prefer: wait=55'
    is "tenants provisioned" succeeded "$(get .state)"
}

job='' # the job that was started last
start_run() { # JSON members besides the selector, "" for none
    must 202 POST /v1/migration-runs "{\"selector\":{\"all\":true},\"max_parallel\":8${1:+,$1}}"
    job=$(get .id)
}
tasks_done() { sql "SELECT count(*) FROM tenantd.task WHERE job_id = '$job' AND state NOT IN ('queued', 'running')"; }
some_done() { [ "$(tasks_done)" -ge "$1" ]; }
job_ended() { sql_is t "SELECT finished_at IS NOT NULL FROM tenantd.job WHERE id = '$job'"; }
await_job() { until_true "$1" "job $job ends" job_ended; }
job_is() { # STATE
    must 200 GET "/v1/jobs/$job"
    [ "$(get .state)" = "$1" ] || die "job: expected $1, got $(get .state): $(get '{progress, failures: .failures[0:3]} | tojson')"
}
outcome_of() { sql "SELECT outcome ->> '$2' FROM tenantd.task WHERE job_id = '$job' AND tenant_id = '$1'"; }
task_state() { sql "SELECT state FROM tenantd.task WHERE job_id = '$job' AND tenant_id = '$1'"; }

# --- invariants

spoiled="'{}'" # an SQL array of the tenants that the fault itself damaged

# A query for what audit.violations() is told of the catalog and of the tenants.
known_sql() {
    cat <<SQL
SELECT json_build_object('catalog', (SELECT coalesce(json_agg(json_build_object('version', version,
        'row', strpos(body, 'INSERT INTO steps') > 0, 'table', strpos(body, 'CREATE TABLE t_' || version) > 0)
        ORDER BY version), '[]') FROM (SELECT version, convert_from(sql, 'UTF8') AS body
          FROM tenantd.migration WHERE catalog = 'tenant') m),
    'tenants', (SELECT coalesce(json_agg(json_build_object('id', t.id, 'schema', schema_name, 'state', state,
        'known', coalesce((SELECT jsonb_agg(r -> 0 ORDER BY n)
          FROM jsonb_array_elements(s.content -> 'rows') WITH ORDINALITY AS e(r, n)), '[]'))), '[]')
      FROM tenantd.tenant t LEFT JOIN tenantd.applied_set s ON s.id = t.applied_set
     WHERE NOT t.id = ANY ($spoiled)))
SQL
}
# What every tenant has is a prefix of the catalog, its objects are those of that prefix and no others, and
# the registry believes no more than that.
prefixes_hold() {
    sql "$(known_sql)" >"$work/known.json"
    psql_at "$tenants_url" >"$work/violations" <<SQL
\\set known \`cat "$work/known.json"\`
SELECT * FROM audit.violations((:'known')::jsonb -> 'catalog', (:'known')::jsonb -> 'tenants')
SQL
    [ ! -s "$work/violations" ] || die "$(head -n 5 "$work/violations")"
}
one_writer_each() {
    ! grep -hF 'two writers in' "$work"/*/server.log >"$work/violations" || die "$(head -n 5 "$work/violations")"
}

# Every tenant has every version of the catalog: so its schema says, and so the registry.
# applied_once EXCEPT: an SQL array of ids that are looked at apart
applied_once() {
    prefixes_hold
    is "tenants that are not at the head" 0 "$(jq --argjson except "$(sql "SELECT to_json(${1:-"'{}'"}::text[])")" \
        '(.catalog | length) as $head | [.tenants[] | select((.known | length) < $head and (.id | IN($except[]) | not))] | length' \
        "$work/known.json")"
    is "tenants in other states" 0 "$(sql "SELECT count(*) FROM tenantd.tenant
        WHERE state NOT IN ('active', 'suspended') AND NOT id = ANY (${1:-"'{}'"}::text[])")"
    [ $# = 0 ] || return 0
    must 200 GET /v1/migration-status
    is "tenants that the registry knows to be up to date" "$(get .tenants)" "$(get .ok)"
}

# Nothing is left of work: every job has ended, no task is anybody's, no lock is held for a schema.
all_settled() {
    is "jobs that have not ended" 0 "$(sql "SELECT count(*) FROM tenantd.job WHERE finished_at IS NULL")"
    is "tasks that have not ended" 0 "$(sql "SELECT count(*) FROM tenantd.task WHERE state IN ('queued', 'running')")"
    is "progress that does not match the tasks" 0 "$(sql "SELECT count(*) FROM tenantd.job j,
        LATERAL (SELECT count(*) AS n FROM tenantd.task t WHERE t.job_id = j.id AND t.state = 'succeeded') s
        WHERE (j.progress ->> 'succeeded')::int <> s.n")"
    is "advisory locks" 0 "$(sql "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")"
    is "advisory locks beside the tenants" 0 "$(tenants_sql "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")"
}
# Schemas and registry agree.
no_orphans() {
    is "schemas without a tenant, tenants without a schema" 0 "$(sql "SELECT count(*) FROM tenantd.tenant n
        FULL JOIN (SELECT nspname FROM pg_namespace WHERE nspname LIKE 'tenant\\_%') s ON s.nspname = n.schema_name
        WHERE n.id IS NULL OR s.nspname IS NULL")"
}
connections() { sql "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'tenantd%'"; }
no_connections() { [ "$(connections)" = 0 ]; }
# No replica called anything an internal error.
no_internal_errors() {
    ! grep -hE '"code":"INTERNAL"' "$work"/*.log || die "a replica reported an internal error"
}

# What holds after every fault, whatever became of the work.
invariants() {
    all_settled
    prefixes_hold
    one_writer_each
}

# How every fault ends: invariants, an orderly stop, nothing left behind.
finish() {
    local name
    invariants
    for name in "${!pid[@]}"; do
        stop "$name"
    done
    until_true 5 "every connection is closed" no_connections
    no_internal_errors
}
