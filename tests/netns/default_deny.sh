#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Under a default-deny policy, what IPv6 and path MTU discovery need still works (RFC 4890), ARP too;
# everything else is dropped and counted under "policy".
# shellcheck source=tests/support/netns.sh
. "$(dirname "$0")/../support/netns.sh"
pc_net_up
cat >"$PC_WORK/rules.toml" <<'TOML'
schema = 1
[defaults]
action = "drop"
[zone.lan]
interfaces = ["lan0"]
[zone.wan]
interfaces = ["wan0"]
[[rule]]
name = "ssh"
in = "lan"
proto = "tcp"
dport = 2323
action = "accept"
[[rule]]
name = "answers"
in = "wan"
proto = "tcp"
sport = 2323
action = "accept"
TOML
pc_start_servers
pc_start_daemon
for ns in lan rtr wan; do
    ip -n "$PC_NS-$ns" neigh flush all
    ip -n "$PC_NS-$ns" -6 neigh flush all
done
for wan in "$PC_WAN4" "$PC_WAN6"; do
    pc_tcp in_lan "$wan" 2323 || pc_fail "an accepted port of $wan does not answer (ARP or ND broken?)"
    pc_ok "tcp 2323 at $wan answers: neighbours were resolved"
    before=$(pc_reason policy)
    pc_tcp in_lan "$wan" 7000
    [ $? = 2 ] || pc_fail "port 7000 of $wan is not dropped"
    [ "$(pc_reason policy)" -gt "$before" ] || pc_fail "the drop was not counted under policy"
    pc_ok "tcp 7000 at $wan is dropped by the policy"
done
in_lan ping -q -c 1 -W 1 10.77.1.1 >/dev/null && pc_fail "ping passes a default deny"
# Path MTU: the WAN host's route to the router is narrower; its "too big" answers must come through.
[ "$(pc_reason essential-icmp)" -ge 2 ] || pc_fail "neighbour discovery was not counted as essential"
pc_ok "essential-icmp counted $(pc_reason essential-icmp)"
before=$(pc_reason essential-icmp)
in_wan /usr/bin/python3 - "$PC_RTR4" <<'PY'
import socket, struct, sys
def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    total = (total >> 16) + (total & 0xffff)
    return ~(total + (total >> 16)) & 0xffff
inner = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 1500, 1, 0x4000, 64, 6, 0,
                    socket.inet_aton(sys.argv[1]), socket.inet_aton("198.51.100.2")) + b"\0" * 8
head = struct.pack("!BBHHH", 3, 4, 0, 0, 1300)
head = struct.pack("!BBHHH", 3, 4, checksum(head + inner), 0, 1300)
socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).sendto(head + inner, (sys.argv[1], 0))
PY
[ "$(pc_reason essential-icmp)" -gt "$before" ] || pc_fail "fragmentation needed did not survive"
pc_ok "ICMP fragmentation needed survives"
