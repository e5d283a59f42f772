# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced by the lint scripts: which files are looked at.

# ./check runs as root in a tree of somebody else's, which git refuses without this.
tree_git() {
    git -c safe.directory='*' "$@"
}

# sources [staged]: paths below the current directory, one a line. Of a git work tree what is tracked
# or could be (an ignored build directory is not), elsewhere everything but build directories.
sources() {
    if [[ ${1:-} == staged ]]; then
        tree_git diff --cached --name-only --diff-filter=ACMR --relative
    elif tree_git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
        tree_git ls-files -co --exclude-standard
    else
        find . \( -name 'build*' -o -name 'obj-*' -o -name .git \) -type d -prune -o -type f -print |
            sed 's|^\./||'
    fi | sort -u | while IFS= read -r path; do
        # A tracked file may be deleted in the work tree.
        if [[ -f $path && ! -L $path ]]; then
            printf '%s\n' "$path"
        fi
    done
}

# shell_scripts [staged]: the sources that are bash or sh, by name or by their first line.
shell_scripts() {
    sources "$@" | while IFS= read -r path; do
        case $path in
        *.sh) printf '%s\n' "$path" ;;
        *.h | *.c | *.cc | *.toml | *.md | *.json | *.patch) ;;
        *)
            if head -n 1 "$path" | tr -d '\0' | grep -qE '^#! ?/(usr/)?bin/(env )?(ba|da)?sh( |$)'; then
                printf '%s\n' "$path"
            fi
            ;;
        esac
    done
}
