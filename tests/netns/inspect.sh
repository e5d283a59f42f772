#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Flows of the LAN client are selected at the WAN's TC egress, reach the inspector with their original
# destination, are logged with name and client, allowed or denied by name, and relayed: with curl,
# openssl s_client and nc as clients, IPv4 and IPv6, behind masquerade.
# shellcheck source=tests/support/netns.sh
. "$(dirname "$0")/../support/netns.sh"
pc_net_up
cat >"$PC_WORK/rules.toml" <<'TOML'
schema = 1
[zone.lan]
interfaces = ["lan0"]
[zone.wan]
interfaces = ["wan0"]
[inspect.web]
mode = "terminate"
deny = ["bad.example", "*.bad.example"]
[inspect.strict]
mode = "terminate"
allow = ["good.example"]
[[rule]]
name = "web"
in = "lan"
out = "wan"
proto = "tcp"
dport = [25, 80, 443]
action = "inspect"
inspect = "web"
[[rule]]
name = "strict"
in = "lan"
out = "wan"
proto = "tcp"
dport = 8080
action = "inspect"
inspect = "strict"
TOML
pc_start_servers
pc_start_daemon
pc_start_inspector
hello() { # NAME ADDRESS: a TLS handshake by openssl s_client
    echo | in_lan timeout 5 openssl s_client -connect "$2:443" -servername "$1" 2>/dev/null |
        grep -q 'CN = server.example'
}
for pair in "$PC_WAN4 10.77.1.2" "$PC_WAN6 fd77:1::2"; do
    read -r wan client <<<"$pair"
    address=$wan
    [[ $wan == *:* ]] && address="[$wan]"
    in_lan curl -sk -m 5 --connect-to "shop.example:443:$address:443" https://shop.example/path \
        >"$PC_WORK/body" || pc_fail "curl https://shop.example at $wan"
    # The server answers whom it sees: the router, because the inspector connects onward from it.
    grep -q "^hello $([[ $wan == *:* ]] && echo "$PC_RTR6" || echo "$PC_RTR4") " "$PC_WORK/body" ||
        pc_fail "not the server's own answer: $(cat "$PC_WORK/body")"
    pc_logged "e['event_type'] == 'tls' and e['tls']['sni'] == 'shop.example' and e['tls']['ja4'].startswith('t13d') and e['src_ip'] == '$client' and e['dest_ip'] == '$wan' and e['dest_port'] == 443"
    hello mail.example "$address" || pc_fail "openssl s_client to $wan"
    pc_logged "e.get('tls', {}).get('sni') == 'mail.example' and e['portcullis']['verdict'] == 'allow' and e['portcullis']['rule'] == 'web'"
    for name in bad.example deep.er.bad.example; do
        hello $name "$address" && pc_fail "$name at $wan is not denied"
        pc_logged "e.get('tls', {}).get('sni') == '$name' and e['portcullis']['verdict'] == 'deny'"
    done
    hello notbad.example "$address" || pc_fail "notbad.example at $wan is denied"
    in_lan curl -s -m 5 -o /dev/null --connect-to "news.example:80:$address:80" http://news.example/ ||
        pc_fail "curl http://news.example at $wan"
    pc_logged "e['event_type'] == 'http' and e['http']['hostname'] == 'news.example' and e['http']['http_method'] == 'GET' and e['dest_ip'] == '$wan'"
    in_lan curl -s -m 5 -o /dev/null --http2-prior-knowledge --connect-to "h2.bad.example:80:$address:80" \
        http://h2.bad.example/path && pc_fail "HTTP/2 for h2.bad.example at $wan is not denied"
    pc_logged "e.get('http', {}).get('hostname') == 'h2.bad.example' and e['http']['protocol'] == 'HTTP/2' and e['portcullis']['verdict'] == 'deny'"
    # A server that speaks first: the client waits for the greeting before it says a word.
    greeting=$(in_lan timeout 3 nc "$wan" 25 </dev/null | head -1)
    [[ $greeting == "220 hello"* ]] || pc_fail "no greeting from $wan through the inspector: $greeting"
    pc_ok "nc: a server that speaks first is greeted through, $wan"
    in_lan curl -s -m 5 -o /dev/null --connect-to "good.example:8080:$address:8080" http://good.example:8080/ ||
        pc_fail "an allowed name at $wan"
    in_lan curl -s -m 5 -o /dev/null --connect-to "other.example:8080:$address:8080" http://other.example:8080/ &&
        pc_fail "a name outside the allow list at $wan is let through"
    in_lan curl -s -m 5 -o "$PC_WORK/big" --connect-to "big.example:80:$address:80" \
        http://big.example/bytes/20000000 || pc_fail "20 MB from $wan"
    [ "$(stat -c %s "$PC_WORK/big")" = 20000000 ] || pc_fail "20 MB from $wan did not arrive whole"
    pc_logged "e.get('http', {}).get('hostname') == 'big.example' and e['flow']['bytes_toclient'] > 20000000"
done
[ "$(pc_packets web)" -gt 20 ] || pc_fail "rule web counted $(pc_packets web) packets"
[ "$(pc_reason "inspect-divert")" -gt 20 ] || pc_fail "nothing was counted under inspect-divert"
[ "$(pc_shell --json show inspect | pc_json 'sum(i["denied"] for i in j["inspects"])')" -ge 6 ] ||
    pc_fail "show inspect: $(pc_shell --json show inspect)"
# Rules change under the inspector: the new list holds for the next flow.
pc_shell -c configure -c 'set inspect web deny shop.example' -c commit >/dev/null || pc_fail "commit"
pc_wait_for 3 bash -c "! nsenter --net=/run/netns/$PC_NS-lan curl -sk -m 5 -o /dev/null \
    --connect-to shop.example:443:$PC_WAN4:443 https://shop.example/" || pc_fail "the new deny list is not obeyed"
hello bad.example "$PC_WAN4" || pc_fail "the old deny list is still obeyed"
pc_ok "a commit changes what the next flow meets"
