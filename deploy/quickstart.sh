#!/bin/sh
# From a clone to a running tenantd: installs what is missing, builds, starts `tenantd --dev` on a
# PostgreSQL of its own, provisions the tenants of a help desk, rolls one more migration out to them,
# and keeps serving. Every step shows the curl line that does it.
set -eu

usage() {
    cat <<'HELP'
usage: deploy/quickstart.sh [options]

  --once                  stop after the outcome instead of serving
  --data-dir DIR          where the private PostgreSQL lives (default: build/quickstart);
                          starting again on the same DIR finds everything as it was
  --listen HOST:PORT      the API (default: 127.0.0.1:8080)
  --admin-listen HOST:PORT  probes and metrics (default: 127.0.0.1:9090)
  --help                  this text
HELP
}

here=$(cd "$(dirname "$0")/.." && pwd)
once=false data=$here/build/quickstart listen=127.0.0.1:8080 admin=127.0.0.1:9090
while [ $# -gt 0 ]; do
    case $1 in
    --once) once=true ;;
    --data-dir | --listen | --admin-listen)
        [ $# -gt 1 ] || { echo "quickstart.sh: $1 needs a value" >&2; exit 2; }
        case $1 in
        --data-dir) data=$2 ;;
        --listen) listen=$2 ;;
        --admin-listen) admin=$2 ;;
        esac
        shift ;;
    --help) usage; exit 0 ;;
    *) echo "quickstart.sh: there is no option $1" >&2; usage >&2; exit 2 ;;
    esac
    shift
done

cd "$here"
step() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
die() { echo "quickstart.sh: $*" >&2; [ ! -f "$data/tenantd.log" ] || tail -n 5 "$data/tenantd.log" >&2; exit 1; }

step "Packages"
deploy/packages.sh build run
echo "all there"

step "Build"
cmake --preset release -DTENANTD_TESTS=OFF >/dev/null
cmake --build --preset release --target tenantd tenantctl | tail -n 1

step "Start: tenantd --dev with a PostgreSQL of its own in $data"
mkdir -p "$data"
build/release/tenantd --dev --data-dir "$data" --listen "$listen" --admin-listen "$admin" \
    2>>"$data/tenantd.log" &
pid=$!
trap 'kill "$pid" 2>/dev/null && wait "$pid" || true' EXIT
trap 'exit 130' INT TERM
tries=0
until [ "$(curl -s -o /dev/null -w '%{http_code}' "http://$admin/readyz" || true)" = 200 ]; do
    kill -0 "$pid" 2>/dev/null || die "tenantd stopped, see $data/tenantd.log"
    tries=$((tries + 1))
    [ "$tries" -lt 600 ] || die "tenantd is not ready after a minute, see $data/tenantd.log"
    sleep 0.1
done
echo "ready: API on http://$listen, probes and metrics on http://$admin, log in $data/tenantd.log"

api=http://$listen
token=$(cat "$data/admin-token")
cat <<HELP

The calls below use these two:
  API=$api
  TOKEN=\$(cat $data/admin-token)
HELP

# Shows the curl line of a call, makes it, and leaves the body in \$body. The first word is the path;
# the rest is curl's own, with the body on standard input where it says so.
body=$data/reply.json
call() {
    path=$1
    shift
    printf '\n$ curl -H "Authorization: Bearer $TOKEN"'
    for word in "$@"; do
        case $word in
        *[!A-Za-z0-9_@./:=-]*) printf " '%s'" "$word" ;;
        *) printf ' %s' "$word" ;;
        esac
    done
    printf ' "$API%s"\n' "$path"
    status=$(curl -sS -o "$body" -w '%{http_code}' -H "Authorization: Bearer $token" "$@" "$api$path") ||
        die "no answer to $path"
    case $status in
    2*) ;;
    *) echo "$status"; cat "$body"; echo; die "$path was refused" ;;
    esac
}
json='Content-Type: application/json'

step "Register the example's migrations (drizzle-kit folders, as they are)"
for catalog in shared tenant; do
    tar -cz -C deploy/example -f "$data/$catalog.tar.gz" "$catalog"
    call "/v1/catalogs/$catalog/bundles" -H 'Content-Type: application/gzip' --data-binary "@$data/$catalog.tar.gz"
    jq -r '"\(.catalog): \(.added | length) added, \(.unchanged) unchanged"' "$body"
done

step "Bring the shared schema up to date"
call /v1/shared/migrate -X POST -H 'Prefer: wait=30' -H "$json" -d '{}'
jq -r '"job \(.id): \(.state)"' "$body"

step "Provision five tenants in one call"
call '/v1/tenants?id_prefix=acme'
if [ "$(jq '.tenants | length' "$body")" = 0 ]; then
    call /v1/tenants/batch -X POST -H 'Prefer: wait=50' -H "$json" -d '{"items":[
  {"id":"acme","labels":{"plan":"pro"}}, {"id":"globex","labels":{"plan":"pro"}},
  {"id":"initech","labels":{"plan":"free"}}, {"id":"umbrella","labels":{"plan":"free"}},
  {"id":"hooli","labels":{"plan":"enterprise"}}]}'
    jq -r '"job \(.id): \(.state), \(.progress.succeeded) of \(.progress.total) tenants, \(.rate_per_second // 0 | floor) a second"' "$body"
else
    echo "they are there already"
fi
call /v1/tenants
jq -r '.tenants[] | "  \(.id)\t\(.state)\t\(.schema)\tat \(.migration.head)"' "$body"

step "Seed the shared schema, then all tenants"
for seed in 'shared?scope=shared&mode=always' tenant; do
    call "/v1/seeds/$seed" -X PUT -H 'Content-Type: application/sql' --data-binary "@deploy/example/seeds/${seed%%\?*}.sql"
    jq -r '"seed \(.name) for scope \(.scope), \(.mode); variables: \(.variables | join(", "))"' "$body"
done
call /v1/seeds/tenant/apply -X POST -H 'Prefer: wait=50' -H "$json" -d '{"selector":{"all":true},"include_shared":true}'
jq -r '"job \(.id): \(.state), \(.progress.succeeded) seeded, \(.progress.skipped) had them already"' "$body"
database=$(cat "$data/database-url")

step "One more migration: register it, look at what it would do, roll it out"
version=$(basename deploy/example/next/*.sql .sql)
call "/v1/catalogs/tenant/migrations/$version" -X PUT -H 'Content-Type: application/sql' --data-binary "@deploy/example/next/$version.sql"
jq -r '"\(.version): \(.statements) statements, sha256 \(.sha256[0:12])…"' "$body"
call '/v1/migration-runs?dry_run=true' -X POST -H "$json" -d '{"selector":{"all":true}}'
jq -r '"\(.tenants) tenants, \(.noop) with nothing to do; \(.cohorts | length) cohort(s):", (.cohorts[] | "  \(.tenants) at \(.head): \(.pending | join(", "))")' "$body"
call /v1/migration-runs -X POST -H 'Prefer: wait=50' -H "$json" -d '{"selector":{"all":true},"include_shared":true}'
run=$(jq -r .id "$body")
jq -r '"run \(.id): \(.state), \(.progress.succeeded) migrated, \(.progress.skipped) had nothing to do, \(.progress.failed) failed"' "$body"
call "/v1/migration-runs/$run/tasks"
jq -r '.tasks[] | "  \(.tenant_id // "shared")\t\(.state)\t\(.outcome.duration_ms // 0) ms"' "$body"
call /v1/migration-status
jq -r '"fleet: \(.ok) of \(.tenants) tenants at \(.head)"' "$body"

step "What a tenant looks like"
call '/v1/tenants/acme/schema/export?format=typescript'
sed -n '1,12p' "$body"

cat <<HELP

Where to look next
  $api/openapi.json                 every operation, error and example
  http://$admin/metrics              figures for Prometheus
  http://$admin/readyz?verbose       probes
  psql "$database"
  tail -f $data/tenantd.log
HELP

if $once; then
    kill "$pid"
    trap - EXIT
    wait "$pid" || die "tenantd ended with status $?"
    echo "stopped, as asked with --once; everything is kept in $data"
    exit 0
fi
echo
echo "serving until Ctrl-C"
trap 'kill "$pid" 2>/dev/null; wait "$pid" || true; trap - EXIT; exit 0' INT TERM
wait "$pid" || die "tenantd ended with status $?"
