#!/bin/sh
# The budget of sizes: prints the longest functions and the files past 400 lines; a function over 70
# lines or a file over 450 fails, in core/ and service/.
# usage: sizes.sh [ROOT]
set -eu
cd "${1:-$(dirname "$0")/../..}"

# functions that are a table, as FILE:FUNCTION
tables='
'

files=$(find core service -name '*.[ch]' | sort)
[ -n "$files" ] || { echo "sizes: no source below $(pwd)"; exit 1; }
command -v ctags >/dev/null || { echo "sizes: universal-ctags is not installed"; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck disable=SC2086 # names of the project's files have no blanks
{
    ctags -x --language-force=C --kinds-C=f --_xformat='%{line} %{end} %F %N' $files |
        awk '{ print $2 - $1 + 1, $3 ":" $4 }' | sort -rn >"$work/functions"
    wc -l $files | awk '$2 != "total" { print $1, $2 }' | sort -rn >"$work/files"
}

echo "longest functions:"
sed -n '1,10s/^/  /p' "$work/functions"
echo "files over 400 lines:"
awk '$1 > 400 { print "  " $0 }' "$work/files"
awk -v tables="$tables" '
function quantile(q) { return lines[int((n - 1) * (1 - q)) + 1] }
BEGIN {
    split(tables, rows, "\n")
    for (i in rows) is_table[rows[i]] = 1
}
FILENAME ~ /functions$/ {
    lines[++n] = $1
    checked++
    if ($1 > 70 && !($2 in is_table)) { failed++; print "sizes: " $2 " has " $1 " lines, 70 at most" }
}
FILENAME ~ /files$/ {
    checked++
    if ($1 > 450) { failed++; print "sizes: " $2 " has " $1 " lines, 450 at most" }
}
END {
    printf "%d functions: median %d, nine in ten up to %d\n", n, quantile(0.5), quantile(0.9)
    printf "%d passed, %d failed\n", checked - failed, failed
    exit failed > 0
}' "$work/functions" "$work/files"
