#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Every connection from the WAN begins with a SYN cookie: real handshakes complete, to a server in the LAN (behind destination
# NAT, too) and to the router itself, both families; server-first and client-first, large transfers in both directions, a refusal.
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
[guard]
syn_protect = "on"
[[rule]]
name = "served"
in = "wan"
proto = "tcp"
dport = [8000, 8001]
action = "accept"
[[rule]]
name = "out"
in = "lan"
action = "accept"
TOML
cat >"$PC_WORK/server.py" <<'PY'
import asyncio, hashlib
async def serve(reader, writer):
    try:
        writer.write(b"220 ready\n")
        while line := await reader.readline():
            if line.startswith(b"get "):
                writer.write(b"0123456789abcdef" * (int(line.split()[1]) // 16))
            elif line.startswith(b"put "):
                data = await reader.readexactly(int(line.split()[1]))
                writer.write(hashlib.sha256(data).hexdigest().encode() + b"\n")
            else:
                writer.write(line)
            await writer.drain()
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    writer.close()
async def main():
    await asyncio.gather(*[(await asyncio.start_server(serve, host, 8000)).serve_forever() for host in ("0.0.0.0", "::")])
asyncio.run(main())
PY
cat >"$PC_WORK/client.py" <<'PY'
import hashlib, socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=5)
s.settimeout(10)
stream = s.makefile("rwb")
assert stream.readline() == b"220 ready\n", "greeting"
stream.write(b"hello\n"); stream.flush()
assert stream.readline() == b"hello\n", "echo"
size = 20_000_000
stream.write(b"get %d\n" % size); stream.flush()
assert stream.read(size) == b"0123456789abcdef" * (size // 16), "download"
data = b"fedcba9876543210" * (size // 16)
stream.write(b"put %d\n" % size); stream.write(data); stream.flush()
assert stream.readline().decode().strip() == hashlib.sha256(data).hexdigest(), "upload"
s.shutdown(socket.SHUT_WR)
assert stream.read() == b"", "end"
PY
pc_background lan /usr/bin/python3 "$PC_WORK/server.py"
server=$!
pc_background rtr /usr/bin/python3 "$PC_WORK/server.py"
in_rtr nft -f - <<'NFT' || pc_skip "nft destination NAT does not work here"
table ip forwards {
    chain pre { type nat hook prerouting priority dstnat; iifname "wan0" tcp dport 8001 dnat to 10.77.1.2:8000; }
}
NFT
pc_start_daemon
pc_wait_for 5 in_lan bash -c "ss -Hltn 'sport = :8000' | grep -q ."
for target in "10.77.1.2 8000" "$PC_RTR4 8000" "$PC_RTR4 8001" "fd77:1::2 8000" "$PC_RTR6 8000"; do
    read -r address port <<<"$target"
    sent=$(pc_reason syn-cookie-sent)
    in_wan /usr/bin/python3 "$PC_WORK/client.py" "$address" "$port" || pc_fail "$address port $port: $(pc_shell show flows; pc_shell show drops)"
    [ "$(pc_reason syn-cookie-sent)" -gt "$sent" ] || pc_fail "no cookie was sent for $address"
    pc_ok "$address port $port: greeting, echo, 20 MB each way, an end, after a SYN cookie"
done
sent=$(pc_reason syn-cookie-sent)
pc_tcp in_lan "$PC_WAN4" 9
pc_tcp in_lan "$PC_WAN4" 7 "" 2>/dev/null
[ "$(pc_reason syn-cookie-sent)" = "$sent" ] || pc_fail "connections from within are asked for cookies"
kill "$server"
sleep 0.3
pc_tcp in_wan 10.77.1.2 8000
[ $? = 1 ] || pc_fail "a refusal of the server does not reach the client"
pc_ok "a refusal reaches the client as one"
before=$(pc_reason syn-cookie-invalid)
in_wan /usr/bin/python3 - "$PC_RTR4" <<'PY'
import socket, struct, sys
# An ACK out of the blue: no cookie.
def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    total = (total >> 16) + (total & 0xffff)
    return ~(total + (total >> 16)) & 0xffff
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 6)
head = struct.pack("!HHIIBBHHH", 5000, 8000, 7, 8, 0x50, 16, 1000, 0, 0)
pseudo = socket.inet_aton("198.51.100.2") + socket.inet_aton(sys.argv[1]) + struct.pack("!BBH", 0, 6, len(head))
head = head[:16] + struct.pack("!H", checksum(pseudo + head)) + head[18:]
s.sendto(head, (sys.argv[1], 0))
PY
sleep 0.2
[ "$(pc_reason syn-cookie-invalid)" = $((before + 1)) ] || pc_fail "an ACK without a cookie: $(pc_shell show drops)"
pc_ok "an ACK that brings back no cookie is no connection"
