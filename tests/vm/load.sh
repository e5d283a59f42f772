#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Every program passes the verifier of Debian 12's own kernel, which allows less than this machine's may.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
PC_BUILD=${PC_BUILD:-$root/build}
export PC_BUILD
wanted="pc_filter pc_insp_ingress pc_sk_lookup pc_tc_egress pc_tc_ingress"
exec "$root/tests/vm/boot.sh" 240 sh -c "
    uname -r
    bpftool prog loadall $(printf '%q' "$PC_BUILD")/portcullis.bpf.o /sys/fs/bpf/pc || exit 1
    loaded=\$(ls /sys/fs/bpf/pc | sort | xargs)
    echo \"loaded: \$loaded\"
    [ \"\$loaded\" = '$wanted' ]"
