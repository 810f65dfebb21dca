#!/usr/bin/env bash
# a statement of one tenant hangs: the run's timeout ends it with its place named; cancelling a job ends it at once
. "$(dirname "$0")/lib.sh"

pg_start
up one
register_base
make_tenants 20
# hangs only in the schema of one tenant
register 0001_a "CREATE TABLE t_0001_a (id int);
INSERT INTO steps (version) VALUES ('0001_a');
SELECT pg_sleep(CASE current_schema() WHEN 'tenant_t-0003' THEN 600 ELSE 0.01 END);"

start_run '"statement_timeout_ms":1500'
await_job 30
job_is partial
is "tenants migrated" 19 "$(get .progress.succeeded)"
is "tenants failed" 1 "$(get .progress.failed)"
is "code" MIGRATION_FAILED "$(outcome_of t-0003 code)"
is "sqlstate" 57014 "$(outcome_of t-0003 sqlstate)"
is "version" 0001_a "$(outcome_of t-0003 version)"
is "statement" 3 "$(outcome_of t-0003 statement)"
is "line" 3 "$(outcome_of t-0003 line)"
applied_once "'{t-0003}'"
is "nothing of the failed migration stays" 0000_base "$(sql "SELECT string_agg(version, ' ') FROM \"tenant_t-0003\".steps")"

start_run
hangs() { sql_is 1 "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'tenantd%' AND wait_event = 'PgSleep'"; }
until_true 10 "the statement hangs" hangs
must 202 POST "/v1/jobs/$job/cancel" '{}'
began=$(now_ms)
await_job 10
at_most "ms until a hanging job is cancelled" $((5000 * slow)) $(($(now_ms) - began))
job_is cancelled
is "task" cancelled "$(task_state t-0003)"
no_sleep() { ! hangs; }
until_true 5 "the statement is gone from the server" no_sleep

# the tenant is as before, and goes on when the reason is gone
must 200 GET /v1/tenants/t-0003
is "pending" 1 "$(get .migration.pending)"
must 409 DELETE /v1/catalogs/tenant/migrations/0001_a
finish
