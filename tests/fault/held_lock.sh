#!/usr/bin/env bash
# a session holds a lock that one tenant's migration wants: that tenant waits without holding up the others
. "$(dirname "$0")/lib.sh"

pg_start
up one TENANTD_MIGRATIONS_LOCK_TIMEOUT_MS=300
register_base
make_tenants 40
register 0001_a "ALTER TABLE steps ADD COLUMN note text;
CREATE TABLE t_0001_a (id int);
INSERT INTO steps (version) VALUES ('0001_a');"

mkfifo "$work/session"
psql -X -q -d "$url" <"$work/session" >/dev/null 2>&1 &
session=$!
helpers+=("$session")
exec 9>"$work/session"
echo 'BEGIN; LOCK TABLE "tenant_t-0005".steps;' >&9
locked() { sql_is 1 "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted AND relation = '\"tenant_t-0005\".steps'::regclass"; }
until_true 5 "the lock is held" locked

start_run
others() { some_done 39; }
until_true 10 "the others are migrated" others
snoozed() { sql_at_least 2 "SELECT snoozes FROM tenantd.task WHERE job_id = '$job' AND tenant_id = 't-0005'"; }
until_true 15 "the tenant is tried again" snoozed
is "attempts spent" t "$(sql "SELECT attempt <= 1 FROM tenantd.task WHERE job_id = '$job' AND tenant_id = 't-0005'")"
must 200 GET "/v1/jobs/$job"
is "job" running "$(get .state)"

echo 'COMMIT;' >&9
exec 9>&-
wait "$session" || true
await_job 20
job_is succeeded
is "tenants migrated" 40 "$(get .progress.succeeded)"
applied_once
finish
