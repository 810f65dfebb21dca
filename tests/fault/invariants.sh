#!/usr/bin/env bash
# what every fault ends with notices each way in which a fleet can be wrong
. "$(dirname "$0")/lib.sh"

pg_start
up one
register_base
make_tenants 4
register_steps 0 0001_a 0002_b
start_run
await_job 20
job_is succeeded
invariants
applied_once

# noticed WORD SQL UNDO: after SQL the invariants do not hold, and they say WORD
noticed() {
    sql "$2"
    if (invariants) >"$work/said" 2>&1; then
        die "nothing is said after $2"
    fi
    grep -q "$1" "$work/said" || die "after $2: $(cat "$work/said")"
    sql "$3"
    invariants
}
schema='"tenant_t-0002"'
noticed 'no prefix' "DELETE FROM $schema.__drizzle_migrations WHERE name = '0001_a'" \
    "INSERT INTO $schema.__drizzle_migrations (id, name) VALUES (2, '0001_a')"
noticed 'no prefix' "UPDATE $schema.__drizzle_migrations SET id = id + 10 WHERE name = '0001_a'" \
    "UPDATE $schema.__drizzle_migrations SET id = id - 10 WHERE name = '0001_a'"
noticed 'rows are there' "INSERT INTO $schema.steps (version) VALUES ('0002_b')" \
    "DELETE FROM $schema.steps WHERE at = (SELECT max(at) FROM $schema.steps)"
noticed 'tables are there' "ALTER TABLE $schema.t_0002_b RENAME TO gone" "ALTER TABLE $schema.gone RENAME TO t_0002_b"
noticed 'the registry believes' \
    "DELETE FROM $schema.__drizzle_migrations WHERE name = '0002_b'; DELETE FROM $schema.steps WHERE version = '0002_b'; DROP TABLE $schema.t_0002_b" \
    "INSERT INTO $schema.__drizzle_migrations (id, name) VALUES (3, '0002_b'); INSERT INTO $schema.steps (version) VALUES ('0002_b');
     CREATE TABLE $schema.t_0002_b ()"
noticed 'has no schema' "ALTER SCHEMA $schema RENAME TO hidden" "ALTER SCHEMA hidden RENAME TO $schema"
noticed 'jobs that have not ended' "UPDATE tenantd.job SET finished_at = NULL, state = 'running' WHERE id = '$job'" \
    "UPDATE tenantd.job SET finished_at = now(), state = 'succeeded' WHERE id = '$job'"

# two sessions that do DDL in one schema; the first is rolled back, and seen all the same
mkfifo "$work/session"
psql -X -q -d "$url" <"$work/session" >/dev/null 2>&1 &
session=$!
helpers+=("$session")
exec 9>"$work/session"
echo "BEGIN; SET LOCAL search_path = $schema; CREATE TABLE first ();" >&9
holds() { sql_is 1 "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"; }
until_true 5 "the first session writes" holds
sql "SET search_path = $schema; CREATE TABLE second (); DROP TABLE second" 
echo 'ROLLBACK;' >&9
exec 9>&-
wait "$session" || true
if (one_writer_each) >"$work/said" 2>&1; then
    die "two writers were not noticed"
fi
grep -q 'two writers in tenant_t-0002' "$work/said" || die "two writers: $(cat "$work/said")"
all_settled
prefixes_hold
stop one
