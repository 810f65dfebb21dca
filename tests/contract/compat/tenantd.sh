#!/usr/bin/env bash
# tenantd and the real drizzle tools take turns on the same schemas. Wants `npm ci` to have run here; TENANTD
# names the daemon. Every case has a database and a replica of its own.
. "$(dirname "${BASH_SOURCE[0]}")/../../fault/lib.sh"
cd "$(dirname "${BASH_SOURCE[0]}")"
[ -d node_modules ] || die "run npm ci in tests/contract/compat first"

example=$root/deploy/example
base=$example/tenant next=$work/next v1=$work/v1 v1_next=$work/v1-next
head=0009_ticket_satisfaction

# run SCRIPT ARGUMENT...: leaves its JSON in $body
run() {
    body=$(node "$@" 2>"$work/node.txt") || die "$1: $(cat "$work/node.txt") $(jq -c '.tenants // .' <<<"$body" 2>/dev/null)"
}
bundle() { # FOLDER ADDED: registers what is in a folder
    tar -cz -C "$1" -f "$work/bundle.tar.gz" .
    call POST /v1/catalogs/tenant/bundles '' -H 'Content-Type: application/gzip' --data-binary "@$work/bundle.tar.gz"
    [[ $status = 20[01] ]] || die "bundle: $status $body"
    is "migrations added" "$2" "$(get '.added | length')"
}
import() { # COUNT: adopts what the other tools made
    must 200 POST /v1/tenants/import '{}' -H 'Prefer: wait=30'
    is "import" "succeeded $1" "$(get '[.state, .progress.succeeded] | join(" ")')"
}
# tenant_is ID FORMAT APPLIED PENDING: what tenantd reads in the tenant's own table now
tenant_is() {
    must 200 GET "/v1/tenants/$1/migrations"
    is "$1" "$2 $3 applied, $4 pending, 0 orphaned, 0 modified" \
        "$(get '"\(.format) \(.applied) applied, \(.pending) pending, \(.orphaned) orphaned, \(.modified) modified"')"
}
migrate_all() { # SUCCEEDED SKIPPED
    must 200 POST /v1/migration-runs '{"selector":{"all":true}}' -H 'Prefer: wait=50'
    is "run" "succeeded $1 $2" "$(get '[.state, .progress.succeeded, .progress.skipped] | join(" ")')"
}
# seed_is_done FORMAT TENANT...: drizzle-multitenant counts everything as applied and finds nothing to do
seed_is_done() {
    local format=$1
    shift
    run seed-status.mjs "$url" "$next" auto "$@"
    is "formats" "$format" "$(get '[.tenants[].format] | unique | join(" ")')"
    is "pending and orphans" 0 "$(get '[.tenants[] | (.pending + .orphans)[]] | length')"
    is "in sync" true "$(get '[.tenants[].in_sync] | all')"
    run seed-migrate.mjs "$url" "$next" auto "$@"
    is "migrated again" 0 "$(get '[.tenants[].applied[]] | length')"
}

seed_begins() { # FORMAT
    run seed-migrate.mjs "$url" "$base" "$1" a b
    up one
    bundle "$base" 9
    import 2
    tenant_is a "$1" 9 0
    must 200 GET /v1/tenants/a
    is "registry" "active ok $1" "$(get '[.state, .migration.status, .migration.format] | join(" ")')"
    migrate_all 0 2
    bundle "$next" 1
    tenant_is a "$1" 9 1
    migrate_all 2 0
    tenant_is a "$1" 10 0
    seed_is_done "$1" a b
}
seed_continues() { # FORMAT
    up one TENANTD_MIGRATIONS_DEFAULT_FORMAT="$1"
    bundle "$base" 9
    must 200 POST /v1/tenants/batch '{"items":[{"id":"a"},{"id":"b"}]}' -H 'Prefer: wait=30'
    is "provisioned" succeeded "$(get .state)"
    tenant_is a "$1" 9 0
    run seed-migrate.mjs "$url" "$next" auto a b
    is "the seed applies" "$head $head" "$(get '[.tenants[].applied[]] | join(" ")')"
    bundle "$next" 1
    tenant_is a "$1" 10 0
    migrate_all 0 2 # the registry did not know; each table is read again, and nothing is done
    must 200 GET /v1/migration-status
    is "up to date" 2 "$(get .ok)"
    seed_is_done "$1" a b
}

# orm TENANT FOLDER ROWS: drizzle-orm's own migrator; the tracking table then has so many rows
orm() {
    run "$migrator" "$url" "tenant_$1" "$2"
    is "rows that drizzle-orm tracks in $1" "$3" "$(get '.tracked | length')"
}
orm_begins() { # FORMAT BASE NEXT
    orm a "$2" 9
    up one
    bundle "$2" 9
    import 1
    tenant_is a "$1" 9 0
    bundle "$3" 1
    migrate_all 1 0
    tenant_is a "$1" 10 0
    orm a "$3" 10
    is "hashes" 10 "$(get '[.tracked[].hash] | unique | length')"
    is "the column of 0009 is there once" 1 "$(sql "SELECT count(*) FROM information_schema.columns
        WHERE table_schema = 'tenant_a' AND table_name = 'tickets' AND column_name LIKE 'satisfaction'")"
}
orm_continues() { # FORMAT BASE NEXT
    up one TENANTD_MIGRATIONS_DEFAULT_FORMAT="$1"
    bundle "$2" 9
    must 200 POST /v1/tenants '{"id":"a"}' -H 'Prefer: wait=30'
    is "provisioned" succeeded "$(get .state)"
    orm a "$2" 9
    orm a "$3" 10
    bundle "$3" 1
    tenant_is a "$1" 10 0
    migrate_all 0 1
    orm a "$3" 10
}
# A migration that came by itself has no time of a journal: drizzle-orm must still not apply it again.
orm_after_single() {
    orm a "$base" 9
    up one
    bundle "$base" 9
    import 1
    register "$head" "$(cat "$next/$head.sql")
" # the file ends in the line feed that $( ) takes
    migrate_all 1 0
    tenant_is a drizzle-kit 10 0
    orm a "$next" 10
}
# drizzle-orm 1.0 upgrades a table of 0.45 that tenantd wrote, and tenantd goes on with it.
orm_upgrades() {
    up one TENANTD_MIGRATIONS_DEFAULT_FORMAT=drizzle-kit
    bundle "$v1" 9
    must 200 POST /v1/tenants '{"id":"a"}' -H 'Prefer: wait=30'
    tenant_is a drizzle-kit 9 0
    orm a "$v1" 9
    tenant_is a drizzle-kit-v1 9 0
    bundle "$v1_next" 1
    migrate_all 1 0
    tenant_is a drizzle-kit-v1 10 0
    orm a "$v1_next" 10
}

# convert TENANT BODY FORMAT APPLIED: a conversion, and what the table says after it
convert() {
    must 200 POST "/v1/tenants/$1/migrations/convert" "$2" -H 'Prefer: wait=30'
    is "conversion of $1" "succeeded 1" "$(get '[.state, .progress.succeeded] | join(" ")')"
    tenant_is "$1" "$3" "$4" 0
}
# drizzle-multitenant finds every format that it knows, and nothing to do in it.
seed_converted() {
    run seed-migrate.mjs "$url" "$next" name a b
    up one
    bundle "$next" 10
    import 2
    for format in hash drizzle-kit name; do
        must 200 POST /v1/migration-format-conversions "{\"selector\":{\"all\":true},\"to\":\"$format\"}" -H 'Prefer: wait=30'
        is "conversion" "succeeded 2" "$(get '[.state, .progress.succeeded] | join(" ")')"
        seed_is_done "$format" a b
    done
}
# What drizzle-multitenant began goes on with drizzle-orm 0.45, and back.
orm_takes_over() {
    run seed-migrate.mjs "$url" "$base" name a
    up one
    bundle "$base" 9
    import 1
    convert a '{"to":"drizzle-kit"}' drizzle-kit 9
    orm a "$base" 9
    orm a "$next" 10
    bundle "$next" 1
    tenant_is a drizzle-kit 10 0
    convert a '{"restore":true}' name 10
    seed_is_done name a
    convert a '{"to":"drizzle-kit","keep_backup":false}' drizzle-kit 10
    orm a "$next" 10
}
# drizzle-orm 1.0 goes on in what was made for it, and upgrades what was made for 0.45.
orm_v1_takes_over() {
    up one
    bundle "$v1" 9
    must 200 POST /v1/tenants '{"id":"a"}' -H 'Prefer: wait=30'
    tenant_is a name 9 0
    convert a '{"to":"drizzle-kit-v1"}' drizzle-kit-v1 9
    orm a "$v1" 9
    orm a "$v1_next" 10
    bundle "$v1_next" 1
    tenant_is a drizzle-kit-v1 10 0
    convert a '{"to":"drizzle-kit"}' drizzle-kit 10
    orm a "$v1_next" 10
    tenant_is a drizzle-kit-v1 10 0
    convert a '{"to":"name"}' name 10
    migrate_all 0 1
}
# What drizzle-multitenant calls missing and orphaned is what a sync is about.
seed_synced() {
    run seed-migrate.mjs "$url" "$next" name a b
    sql "UPDATE tenant_a.__drizzle_migrations SET name = '0005_gone' WHERE name LIKE '0004%'"
    up one
    bundle "$next" 10
    import 2
    run seed-status.mjs "$url" "$next" auto a
    local pending orphans
    pending=$(get '.tenants[0].pending | join(" ")') orphans=$(get '.tenants[0].orphans | join(" ")')
    must 200 GET /v1/tenants/a/migrations/sync
    is "missing" "$pending" "$(get '.missing | join(" ")')"
    is "orphaned" "$orphans" "$(get '.orphaned | join(" ")')"
    must 200 POST /v1/migration-syncs '{"selector":{"all":true},"clean_orphans":true,"mark_missing":true}' -H 'Prefer: wait=30'
    is "sync" "succeeded 1 1" "$(get '[.state, .progress.succeeded, .progress.skipped] | join(" ")')"
    seed_is_done name a b
}

passed=0 failed=0 cases=0
# try WHAT FUNCTION ARGUMENT...: the case in a process, a database and a replica of its own
try() {
    local what=$1 ok=true
    shift
    cases=$((cases + 1)) starts=$((cases * 10)) # each has logs of its own
    sql "CREATE DATABASE case_$cases" >/dev/null
    (
        url="postgresql://postgres@/case_$cases?host=$work/pg"
        trap 'kill "${pid[one]:-}" 2>/dev/null && wait "${pid[one]}"' EXIT
        cat "$example"/shared/*.sql | psql -X -q -v ON_ERROR_STOP=1 -d "$url" >/dev/null
        "$@"
        all_settled
        stop one
        trap - EXIT
    ) >"$work/case.txt" 2>&1 &
    wait $! || ok=false
    if $ok; then
        passed=$((passed + 1))
        echo "ok - $what"
    else
        failed=$((failed + 1))
        echo "not ok - $what"
        cat "$work/case.txt"
    fi
}

pg_start
mkdir -p "$next"
cp -r "$base/." "$example/next/." "$next/"
run to-v1-folder.mjs "$base" "$v1"
run to-v1-folder.mjs "$next" "$v1_next"

for format in name hash drizzle-kit; do
    try "drizzle-multitenant begins in format $format, tenantd imports and continues" seed_begins "$format"
    try "tenantd begins in format $format, drizzle-multitenant continues" seed_continues "$format"
done
migrator=drizzle-kit-migrate.mjs
try "drizzle-orm 0.45 begins, tenantd continues" orm_begins drizzle-kit "$base" "$next"
try "tenantd begins, drizzle-orm 0.45 continues" orm_continues drizzle-kit "$base" "$next"
try "drizzle-orm 0.45 does not repeat a migration that tenantd got by itself" orm_after_single
migrator=drizzle-kit-v1-migrate.mjs
try "drizzle-orm 1.0 begins, tenantd continues" orm_begins drizzle-kit-v1 "$v1" "$v1_next"
try "tenantd begins, drizzle-orm 1.0 continues" orm_continues drizzle-kit-v1 "$v1" "$v1_next"
try "drizzle-orm 1.0 upgrades what tenantd wrote for 0.45, tenantd continues" orm_upgrades

try "drizzle-multitenant finds every format that tenantd converts to" seed_converted
try "what tenantd syncs is in sync for drizzle-multitenant" seed_synced
migrator=drizzle-kit-migrate.mjs
try "drizzle-orm 0.45 takes over from drizzle-multitenant, and gives back" orm_takes_over
migrator=drizzle-kit-v1-migrate.mjs
try "drizzle-orm 1.0 takes over what tenantd began, and upgrades what it converts" orm_v1_takes_over

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
