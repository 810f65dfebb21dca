#!/usr/bin/env bash
# Checks the scripts of this folder on a PostgreSQL of its own. Wants `npm ci` to have run here.
set -u
cd "$(dirname "$0")" || exit 1
example=../../../deploy/example
pg=../../support/pg.sh

[ -d node_modules ] || { echo "run npm ci in tests/contract/compat first" >&2; exit 1; }
work=$(mktemp -d)
trap '"$pg" stop "$work/pg"; rm -rf "$work"' EXIT
chmod 755 "$work" # PostgreSQL runs as another user when this runs as root
url=$("$pg" start "$work/pg") || exit 1
cat "$example"/shared/*.sql | psql -X -q -v ON_ERROR_STOP=1 -d "$url" || exit 1
node check.mjs "$url" "$example/tenant" "$example/next"
