#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The house rules that a compiler does not check. Prints path:line: text per finding; exits 1 if any.
#   tests/lint/tidy.sh [--staged] [--root DIR]
# --staged looks at the lines of staged files only; what concerns the tree as a whole is always checked.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$here/sources.sh"
root=$here/../.. which=()
while [[ $# -gt 0 ]]; do
    case $1 in
    --staged) which=(staged) ;;
    --root) root=$2 && shift ;;
    *) echo "tidy.sh: unknown option '$1'" >&2 && exit 2 ;;
    esac
    shift
done
cd "$root"

findings=0
finding() {
    echo "$*"
    findings=$((findings + 1))
}
mapfile -t all < <(sources)
mapfile -t looked_at < <(sources "${which[@]}")
mapfile -t scripts < <(shell_scripts "${which[@]}")
code=() spdx=("${scripts[@]}")
for path in "${looked_at[@]}"; do
    case $path in
    *.h | *.c | *.cc) code+=("$path") && spdx+=("$path") ;;
    *.py | meson.build | */meson.build) spdx+=("$path") ;;
    esac
done

# The include table of ARCHITECTURE.md. allowed FILE HEADER; HEADER with its <> or "".
allowed() {
    case $2 in # what only one place may include
    '"tests/'*) [[ $1 == tests/* ]] && return || return 1 ;;
    '<toml++/'*) [[ $1 == rules/parse*.cc || $1 == tests/* ]] && return || return 1 ;;
    '<readline/'*) [[ $1 == ctl/shell/* || $1 == tests/* ]] && return || return 1 ;;
    *.skel.h\") [[ $1 == ctl/kern/datapath.* || $1 == tests/* ]] && return || return 1 ;;
    '<bpf/'* | '<xdp/'* | '<libmnl/'* | '<linux/netlink.h>' | '<linux/rtnetlink.h>')
        [[ $1 != rules/* && $1 != ctl/* || $1 == ctl/kern/* ]] || return 1
        ;;
    esac
    case $1:$2 in
    rules/abi.h:'"rules/abi_flow.h"' | rules/abi.h:'"rules/abi_inspect.h"') ;;
    rules/abi*.h:* | rules/hash.h:*) [[ $2 == '<linux/types.h>' ]] ;;
    rules/meaning.*:'"rules/plan.h"' | rules/meaning.*:'"rules/abi.h"') return 1 ;; # the oracle stands alone
    rules/*:'<fstream>' | rules/*:'<iostream>' | rules/*:'<filesystem>' | rules/*:'<ctime>') return 1 ;;
    rules/*:'"rules/'* | rules/parse*.cc:'<toml++/toml.h>') ;;
    xdp/*:'"xdp/'* | tc/*:'"xdp/'* | tc/*:'"tc/'*) ;;
    xdp/*:* | tc/*:*)
        [[ $2 =~ ^(\"rules/(abi|hash)\.h\"|<linux/.*>|<bpf/bpf_(helpers|endian)\.h>|<std(bool|def)\.h>)$ ]]
        ;;
    ctl/*:'"rules/'*) ;;
    ctl/kern/*:'"ctl/kern/'* | ctl/kern/*.skel.h\") ;;
    ctl/protocol/*:'"ctl/protocol/'* | ctl/protocol/*:'<nlohmann/'* | ctl/files/*:'"ctl/files/'*) ;;
    ctl/daemon/*:'"ctl/'*) [[ $2 =~ ^\"ctl/(daemon|kern|protocol|files)/ ]] ;;
    ctl/shell/*:'"ctl/'*) [[ $2 =~ ^\"ctl/(shell|protocol|files)/ ]] ;;
    ctl/inspect/*:'"ctl/'*) [[ $2 =~ ^\"ctl/(inspect/|protocol/|kern/(fd|map_store)\.h\") ]] ;;
    rules/*:* | ctl/protocol/*:*) [[ $2 =~ ^\<[a-z0-9_]+\>$ ]] ;; # the C++ standard library
    ctl/*:'"'*) return 1 ;;
    esac
}
while IFS=: read -r path line text; do
    header=$(sed -E 's/^[^<"]*([<"][^>"]*[>"]).*/\1/' <<<"$text")
    if [[ $header == '"'* && $header != *.skel.h\" && $header != */* ]]; then
        finding "$path:$line: include $header: write the path from the root of the tree"
    elif ! allowed "$path" "$header"; then
        finding "$path:$line: ${path%/*}/ may not include $header"
    fi
done < <(grep -nHE '^[[:space:]]*#[[:space:]]*include[[:space:]]*[<"]' "${code[@]}" /dev/null || true)

# SPDX on line 1, or on line 2 after a shebang. The kernel side is GPL-2.0-or-later.
for path in "${spdx[@]}"; do
    case $path in
    xdp/*.[ch] | tc/*.[ch] | rules/abi*.h | rules/hash.h) licence='GPL-2\.0-or-later' ;;
    tests/*) licence='GPL-(2\.0|3\.0)-or-later' ;;
    *) licence='GPL-3\.0-or-later' ;;
    esac
    head -n 2 "$path" | tr -d '\0' | awk 'NR == 1 || first ~ /^#/ { print } { first = $0 }' |
        grep -qE "SPDX-License-Identifier: $licence" ||
        finding "$path:1: no 'SPDX-License-Identifier: ${licence//\\/}' on the first line"
done

# Headers hold declarations, but BPF's hold the code; abi.h is one list that has to stay whole.
for path in "${spdx[@]}"; do
    limit=500 lines=$(wc -l <"$path")
    [[ $path != *.h || $path =~ ^((xdp|tc)/|rules/(abi|abi_flow|abi_inspect|hash)\.h) ]] || limit=150
    [[ $lines -le $limit ]] || finding "$path:$lines: $lines lines; the limit is $limit"
done

# lines PATTERN TEXT FILE...: a finding for each line that matches outside of a // comment.
lines() {
    local path line pattern=$1 text=$2
    shift 2
    while IFS=: read -r path line _; do
        finding "$path:$line: $text"
    done < <(grep -nHE "$pattern" "$@" /dev/null | grep -vE '^[^:]*:[0-9]+:[[:space:]]*(//|\*|/\*)' || true)
}
mapfile -t quiet < <(printf '%s\n' "${code[@]}" | grep -E '^(rules|ctl/kern)/' || true)
mapfile -t pure < <(printf '%s\n' "${code[@]}" | grep -E '^rules/' || true)
lines '(^|[^[:alnum:]_])(f?printf|puts|perror|syslog|cout|cerr|fmt::print)($|[^[:alnum:]_])' \
    'rules/ and ctl/kern/ never print and never log' "${quiet[@]}"
lines '_clock::now|(^|[^[:alnum:]_])(time|getenv|random_device)\(' \
    'rules/ has no clock, no environment, no dice' "${pure[@]}"
todo='TO''DO|FIX''ME|XX''X' # split, so that this line is not one
while IFS=: read -r path line _; do
    finding "$path:$line: a to-do needs the number of its issue, as (#12)"
done < <(grep -nHwE "$todo" "${spdx[@]}" /dev/null | grep -vE "\b($todo) ?\(#[0-9]+\)" || true)

# Banned words in the names of files, types, namespaces and functions at the left margin.
while IFS=: read -r path line name; do
    finding "$path:$line: the name '$name' has a banned word in it (tests/lint/names.awk)"
done < <(awk -f "$here/names.awk" "${code[@]}" /dev/null)

# What concerns the tree as a whole.
mentions() { # mentions FILE: does a meson.build of its folder or of one above name it?
    local folder=./$1 stem=${1##*/}
    stem=${stem%%.*}
    while [[ $folder == */* ]]; do
        folder=${folder%/*}
        grep -qswE "$stem|${stem%_test}" "$folder/meson.build" && return
    done
    return 1
}
tests=$(printf '%s\n' "${all[@]}" | grep -E '^tests/(unit|bpf|netns|fuzz)/' | xargs -r -d '\n' cat || true)
for path in "${all[@]}"; do
    case $path in
    *.cc | *.c) mentions "$path" || finding "$path:1: dead file: no meson.build names it" ;;
    tests/golden/*/*) ;;
    tests/golden/*.toml)
        [[ -f ${path%.toml}.err || (-f ${path%.toml}.plan && -f ${path%.toml}.canon) ]] ||
            finding "$path:1: neither .err nor .plan and .canon beside it"
        ;;
    esac
    stem=$(basename "$path" .cc) # edit_test.cc tests edit_keys.cc too; or the file names its test
    [[ $path != rules/*.cc || -f tests/unit/${stem}_test.cc || -f tests/unit/${stem%%_*}_test.cc ||
        -f $(grep -om1 'tests/unit/[a-z0-9_]*_test\.cc' "$path") ]] ||
        finding "$path:1: no tests/unit/${stem}_test.cc"
done
while read -r line name word; do
    grep -qE "PC_REASON_$name\b|\"$word\"" <<<"$tests" ||
        finding "rules/abi.h:$line: drop reason $name occurs in no test"
done < <(awk '/define PC_DROP_REASONS/ { on = 1 } on && match($0, /X\([A-Z0-9_]+, "[^"]+"\)/) {
    split(substr($0, RSTART + 2, RLENGTH - 3), x, /, "|"/); print NR, x[1], x[2] }
    on && !/\\$/ { exit }' rules/abi.h /dev/null 2>/dev/null)

[[ $findings -eq 0 ]] || { echo "$findings findings" && exit 1; }
