#!/usr/bin/env bash
# tests/versions/check.sh BUILD-DIR: the tests that speak to PostgreSQL, and one run that is killed on its way, on
# each version that Debian does not have. `npm ci` in this folder fetches them.
set -euo pipefail
build=$(cd "$1" && pwd)
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)
programs='pg_pg pg_control pg_apply pg_kinds pg_job_claim pg_job_store pg_job_runner pg_tracking_read pg_schema_introspect
    pg_schema_export pg_schema_ops pg_tenant_store pg_catalog_store pg_statements pg_query_login'
export TENANTD=${TENANTD:-$build/tenantd}

scratch=$(mktemp -d /tmp/tenantd-versions-XXXXXX)
chmod 755 "$scratch" # PostgreSQL runs as another user when this runs as root
trap 'PG_BIN="$scratch/${version:-}/bin" "$root/tests/support/pg.sh" stop "$scratch/pg" || true; rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
passed=0 failed=0

# run NAME COMMAND...: counts, and says what a failure said
run() {
    local name=$1 began=$SECONDS
    shift
    if "$@" >"$scratch/log" 2>&1; then
        passed=$((passed + 1))
        echo "ok - $name ($((SECONDS - began)) s)"
    else
        failed=$((failed + 1))
        echo "not ok - $name"
        tail -n 40 "$scratch/log"
    fi
}

for folder in node_modules/postgres-*; do
    version=${folder##*-}
    (cd "$folder" && node scripts/hydrate-symlinks.js) # npm may have been told to run no scripts
    cp -a "$folder/native" "$scratch/$version"
    export PG_BIN=$scratch/$version/bin
    TENANTD_TEST_DATABASE_URL=$("$root/tests/support/pg.sh" start "$scratch/pg")
    export TENANTD_TEST_DATABASE_URL
    run "the server is PostgreSQL $version" test "$(psql -X -A -t -d "$TENANTD_TEST_DATABASE_URL" -c 'SHOW server_version_num')" -ge "${version}0000"
    for program in $programs; do
        run "$program on PostgreSQL $version" "$build/$program"
    done
    "$root/tests/support/pg.sh" stop "$scratch/pg"
    run "a killed run on PostgreSQL $version" bash "$root/tests/fault/kill_replica.sh"
    rm -rf "${scratch:?}/pg" "${scratch:?}/$version"
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
