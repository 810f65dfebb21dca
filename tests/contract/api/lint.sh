#!/bin/sh
# Lints the contract; with the openapi.json of a build also holds that against the YAML.
#   lint.sh [BUILD/openapi/openapi.json]
set -eu
built=${1:+$(realpath "$1")}
cd "$(dirname "$0")"
contract=../../../openapi/openapi.yaml
[ -d node_modules ] || npm ci --no-audit --no-fund

export REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true
node_modules/.bin/redocly lint --config ../../../openapi/redocly.yaml "$contract"
if [ -n "$built" ]; then
    node same.mjs "$contract" "$built"
fi
