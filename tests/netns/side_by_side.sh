#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Two daemons in two network namespaces of one machine, each with its own paths: neither sees the other;
# `portcullisd --detach` of the one takes away all it made and leaves the other alone.
# shellcheck source=tests/support/netns.sh
. "$(dirname "$0")/../support/netns.sh"
pc_net_up
cat >"$PC_WORK/rules.toml" <<'TOML'
schema = 1
[zone.wan]
interfaces = ["wan0"]
[[rule]]
name = "no-7000"
in = "wan"
proto = "udp"
dport = 7000
action = "drop"
TOML
cat >"$PC_WORK/second.toml" <<'TOML'
schema = 1
[zone.out]
interfaces = ["eth0"]
[[rule]]
name = "no-7001"
in = "out"
proto = "udp"
dport = 7001
action = "drop"
TOML
# The WAN host gets a filter of its own here, in place of the program that all test hosts have.
ip -n "$PC_NS-wan" link set eth0 xdp off
pc_start_daemon
second() {
    nsenter --net="/run/netns/$PC_NS-wan" "$PC_BUILD/ctl/$1" --run-dir "$PC_WORK/run2" "${@:2}"
}
mkdir -p "$PC_WORK/run2" "$PC_WORK/state2"
start_second() {
    pc_background wan "$PC_BUILD/ctl/portcullisd" --run-dir "$PC_WORK/run2" --foreground \
        --config "$PC_WORK/second.toml" --state-dir "$PC_WORK/state2" \
        --bpffs "$PC_WORK/bpf/second" >>"$PC_WORK/daemon2.log" 2>&1
    second_pid=$!
}
start_second
pc_wait_for 15 second portcullis show status || pc_fail "the second daemon: $(cat "$PC_WORK/daemon2.log")"
pc_udp in_wan "$PC_RTR4" 7000
[ $? = 2 ] || pc_fail "the router does not drop 7000"
pc_udp in_wan "$PC_RTR4" 7001
[ $? = 1 ] || pc_fail "the router drops 7001, which only the WAN host's rules name"
pc_udp in_rtr "$PC_WAN4" 7001
[ $? = 2 ] || pc_fail "the WAN host does not drop 7001"
pc_ok "two instances, each with its own rules"
kill -TERM "$second_pid"
wait "$second_pid" 2>/dev/null
pc_udp in_rtr "$PC_WAN4" 7001
[ $? = 2 ] || pc_fail "a stopped daemon opened its firewall"
second portcullisd --detach --config "$PC_WORK/second.toml" --state-dir "$PC_WORK/state2" \
    --bpffs "$PC_WORK/bpf/second" || pc_fail "--detach failed"
pc_udp in_rtr "$PC_WAN4" 7001
[ $? = 1 ] || pc_fail "--detach left the filter attached"
in_wan ip -d link show eth0 | grep -q xdp && pc_fail "--detach left an XDP program"
in_wan tc qdisc show dev eth0 | grep -q clsact && pc_fail "--detach left a clsact qdisc"
[ -e "$PC_WORK/bpf/second" ] && [ -n "$(ls "$PC_WORK/bpf/second")" ] && pc_fail "--detach left pins"
pc_udp in_wan "$PC_RTR4" 7000
[ $? = 2 ] || pc_fail "--detach of the second touched the first"
pc_ok "--detach takes away its own and nothing else"
