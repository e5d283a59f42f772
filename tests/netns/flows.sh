#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A firewall with state, for real clients: out of the LAN everything, in from the WAN only what belongs to it. TCP, UDP,
# ping, traceroute, path MTU discovery, IPv6 neighbours, the router's own traffic, inspected flows; with masquerade and without;
# time-outs; the daemon killed and started with flows alive; commits that cut flows and that keep them; conntrack as a witness.
# shellcheck source=tests/support/netns.sh
. "$(dirname "$0")/../support/netns.sh"
export PC_MASQUERADE=${1:-yes}
pc_net_up
# Answers of datagrams come from the address that was asked, not from the other one that the host has.
[ "$PC_MASQUERADE" = yes ] || ip -n "$PC_NS-wan" -6 route replace fd77:1::/64 via $PC_RTR6 src $PC_WAN6
write_rules() { # RULES: before "out"
    cat >"$PC_WORK/rules.toml" <<TOML
schema = 1
[zone.lan]
interfaces = ["lan0"]
established = true
[zone.wan]
interfaces = ["wan0"]
default = "drop"
established = true
[flows]
max = 8192
udp_replied = "3s"
[inspect.web]
mode = "terminate"
deny = ["bad.example"]
$1
[[rule]]
name = "web"
in = "lan"
out = "wan"
proto = "tcp"
dport = 443
action = "inspect"
inspect = "web"
[[rule]]
name = "out"
in = "lan"
action = "accept"
[[rule]]
name = "from-wan"
in = "wan"
proto = "tcp"
dport = 2222
action = "accept"
TOML
}
write_rules ""
pc_start_servers
pc_start_daemon
pc_start_inspector

# ---- what goes out comes back
for wan in "$PC_WAN4" "$PC_WAN6"; do
    address=$wan
    [[ $wan == *:* ]] && address="[$wan]"
    for ns in lan rtr wan; do ip -n "$PC_NS-$ns" neigh flush all && ip -n "$PC_NS-$ns" -6 neigh flush all; done
    in_lan curl -s -m 5 "http://$address/x" | grep -q '^hello' || pc_fail "curl http://$address"
    in_rtr curl -s -m 5 "http://$address/x" | grep -q '^hello' || pc_fail "the router's own curl http://$address"
    in_lan curl -sk -m 5 "https://$address/x" | grep -q '^hello' || pc_fail "curl https://$address through the inspector"
    pc_udp in_lan "$wan" 7000 || pc_fail "UDP to $wan"
    pc_udp in_rtr "$wan" 7000 || pc_fail "the router's own UDP to $wan"
    in_lan ping -q -c 3 -i 0.2 -W 1 "$wan" >/dev/null || pc_fail "ping $wan"
    in_lan ping -q -c 1 -s 20000 -W 2 "$wan" >/dev/null || pc_fail "ping in fragments to $wan"
    # The last hop's "port unreachable" is related to a flow.
    in_lan traceroute -n -q 1 -w 2 -m 4 "$wan" | grep -q "^ *2  *$wan" || pc_fail "traceroute $wan: $(in_lan traceroute -n -q 1 -w 2 -m 4 "$wan")"
    before=$(pc_reason policy)
    in_wan ping -q -c 1 -W 1 "$([[ $wan == *:* ]] && echo $PC_RTR6 || echo $PC_RTR4)" >/dev/null && pc_fail "ping from the WAN passes"
    [ "$(pc_reason policy)" -gt "$before" ] || pc_fail "what comes unasked is not dropped by the policy"
    pc_ok "HTTP, HTTPS, UDP, ping, fragments, traceroute to $wan; unasked packets are dropped"
done
in_wan iperf3 -s -1 -p 5201 >/dev/null &
PC_PIDS+=($!)
pc_wait_for 5 in_wan bash -c "ss -Hltn 'sport = :5201' | grep -q ."
dropped=$(pc_reason policy)
in_lan iperf3 -c "$PC_WAN4" -p 5201 -P 4 -t 3 -J >"$PC_WORK/iperf.json" || pc_fail "iperf3: $(tail -5 "$PC_WORK/iperf.json")"
rate=$(pc_json "int(j['end']['sum_received']['bits_per_second'] / 1e6)" <"$PC_WORK/iperf.json")
[ "$rate" -gt 50 ] || pc_fail "iperf3: $rate Mbit/s"
[ "$(pc_reason policy)" -le $((dropped + 5)) ] || pc_fail "segments of living connections were taken for strangers: $(($(pc_reason policy) - dropped))"
pc_ok "iperf3 with four streams: $rate Mbit/s, no segment of them was out of its window"

# ---- a hole for one, and for as long as it lasts
cat >"$PC_WORK/hole.py" <<'PY'
import socket, sys, time
# What the WAN host receives first tells it where the client is; then it sends from three places.
server, other, wait = sys.argv[1], sys.argv[2], float(sys.argv[3])
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind((server, 4000)); s.settimeout(5)
data, peer = s.recvfrom(100)
s.sendto(b"right", peer)
o = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); o.bind((server, 4001)); o.sendto(b"port", peer)
a = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); a.bind((other, 4000)); a.sendto(b"address", peer)
time.sleep(wait)
s.sendto(b"late", peer)
PY
pc_background wan /usr/bin/python3 "$PC_WORK/hole.py" "$PC_WAN4" "$PC_BAD4" 5
sleep 0.5
in_lan /usr/bin/python3 - "$PC_WAN4" >"$PC_WORK/heard" <<'PY'
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(7)
s.sendto(b"hello", (sys.argv[1], 4000))
heard, end = [], time.time() + 7
while time.time() < end:
    s.settimeout(max(0.1, end - time.time()))
    try:
        heard.append(s.recv(100).decode())
    except TimeoutError:
        pass
print(" ".join(heard))
PY
[ "$(cat "$PC_WORK/heard")" = right ] || pc_fail "the client heard: $(cat "$PC_WORK/heard")"
pc_ok "a UDP hole is for one address and port, and closes after udp_replied"

# ---- path MTU discovery: only who sees the flow can say something about it
cat >"$PC_WORK/toobig.py" <<'PY'
import socket, struct, sys
def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    total = (total >> 16) + (total & 0xffff)
    return ~(total + (total >> 16)) & 0xffff
tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800)); tap.bind(("eth0", 0)); tap.settimeout(10)
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)
while True:
    ip = tap.recv(65535)[14:]
    ihl = (ip[0] & 15) * 4
    if ip[9] == 17 and struct.unpack("!H", ip[ihl + 2:ihl + 4])[0] == 7000 and socket.inet_ntoa(ip[16:20]) == sys.argv[1]:
        break
def send(l4, mtu):
    inner = ip[:ihl] + l4
    head = struct.pack("!BBHHH", 3, 4, 0, 0, mtu)
    raw.sendto(struct.pack("!BBHHH", 3, 4, checksum(head + inner), 0, mtu) + inner, (socket.inet_ntoa(ip[12:16]), 0))
send(ip[ihl:ihl + 2] + struct.pack("!H", 7001) + ip[ihl + 4:ihl + 8], 700)
send(ip[ihl:ihl + 8], 1300)
PY
pc_background wan /usr/bin/python3 "$PC_WORK/toobig.py" "$PC_WAN4"
sleep 0.5
related=$(pc_reason related)
in_lan /usr/bin/python3 - "$PC_WAN4" <<'PY' || pc_fail "UDP with DF"
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, 10, 2)  # IP_MTU_DISCOVER, IP_PMTUDISC_DO
s.connect((sys.argv[1], 7000))
for _ in range(20):
    try:
        s.send(b"x" * 1000)
    except OSError:
        pass
    time.sleep(0.1)
PY
pc_wait_for 5 in_lan bash -c "ip route get $PC_WAN4 | grep -q 'mtu 1300'" || pc_fail "the client did not learn of the MTU: $(in_lan ip route get "$PC_WAN4")"
[ "$(pc_reason related)" = $((related + 1)) ] || pc_fail "related: $related, then $(pc_reason related)"
pc_ok "fragmentation needed reaches the client; what is said of another flow does not"

# ---- connections outlive the daemon, and commits that do not concern them
talker() { # FIFO PORT: bash with a connection; each line of the fifo is sent, its echo goes to FIFO.out
    mkfifo "$PC_WORK/$1"
    pc_background lan bash -c "exec 3<>/dev/tcp/$PC_WAN4/$2 4<>'$PC_WORK/$1'
        while read -r -u 4 line; do echo \"\$line\" >&3; read -r -t 3 -u 3 answer && echo \"\$answer\" >>'$PC_WORK/$1.out'; done"
    say "$1" first || pc_fail "no connection to port $2"
}
say() { # FIFO LINE: sent and echoed
    echo "$2" >"$PC_WORK/$1"
    pc_wait_for 4 grep -qx "$2" "$PC_WORK/$1.out"
}
talker a 7000
talker b 2323
kill -9 "$PC_DAEMON"
wait "$PC_DAEMON" 2>/dev/null
say a orphan || pc_fail "a connection does not outlive the daemon"
pc_tcp in_lan "$PC_WAN4" 23 || pc_fail "no new connections without the daemon"
pc_start_daemon
say a adopted || pc_fail "a connection does not outlive the daemon's start"
[ "$(pc_shell --json show flows dport 7000 proto tcp state established | pc_json "j['matched'] >= 1")" = True ] ||
    pc_fail "the flow is gone: $(pc_shell show flows)"
pc_ok "flows live on when the daemon is killed and when it starts again"

before=$(pc_reason flow-cut)
write_rules '[[rule]]
name = "cut"
dst = "198.51.100.0/24"
proto = "tcp"
dport = 7000
action = "drop"'
pc_shell commit "$PC_WORK/rules.toml" >/dev/null || pc_fail "commit"
say a cut && pc_fail "a connection outlives a rule that forbids it"
[ "$(pc_reason flow-cut)" -gt "$before" ] || pc_fail "nothing was cut"
say b spared || pc_fail "a connection that is allowed does not outlive a commit"
pc_ok "a commit cuts the connections that it forbids, and no other"
sed -i 's/^\[zone.lan\]/[zone.early]\ninterfaces = ["early0"]\n&/' "$PC_WORK/rules.toml"
pc_shell commit "$PC_WORK/rules.toml" >/dev/null || pc_fail "commit"
say b again || pc_fail "a connection does not outlive a new zone in front of its own"
pc_ok "flows know their zones when there is another one"

sed -i '/name = "out"/a keep_flows = true' "$PC_WORK/rules.toml"
sed -i 's/^dport = 7000/dport = 7001/' "$PC_WORK/rules.toml"
pc_shell commit "$PC_WORK/rules.toml" >/dev/null || pc_fail "commit"
talker c 7000
sed -i 's/^dport = 7001/dport = 7000/' "$PC_WORK/rules.toml"
pc_shell commit "$PC_WORK/rules.toml" >/dev/null || pc_fail "commit"
say c kept || pc_fail "keep_flows does not keep"
pc_tcp in_lan "$PC_WAN4" 7000 && pc_fail "new connections begin all the same"
pc_ok "keep_flows keeps connections that the new rules would not let begin"
pc_shell block "$PC_WAN4" for 1m >/dev/null || pc_fail "block"
say b blocked && pc_fail "a blocked host still talks"
pc_shell unblock "$PC_WAN4" >/dev/null || pc_fail "unblock"
pc_ok "a block cuts the connections of a host at once"

# ---- conntrack, an independent witness of the same packets, where there is NAT that needs it
[ "$PC_MASQUERADE" = yes ] || exit 0
in_lan bash -c "for i in 1 2 3 4 5 6 7 8 9 10; do exec {fd}<>/dev/tcp/$PC_WAN4/23; done; sleep 4" &
PC_PIDS+=($!)
sleep 1.5
if in_rtr conntrack -L -p tcp --state ESTABLISHED --dport 23 >"$PC_WORK/conntrack" 2>/dev/null; then
    witness=$(grep -o 'src=10.77.1.2 dst=[^ ]* sport=[0-9]*' "$PC_WORK/conntrack" | sed 's/.*sport=//' | sort -n | tr '\n' ' ')
    own=$(pc_shell --json show flows src 10.77.1.2 dport 23 proto tcp state established limit 100 |
        pc_json "' '.join(str(p) for p in sorted(f['sport'] for f in j['flows']))")
    [ "${witness% }" = "$own" ] || pc_fail "conntrack knows $witness, we know $own"
    [ "$(wc -w <<<"$own")" = 10 ] || pc_fail "ten connections, but: $own"
    pc_ok "conntrack and the flow table have the same ten connections"
else
    pc_skip "conntrack cannot be asked"
fi
