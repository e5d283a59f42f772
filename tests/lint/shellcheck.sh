#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs shellcheck over every shell script of the tree: demo, check, hooks, tests, maintainer scripts.
#   tests/lint/shellcheck.sh [--staged]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source tests/lint/sources.sh

command -v shellcheck >/dev/null || {
    echo "skipped: shellcheck is not installed (packaging/install-deps --test)"
    exit 77
}
mapfile -t scripts < <(shell_scripts "${1:+staged}")
if [[ ${#scripts[@]} -gt 0 ]]; then
    # SC2119, SC2120: functions of sourced files may have arguments that can be left out.
    shellcheck --external-sources --source-path=SCRIPTDIR --exclude=SC2119,SC2120 "${scripts[@]}"
fi
echo "${#scripts[@]} scripts"
