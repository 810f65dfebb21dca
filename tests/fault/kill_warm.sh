#!/usr/bin/env bash
# two replicas fill the warm pool and give schemas away, the leader is killed
. "$(dirname "$0")/lib.sh"

pool_is() { sql_is "$1" "SELECT count(*) FROM tenantd.warm_schema w, tenantd.catalog c
    WHERE c.name = 'tenant' AND w.state = 'ready' AND w.revision = c.revision"; }
pool_has() { sql_at_least "$1" "SELECT count(*) FROM tenantd.warm_schema w, tenantd.catalog c
    WHERE c.name = 'tenant' AND w.state = 'ready' AND w.revision = c.revision"; }
made=0
make_one() { # any answer will do: the replica may be gone
    made=$((made + 1))
    call POST /v1/tenants "{\"id\":\"w-$made\"}"
}

pg_start
up one TENANTD_WARM_SIZE=30
register_base
register_steps 0.05 0001_a
up two TENANTD_WARM_SIZE=30
until_true 30 "some schemas are ready" pool_has 5
for _ in 1 2 3 4 5 6; do make_one; done
murder one
at=two
for _ in 1 2 3 4 5 6; do
    make_one
    is "answer of the other replica" 20 "${status%?}"
done
until_true 60 "the pool is full again" pool_is 30
is "schemas of the pool without a row, rows without a schema" 0 "$(sql "SELECT count(*)
    FROM tenantd.warm_schema w FULL JOIN (SELECT nspname FROM pg_namespace
        WHERE nspname LIKE 'tenantd\\_warm\\_%') s ON s.nspname = w.schema_name
    WHERE w.id IS NULL OR s.nspname IS NULL")"
is "tenants that are active" 12 "$(sql "SELECT count(*) FROM tenantd.tenant WHERE state = 'active'")"
at_least "of them from the pool" 5 "$(sql "SELECT count(*) FROM tenantd.task WHERE outcome ? 'warm'")"

# and with the catalog moved, all are brought forward
register 0002_b 'CREATE TABLE t_0002_b (); INSERT INTO steps (version) VALUES ($$0002_b$$);'
start_run
await_job 60
job_is succeeded
until_true 60 "the pool is at the head" pool_is 30
make_one
is "answer with a schema at the head" 200 "$status"
applied_once
no_orphans
stop two
up two TENANTD_WARM_SIZE=0
until_true 60 "the pool is dropped" sql_is 0 "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'tenantd\\_warm\\_%'"
until_true 20 "its job has ended" sql_is 0 "SELECT count(*) FROM tenantd.job WHERE finished_at IS NULL"
finish
