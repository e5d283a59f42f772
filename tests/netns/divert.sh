#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# TC egress and the way through the inspector: TCP flows of both families, forwarded and the router's
# own, with masquerade and without, arrive whole; rules there see the client as it was before NAT; what
# cannot be inspected is dropped under its name; open flows outlive the daemon.
# shellcheck source=tests/support/netns.sh
. "$(dirname "$0")/../support/netns.sh"

write_rules() {
    cat >"$PC_WORK/rules.toml" <<'TOML'
schema = 1
[zone.lan]
interfaces = ["lan0"]
[zone.wan]
interfaces = ["wan0"]
[inspect.names]
mode = "terminate"
on_down = "drop"
[[rule]]
name = "marked"
in = "lan"
proto = "udp"
dport = 7000
action = "mark"
mark = "0x5/0xff"
[[rule]]
name = "web"
out = "wan"
proto = "tcp"
dport = [80, 443, 8080]
action = "inspect"
inspect = "names"
[[rule]]
name = "one-client"
out = "wan"
src = ["10.77.1.2", "fd77:1::2"]
proto = "tcp"
dport = 7000
action = "accept"
[[rule]]
name = "own-telnet"
out = "wan"
proto = "tcp"
dport = 23
action = "drop"
TOML
}

get() { # NAMESPACE HOST PATH: prints the body
    "$1" curl -s -m 10 "http://$2:8080$3"
}

check_flows() { # NAT
    local wan body size
    for wan in "$PC_WAN4" "[$PC_WAN6]"; do
        for size in 10 100000 20000000; do
            body=$(get in_lan "$wan" "/bytes/$size" | wc -c)
            [ "$body" = "$size" ] || pc_fail "$1: $body of $size bytes came from $wan"
        done
        body=$(get in_rtr "$wan" /bytes/100000 | wc -c)
        [ "$body" = 100000 ] || pc_fail "$1: the router's own flow to $wan is not whole"
        in_lan curl -sk -m 10 -o /dev/null "https://$wan/" || pc_fail "$1: TLS to $wan does not work"
        head -c 5000000 /dev/zero | in_lan curl -s -m 10 -H Expect: --data-binary @- -o /dev/null \
            "http://$wan:8080/" || pc_fail "$1: a large request to $wan does not arrive"
        # The server speaks to the router: the relay, not the client.
        body=$(get in_lan "$wan" /)
        case $body in *"$PC_RTR4"* | *"$PC_RTR6"*) ;; *) pc_fail "$1: the server saw: $body" ;; esac
    done
    for client in 10.77.1.2 fd77:1::2; do
        pc_wait_for 3 grep -q "\"src_ip\":\"$client\"" "$PC_WORK/eve.json" ||
            pc_fail "$1: the log does not know the client $client"
    done
    [ "$(pc_packets web)" -gt 100 ] || pc_fail "$1: rule web counted too little"
    [ "$(pc_reason inspect-divert)" -gt 100 ] || pc_fail "$1: nothing was diverted"
    [ "$(pc_reason inspect-reply)" -gt 100 ] || pc_fail "$1: nothing came back"
    pc_ok "$1: flows of the client and of the router, IPv4 and IPv6, arrive whole through the inspector"
}

check_rules() { # NAT
    local before wan
    ip -n "$PC_NS-lan" addr add 10.77.1.3/24 dev eth0
    before=$(pc_packets one-client)
    pc_tcp in_lan "$PC_WAN4" 7000 10.77.1.3 || pc_fail "$1: another client does not get through"
    [ "$(pc_packets one-client)" = "$before" ] || pc_fail "$1: a rule matched another client"
    for wan in "$PC_WAN4" "$PC_WAN6"; do
        before=$(pc_packets one-client)
        pc_tcp in_lan "$wan" 7000 || pc_fail "$1: the client does not get through to $wan"
        [ "$(pc_packets one-client)" -gt "$before" ] || pc_fail "$1: the client before NAT was not seen"
    done
    pc_ok "$1: a rule at TC egress sees the source as it was before NAT"
    before=$(pc_packets own-telnet)
    pc_tcp in_rtr "$PC_WAN4" 23 && pc_fail "$1: the router's own packets pass a drop rule"
    [ "$(pc_packets own-telnet)" -gt "$before" ] || pc_fail "$1: the drop at TC egress was not counted"
    pc_ok "$1: a rule with out drops the router's own packets, counted"
}

check_mark() {
    in_rtr nft -f - <<'NFT' || pc_fail "nft refuses the rule that counts the mark"
table inet seen {
    chain pre { type filter hook prerouting priority 0; meta mark & 0xff == 0x5 counter; }
}
NFT
    pc_udp in_lan "$PC_WAN4" 7000 || pc_fail "marked packets do not arrive"
    in_rtr nft list table inet seen | grep -q 'packets [1-9]' || pc_fail "the stack does not see the mark"
    pc_ok "a mark given at XDP is on the packet in the stack"
}

# A path behind the router that carries less than the inspector's namespace believes.
check_path_mtu() {
    local wan body
    ip -n "$PC_NS-rtr" route replace 10.77.1.2/32 dev lan0 mtu lock 1300
    ip -n "$PC_NS-rtr" -6 route replace fd77:1::2/128 dev lan0 mtu 1300
    for wan in "$PC_WAN4" "[$PC_WAN6]"; do
        body=$(get in_lan "$wan" /bytes/1000000 | wc -c)
        [ "$body" = 1000000 ] || pc_fail "$1: $body bytes came over a path with a small MTU from $wan"
    done
    ip -n "$PC_NS-rtr" route del 10.77.1.2/32 dev lan0
    ip -n "$PC_NS-rtr" -6 route del fd77:1::2/128 dev lan0
    pc_ok "$1: ICMP errors reach the inspector: path MTU discovery works"
}

fragment_dropped() { [ "$(pc_reason "inspect-fragment")" -ge 1 ]; }

# Only without masquerade: conntrack would put the fragments together again.
check_fragments() {
    in_lan /usr/bin/python3 - "$PC_WAN4" <<'PYTHON'
import socket, struct, sys
def packet(flags_offset, payload):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 77, flags_offset, 64, 6, 0,
                       socket.inet_aton("10.77.1.2"), socket.inet_aton(sys.argv[1]))
    return head + payload
tcp = struct.pack("!HHIIBBHHH", 4444, 8080, 1, 0, 0x50, 2, 1000, 0, 0)
sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
sock.sendto(packet(0x2000, tcp + b"x" * 12), (sys.argv[1], 0))
sock.sendto(packet(0x0004, b"x" * 8), (sys.argv[1], 0))
PYTHON
    pc_wait_for 3 fragment_dropped ||
        pc_fail "a TCP fragment that an inspect rule matches is not dropped under inspect-fragment"
    pc_ok "a TCP fragment that would have to be inspected is dropped under its own reason"
}

check_daemon_restart() {
    local body
    in_lan curl -s -m 30 --limit-rate 4M "http://$PC_WAN4:8080/bytes/12000000" >"$PC_WORK/slow" &
    body=$!
    sleep 1
    kill -9 "$PC_DAEMON"
    wait "$PC_DAEMON" 2>/dev/null
    pc_start_daemon
    wait "$body"
    [ "$(wc -c <"$PC_WORK/slow")" = 12000000 ] || pc_fail "an open flow did not outlive the daemon"
    [ "$(get in_lan "$PC_WAN4" /bytes/1000 | wc -c)" = 1000 ] || pc_fail "no new flows after the restart"
    pc_ok "an inspected flow outlives the daemon, and its successor takes over the namespace"
}

check_host_untouched() {
    [ "$(in_rtr ip rule | wc -l)" = 3 ] || pc_fail "the host has other routing rules than before"
    [ "$(pc_reason "inspect-stray")" = 0 ] || pc_fail "the inspector's namespace sent stray packets"
    pc_ok "the host's routing rules are as before"
}

run() { # MASQUERADE NAT
    PC_MASQUERADE=$1
    pc_net_up
    write_rules
    pc_start_servers
    pc_start_daemon
    pc_start_inspector
    check_flows "$2"
    check_rules "$2"
    check_path_mtu "$2"
    if [ "$1" = yes ]; then
        check_mark
        check_daemon_restart
    else
        check_fragments
    fi
    check_host_untouched
}

# Each in a shell of its own, so that each cleans up.
for nat in "yes masquerade" "no routed"; do
    # shellcheck disable=SC2086 # two words
    (run $nat)
    status=$?
    [ $status = 0 ] || exit $status
done
