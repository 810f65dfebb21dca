#!/usr/bin/env bash
# a configuration that cannot be used: exit status 2 and every problem at once
. "$(dirname "$0")/lib.sh"

# refused EXPECTED-LINES ARGUMENT...: exit status 2, nothing on standard output
refused() {
    local code=0
    "$tenantd" "$@" >"$work/out" 2>"$work/err" || code=$?
    is "exit status" 2 "$code"
    is "standard output" "" "$(cat "$work/out")"
}
names() {
    local word
    for word; do
        grep -q -- "$word" "$work/err" || die "nothing about $word in: $(cat "$work/err")"
    done
}

refused
names database_url TENANTD_DATABASE_URL

cat >"$work/bad.yaml" <<'YAML'
listen: nowhere
http: {handlers: 0, io_threads: many}
jobs: {lease_ms: 10, wrokers: 3}
migrations: {default_format: prisma}
YAML
TENANTD_POOL_MAX=-1 TENANTD_LOG_LEVEL=loud refused --config "$work/bad.yaml" --jobs-workers=1000
names listen http.handlers http.io_threads jobs.lease_ms wrokers default_format pool.max log_level jobs.workers

# rules between settings are looked at once each of them can be read
cat >"$work/bad.yaml" <<'YAML'
isolation: {schema_name_template: fixed}
server: {max_connections: 5}
metrics: {auth_user: prometheus}
YAML
refused --config "$work/bad.yaml"
names database_url schema_name_template control.pool_max metrics.auth_user

refused --dev
names data_dir
refused --config "$work/none.yaml"
names none.yaml
printf 'http: [\n' >"$work/broken.yaml"
refused --config "$work/broken.yaml"
names broken.yaml
refused --no-such-flag
names no-such-flag
! grep -rq "$token" "$work/err" || die "a secret is shown"

# a token that is none, and a port that is taken: known only at the start
pg_start
start one TENANTD_ADMIN_TOKEN=tnd_mistyped
ends_within one 10
[ "$(cat "$work/status")" != 0 ] || die "a mistyped admin token was taken"
! grep -q 'tnd_mistyped' "${log[one]}" || die "the token is in the log"
up one
admin_port=${admin[one]} start two
ends_within two 10
is "the admin port is taken" 1 "$(cat "$work/status")"
grep -q 'in use' "${log[two]}" || die "the log does not say that the port is in use"
finish
