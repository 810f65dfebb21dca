#!/usr/bin/env bash
# Checks everything in deploy/ and the Dockerfile. Installs nothing: wants `npm ci` in this folder, PostgreSQL 15,
# unzip and systemd (for systemd-analyze). Prints a line a check and ends with "N passed, N failed".
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cd "$here" || exit 1
passed=0
failed=0

# check NAME COMMAND...: one check; what the command prints is shown only when it fails.
check() {
    local name=$1 output
    shift
    if output=$("$@" 2>&1); then
        passed=$((passed + 1))
        echo "ok - $name"
    else
        failed=$((failed + 1))
        printf 'not ok - %s\n%s\n' "$name" "$output"
    fi
}

# refused TEXT COMMAND...: the command must fail and say TEXT. The negative control of a check.
refused() {
    local text=$1 output
    shift
    if output=$("$@" 2>&1); then
        echo "this should have failed: $*"
        return 1
    fi
    grep -qF -- "$text" <<<"$output" || { printf 'expected "%s" in:\n%s\n' "$text" "$output"; return 1; }
}

work=$(mktemp -d)
trap '"$root/tests/support/pg.sh" stop "$work/pg"; rm -rf "$work"' EXIT
chmod 755 "$work" # PostgreSQL runs as another user when this runs as root

# shellcheck source=tests/deploy/example.sh
. "$here/example.sh"
# shellcheck source=tests/deploy/packaging.sh
. "$here/packaging.sh"

[ -d node_modules ] || { echo "run npm ci in tests/deploy first" >&2; exit 1; }

check_packaging
if PG_URL=$("$root/tests/support/pg.sh" start "$work/pg"); then
    check_example
else
    check "PostgreSQL starts" false
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
