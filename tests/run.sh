#!/bin/sh
# Every test but the benchmarks, from a machine with nothing installed: packages, builds, a throw-away
# PostgreSQL, then the stages below. `tests/run.sh --help` lists them.
set -eu
cd "$(dirname "$0")/.."

stages='build clang asan tsan lint contract exports compat ctl browser fault versions deploy'
usage() {
    cat <<'HELP'
usage: tests/run.sh [stage...]

With no stage all run, in this order:
  build     gcc, release: the daemon and its client
  clang     clang, everything compiles without a warning
  asan      unit, PostgreSQL and API tests under AddressSanitizer and UBSan
  tsan      the concurrent parts under ThreadSanitizer
  lint      layers, headers, banned calls, sizes
  contract  the OpenAPI document, and every reply the API tests saw against it
  exports   exported files through tsc, zod, drizzle-kit, ajv, mermaid and @dbml/core
  compat    the real drizzle tools before and after tenantd on one schema
  ctl       tenantctl against a daemon
  browser   Chromium follows events across origins and through broken connections
  fault     killed and frozen replicas, databases that go away, hostile clients
  versions  PostgreSQL 14, 16, 17 and 18 from npm: the tests that speak to it, and a run that is killed
  deploy    example catalog, image, manifests, unit file

The benchmarks are apart: tests/bench/run.sh. Logs are in build/logs.
HELP
}

[ "${1:-}" != --help ] || { usage; exit 0; }
for stage in "$@"; do
    case " $stages " in
    *" $stage "*) ;;
    *) echo "run.sh: there is no stage $stage" >&2; usage >&2; exit 2 ;;
    esac
done
[ $# -eq 0 ] || stages=$*

root=$PWD logs=$PWD/build/logs
mkdir -p "$logs"
export npm_config_loglevel=error npm_config_fund=false npm_config_audit=false
passed=0 failed=0 failures=

scratch=$(mktemp -d /tmp/tenantd-tests-XXXXXX)
chmod 755 "$scratch"
trap 'tests/support/pg.sh stop "$scratch/pg" || true; rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM

deploy/packages.sh build run test
TENANTD_TEST_DATABASE_URL=$(tests/support/pg.sh start "$scratch/pg")
export TENANTD_TEST_DATABASE_URL

configure() { cmake --preset "$@" >/dev/null; }
npm_install() { (cd "$1" && npm ci); }

stage_build() {
    configure release -DTENANTD_TESTS=ON
    cmake --build --preset release --target tenantd tenantctl
}
stage_clang() { configure clang && cmake --build --preset clang; }
stage_asan() {
    configure asan && cmake --build --preset asan
    rm -f "$logs/exchanges.ndjson"
    TENANTD_EXCHANGE_LOG=$logs/exchanges.ndjson ctest --test-dir build/asan -LE lint --output-on-failure -j 2
}
stage_tsan() {
    configure tsan && cmake --build --preset tsan
    TSAN_OPTIONS=halt_on_error=1:suppressions=$root/tests/tsan.supp ctest --test-dir build/tsan --output-on-failure -j 2 \
        -R 'server|pool|job|runner|catalog|log|metrics|access|apply|kinds|quer'
}
stage_lint() { configure release -DTENANTD_TESTS=ON && ctest --test-dir build/release -L lint --output-on-failure; }
stage_contract() {
    npm_install tests/contract/api
    tests/contract/api/lint.sh
    node tests/contract/api/selftest.mjs
    node tests/contract/api/validate.mjs openapi/openapi.yaml "$logs/exchanges.ndjson" --require-all-operations
    fuzz_contract
}
# Generated calls, right and wrong, at a daemon of their own.
fuzz_contract() {
    dev=$scratch/fuzz
    build/release/tenantd --dev --data-dir "$dev" --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0 2>"$logs/fuzzed.log" &
    daemon=$!
    trap 'kill $daemon 2>/dev/null || true' EXIT
    tries=0
    until grep -q '"event":"ready"' "$logs/fuzzed.log"; do
        tries=$((tries + 1))
        if [ "$tries" -ge 300 ] || ! kill -0 $daemon; then cat "$logs/fuzzed.log"; return 1; fi
        sleep 0.1
    done
    port=$(sed -n 's/.*"event":"ready".*"port":\([0-9]*\).*/\1/p' "$logs/fuzzed.log")
    node tests/contract/api/fuzz.mjs openapi/openapi.yaml "http://127.0.0.1:$port" "$(cat "$dev/admin-token")" 3000
}
stage_exports() {
    npm_install tests/contract
    mkdir -p "$scratch/exports"
    configure release -DTENANTD_TESTS=ON
    cmake --build --preset release --target pg_schema_export unit_scaffold
    TENANTD_EXPORT_DIR=$scratch/exports build/release/pg_schema_export
    TENANTD_EXPORT_DIR=$scratch/exports build/release/unit_scaffold
    (cd tests/contract && node export/check.mjs "$scratch/exports")
    # what drizzle-kit made of the exports, against the schemas they came from
    TENANTD_EXPORT_DIR=$scratch/exports build/release/pg_schema_export
}
stage_compat() {
    npm_install tests/contract/compat
    tests/contract/compat/check.sh
    TENANTD=$root/build/release/tenantd tests/contract/compat/tenantd.sh
}
stage_ctl() { TENANTD=$root/build/release/tenantd TENANTCTL=$root/build/release/tenantctl tests/ctl/check.sh; }
stage_browser() { timeout 300 node tests/browser/check.mjs "$root/build/release/tenantd"; }
stage_fault() { TENANTD=$root/build/release/tenantd tests/fault/run.sh; }
stage_versions() {
    npm_install tests/versions
    configure release -DTENANTD_TESTS=ON
    cmake --build --preset release
    tests/versions/check.sh build/release
}
stage_deploy() {
    npm_install tests/deploy
    TENANTD=$root/build/release/tenantd tests/deploy/check.sh
}

# What the runners say of themselves: CTest's last line, or "N passed, N failed".
count() {
    awk '/tests passed, [0-9]+ tests failed out of [0-9]+/ { bad += $4; good += $NF - $4 }
         /^([A-Za-z]+: )?[0-9]+ passed, [0-9]+ failed/ {
             for (i = 2; i <= NF; i++) { if ($i ~ /^passed/) good += $(i-1); if ($i ~ /^failed/) bad += $(i-1) } }
         END { print good + 0, bad + 0 }' "$1"
}

for stage in $stages; do
    began=$(date +%s)
    printf '%-9s ' "$stage"
    # in the background, since -e does not hold inside a condition
    (set -e; "stage_$stage") >"$logs/$stage.log" 2>&1 &
    if wait $!; then ok=true; else ok=false; fi
    # shellcheck disable=SC2046 # two numbers
    set -- $(count "$logs/$stage.log")
    passed=$((passed + $1)) failed=$((failed + $2))
    if $ok && [ "$2" = 0 ]; then
        [ "$1" != 0 ] || passed=$((passed + 1))
        printf 'ok      %4s passed, %3ss\n' "$1" $(($(date +%s) - began))
    else
        [ "$2" != 0 ] || failed=$((failed + 1))
        failures="$failures $stage"
        printf 'FAILED  %4s passed, %s failed, %ss: build/logs/%s.log\n' "$1" "$2" $(($(date +%s) - began)) "$stage"
        tail -n 60 "$logs/$stage.log" | sed 's/^/    /'
    fi
done

[ -z "$failures" ] || echo "failed stages:$failures"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
