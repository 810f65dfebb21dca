#!/usr/bin/env bash
# the sessions of a run are terminated again and again: it succeeds, and nothing is applied twice
. "$(dirname "$0")/lib.sh"

pg_start
up one
register_base
make_tenants 100
register_steps 0.05 0001_a 0002_b 0003_c
start_run
until_true 20 "some tenants are migrated" some_done 5
terminated=0
for _ in $(seq 12); do
    n=$(sql "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE 'tenantd/%'")
    terminated=$((terminated + n))
    sleep 0.2
done
# and all that it has, once: workers, control connections, the listener
n=$(sql "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE 'tenantd%'")
say "$terminated sessions of workers terminated, then all $n"
at_least "sessions terminated" 10 "$terminated"
await_job 120
job_is succeeded
is "tenants migrated" 100 "$(get '.progress | .succeeded + .skipped')"
applied_once
no_orphans
finish
