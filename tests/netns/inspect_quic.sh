#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The name in QUIC's Initial packets and in DNS questions, IPv4 and IPv6: logged with it, denied by it,
# also where the hello is spread over several datagrams in any order. An echo stands for the server.
# shellcheck source=tests/support/netns.sh
. "$(dirname "$0")/../support/netns.sh"
pc_net_up
cat >"$PC_WORK/rules.toml" <<'TOML'
schema = 1
[zone.lan]
interfaces = ["lan0"]
[zone.wan]
interfaces = ["wan0"]
[inspect.quic]
deny = ["bad.example", "*.bad.example"]
[inspect.open]
on_down = "pass"
[[rule]]
name = "quic"
in = "lan"
out = "wan"
proto = "udp"
dport = 7000
action = "inspect"
inspect = "quic"
[[rule]]
name = "dns"
in = "lan"
out = "wan"
proto = "udp"
dport = 53
action = "inspect"
inspect = "open"
TOML
pc_start_servers
pc_start_daemon
pc_start_inspector
hello() { # WORDS... ADDRESS: how many datagrams come back
    in_lan "$PC_BUILD/tests/support/quic_initial" wait=700 "${@:1:$#-1}" "${!#}" 7000 | wc -l
}
for wan in "$PC_WAN4" "$PC_WAN6"; do
    for version in 1 2; do
        [ "$(hello version=$version name=v$version.example "$wan")" = 1 ] || pc_fail "QUIC $version to $wan"
        [ "$(hello version=$version name=bad.example "$wan")" = 0 ] || pc_fail "QUIC $version: bad.example at $wan is let through"
    done
    [ "$(hello name=large.example extra=3000 datagrams=4 frames=9 overlap=40 shuffle=7 "$wan")" = 4 ] ||
        pc_fail "a hello over four datagrams, shuffled, to $wan"
    [ "$(hello name=very.bad.example extra=3000 datagrams=4 frames=9 shuffle=3 "$wan")" = 0 ] ||
        pc_fail "very.bad.example in four shuffled datagrams at $wan is let through"
    pc_logged "e['event_type'] == 'quic' and e['quic']['sni'] == 'bad.example' and e['portcullis']['verdict'] == 'deny' and e['dest_ip'] == '$wan'"
    in_lan timeout 2 dig +tries=1 +time=1 "@$wan" www.example A >/dev/null # nobody answers
    pc_logged "e['event_type'] == 'quic' and e['quic']['sni'] == 'very.bad.example' and e['portcullis']['verdict'] == 'deny'"
done
# The lines of flows without an end of their own come when their time is over, or the inspector's.
kill -TERM "$PC_INSPECTOR"
pc_logged "e['event_type'] == 'dns' and e['dns']['rrname'] == 'www.example' and e['dns']['rrtype'] == 'A' and e['dest_ip'] == '$PC_WAN6'"
