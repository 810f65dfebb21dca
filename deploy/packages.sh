#!/bin/sh
# Debian packages: `packages.sh build` to build tenantd, `packages.sh run` to run it with a PostgreSQL
# of its own, `packages.sh test` for every test. Installs what is missing; needs root or sudo for that.
set -eu

build='gcc cmake ninja-build pkg-config git ca-certificates libmicrohttpd-dev libpq-dev libjansson-dev
    libpg-query-dev libssl-dev libarchive-dev libyaml-dev libsystemd-dev zlib1g-dev libcurl4-openssl-dev'
run='postgresql-15 curl jq'
test='clang libclang-rt-14-dev check chromium pgbouncer prometheus universal-ctags nodejs npm unzip procps shellcheck wrk jq
    systemd netcat-openbsd'

packages=
for kind in "$@"; do
    case $kind in
    build) packages="$packages $build" ;;
    run) packages="$packages $run" ;;
    test) packages="$packages $test" ;;
    *) echo "usage: packages.sh build|run|test..." >&2; exit 2 ;;
    esac
done

missing=
for package in $packages; do
    case $package in
    nodejs | npm) command -v "${package%js}" >/dev/null 2>&1 && continue ;; # however it was installed
    esac
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
    as_root=
elif command -v sudo >/dev/null; then
    as_root=sudo
else
    echo "these packages are missing, and neither root nor sudo is there to install them:$missing" >&2
    exit 1
fi
echo "installing:$missing"
$as_root apt-get update -qq
# shellcheck disable=SC2086 # a list of words
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
