#!/usr/bin/env bash
# tenantd --dev is killed: its PostgreSQL goes with it; on the same folder everything is as it was; two are refused
. "$(dirname "$0")/lib.sh"

dir=$work/dev
# dev NAME: like start, with a PostgreSQL of its own in $dir
dev() {
    starts=$((starts + 1))
    log[$1]=$work/$1-$starts.log
    "$tenantd" --dev --data-dir "$dir" --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0 2>"${log[$1]}" &
    pid[$1]=$!
}
dev one
await_ready one 60
token=$(cat "$dir/admin-token")
url=$(cat "$dir/database-url") tenants_url=$url
watch "$url"
is "mode of the token's file" 600 "$(stat -c %a "$dir/admin-token")"
register_base
make_tenants 5
server=$(head -n 1 "$dir/pg/postmaster.pid")
kill -0 "$server" || die "there is no PostgreSQL with pid $server"

"$tenantd" --dev --data-dir "$dir" --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0 2>"$work/second.txt" &
second=$!
code=0
wait "$second" || code=$?
is "exit status of a second one on the same folder" 1 "$code"
grep '"event":"failed"' "$work/second.txt" | jq -r .detail | grep -qiE 'another|in use|already' ||
    die "the second one says $(cat "$work/second.txt")"
must 200 GET /v1/tenants

murder one
gone() { ! kill -0 "$server" 2>/dev/null; }
until_true 20 "PostgreSQL stops after its tenantd was killed" gone

dev one
await_ready one 60
is "token" "$token" "$(cat "$dir/admin-token")"
url=$(cat "$dir/database-url") tenants_url=$url
must 200 GET /v1/tenants
is "tenants" 5 "$(get '.tenants | length')"
applied_once
no_orphans
register_steps 0.01 0001_a
start_run
await_job 20
job_is succeeded
applied_once
invariants
server=$(head -n 1 "$dir/pg/postmaster.pid")
stop one
is "PostgreSQL after an orderly end" gone "$(kill -0 "$server" 2>/dev/null && echo there || echo gone)"
no_internal_errors
