#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Connections that the inspector only looks at: client and server have one TCP connection, the name in
# its first bytes is judged, and what is let go costs the inspector nothing more. With real clients,
# IPv4 and IPv6, behind masquerade or (argument "no") routed; the inspector killed and hanging, too.
# shellcheck source=tests/support/netns.sh
. "$(dirname "$0")/../support/netns.sh"
PC_MASQUERADE=${1:-yes} pc_net_up
cat >"$PC_WORK/rules.toml" <<'TOML'
schema = 1
[zone.lan]
interfaces = ["lan0"]
[zone.wan]
interfaces = ["wan0"]
default = "drop"
established = true
[inspect.names]
mode = "peek"
on_down = "drop"
deny = ["bad.example", "*.bad.example"]
[[rule]]
name = "names"
in = "lan"
out = "wan"
proto = "tcp"
dport = [25, 80, 443]
action = "inspect"
inspect = "names"
TOML
pc_start_servers
pc_start_daemon
pc_start_inspector
hello() { # NAME ADDRESS: a TLS handshake by openssl s_client
    echo | in_lan timeout 5 openssl s_client -connect "$2:443" -servername "$1" 2>/dev/null |
        grep -q 'CN = server.example'
}
# A hello of 8 KiB, a byte a segment: the client waits for no answer in between but TCP's.
crumbs() { # NAME ADDRESS
    in_lan timeout 20 /usr/bin/python3 - "$1" "$2" <<'PY'
import socket, ssl, sys
name, address = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
context.set_alpn_protocols([("p%d" % i) + "x" * 60 for i in range(110)] + ["http/1.1"])
incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
tls = context.wrap_bio(incoming, outgoing, server_hostname=name)
raw = socket.create_connection((address, 443), timeout=10)
raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
while True:
    try:
        tls.do_handshake()
        break
    except ssl.SSLWantReadError:
        said = outgoing.read()
        for at in range(len(said)):
            raw.send(said[at:at + 1])
        heard = raw.recv(65536)
        if not heard:
            sys.exit("the server has hung up")
        incoming.write(heard)
print("handshake done")
PY
}
for pair in "$PC_WAN4 $PC_RTR4 10.77.1.2" "$PC_WAN6 $PC_RTR6 fd77:1::2"; do
    read -r wan router client <<<"$pair"
    address=$wan
    [[ $wan == *:* ]] && address="[$wan]"
    seen=$router
    [ "${1:-yes}" = yes ] || seen=$client
    in_lan curl -sk -m 5 --connect-to "shop.example:443:$address:443" https://shop.example/path \
        >"$PC_WORK/body" || pc_fail "curl https://shop.example at $wan"
    # One connection: the server sees the client's own, as far as NAT lets it.
    grep -q "^hello $seen " "$PC_WORK/body" || pc_fail "the server sees: $(cat "$PC_WORK/body")"
    pc_logged "e['event_type'] == 'tls' and e['tls']['sni'] == 'shop.example' and e['src_ip'] == '$client' and e['dest_ip'] == '$wan' and e['flow']['reason'] == 'released'"
    hello mail.example "$address" || pc_fail "openssl s_client to $wan"
    for name in bad.example deep.er.bad.example; do
        begin=$EPOCHREALTIME
        hello $name "$address" && pc_fail "$name at $wan is not denied"
        /usr/bin/python3 -c "import sys; sys.exit($EPOCHREALTIME - $begin > 2)" ||
            pc_fail "$name at $wan is denied, but its client has not heard of it"
        pc_logged "e.get('tls', {}).get('sni') == '$name' and e['portcullis']['verdict'] == 'deny'"
    done
    hello notbad.example "$address" || pc_fail "notbad.example at $wan is denied"
    crumbs crumbs.example "$wan" | grep -q "handshake done" || pc_fail "a large hello in crumbs to $wan"
    pc_logged "e.get('tls', {}).get('sni') == 'crumbs.example'"
    crumbs bad.example "$wan" 2>/dev/null | grep -q "handshake done" && pc_fail "crumbs of bad.example are let through"
    in_lan curl -s -m 5 -o /dev/null --connect-to "news.example:80:$address:80" http://news.example/ ||
        pc_fail "curl http://news.example at $wan"
    # The server's greeting comes by itself, and what the client says then has no name.
    greeting=$(in_lan timeout 3 nc "$wan" 25 </dev/null | head -1)
    [[ $greeting == "220 hello"* ]] || pc_fail "no greeting from $wan: $greeting"
    peeked=$(pc_reason inspect-peek)
    in_lan curl -s -m 20 -o "$PC_WORK/big" --connect-to "big.example:80:$address:80" \
        http://big.example/bytes/50000000 || pc_fail "50 MB from $wan"
    [ "$(stat -c %s "$PC_WORK/big")" = 50000000 ] || pc_fail "50 MB from $wan did not arrive whole"
    [ "$(pc_reason inspect-peek)" -le $((peeked + 3)) ] ||
        pc_fail "50 MB were not let go: inspect-peek $peeked -> $(pc_reason inspect-peek)"
    pc_ok "50 MB from $wan, $(($(pc_reason inspect-peek) - peeked)) frames of them looked at"
done
[ "$(pc_reason inspect-peeked)" -gt 0 ] || pc_fail "nothing was counted under inspect-peeked"
[ "$(pc_packets names)" -gt 0 ] || pc_fail "rule names counted nothing"
# A client that does not hear the reset sends its hello again: the flow itself is denied.
in_lan nft "add table inet deaf; add chain inet deaf in { type filter hook input priority 0; }; \
    add rule inet deaf in tcp flags & rst == rst drop"
hello bad.example "$PC_WAN4" && pc_fail "bad.example is let through to a client that hears no reset"
in_lan nft delete table inet deaf
[ "$(pc_reason "inspect-denied")" -gt 0 ] || pc_fail "nothing more of a denied flow was dropped as inspect-denied"
pc_ok "what a denied client sends again is dropped"
# A commit lets what was let go go on.
in_lan curl -s -m 20 --limit-rate 2M -o "$PC_WORK/slow" --connect-to "slow.example:80:$PC_WAN4:80" \
    http://slow.example/bytes/6000000 &
slow=$!
sleep 0.7
pc_shell -c configure -c 'set inspect names deny shop.example' -c commit >/dev/null || pc_fail "commit"
wait $slow || pc_fail "a commit broke a connection that had been let go"
hello shop.example "$PC_WAN4" && pc_fail "the new deny list is not obeyed"
pc_ok "a commit changes what the next connection meets, and lets the old ones go on"
# The inspector hangs, and dies: on_down = "drop" holds, and nothing is a black hole for longer.
kill -STOP "$PC_INSPECTOR"
sleep 1
hello mail.example "$PC_WAN4" && pc_fail "with on_down = drop and a hanging inspector, a hello got through"
kill -CONT "$PC_INSPECTOR"
pc_wait_for 5 hello mail.example "$PC_WAN4" || pc_fail "it does not go on after the inspector woke up"
pc_ok "a hanging inspector: dropped, and after it all is as before"
