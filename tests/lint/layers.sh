#!/bin/sh
# Which folder may include which: base <- pg <- control, tenant, access <- pool, migrate, schema <- lint,
# job, query <- service; service/http knows only base. And which file may include which library.
# usage: layers.sh [ROOT]
set -eu
cd "${1:-$(dirname "$0")/../..}"

below_pool='core/base core/pg core/control core/tenant core/access'
core="$below_pool core/audit core/pool core/migrate core/schema core/lint core/job core/query"
# folder (subfolders go with it): what it may include besides itself; * is everything
table="
core/base:
core/pg: core/base
core/control: core/base core/pg
core/access: core/base core/pg core/control
core/audit: core/base core/pg core/control
core/tenant: core/base core/pg core/control
core/pool: $below_pool
core/migrate: $below_pool
core/schema: $below_pool
core/lint: $below_pool core/migrate core/schema
core/job: $below_pool core/audit core/pool core/migrate core/schema
core/query: $below_pool core/audit core/pool core/migrate core/schema
service/http: core/base
service/metrics: core/base
service/ctl: core/base
service/ui:
service/dev: $core service
service/api: $core service service/http service/metrics service/ui openapi
service: *
"
# header: the files that may include it, as an extended regular expression
libraries='
microhttpd.h ^service/http/server[^/]*$
libpq-fe.h ^core/pg/
curl/curl.h ^service/ctl/
'

files=$(find core service -name '*.[ch]' | sort)
[ -n "$files" ] || { echo "layers: no source below $(pwd)"; exit 1; }
# shellcheck disable=SC2086 # names of the project's files have no blanks
awk -v table="$table" -v libraries="$libraries" '
function folder(path,    parts, n) {
    n = split(path, parts, "/")
    return n > 2 ? parts[1] "/" parts[2] : parts[1]
}
function wrong(text) {
    printf "layers: %s:%d: %s\n", FILENAME, FNR, text
    bad[FILENAME] = 1
}
function check_ours(from, path,    to) {
    to = folder(path)
    if (to !~ /^(core|service|openapi)(\/|$)/ || path !~ /\//)
        wrong("\"" path "\" is not a path from the root")
    else if (from != to && !((from, to) in may) && !((from, "*") in may))
        wrong(from " may not include " to)
}
BEGIN {
    n = split(table, rows, "\n")
    for (i = 1; i <= n; i++) {
        if (split(rows[i], side, ":") < 2) continue
        known[side[1]] = 1
        m = split(side[2], names, " ")
        for (j = 1; j <= m; j++) may[side[1], names[j]] = 1
    }
    n = split(libraries, rows, "\n")
    for (i = 1; i <= n; i++)
        if (split(rows[i], side, " ") == 2) only[side[1]] = side[2]
}
FNR == 1 {
    checked++
    from = folder(FILENAME)
    if (!(from in known)) wrong(from " has no row in the table of layers.sh")
}
/^[ \t]*#[ \t]*include[ \t]*"/ {
    split($0, quoted, "\"")
    if (from in known) check_ours(from, quoted[2])
}
/^[ \t]*#[ \t]*include/ {
    for (header in only)
        if (match($0, "[<\"/]" header "[>\"]") && FILENAME !~ only[header])
            wrong(header " belongs to " only[header])
}
END {
    for (file in bad) failed++
    printf "%d passed, %d failed\n", checked - failed, failed
    exit failed > 0
}' $files
