#!/usr/bin/env bash
# PostgreSQL crashes before asynchronous commits are on disk: what they did is done again, and never called done
. "$(dirname "$0")/lib.sh"

# a commit that does not wait stays in memory until somebody else's needs the disk
export PG_OPTIONS='-c wal_writer_delay=10000 -c wal_writer_flush_after=0 -c fsync=off -c synchronous_commit=on'
pg_start
up one TENANTD_JOBS_LEASE_MS=10000 # what ran when PostgreSQL went down is stored by who ran it
register_base
make_tenants 300
for round in 1 2 3 4; do
    register_steps 0.005 "000${round}_v"
    start_run
    until_true 20 "some tenants are migrated" some_done $((20 * round))
    if [ $((round % 2)) = 0 ]; then
        # one of its processes dies, and the postmaster starts anew: the server as such was never away
        victim=$(sql "SELECT pid FROM pg_stat_activity WHERE backend_type = 'background writer'")
        kill -KILL "$victim"
    else
        pg_stop
        pg_start
    fi
    await_job 60
    job_is succeeded
    say "$(grep -c 'tasks.fenced' "${log[one]}" || true) fenced, $(sql "SELECT sum(attempt) || ' attempts' FROM tenantd.task WHERE job_id = '$job'")"
    applied_once
done
finish
