#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A flood of more than a million SYNs a second from spoofed sources, at a port of a server in the LAN and at one of the
# router: connections that stand lose nothing, new ones still come about (by SYN cookies, with real clients), the table does not
# grow, and when the flood is over the protection disarms itself.
# shellcheck source=tests/support/netns.sh
. "$(dirname "$0")/../support/netns.sh"
PC_MASQUERADE=no
pc_net_up
cat >"$PC_WORK/rules.toml" <<'TOML'
schema = 1
[zone.lan]
interfaces = ["lan0"]
established = true
[zone.wan]
interfaces = ["wan0"]
default = "drop"
established = true
[flows]
max = 65536
tcp_syn_sent = "3s"
tcp_syn_received = "3s"
[guard]
syn_protect = "auto"
syn_trigger = 2000
[[rule]]
name = "served"
in = "wan"
proto = "tcp"
dport = 8000
action = "accept"
[[rule]]
name = "out"
in = "lan"
action = "accept"
TOML
cat >"$PC_WORK/server.py" <<'PY'
import asyncio, sys
# Server first and then an echo; a body by request.
async def serve(reader, writer):
    writer.write(b"220 ready\n")
    try:
        while line := await reader.readline():
            if line.startswith(b"bytes "):
                writer.write(b"x" * int(line.split()[1]))
            else:
                writer.write(line)
            await writer.drain()
    except ConnectionError:
        pass
    writer.close()
async def main():
    servers = [await asyncio.start_server(serve, host, 8000, backlog=4096) for host in ("0.0.0.0", "::")[:1]]
    servers.append(await asyncio.start_server(serve, "::", 8000, backlog=4096))
    await asyncio.gather(*(s.serve_forever() for s in servers))
asyncio.run(main())
PY
cat >"$PC_WORK/clients.py" <<'PY'
import socket, sys, time
# As many connections as the seconds allow: how many, how many of them heard and talked within three seconds.
hosts, seconds = sys.argv[1].split(","), float(sys.argv[2])
tried = good = 0
worst = 0.0
end = time.monotonic() + seconds
while time.monotonic() < end:
    for host in hosts:
        tried += 1
        start = time.monotonic()
        try:
            with socket.create_connection((host, 8000), timeout=3) as s:
                s.settimeout(3)
                stream = s.makefile("rwb")
                # Who waits for the other's first word does not notice that the last part of the handshake was lost.
                stream.write(b"hello\nbytes 100000\n")
                stream.flush()
                if stream.readline() != b"220 ready\n":
                    continue
                if stream.readline() == b"hello\n" and len(stream.read(100000)) == 100000 and time.monotonic() - start < 3:
                    good += 1
                    worst = max(worst, time.monotonic() - start)
        except OSError as error:
            print(host, error, file=sys.stderr)
    time.sleep(0.05)
print(tried, good, round(worst, 3))
PY
cat >"$PC_WORK/trace.py" <<'PY'
import random, socket, struct, sys
# SYNs from sources that nobody has, in the layout of tests/bench/trace.h.
targets = [socket.inet_aton(a) for a in sys.argv[2:]]
random.seed(1)
count = 131072
with open(sys.argv[1], "wb") as file:
    file.write(struct.pack("=II", 4, count))
    for i in range(count):
        source = struct.pack("!I", random.randrange(0x0b000000, 0x5f000000))
        target = targets[i % len(targets)]
        head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 46, 0, 0, 64, 6, 0, source, target)
        total = sum(struct.unpack("!10H", head))
        total = (total >> 16) + (total & 0xffff)
        check = ~(total + (total >> 16)) & 0xffff
        file.write(struct.pack("!4s4sHHHBB", source, target, random.randrange(1024, 65536), 8000, check, 6, 2))
PY
pc_background lan /usr/bin/python3 "$PC_WORK/server.py"
pc_background rtr /usr/bin/python3 "$PC_WORK/server.py"
pc_start_daemon
mac=$(ip -n "$PC_NS-rtr" -j link show wan0 | pc_json "j[0]['address']")
wan_index=$(ip -n "$PC_NS-wan" -j link show eth0 | pc_json "j[0]['ifindex']")
/usr/bin/python3 "$PC_WORK/trace.py" "$PC_WORK/trace" 10.77.1.2 "$PC_RTR4"
flood() { # PACKETS
    in_wan "$PC_BUILD/tests/bench/bench_generator" once "$wan_index" "$mac" "$PC_WORK/trace" "$1"
}
guard() { pc_shell --json show guard | pc_json "$1"; }
# What a flood could fill: places for flows, and the sockets of both victims. The maps themselves do not grow.
memory() {
    local places
    places=$(pc_shell --json show flows limit 1 | pc_json "j['table']['live']")
    for where in in_rtr in_lan; do
        places=$((places + $("$where" cat /proc/net/sockstat | awk '/^TCP:/ { print $3 + $7 }')))
    done
    echo "$places"
}

# ---- without a flood: as ever
read -r tried good worst < <(in_wan /usr/bin/python3 "$PC_WORK/clients.py" "10.77.1.2,$PC_RTR4,fd77:1::2,$PC_RTR6" 1)
[ "$tried" = "$good" ] || pc_fail "without a flood $good of $tried connections came about"
[ "$(pc_reason syn-cookie-sent)" = 0 ] || pc_fail "cookies without a flood"
pc_ok "without a flood $good of $tried connections, none by a cookie"

# ---- connections that stand while it goes on
cat >"$PC_WORK/steady.py" <<'PY'
import socket, sys, time
# A line each 20 ms over a connection that stands; how many were lost or late.
s = socket.create_connection((sys.argv[1], 8000), timeout=5)
stream = s.makefile("rwb")
stream.readline()
sent = late = 0
end = time.monotonic() + float(sys.argv[2])
while time.monotonic() < end:
    start = time.monotonic()
    stream.write(b"still\n")
    stream.flush()
    if stream.readline() != b"still\n":
        sys.exit("the connection broke")
    sent += 1
    late += time.monotonic() - start > 0.15
    time.sleep(0.02)
info = s.getsockopt(socket.IPPROTO_TCP, 11, 232)  # TCP_INFO: tcpi_total_retrans is at 100
print(sent, late, int.from_bytes(info[100:104], sys.byteorder))
PY
pc_background wan bash -c "/usr/bin/python3 '$PC_WORK/steady.py' 10.77.1.2 12 >'$PC_WORK/steady' 2>&1"
sleep 0.5
before=$(memory)
seen=$(pc_reason syn-cookie-sent)
# Until the clients are through.
( for _ in {1..200}; do [ -e "$PC_WORK/over" ] || { flood 400000 && sleep 0.15; }; done >"$PC_WORK/flood" ) &
flooding=$!
began=$(date +%s%N)
PC_PIDS+=("$flooding")
sleep 1.5
[ "$(guard "j['syn_protect']['armed']")" = True ] || pc_fail "the flood does not arm the protection: $(pc_shell show guard)"
read -r tried good worst < <(in_wan /usr/bin/python3 "$PC_WORK/clients.py" "10.77.1.2,$PC_RTR4" 6)
during=$(memory)
kill -0 $flooding 2>/dev/null || pc_fail "the flood was over before the clients were"
touch "$PC_WORK/over"
wait $flooding
runs=$(wc -l <"$PC_WORK/flood")
rate=$((runs * 400000000 / (($(date +%s%N) - began) / 1000000)))
answered=$(($(pc_reason syn-cookie-sent) - seen))
pc_ok "$((runs * 400000)) SYNs in bursts, $rate a second; $answered were answered by cookies"
[ "$((good * 100))" -ge "$((tried * 95))" ] || pc_fail "under the flood $good of $tried connections came about within 3 s"
pc_ok "under the flood $good of $tried new connections came about, the slowest in $worst s"
[ "$answered" -gt 1000000 ] || pc_fail "only $answered SYNs were answered"
live=$(guard "j['syn_protect']['half_open']")
[ "$live" -lt 3000 ] || pc_fail "$live half-open connections"
pc_wait_for 20 test -s "$PC_WORK/steady" || pc_fail "the steady connection"
read -r sent late retransmitted <"$PC_WORK/steady"
[ "$retransmitted" = 0 ] || pc_fail "the standing connection lost packets: $(cat "$PC_WORK/steady")"
pc_ok "a connection that stood: $sent lines, $late late, no segment sent twice"
[ $((during - before)) -lt 3000 ] || pc_fail "flows and sockets grew from $before to $during"
pc_ok "flows and sockets: $before before, $during while it went on"
disarmed() { [ "$(guard "j['syn_protect']['armed']")" = False ]; }
pc_wait_for 30 disarmed || pc_fail "the protection stays armed: $(pc_shell show guard)"
seen=$(pc_reason syn-cookie-sent)
read -r tried good worst < <(in_wan /usr/bin/python3 "$PC_WORK/clients.py" "10.77.1.2,$PC_RTR4,fd77:1::2,$PC_RTR6" 1)
[ "$tried" = "$good" ] || pc_fail "after the flood $good of $tried connections came about"
[ "$(pc_reason syn-cookie-sent)" = "$seen" ] || pc_fail "cookies after the flood"
pc_ok "the protection disarmed itself; $good of $tried connections, none by a cookie"
