#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Compares the C++ and BPF sources with what clang-format 14 makes of them.
#   tests/lint/format.sh [--staged] [--fix] [FILE...]
# Kernel style (xdp/.clang-format) for xdp/, tc/, rules/abi.h, rules/hash.h, the look-up's copy for the host and *.bpf.c anywhere, the root's for
# the rest. --fix writes the result into the files; with files named, only those are looked at.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source tests/lint/sources.sh

clang_format=$(command -v clang-format-14 || command -v clang-format) || {
    echo "skipped: clang-format is not installed (packaging/install-deps --test)"
    exit 77
}
case $("$clang_format" --version) in
*'version 14.'*) ;;
*)
    echo "skipped: clang-format 14 is asked for, this is: $("$clang_format" --version)"
    exit 77
    ;;
esac

which=() files=()
how=(--dry-run -Werror)
while [[ $# -gt 0 ]]; do
    case $1 in
    --staged) which=(staged) ;;
    --fix) how=(-i) ;;
    -*) echo "format.sh: unknown option '$1'" >&2 && exit 2 ;;
    *) files+=("$1") ;;
    esac
    shift
done
if [[ ${#files[@]} -eq 0 ]]; then
    mapfile -t files < <(sources "${which[@]}")
fi

kernel=() userspace=()
for path in "${files[@]}"; do
    case $path in
    xdp/*.[ch] | tc/*.[ch] | rules/abi*.h | rules/hash.h | tests/support/host_lookup*.c | tests/support/host_lookup_c.h | *.bpf.c) kernel+=("$path") ;;
    *.h | *.cc | *.c) userspace+=("$path") ;;
    esac
done

failed=0
format() { # format STYLE FILE...: a line per place that differs
    local style=$1 output places
    shift
    if [[ $# -gt 0 ]] && ! output=$("$clang_format" "${how[@]}" "-style=file:$style" "$@" 2>&1); then
        failed=1
        places=$(sed -nE 's/^([^: ]+:[0-9]+):[0-9]+: error: .*/\1: not as clang-format has it/p' \
            <<<"$output" | uniq)
        echo "${places:-$output}"
    fi
}
format xdp/.clang-format "${kernel[@]}"
format .clang-format "${userspace[@]}"
if ! cmp -s xdp/.clang-format tc/.clang-format; then
    echo "tc/.clang-format differs from xdp/.clang-format; they are one style" >&2
    failed=1
fi
if [[ $failed -ne 0 ]]; then
    echo "to format: tests/lint/format.sh --fix" >&2
fi
echo "$((${#kernel[@]} + ${#userspace[@]})) files"
exit "$failed"
