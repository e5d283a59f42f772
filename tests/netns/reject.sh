#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# reject answers from XDP: a RST for TCP, "administratively prohibited" for the rest; and is itself
# rate limited.
# shellcheck source=tests/support/netns.sh
. "$(dirname "$0")/../support/netns.sh"
pc_net_up
cat >"$PC_WORK/rules.toml" <<'TOML'
schema = 1
[zone.lan]
interfaces = ["lan0"]
[zone.wan]
interfaces = ["wan0"]
[[rule]]
name = "no-mail"
in = "lan"
proto = "tcp"
dport = 25
action = "reject"
[[rule]]
name = "no-mail-wan"
in = "lan"
out = "wan"
proto = ["tcp", "udp"]
dport = 7000
action = "reject"
[[rule]]
name = "no-dns"
in = "lan"
proto = "udp"
dport = 53
action = "reject"
TOML
pc_start_servers
pc_start_daemon
for wan in "$PC_WAN4" "$PC_WAN6"; do
    for what in "tcp 25 no-mail" "tcp 7000 no-mail-wan" "udp 7000 no-mail-wan" "udp 53 no-dns"; do
        read -r kind port rule <<<"$what"
        before=$(pc_packets "$rule")
        start=$(date +%s%N)
        "pc_$kind" in_lan "$wan" "$port"
        [ $? = 1 ] || pc_fail "$kind to $wan:$port is not refused"
        took=$((($(date +%s%N) - start) / 1000000))
        [ $took -lt 1000 ] || pc_fail "$kind to $wan:$port: the refusal took $took ms"
        [ "$(pc_packets "$rule")" = $((before + 1)) ] || pc_fail "$rule did not count exactly one packet"
        pc_ok "$kind to $wan:$port refused at once, counted by $rule"
    done
done
pc_tcp in_lan "$PC_WAN4" 2323 || pc_fail "a port that no rule names does not answer"
# A flood gets a bounded number of answers; the rest is dropped under a reason of its own.
in_lan /usr/bin/python3 "$PC_ROOT/tests/support/probe.py" flood "$PC_WAN4" 53 2 >/dev/null 2>&1
limited=$(pc_reason reject-limited)
answered=$(pc_reason reject)
[ "$limited" -gt 100 ] || pc_fail "a flood of rejected packets was answered without a limit"
pc_ok "under a flood $answered were answered, $limited dropped without an answer"
