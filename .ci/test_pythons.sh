#!/bin/sh
# Runs the tests on each Python from 3.8 to 3.13 that is here, in .venv-3.8 to .venv-3.13.
#
# Usage: sh .ci/test_pythons.sh [VERSION ...]       (all of them if not given)
#        ARGS="-k adam" sh .ci/test_pythons.sh 3.12 3.13
#
# A Python is looked for as python3.8 on the PATH, in /usr/bin and among pyenv's. What
# each run said last is printed in the end; the status is 0 if all passed.
set -u
cd "$(dirname "$0")/.." || exit 1

find_version() {  # prints the path of a Python of this version that runs
    for candidate in "/usr/bin/python$1" "python$1" \
        "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1".*/bin/python; do
        found=$("$candidate" -c '
import sys
if "%d.%d" % sys.version_info[:2] == sys.argv[1]:
    print(sys.executable)' "$1" 2>/dev/null)
        [ -n "$found" ] && echo "$found" && return
    done
    return 1
}

[ $# -gt 0 ] || set -- 3.8 3.9 3.10 3.11 3.12 3.13
summary=
status=0
for version in "$@"; do
    if ! python=$(find_version "$version"); then
        summary="$summary$version: not here
"
        continue
    fi
    output=$(mktemp) || exit 1
    # The pipe's own status is tee's.
    { make "VENV=.venv-$version" "PYTHON=$python" "ARGS=${ARGS:-}" test 2>&1 ||
        echo "$version: failed"; } | tee "$output"
    if tail -n 1 "$output" | grep -q '^[0-9.]*: failed$'; then
        status=1
        said="FAILED: $(grep ' in [0-9.]*s' "$output" | tail -n 1)"
    else
        said=$(grep ' in [0-9.]*s' "$output" | tail -n 1)
    fi
    rm -f "$output"
    summary="$summary$version ($python): $said
"
done
printf '\n%s' "$summary"
exit $status
