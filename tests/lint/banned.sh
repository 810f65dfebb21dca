#!/bin/sh
# What must not be in core/ and service/: calls that overflow, jump or start a shell; in core/ also what
# prints, ends the process or reads the environment; marks of unfinished work.
# usage: banned.sh [ROOT]
set -eu
cd "${1:-$(dirname "$0")/../..}"

files=$(find core service -name '*.[ch]' | sort)
[ -n "$files" ] || { echo "banned: no source below $(pwd)"; exit 1; }
# shellcheck disable=SC2086 # names of the project's files have no blanks
awk '
function wrong(text) {
    printf "banned: %s:%d: %s\n", FILENAME, FNR, text
    bad[FILENAME] = 1
}
# The line without comments and without what is inside literals.
function code(line,    out, i, n, c, two, quote) {
    n = length(line)
    for (i = 1; i <= n; i++) {
        c = substr(line, i, 1); two = substr(line, i, 2)
        if (in_comment) { if (two == "*/") { in_comment = 0; i++ } continue }
        if (quote) { if (c == "\\") i++; else if (c == quote) quote = ""; continue }
        if (two == "//") break
        if (two == "/*") { in_comment = 1; i++; out = out " "; continue }
        if (c == "\"" || c == "\047") quote = c
        out = out c
    }
    return out
}
function calls(text, names) {
    return match(" " text, "[^A-Za-z0-9_](" names ")[ \t]*[(]")
}
BEGIN {
    everywhere = "strcpy|strcat|sprintf|vsprintf|gets|atoi|atol|atof|strtok|system|popen|setjmp|sigsetjmp|longjmp|siglongjmp"
    in_core = "exit|_exit|getenv|secure_getenv|setenv|printf|puts|perror|syslog"
}
FNR == 1 { checked++; in_comment = 0 }
/(^|[^A-Za-z])(TODO|FIXME|XXX)([^A-Za-z]|$)/ { wrong("unfinished work is not marked but done, or named in an issue") }
{
    text = code($0)
    if (calls(text, everywhere)) wrong("banned call: " $0)
    if (FILENAME ~ /^core\// && calls(text, in_core)) wrong("not in core/: " $0)
    if (match(" " text, /[^A-Za-z0-9_]goto[ \t]/)) wrong("goto")
}
END {
    for (file in bad) failed++
    printf "%d passed, %d failed\n", checked - failed, failed
    exit failed > 0
}' $files
