#!/usr/bin/env bash
# tests/fault/run.sh [NAME...]: runs the faults of this folder, each in a process of its own with a limit of
# time, and counts. TENANTD names the daemon; FAULT_SLOW=3 gives one built with a sanitizer more time.
set -u
cd "$(dirname "$0")" || exit 1
root=$PWD/../..
export TENANTD=${TENANTD:-$root/build/release/tenantd}
[ -x "$TENANTD" ] || { echo "run.sh: there is no $TENANTD; build it or set TENANTD" >&2; exit 1; }

if [ $# = 0 ]; then
    for file in *.sh; do
        [ "$file" = lib.sh ] || [ "$file" = run.sh ] || set -- "$@" "${file%.sh}"
    done
fi
passed=0 failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
trap 'exit 130' INT TERM
for name; do
    [ -f "$name.sh" ] || { echo "run.sh: there is no fault $name" >&2; exit 2; }
    began=$SECONDS
    if timeout -k 10 $((180 * ${FAULT_SLOW:-1})) bash "$name.sh" >"$log" 2>&1; then
        passed=$((passed + 1))
        echo "ok - $name: $(sed -n '2s/^# //p' "$name.sh") ($((SECONDS - began)) s)"
    else
        failed=$((failed + 1))
        echo "not ok - $name: $(sed -n '2s/^# //p' "$name.sh") ($((SECONDS - began)) s)"
        tail -n 200 "$log"
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
