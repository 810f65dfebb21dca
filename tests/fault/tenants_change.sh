#!/usr/bin/env bash
# tenants change under a run: dropped and emptied by hand, suspended, archived, purged; and two runs go over the same tenants
. "$(dirname "$0")/lib.sh"

pg_start
up one
up two
register_base
make_tenants 120
register_steps 0.03 0001_a 0002_b 0003_c

# what the registry believes is not true any more for these
sql 'DROP SCHEMA "tenant_t-0110" CASCADE'
sql 'DELETE FROM "tenant_t-0111".__drizzle_migrations'
sql 'DROP TABLE "tenant_t-0112".__drizzle_migrations'

spoiled="'{t-0110,t-0111,t-0112,t-0117}'"

in_order='"strategy":{"order":"id"}' # those that come last are still to come below
start_run "$in_order"
first=$job
at=two
start_run "$in_order"',"on_conflict":"queue"'
second=$job
at=one
until_true 20 "some tenants are migrated" some_done 5
must 200 POST /v1/tenants/t-0118/suspend '{}'
# what has work before it is not taken away under the run
must 409 DELETE '/v1/tenants/t-0119?force=true'
is "code" TENANT_BUSY "$(get .code)"
must 409 DELETE '/v1/tenants/t-0120?mode=purge&force=true'
# gone all the same, as after a purge that came before
sql "UPDATE tenantd.tenant SET state = 'deleting' WHERE id = 't-0117'; DROP SCHEMA \"tenant_t-0117\" CASCADE"

for job in $first $second; do
    await_job 90
    must 200 GET "/v1/jobs/$job"
    say "$(get '[.state, (.progress | tojson)] | join(" ")')"
    is "state" partial "$(get .state)"
done
job=$first
is "gone" skipped "$(task_state t-0117)"
is "dropped by hand" failed "$(task_state t-0110)"
is "dropped by hand, code" SCHEMA_MISSING "$(outcome_of t-0110 code)"
# what is recorded nowhere is applied again, and fails because it is there
is "emptied by hand" failed "$(task_state t-0111)"
is "emptied by hand, sqlstate" 42P07 "$(outcome_of t-0111 sqlstate)"
is "emptied by hand, version" 0000_base "$(outcome_of t-0111 version)"
is "table dropped by hand, sqlstate" 42P07 "$(outcome_of t-0112 sqlstate)"
must 200 GET /v1/tenants/t-0111
is "the registry knows that nothing is recorded" 4 "$(get .migration.pending)"
applied_once "$spoiled"
is "tenants migrated by either run" 116 "$(sql "SELECT count(DISTINCT tenant_id) FROM tenantd.task
    WHERE job_id IN ('$first', '$second') AND state = 'succeeded' AND (outcome ->> 'applied')::int > 0")"
is "migrations applied" t "$(sql "SELECT sum((outcome ->> 'applied')::int) = 348 FROM tenantd.task
    WHERE job_id IN ('$first', '$second') AND state = 'succeeded'")"
must 200 GET /v1/tenants/t-0118
is "suspended meanwhile" suspended "$(get .state)"

must 200 DELETE '/v1/tenants/t-0119?force=true'
must 200 DELETE '/v1/tenants/t-0120?mode=purge&force=true' '' -H 'Prefer: wait=20'
is "purge" succeeded "$(get .state)"
is "rows of the purged tenant" 0 "$(sql "SELECT count(*) FROM tenantd.tenant WHERE id = 't-0120'")"
is "schemas of the purged tenant" 0 "$(sql "SELECT count(*) FROM pg_namespace WHERE nspname = 'tenant_t-0120'")"
finish
