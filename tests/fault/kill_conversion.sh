#!/usr/bin/env bash
# the only replica is killed while it converts tracking tables beside a run, and started again
. "$(dirname "$0")/lib.sh"

formats() { # how many tables are of the new format, of the old one, and were kept
    tenants_sql "SELECT count(*) FILTER (WHERE c.relname = '__drizzle_migrations' AND a.attname = 'hash') || ' '
        || count(*) FILTER (WHERE c.relname = '__drizzle_migrations' AND a.attname = 'name') || ' '
        || count(*) FILTER (WHERE c.relname LIKE '%\\_backup\\_name\\_%' AND a.attname = 'name')
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind = 'r' AND n.nspname LIKE 'tenant\\_%'"
}

pg_start
up one
register_base
make_tenants 200
register_steps 0.02 0001_a 0002_b
start_run
run=$job
must 202 POST /v1/migration-format-conversions '{"selector":{"all":true},"to":"drizzle-kit","max_parallel":4}'
job=$(get .id)
until_true 20 "some tables are converted" some_done 20
murder one
at_most "tables converted at the time of the crash" 190 "$(tasks_done)"

up one
await_job 60
job_is succeeded
# a table that was converted and not yet reported has nothing left to do
is "tables converted" 200 "$(get ".progress | .succeeded + .skipped")"
job=$run
await_job 60
job_is succeeded
is "tables by format" "200 0 200" "$(formats)"

# and the backups say the same: with them back in their place, what came after them included, all is in order
must 200 POST /v1/migration-format-conversions '{"selector":{"all":true},"restore":true}' -H 'Prefer: wait=50'
is "tables restored" "succeeded 200" "$(get '[.state, .progress.succeeded] | join(" ")')"
is "tables by format" "0 200 0" "$(formats)"
applied_once
no_orphans
finish
