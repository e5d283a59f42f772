#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A commit under traffic: every packet is judged wholly by the old or wholly by the new rules. Both
# rule sets have the same rules, so that counters live through every commit; under the one set a packet
# is counted by a-first (in front) and a-last (which drops it), under the other by b-first and
# b-last, with many rules between. A packet that met a mixture would leave the two counters of a
# pair unequal; one that met no rule would reach the sink.
# shellcheck source=tests/support/netns.sh
. "$(dirname "$0")/../support/netns.sh"
pc_net_up
pair() { # NAME-PREFIX PORT
    printf '[[rule]]\nname = "%s-first"\nin = "wan"\nproto = "udp"\ndport = %s\naction = "count"\n' "$1" "$2"
    local i
    for i in $(seq 1 100); do
        printf '[[rule]]\nname = "%s-%s"\nin = "wan"\nproto = "udp"\ndport = %s\naction = "drop"\n' \
            "$1" "$i" $((6000 + i))
    done
    printf '[[rule]]\nname = "%s-last"\nin = "wan"\nproto = "udp"\ndport = %s\naction = "drop"\n' "$1" "$2"
}
make_rules() { # PORT-OF-A PORT-OF-B SAMPLE
    printf 'schema = 1\n[defaults]\nsample = "%s"\n[zone.wan]\ninterfaces = ["wan0"]\n' "$3"
    pair a "$1"
    pair b "$2"
}
# A commit that changes a few rules edits what packets use; one that changes [defaults] is built beside it.
make_rules 5000 5001 100/s >"$PC_WORK/a.toml"
make_rules 5001 5000 100/s >"$PC_WORK/b.toml"
make_rules 5000 5001 50/s >"$PC_WORK/a2.toml"
make_rules 5001 5000 50/s >"$PC_WORK/b2.toml"
cp "$PC_WORK/a.toml" "$PC_WORK/rules.toml"
pc_start_daemon
pc_start_sink 5000 "$PC_WORK/sunk"
pc_background wan /usr/bin/python3 "$PC_ROOT/tests/support/probe.py" flood "$PC_RTR4" 5000 8 "$PC_WAN4" \
    >"$PC_WORK/sent"
flood=$!
commits=0
while kill -0 "$flood" 2>/dev/null; do
    for rules in b a2 b2 a; do
        pc_shell commit "$PC_WORK/$rules.toml" >/dev/null || pc_fail "commit $rules"
        commits=$((commits + 1))
    done
done
wait "$flood"
sleep 0.3
kill -TERM "$PC_SINK"
wait "$PC_SINK"
sent=$(cat "$PC_WORK/sent")
sunk=$(cat "$PC_WORK/sunk")
a_first=$(pc_packets a-first) a_last=$(pc_packets a-last)
b_first=$(pc_packets b-first) b_last=$(pc_packets b-last)
[ "$commits" -ge 10 ] || pc_fail "only $commits commits in 8 s"
[ "$sent" -ge 1000 ] || pc_fail "only $sent packets in 8 s"
[ "$sunk" = 0 ] || pc_fail "$sunk packets met no rule"
[ "$a_first" = "$a_last" ] || pc_fail "a mixture: a-first $a_first, a-last $a_last"
[ "$b_first" = "$b_last" ] || pc_fail "a mixture: b-first $b_first, b-last $b_last"
[ $((a_first * b_first)) -gt 0 ] || pc_fail "traffic met only one of the sets"
[ $((a_first + b_first)) = "$sent" ] || pc_fail "$sent sent, $a_first + $b_first counted"
pc_ok "$commits commits, $sent packets: $a_first by the one set, $b_first by the other, none by a mixture"
