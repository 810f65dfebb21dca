#!/usr/bin/env bash
# 1,000 tenants: one deadlocks with an application, one in a hundred fails, one never ends; the others do not care
. "$(dirname "$0")/lib.sh"

pg_start
up one
up two
register_base
make_tenants 1000
register 0001_a "CREATE TABLE t_0001_a (id int PRIMARY KEY);
INSERT INTO steps (version) VALUES ('0001_a');
CREATE TABLE orders (n int);
INSERT INTO orders VALUES (1);"
start_run
await_job 90
job_is succeeded

sql "CREATE TABLE public.trouble (tenant text PRIMARY KEY)"
sql "INSERT INTO public.trouble SELECT 'tenant_t-' || lpad(i::text, 4, '0') FROM generate_series(50, 1000, 100) i"
sql "INSERT INTO public.trouble VALUES ('tenant_t-0500')"
register 0002_b "CREATE TABLE t_0002_b (id int PRIMARY KEY);
INSERT INTO steps (version) VALUES ('0002_b');
ALTER TABLE orders ADD COLUMN note text;
ALTER TABLE t_0001_a ADD COLUMN note text;
SELECT pg_sleep(3600) FROM public.trouble WHERE tenant = current_schema() AND tenant = 'tenant_t-0500';
SELECT 1 / (CASE WHEN count(*) = 0 THEN 1 ELSE 0 END) FROM public.trouble WHERE tenant = current_schema();"

# the application has what the migration wants last, and will want what it has: it lets the other be the victim
mkfifo "$work/session"
psql -X -q -d "$url" <"$work/session" >"$work/application" 2>&1 &
application=$!
helpers+=("$application")
exec 9>"$work/session"
echo 'BEGIN; SET LOCAL deadlock_timeout = 60000; SET LOCAL search_path = "tenant_t-0123"; LOCK TABLE t_0001_a IN ROW EXCLUSIVE MODE;' >&9
locked() { sql_is 1 "SELECT count(*) FROM pg_locks WHERE mode = 'RowExclusiveLock' AND granted AND relation = '\"tenant_t-0123\".t_0001_a'::regclass"; }
until_true 5 "the application works" locked

start_run
waits() { sql_is 1 "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = '\"tenant_t-0123\".t_0001_a'::regclass"; }
while ! waits; do
    [ "$(tasks_done)" -lt 999 ] || die "the migration never met the application"
done
echo 'INSERT INTO orders (n) VALUES (2); COMMIT;' >&9
exec 9>&-
wait "$application" || die "the application failed: $(cat "$work/application")"
is "what the application says" "" "$(cat "$work/application")"
grep -q 'deadlock detected' "$work/pg/server.log" || die "there was no deadlock"

others() { some_done 999; }
until_true 90 "all others have ended" others
hangs() { sql_is 1 "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"; }
hangs || die "the tenant that never ends does not run"
must 200 GET "/v1/jobs/$job"
is "job" running "$(get .state)"
say "$(sql "SELECT 'all but one after ' || round(extract(epoch FROM clock_timestamp() - started_at)) || ' s' FROM tenantd.job WHERE id = '$job'")"
is "migrated" 989 "$(sql "SELECT count(*) FROM tenantd.task WHERE job_id = '$job' AND state = 'succeeded'")"
is "failed" 10 "$(sql "SELECT count(*) FROM tenantd.task WHERE job_id = '$job' AND state = 'failed' AND outcome ->> 'sqlstate' = '22012'
    AND (outcome ->> 'line')::int = 6")"
is "the one that deadlocked" succeeded "$(task_state t-0123)"
is "its attempts" t "$(sql "SELECT attempt > 1 FROM tenantd.task WHERE job_id = '$job' AND tenant_id = 't-0123'")"
is "what the application did" 2 "$(sql 'SELECT count(*) FROM "tenant_t-0123".orders')"

must 202 POST "/v1/jobs/$job/cancel" '{}'
await_job 15
job_is cancelled
is "the one that never ends" cancelled "$(task_state t-0500)"
invariants

sql "DELETE FROM public.trouble"
start_run
is "left for the next run" 11 "$(get .progress.queued)"
await_job 30
job_is succeeded
applied_once
finish
