#!/usr/bin/env bash
# the only replica is killed while it seeds tenants and started again
. "$(dirname "$0")/lib.sh"

pg_start
up one
register_base
make_tenants 150
must 201 PUT '/v1/seeds/rows?mode=always' '' -H 'Content-Type: application/sql' \
    --data-binary 'CREATE TABLE IF NOT EXISTS seeded (who text); INSERT INTO seeded VALUES (:tenant_id); SELECT pg_sleep(:s);'
must 202 POST /v1/seeds/rows/apply '{"selector":{"all":true},"max_parallel":8,"variables":{"s":0.05}}'
job=$(get .id)
until_true 20 "some tenants are seeded" some_done 10
murder one
at_most "tenants seeded at the time of the crash" 140 "$(tasks_done)"

up one
await_job 60
job_is succeeded
is "tenants seeded" 150 "$(get ".progress | .succeeded + .skipped")"
# a seed that is always applied is applied once by one job, whoever died in between
sql "DO \$check\$
DECLARE t record; n int;
BEGIN
    FOR t IN SELECT id, schema_name FROM tenantd.tenant LOOP
        EXECUTE format('SELECT count(*) FROM %I.seeded WHERE who = %L', t.schema_name, t.id) INTO n;
        IF n <> 1 THEN RAISE EXCEPTION '%: seeded % times', t.id, n; END IF;
    END LOOP;
END \$check\$" 2>"$work/seeded.txt" || die "seeded once: $(head -n 1 "$work/seeded.txt")"
no_orphans
finish
