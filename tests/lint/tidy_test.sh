#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# tidy.sh says about each small bad tree of tests/lint/bad exactly what that tree expects of it.
#
# A .case file is one tree:
#   expect: TEXT     one line of tidy.sh's output; several of these, in any order, or none
#   --- PATH         the lines that follow, up to the next --- line, are the file PATH
#   @repeat N TEXT   N lines TEXT
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

unpack() { # unpack CASE FOLDER
    local line target=/dev/null count text
    while IFS= read -r line; do
        case $line in
        'expect: '*) ;;
        '--- '*)
            target=$2/${line#--- }
            mkdir -p "${target%/*}"
            : >"$target"
            ;;
        '@repeat '*)
            read -r _ count text <<<"$line"
            for ((; count > 0; count--)); do printf '%s\n' "$text"; done >>"$target"
            ;;
        *) printf '%s\n' "$line" >>"$target" ;;
        esac
    done <"$1"
}

failed=0 passed=0
for case in "$here"/bad/*.case; do
    name=$(basename "$case" .case)
    mkdir "$work/$name"
    unpack "$case" "$work/$name"
    expected=$(sed -n 's/^expect: //p' "$case" | sort)
    status=0
    # GIT_DIR: the tree is not part of any git work tree, wherever temporary files live.
    output=$(GIT_DIR=/nonexistent "$here/tidy.sh" --root "$work/$name" 2>&1) || status=$?
    said=$(grep -vE '^[0-9]+ findings$' <<<"$output" | sort || true)
    wanted_status=$([[ -z $expected ]] && echo 0 || echo 1)
    if [[ $said != "$expected" || $status -ne $wanted_status ]]; then
        failed=$((failed + 1))
        printf 'FAIL %s (exit %d)\n--- expected\n%s\n--- said\n%s\n' \
            "$name" "$status" "$expected" "$said"
    else
        passed=$((passed + 1))
    fi
done
echo "$passed passed, $failed failed"
[[ $failed -eq 0 && $passed -gt 0 ]]
