#!/bin/sh
# Measures tenantd against a bare libpq loop and drizzle-multitenant on one PostgreSQL with durability
# on, and what it takes to hold and serve large fleets. Prints a table; README.md keeps the last one.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

usage() {
    cat <<'HELP'
usage: tests/bench/run.sh [options]

  --rounds N        how often the contenders take turns (default: 3)
  --tenants N       tenants they provision and migrate (default: 500)
  --fleet N         tenants of the ADD COLUMN runs and the reads (default: 2000)
  --registered N    tenants for the memory, the idle runs and the status (default: 10000)
  --schemas N       tenants that the fleet grows to (default: 20000)
  --only PARTS      of turns,fleet,memory,growth,warm,baseline,drift,clone (default: all, separated by commas)
  --write           put the table into README.md
  --keep            keep the working directory with the logs

Exit status 1 when a target is missed.
HELP
}

keep=false arguments=$* rest=
while [ $# -gt 0 ]; do
    case $1 in
    --help) usage; exit 0 ;;
    --keep) keep=true ;;
    --write) rest="$rest $1" ;;
    --rounds | --tenants | --fleet | --registered | --schemas | --only)
        [ $# -gt 1 ] || { echo "run.sh: $1 needs a value" >&2; exit 2; }
        rest="$rest $1 $2"
        shift ;;
    *) echo "run.sh: there is no option $1" >&2; usage >&2; exit 2 ;;
    esac
    shift
done

cd "$root"
cmake --preset release >/dev/null
cmake --build --preset release --target tenantd bench_bare | tail -n 1
[ -d tests/contract/compat/node_modules ] || (cd tests/contract/compat && npm ci --no-audit --no-fund)

work=$(mktemp -d)
chmod 755 "$work" # PostgreSQL runs as another user when this runs as root
cleanup() {
    tests/support/pg.sh stop "$work/pg"
    if $keep; then echo "kept: $work"; else rm -rf "$work"; fi
}
trap cleanup EXIT
trap 'exit 130' INT TERM
# fsync, full_page_writes and synchronous_commit stay on; sized as a small server would be
PG_OPTIONS='-c shared_buffers=512MB -c max_wal_size=4GB -c checkpoint_timeout=15min' \
    tests/support/pg.sh start "$work/pg" >"$work/url"
# shellcheck disable=SC2086 # options are words
node "$here/bench.mjs" --work "$work" --command "tests/bench/run.sh $arguments" $rest
