#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The daemon is killed with SIGKILL and started again under traffic: not one packet that must be
# dropped gets through, every one is counted, before, between and after.
# shellcheck source=tests/support/netns.sh
. "$(dirname "$0")/../support/netns.sh"
pc_net_up
cat >"$PC_WORK/rules.toml" <<'TOML'
schema = 1
[zone.wan]
interfaces = ["wan0"]
[[rule]]
name = "bad"
in = "wan"
src = ["203.0.113.0/24", "2001:db8:bad::/48"]
action = "drop"
TOML
pc_start_daemon
# The WAN host must not need an answer to a neighbour solicitation that comes from $PC_BAD6.
ip -n "$PC_NS-wan" neigh replace "$PC_RTR6" dev eth0 nud permanent \
    lladdr "$(ip -n "$PC_NS-rtr" -j link show wan0 | pc_json 'j[0]["address"]')"
pc_start_sink 5000 "$PC_WORK/sunk"
floods=()
for i in 4 6; do
    [ $i = 4 ] && target=("$PC_RTR4" 5000 10 "$PC_BAD4") || target=("$PC_RTR6" 5000 10 "$PC_BAD6")
    pc_background wan /usr/bin/python3 "$PC_ROOT/tests/support/probe.py" flood "${target[@]}" >"$PC_WORK/sent$i"
    floods+=($!)
done
# The control: what no rule names does reach the sink, so silence there means something.
in_wan /usr/bin/python3 "$PC_ROOT/tests/support/probe.py" flood "$PC_RTR4" 5000 0.2 "$PC_WAN4" >"$PC_WORK/control"
for round in 1 2 3; do
    before=$(pc_packets bad)
    kill -9 "$PC_DAEMON"
    wait "$PC_DAEMON" 2>/dev/null
    sleep 0.5
    pc_shell show status >/dev/null 2>&1
    [ $? = 4 ] || pc_fail "a dead daemon is not reported with exit code 4"
    pc_start_daemon
    after=$(pc_packets bad)
    [ "$after" -gt "$before" ] || pc_fail "round $round: nothing was counted while the daemon was dead"
    pc_ok "round $round: killed and restarted, the counter went from $before to $after"
done
# A polite end must not open anything either.
kill -TERM "$PC_DAEMON"
wait "$PC_DAEMON" 2>/dev/null
for pid in "${floods[@]}"; do wait "$pid"; done
pc_start_daemon
sleep 0.3
kill -TERM "$PC_SINK"
wait "$PC_SINK"
sent=$(($(cat "$PC_WORK/sent4") + $(cat "$PC_WORK/sent6")))
control=$(cat "$PC_WORK/control")
sunk=$(cat "$PC_WORK/sunk")
[ "$sunk" = "$control" ] || pc_fail "the sink saw $sunk packets, only the $control harmless ones may arrive"
counted=$(pc_packets bad)
# What the sender's own interface lost under load never met the filter.
lost=$(ip -n "$PC_NS-wan" -j -s link show eth0 | pc_json 'j[0]["stats64"]["tx"]["dropped"]')
[ "$counted" -le "$sent" ] || pc_fail "$sent packets sent, $counted counted"
[ $((counted + lost)) -ge "$sent" ] || pc_fail "$sent packets sent, $lost lost by the sender, $counted counted"
pc_ok "$sent packets to be dropped: 0 passed, $counted counted, $lost lost by the sender; $control harmless ones: all passed"
