#!/bin/sh
# Each header compiles alone, with the project's flags.
# usage: headers.sh [ROOT [FLAG...]], the compiler in CC
set -eu
cd "${1:-$(dirname "$0")/../..}"
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- -Werror -Wall -Wextra -Wpedantic
cc=${CC:-gcc}

libraries=$(pkg-config --cflags jansson libcrypto libpq libmicrohttpd libarchive yaml-0.1 libsystemd check)
passed=0 failed=0
for header in $(find core service tests -name '*.h' | sort); do
    # included, because #pragma once is no good in a main file; the typedef, because a unit of
    # nothing but macros is empty
    # shellcheck disable=SC2086 # the libraries' flags are several words
    if printf '#include "%s"\ntypedef int lint_unit;\n' "$header" |
        "$cc" -std=gnu17 -D_GNU_SOURCE "$@" -I. $libraries -x c -fsyntax-only -; then
        passed=$((passed + 1))
    else
        echo "headers: $header does not compile alone"
        failed=$((failed + 1))
    fi
done
[ $((passed + failed)) -gt 0 ] || { echo "headers: no header below $(pwd)"; exit 1; }
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
