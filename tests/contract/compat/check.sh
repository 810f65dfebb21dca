#!/usr/bin/env bash
# Checks the scripts of this folder on a PostgreSQL of its own. Wants `npm ci` to have run here.
set -u
cd "$(dirname "$0")" || exit 1
example=../../../deploy/example
# shellcheck source=tests/deploy/postgres.sh
. ../../deploy/postgres.sh

[ -d node_modules ] || { echo "run npm ci in tests/contract/compat first" >&2; exit 1; }
trap pg_stop EXIT
pg_start || exit 1
cat "$example"/shared/*.sql | "$PG_BIN/psql" -X -q -v ON_ERROR_STOP=1 -d "$PG_URL" || exit 1
node check.mjs "$PG_URL" "$example/tenant" "$example/next"
