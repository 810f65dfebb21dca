#!/usr/bin/env bash
# one of two replicas is frozen for longer than its lease: what it missed is done by the other, and not twice
. "$(dirname "$0")/lib.sh"

pg_start
up one TENANTD_JOBS_WORKERS=4 # so that one replica alone cannot take all places of the run
up two TENANTD_JOBS_WORKERS=4
register_base
make_tenants 200
register_steps 0.03 0001_a 0002_b 0003_c
start_run
until_true 20 "some tenants are migrated" some_done 20
both_work() { sql_is 2 "SELECT count(DISTINCT claimed_by) FROM tenantd.task WHERE state = 'running'"; }
until_true 5 "both replicas work" both_work
kill -STOP "${pid[one]}"

at=two
await_job 60
job_is succeeded
is "tenants migrated" 200 "$(get '.progress | .succeeded + .skipped')"
applied_once
done_at=$(sql "SELECT md5(string_agg(t::text, ',' ORDER BY id)) FROM tenantd.task t")

# it wakes up with results that are nobody's any more, and finds a place again
kill -CONT "${pid[one]}"
at=one
must 200 GET /v1/tenants
says_lost() { grep -qE '"event":"(tasks.fenced|runner.trouble|heartbeat)|WORKER_LOST' "${log[one]}"; }
until_true 20 "the frozen replica sees that it lost its lease" says_lost
is "tasks after it woke up" "$done_at" "$(sql "SELECT md5(string_agg(t::text, ',' ORDER BY id)) FROM tenantd.task t")"
workers() { sql_is 2 "SELECT count(*) FROM tenantd.worker WHERE heartbeat_at > now() - interval '2 s'"; }
until_true 20 "both replicas are registered" workers
register_steps 0.01 0004_d
start_run
await_job 30
job_is succeeded
is "tenants migrated" 200 "$(get .progress.succeeded)"
applied_once
no_orphans
finish
