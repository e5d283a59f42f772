#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Packets are dropped in XDP by prefix, port and protocol, IPv4 and IPv6; near misses pass; each drop
# is counted by its rule.
# shellcheck source=tests/support/netns.sh
. "$(dirname "$0")/../support/netns.sh"
pc_net_up
cat >"$PC_WORK/rules.toml" <<'TOML'
schema = 1
[zone.wan]
interfaces = ["wan0"]
[set.bad-nets]
type = "prefix"
items = ["203.0.113.0/24", "2001:db8:bad::/48"]
exclude = ["203.0.113.67"]
[[rule]]
name = "bad-nets"
in = "wan"
src = "@bad-nets"
action = "drop"
[[rule]]
name = "ports"
in = "wan"
proto = ["tcp", "udp"]
dport = ["20-23", 9999]
action = "drop"
[[rule]]
name = "gre"
in = "wan"
proto = "gre"
action = "drop"
[[rule]]
name = "pings"
in = "wan"
proto = "icmp"
icmp_type = "echo-request"
action = "count"
[[rule]]
name = "pings6"
in = "wan"
proto = "icmp6"
icmp_type = "echo-request"
action = "count"
TOML
pc_start_daemon
ip -n "$PC_NS-wan" addr add 203.0.113.67/32 dev eth0

probe() { # EXPECTED-EXIT WHAT COMMAND...
    local want=$1 what=$2
    shift 2
    "$@"
    local got=$?
    [ $got = "$want" ] || pc_fail "$what: exit $got, expected $want"
    pc_ok "$what"
}

for address in "$PC_RTR4 $PC_BAD4 $PC_WAN4" "$PC_RTR6 $PC_BAD6 $PC_WAN6"; do
    read -r router bad wan <<<"$address"
    # The neighbour is resolved first, by an address that no rule names: IPv6 would ask from $bad.
    probe 1 "udp from $wan is answered (port unreachable)" pc_udp in_wan "$router" 7 "$wan"
    before=$(pc_packets bad-nets)
    probe 2 "udp from $bad is dropped" pc_udp in_wan "$router" 7 "$bad"
    [ "$(pc_packets bad-nets)" = $((before + 1)) ] || pc_fail "bad-nets did not count exactly one packet"

    before=$(pc_packets ports)
    probe 2 "udp to port 9999 from $wan is dropped" pc_udp in_wan "$router" 9999 "$wan"
    probe 2 "udp to port 20 from $wan is dropped" pc_udp in_wan "$router" 20 "$wan"
    probe 1 "udp to port 19 passes" pc_udp in_wan "$router" 19 "$wan"
    probe 1 "udp to port 24 passes" pc_udp in_wan "$router" 24 "$wan"
    [ "$(pc_packets ports)" = $((before + 2)) ] || pc_fail "ports did not count exactly two packets"
    probe 2 "tcp to port 23 from $wan is dropped" pc_tcp in_wan "$router" 23 "$wan"
    [ "$(pc_packets ports)" -ge $((before + 3)) ] || pc_fail "ports did not count the SYN"

    before=$(pc_packets gre)
    probe 0 "sent GRE from $wan" pc_raw in_wan "$router" 47 7 "$wan"
    probe 0 "sent ESP from $wan" pc_raw in_wan "$router" 50 7 "$wan"
    [ "$(pc_packets gre)" = $((before + 7)) ] || pc_fail "gre did not count exactly seven packets"
    pc_ok "seven GRE packets counted, ESP not"
    in_wan ping -q -c 3 -i 0.01 -W 1 -I "$wan" "$router" >/dev/null || pc_fail "ping $router"
done
probe 1 "203.0.113.67, excluded from the set, passes" pc_udp in_wan "$PC_RTR4" 7 203.0.113.67
[ "$(pc_packets pings)" = 3 ] || pc_fail "pings counted $(pc_packets pings), expected 3"
[ "$(pc_packets pings6)" = 3 ] || pc_fail "pings6 counted $(pc_packets pings6), expected 3"
pc_ok "count does not decide: pings are counted and answered"
