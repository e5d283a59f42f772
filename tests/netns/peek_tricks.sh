#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Clients that try to show the peeking inspector something else than what their server reads: segments that
# get lost on the way, that overlap, come too early, are urgent, in fragments, or begin twice.
# shellcheck source=tests/support/netns.sh
. "$(dirname "$0")/../support/netns.sh"
PC_MASQUERADE=${1:-yes} pc_net_up
cat >"$PC_WORK/rules.toml" <<'TOML'
schema = 1
[flows]
tcp_closed = "2s"
loose = true
[zone.lan]
interfaces = ["lan0"]
established = true
[zone.wan]
interfaces = ["wan0"]
default = "drop"
established = true
[inspect.names]
mode = "peek"
on_down = "drop"
deny = ["evil.example"]
[[rule]]
name = "names"
in = "lan"
out = "wan"
proto = "tcp"
dport = 80
action = "inspect"
inspect = "names"
TOML
# The kernel would reset connections that it does not know of; and a hop before the server ends what is
# not to get there.
in_lan nft -f - <<'NFT' || pc_skip "nft does not work here"
table inet quiet { chain out { type filter hook output priority 0; tcp flags rst ip ttl 64 drop; }; }
NFT
in_wan nft -f - <<'NFT' || pc_skip "nft does not work here"
table inet hop { chain in { type filter hook input priority 0; ip ttl < 32 drop; }; }
NFT
pc_start_servers
pc_start_daemon
pc_start_inspector
trick() { # TRICK HOST: what it hears
    in_lan timeout 20 /usr/bin/python3 "$PC_ROOT/tests/support/strange_client.py" "$1" 10.77.1.2 "$PC_WAN4" 80 "$2"
}
# What is said twice alike is let through: segments get lost.
for name in plain decoy gap; do
    [ "$(trick $name fine.example)" = answer ] || pc_fail "$name: fine.example is not answered"
    pc_ok "$name: fine.example is answered"
done
late=$(mktemp -p "$PC_WORK")
trick decoy_later evil.example >"$late" &
later=$!
for name in plain decoy overlap gap urgent shifted resets fragments; do
    heard=$(trick $name evil.example) || pc_fail "$name: $heard"
    [ "$heard" = answer ] && pc_fail "$name: evil.example is answered"
    pc_ok "$name: evil.example: $heard"
done
wait $later
[ "$(cat "$late")" = answer ] && pc_fail "decoy_later: evil.example is answered"
pc_ok "decoy_later: evil.example: $(cat "$late")"
[ "${1:-yes}" = no ] || [ "$(trick shifted fine.example)" = answer ] || pc_fail "a SYN in the middle breaks the connection"
