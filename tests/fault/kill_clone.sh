#!/usr/bin/env bash
# the only replica is killed while it clones a tenant and started again
. "$(dirname "$0")/lib.sh"

pg_start
up one
register_base
# rows that take their time on their way into a clone, and only there
register 0001_big 'CREATE FUNCTION slow(n int) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_sleep(CASE WHEN current_setting($s$application_name$s$) LIKE $s$tenantd%$s$ THEN 0.05 ELSE 0 END);
    RETURN true;
END $$;
CREATE TABLE big (id int PRIMARY KEY, CHECK (slow(id)));
CREATE INDEX big_id ON big (id DESC);'
make_tenants 1
sql 'INSERT INTO "tenant_t-0001".big SELECT generate_series(1, 100)'
copying() { sql_at_least 1 "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"; }
must 202 POST /v1/tenants/t-0001/clone '{"id":"t-0002"}'
job=$(get .id)
until_true 20 "rows are copied" copying
murder one
is "schemas of the clone after the crash" 0 "$(sql "SELECT count(*) FROM pg_namespace WHERE nspname = 'tenant_t-0002'")"

up one
await_job 60
job_is succeeded
is "rows of the clone" 100 "$(sql 'SELECT count(*) FROM "tenant_t-0002".big')"
is "indexes of the clone" "$(sql "SELECT count(*) FROM pg_indexes WHERE schemaname = 'tenant_t-0001'")" \
    "$(sql "SELECT count(*) FROM pg_indexes WHERE schemaname = 'tenant_t-0002'")"

# one that is cancelled in the middle is gone as well
must 202 POST /v1/tenants/t-0001/clone '{"id":"t-0003"}'
job=$(get .id)
until_true 20 "rows are copied again" copying
must 202 POST "/v1/jobs/$job/cancel"
await_job 20
job_is cancelled
is "schemas of the cancelled clone" 0 "$(sql "SELECT count(*) FROM pg_namespace WHERE nspname = 'tenant_t-0003'")"
must 200 GET /v1/tenants/t-0003
is "state of the cancelled clone" error "$(get .state)"
must 202 DELETE '/v1/tenants/t-0003?mode=purge&force=true'
job=$(get .id)
await_job 20
applied_once
no_orphans
finish
