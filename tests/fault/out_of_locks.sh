#!/usr/bin/env bash
# max_locks_per_transaction is exhausted by a migration of many objects: it fails with a hint, others do not suffer
. "$(dirname "$0")/lib.sh"

export PG_MAX_CONNECTIONS=30
export PG_OPTIONS='-c fsync=off -c max_prepared_transactions=0'
export PG_MAX_LOCKS=10
pg_start
up one TENANTD_CONTROL_POOL_MAX=12
register_base
make_tenants 12

# 400 tables at one go in the schema of three tenants, one in those of the others
register 0001_a "CREATE TABLE t_0001_a (id int PRIMARY KEY);
INSERT INTO steps (version) VALUES ('0001_a');
DO \$\$ BEGIN
  FOR i IN 1 .. CASE WHEN current_schema() IN ('tenant_t-0003', 'tenant_t-0006', 'tenant_t-0009') THEN 800 ELSE 1 END LOOP
    EXECUTE format('CREATE TABLE many_%s (id int PRIMARY KEY)', i);
  END LOOP;
END \$\$;"
start_run
await_job 60
job_is partial
is "tenants migrated" 9 "$(get .progress.succeeded)"
is "tenants failed" 3 "$(get .progress.failed)"
for t in t-0003 t-0006 t-0009; do
    is "sqlstate of $t" 53200 "$(outcome_of $t sqlstate)"
    is "version" 0001_a "$(outcome_of $t version)"
    is "statement" 3 "$(outcome_of $t statement)"
    outcome_of $t hint | grep -q max_locks_per_transaction || die "no hint for $t: $(outcome_of $t hint)"
done
applied_once "'{t-0003,t-0006,t-0009}'"
is "tables left of the failed ones" 0 "$(sql "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE relname LIKE 'many%' AND nspname IN ('tenant_t-0003', 'tenant_t-0006', 'tenant_t-0009')")"

# more locks, and what failed goes through
pg_stop
export PG_MAX_LOCKS=256
pg_start
serves() { call GET /v1/tenants; [ "$status" = 200 ]; }
until_true 20 "it serves again" serves
start_run
await_job 60
job_is succeeded
applied_once
finish
