#!/bin/sh
# The README's configuration tables are what the daemon prints. `readme.sh TENANTD --write` brings them
# up to date.
# usage: readme.sh TENANTD [--write]
set -eu
tenantd=$1
cd "$(dirname "$0")/../.."
wanted=$(mktemp)
trap 'rm -f "$wanted"' EXIT

"$tenantd" --help-markdown | awk '
    FNR == NR { table = table $0 "\n"; next }
    /^<!-- tenantd --help-markdown -->$/ { print; printf "%s", table; skipping = 1; next }
    /^<!-- end -->$/ { skipping = 0 }
    !skipping { print }' - README.md >"$wanted"

if [ "${2:-}" = --write ]; then
    cat "$wanted" >README.md
elif ! diff -u README.md "$wanted"; then
    echo "readme: the tables are not what $tenantd --help-markdown prints: run tests/lint/readme.sh $tenantd --write"
    echo "0 passed, 1 failed"
    exit 1
fi
echo "1 passed, 0 failed"
