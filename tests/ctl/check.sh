#!/bin/sh
# tenantctl against a real `tenantd --dev`: every command once as it should go and once as it should
# not, then what it does when the other end goes away. TENANTD and TENANTCTL name the programs.
# Ends with "N passed, N failed".
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
tenantd=${TENANTD:-$root/build/release/tenantd}
ctl=${TENANTCTL:-$root/build/release/tenantctl}
passed=0 failed=0 daemon=

work=$(mktemp -d /tmp/tenantctl-check-XXXXXX)
chmod 755 "$work" # PostgreSQL runs as another user when this runs as root
stop() {
    [ -z "$daemon" ] || { kill "$daemon" 2>/dev/null && wait "$daemon"; }
    rm -rf "$work"
}
trap stop EXIT
trap 'exit 130' INT TERM

# until_true SECONDS COMMAND...: polls; false when the time is over.
until_true() {
    left=$(($1 * 20))
    shift
    until "$@"; do
        left=$((left - 1))
        [ "$left" -gt 0 ] || return 1
        sleep 0.05
    done
}

note() { # note GOOD NAME: counts a check
    if "$1"; then
        passed=$((passed + 1))
        echo "ok - $2"
    else
        failed=$((failed + 1))
        echo "not ok - $2"
        sed 's/^/    out: /' "$work/out"
        sed 's/^/    err: /' "$work/err"
    fi
}

says() { grep -qE -- "$1" "$2"; }

# expect NAME STATUS OUT ERR WORD...: the exit status, and a regular expression for what is printed
# (empty: nothing of it is looked at; "-": nothing may be printed).
expect() {
    name=$1 status=$2 out=$3 err=$4 good=true
    shift 4
    "$ctl" "$@" >"$work/out" 2>"$work/err"
    got=$?
    [ "$got" = "$status" ] || { good=false; echo "    exit status $got, not $status"; }
    case $out in '') ;; -) [ ! -s "$work/out" ] || good=false ;; *) says "$out" "$work/out" || good=false ;; esac
    case $err in '') ;; -) [ ! -s "$work/err" ] || good=false ;; *) says "$err" "$work/err" || good=false ;; esac
    note $good "$name"
}

# A check of something else than a call.
check() {
    name=$1
    shift
    if "$@"; then note true "$name"; else note false "$name"; fi
}

"$tenantd" --dev --data-dir "$work/data" --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0 2>"$work/log" &
daemon=$!
is_ready() { grep -q '"event":"ready"' "$work/log" || ! kill -0 "$daemon" 2>/dev/null; }
if ! until_true 120 is_ready || ! kill -0 "$daemon" 2>/dev/null; then
    cat "$work/log"
    echo "0 passed, 1 failed"
    exit 1
fi
port=$(sed -n 's/.*"event":"ready".*"port":\([0-9]*\).*/\1/p' "$work/log")
unset TENANTCTL_TOKEN
export TENANTCTL_URL="http://127.0.0.1:$port" TENANTCTL_TOKEN_FILE="$work/data/admin-token"
sql() { psql -q -v ON_ERROR_STOP=1 "$(cat "$work/data/database-url")" -c "$1"; }
# the id in a line "KIND ID: STATE"
job_in() { sed -nE 's/.*(tenant\.[a-z]+|migration\.run) ([0-9a-f-]{36}):.*/\2/p' "$work/out" | head -n 1; }

# usage
expect 'help' 0 '^  tenants create +Creates' - --help
expect 'help of a command' 0 '^usage: tenantctl run \[options\]' - run --help
expect 'version of the program' 0 '^tenantctl [0-9]' - --version
expect 'no command' 2 - 'usage: tenantctl COMMAND'
expect 'unknown command' 2 - 'did you mean "tenants list"' tenants lsit
expect 'a group alone' 2 - 'tenantctl tenants create ID' tenants
expect 'unknown option' 2 - 'did you mean --dry-run' run --all --dryrun
expect 'a choice that is none' 2 - 'one of json, json-schema, typescript, zod, drizzle, mermaid, dbml' export a --format xml
expect 'missing argument' 2 - 'tenants get needs ID' tenants get
expect 'a URL that is none' 2 - 'the URL is http://HOST' --url localhost:1 version
expect 'a token file that is not there' 2 - 'No such file' --token-file /nonexistent version
expect 'a wrong token' 1 - '401 UNAUTHENTICATED' --token tnd_x version
expect 'nobody there' 3 - 'not reachable' --url http://127.0.0.1:1 version
expect 'version' 0 '^tenantd +[0-9]' - version

# tenants
expect 'create and wait' 0 'succeeded, 1 done' '' tenants create acme --label plan=pro --name 'Acmé' --wait
expect 'create one that exists' 1 - '409 TENANT_EXISTS' tenants create acme
expect 'create several' 0 'succeeded, 3 done' '' tenants create b1 b2 b3 --label plan=free --wait
expect 'create several, one exists' 1 'partial, 1 done, 1 failed' 'TENANT_EXISTS  a tenant "b1" exists' tenants create b1 b4 --wait
expect 'an id that is none' 1 - '/items/1.*not a tenant id' tenants create ok 'NO!'
expect 'one name for two' 2 - 'several ids' tenants create x y --name z
expect 'a label that is none' 2 - 'KEY=VALUE' tenants create x --label plan

# clones
sql "CREATE TABLE tenant_b3.people (id int PRIMARY KEY, email text); COMMENT ON COLUMN tenant_b3.people.email IS '@pii';
    INSERT INTO tenant_b3.people VALUES (1, 'a@x'), (2, 'b@x')"
printf '{"people.email": {"rule": "email"}}' >"$work/rules.json"
expect 'clone what is personal' 1 - '/anonymize/people.email' tenants clone b3 c1
expect 'clone, shown first' 0 '^people +table +all +email$' - tenants clone b3 c1 --anonymize "$work/rules.json" --dry-run
expect 'clone' 0 'succeeded, 1 done' '' tenants clone b3 c1 --anonymize "$work/rules.json" --label of=b3
expect 'clone again' 1 - '409 TENANT_EXISTS' tenants clone b3 c1 --no-data
expect 'clone without rows' 0 'succeeded, 1 done' '' tenants clone b3 c2 --no-data
expect 'clone a sample, a table excluded' 0 'succeeded, 1 done' '' tenants clone b3 c3 --sample 1 --exclude people
expect 'clone in two ways' 2 - 'takes rows along' tenants clone b3 c4 --sample 1 --no-data
expect 'clone with rules that are none' 2 - 'not a JSON object' tenants clone b3 c4 --anonymize /dev/null
expect 'clone, rules that are not there' 2 - 'No such file' tenants clone b3 c4 --anonymize "$work/none"
expect 'clone one operand' 2 - 'tenants clone needs' tenants clone b3
for id in c1 c2 c3; do "$ctl" tenants delete "$id" --purge --force --wait >/dev/null 2>&1; done
sql 'DROP TABLE tenant_b3.people'
expect 'list by label' 0 '^acme  active  tenant_acme .*plan=pro  Acmé$' - tenants list --label plan=pro
check 'list by label: only those' [ "$(wc -l <"$work/out")" = 2 ]
expect 'list by prefix, state and migrations' 0 '^b2 ' - tenants list --prefix b --state active --migration-state ok
expect 'list nothing' 0 '^no tenants$' - tenants list --prefix zzz
expect 'list a wrong state' 1 - 'there is no state "x"' tenants list --state x
expect 'get' 0 '^name +Acmé$' - tenants get acme
expect 'get as JSON' 0 '^\{"id":"acme",' - tenants get acme --json
expect 'get nothing' 1 - '404 TENANT_NOT_FOUND' tenants get nobody
expect 'get what would be another path' 1 - '40[04] ' tenants get ../jobs
expect 'refused as JSON' 1 '"code":"TENANT_NOT_FOUND"' 'TENANT_NOT_FOUND' tenants get nobody --json
expect 'suspend' 0 '^tenant b1: suspended$' - tenants suspend b1
expect 'suspend nobody' 1 - '404 TENANT_NOT_FOUND' tenants suspend nobody
expect 'resume, quietly' 0 - - -q tenants resume b1
expect 'resume nobody' 1 - '404 TENANT_NOT_FOUND' tenants resume nobody
expect 'archive' 0 'tenant b2: archived, to be purged at' - tenants delete b2
expect 'purge' 0 'tenant.purge .*succeeded' '' tenants delete b2 --purge --force --wait
expect 'delete nobody' 1 - '404 TENANT_NOT_FOUND' tenants delete b2
sql 'CREATE SCHEMA tenant_found'
expect 'import, only looking' 0 '^tenant_found +found +-$' - tenants import --dry-run
expect 'import' 0 'tenant.import .*succeeded' '' tenants import --pattern 'tenant\_f%' --wait
expect 'import nothing' 0 'no schema matches' - tenants import --dry-run --pattern 'nothing%'
expect 'import with a pattern too long' 1 - 'schema_pattern' tenants import --pattern "$(printf '%0500d' 1)"

# migrations
mkdir -p "$work/empty"
printf 'CREATE TABLE notes (id int PRIMARY KEY);\n' >"$work/9000_notes.sql"
expect 'push a folder' 0 '^tenant: 9 added, 0 unchanged$' - migrations push "$root/deploy/example/tenant"
expect 'push it again' 0 '^tenant: 0 added, 9 unchanged$' - migrations push "$root/deploy/example/tenant"
expect 'push the shared folder' 0 '^shared: 3 added' - migrations push "$root/deploy/example/shared" --shared
expect 'push an empty folder' 2 - 'no .sql file' migrations push "$work/empty"
expect 'push a file' 0 '^tenant: 9000_notes, 1 statements$' - migrations push "$work/9000_notes.sql"
printf 'SELEC 1;\n' >"$work/9001_bad.sql"
expect 'push what is not SQL' 1 - 'line 1, column 1' migrations push "$work/9001_bad.sql"
expect 'push what is not there' 2 - 'No such file' migrations push "$work/nothing.sql"
expect 'list migrations' 0 '^9000_notes +1 ' - migrations list
expect 'list shared migrations' 0 '^0000_plans ' - migrations list --shared
expect 'list migrations of no catalog' 2 - 'no option --tenant' migrations list --tenant
expect 'status' 0 'tenants at 9000_notes, [1-9][0-9]* behind' - status
expect 'status with too much' 2 - 'too many' status now

# runs
expect 'run for nobody' 2 - 'needs to know for whom' run
expect 'run for all and some' 2 - 'goes without' run --all --id acme
expect 'run, only looking' 0 '^to 9000_notes: .*nothing was changed' - run --all --dry-run --include-shared
expect 'run for one that is not there' 1 - '/selector/ids/1' run --id acme nobody
expect 'run for some' 0 'migration.run .*succeeded, 3 done' '' run --id acme b1 --include-shared --max-parallel 2
expect 'run for labels up to a version' 0 'succeeded' '' run --label plan=free --target 0008_reporting
expect 'run to nowhere' 1 - 'UNKNOWN_TARGET' run --all --target nowhere
expect 'run for all' 0 'succeeded' '' run --all
printf -- '-- needs late\nALTER TABLE late ADD COLUMN a int;\n' >"$work/9001_late.sql"
expect 'push what will fail' 0 '' - migrations push "$work/9001_late.sql"
expect 'a run that fails' 1 'failed' 'acme +9001_late +2 +42P01 .*"late" does not exist' run --id acme b1
run=$(job_in)
expect 'it says so with --quiet too' 1 - '9001_late' -q jobs wait "$run"
sql 'CREATE TABLE tenant_acme.late (); CREATE TABLE tenant_b1.late ()'

# repairs
sql "INSERT INTO tenant_acme.__drizzle_migrations (name) VALUES ('0009_odd')"
expect 'sync for nobody' 2 - 'sync needs to know for whom' sync --mark-missing
expect 'sync of nothing' 1 - 'nothing is asked for' sync --id acme
expect 'sync' 0 'migration.sync .*succeeded, 1 done' '' sync --id acme --clean-orphans
expect 'sync again' 0 'succeeded, 0 done, 1 with nothing to do' '' sync --id acme --clean-orphans
expect 'sync, only looking' 0 '^1 of 1 tenants looked at, 1 of them with nothing to do' - sync --id acme --clean-orphans --dry-run
expect 'baseline of nothing' 2 - 'needs' baseline --all
expect 'baseline to nowhere' 1 - 'UNKNOWN_TARGET' baseline 7777_x --all
expect 'baseline back' 1 'failed' 'NOT_EMPTY_HISTORY' baseline 0001_organizations_and_contacts --id acme
expect 'baseline, only looking' 0 'record 9001_late' - baseline 9001_late --only --id acme --dry-run
expect 'baseline that is not there' 1 'failed' 'FINGERPRINT_MISMATCH|MIGRATION_FAILED' baseline 9001_late --only --id acme
expect 'convert to nothing' 1 - 'either to or restore' convert --id acme
expect 'convert, only looking' 0 'convert [0-9]+ rows from name to hash +acme' - convert hash --id acme --dry-run
expect 'convert' 0 'migration.convert .*succeeded, 1 done' '' convert hash --id acme
expect 'convert back' 0 'migration.convert .*succeeded, 1 done' '' convert --restore --id acme
expect 'adopt from nobody' 2 - 'flyway' adopt --from oracle --all
expect 'adopt, only looking' 0 'no history of prisma' - adopt --from prisma --id acme --dry-run
expect 'adopt' 1 'failed' 'HISTORY_NOT_FOUND' adopt --id acme
sql "COMMENT ON TABLE tenant_acme.__drizzle_migrations IS 'tenantd begun 9001_late $(printf '%064d' 0) 0 running'"
expect 'resolve as what' 2 - 'either --applied or' resolve acme 9001_late
expect 'resolve another' 1 - 'NOT_DIRTY' resolve acme 9000_notes --applied
expect 'resolve, only looking' 0 'settle 9001_late +acme' - resolve acme 9001_late --rolled-back --dry-run
expect 'resolve' 0 'migration.resolve .*succeeded, 1 done' '' resolve acme 9001_late --rolled-back --note 'dropped by hand'

# drift: what became of the resolved migration left a table behind
expect 'look for drift, of nobody' 2 - 'needs to know for whom' drift scan
expect 'look for drift' 0 'drift.scan .*succeeded' '' drift scan --all
expect 'and fail when there is some' 1 '^drifted +2 +acme, b1 +1 +0 +extra table late' '' drift scan --all --check
expect 'with two references' 2 - 'exclude each other' drift scan --all --like acme --at 0001_a
expect 'like one of them' 0 '3 drifted' '' drift scan --all --like acme
expect 'without what does not count' 0 '0 drifted' '' drift scan --all --ignore comments --exclude-table 'l?te'
expect 'where the fleet stands' 0 '^ok +[0-9]+ ' - drift status --check
expect 'only who has drifted' 0 'drifted' - drift status --state drifted
expect 'a tenant now' 0 '^error +extra table late' - drift show acme
expect 'a tenant as it was' 0 '^state +ok' - drift show acme --scan
expect 'beside another' 0 '^state +ok' - drift show acme --like b1
expect 'nobody' 1 - '404 TENANT_NOT_FOUND' drift show nobody
expect 'accept without a reason' 2 - 'needs --reason' drift accept acme
expect 'accept what was not seen' 1 - '409 INVALID_STATE' drift accept acme --reason x
expect 'accept nothing' 2 - 'needs a tenant' drift accept --reason x
"$ctl" drift scan --all >/dev/null 2>&1
expect 'accept' 0 'accepted for 1 tenants; tenantctl drift unaccept 1$' - drift accept acme --reason 'known'
expect 'accepted' 0 '^accepted +known' - drift show acme
expect 'take it back' 0 'drifted again' - drift unaccept 1
expect 'take back nothing' 1 - '404 DRIFT_NOT_FOUND' drift unaccept 1

# seeds
printf 'INSERT INTO notes VALUES (:n);\n' >"$work/numbers.sql"
printf 'CREATE TABLE IF NOT EXISTS seeded (by text);\n' >"$work/shared_rows.sql"
expect 'push a seed' 0 '^tenant: numbers, once$' - seeds push "$work/numbers.sql"
expect 'push one for the shared schema' 0 '^shared: shared_rows, always$' - seeds push "$work/shared_rows.sql" --shared --mode always
expect 'push what is no seed' 2 - 'NAME.sql' seeds push "$work/err"
expect 'push a seed that is not there' 2 - 'No such file' seeds push "$work/nothing.sql"
expect 'push a seed that is no SQL' 1 - 'line 1, column 1' seeds push "$work/9001_bad.sql"
expect 'list seeds' 0 '^numbers +tenant +once +1 +n ' - seeds list
expect 'list shared seeds' 0 '^shared_rows +shared ' - seeds list --shared
expect 'seed nobody' 2 - 'needs to know for whom' seed numbers
expect 'seed all and the shared schema' 2 - 'goes without' seed numbers --shared --all
expect 'seed without a value' 1 - 'line 1, column 27: variable n' seed numbers --id acme
expect 'seed with a bad value' 2 - 'NAME=VALUE' seed numbers --id acme --set n
expect 'seed, only looking' 0 "INSERT INTO notes VALUES \( '7'\);" - seed numbers --id acme --set n=7 --dry-run
expect 'seed' 0 'seed.apply .*succeeded, 3 done' '' seed numbers --id acme b1 --include-shared --set n=7
expect 'seed again' 0 '2 with nothing to do' '' seed numbers --id acme b1 --set n=7
expect 'seed what fails' 1 'failed' 'numbers +1 +23505' seed numbers --id acme --mode always --set n=7
expect 'seed the shared schema' 0 'succeeded, 1 done' '' seed shared_rows --shared
expect 'seed with nothing' 1 - '404 SEED_NOT_FOUND' seed nothing --all

# schemas that stand ready
expect 'warm-pool' 0 '^default +0 +0 ' - warm-pool get
expect 'warm-pool drain' 0 'warm.drain .*succeeded' '' warm-pool drain --wait

# jobs
expect 'jobs list' 0 "^$run +migration.run +failed" - jobs list --kind migration.run --state failed
expect 'jobs list of a wrong state' 1 - '400 INVALID_PARAMETER' jobs list --state x
expect 'jobs get' 0 '^state +failed' - jobs get "$run"
expect 'jobs get nothing' 1 - '404 JOB_NOT_FOUND' jobs get 00000000-0000-7000-8000-000000000000
expect 'jobs retry' 0 'succeeded, 2 done' '' jobs retry "$run" --wait
expect 'jobs retry of what went well' 1 - 'NOTHING_TO_RETRY' jobs retry "$(job_in)"
expect 'jobs wait for nothing' 1 - '404 JOB_NOT_FOUND' jobs wait nothing
expect 'jobs cancel of what is over' 1 - 'INVALID_STATE' jobs cancel "$run"

# plans, there and back
printf -- 'CREATE TABLE later (id int);\n' >"$work/9002_later.up.sql"
printf -- 'DROP TABLE later;\n' >"$work/9002_later.down.sql"
expect 'push a way back to nothing' 1 - '404 MIGRATION_NOT_FOUND' migrations push "$work/9002_later.down.sql"
expect 'push a way there' 0 'tenant: 9002_later, 1 statements' - migrations push "$work/9002_later.up.sql"
expect 'push its way back' 0 'tenant: 9002_later, the way back, 1 statements' - migrations push "$work/9002_later.down.sql"
expect 'plan for nobody' 2 - 'plan needs to know for whom' plan
expect 'plan to nowhere' 1 - 'UNKNOWN_TARGET' plan --all --target nowhere
expect 'plan down to where' 1 - '/target' plan --all --down
expect 'plan what has no way back' 1 - '409 NO_DOWN_MIGRATION' plan --id b1 --down --target none
expect 'a plan says what lint does' 0 'require-primary-key +9002_later +1 +later' - plan --id b1
expect 'plan' 0 'up to 9002_later: 1 tenants.*nothing was changed' - plan --id b1
plan=$(sed -n 's/.*run --plan \([0-9a-f-]*\)$/\1/p' "$work/out")
expect 'run a plan for others' 2 - 'goes without' run --plan "$plan" --all
expect 'run a plan' 0 'migration.run .*succeeded, 1 done' '' run --plan "$plan"
planned=$(job_in)
expect 'run it again' 1 - '409 PLAN_USED' run --plan "$plan"
expect 'rollback of nothing' 1 - '404 JOB_NOT_FOUND' rollback 00000000-0000-7000-8000-000000000000
expect 'rollback, planned' 0 'WOULD TAKE BACK' - rollback "$planned"
expect 'it says what hurts' 0 'drop_table +9002_later +1 +later +ACCESS EXCLUSIVE' - rollback "$planned"
expect 'rollback' 0 'migration.run .*succeeded, 1 done' '' rollback "$planned" --run
expect 'rollback again' 1 - '409 NOTHING_TO_REVERT' rollback "$planned"
expect 'down, only looking' 0 'WOULD TAKE BACK' - run --id b1 --down --target 9000_notes --dry-run

printf 'SELECT pg_sleep(60);\n' >"$work/9002_slow.sql"
expect 'push what is slow' 0 '' - migrations push "$work/9002_slow.sql"
"$ctl" run --id acme >"$work/out" 2>"$work/err" &
client=$!
begun() { says 'running 0/1' "$work/err"; }
check 'progress is shown' until_true 30 begun
kill -INT "$client"
wait "$client"
check 'Ctrl-C ends the wait' [ $? = 130 ]
check 'and says how to cancel' says 'to cancel it: tenantctl jobs cancel' "$work/err"
run=$(sed -n 's/.*jobs cancel //p' "$work/err")
expect 'jobs cancel' 0 "job $run: cancel" - jobs cancel "$run"
expect 'jobs wait for what is cancelled' 1 'cancelled' '' jobs wait "$run"

# rollouts
expect 'a wave of nothing' 2 - 'is not 10%' run --all --wave often
expect 'waves that end too early' 1 - '/strategy/waves/0' run --all --wave 10%
expect 'a canary of nobody' 1 - '/strategy/canary/tenants/0' run --all --canary-id nobody
expect 'a run that waits for a gate' 0 '' - run --all --canary-id acme --wave rest:manual --max-failures 0 --no-wait
run=$(job_in)
expect 'pause' 0 "job $run: paused" - jobs pause "$run"
expect 'who waits is told' 1 - 'jobs resume' jobs wait "$run"
expect 'another one' 1 - 'RUN_CONFLICT' run --all
expect 'skip without a reason' 2 - 'a --reason' runs skip "$run" 1
expect 'skip what is not there' 1 - 'TASK_NOT_FOUND' runs skip "$run" 1 --reason 'no'
expect 'resume' 0 "job $run: (queued|running)" - jobs resume "$run" --extra-failures 1
expect 'resume twice' 1 - 'INVALID_STATE' jobs resume "$run"
expect 'cancel it' 0 "job $run: cancel" - jobs cancel "$run"
expect 'jobs wait for it' 1 'cancelled' '' jobs wait "$run"
expect 'promote what is over' 1 - 'INVALID_STATE' runs promote "$run"

# events and reports
expect 'events' 0 'tenant[.]created +acme' - events --tenant acme --type tenant.created
expect 'events as JSON' 0 '"type": ?"tenant.created"' - --json events --type tenant.created
expect 'events of a job until its end' 0 'job[.]cancelled' - events --job "$run" --follow
expect 'events of a wrong type' 1 - 'INVALID_PARAMETER' events --type job.done
expect 'events after the end of the world' 1 - 'CURSOR_EXPIRED' events --after 999999999
expect 'events of no job' 1 - 'JOB_NOT_FOUND' events --job none
expect 'events of too much' 2 - 'either' events --job "$run" --tenant acme
expect 'report' 0 '^## Migration run: cancelled' - report "$run"
expect 'report to a file' 0 - - report "$run" --format junit -o "$work/junit.xml"
check 'the file is JUnit' says '<testsuite name="migration.run"' "$work/junit.xml"
expect 'report of no run' 1 - 'JOB_NOT_FOUND' report none
expect 'report in a wrong format' 2 - '--format' report "$run" --format pdf

# lint
mkdir -p "$work/lint"
printf 'CREATE TABLE a (id uuid);\n' >"$work/lint/0001_a.sql"
printf 'ALTER TABLE a ADD PRIMARY KEY (id);\n' >"$work/lint/0002_b.sql"
printf 'DROP TABLE a;\n' >"$work/lint/0002_b.down.sql"
printf 'DROP TABLE b;\n' >"$work/drop.sql"
printf '{"ban-drop-table": "warn"}' >"$work/rules.json"
expect 'lint a folder' 0 '^1 tables: 0 errors' - lint "$work/lint"
expect 'lint a folder, file by file' 1 'adding-serial-primary-key-field' - lint "$work/lint" --separate
expect 'lint a file' 1 "drop.sql:1:1: error: .*ban-drop-table" - lint "$work/drop.sql"
expect 'lint with rules' 0 'warn: .*ban-drop-table' - lint "$work/drop.sql" --rules "$work/rules.json"
expect 'lint for GitHub' 1 '^::error file=.*title=ban-drop-table' - lint "$work/drop.sql" --format github
expect 'lint as JSON' 1 '"errors": ?1' - --json lint "$work/drop.sql"
expect 'lint to a file' 1 - - lint "$work/drop.sql" --format sarif -o "$work/lint.sarif"
check 'the file is SARIF' says '"version": "2.1.0"' "$work/lint.sarif"
expect 'lint a tenant' 1 'Table "late" does not have a primary key' - lint --tenant acme
expect 'lint a catalog' 1 'errors' - lint --catalog tenant
expect 'lint nothing' 1 - 'VALIDATION_FAILED' lint
expect 'lint too much' 1 - 'VALIDATION_FAILED' lint "$work/drop.sql" --tenant acme
expect 'lint nobody' 1 - 'TENANT_NOT_FOUND' lint --tenant nobody
expect 'lint no file' 2 - 'No such file' lint "$work/none.sql"
expect 'lint with no rules' 2 - 'is not JSON' lint "$work/drop.sql" --rules "$work/drop.sql"
echo 'SELEKT 1;' | "$ctl" lint - >"$work/out" 2>"$work/err"
check 'lint stdin' [ $? = 1 ]
check 'and says where' says '^stdin.sql:1:1: error: .*syntax-error' "$work/out"

# the rest
expect 'export' 0 'export (interface|type)' - export acme --format typescript
expect 'export to a file' 0 - - export acme --format mermaid --theme dark -o "$work/acme.mmd"
check 'the file has it' says 'erDiagram' "$work/acme.mmd"
expect 'export as drizzle' 0 'export const .* = pgTable' - export acme --format drizzle --casing snake --zod
expect 'export one table' 0 'erDiagram' - export acme --format mermaid --table notes --indexes
expect 'export of the shared schema' 0 '"tables"' - export --shared --format json
expect 'export of both' 2 - 'takes a tenant, or --shared' export acme --shared --format json
expect 'export of nobody' 2 - 'takes a tenant, or --shared' export --format json
expect 'export without a format' 2 - '--format' export acme
expect 'scaffold a table' 0 'export const orderItems = pgTable' - scaffold schema 'order items' --no-zod --soft-delete
expect 'scaffold it in SQL, into a folder' 0 'src/db/schema/tenant/order_items.sql' - scaffold schema 'order items' --language sql -o "$work/drafts"
check 'the file is there' says 'CREATE TABLE "order_items"' "$work/drafts/src/db/schema/tenant/order_items.sql"
expect 'scaffold it again' 1 - 'force' scaffold schema 'order items' --language sql -o "$work/drafts"
expect 'and over it' 0 'order_items.sql' - scaffold schema 'order items' --language sql --serial -o "$work/drafts" --force
check 'it is another' says 'bigint GENERATED' "$work/drafts/src/db/schema/tenant/order_items.sql"
expect 'scaffold a seed' 0 'ON CONFLICT DO NOTHING' - scaffold seed initial --table notes
expect 'scaffold a migration' 0 '[0-9]_add_status_to_notes.sql' - scaffold migration add_status_to_notes -o "$work/drafts"
expect 'scaffold with a bad name' 1 - '422 VALIDATION_FAILED' scaffold migration 'a;b'
expect 'scaffold of no template' 2 - 'one of' scaffold migration x --template drop
printf 'CREATE TABLE imported (id int PRIMARY KEY);\n' >"$work/imported.sql"
expect 'import SQL' 0 'export const imported = pgTable' - import "$work/imported.sql"
expect 'import it as a migration' 0 '^registered: [0-9]+_imported$' - import "$work/imported.sql" --to migration --name imported --register -o "$work/drafts" --shared
expect 'export a model' 0 - - export acme --format json -o "$work/acme.json"
expect 'import it' 0 'pgTable' '' import "$work/acme.json" --lenient --casing snake
expect 'import what is none' 1 - '400 MALFORMED_JSON' import "$work/imported.sql" --format json
expect 'import no file' 2 - 'No such file' import "$work/none.sql"
expect 'export nobody' 1 - '404 TENANT_NOT_FOUND' export nobody --format json-schema
expect 'export to nowhere' 1 - 'No such file' export acme --format json-schema -o "$work/no/where"
expect 'query' 0 '^7  x$' - query acme 'SELECT $1::int AS n, $2 AS t' --param 7 --param x
expect 'query of nothing' 0 '^no rows$' - query acme 'SELECT 1 AS one WHERE false'
expect 'query as JSON' 0 '"rows":\[\[1\]\]' - query acme 'SELECT 1 AS one' --output json
expect 'query as CSV' 0 '^acme,1' - query acme 'SELECT 1 AS one' --output csv
expect 'query of many' 0 'tenants, 0 failed$' - query --all 'SELECT 1 AS one'
expect 'query of many as CSV' 0 '^tenant_id,one' - query --all 'SELECT 1 AS one' --output csv
expect 'query of the shared schema' 0 '^shared$' - query --shared "SELECT 'shared' AS t"
echo 'SELECT 41 + 1 AS answer' >"$work/answer.sql"
expect 'query from a file' 0 '^42$' - query acme "@$work/answer.sql"
expect 'query from no file' 2 - 'No such file' query acme @/no/such/file
expect 'query that writes' 1 - '403 QUERY_NOT_ALLOWED' query acme 'CREATE TABLE x ()'
expect 'query of more rows' 0 '^1$' 'there is more' query acme 'SELECT generate_series(1, 9) AS g' --max-rows 1
expect 'query with many columns' 0 '^l +12$' - query acme 'SELECT 1 a, 2 b, 3 c, 4 d, 5 e, 6 f, 7 g, 8 h, 9 i, 10 j, 11 k, 12 l'
expect 'query of somebody who has not got it' 1 'failed$' 'QUERY_DENIED' query --id acme -- 'SELECT 1 FROM tenantd.token'
expect 'query with bad SQL' 1 - 'line 1, column 1' query acme 'SELEC 1'
expect 'query of nobody' 2 - 'needs to know where' query 'SELECT 1'
expect 'query of one and of all' 2 - 'needs to know where' query acme 'SELECT 1' --all
expect 'query that writes to all' 2 - 'goes with one tenant' query --all --write 'SELECT 1'
echo 'CREATE TABLE only_here (id int);' >"$work/only.sql"
echo '{"tables": []}' >"$work/empty.json"
echo '{' >"$work/broken.json"
expect 'diff of one' 0 'both look the same' - diff acme tenant:acme
expect 'diff with its catalog' 0 '' - diff catalog@9000_notes acme
expect 'diff with what cannot be made' 1 - '422 MIGRATION_FAILED' diff acme expected:acme
expect 'diff of files' 0 'missing +table +tables/only_here' - diff "$work/empty.json" "$work/only.sql"
check 'it has the SQL' says 'CREATE TABLE "only_here"' "$work/out"
expect 'diff to a file' 0 'extra +table' - diff "$work/only.sql" shared-catalog -o "$work/diff.sql"
check 'the file has the SQL' says 'DROP TABLE "only_here"' "$work/diff.sql"
expect 'diff as a check' 1 'destructive' - diff "$work/only.sql" "$work/empty.json" --check
expect 'diff of a version' 1 - '422 UNKNOWN_TARGET' diff acme catalog@9
expect 'diff of nobody' 1 - '404 TENANT_NOT_FOUND' diff acme nobody
expect 'diff of no file' 2 - 'No such file' diff acme "$work/no.sql"
expect 'diff of no JSON' 2 - 'not JSON' diff acme "$work/broken.json"
expect 'diff with half a rename' 2 - 'OLD=NEW' diff acme catalog --rename a
expect 'diff with a rename of nothing' 1 - 'VALIDATION_FAILED' diff acme acme --rename no.a=no.b
expect 'health' 0 '^healthy: shared database ok' - health
expect 'health of too many' 2 - 'at most' health $(seq -f '--tenant=t%g' 65)
expect 'token create' 0 '^tnd_[0-9a-f_]+$' 'shown this once' token create ci --role viewer
viewer=$(cat "$work/out")
expect 'token create with scopes' 0 '^tnd_' - -q token create one --scope tenants:read jobs:read
expect 'token create for nothing' 2 - 'either --role or --scope' token create ci
expect 'token create with a wrong scope' 1 - 'VALIDATION_FAILED' token create x --scope everything
expect 'not allowed' 1 - '403 PERMISSION_DENIED' --token "$viewer" tenants create x

# an output that cannot be written
"$ctl" tenants list >/dev/full 2>"$work/err"
check 'a full disk is told' [ $? = 1 ]

# the same call again after a reply that never came, then after 503: a key for all three
: >"$work/listening"
nc -l -v -N 127.0.0.1 0 </dev/null >"$work/first" 2>"$work/listening" &
nc1=$!
listening() { says 'Listening on' "$work/listening"; }
if until_true 10 listening; then
    port=$(sed -nE 's/.*Listening on [^ ]+ ([0-9]+).*/\1/p' "$work/listening" | head -n 1)
    (
        wait_first() { ! kill -0 "$nc1" 2>/dev/null; }
        until_true 20 wait_first
        printf 'HTTP/1.1 503 No\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n' |
            nc -l -N 127.0.0.1 "$port" >"$work/second"
        printf 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 23\r\nConnection: close\r\n\r\n{"state":"suspended"}\r\n' |
            nc -l -N 127.0.0.1 "$port" >"$work/third"
    ) &
    servers=$!
    expect 'another attempt' 0 '^tenant a: suspended$' - --url "http://127.0.0.1:$port" tenants suspend a
    wait "$nc1" "$servers"
    keys=$(cat "$work/first" "$work/second" "$work/third" | tr -d '\r' | sed -n 's/^Idempotency-Key: //p')
    check 'attempts have a key' [ "$(echo "$keys" | wc -l)" -ge 2 ]
    check 'and it is one' [ "$(echo "$keys" | sort -u | wc -l)" = 1 ]
else
    check 'nc listens' false
fi

kill "$daemon" && wait "$daemon"
daemon=
expect 'when the daemon has gone' 3 - 'not reachable' tenants list

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
